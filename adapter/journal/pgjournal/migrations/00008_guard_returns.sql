-- +goose Up
-- +goose StatementBegin
-- What a write took of the guard's limits of which nothing came is given back: a second row beside that which took it, of as much less than nothing.
SET LOCAL ROLE scim_owner;
DO $$
BEGIN
    IF (SELECT indnkeyatts FROM pg_index WHERE indrelid = 'audit.guard_uses'::regclass AND indisprimary) = 3 THEN
        ALTER TABLE audit.guard_uses DROP CONSTRAINT guard_uses_amount_check, DROP CONSTRAINT guard_uses_pkey,
            ADD CONSTRAINT guard_uses_amount_check CHECK (amount <> 0), ADD CONSTRAINT guard_uses_pkey PRIMARY KEY (intent_id, kind, "timestamp", amount);
    END IF;
END $$;
RESET ROLE;
-- +goose StatementEnd
