package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// script reads SQL from a file.
func script(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const (
	initDB   = "../../deploy/scripts/init-db.sql"
	guideSQL = "testdata/postgres/guide.sql"
)

// sqlConn is a connection of a test to a database.
type sqlConn struct {
	*pgx.Conn
	t testing.TB
}

func connect(t testing.TB, url string) sqlConn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return sqlConn{conn, t}
}

// run executes a statement that must succeed.
func (c sqlConn) run(sql string, args ...any) {
	c.t.Helper()
	if err := c.try(sql, args...); err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
}

func (c sqlConn) try(sql string, args ...any) error {
	_, err := c.Exec(context.Background(), sql, args...)
	return err
}

// refused runs a statement that must fail with this code of PostgreSQL's.
func (c sqlConn) refused(code, sql string, args ...any) {
	c.t.Helper()
	var answer *pgconn.PgError
	if err := c.try(sql, args...); !errors.As(err, &answer) || answer.Code != code {
		c.t.Errorf("%s: %v, want %s", sql, err, code)
	}
}

// texts are the values of a query with one column of text.
func (c sqlConn) texts(sql string, args ...any) []string {
	c.t.Helper()
	rows, err := c.Query(context.Background(), sql, args...)
	if err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	return found
}

// holds fails unless a query's only value is this text.
func (c sqlConn) holds(want, sql string, args ...any) {
	c.t.Helper()
	if got := c.texts(sql, args...); !slices.Equal(got, []string{want}) {
		c.t.Errorf("%s: %q, want %q", sql, got, want)
	}
}

// catalog is all that the scripts make, a line each.
const catalog = `
SELECT concat_ws(' ', 'relation', c.oid::regclass, c.relkind, c.relowner::regrole, c.relrowsecurity, c.relforcerowsecurity, c.relacl) FROM pg_class c
	WHERE relnamespace::regnamespace::text IN ('scim', 'audit', '"overlay"', 'backup')
UNION ALL SELECT concat_ws(' ', 'column', a.attrelid::regclass, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid))
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE c.relnamespace::regnamespace::text IN ('scim', 'audit', '"overlay"', 'backup') AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace::regnamespace::text IN ('scim', 'audit', '"overlay"', 'backup')
UNION ALL SELECT concat_ws(' ', 'index', indexdef) FROM pg_indexes WHERE schemaname IN ('scim', 'audit', 'overlay', 'backup')
UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT concat_ws(' ', 'function', p.oid::regprocedure, proowner::regrole, prosecdef, proacl, prosrc) FROM pg_proc p WHERE proname = 'update_updated_at_column' OR pronamespace::regnamespace::text IN ('scim', 'audit')
UNION ALL SELECT concat_ws(' ', 'policy', schemaname, tablename, policyname, permissive, roles, cmd, qual, with_check) FROM pg_policies
UNION ALL SELECT concat_ws(' ', 'schema', nspname, nspowner::regrole, nspacl) FROM pg_namespace WHERE nspname IN ('scim', 'audit', 'overlay', 'backup')
UNION ALL SELECT concat_ws(' ', 'extension', extname) FROM pg_extension
ORDER BY 1`

// asLeft is the catalog without the grants that a test's own role has in its own database.
func asLeft(t *testing.T, db pgtest.DB) []string {
	t.Helper()
	lines := connect(t, db.Admin).texts(catalog)
	for i, line := range lines {
		head, acl, found := strings.Cut(line, "{")
		if !found || !strings.HasPrefix(line, "relation ") && !strings.HasPrefix(line, "schema ") {
			continue
		}
		grants := slices.DeleteFunc(strings.Split(strings.TrimSuffix(acl, "}"), ","), func(g string) bool { return strings.HasPrefix(g, db.Role) })
		slices.Sort(grants)
		lines[i] = head + strings.Join(grants, ",")
	}
	return lines
}

func TestInitDBMakesTheSameOfNothingOfItselfAndOfTheGuides(t *testing.T) {
	fresh := asLeft(t, pgtest.Database(t, script(t, initDB)))
	if len(fresh) < 80 {
		t.Fatalf("the catalog is read badly: %q", fresh)
	}
	if diff := cmp.Diff(fresh, asLeft(t, pgtest.Database(t, script(t, initDB), script(t, initDB)))); diff != "" {
		t.Errorf("run twice (-once +twice):\n%s", diff)
	}
	if diff := cmp.Diff(fresh, asLeft(t, pgtest.Database(t, script(t, guideSQL), script(t, initDB)))); diff != "" {
		t.Errorf("on the guide's (-fresh +upgraded):\n%s", diff)
	}
	all := strings.Join(fresh, "\n")
	for _, name := range []string{
		"idx_users_tenant_username", "idx_users_external_id", "idx_groups_tenant_name", "idx_memberships_group", "idx_memberships_user",
		"idx_audit_tenant_timestamp", "idx_audit_resource", "idx_users_data_gin", "idx_groups_data_gin", "update_users_updated_at", "update_groups_updated_at",
		"relation audit.intents ", "relation audit.keys_reads ", `relation "overlay".attributes `, "relation backup.records ", "function audit.make_month(regclass,date) scim_owner t",
		"extension uuid-ossp", "extension pg_stat_statements", "policy scim group_memberships tenant_isolation",
	} {
		if !strings.Contains(all, name) {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestInitDBKeepsTheRowsOfTheGuidesDatabase(t *testing.T) {
	db := pgtest.Database(t, script(t, guideSQL), `
		INSERT INTO scim.users (tenant_id, username, external_id, data) VALUES ('a', 'Ada', 'x1', '{"userName": "Ada", "title": "Countess"}'), ('b', 'ada', 'x1', '{}');
		INSERT INTO scim.groups (tenant_id, display_name, data) VALUES ('a', 'Poets', '{}');
		INSERT INTO scim.group_memberships (tenant_id, group_id, user_id) SELECT 'a', g.id, u.id FROM scim.groups g, scim.users u WHERE u.tenant_id = 'a';
		INSERT INTO audit.events (tenant_id, resource_type, action, timestamp) VALUES ('a', 'User', 'create', '2024-02-03'), ('a', 'User', 'delete', NULL)`,
		script(t, initDB))
	c := connect(t, db.Admin)
	c.holds("a Ada x1 Countess 1, b ada x1 1", `SELECT string_agg(concat_ws(' ', tenant_id, username, external_id, data->>'title', version), ', ' ORDER BY tenant_id) FROM scim.users`)
	c.holds("Poets Ada", `SELECT display_name || ' ' || username FROM scim.group_memberships m JOIN scim.groups g ON g.id = m.group_id JOIN scim.users u ON u.id = m.user_id`)
	c.holds("2", "SELECT count(*)::text FROM audit.events")
	c.holds("1", "SELECT count(*)::text FROM audit.events WHERE timestamp = '2024-02-03'")
}

func TestInitDBListsNamesThatDifferInLetterCaseAndChangesNothing(t *testing.T) {
	guide := script(t, guideSQL)
	db := pgtest.Locale{Collate: "C"}.Database(t, guide, `
		INSERT INTO scim.users (tenant_id, username, data) VALUES ('acme', 'Ärger', '{}'), ('acme', 'ärger', '{}'), ('acme', 'bob', '{}'), ('b', 'bob', '{}'), ('b', 'BOB', '{}');
		INSERT INTO scim.groups (tenant_id, display_name, data) VALUES ('acme', 'Staff', '{}'), ('acme', 'STAFF', '{}'), ('b', 'staff', '{}')`)
	before := asLeft(t, db)
	c := connect(t, db.Admin)
	var answer *pgconn.PgError
	if err := c.try(script(t, initDB)); !errors.As(err, &answer) {
		t.Fatal(err)
	}
	for _, want := range []string{"Nothing was changed", "tenant acme, users: Ärger, ärger", "tenant b, users: BOB, bob", "tenant acme, groups: STAFF, Staff"} {
		if !strings.Contains(answer.Message, want) {
			t.Errorf("it does not say %q: %s", want, answer.Message)
		}
	}
	if strings.Contains(answer.Message, "tenant b, groups") {
		t.Errorf("it says too much: %s", answer.Message)
	}
	if diff := cmp.Diff(before, asLeft(t, db)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	c.run("ROLLBACK")
	c.run("DELETE FROM scim.users WHERE username IN ('ärger', 'BOB')")
	c.run("DELETE FROM scim.groups WHERE display_name = 'STAFF'")
	c.run(script(t, initDB))
}

func TestNamesAreUniqueWithoutLetterCaseWhateverTheLocaleIs(t *testing.T) {
	for name, locale := range map[string]pgtest.Locale{"C": {Collate: "C"}, "C.utf8": {Collate: "C.utf8"}, "ICU": {ICU: "und"}} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, locale.Database(t, script(t, initDB)).URL)
			c.run("SET scim.tenant_id = 'a'")
			c.run("INSERT INTO scim.users (username) VALUES ('Ångström')")
			c.run("INSERT INTO scim.groups (display_name) VALUES ('Ёлка')")
			c.refused("23505", "INSERT INTO scim.users (username) VALUES ('åNGSTRÖM')")
			c.refused("23505", "INSERT INTO scim.groups (display_name) VALUES ('ёЛКА')")
			c.run("INSERT INTO scim.users (username) VALUES ('Angstrom')")
			c.run("SET scim.tenant_id = 'b'")
			c.run("INSERT INTO scim.users (username) VALUES ('ångström')")
		})
	}
}

func TestATenantSeesAndWritesItsOwn(t *testing.T) {
	db := pgtest.Database(t, script(t, initDB))
	c := connect(t, db.URL)
	c.refused("42501", "INSERT INTO scim.users (username) VALUES ('nobody')") // no tenant has been said
	c.run("SET scim.tenant_id = 'a'")
	c.run("INSERT INTO scim.users (username) VALUES ('ada')")
	c.run("SET scim.tenant_id = 'b'")
	c.run("INSERT INTO scim.users (username) VALUES ('bob')")
	c.holds("bob", "SELECT username FROM scim.users")
	c.refused("42501", "INSERT INTO scim.users (tenant_id, username) VALUES ('a', 'eve')")
	c.refused("42501", "UPDATE scim.users SET tenant_id = 'a'")
	c.run("DELETE FROM scim.users WHERE username = 'ada'")
	c.run("SET scim.tenant_id = ''")
	if seen := c.texts("SELECT username FROM scim.users"); len(seen) != 0 {
		t.Errorf("without a tenant: %q", seen)
	}
	c.refused("42501", "INSERT INTO scim.users (username) VALUES ('nobody')")

	admin := connect(t, db.Admin)
	admin.holds("ada, bob", "SELECT string_agg(username, ', ' ORDER BY username) FROM scim.users")
	admin.run("SET ROLE scim_owner")
	admin.holds("0", "SELECT count(*)::text FROM scim.users") // the tables' owner, too
	admin.run("SET scim.tenant_id = 'a'")
	admin.holds("ada", "SELECT username FROM scim.users")
}

func TestTheRolesMayWhatTheyAreFor(t *testing.T) {
	c := connect(t, pgtest.Database(t, script(t, initDB)).Admin)
	c.run("SET ROLE scim_app")
	c.run("SET scim.tenant_id = 'a'")
	c.run("INSERT INTO scim.users (username) VALUES ('ada')")
	c.run("UPDATE scim.users SET external_id = 'x'")
	c.run("INSERT INTO audit.events (resource_type, action) VALUES ('User', 'create')")
	for _, sql := range []string{
		"SELECT * FROM audit.events", "UPDATE audit.events SET action = 'x'", "DELETE FROM audit.events", "SELECT * FROM audit.events_default", "TRUNCATE scim.users",
		"ALTER TABLE scim.users NO FORCE ROW LEVEL SECURITY", "CREATE TABLE scim.mine (id int)",
	} {
		c.refused("42501", sql)
	}
	c.run("SET ROLE scim_audit")
	c.holds("create", "SELECT action FROM audit.events")
	c.refused("42501", "DELETE FROM audit.events")
	c.refused("42501", "SELECT * FROM scim.users")
}

func TestVersionDataAndMetaStayInStep(t *testing.T) {
	c := connect(t, pgtest.Database(t, script(t, initDB)).URL)
	c.run("SET scim.tenant_id = 'a'")
	c.run(`INSERT INTO scim.users (username, external_id, data) VALUES ('ada', 'x1',
		'{"userName": "Byron", "externalId": "old", "id": "?", "title": "Countess", "meta": {"version": "W/\"7\"", "resourceType": "User"}}')`)
	c.holds("1 ada x1 Countess", "SELECT concat_ws(' ', version, data->>'userName', data->>'externalId', data->>'title') FROM scim.users")
	c.holds("t User", `SELECT concat_ws(' ', data->>'id' = id::text AND (data->'meta'->>'lastModified')::timestamptz = updated_at AND NOT data->'meta' ? 'version',
		data->'meta'->>'resourceType') FROM scim.users`)
	c.run("UPDATE scim.users SET username = 'lovelace', external_id = NULL")
	c.holds("2 lovelace t", "SELECT concat_ws(' ', version, data->>'userName', NOT data ? 'externalId' AND updated_at > created_at) FROM scim.users")
	c.run(`UPDATE scim.users SET data = data || '{"userName": "somebody", "title": "Mathematician"}'`)
	c.holds("3 lovelace Mathematician", "SELECT concat_ws(' ', version, data->>'userName', data->>'title') FROM scim.users")
	c.run("UPDATE scim.users SET version = version + 1") // as the adapter does
	c.holds("4", "SELECT version::text FROM scim.users")
	c.run("UPDATE scim.users SET version = 1")
	c.holds("5", "SELECT version::text FROM scim.users")
	c.refused("23514", "UPDATE scim.users SET data = '[]'")

	c.run(`INSERT INTO scim.groups (display_name, data) VALUES ('Poets', '{}')`)
	c.run("UPDATE scim.groups SET display_name = 'Writers'")
	c.holds("2 {}", "SELECT concat_ws(' ', version, data) FROM scim.groups") // what has a column is not put into data
}

func TestAGroupsVersionMovesWithItsMembers(t *testing.T) {
	c := connect(t, pgtest.Database(t, script(t, initDB)).URL)
	c.run("SET scim.tenant_id = 'a'")
	c.run("INSERT INTO scim.users (username) VALUES ('ada'), ('bob')")
	c.run("INSERT INTO scim.groups (display_name) VALUES ('one'), ('two')")
	const versions = "SELECT string_agg(version::text, ' ' ORDER BY display_name) FROM scim.groups"
	for _, step := range []struct{ what, sql, want string }{
		{"two members at once", "INSERT INTO scim.group_memberships (group_id, user_id) SELECT g.id, u.id FROM scim.groups g, scim.users u WHERE display_name = 'one'", "2 1"},
		{"a group as a member", `INSERT INTO scim.group_memberships (group_id, member_group_id) SELECT a.id, b.id FROM scim.groups a, scim.groups b
			WHERE a.display_name = 'one' AND b.display_name = 'two'`, "3 1"},
		{"a member goes over", `UPDATE scim.group_memberships SET group_id = (SELECT id FROM scim.groups WHERE display_name = 'two')
			WHERE user_id = (SELECT id FROM scim.users WHERE username = 'ada')`, "4 2"},
		{"a user is deleted", "DELETE FROM scim.users WHERE username = 'ada'", "4 3"},
		{"the group is written, too", `WITH g AS (UPDATE scim.groups SET version = version + 1 WHERE display_name = 'one' RETURNING id)
			DELETE FROM scim.group_memberships WHERE group_id IN (SELECT id FROM g) AND user_id IS NOT NULL`, "5 3"},
		{"and in one transaction", `DO $$ BEGIN
			UPDATE scim.groups SET version = version + 1 WHERE display_name = 'one';
			INSERT INTO scim.group_memberships (group_id, user_id) SELECT g.id, u.id FROM scim.groups g, scim.users u WHERE display_name = 'one' AND username = 'bob';
		END $$`, "6 3"},
		{"a group that is a member is deleted", "DELETE FROM scim.groups WHERE display_name = 'two'", "7"},
	} {
		c.run(step.sql)
		if got := c.texts(versions); !slices.Equal(got, []string{step.want}) {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
	c.holds("1", "SELECT count(*)::text FROM scim.group_memberships")
	c.refused("23514", "INSERT INTO scim.group_memberships (group_id) SELECT id FROM scim.groups")
	c.refused("23514", "INSERT INTO scim.group_memberships (group_id, user_id, member_group_id) SELECT g.id, u.id, g.id FROM scim.groups g, scim.users u")
	c.refused("23505", "INSERT INTO scim.group_memberships (group_id, user_id) SELECT g.id, u.id FROM scim.groups g, scim.users u")
}

func TestInitDBIsRunByAnOwnerWhoIsNoSuperuser(t *testing.T) {
	db := pgtest.Database(t)
	admin := connect(t, db.Admin)
	admin.run("ALTER DATABASE " + db.Role + " OWNER TO " + db.Role)
	admin.run("ALTER ROLE " + db.Role + " CREATEROLE")
	admin.run(`CREATE EXTENSION pg_stat_statements`) // only a superuser may
	c := connect(t, db.URL)
	c.run(script(t, initDB))
	c.run("SET scim.tenant_id = 'a'")
	c.run("INSERT INTO scim.users (username) VALUES ('ada')")
	c.run("DROP INDEX scim.idx_users_tenant_username; UPDATE scim.users SET tenant_id = 'a'")
	c.run("INSERT INTO scim.users (username) VALUES ('ADA')")
	c.run("RESET scim.tenant_id")
	c.refused("23505", script(t, initDB)) // it sees them, whoever's they are
	c.run("ROLLBACK")
	c.run("SET scim.tenant_id = 'a'")
	c.run("DELETE FROM scim.users WHERE username = 'ADA'")
	c.run(script(t, initDB))
	admin.holds("true", "SELECT relforcerowsecurity::text FROM pg_class WHERE oid = 'scim.users'::regclass")
}

func TestNamesAreServedByIndexesWherePoliciesBind(t *testing.T) {
	db := pgtest.Database(t, script(t, guideSQL), script(t, initDB))
	admin := connect(t, db.Admin)
	admin.run("INSERT INTO scim.users (tenant_id, username) SELECT 'a', 'User' || i FROM generate_series(1, 5000) i")
	admin.run("INSERT INTO scim.groups (tenant_id, display_name) SELECT 'a', 'Group' || i FROM generate_series(1, 5000) i")
	admin.run("INSERT INTO scim.users (tenant_id, username) VALUES ('a', 'ALİ ΟΔΟΣ')")
	admin.run("ANALYZE scim.users")
	admin.run("ANALYZE scim.groups")
	admin.holds("ali οδοσ", "SELECT username_folded FROM scim.users WHERE username LIKE 'AL%'")
	c := connect(t, db.URL)
	c.run("SET scim.tenant_id = 'a'")
	for sql, index := range map[string]string{
		"SELECT id FROM scim.users WHERE username_folded = 'user77'":                                       "idx_users_tenant_username",
		"SELECT id FROM scim.users WHERE username_folded >= 'user77' AND username_folded < 'user78'":       "idx_users_tenant_username",
		"SELECT id FROM scim.users ORDER BY username_folded, id LIMIT 10":                                  "idx_users_tenant_username",
		"SELECT id FROM scim.groups WHERE display_name_folded = 'group77'":                                 "idx_groups_tenant_name",
		"SELECT id FROM scim.users WHERE external_id = 'x'":                                                "external_id",
		"SELECT id FROM scim.users WHERE id > '77777777-7777-4777-8777-777777777777' ORDER BY id LIMIT 10": "idx_users_tenant",
	} {
		c.run("SET enable_seqscan = off") // so few rows may well be read whole
		plan := strings.Join(c.texts("EXPLAIN "+sql), "\n")
		if !strings.Contains(plan, index) || strings.Contains(plan, "Filter: (username_folded") {
			t.Errorf("%s: %s", sql, plan)
		}
	}
}
