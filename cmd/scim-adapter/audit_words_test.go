package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// spoken is command, with what it says on stderr.
func spoken(args ...string) (stdout, stderr string, err error) {
	root := rootCommand()
	var out, says bytes.Buffer
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&says)
	err = root.ExecuteContext(context.Background())
	return out.String(), says.String(), err
}

func TestTimesAsPeopleWriteThem(t *testing.T) {
	here := time.Local
	defer func() { time.Local = here }()
	time.Local = time.FixedZone("here", 2*3600)
	for _, c := range []struct{ flag, text, want string }{
		{"since", "2026-11-23T14:00:00Z", "2026-11-23T14:00:00Z"},
		{"since", "2026-11-23T14:00:00.5-05:00", "2026-11-23T19:00:00.5Z"},
		{"since", "2026-11-23 23:16:00 +00:00", "2026-11-23T23:16:00Z"},
		{"since", "2026-11-23 23:16:00+01:00", "2026-11-23T22:16:00Z"},
		{"since", "2026-11-23T23:15:00", "2026-11-23T21:15:00Z"},
		{"since", "2026-11-23 23:15:00", "2026-11-23T21:15:00Z"},
		{"since", "2026-11-23T23:15", "2026-11-23T21:15:00Z"},
		{"since", "2026-11-23", "2026-11-22T22:00:00Z"},
		{"until", "2026-11-23", "2026-11-23T22:00:00Z"},
		{"until", "2026-11-23T00:00", "2026-11-22T22:00:00Z"},
	} {
		got, err := moment(c.flag, c.text)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != c.want {
			t.Errorf("--%s %s: %s, %v; want %s", c.flag, c.text, got.UTC(), err, c.want)
		}
	}
	now := time.Now()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"today": midnight, "yesterday": midnight.AddDate(0, 0, -1), "2h": now.Add(-2 * time.Hour), "7d": now.AddDate(0, 0, -7), "2w": now.AddDate(0, 0, -14), "1w12h": now.AddDate(0, 0, -7).Add(-12 * time.Hour),
	} {
		if got, err := moment("since", text); err != nil || got.Sub(want).Abs() > 2*time.Minute {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	if from, to, err := span("2026-11-23", "2026-11-23"); err != nil || to.Sub(from) != 24*time.Hour {
		t.Errorf("the same day twice: %s to %s, %v", from, to, err)
	}
	for _, text := range []string{"tomorrow", "2026", "w", "-2h", "2026-13-01", "1wx"} {
		if _, err := moment("since", text); err == nil {
			t.Errorf("%q is a time", text)
		}
	}
	if _, _, err := span("2026-11-23T14:00:00Z", "2026-11-23T14:00:00Z"); err == nil {
		t.Error("there is something between a time and itself")
	}
}

func TestAListSaysWhatItLeavesOutAndWhyItMayBeEmpty(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		a.people(5)
		for args, want := range map[string]string{
			"--limit 3":                "These are the newest 3; there are more. --limit N shows so many, --limit 0 all\n",
			"--limit 3 --newest-first": "These are the newest 3; there are more. --limit N shows so many, --limit 0 all\n",
			"--limit 5":                "",
			"--limit 0":                "",
			"--actor TESTS":            "no event is like that; --actor \"TESTS\" is compared letter by letter\n",
			"--tenant xxx":             "no event is like that; --tenant \"xxx\" is compared letter by letter\n",
		} {
			if _, says, err := spoken(append([]string{"audit", "list", "--config", a.path, "-o", "jsonl"}, strings.Fields(args)...)...); err != nil || says != want {
				t.Errorf("list %s says %q, %v; want %q", args, says, err, want)
			}
		}
		for _, args := range []string{"list", "export"} {
			_, _, err := spoken("audit", args, "--config", a.path, "--type", "user", "-o", "json")
			if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), `--type: no mapping is called "user", and nothing is written down of such a type; there are User, Group`) {
				t.Errorf("%s of a type that there is not: %v", args, err)
			}
		}
		a.note(journal.Intent{Action: journal.ActionDeny, ResourceType: "Former", Refused: "Forbidden"})
		if list := eventsOf(t, a.audit("list", "-o", "json", "--type", "Former")); len(list) != 1 {
			t.Errorf("of a type that is mapped no more: %v", list)
		}
	})
}

func TestWhomItWasAboutIsSaidByName(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		ada := a.person("ada", "Lovelace")
		a.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "Countess"))).want(t, 200)
		a.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		rows, err := csv.NewReader(strings.NewReader(a.audit("list", "-o", "csv"))).ReadAll()
		if err != nil || len(rows) != 4 || rows[0][12] != "name" {
			t.Fatalf("%v: %q", err, rows)
		}
		table := lines(a.audit("list"))
		for i, want := range []struct{ csv, table string }{{"ada", " ada "}, {"uid=ada,ou=", " uid=ada "}, {"ada", "ada "}} {
			if !strings.HasPrefix(rows[i+1][12], want.csv) && !strings.HasPrefix(rows[i+1][12], "uid="+want.csv) || !strings.Contains(table[i+1], want.table) {
				t.Errorf("event %d is about %q and %s", i, rows[i+1][12], table[i+1])
			}
		}
	})
	for name, want := range map[string]string{
		"": "", "ada": "ada", "uid=ada,ou=people,dc=x": "uid=ada", `cn=Lovelace\, Ada,ou=people`: `cn=Lovelace\, Ada`, "Lovelace, Ada": "Lovelace, Ada", strings.Repeat("x", 50): strings.Repeat("x", 39) + "…",
	} {
		if got := nameCell(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}

func TestTheJournalOfAnOlderVersionCanBeRead(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		if a.admin == "" {
			t.Skip("it is one file with the program that serves")
		}
		a.people(2)
		pgtest.Exec(t, a.admin, "DELETE FROM audit.migrations WHERE version_id > 2")
		if list := eventsOf(t, a.audit("list", "-o", "json")); len(list) != 2 {
			t.Errorf("listed: %v", list)
		}
		a.audit("export")
		if out, err := command("guard", "status", "--config", a.path); err == nil && !strings.Contains(out, "no limits") {
			t.Errorf("the guard: %s", out)
		}
		pgtest.Exec(t, a.admin, "DELETE FROM audit.migrations WHERE version_id > 1")
		if _, err := command("audit", "list", "--config", a.path); err == nil || !strings.Contains(err.Error(), "run scim-adapter migrate") {
			t.Errorf("without the tables of the journal: %v", err)
		}
	})
}

func TestMaintainSaysThatThereIsNothingToDo(t *testing.T) {
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	config := configFor(t, db.Admin)
	if _, err := command("migrate", "--config", config); err != nil {
		t.Fatal(err)
	}
	if out, err := command("audit", "maintain", "--config", config, "--dry-run"); err != nil || !strings.HasPrefix(out, "Nothing to do: ") {
		t.Errorf("%v: %q", err, out)
	}
}

func TestWhyItWasRefusedIsSaidOnce(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		for _, out := range []journal.Outcome{{Error: "Forbidden"}, {Error: "It is away."}} {
			in := journal.Intent{ID: journal.ID(newID()), Time: time.Now(), Tenant: "default", Writer: "test", Action: journal.ActionDeny, Client: "okta", ResourceType: "User", Refused: "Forbidden"}
			out.Time, out.Status = in.Time, journal.StatusRefused
			if err := a.world.store.Note(t.Context(), in, out); err != nil {
				t.Fatal(err)
			}
		}
		list := eventsOf(t, a.audit("list", "-o", "json"))
		if len(list) != 2 || list[0]["refused"] != "Forbidden" || list[0]["error"] != nil || list[1]["error"] != "It is away." {
			t.Errorf("listed as %v", list)
		}
		if text := a.audit("show", list[0]["event"].(string)); strings.Count(text, "Forbidden") != 1 {
			t.Errorf("shown as\n%s", text)
		}
	})
}
