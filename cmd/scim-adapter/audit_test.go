package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// audited is an adapter whose journal is read by commands beside it.
type audited struct {
	*running
	scimClient
	path  string
	admin string // of the database, where there is one
}

// everyJournal runs a test over the embedded journal and over one in PostgreSQL.
func everyJournal(t *testing.T, more string, f func(t *testing.T, a *audited)) {
	for _, kind := range []string{"embedded", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			edits, admin := []string{}, ""
			if kind == "postgres" {
				db := pgtest.Database(t)
				pgtest.Exec(t, db.Admin, pgjournal.Script())
				t.Setenv("JOURNAL_URL", journalRole(t, db))
				admin = db.Admin
				edits = []string{"kind: embedded", "kind: postgres", "backends:", "database: {url: \"${JOURNAL_URL}\"}\nbackends:"}
			}
			path := writeConfig(t, startEmbedded(t).URL(), more)
			text, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, []byte(strings.NewReplacer(edits...).Replace(string(text))), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := serveGuarded(t, path)
			f(t, &audited{r, scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-the-tests"}, path, admin})
		})
	}
}

// audit runs one of the commands, and wants it to succeed.
func (a *audited) audit(args ...string) string {
	a.t.Helper()
	out, err := command(append([]string{"audit", args[0], "--config", a.path}, args[1:]...)...)
	if err != nil {
		a.t.Fatalf("audit %v: %v", args, err)
	}
	return out
}

func (a *audited) person(name, family string) string {
	return a.do("POST", "/Users", map[string]any{"userName": name, "name": map[string]any{"familyName": family}}).want(a.t, 201).id()
}

func (a *audited) note(in journal.Intent) {
	a.t.Helper()
	in.ID, in.Time, in.Tenant, in.Writer = journal.ID(newID()), time.Now(), "default", "test"
	if err := a.world.store.Note(a.t.Context(), in, journal.Outcome{Time: time.Now(), Status: journal.StatusRefused}); err != nil {
		a.t.Fatal(err)
	}
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// eventsOf are the lines of JSON as events.
func eventsOf(t *testing.T, text string) (list []map[string]any) {
	t.Helper()
	if text == "" {
		return nil
	}
	for _, line := range lines(text) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		list = append(list, e)
	}
	return list
}

func TestTheJournalIsListed(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		ada := a.person("ada", "Lovelace")
		a.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "Countess"))).want(t, 200)
		a.person("grace", "Hopper")
		a.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		a.note(journal.Intent{Action: journal.ActionRead, Client: "tests", ResourceType: "User", ResourceID: ada})
		a.note(journal.Intent{Action: journal.ActionSignIn, Client: "\x1b[31m=evil", ResourceType: "User", UserAgent: "=cmd|' /C calc'!A0"})

		table := lines(a.audit("list"))
		if len(table) != 6 || !strings.HasPrefix(table[0], "TIME ") || strings.Contains(strings.Join(table, ""), "\x1b") || !strings.Contains(table[5], `\x1b[31m=evil`) {
			t.Fatalf("the table is\n%s", strings.Join(table, "\n"))
		}
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d  [0-9a-f-]{36}  tests\S* +patch +User/` + ada + ` +uid=ada +done +.*title`).MatchString(table[2]) {
			t.Errorf("the line of a patch is %s", table[2])
		}
		for args, want := range map[string]string{
			"":                              "create patch create delete signin",
			"--newest-first":                "signin delete create patch create",
			"--newest-first --limit 2":      "signin delete",
			"--limit 2":                     "delete signin",
			"--limit 0":                     "create patch create delete signin",
			"--reads":                       "create patch create delete read signin",
			"--action read,list":            "read",
			"--action patch,delete":         "patch delete",
			"--status refused,failed":       "signin",
			"--type User --id " + ada:       "create patch delete",
			"--actor tests --since 7d":      "create patch create delete",
			"--actor nobody":                "",
			"--since 1h --until 1m":         "",
			"--until 2020-01-01":            "",
			"--request-id nothing --reads":  "",
			"--tenant other":                "",
			"--tenant default --type Group": "",
		} {
			var got []string
			for _, e := range eventsOf(t, a.audit(append([]string{"list", "-o", "json"}, strings.Fields(args)...)...)) {
				got = append(got, e["action"].(string))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("list %s: %v, want %s", args, got, want)
			}
		}
		rows, err := csv.NewReader(strings.NewReader(a.audit("list", "-o", "csv"))).ReadAll()
		if err != nil || len(rows) != 6 || !slices.Equal(rows[0], csvHeader) || rows[1][12] != "ada" || rows[5][7] != "'=cmd|' /C calc'!A0" || !strings.HasSuffix(rows[1][0], "Z") {
			t.Errorf("CSV: %v, %q", err, rows)
		}
		if out := a.audit("list", "-o", "csv", "--actor", "nobody"); out != strings.Join(csvHeader, ",")+"\n" {
			t.Errorf("CSV of nothing: %q", out)
		}
	})
}

func TestAnEventIsShown(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		ada := a.person("ada", "Lovelace")
		a.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "Lady"))).want(t, 200)
		a.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "Countess"))).want(t, 200)
		id := eventsOf(t, a.audit("list", "-o", "json", "--limit", "1"))[0]["event"].(string)
		if out, err := command("undo", "--config", a.path, "--yes", id); err != nil && !strings.Contains(err.Error(), "another process") {
			t.Fatalf("undo: %v: %s", err, out)
		} else if err != nil { // the embedded journal is in use: say it as undo would
			in := journal.Intent{
				ID: journal.ID(newID()), Time: time.Now(), Deadline: time.Now().Add(time.Minute), Writer: "test", Tenant: "default", Action: journal.ActionUndo, ResourceType: "User", ResourceID: ada, Undoes: journal.ID(id),
			}
			if err := errors.Join(a.world.store.Begin(t.Context(), in), a.world.store.Finish(t.Context(), in.ID, journal.Outcome{Time: time.Now(), Status: journal.StatusDone})); err != nil {
				t.Fatal(err)
			}
		}
		text := a.audit("show", id)
		for _, want := range []string{"event       " + id, "who         tests", "what        patch User/" + ada, "outcome     done", "Step 1: modify User uid=ada,", "  - title: Lady\n", "  + title: Countess\n", "undone by   "} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
		if strings.Contains(text, "\x1b") {
			t.Errorf("colours without a terminal:\n%s", text)
		}
		if text = a.audit("show", id, "--color", "always"); !strings.Contains(text, "\x1b[31m  - title: Lady\x1b[0m\n\x1b[32m  + title: Countess\x1b[0m\n") {
			t.Errorf("no colours:\n%s", text)
		}
		var whole map[string]any
		if err := json.Unmarshal([]byte(a.audit("show", id, "-o", "json")), &whole); err != nil || len(whole["undone_by"].([]any)) != 1 || whole["event"] != id {
			t.Errorf("as JSON: %v, %v", err, whole)
		}
		undo := whole["undone_by"].([]any)[0].(string)
		if text := a.audit("show", undo); !strings.Contains(text, "undoes      "+id) {
			t.Errorf("an undo is shown as\n%s", text)
		}
		if _, err := command("audit", "show", "--config", a.path, newID()); err == nil || !strings.Contains(err.Error(), "the journal has no event") {
			t.Errorf("an event that is none: %v", err)
		}
		if a.admin != "" {
			a.keyless(t, id)
		}
	})
}

// keyless takes away the key of an event, which no event says.
func (a *audited) keyless(t *testing.T, id string) {
	t.Helper()
	pgtest.Exec(t, a.admin, "DELETE FROM audit.keys WHERE entry_id = '"+id+"'")
	if text := a.audit("show", id); !strings.Contains(text, "\nUnreadable: ") || strings.Contains(text, "Countess") || !strings.Contains(text, "what        patch User/") {
		t.Errorf("an event without a key is shown as\n%s", text)
	}
}

func TestNativeChangesAreShownAsWhatGoesAndWhatComes(t *testing.T) {
	var out bytes.Buffer
	s := showRun{auditRun: auditRun{out: &out}}
	s.changes([]backends.Change{
		{Op: backends.Replace, Attr: "mail", Values: backends.Strings("a", "c")},
		{Op: backends.Remove, Attr: "title"},
		{Op: backends.Add, Attr: "member", Values: backends.Strings("x\x1b[2J", strings.Repeat("y", 500))},
		{Op: backends.SetPassword, Attr: "userPassword", Values: backends.Values{backends.Secret("hidden")}},
		{Op: backends.Replace, Attr: "sn"},
	}, backends.Attributes{"mail": backends.Strings("a", "b"), "title": backends.Strings("Lady")})
	want := "  - mail: b\n  + mail: c\n  - title: Lady\n  + member: x\\x1b[2J\n  + member: " + strings.Repeat("y", 160) + "… (500 bytes)\n  + userPassword: ********\n    sn: (replace)\n"
	if got := out.String(); got != want {
		t.Errorf("shown as\n%s\nwant\n%s", got, want)
	}
}

// together collects what a command prints while it runs.
type together struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *together) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *together) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestAFollowerMissesNothingAndSeesNothingTwice(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var writers sync.WaitGroup
		begin := make(chan struct{})
		for side := range 8 {
			writers.Go(func() {
				for i := range 12 {
					if i == 4 {
						<-begin // from here on there is a follower
					}
					answer, err := a.try("POST", "/Users", map[string]any{"userName": fmt.Sprintf("u%d-%d", side, i), "name": map[string]any{"familyName": "x"}})
					if err != nil || answer.status != 201 {
						t.Errorf("POST: %v, %v", answer, err)
					}
				}
			})
		}
		follow := func(limit string) (*together, chan error) {
			root, out, ended := rootCommand(), &together{}, make(chan error, 1)
			root.SetArgs([]string{"audit", "list", "--config", a.path, "--follow", "-o", "json", "--limit", limit, "--action", "create"})
			root.SetOut(out)
			go func() { ended <- root.ExecuteContext(ctx) }()
			return out, ended
		}
		outs, ends := make([]*together, 2), make([]chan error, 2)
		for i, limit := range []string{"1000", "0"} {
			outs[i], ends[i] = follow(limit)
		}
		close(begin)
		writers.Wait()
		for _, out := range outs {
			eventuallyWithin(t, 15*time.Second, "the follower has seen everything", func() bool { return strings.Count(out.text(), "\n") >= 8*12 })
		}
		stop()
		for i, out := range outs {
			if err := <-ends[i]; err != nil {
				t.Errorf("the follower ended with %v", err)
			}
			seen := map[string]int{}
			for _, e := range eventsOf(t, out.text()) {
				seen[e["event"].(string)]++
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s came %d times", id, n)
				}
			}
			if len(seen) != 8*12 {
				t.Errorf("%d events came", len(seen))
			}
		}
	})
}

func TestTheJournalIsExported(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		a.people(250)
		if list := eventsOf(t, a.audit("export")); len(list) != 250 || list[0]["steps"] == nil {
			t.Errorf("%d events are exported", len(list))
		}
		if rows, err := csv.NewReader(strings.NewReader(a.audit("export", "-o", "csv"))).ReadAll(); err != nil || len(rows) != 251 {
			t.Errorf("%d rows are exported: %v", len(rows), err)
		}
		if out := a.audit("export", "--to", "stdout"); strings.Count(out, "\n") != 250 || strings.Contains(out, `"u00"`) || !strings.Contains(a.audit("export", "--to", "stdout", "--values"), `"u00"`) {
			t.Errorf("values leave the house unasked, or not when asked: %.400s", out)
		}
		var mu sync.Mutex
		tries, got := 0, 0
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if tries++; tries <= 2 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			var body bytes.Buffer
			_, _ = body.ReadFrom(r.Body)
			got += strings.Count(body.String(), "\n")
		}))
		defer hook.Close()
		if a.audit("export", "--to", "webhook", "--url", hook.URL); got != 250 || tries != 4 {
			t.Errorf("the webhook has %d after %d tries", got, tries)
		}
	})
}

func TestServeFeedsASIEM(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	out := &together{}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(out, conn) }()
		}
	}()
	made := 0
	everyJournal(t, "audit: {export: [{to: syslog, address: \"tcp://"+listener.Addr().String()+"\"}]}\n", func(t *testing.T, a *audited) {
		eventuallyWithin(t, 5*time.Second, "nothing is left of another journal", func() bool { return strings.Count(out.text(), `action="create"`) == made })
		time.Sleep(1500 * time.Millisecond) // the feed begins where the journal ends
		a.people(20)
		eventuallyWithin(t, 15*time.Second, "the server has all of it", func() bool { return strings.Count(out.text(), `action="create"`) == made+20 })
		made += 23
		for _, name := range []string{"ada", "grace", "joan"} {
			a.person(name, "Hopper")
		}
		if strings.Contains(out.text(), "Hopper") {
			t.Error("values leave the house")
		}
	})
	eventuallyWithin(t, 5*time.Second, "what was settled last was sent before serve ended", func() bool { return strings.Count(out.text(), `action="create"`) == made })
}

func TestWhoMayNotReadTheJournalIsToldWhatToGrant(t *testing.T) {
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script(), "DROP ROLE IF EXISTS audit_reader", "CREATE ROLE audit_reader LOGIN PASSWORD 'read' IN ROLE scim_app")
	u, err := url.Parse(db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("audit_reader", "read")
	t.Setenv("JOURNAL_URL", u.String())
	path := writeConfig(t, "ldap://127.0.0.1:1", "database: {url: \"${JOURNAL_URL}\"}\n")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(text), "kind: embedded", "kind: postgres", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"list"}, {"list", "--follow"}, {"list", "--follow", "--limit", "0"}, {"show", newID()}, {"export"}} {
		if _, err := command(append([]string{"audit", args[0], "--config", path}, args[1:]...)...); err == nil || !strings.Contains(err.Error(), "GRANT scim_audit TO audit_reader;") {
			t.Errorf("%v: %v", args, err)
		}
	}
	pgtest.Exec(t, db.Admin, `GRANT scim_audit TO "audit_reader"`)
	if out, err := command("audit", "list", "--config", path); err != nil || out != "" {
		t.Errorf("with the grant: %q, %v", out, err)
	}
}

func TestAuditCommandsThatMakeNoSense(t *testing.T) {
	path := writeConfig(t, "ldap://127.0.0.1:1", "")
	for line, want := range map[string]string{
		"list -o xml":                                `-o is one of table, json, jsonl, csv, and not "xml"`,
		"list --action create,make":                  `--action is one of create, replace`,
		"list --status fine":                         `--status is one of done, failed`,
		"list --since tomorrow":                      `--since "tomorrow" is no time`,
		"list --since 2026":                          `--since "2026" is no time`,
		"list --since 1h --until 2h":                 "nothing is between",
		"list --since 2026-11-23 --until 2026-11-22": "--until 2026-11-22 is not after --since 2026-11-23",
		"list --limit -1":                            "--limit -1 is less than none",
		"list --follow --until 1h":                   "--until and --newest-first mean nothing",
		"show":                                       "accepts 1 arg(s)",
		"show x --color red":                         "--color is one of auto, always, never",
		"export -o table":                            "-o is one of jsonl, json, csv",
		"export --url http://x":                      "go with --to",
		"export --to syslog -o csv":                  "-o is for a file",
	} {
		args := strings.Fields(line)
		_, err := command(append([]string{"audit", args[0], "--config", path}, args[1:]...)...)
		if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v (usage: %t), want %s", line, err, usage, want)
		}
	}
	if _, err := command("audit", "list", "--config", path); err == nil || !strings.Contains(err.Error(), "there is no journal in") {
		t.Errorf("without a journal: %v", err)
	}
}

func TestEveryActionAndStatusCanBeAskedFor(t *testing.T) {
	source, err := os.ReadFile("../../adapter/journal/journal.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range regexp.MustCompile(`(?m)^\t(Action|Status)\w+ += "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		known := auditActions
		if c[1] == "Status" {
			known = append(slices.Clone(auditStatuses), journal.StatusSkipped) // of steps only
		}
		if !slices.Contains(known, c[2]) {
			t.Errorf("%s %q cannot be asked for", c[1], c[2])
		}
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+49": "'+49", "-1": "'-1", "@x": "'@x", "\t=1": "'\t=1", "\r=1": "'\r=1", "  =1": "'  =1", "＝1": "'＝1",
		"": "", "a=b": "a=b", "2026-11-23T10:17:00Z": "2026-11-23T10:17:00Z", "'x": "'x",
	} {
		if got := harmless(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
}
