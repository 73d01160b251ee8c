-- The teams of the example ldap-people-postgres-teams.yaml. Who is in them is known by the entryUUID that the directory has given each person.
--
--     createdb --encoding=UTF8 teams
--     psql -v ON_ERROR_STOP=1 -d teams -f schema.sql
--     psql -d teams -c "CREATE ROLE scim LOGIN PASSWORD '…'" -c "GRANT USAGE ON SCHEMA team TO scim" \
--       -c "GRANT SELECT, INSERT, UPDATE, DELETE ON team.team, team.member TO scim"

CREATE SCHEMA team;

CREATE TABLE team.team (
    team_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(255) NOT NULL,
    budget numeric(12, 2) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX team_name_key ON team.team (lower(name) text_pattern_ops);

-- No foreign key: people are in another server.
CREATE TABLE team.member (
    team_id uuid NOT NULL REFERENCES team.team ON DELETE CASCADE,
    person uuid NOT NULL,
    joined_on date NOT NULL DEFAULT current_date,
    PRIMARY KEY (team_id, person)
);
CREATE INDEX member_person ON team.member (person);
