-- A database as the script of the production guide leaves it, which init-db.sql is to bring up to date.
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS "pg_stat_statements";
CREATE SCHEMA IF NOT EXISTS scim;
CREATE SCHEMA IF NOT EXISTS audit;

CREATE TABLE scim.users (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    tenant_id VARCHAR(255) NOT NULL,
    external_id VARCHAR(255),
    username VARCHAR(255) NOT NULL,
    data JSONB NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    UNIQUE(tenant_id, username),
    UNIQUE(tenant_id, external_id)
);
CREATE TABLE scim.groups (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    tenant_id VARCHAR(255) NOT NULL,
    external_id VARCHAR(255),
    display_name VARCHAR(255) NOT NULL,
    data JSONB NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    UNIQUE(tenant_id, display_name),
    UNIQUE(tenant_id, external_id)
);
CREATE TABLE scim.group_memberships (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    tenant_id VARCHAR(255) NOT NULL,
    group_id UUID NOT NULL REFERENCES scim.groups(id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES scim.users(id) ON DELETE CASCADE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    UNIQUE(tenant_id, group_id, user_id)
);
CREATE TABLE audit.events (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    tenant_id VARCHAR(255),
    user_id VARCHAR(255),
    resource_type VARCHAR(50) NOT NULL,
    resource_id VARCHAR(255),
    action VARCHAR(50) NOT NULL,
    details JSONB,
    ip_address INET,
    user_agent TEXT,
    timestamp TIMESTAMP WITH TIME ZONE DEFAULT NOW()
);

CREATE INDEX idx_users_tenant_username ON scim.users(tenant_id, username);
CREATE INDEX idx_users_external_id ON scim.users(tenant_id, external_id);
CREATE INDEX idx_groups_tenant_name ON scim.groups(tenant_id, display_name);
CREATE INDEX idx_memberships_group ON scim.group_memberships(group_id);
CREATE INDEX idx_memberships_user ON scim.group_memberships(user_id);
CREATE INDEX idx_audit_tenant_timestamp ON audit.events(tenant_id, timestamp);
CREATE INDEX idx_audit_resource ON audit.events(resource_type, resource_id);
CREATE INDEX idx_users_data_gin ON scim.users USING GIN(data);
CREATE INDEX idx_groups_data_gin ON scim.groups USING GIN(data);

CREATE OR REPLACE FUNCTION update_updated_at_column() RETURNS TRIGGER AS $$
BEGIN
    NEW.updated_at = NOW();
    RETURN NEW;
END;
$$ language 'plpgsql';
CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON scim.users FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_groups_updated_at BEFORE UPDATE ON scim.groups FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

ALTER TABLE scim.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE scim.groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE scim.group_memberships ENABLE ROW LEVEL SECURITY;

-- The guide's script ends with CREATE ROLE scim_app, which is the server's and may be there.
DO $$ BEGIN CREATE ROLE scim_app; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
GRANT USAGE ON SCHEMA scim TO scim_app;
GRANT USAGE ON SCHEMA audit TO scim_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA scim TO scim_app;
GRANT INSERT ON ALL TABLES IN SCHEMA audit TO scim_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA scim TO scim_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA audit TO scim_app;
