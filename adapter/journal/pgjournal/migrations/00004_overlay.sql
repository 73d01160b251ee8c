-- +goose Up
-- +goose StatementBegin
-- What clients want kept and the directory has no place for, and under which ids records were known before they were made again.
DO $$
BEGIN
    IF to_regnamespace('overlay') IS NULL THEN
        CREATE SCHEMA overlay AUTHORIZATION scim_owner;
    END IF;
END $$;
SET LOCAL ROLE scim_owner;

-- Texts are compared letter by letter, whatever the locale is.
CREATE TABLE IF NOT EXISTS overlay.attributes (
    tenant_id text COLLATE "C",
    client text COLLATE "C",
    resource_type text COLLATE "C",
    key text COLLATE "C",
    attr text COLLATE "C",
    value text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, client, resource_type, key, attr)
);
-- By a digest: a value may be longer than a row of an index. Whoever asks for attr alone is served as well.
CREATE INDEX IF NOT EXISTS idx_attributes_value ON overlay.attributes (tenant_id, client, resource_type, attr, md5(value));
CREATE INDEX IF NOT EXISTS idx_attributes_key ON overlay.attributes (tenant_id, resource_type, key);

CREATE TABLE IF NOT EXISTS overlay.aliases (
    tenant_id text COLLATE "C",
    resource_type text COLLATE "C",
    id text COLLATE "C",
    key text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, id),
    UNIQUE (tenant_id, resource_type, key)
);

GRANT USAGE ON SCHEMA overlay TO scim_app, scim_audit;
GRANT SELECT, INSERT, UPDATE, DELETE ON overlay.attributes, overlay.aliases TO scim_app;
GRANT SELECT ON overlay.attributes, overlay.aliases TO scim_audit;
RESET ROLE;
-- +goose StatementEnd
