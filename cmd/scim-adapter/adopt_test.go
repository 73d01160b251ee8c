package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// withRules is a copy of a configuration in which users are adopted by these rules.
func withRules(t *testing.T, config, rules string) (path string) {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "scim.yaml")
	with := strings.Replace(string(text), "  - mapping: User\n", "  - mapping: User\n    adopt:\n"+rules, 1)
	if err := os.WriteFile(path, []byte(with), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const everyRule = `      - {match: [enterprise:employeeNumber], then: link}
      - {match: [emails.value], then: conflict}
`

// adoptingEverywhere runs a test over each directory and each example's tables, with those rules.
func adoptingEverywhere(t *testing.T, f func(t *testing.T, h *house)) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			w.config = withRules(t, w.config, everyRule)
			f(t, openTables(t, w))
		})
	}
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouseFrom(t, withRules(t, exampleConfig, everyRule), d.url(t))
			h.overlays = d.overlays
			f(t, h)
		})
	}
}

// withNumber is a body of somebody with an employee number.
func withNumber(name, number string, more ...any) map[string]any {
	body := map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User", enterprise}, "userName": name, enterprise: map[string]any{"employeeNumber": number},
	}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

// total is how many users there are.
func (h *house) total(t *testing.T) string {
	t.Helper()
	return h.do("GET", "/Users?count=0", nil).want(t, 200).text("totalResults")
}

// adoptions are the events in which an account became a client's resource.
func adoptions(t *testing.T, s journal.Reader) (events []journal.Event) {
	t.Helper()
	for e, err := range s.Events(t.Context(), journal.Filter{Actions: []string{journal.ActionAdopt}, Newest: true}) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func TestAccountsThatAreThereBecomeTheClientsOwn(t *testing.T) {
	adoptingEverywhere(t, func(t *testing.T, h *house) {
		mail := []map[string]any{{"value": "ada@example.org", "type": "work"}}
		ada := h.do("POST", "/Users", withNumber("ada", "1815", "displayName", "Ada", "name", map[string]any{"familyName": "Byron", "givenName": "Ada"}, "emails", mail)).want(t, 201).id()
		h.do("PATCH", "/Users/"+ada, patch(op("replace", "displayName", "Ada Byron"))).want(t, 200)
		staff := h.group("staff", ada).id()
		before := h.everything(t)

		h.do("POST", "/Users", withNumber("alovelace", "1815"), "If-None-Match", "*").want(t, 412) // only what is not there yet
		body := withNumber("alovelace", "1815", "externalId", "o-1", "name", map[string]any{"familyName": "Lovelace"}, "password", "made up by the client")
		linked := h.do("POST", "/Users", body).want(t, 201)
		if got, want := linked.header.Get("Location"), h.scimClient.base+"/Users/"+ada; linked.id() != ada || got != want || h.total(t) != "1" {
			t.Fatalf("it became %s at %s, of %s", linked.id(), got, h.total(t))
		}
		for path, want := range map[string]string{"userName": "alovelace", "externalId": "o-1", "name.familyName": "Lovelace", "name.givenName": "Ada", "displayName": "Ada Byron", "emails.0.value": "ada@example.org"} {
			if got := linked.text(path); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		read := h.do("GET", "/Users/"+ada, nil).want(t, 200)
		if read.raw != linked.raw || read.header.Get("ETag") != linked.header.Get("ETag") {
			t.Errorf("GET  %s\nPOST %s", read.raw, linked.raw)
		}
		if got := h.do("GET", "/Groups/"+staff, nil).want(t, 200).text("members.0.value"); got != ada {
			t.Errorf("staff has %q", got)
		}
		h.keeps(t, ada, "name.familyName", "Lovelace")

		h.do("POST", "/Users", body).want(t, 201) // and once more
		bulk := h.do("POST", "/Bulk", map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": []any{map[string]any{"method": "POST", "path": "/Users", "bulkId": "x", "data": body}},
		}).want(t, 200)
		if bulk.text("Operations.0.status") != "201" || !strings.HasSuffix(bulk.text("Operations.0.location"), "/Users/"+ada) {
			t.Errorf("bulk: %s", bulk.raw)
		}
		h.do("POST", "/Users", withNumber("augusta", "1815", "externalId", "o-2")).wantError(t, 409, "uniqueness")
		if said := h.do("POST", "/Users", map[string]any{"userName": "other", "emails": mail}).wantError(t, 409, "uniqueness"); !strings.Contains(said.raw, ada) {
			t.Errorf("told %s", said.raw)
		}

		events := adoptions(t, h.world.store)
		if len(events) != 1 || events[0].ResourceID() != ada || !slices.Contains(events[0].Intent.Dropped, "password") {
			t.Fatalf("%d events: %+v", len(events), events)
		}
		h.takesBack(t, events[0])
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("after undo:\n%s", diff)
		}
		if now := h.do("GET", "/Users/"+ada, nil).want(t, 200); now.at("externalId") != nil || now.text("userName") != "ada" {
			t.Errorf("after undo: %s", now.raw)
		}
	})
}

// takesBack undoes one event, as the command does.
func (h *house) takesBack(t *testing.T, e journal.Event) {
	t.Helper()
	out, err := h.undoing(undoRun{yes: true}, func(u *undoRun) error { return u.undo(t.Context(), []string{string(e.Intent.ID)}) })
	if err != nil || !strings.Contains(out, adapter.UndoDone) {
		t.Fatalf("undo: %s %v", out, err)
	}
}

func TestOfManyAtOnceWhoWantAnAccountOneGetsIt(t *testing.T) {
	adoptingEverywhere(t, func(t *testing.T, h *house) {
		ada := h.do("POST", "/Users", withNumber("ada", "1815", "name", map[string]any{"familyName": "Byron"})).want(t, 201).id()
		var wg sync.WaitGroup
		var mu sync.Mutex
		linked := map[string]bool{}
		for i := range 9 {
			wg.Go(func() {
				external := fmt.Sprintf("o-%d", i%3)
				a, err := h.try("POST", "/Users", withNumber("ada"+external, "1815", "externalId", external, "name", map[string]any{"familyName": "Byron"}))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Error(err)
				case a.status == 201 && a.id() == ada:
					linked[external] = true
				case a.status != 409:
					t.Errorf("%d %s", a.status, a.raw)
				}
			})
		}
		wg.Wait()
		if len(linked) != 1 || h.total(t) != "1" || !linked[h.do("GET", "/Users/"+ada, nil).want(t, 200).text("externalId")] {
			t.Errorf("linked: %v of %s", linked, h.total(t))
		}
	})
}

func TestADisabledAccountIsNotEnabledByAPost(t *testing.T) {
	adoptingEverywhere(t, func(t *testing.T, h *house) {
		ada := h.do("POST", "/Users", withNumber("ada", "1815", "active", false, "name", map[string]any{"familyName": "Byron"})).want(t, 201).id()
		if said := h.do("POST", "/Users", withNumber("alovelace", "1815", "active", true)).wantError(t, 409, "uniqueness"); !strings.Contains(said.raw, "is disabled") {
			t.Error(said.raw)
		}
		if a := h.do("GET", "/Users/"+ada, nil).want(t, 200); a.body["active"] != false || a.text("userName") != "ada" {
			t.Errorf("it is %s", a.raw)
		}
		if a := h.do("POST", "/Users", withNumber("alovelace", "1815", "active", false)).want(t, 201); a.id() != ada || a.body["active"] != false {
			t.Errorf("it became %s", a.raw)
		}
	})
}

const reviewRule = "      - {match: [enterprise:employeeNumber], then: review}\n"

// reviewing takes somebody through the list with the commands, over an adapter that serves from config.
func reviewing(t *testing.T, config string, c *scimClient) {
	t.Helper()
	ada := c.do("POST", "/Users", withNumber("ada", "1815", "name", map[string]any{"familyName": "Byron"})).want(t, 201).id()
	bob := c.do("POST", "/Users", withNumber("bob", "1816", "name", map[string]any{"familyName": "Byron"})).want(t, 201).id()
	run := func(args ...string) string {
		t.Helper()
		out, err := command(append(append([]string{"adopt"}, args...), "--config", config)...)
		if err != nil {
			t.Fatalf("adopt %s: %v", args, err)
		}
		return out
	}
	for range 3 {
		c.do("POST", "/Users", withNumber("alovelace", "1815", "externalId", "o-1")).wantError(t, 409, "uniqueness")
	}
	c.do("POST", "/Users", withNumber("bobby", "1816", "externalId", "o-2")).wantError(t, 409, "uniqueness")
	lines := strings.Split(strings.TrimSpace(run("list")), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "EVENT") || !strings.Contains(lines[1], "bobby") || !strings.Contains(lines[2], "alovelace") ||
		!strings.Contains(lines[2], "User/"+ada) || !strings.Contains(lines[2], "  employeeNumber 1815  ") || !strings.HasSuffix(lines[2], "waiting") {
		t.Fatalf("the list:\n%s", strings.Join(lines, "\n"))
	}
	bobs, adas := strings.Fields(lines[1])[0], strings.Fields(lines[2])[0]
	if out := run("approve", adas); !strings.HasPrefix(out, "approved: User/"+ada) {
		t.Error(out)
	}
	if out := run("reject", bobs); !strings.HasPrefix(out, "rejected: User/"+bob) {
		t.Error(out)
	}
	if out := run("list"); strings.Count(out, "\n") != 1 {
		t.Errorf("still waits:\n%s", out)
	}
	all := run("list", "--all", "-o", "json")
	if strings.Count(all, "\n") != 2 || !strings.Contains(all, `"state":"approved"`) || !strings.Contains(all, `"state":"rejected"`) || !strings.Contains(all, `"by":"`) {
		t.Errorf("all:\n%s", all)
	}
	if got := c.do("POST", "/Users", withNumber("alovelace", "1815", "externalId", "o-1")).want(t, 201).id(); got != ada {
		t.Errorf("approved, and it became %s", got)
	}
	if got := c.do("POST", "/Users", withNumber("bobby", "1816", "externalId", "o-2")).want(t, 201).id(); got == bob {
		t.Error("rejected, and bob became bobby")
	}
	out, err := command("audit", "list", "--config", config, "--action", "review,adopt", "-o", "csv")
	if err != nil || strings.Count(out, ",review,") != 4 || strings.Count(out, ",adopt,") != 1 {
		t.Errorf("the journal: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"approve", "019ab2f0-7c1e-7a55-9d5c-0242ac120002"}, {"reject", "nobody"}} {
		if _, err := command(append([]string{"adopt", "--config", config}, args...)...); err == nil || !strings.Contains(err.Error(), "is no event of the list") {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestAccountsAreReviewedWithTheCommands(t *testing.T) {
	path := withRules(t, writeConfig(t, startEmbedded(t).URL(), ""), reviewRule)
	r := serveGuarded(t, path)
	reviewing(t, path, r.as(t, "the-tests"))
}

func TestAccountsAreReviewedWithAJournalInPostgres(t *testing.T) {
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	path := withRules(t, journalConfig(t, startEmbedded(t).URL(), db, ""), reviewRule)
	r := serveGuarded(t, path)
	reviewing(t, path, r.as(t, "the-tests"))
}

func TestARoleThatMayNotReadTheJournalIsToldSo(t *testing.T) {
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script(), "DROP ROLE IF EXISTS adopt_writer", "CREATE ROLE adopt_writer LOGIN PASSWORD 'writes' IN ROLE scim_app")
	path := withRules(t, journalConfig(t, startEmbedded(t).URL(), db, ""), reviewRule)
	u, err := url.Parse(db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("adopt_writer", "writes")
	t.Setenv("JOURNAL_URL", u.String())
	c := serveGuarded(t, path).as(t, "the-tests")
	c.do("POST", "/Users", withNumber("ada", "1815", "name", map[string]any{"familyName": "Byron"})).want(t, 201)
	said := c.do("POST", "/Users", withNumber("alovelace", "1815")).wantError(t, 503, "")
	if !strings.Contains(said.raw, "The journal, which knows whether this resource may become one that is there already, cannot be read") || said.header.Get("Retry-After") == "" {
		t.Errorf("told %s", said.raw)
	}
	if _, err := command("adopt", "list", "--config", path); err == nil || !strings.Contains(err.Error(), "GRANT scim_audit TO") {
		t.Errorf("the list: %v", err)
	}
}

func TestAReviewNeedsAJournal(t *testing.T) {
	path := withRules(t, writeConfig(t, "ldap://127.0.0.1:1", ""), reviewRule)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	none := strings.Replace(string(text), "kind: embedded", "kind: none", 1)
	none = none[:strings.Index(none, ", path: ")] + "}" + none[strings.Index(none, "\nbackends:"):]
	if err := os.WriteFile(path, []byte(none), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = check(t.Context(), path, false)
	if err == nil || !strings.Contains(err.Error(), "adopt[0].then: journal.kind is none, and what waits for a review is on a list in the journal; write link or conflict, or choose another journal.kind") {
		t.Errorf("%v", err)
	}
}
