package main

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// People in a directory, teams in a database: what neither of the two knows of the other is the adapter's to keep together.

const mixedConfig = "../../configs/examples/ldap-people-postgres-teams.yaml"

// mixedHouse is a house over two servers. house is of the people, in LDAP.
type mixedHouse struct {
	*house
	db    pgtest.DB
	teams sqlConn // as the owner of the tables
}

func openMixed(t *testing.T, ldapURL string) mixedHouse {
	t.Helper()
	return openMixedFrom(t, mixedConfig, ldapURL)
}

func openMixedFrom(t *testing.T, config, ldapURL string, scripts ...string) mixedHouse {
	t.Helper()
	db := pgtest.Database(t, append([]string{script(t, "../../configs/examples/ldap-people-postgres-teams/schema.sql")}, scripts...)...)
	t.Setenv("TEAMS_DATABASE_URL", db.URL)
	return mixedHouse{openHouseFrom(t, config, ldapURL), db, connect(t, db.Admin)}
}

// bothWays runs a test with each directory beside the database.
func bothWays(t *testing.T, f func(t *testing.T, h mixedHouse)) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openMixed(t, d.url(t))
			h.overlays = d.overlays
			f(t, h)
		})
	}
}

// holds fails unless a team's rows are of these people.
func (h mixedHouse) holds(team string, want ...string) {
	h.t.Helper()
	slices.Sort(want)
	if got := h.teams.texts("SELECT person::text FROM team.member WHERE team_id::text = $1 ORDER BY 1", team); !slices.Equal(got, want) {
		h.t.Errorf("the rows of %s are of %v, want %v", team, got, want)
	}
}

// shows fails unless a team is shown with these members, and they with the team.
func (h mixedHouse) shows(team string, want ...string) {
	h.t.Helper()
	slices.Sort(want)
	if got := h.memberIDs(team); !slices.Equal(got, want) {
		h.t.Errorf("the members of %s are %v, want %v", team, got, want)
	}
	found, _ := h.list("/Users", `groups.value eq "`+team+`"`)
	got := names(found, "id")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		h.t.Errorf("%s is a group of %v, want %v", team, got, want)
	}
}

func member(ids ...string) []any {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = map[string]any{"value": id}
	}
	return list
}

func TestATeamInADatabaseOfPeopleInADirectory(t *testing.T) {
	bothWays(t, func(t *testing.T, h mixedHouse) {
		ids := h.users(4)
		g := h.group("Engineers", ids[0], ids[1])
		id := g.id()
		if got := g.text("members.0.$ref"); got != h.scimClient.base+"/Users/"+g.text("members.0.value") || g.text("members.0.display") == "" {
			t.Errorf("the first member is %v", g.at("members.0"))
		}
		h.holds(id, ids[0], ids[1])
		h.shows(id, ids[0], ids[1])
		for _, s := range []struct {
			claim string
			op    map[string]any
			want  []string
		}{
			{"add two, one of them again", op("add", "members", member(ids[1], ids[2])), ids[:3]},
			{"remove by filter", op("remove", `members[value eq "`+ids[0]+`"]`, nil), ids[1:3]},
			{"remove who is none", op("remove", `members[value eq "`+ids[3]+`"]`, nil), ids[1:3]},
			{"remove whom nobody knows", op("remove", `members[value eq "00000000-0000-0000-0000-000000000000"]`, nil), ids[1:3]},
			{"remove what is no key", op("remove", `members[value eq "bjensen"]`, nil), ids[1:3]},
			{"replace", op("replace", "members", member(ids[3], ids[0])), []string{ids[0], ids[3]}},
			{"remove all", op("remove", "members", nil), nil},
			{"add to nobody", op("add", "members", member(ids[2])), ids[2:3]},
		} {
			if a := h.do("PATCH", "/Groups/"+id, patch(s.op)); a.status != 204 {
				t.Errorf("%s: %s", s.claim, a.raw)
			}
			h.holds(id, s.want...)
			h.shows(id, s.want...)
		}
		for _, unknown := range []string{"00000000-0000-0000-0000-000000000000", "bjensen", id, "' OR true --"} {
			h.do("PATCH", "/Groups/"+id, patch(op("add", "members", member(ids[1], unknown)))).wantError(t, 400, "invalidValue")
			h.do("POST", "/Groups", map[string]any{"displayName": "nobody's", "members": member(unknown)}).wantError(t, 400, "invalidValue")
		}
		h.holds(id, ids[2])
		if _, total := h.list("/Groups", ""); total != 1 {
			t.Errorf("%d groups", total)
		}
		h.do("PUT", "/Groups/"+id, map[string]any{"displayName": "Builders", "members": member(ids[0], ids[3])}).want(t, 200)
		h.shows(id, ids[0], ids[3])
		h.do("DELETE", "/Groups/"+id, nil).want(t, 204)
		h.holds(id)
		if a := h.do("GET", "/Users/"+ids[0], nil).want(t, 200); a.at("groups") != nil {
			t.Errorf("the team is gone: %s", a.raw)
		}
	})
}

func TestFiltersAndPagesAcrossTheTwo(t *testing.T) {
	bothWays(t, func(t *testing.T, h mixedHouse) {
		ids := []string{h.user("member000").id(), h.user("member001").id(), h.user("member002").id()}
		alpha, beta := h.group("alpha", ids[0], ids[1]).id(), h.group("beta", ids[1]).id()
		for filter, want := range map[string]string{
			`members.value eq "` + ids[0] + `"`: "alpha", `members eq "` + ids[1] + `"`: "alpha beta", `members[value eq "` + ids[2] + `"]`: "",
			`members.value eq "nobody"`: "", `members.value eq "00000000-0000-0000-0000-000000000000"`: "", `not (members.value eq "` + ids[0] + `")`: "beta",
			`not (members.value eq "nobody")`: "alpha beta", `members pr and displayName sw "B"`: "beta", `members.value ne "` + ids[0] + `"`: "beta",
		} {
			found, total := h.list("/Groups", filter, "sortBy", "displayName")
			if got := strings.Join(names(found, "displayName"), " "); got != want || total != len(found) {
				t.Errorf("%s finds %q of %d, want %q", filter, got, total, want)
			}
		}
		for filter, want := range map[string]string{
			`groups eq "` + alpha + `"`: "member000 member001", `groups.value eq "` + beta + `" and userName sw "MEMBER"`: "member001", `groups.value eq "nobody"`: "",
			`not (groups.value eq "` + alpha + `")`: "member002", `groups.value eq "` + alpha + `" and not (groups.value eq "` + beta + `")`: "member000",
			`groups.value eq "` + alpha + `" or userName eq "member002"`: "member000 member001 member002",
		} {
			found, total := h.list("/Users", filter, "sortBy", "userName")
			if got := strings.Join(names(found, "userName"), " "); got != want || total != len(found) {
				t.Errorf("%s finds %q of %d, want %q", filter, got, total, want)
			}
		}
		// A page shows the teams of each.
		found, _ := h.list("/Users", "", "sortBy", "userName", "attributes", "userName,groups")
		for i, want := range []string{"alpha", "alpha beta", ""} {
			var teams []string
			groups, _ := found[i]["groups"].([]any)
			for _, g := range groups {
				teams = append(teams, at(g, "display").(string))
				if at(g, "type") != "direct" || !strings.HasSuffix(at(g, "$ref").(string), "/Groups/"+at(g, "value").(string)) {
					t.Errorf("%v", g)
				}
			}
			slices.Sort(teams)
			if got := strings.Join(teams, " "); got != want {
				t.Errorf("%v is in %q, want %q", found[i]["userName"], got, want)
			}
		}
	})
}

// TestWhoIsRenamedStaysInHisTeams: the column holds what never changes of an entry.
func TestWhoIsRenamedStaysInHisTeams(t *testing.T) {
	bothWays(t, func(t *testing.T, h mixedHouse) {
		ids := h.users(2)
		team := h.group("Engineers", ids...).id()
		etag := h.do("GET", "/Groups/"+team, nil).header.Get("ETag")
		h.do("PATCH", "/Users/"+ids[0], patch(op("replace", "userName", "renamed"))).want(t, 200)
		if dn := h.byID(t, ids[0]).DN; !strings.HasPrefix(dn, "uid=renamed,") {
			t.Errorf("DN %s", dn)
		}
		h.shows(team, ids...)
		if got := h.do("GET", "/Groups/"+team, nil).header.Get("ETag"); got != etag {
			t.Errorf("the team is another one, %s", got)
		}
	})
}

// TestMembersByLogin: the column holds uids. A rename takes them along, and a deleted person's is not left to the next who is called so.
func TestMembersByLogin(t *testing.T) {
	config := filepath.Join(t.TempDir(), "scim.yaml")
	text := strings.Replace(script(t, mixedConfig), "ref(User.entryUUID)", "ref(User.uid)", 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openMixedFrom(t, config, d.url(t), "ALTER TABLE team.member ALTER person TYPE varchar(64) USING person::text")
			ada, bob := h.user("ada").id(), h.user("bob").id()
			team := h.group("Engineers", ada, bob).id()
			h.holds(team, "ada", "bob")
			h.shows(team, ada, bob)
			h.do("PATCH", "/Users/"+ada, patch(op("replace", "userName", "countess"))).want(t, 200)
			h.holds(team, "bob", "countess")
			h.shows(team, ada, bob)
			h.do("PATCH", "/Groups/"+team, patch(op("remove", "members", member(bob)))).want(t, 204)
			h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
			h.holds(team)
			next := h.user("countess").id()
			h.shows(team)
			h.do("PATCH", "/Groups/"+team, patch(op("add", "members", member(next)))).want(t, 204)
			h.shows(team, next)
		})
	}
}

// TestWhoIsDeletedLeavesNoRow: there is no foreign key that would see to it.
func TestWhoIsDeletedLeavesNoRow(t *testing.T) {
	bothWays(t, func(t *testing.T, h mixedHouse) {
		ids := h.users(2)
		one, two := h.group("one", ids...).id(), h.group("two", ids[0]).id()
		etag := h.do("GET", "/Groups/"+one, nil).header.Get("ETag")
		h.do("DELETE", "/Users/"+ids[0], nil).want(t, 204)
		h.holds(one, ids[1])
		h.holds(two)
		h.shows(one, ids[1])
		h.do("PATCH", "/Groups/"+one, patch(op("replace", "displayName", "mine")), "If-Match", etag).want(t, 412)
		e := h.lastEvent()
		var steps []string
		for i, s := range e.Intent.Steps {
			steps = append(steps, s.Op+" "+s.Backend)
			if s.Backend == "Group" && !slices.Equal(e.Outcome.Steps[i].Effective[0].Values.Texts(), ids[:1]) {
				t.Errorf("of step %d it says %+v", i, e.Outcome.Steps[i])
			}
		}
		if got := strings.Join(steps, ", "); got != "delete User, modify Group, modify Group" && got != "delete User, modify Group, modify Group, overlay User" {
			t.Errorf("the journal's steps are %s", got)
		}
	})
}

// TestRowsOfWhoIsNotThereAreHiddenAndKept: somebody deleted a person without the adapter, or the row is of another branch's.
func TestRowsOfWhoIsNotThereAreHiddenAndKept(t *testing.T) {
	bothWays(t, func(t *testing.T, h mixedHouse) {
		ids := h.users(3)
		team := h.group("Engineers", ids...).id()
		if err := h.ldap.Del(ldap.NewDelRequest(h.byID(t, ids[0]).DN, nil)); err != nil {
			t.Fatal(err)
		}
		outsider, _ := h.outsider(t)
		h.teams.run("INSERT INTO team.member SELECT team_id, $2::text::uuid FROM team.team WHERE team_id::text = $1", team, outsider)
		h.shows(team, ids[1], ids[2])
		h.do("PATCH", "/Groups/"+team, patch(op("remove", "members", member(ids[1])))).want(t, 204)
		h.holds(team, ids[0], ids[2], outsider)
		h.do("PUT", "/Groups/"+team, map[string]any{"displayName": "Engineers", "members": member(ids[1])}).want(t, 200)
		h.holds(team, ids[0], ids[1], outsider)
		h.shows(team, ids[1])
		for _, id := range []string{ids[0], outsider} {
			if _, total := h.list("/Groups", `members.value eq "`+id+`"`); total != 0 {
				t.Errorf("%s finds a team", id)
			}
			h.do("PATCH", "/Groups/"+team, patch(op("add", "members", member(id)))).wantError(t, 400, "invalidValue")
		}
		h.do("DELETE", "/Groups/"+team, nil).want(t, 204)
		h.holds(team)
	})
}

// TestWhoIsDeletedWhileJoiningLeavesNoRow: neither server could refuse one of the two for the other's sake.
func TestWhoIsDeletedWhileJoiningLeavesNoRow(t *testing.T) {
	bothWays(t, func(t *testing.T, h mixedHouse) {
		ids := h.users(10)
		team := h.group("Engineers").id()
		done := make(chan error)
		for _, id := range ids {
			go func() {
				a, err := h.try("PATCH", "/Groups/"+team, patch(op("add", "members", member(id))))
				if err == nil && a.status != 204 && a.status != 400 {
					t.Errorf("joining: %s", a.raw)
				}
				done <- err
			}()
			go func() {
				a, err := h.try("DELETE", "/Users/"+id, nil)
				if err == nil && a.status != 204 {
					t.Errorf("deleting: %s", a.raw)
				}
				done <- err
			}()
		}
		for range 2 * len(ids) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		h.holds(team)
	})
}

// answers asks for each of the paths, and fails unless it gets its status; 503 says when to come back, and nothing of addresses.
func (h mixedHouse) answers(t *testing.T, want []asked) {
	t.Helper()
	for _, c := range want {
		a := h.do(c.method, c.path, c.body)
		if a.status != c.status {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, a.status, c.status, a.raw)
			continue
		}
		if a.status == 503 && (a.header.Get("Retry-After") == "" || strings.Contains(a.raw, "127.0.0.1")) {
			t.Errorf("%s %s: %v %s", c.method, c.path, a.header, a.raw)
		}
	}
}

type asked struct {
	method, path string
	body         any
	status       int
}

func queried(path, filter, more string) string {
	return path + "?filter=" + url.QueryEscape(filter) + more
}

// TestWithoutTheDirectoryTheTeamsGoOn: what needs a person is 503; what needs none is answered.
func TestWithoutTheDirectoryTheTeamsGoOn(t *testing.T) {
	dir, env := ownServers(t, "overlays")
	h := openMixed(t, env["SCIM_TEST_LDAP_URL"])
	ids := h.users(2)
	team, other := h.group("Engineers", ids[0]).id(), h.group("Nobody").id()
	restart := kill(t, dir, "overlays", env["SCIM_TEST_LDAP_URL"])
	h.answers(t, []asked{
		{"GET", "/Users", nil, 503},
		{"GET", "/Users/" + ids[0], nil, 503},
		{"GET", "/Groups/" + team, nil, 503}, // who its members are can only the directory say
		{"GET", queried("/Groups", `members.value eq "`+ids[0]+`"`, "&attributes=displayName"), nil, 503},
		{"PATCH", "/Groups/" + team, patch(op("add", "members", member(ids[1]))), 503},
		{"PATCH", "/Groups/" + team, patch(op("remove", "members", member(ids[0]))), 503},
		{"POST", "/Groups", map[string]any{"displayName": "new", "members": member(ids[0])}, 503},
		{"DELETE", "/Users/" + ids[0], nil, 503},
		{"GET", "/Groups/" + team + "?attributes=displayName", nil, 200},
		{"GET", "/Groups?excludedAttributes=members", nil, 200},
		{"GET", queried("/Groups", `displayName eq "engineers"`, "&excludedAttributes=members"), nil, 200},
		{"GET", "/Groups/" + other, nil, 200},
		{"POST", "/Groups", map[string]any{"displayName": "of nobody"}, 201},
		{"PATCH", "/Groups/" + other, patch(op("replace", "displayName", "Somebody")), 204},
		{"DELETE", "/Groups/" + other, nil, 204},
	})
	h.holds(team, ids[0])
	h.readiness(t, 200, map[string]string{"corp": "down", "teams": "up"})
	restart()
	eventually(t, "the directory is back", func() bool { return h.do("GET", "/Groups/"+team, nil).status == 200 })
	h.shows(team, ids[0])
	h.readiness(t, 200, map[string]string{"corp": "up", "teams": "up"})
}

// TestWithoutTheDatabaseThePeopleGoOn: but nobody is deleted whose memberships cannot be.
func TestWithoutTheDatabaseThePeopleGoOn(t *testing.T) {
	bothWays(t, func(t *testing.T, h mixedHouse) {
		ids := h.users(2)
		team := h.group("Engineers", ids[0]).id()
		pgtest.Exec(t, h.db.Admin, "ALTER ROLE "+h.db.Role+" NOLOGIN", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+h.db.Role+"'")
		h.answers(t, []asked{
			{"GET", "/Groups/" + team, nil, 503},
			{"GET", "/Users/" + ids[0], nil, 503}, // and not without groups
			{"GET", queried("/Users", `groups.value eq "`+team+`"`, "&attributes=userName"), nil, 503},
			{"DELETE", "/Users/" + ids[0], nil, 503},
			{"DELETE", "/Users/" + ids[1], nil, 503},
			{"GET", "/Users/" + ids[0] + "?excludedAttributes=groups", nil, 200},
			{"GET", queried("/Users", `userName eq "member000"`, "&attributes=userName,emails"), nil, 200},
			{"PATCH", "/Users/" + ids[0] + "?attributes=title", patch(op("replace", "title", "x")), 200},
			{"POST", "/Users?attributes=userName", map[string]any{"userName": "newcomer"}, 201},
		})
		if h.byID(t, ids[0]).GetAttributeValue("title") != "x" {
			t.Error("the title is not stored")
		}
		h.readiness(t, 200, map[string]string{"corp": "up", "teams": "down"})
		pgtest.Exec(t, h.db.Admin, "ALTER ROLE "+h.db.Role+" LOGIN")
		h.shows(team, ids[0])
		h.readiness(t, 200, map[string]string{"corp": "up", "teams": "up"})
		h.do("DELETE", "/Users/"+ids[0], nil).want(t, 204)
		h.holds(team)
	})
}

// TestADeleteWhoseMembershipsStayIsTold: the person is gone, the database refuses the rest. The rows are hidden, and counted.
func TestADeleteWhoseMembershipsStayIsTold(t *testing.T) {
	h := openMixed(t, embeddedURL(t))
	ids := h.users(2)
	team := h.group("Engineers", ids...).id()
	pgtest.Exec(t, h.db.Admin, "REVOKE DELETE ON team.member FROM "+h.db.Role)
	h.do("DELETE", "/Users/"+ids[0], nil).want(t, 204)
	h.holds(team, ids...)
	h.shows(team, ids[1])
	if got := h.world.service.Stats().Dangling; got == 0 {
		t.Error("nobody counts what is left behind")
	}
}

// TestTheExampleOfTwoServersFitsThem is `check --live` for it.
func TestTheExampleOfTwoServersFitsThem(t *testing.T) {
	h := openMixed(t, embeddedURL(t))
	if report, err := check(t.Context(), mixedConfig, true); err != nil || !strings.Contains(report, "2 mappings over 2 backends, connected") {
		t.Errorf("%s %v", report, err)
	}
	pgtest.Exec(t, h.db.Admin, "REVOKE INSERT ON team.member FROM "+h.db.Role)
	if report, err := check(t.Context(), mixedConfig, true); err == nil || !strings.Contains(err.Error(), `GRANT INSERT ON "team"."member"`) {
		t.Errorf("%s %v", report, err)
	}
}
