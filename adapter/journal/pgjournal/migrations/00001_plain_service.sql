-- +goose Up
-- +goose StatementBegin
-- The plain service: the tables that the preset postgres-scim maps.

-- Nothing below depends on them. uuid-ossp is what the guide's ids are made with, pg_stat_statements is for whoever watches the server.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['uuid-ossp', 'pg_stat_statements'] LOOP
        BEGIN
            EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I', name);
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
            RAISE WARNING 'The extension % is not there: %', name, SQLERRM;
        END;
    END LOOP;
END $$;

CREATE SCHEMA IF NOT EXISTS scim;

-- The tables as the guide has them. What is ours beside that is added below, for old tables and new ones alike.
CREATE TABLE IF NOT EXISTS scim.users (
    id uuid PRIMARY KEY,
    tenant_id varchar(255) NOT NULL,
    external_id varchar(255),
    username varchar(255) NOT NULL,
    data jsonb NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    UNIQUE (tenant_id, username),
    UNIQUE (tenant_id, external_id)
);

CREATE TABLE IF NOT EXISTS scim.groups (
    id uuid PRIMARY KEY,
    tenant_id varchar(255) NOT NULL,
    external_id varchar(255),
    display_name varchar(255) NOT NULL,
    data jsonb NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    UNIQUE (tenant_id, display_name),
    UNIQUE (tenant_id, external_id)
);

CREATE TABLE IF NOT EXISTS scim.group_memberships (
    id uuid PRIMARY KEY,
    tenant_id varchar(255) NOT NULL,
    group_id uuid NOT NULL REFERENCES scim.groups (id) ON DELETE CASCADE,
    user_id uuid REFERENCES scim.users (id) ON DELETE CASCADE,
    created_at timestamptz DEFAULT now(),
    UNIQUE (tenant_id, group_id, user_id)
);

-- A password is kept as a bcrypt hash, and read by nobody through SCIM.
ALTER TABLE scim.users ADD COLUMN IF NOT EXISTS password_hash text;

-- Groups nest.
ALTER TABLE scim.group_memberships ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE scim.group_memberships ADD COLUMN IF NOT EXISTS member_group_id uuid;

-- A new row belongs to the tenant of its transaction. Where a session has said none, or its transaction is over, that is no tenant.
ALTER TABLE scim.users ALTER COLUMN id SET DEFAULT gen_random_uuid(), ALTER COLUMN data SET DEFAULT '{}',
    ALTER COLUMN tenant_id SET DEFAULT nullif(current_setting('scim.tenant_id', true), '');
ALTER TABLE scim.groups ALTER COLUMN id SET DEFAULT gen_random_uuid(), ALTER COLUMN data SET DEFAULT '{}',
    ALTER COLUMN tenant_id SET DEFAULT nullif(current_setting('scim.tenant_id', true), '');
ALTER TABLE scim.group_memberships ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN tenant_id SET DEFAULT nullif(current_setting('scim.tenant_id', true), '');

DO $$
DECLARE rule record;
BEGIN
    FOR rule IN SELECT * FROM (VALUES
        ('users', 'users_tenant_id_check', 'CHECK (tenant_id <> '''')'),
        ('users', 'users_data_check', 'CHECK (jsonb_typeof(data) = ''object'')'),
        ('groups', 'groups_tenant_id_check', 'CHECK (tenant_id <> '''')'),
        ('groups', 'groups_data_check', 'CHECK (jsonb_typeof(data) = ''object'')'),
        ('group_memberships', 'group_memberships_tenant_id_check', 'CHECK (tenant_id <> '''')'),
        ('group_memberships', 'group_memberships_member_check', 'CHECK (num_nonnulls(user_id, member_group_id) = 1)'),
        ('group_memberships', 'group_memberships_member_group_id_fkey', 'FOREIGN KEY (member_group_id) REFERENCES scim.groups (id) ON DELETE CASCADE'),
        ('group_memberships', 'group_memberships_tenant_id_group_id_member_group_id_key', 'UNIQUE (tenant_id, group_id, member_group_id)')
    ) AS wanted (tab, name, rule) LOOP
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = ('scim.' || rule.tab)::regclass AND conname = rule.name) THEN
            EXECUTE format('ALTER TABLE scim.%I ADD CONSTRAINT %I %s', rule.tab, rule.name, rule.rule);
        END IF;
    END LOOP;
END $$;

-- Names are compared without regard to letter case, in every script: under the locale C lower() would know only the letters of ASCII. So these two columns
-- fold as Unicode has it (ICU), whatever the database's locale is. Two values are equal if their bytes are, as before.
DO $$
DECLARE col record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu' AND collnamespace = 'pg_catalog'::regnamespace) THEN
        RAISE WARNING 'This server is built without ICU: letter case is what the locale of the database says.';
        RETURN;
    END IF;
    FOR col IN
        SELECT a.attrelid::regclass AS tab, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS typ FROM pg_attribute a
        JOIN (VALUES ('scim.users'::regclass, 'username'), ('scim.groups'::regclass, 'display_name')) AS c (tab, name) ON a.attrelid = c.tab AND a.attname = c.name
        WHERE a.attcollation <> 'pg_catalog."und-x-icu"'::regcollation
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', col.tab, col.name || '_folded'); -- it is made of the other, and comes again below
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s COLLATE pg_catalog."und-x-icu"', col.tab, col.name, col.typ);
        EXCEPTION WHEN feature_not_supported THEN -- a view stands on it
            RAISE WARNING 'The column % of % keeps its collation, and letter case is what that says: %', col.name, col.tab, SQLERRM;
        END;
    END LOOP;
END $$;

-- What a name is when letter case does not count, kept beside it: the planner uses an index ahead of a policy only for comparisons that cannot tell of the rows
-- they are made on (LEAKPROOF). Those of texts are such, lower() is not, and so an index on lower(username) serves nobody whom row-level security binds.
-- İ and Σ are made i and σ, always: ICU makes two letters of the one, and looks at what stands before the other. Then two names are equal here that the
-- adapter takes for equal, and have its order.
DO $$
DECLARE col record;
BEGIN
    FOR col IN
        SELECT c.tab, c.name, CASE getdatabaseencoding() WHEN 'UTF8' THEN format('translate(%I, %L, %L)', c.name, chr(304) || chr(931), 'i' || chr(963)) ELSE quote_ident(c.name) END AS plain
        FROM (VALUES ('scim.users'::regclass, 'username'), ('scim.groups'::regclass, 'display_name')) AS c (tab, name)
        WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.tab AND a.attname = c.name || '_folded')
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN %I text COLLATE "C" GENERATED ALWAYS AS (lower(%s)) STORED', col.tab, col.name || '_folded', col.plain);
    END LOOP;
END $$;

DO $$
DECLARE
    found text;
    forced boolean := (SELECT relforcerowsecurity FROM pg_class WHERE oid = 'scim.users'::regclass);
BEGIN
    IF (SELECT count(*) FROM pg_index WHERE indexrelid IN (to_regclass('scim.idx_users_tenant_username'), to_regclass('scim.idx_groups_tenant_name')) AND indisunique) = 2 THEN
        RETURN;
    END IF;
    IF forced THEN -- only for this transaction: an owner is to see all tenants
        ALTER TABLE scim.users NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE scim.groups NO FORCE ROW LEVEL SECURITY;
    END IF;
    WITH doubles AS (
        SELECT 'tenant ' || tenant_id || ', users: ' || string_agg(username, ', ' ORDER BY username COLLATE "C") AS line
        FROM scim.users GROUP BY tenant_id, username_folded HAVING count(*) > 1
        UNION ALL
        SELECT 'tenant ' || tenant_id || ', groups: ' || string_agg(display_name, ', ' ORDER BY display_name COLLATE "C")
        FROM scim.groups GROUP BY tenant_id, display_name_folded HAVING count(*) > 1
    )
    SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") INTO found FROM doubles;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation',
            MESSAGE = E'Nothing was changed: these names differ only in letter case, and SCIM takes them for the same.\n' || found,
            HINT = 'Rename or delete all but one of each line, and run it again.';
    END IF;
END $$;

-- In the guide these two are on the names as they are written, like the unique constraints of the tables, which serve that as well. Here they are on
-- the folded ones: equality, beginnings and order within a tenant. They keep names apart, too, and so no two names are taken for the same by an index that a
-- search tells apart, or the other way round. There is no index more than there was, and one less for each table where an earlier version of this has run.
DO $$
DECLARE old record;
BEGIN
    FOR old IN
        SELECT i.indexrelid::regclass AS name FROM pg_index i WHERE NOT i.indisunique AND i.indexrelid IN (to_regclass('scim.idx_users_tenant_username'), to_regclass('scim.idx_groups_tenant_name'))
    LOOP
        EXECUTE format('DROP INDEX %s', old.name);
    END LOOP;
END $$;
CREATE UNIQUE INDEX IF NOT EXISTS idx_users_tenant_username ON scim.users (tenant_id, username_folded);
CREATE UNIQUE INDEX IF NOT EXISTS idx_groups_tenant_name ON scim.groups (tenant_id, display_name_folded);
DROP INDEX IF EXISTS scim.users_tenant_username_folded_key, scim.groups_tenant_name_folded_key;
CREATE INDEX IF NOT EXISTS idx_users_external_id ON scim.users (tenant_id, external_id);
CREATE INDEX IF NOT EXISTS idx_users_tenant ON scim.users (tenant_id, id); -- pages of a tenant
CREATE INDEX IF NOT EXISTS idx_groups_tenant ON scim.groups (tenant_id, id);
CREATE INDEX IF NOT EXISTS idx_memberships_group ON scim.group_memberships (group_id);
CREATE INDEX IF NOT EXISTS idx_memberships_user ON scim.group_memberships (user_id);
CREATE INDEX IF NOT EXISTS idx_memberships_member_group ON scim.group_memberships (member_group_id);
-- Containment in a document is not LEAKPROOF, and nobody but a superuser can say that it is. Whom a policy binds, these do not serve: a search for emails.value reads the rows of
-- the tenant. What is often searched for needs a column of its own, with an index, and a line in the mapping. They serve who is above the policies.
CREATE INDEX IF NOT EXISTS idx_users_data_gin ON scim.users USING gin (data);
CREATE INDEX IF NOT EXISTS idx_groups_data_gin ON scim.groups USING gin (data);

CREATE OR REPLACE FUNCTION public.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END $$;

-- A version never goes back and never stays. Who moves it himself has his will.
CREATE OR REPLACE FUNCTION scim.keep_in_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    label text := 'userName';
    name text;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version <= OLD.version THEN
        NEW.version := OLD.version + 1;
    END IF;
    IF TG_TABLE_NAME = 'users' THEN
        name := NEW.username;
    ELSE
        label := 'displayName';
        name := NEW.display_name;
    END IF;
    IF NEW.data ? label THEN
        NEW.data := NEW.data || jsonb_build_object(label, name);
    END IF;
    IF NEW.data ? 'externalId' THEN
        NEW.data := NEW.data - 'externalId' || jsonb_strip_nulls(jsonb_build_object('externalId', NEW.external_id));
    END IF;
    IF NEW.data ? 'id' THEN
        NEW.data := NEW.data || jsonb_build_object('id', NEW.id);
    END IF;
    IF jsonb_typeof(NEW.data -> 'meta') = 'object' THEN
        NEW.data := jsonb_set(NEW.data, '{meta}',
            (NEW.data -> 'meta') - 'version' || jsonb_build_object('created', NEW.created_at, 'lastModified', NEW.updated_at));
    END IF;
    RETURN NEW;
END $$;

-- Members are a part of the group that a client sees, and so its version moves with them: also when a user is deleted, or when somebody works on the rows
-- by hand. A group that this very transaction has written already has moved.
CREATE OR REPLACE FUNCTION scim.members_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE ids uuid[] := ARRAY(SELECT DISTINCT group_id FROM changed);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        ids := ids || ARRAY(SELECT DISTINCT group_id FROM former);
    END IF;
    UPDATE scim.groups g SET version = g.version + 1
    FROM (
        SELECT id FROM scim.groups WHERE id = ANY (ids) AND xmin <> pg_current_xact_id()::xid ORDER BY id FOR NO KEY UPDATE -- in one order, or two would wait for each other
    ) AS taken
    WHERE g.id = taken.id;
    RETURN NULL;
END $$;

-- Triggers fire in the order of their names: version after updated_at.
CREATE OR REPLACE TRIGGER update_users_updated_at BEFORE UPDATE ON scim.users FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE OR REPLACE TRIGGER update_users_version BEFORE INSERT OR UPDATE ON scim.users FOR EACH ROW EXECUTE FUNCTION scim.keep_in_step();
CREATE OR REPLACE TRIGGER update_groups_updated_at BEFORE UPDATE ON scim.groups FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE OR REPLACE TRIGGER update_groups_version BEFORE INSERT OR UPDATE ON scim.groups FOR EACH ROW EXECUTE FUNCTION scim.keep_in_step();
CREATE OR REPLACE TRIGGER members_added AFTER INSERT ON scim.group_memberships
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION scim.members_changed();
CREATE OR REPLACE TRIGGER members_removed AFTER DELETE ON scim.group_memberships
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION scim.members_changed();
CREATE OR REPLACE TRIGGER members_moved AFTER UPDATE ON scim.group_memberships
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION scim.members_changed();

-- Whoever has not said whose request it is sees nothing and writes nothing, the tables' owner too.
DO $$
DECLARE tab text;
BEGIN
    FOREACH tab IN ARRAY ARRAY['users', 'groups', 'group_memberships'] LOOP
        EXECUTE format('ALTER TABLE scim.%I ENABLE ROW LEVEL SECURITY', tab);
        EXECUTE format('ALTER TABLE scim.%I FORCE ROW LEVEL SECURITY', tab);
        IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = ('scim.' || tab)::regclass AND polname = 'tenant_isolation') THEN
            EXECUTE format('CREATE POLICY tenant_isolation ON scim.%I USING (true)', tab);
        END IF;
        EXECUTE format('ALTER POLICY tenant_isolation ON scim.%I USING (tenant_id = current_setting(''scim.tenant_id'', true))'
            ' WITH CHECK (tenant_id = current_setting(''scim.tenant_id'', true))', tab);
    END LOOP;
END $$;

-- Whose all this is, and who may do what with it.
DO $$
DECLARE thing record;
BEGIN
    FOR thing IN
        SELECT 'SCHEMA' AS kind, oid::regnamespace::text AS name FROM pg_namespace WHERE nspname = 'scim' AND nspowner <> 'scim_owner'::regrole
        UNION ALL
        SELECT 'TABLE', oid::regclass::text FROM pg_class
        WHERE oid = ANY (ARRAY['scim.users', 'scim.groups', 'scim.group_memberships']::regclass[]) AND relowner <> 'scim_owner'::regrole
        UNION ALL
        SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc
        WHERE oid = ANY (ARRAY['scim.keep_in_step()', 'scim.members_changed()']::regprocedure[]) AND proowner <> 'scim_owner'::regrole
    LOOP
        EXECUTE format('ALTER %s %s OWNER TO scim_owner', thing.kind, thing.name);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA scim TO scim_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA scim TO scim_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA scim TO scim_app;
-- +goose StatementEnd
