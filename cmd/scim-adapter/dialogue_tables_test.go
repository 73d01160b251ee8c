package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// The branches of entries that a dialogue speaks of, where there are no entries but rows.
const (
	tablePeople = "ou=people,dc=tables"
	tableGroups = "ou=groups,dc=tables"
)

// directoryTraits are those of the traits that hold of a directory.
type directoryTraits []string

var (
	entryTraits = directoryTraits{"narrow", "derived", "entries", "departments", "userTypes", "phones", "passwords", "nesting", "texts"}
	worldTraits = map[string]directoryTraits{
		"an LDAP directory": entryTraits,
		"postgres-scim":     {"departments", "userTypes", "phones", "passwords", "nesting", "texts"},
		"hr-tables":         {"narrow"},
	}
)

// hold says whether a condition of a dialogue is met.
func (d directoryTraits) hold(only string) bool {
	trait, not := strings.CutPrefix(only, "not ")
	return only == "" || slices.Contains(d, trait) != not
}

// fits says whether the directory has a place for all that a dialogue is about.
func (d dialogue) fits(has directoryTraits) bool {
	return !slices.ContainsFunc(d.needs, func(need string) bool { return !slices.Contains(has, need) })
}

// steps counts those of a dialogue that are played over a directory.
func (d dialogue) steps(has directoryTraits) int {
	n := 0
	for _, s := range d.situations {
		for _, st := range s.steps {
			if d.fits(has) && has.hold(s.only) && has.hold(st.only) {
				n++
			}
		}
	}
	return n
}

// asEntries gives for a name the attributes that an entry of that name would have: a name and a value a row. What points at somebody is written uid=name or
// cn=name, and a placeholder stands where an entry must have one.
var asEntries = map[string]struct{ person, group string }{
	"postgres-scim": {
		person: `WITH u AS (SELECT *, data->'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User' AS e FROM scim.users WHERE lower(username) = lower($1))
SELECT k, v FROM u, LATERAL (VALUES ('uid', username), ('sn', coalesce(data->'name'->>'familyName', '-')), ('givenName', data->'name'->>'givenName'),
	('displayName', data->>'displayName'), ('title', data->>'title'), ('employeeType', data->>'userType'), ('preferredLanguage', data->>'preferredLanguage'),
	('employeeNumber', e->>'employeeNumber'), ('departmentNumber', e->>'department'), ('o', e->>'organization'), ('userPassword', password_hash),
	('manager', (SELECT 'uid=' || username FROM scim.users m WHERE m.id::text = u.e->'manager'->>'value')),
	('pwdAccountLockedTime', CASE WHEN data->>'active' = 'false' THEN '000001010000Z' END)) AS t (k, v)
UNION ALL SELECT 'mail', m->>'value' FROM u, jsonb_array_elements(data->'emails') m WHERE coalesce(lower(m->>'type'), 'work') = 'work'
UNION ALL SELECT t.k, p->>'value' FROM u, jsonb_array_elements(data->'phoneNumbers') p, (VALUES ('work', 'telephoneNumber'), ('mobile', 'mobile'), ('home', 'homePhone'),
	('fax', 'facsimileTelephoneNumber'), ('pager', 'pager')) AS t (typ, k) WHERE t.typ = coalesce(lower(p->>'type'), 'work')
UNION ALL SELECT t.k, a->>t.part FROM u, jsonb_array_elements(data->'addresses') a, (VALUES ('streetAddress', 'street'), ('locality', 'l'), ('region', 'st'),
	('postalCode', 'postalCode')) AS t (part, k) WHERE coalesce(lower(a->>'type'), 'work') = 'work'`,
		group: `WITH g AS (SELECT * FROM scim.groups WHERE lower(display_name) = lower($1))
SELECT 'cn', display_name FROM g
UNION ALL SELECT 'member', coalesce('uid=' || u.username, 'cn=' || i.display_name) FROM g JOIN scim.group_memberships m ON m.group_id = g.id
	LEFT JOIN scim.users u ON u.id = m.user_id LEFT JOIN scim.groups i ON i.id = m.member_group_id
UNION ALL SELECT 'member', 'cn=nobody' FROM g WHERE NOT EXISTS (SELECT FROM scim.group_memberships m WHERE m.group_id = g.id)`,
	},
	"hr-tables": {
		person: `WITH u AS (SELECT * FROM hr.person WHERE lower(login) = lower($1) AND record_type = 'P')
SELECT k, v FROM u, LATERAL (VALUES ('uid', login), ('sn', coalesce(last_name, '-')), ('givenName', first_name), ('displayName', known_as), ('title', job_title),
	('preferredLanguage', language), ('employeeNumber', personnel_no), ('street', office_street), ('l', office_city), ('st', office_region), ('postalCode', office_postcode),
	('manager', (SELECT 'uid=' || login FROM hr.person m WHERE m.person_id = u.manager_id)),
	('pwdAccountLockedTime', CASE WHEN left_on IS NOT NULL THEN '000001010000Z' END)) AS t (k, v)
UNION ALL SELECT 'mail', address::text FROM u JOIN hr.person_email USING (person_id) WHERE kind = 'W'
UNION ALL SELECT t.k, p.number FROM u JOIN hr.phone p USING (person_id) JOIN (VALUES ('work', 'telephoneNumber'), ('mobile', 'mobile'), ('home', 'homePhone'),
	('fax', 'facsimileTelephoneNumber'), ('pager', 'pager')) AS t (typ, k) ON t.typ = p.kind`,
		group: `WITH g AS (SELECT * FROM hr.team WHERE lower(title) = lower($1) AND dissolved_at IS NULL)
SELECT 'cn', title FROM g
UNION ALL SELECT 'member', 'uid=' || login FROM g JOIN hr.team_member USING (team_id) JOIN hr.person USING (person_id)
UNION ALL SELECT 'member', 'cn=nobody' FROM g WHERE NOT EXISTS (SELECT FROM hr.team_member m WHERE m.team_id = g.team_id)`,
	},
}

// rowAsEntry reads a row as the entry that it would be; nil when there is none.
func (h *house) rowAsEntry(t *testing.T, dn string) map[string][]string {
	t.Helper()
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		t.Fatalf("%s: %v", dn, err)
	}
	queries := asEntries[h.tables.kind.name]
	query := queries.person
	if strings.HasSuffix(dn, tableGroups) {
		query = queries.group
	}
	pairs := h.tables.admin.texts("SELECT coalesce(k || chr(10) || v, k) FROM ("+query+") AS found (k, v)", parsed.RDNs[0].Attributes[0].Value)
	if len(pairs) == 0 {
		return nil
	}
	all := map[string][]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "\n")
		if ok {
			all[name] = append(all[name], pointed(name, value))
		}
	}
	return all
}

// pointed writes out what a row points at as a DN.
func pointed(name, value string) string {
	kind, who, _ := strings.Cut(value, "=")
	switch {
	case name != "member" && name != "manager", value == "cn=nobody":
		return value
	case kind == "uid":
		return "uid=" + ldap.EscapeDN(who) + "," + tablePeople
	}
	return "cn=" + ldap.EscapeDN(who) + "," + tableGroups
}
