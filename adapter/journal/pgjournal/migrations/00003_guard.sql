-- +goose Up
-- +goose StatementBegin
-- The guard: what of each limit was used, what an administrator has allowed beyond it, and from when on it counts anew. A window is a month at most, and uses are
-- kept for two.
SET LOCAL ROLE scim_owner;

CREATE TABLE IF NOT EXISTS audit.guard_uses (
    tenant_id varchar(255) NOT NULL,
    kind text,
    client text NOT NULL,
    amount integer NOT NULL CHECK (amount > 0),
    "timestamp" timestamptz,
    intent_id uuid,
    PRIMARY KEY (intent_id, kind, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE TABLE IF NOT EXISTS audit.guard_uses_default PARTITION OF audit.guard_uses DEFAULT;
CREATE INDEX IF NOT EXISTS idx_guard_uses ON audit.guard_uses (tenant_id, kind, "timestamp") INCLUDE (client, amount);

CREATE TABLE IF NOT EXISTS audit.guard_approvals (
    tenant_id varchar(255) NOT NULL,
    kind text NOT NULL,
    client text NOT NULL, -- '': the limit of all clients together
    count integer NOT NULL CHECK (count > 0),
    "timestamp" timestamptz NOT NULL,
    until timestamptz NOT NULL,
    approved_by text NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_guard_approvals ON audit.guard_approvals (tenant_id, kind, until);

CREATE TABLE IF NOT EXISTS audit.guard_resets (
    tenant_id varchar(255) NOT NULL,
    kind text NOT NULL,
    client text NOT NULL, -- '': all of them
    "timestamp" timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_guard_resets ON audit.guard_resets (tenant_id, kind, "timestamp");

DO $$
DECLARE tab record;
BEGIN
    FOR tab IN SELECT oid::regclass AS name, relkind, relispartition FROM pg_class
        WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p')
            AND coalesce(pg_partition_root(oid), oid) IN ('audit.guard_uses'::regclass, 'audit.guard_approvals'::regclass, 'audit.guard_resets'::regclass)
    LOOP
        IF NOT tab.relispartition AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = tab.name AND tgname = 'never_changed') THEN
            EXECUTE format('CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()', tab.name);
        END IF;
        IF tab.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = tab.name AND tgname = 'never_emptied') THEN
            EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()', tab.name);
        END IF;
    END LOOP;
END $$;

GRANT SELECT, INSERT ON audit.guard_uses, audit.guard_approvals, audit.guard_resets TO scim_app;
GRANT SELECT ON audit.guard_uses, audit.guard_approvals, audit.guard_resets TO scim_audit;
RESET ROLE;
-- +goose StatementEnd
