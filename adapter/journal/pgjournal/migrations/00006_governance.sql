-- +goose Up
-- +goose StatementBegin
-- What is remembered so that a person is forgotten whole, and so that one process at a time tells a destination of what was settled.
SET LOCAL ROLE scim_owner;

-- Each key that an id has ever led to. A record that was made again twice had a key in between, and snapshots know it by that one, too.
CREATE TABLE IF NOT EXISTS overlay.former_keys (
    tenant_id text COLLATE "C",
    resource_type text COLLATE "C",
    id text COLLATE "C",
    key text COLLATE "C",
    PRIMARY KEY (tenant_id, resource_type, id, key)
);
CREATE INDEX IF NOT EXISTS idx_former_keys_key ON overlay.former_keys (tenant_id, resource_type, key);

-- Whoever sets an alias need not think of it, and cannot take it away.
CREATE OR REPLACE FUNCTION overlay.remember_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO overlay.former_keys (tenant_id, resource_type, id, key) VALUES (NEW.tenant_id, NEW.resource_type, NEW.id, NEW.key) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER remember_key AFTER INSERT OR UPDATE ON overlay.aliases FOR EACH ROW EXECUTE FUNCTION overlay.remember_key();
INSERT INTO overlay.former_keys (tenant_id, resource_type, id, key) SELECT tenant_id, resource_type, id, key FROM overlay.aliases ON CONFLICT DO NOTHING;

-- How far each destination of audit.export is, and who is at it, until when unless he says so again.
CREATE TABLE IF NOT EXISTS audit.feeds (
    name text COLLATE "C" PRIMARY KEY,
    place text NOT NULL,
    holder text NOT NULL,
    until timestamptz NOT NULL
);

GRANT SELECT ON overlay.former_keys TO scim_audit;
GRANT SELECT, INSERT, UPDATE ON audit.feeds TO scim_app;
GRANT SELECT ON audit.feeds TO scim_audit;
RESET ROLE;
-- +goose StatementEnd
