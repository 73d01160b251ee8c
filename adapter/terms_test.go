package adapter

import (
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

// What is looked up before a search becomes terms of the directory's filter, one for each record: they are bounded as a scan is.
func TestLookupsThatFindMoreThanAScanMayAreRefused(t *testing.T) {
	h := newHouse(t, edit{user: func(m string) string { return strings.Replace(m, "scan: 50", "scan: 2", 1) }})
	a := h.create("User", `{"userName":"a","externalId":"00u1"}`)
	b := h.create("User", `{"userName":"b","externalId":"00u2"}`)
	small := h.group("small", a.ID, b.ID)
	for _, text := range []string{`externalId pr`, `not (externalId pr)`, `externalId sw "00"`, `groups eq "` + small.ID + `"`, `groups pr`} {
		if _, err := h.tryList(h.req("User"), text, 1, 10); err != nil {
			t.Errorf("%s with as many as the scan allows: %v", text, err)
		}
	}
	c := h.create("User", `{"userName":"c","externalId":"00u3"}`)
	large := h.group("large", a.ID, b.ID, c.ID)
	for _, text := range []string{`externalId pr`, `not (externalId pr)`, `externalId sw "00"`, `groups eq "` + large.ID + `"`, `groups pr`} {
		if _, err := h.tryList(h.req("User"), text, 1, 10); err == nil {
			t.Errorf("%s with more than the scan allows is answered", text)
		} else {
			wantStatus(t, err, 400, scim.TooMany)
		}
	}
	if page := h.list("User", `externalId eq "00u3"`, 1, 10); page.TotalResults != 1 {
		t.Errorf("one value finds %d", page.TotalResults)
	}
}

// What the adapter itself says of a resource is searched as everything else: nobody has it before it is said.
func TestWhatTheAdapterSaysOfAResourceIsFound(t *testing.T) {
	h := newHouse(t)
	a := h.create("User", `{"userName":"a"}`)
	h.create("User", `{"userName":"b"}`)
	quoted := strings.ReplaceAll(a.Version, `"`, `\"`)
	for _, text := range []string{`meta.version eq "` + quoted + `"`, `meta.location eq "` + a.Location + `"`} {
		page := h.list("User", text, 1, 10)
		if page.TotalResults != 1 || len(page.Resources) != 1 {
			t.Errorf("%s finds %d", text, page.TotalResults)
		}
	}
	for _, text := range []string{`meta.version pr`, `meta.location pr`, `meta.version ne "x"`} {
		if page := h.list("User", text, 1, 10); page.TotalResults != 2 {
			t.Errorf("%s finds %d of 2", text, page.TotalResults)
		}
	}
}
