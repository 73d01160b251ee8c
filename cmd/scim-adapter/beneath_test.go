package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/crypto/bcrypt"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// What tests look at and do behind the adapter's back, in whatever stands there: entries of a directory, or rows of tables.

// tables is a database under a house.
type tables struct {
	db    pgtest.DB
	admin sqlConn
	kind  tableWorld
}

// tableWorld is an example over tables: how its database is made, and where it keeps things. $1 is a SCIM id, or a name.
type tableWorld struct {
	name, config  string
	scripts       []string
	everything    bool              // what has no column is kept, too
	nests         bool              // groups are members of groups
	passwords     bool              // are kept
	kept          map[string]string // queries for what SCIM calls so
	named         string            // a group's id
	outsider      string            // makes a record that the mapping leaves out, and gives its id
	there         string            // whether that is there still
	stranger      string            // makes that a member of a group
	arrive, leave string            // somebody who is made and deleted without the adapter
}

const enterpriseKey = `data->'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'`

func tableWorlds(t *testing.T) []tableWorld {
	t.Helper()
	return []tableWorld{
		{
			name: "postgres-scim", config: "../../configs/examples/postgres-scim.yaml", scripts: []string{script(t, initDB)}, everything: true, nests: true, passwords: true,
			kept: map[string]string{
				"userName": "SELECT username FROM scim.users WHERE id::text = $1", "displayName": "SELECT data->>'displayName' FROM scim.users WHERE id::text = $1",
				"name.familyName": "SELECT data->'name'->>'familyName' FROM scim.users WHERE id::text = $1",
				"name.givenName":  "SELECT data->'name'->>'givenName' FROM scim.users WHERE id::text = $1",
				"name.formatted":  "SELECT data->'name'->>'formatted' FROM scim.users WHERE id::text = $1",
				"emails":          "SELECT e->>'value' FROM scim.users, jsonb_array_elements(data->'emails') e WHERE id::text = $1",
				"work":            "SELECT p->>'value' FROM scim.users, jsonb_array_elements(data->'phoneNumbers') p WHERE id::text = $1 AND p->>'type' = 'work'",
				"mobile":          "SELECT p->>'value' FROM scim.users, jsonb_array_elements(data->'phoneNumbers') p WHERE id::text = $1 AND p->>'type' = 'mobile'",
				"employeeNumber":  "SELECT " + enterpriseKey + "->>'employeeNumber' FROM scim.users WHERE id::text = $1",
				"manager":         "SELECT " + enterpriseKey + "->'manager'->>'value' FROM scim.users WHERE id::text = $1",
				"members":         "SELECT coalesce(user_id, member_group_id)::text FROM scim.group_memberships WHERE group_id::text = $1",
			},
			named:    "SELECT id::text FROM scim.groups WHERE display_name = $1 AND tenant_id = 'default'",
			outsider: "INSERT INTO scim.users (tenant_id, username) VALUES ('another', 'outside') RETURNING id::text",
			there:    "SELECT count(*)::text FROM scim.users WHERE id::text = $1",
			stranger: "INSERT INTO scim.group_memberships (tenant_id, group_id, user_id) VALUES ('default', $1::text::uuid, $2::text::uuid)",
			arrive:   "INSERT INTO scim.users (tenant_id, username) VALUES ('default', $1)",
			leave:    "DELETE FROM scim.users WHERE username = $1",
		},
		{
			name: "hr-tables", config: "../../configs/examples/hr-tables.yaml",
			// Tests put ids in order as the texts that they are, and the database as the numbers that they are: these have one length.
			scripts: []string{
				script(t, "../../configs/examples/hr-tables/schema.sql"),
				"ALTER SEQUENCE hr.person_person_id_seq RESTART 1000000; ALTER SEQUENCE hr.team_team_id_seq RESTART 2000000",
			},
			kept: map[string]string{
				"userName": "SELECT login FROM hr.person WHERE person_id::text = $1", "displayName": "SELECT known_as FROM hr.person WHERE person_id::text = $1",
				"name.familyName": "SELECT last_name FROM hr.person WHERE person_id::text = $1", "name.givenName": "SELECT first_name FROM hr.person WHERE person_id::text = $1",
				"name.formatted": "SELECT full_name FROM hr.person WHERE person_id::text = $1",
				"emails":         "SELECT address::text FROM hr.person_email WHERE person_id::text = $1",
				"work":           "SELECT number FROM hr.phone WHERE person_id::text = $1 AND kind = 'work'",
				"mobile":         "SELECT number FROM hr.phone WHERE person_id::text = $1 AND kind = 'mobile'",
				"employeeNumber": "SELECT personnel_no FROM hr.person WHERE person_id::text = $1", "manager": "SELECT manager_id::text FROM hr.person WHERE person_id::text = $1",
				"members": "SELECT person_id::text FROM hr.team_member WHERE team_id::text = $1",
			},
			named:    "SELECT team_id::text FROM hr.team WHERE title = $1 AND dissolved_at IS NULL",
			outsider: "INSERT INTO hr.person (record_type, login) VALUES ('M', 'outside') RETURNING person_id::text",
			there:    "SELECT count(*)::text FROM hr.person WHERE person_id::text = $1",
			stranger: "INSERT INTO hr.team_member (team_id, person_id) VALUES ($1::text::bigint, $2::text::bigint)",
			arrive:   "INSERT INTO hr.person (login) VALUES ($1)",
			leave:    "DELETE FROM hr.person WHERE login = $1",
		},
	}
}

// molds are what tests over tables begin with, by their scripts, which run once.
var molds sync.Map

// database has the tables of this world, and nobody in them.
func (w tableWorld) database(t *testing.T) pgtest.DB {
	t.Helper()
	mold, _ := molds.LoadOrStore(strings.Join(w.scripts, "\n"), &pgtest.Mold{Scripts: w.scripts})
	return mold.(*pgtest.Mold).Database(t) //nolint:forcetypeassert // nothing else is stored
}

// breakMolds is for when all tests have ended.
func breakMolds() {
	molds.Range(func(_, mold any) bool {
		if err := mold.(*pgtest.Mold).Break(); err != nil { //nolint:forcetypeassert // nothing else is stored
			fmt.Fprintln(os.Stderr, err)
		}
		return true
	})
}

// openTables builds a house over a database of its own.
func openTables(t *testing.T, w tableWorld) *house {
	t.Helper()
	db := w.database(t)
	h := &house{config: w.config, url: db.URL, tables: &tables{db: db, admin: connect(t, db.Admin), kind: w}}
	h.scimClient = scimClient{t: t, token: "a-token-of-the-tests"}
	h.serve(w.config, db.URL)
	return h
}

// nests says whether groups are members of groups.
func (h *house) nests() bool { return h.tables == nil || h.tables.kind.nests }

// passwords says whether users have any.
func (h *house) passwords() bool { return h.tables == nil || h.tables.kind.passwords }

// entryAttributes are where the example for OpenLDAP keeps what SCIM calls so.
var entryAttributes = map[string]string{
	"userName": "uid", "displayName": "displayName", "name.familyName": "sn", "name.givenName": "givenName", "name.formatted": "cn", "emails": "mail",
	"work": "telephoneNumber", "mobile": "mobile", "employeeNumber": "employeeNumber", "manager": "manager", "members": "member",
}

// kept are the values of an attribute as they are stored, sorted. The placeholder of an empty group is none.
func (h *house) kept(t testing.TB, id, what string) []string {
	t.Helper()
	var found []string
	if h.tables == nil {
		found = slices.DeleteFunc(h.byID(t, id).GetAttributeValues(entryAttributes[what]), func(v string) bool { return v == "cn=nobody" })
	} else {
		query := h.tables.kind.kept[what]
		if query == "" {
			t.Fatalf("nobody knows where %s has its %s", h.tables.kind.name, what)
		}
		found = h.tables.admin.texts("SELECT v FROM ("+query+") AS kept (v) WHERE v IS NOT NULL", id)
	}
	slices.Sort(found)
	return found
}

// keeps fails unless these are the values that are stored.
func (h *house) keeps(t testing.TB, id, what string, want ...string) {
	t.Helper()
	if got := h.kept(t, id, what); !slices.Equal(got, want) {
		t.Errorf("what is stored as %s is %q, want %q", what, got, want)
	}
}

// pointer is what records point at another with: its DN, or its key.
func (h *house) pointer(t testing.TB, id string) string {
	t.Helper()
	if h.tables == nil {
		return h.byID(t, id).DN
	}
	return id
}

// outsider makes a person that the mapping leaves out, and says whether it is there still.
func (h *house) outsider(t testing.TB) (id string, there func() bool) {
	t.Helper()
	if h.tables != nil {
		id := h.tables.admin.texts(h.tables.kind.outsider)[0]
		return id, func() bool { return h.tables.admin.texts(h.tables.kind.there, id)[0] == "1" }
	}
	h.add(t, "ou=machines,"+h.base, "objectClass", "organizationalUnit")
	dn := "uid=outside,ou=machines," + h.base
	h.add(t, dn, "objectClass", "inetOrgPerson", "uid", "outside", "sn", "x", "cn", "x")
	return h.entry(t, dn).GetAttributeValue("entryUUID"), func() bool { return h.entry(t, dn) != nil }
}

// stranger makes a member of a group that the mapping leaves out, and gives what points at it.
func (h *house) stranger(t testing.TB, group string) string {
	t.Helper()
	if h.tables != nil {
		id, _ := h.outsider(t)
		h.tables.admin.run(h.tables.kind.stranger, group, id)
		return id
	}
	const dn = "cn=stranger,dc=elsewhere"
	mod := ldap.NewModifyRequest(h.byID(t, group).DN, nil)
	mod.Add("member", []string{dn})
	if err := h.ldap.Modify(mod); err != nil {
		t.Fatal(err)
	}
	return dn
}

// groupNamed is the id of a group that somebody else has made.
func (h *house) groupNamed(t testing.TB, name string) (string, error) {
	t.Helper()
	if h.tables == nil {
		if e := h.entry(t, "cn="+name+","+h.groups); e != nil {
			return e.GetAttributeValue("entryUUID"), nil
		}
	} else if found := h.tables.admin.texts(h.tables.kind.named, name); len(found) == 1 {
		return found[0], nil
	}
	return "", fmt.Errorf("there is no group %s", name)
}

// arrive makes a person without the adapter. It and leave may be used in one other goroutine than the test's.
func (h *house) arrive(name string) error {
	if h.tables != nil {
		return h.tables.admin.try(h.tables.kind.arrive, name)
	}
	person := ldap.NewAddRequest("uid="+name+","+h.people, nil)
	for attr, value := range map[string]string{"objectClass": "inetOrgPerson", "uid": name, "cn": "x", "sn": "x"} {
		person.Attribute(attr, []string{value})
	}
	return h.ldap.Add(person)
}

func (h *house) leave(name string) error {
	if h.tables != nil {
		return h.tables.admin.try(h.tables.kind.leave, name)
	}
	return h.ldap.Del(ldap.NewDelRequest("uid="+name+","+h.people, nil))
}

// letsIn says whether somebody's password is this one.
func (h *house) letsIn(t testing.TB, id, password string) bool {
	t.Helper()
	if h.tables == nil {
		return h.bind(h.byID(t, id).DN, password) == nil
	}
	hash := h.tables.admin.texts("SELECT coalesce(password_hash, '') FROM scim.users WHERE id::text = $1", id)[0]
	return strings.HasPrefix(hash, "$2") && bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
}
