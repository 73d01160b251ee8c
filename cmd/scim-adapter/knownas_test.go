package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/backends"
)

func TestAKeyOfARecordMeansAResourceOfItsTypeAndOfNoOther(t *testing.T) {
	j, err := litejournal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	for _, alias := range []struct{ typ, id, key string }{{"User", "3", "12"}, {"User", "4", "13"}, {"User", "5", "14"}, {"Group", "6", "14"}} {
		if err := j.SetAlias(t.Context(), "default", alias.typ, backends.Key(alias.id), backends.Key(alias.key)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for i, about := range []struct{ typ, id string }{{"User", "3"}, {"Group", "3"}, {"User", "4"}, {"Group", "12"}} {
		in := journal.Intent{
			ID: journal.ID(newID()), Time: now.Add(time.Duration(i) * time.Second), Deadline: now.Add(time.Minute), Tenant: "default", Action: journal.ActionPatch,
			ResourceType: about.typ, ResourceID: about.id,
		}
		if err := j.Begin(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		typ, id string
		want    string // TYPE/ID, or what the error says
	}{
		"a key, and nobody else has it as an id":   {"", "13", "User/4"},
		"a key that somebody else has as an id":    {"", "12", "--id: 12 is the key of User/3 by now, and there is a Group that it may mean as well: say which with --type User or --type Group"},
		"the one":                                  {"User", "12", "User/3"},
		"the other":                                {"Group", "12", "Group/12"},
		"a key of two types":                       {"", "14", "--type Group or --type User"},
		"an id that several types have":            {"", "3", "/3"},
		"what nobody has ever heard of":            {"", "99", "/99"},
		"an id whose record has another key since": {"User", "3", "User/3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := journal.Filter{ResourceType: tc.typ, ResourceID: tc.id}
			got := ""
			if err := knownAs(t.Context(), j, "default", []string{"User", "Group"}, &f); err != nil {
				got = err.Error()
			} else {
				got = f.ResourceType + "/" + f.ResourceID
			}
			if got != tc.want && (!strings.HasPrefix(tc.want, "--") || !strings.HasSuffix(got, tc.want)) {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
