-- The audit schema as init-db.sql made it before there was a journal in this database: cut by month, with nothing but what the guide has. Somebody has made a month.
CREATE SCHEMA audit;
CREATE TABLE audit.events (
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
    PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE TABLE audit.events_default PARTITION OF audit.events DEFAULT;
CREATE TABLE audit.events_march PARTITION OF audit.events FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
CREATE INDEX idx_audit_tenant_timestamp ON audit.events (tenant_id, "timestamp");
CREATE INDEX idx_audit_resource ON audit.events (resource_type, resource_id);
INSERT INTO audit.events (tenant_id, resource_type, action, "timestamp") VALUES ('a', 'User', 'create', '2024-03-15'), ('a', 'User', 'read', '2024-03-16'), ('a', 'User', 'delete', '2024-05-01');
