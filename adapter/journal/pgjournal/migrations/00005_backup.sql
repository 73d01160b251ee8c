-- +goose Up
-- +goose StatementBegin
-- Snapshots of directories. Each distinct record is stored once, under a digest of whose it is and what it says; a snapshot is a list of digests.
DO $$
BEGIN
    IF to_regnamespace('backup') IS NULL THEN
        CREATE SCHEMA backup AUTHORIZATION scim_owner;
    END IF;
END $$;
SET LOCAL ROLE scim_owner;

CREATE TABLE IF NOT EXISTS backup.snapshots (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    resource_type text NOT NULL,
    started timestamptz NOT NULL,
    finished timestamptz,
    records bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    status text NOT NULL,
    note text
);
CREATE INDEX IF NOT EXISTS idx_snapshots ON backup.snapshots (tenant_id, resource_type, started);

CREATE TABLE IF NOT EXISTS backup.records (
    digest bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    resource_type text NOT NULL,
    key text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    size bigint NOT NULL -- of the record before it was compressed
);
ALTER TABLE backup.records ALTER COLUMN body SET STORAGE EXTERNAL; -- it is compressed
CREATE INDEX IF NOT EXISTS idx_records_key ON backup.records (tenant_id, resource_type, key);

-- A record may be destroyed that a snapshot lists: the list says that it was there.
CREATE TABLE IF NOT EXISTS backup.entries (
    snapshot_id uuid REFERENCES backup.snapshots (id) ON DELETE CASCADE,
    key text COLLATE "C",
    digest bytea NOT NULL,
    PRIMARY KEY (snapshot_id, key)
);
CREATE INDEX IF NOT EXISTS idx_entries_digest ON backup.entries (digest);

-- Whoever serves makes snapshots by schedule, and reads no record's content; whoever restores does; whose all this is takes snapshots away.
GRANT USAGE ON SCHEMA backup TO scim_app, scim_audit;
GRANT SELECT, INSERT ON backup.snapshots, backup.entries TO scim_app;
GRANT UPDATE (finished, records, bytes, status, note) ON backup.snapshots TO scim_app;
GRANT INSERT, SELECT (digest, tenant_id, resource_type, key, size) ON backup.records TO scim_app;
GRANT SELECT ON backup.snapshots, backup.entries, backup.records TO scim_audit;
RESET ROLE;
-- +goose StatementEnd
