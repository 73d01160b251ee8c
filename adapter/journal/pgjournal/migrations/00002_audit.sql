-- +goose Up
-- +goose StatementBegin
-- The journal: what is about to happen (intents), what came of it (events), the keys of what is written down, and what proves that nobody has changed
-- any of it. Whoever works with it finds the story in docs/decisions/0014-the-journal-in-postgres.md.

-- The guide's audit.events is one table, and an earlier script of ours cut it by month only: either becomes the part for writes of all times that have no month
-- of their own. Its rows have no writer, and are nobody's to verify.
DO $$
DECLARE part regclass;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = to_regclass('audit.events')) = 'r' THEN
        ALTER TABLE audit.events RENAME TO events_default;
        UPDATE audit.events_default SET "timestamp" = '-infinity' WHERE "timestamp" IS NULL; -- nobody knows when
    ELSIF (SELECT partstrat FROM pg_partitioned_table WHERE partrelid = to_regclass('audit.events')) = 'r' THEN
        ALTER TABLE audit.events DETACH PARTITION audit.events_default;
        FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit.events'::regclass LOOP -- months that somebody has made by hand
            EXECUTE format('INSERT INTO audit.events_default (id, tenant_id, user_id, resource_type, resource_id, action, details, ip_address, user_agent, "timestamp")'
                ' SELECT id, tenant_id, user_id, resource_type, resource_id, action, details, ip_address, user_agent, "timestamp" FROM %s', part);
        END LOOP;
        DROP TABLE audit.events;
    ELSE
        RETURN;
    END IF;
    ALTER TABLE audit.events_default DROP CONSTRAINT IF EXISTS events_pkey, DROP CONSTRAINT IF EXISTS events_default_pkey; -- the whole gets it, and the indexes
    DROP INDEX IF EXISTS audit.idx_audit_tenant_timestamp, audit.idx_audit_resource, audit.events_default_tenant_id_timestamp_idx,
        audit.events_default_resource_type_resource_id_idx;
    ALTER TABLE audit.events_default OWNER TO scim_owner;
    ALTER TABLE audit.events_default ALTER COLUMN id SET DEFAULT gen_random_uuid(), ALTER COLUMN id SET NOT NULL, ALTER COLUMN "timestamp" SET NOT NULL,
        ADD COLUMN kind text NOT NULL DEFAULT 'writes', ADD COLUMN writer text, ADD COLUMN seq bigint, ADD COLUMN digest bytea, ADD COLUMN link bytea, ADD COLUMN tx xid8,
        ADD CONSTRAINT events_chain_check CHECK (num_nulls(writer, seq, digest, link) IN (0, 4));
    ALTER TABLE audit.events_default ALTER COLUMN tx SET DEFAULT pg_current_xact_id(); -- not for the rows that are there: who follows the journal begins behind them
END $$;

SET LOCAL ROLE scim_owner;

CREATE TABLE IF NOT EXISTS audit.intents (
    id uuid,
    tenant_id varchar(255),
    user_id varchar(255),
    resource_type varchar(50) NOT NULL,
    resource_id varchar(255),
    action varchar(50) NOT NULL,
    details jsonb,
    ip_address inet,
    user_agent text,
    "timestamp" timestamptz,
    writer text NOT NULL,
    seq bigint NOT NULL,
    digest bytea NOT NULL,
    link bytea NOT NULL,
    deadline timestamptz NOT NULL,
    PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE TABLE IF NOT EXISTS audit.intents_default PARTITION OF audit.intents DEFAULT;
CREATE INDEX IF NOT EXISTS idx_intents_timestamp ON audit.intents ("timestamp", id); -- the order in which events are read
CREATE INDEX IF NOT EXISTS idx_intents_resource ON audit.intents (resource_type, resource_id);
CREATE INDEX IF NOT EXISTS idx_intents_writer ON audit.intents (writer, seq);

-- Writes, reads and refusals are kept for times of their own: each kind has its months.
CREATE TABLE IF NOT EXISTS audit.events (
    id uuid DEFAULT gen_random_uuid(),
    tenant_id varchar(255),
    user_id varchar(255),
    resource_type varchar(50) NOT NULL,
    resource_id varchar(255),
    action varchar(50) NOT NULL,
    details jsonb,
    ip_address inet,
    user_agent text,
    "timestamp" timestamptz DEFAULT now(),
    kind text DEFAULT 'writes',
    writer text,
    seq bigint,
    digest bytea,
    link bytea,
    tx xid8 DEFAULT pg_current_xact_id(),
    CONSTRAINT events_chain_check CHECK (num_nulls(writer, seq, digest, link) IN (0, 4)),
    PRIMARY KEY (id, "timestamp", kind)
) PARTITION BY LIST (kind);
CREATE TABLE IF NOT EXISTS audit.events_writes PARTITION OF audit.events FOR VALUES IN ('writes') PARTITION BY RANGE ("timestamp");
CREATE TABLE IF NOT EXISTS audit.events_reads PARTITION OF audit.events FOR VALUES IN ('reads') PARTITION BY RANGE ("timestamp");
CREATE TABLE IF NOT EXISTS audit.events_refusals PARTITION OF audit.events FOR VALUES IN ('refusals') PARTITION BY RANGE ("timestamp");
DO $$
BEGIN
    IF to_regclass('audit.events_default') IS NULL THEN
        CREATE TABLE audit.events_default PARTITION OF audit.events_writes DEFAULT;
    ELSIF NOT (SELECT relispartition FROM pg_class WHERE oid = 'audit.events_default'::regclass) THEN
        ALTER TABLE audit.events_writes ATTACH PARTITION audit.events_default DEFAULT;
    END IF;
END $$;
CREATE TABLE IF NOT EXISTS audit.events_reads_default PARTITION OF audit.events_reads DEFAULT;
CREATE TABLE IF NOT EXISTS audit.events_refusals_default PARTITION OF audit.events_refusals DEFAULT;
CREATE INDEX IF NOT EXISTS idx_audit_tenant_timestamp ON audit.events (tenant_id, "timestamp");
CREATE INDEX IF NOT EXISTS idx_audit_resource ON audit.events (resource_type, resource_id);
CREATE INDEX IF NOT EXISTS idx_audit_writer ON audit.events (writer, seq);
CREATE INDEX IF NOT EXISTS idx_audit_tx ON audit.events (tx); -- the order for who follows
CREATE INDEX IF NOT EXISTS idx_audit_noted ON audit.events ("timestamp", id) WHERE details ? 'noted'; -- those without an intent, in the order in which they are read

-- What an entry's values are encrypted with. Whoever deletes a row here has made them unreadable, in every backup of the other tables too.
CREATE TABLE IF NOT EXISTS audit.keys (
    entry_id uuid,
    "timestamp" timestamptz,
    kind text DEFAULT 'writes',
    key bytea, -- an entry has two where a process closed it that may not read the first
    PRIMARY KEY (entry_id, "timestamp", kind, key)
) PARTITION BY LIST (kind);
CREATE TABLE IF NOT EXISTS audit.keys_writes PARTITION OF audit.keys FOR VALUES IN ('writes') PARTITION BY RANGE ("timestamp");
CREATE TABLE IF NOT EXISTS audit.keys_reads PARTITION OF audit.keys FOR VALUES IN ('reads') PARTITION BY RANGE ("timestamp");
CREATE TABLE IF NOT EXISTS audit.keys_refusals PARTITION OF audit.keys FOR VALUES IN ('refusals') PARTITION BY RANGE ("timestamp");
CREATE TABLE IF NOT EXISTS audit.keys_writes_default PARTITION OF audit.keys_writes DEFAULT;
CREATE TABLE IF NOT EXISTS audit.keys_reads_default PARTITION OF audit.keys_reads DEFAULT;
CREATE TABLE IF NOT EXISTS audit.keys_refusals_default PARTITION OF audit.keys_refusals DEFAULT;

-- Signed heads of the writers' chains.
CREATE TABLE IF NOT EXISTS audit.checkpoints (
    writer text NOT NULL,
    seq bigint NOT NULL,
    link bytea NOT NULL,
    time timestamptz NOT NULL DEFAULT now(),
    final boolean NOT NULL DEFAULT false,
    key_id text NOT NULL,
    signature bytea NOT NULL
) PARTITION BY RANGE (time);
CREATE TABLE IF NOT EXISTS audit.checkpoints_default PARTITION OF audit.checkpoints DEFAULT;
CREATE INDEX IF NOT EXISTS idx_checkpoints_writer ON audit.checkpoints (writer, seq);

-- What a month had that is no longer kept: of each writer every run of numbers without a gap.
CREATE TABLE IF NOT EXISTS audit.anchors (
    writer text NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    link_before bytea NOT NULL, -- that of the number before the first: 32 zero bytes where there is none
    first_link bytea NOT NULL,
    last_link bytea NOT NULL,
    kind text NOT NULL,
    month date NOT NULL,
    dropped timestamptz NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (writer, first_seq),
    CHECK (first_seq BETWEEN 1 AND last_seq)
);

-- Nobody changes what is written down, by accident or with a statement that was meant for another table. Months are dropped as tables, which only their owner may.
CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('%s of audit.%s is refused: what is written there is never changed', TG_OP, TG_TABLE_NAME);
END $$;

-- Which months of which tables are to be made: this one, some ahead, and those whose rows lie in the part for times without a month.
CREATE OR REPLACE FUNCTION audit.wanted_months(ahead integer) RETURNS TABLE (family regclass, month date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    rest regclass;
    col name;
BEGIN
    FOR family, rest, col IN
        SELECT p.partrelid, p.partdefid, a.attname FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
        WHERE c.relnamespace = 'audit'::regnamespace AND p.partstrat = 'r' ORDER BY c.relname
    LOOP
        FOR month IN EXECUTE format(
            'SELECT generate_series(date_trunc(''month'', now()), date_trunc(''month'', now()) + make_interval(months => %s), interval ''1 month'')::date'
            ' UNION SELECT date_trunc(''month'', %2$I)::date FROM %3$s WHERE isfinite(%2$I) ORDER BY 1', ahead, col, rest)
        LOOP
            IF to_regclass(format('audit.%I', (SELECT relname FROM pg_class WHERE oid = family) || to_char(month, '_YYYY_MM'))) IS NULL THEN
                RETURN NEXT;
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- Makes a month of a table, and moves the rows into it that lie in the part for times without one. It gives how many, and NULL where the month is there.
CREATE OR REPLACE FUNCTION audit.make_month(family regclass, month date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    begins timestamptz := date_trunc('month', month::timestamp);
    ends timestamptz := date_trunc('month', month::timestamp) + interval '1 month';
    name text := (SELECT relname FROM pg_class WHERE oid = family) || to_char(month, '_YYYY_MM');
    rest regclass;
    col name;
    cols text;
    filled boolean;
    moved bigint := 0;
BEGIN
    SELECT p.partdefid, a.attname INTO STRICT rest, col FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
        WHERE p.partrelid = family AND p.partstrat = 'r' AND c.relnamespace = 'audit'::regnamespace;
    -- Who adds rows waits at the whole, before he asks where they belong; who reads waits at the part only.
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', pg_partition_root(family));
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rest);
    IF to_regclass(format('audit.%I', name)) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE audit.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, family);
    EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit.%I FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()', name);
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO cols FROM pg_attribute WHERE attrelid = family AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %2$I >= %3$L AND %2$I < %4$L)', rest, col, begins, ends) INTO filled;
    IF filled THEN
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', rest);
        EXECUTE format('WITH moved AS (DELETE FROM %s WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *) INSERT INTO audit.%5$I (%6$s) SELECT %6$s FROM moved', rest, col, begins, ends, name, cols);
        GET DIAGNOSTICS moved = ROW_COUNT;
        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', rest);
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION audit.%I FOR VALUES FROM (%L) TO (%L)', family, name, begins, ends);
    RETURN moved;
END $$;
REVOKE EXECUTE ON FUNCTION audit.make_month(regclass, date), audit.wanted_months(integer) FROM PUBLIC;

-- TRUNCATE asks the triggers of each part; UPDATE and DELETE have theirs handed down by the whole.
DO $$
DECLARE tab record;
BEGIN
    FOR tab IN SELECT c.oid::regclass AS name, c.relkind, pg_partition_root(c.oid) = 'audit.keys'::regclass AS forgettable, c.relispartition FROM pg_class c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p')
            AND coalesce(pg_partition_root(c.oid), c.oid) IN ('audit.intents'::regclass, 'audit.events'::regclass, 'audit.keys'::regclass, 'audit.checkpoints'::regclass, 'audit.anchors'::regclass)
    LOOP
        IF NOT tab.relispartition AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = tab.name AND tgname = 'never_changed') THEN
            EXECUTE format('CREATE TRIGGER never_changed BEFORE UPDATE %s ON %s FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()',
                CASE WHEN NOT coalesce(tab.forgettable, false) THEN 'OR DELETE' END, tab.name);
        END IF;
        IF tab.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = tab.name AND tgname = 'never_emptied') THEN
            EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()', tab.name);
        END IF;
    END LOOP;
END $$;

-- Whoever serves adds rows, and reads of them what proves them and what is no personal data. Parts are nobody's to ask: the whole says who may.
DO $$
DECLARE part regclass;
BEGIN
    FOR part IN SELECT oid FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p') AND relispartition LOOP
        EXECUTE format('REVOKE ALL ON %s FROM scim_app, scim_audit', part);
    END LOOP;
END $$;
GRANT INSERT ON audit.intents, audit.events, audit.keys, audit.checkpoints TO scim_app;
GRANT SELECT (id, tenant_id, "timestamp", writer, seq, digest, link, deadline) ON audit.intents TO scim_app;
GRANT SELECT (id, tenant_id, "timestamp", kind, writer, seq, digest, link, tx) ON audit.events TO scim_app;
GRANT SELECT ON audit.checkpoints, audit.anchors TO scim_app;
GRANT SELECT ON audit.intents, audit.events, audit.keys, audit.checkpoints, audit.anchors TO scim_audit;

RESET ROLE;
-- +goose StatementEnd
