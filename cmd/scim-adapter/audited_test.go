package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/export"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scimapi"
)

// withoutWrite are the events without a write, a line each.
func withoutWrite(t *testing.T, w *world) []string {
	t.Helper()
	yes := true
	var lines []string
	for e, err := range w.store.Events(t.Context(), journal.Filter{Noted: &yes}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", e.Intent.Action, e.Intent.Client, e.Intent.ResourceType, e.ResourceID(), e.Status()))
	}
	return lines
}

func TestWhatIsReadIsNotedAsFarAsTheConfigurationSays(t *testing.T) {
	for reads, want := range map[string]func(id string) []string{
		configs.ReadsNone: func(string) []string { return nil },
		configs.ReadsList: func(string) []string { return []string{"list tests User  done", "list tests User  done"} },
		configs.ReadsAll: func(id string) []string {
			return []string{"list tests User  done", "read tests User " + id + " done", "list tests User  done"}
		},
	} {
		t.Run(reads, func(t *testing.T) {
			r := startServing(t, writeConfig(t, startEmbedded(t).URL(), "audit: {reads: "+reads+"}\n"))
			c := scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-the-tests"}
			id := c.do("POST", "/Users", map[string]any{"userName": "ada", "name": map[string]any{"familyName": "Lovelace"}}).want(t, 201).id()
			c.do("GET", "/Users?count=1", nil).want(t, 200)
			c.do("GET", "/Users/"+id, nil).want(t, 200)
			c.do("GET", "/Users/"+id[1:]+"0", nil).want(t, 404)
			c.do("GET", "/Schemas", nil).want(t, 200)
			c.do("POST", "/Users/.search", map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "count": 1}).want(t, 200)
			if got := withoutWrite(t, r.world); !slices.Equal(got, want(id)) {
				t.Errorf("noted: %q", got)
			}
		})
	}
}

func TestRefusedSignInsAreNotedSoManyAMinute(t *testing.T) {
	r := startServing(t, writeConfig(t, startEmbedded(t).URL(), "audit: {max_refusals: 2}\n"))
	c := scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-nobody"}
	now := time.Now().Truncate(time.Minute)
	r.world.auditor.now = func() time.Time { return now }
	for range 5 {
		c.do("GET", "/Users", nil).want(t, 401)
	}
	now = now.Add(time.Minute)
	c.do("DELETE", "/Users/x", nil).want(t, 401)
	want := []string{"signin    refused", "signin    refused", "signin    refused"}
	if got := withoutWrite(t, r.world); len(got) != len(want) {
		t.Errorf("noted: %q", got)
	}
	if n := r.world.auditor.skipped.Load(); n != 3 {
		t.Errorf("%d were skipped", n)
	}
}

// lastNoted is the last event without a write, as export and the commands show it.
func lastNoted(t *testing.T, w *world) (last export.Entry) {
	t.Helper()
	yes := true
	for e, err := range w.store.Events(t.Context(), journal.Filter{Noted: &yes}) {
		if err != nil {
			t.Fatal(err)
		}
		last = export.Of(e, true)
	}
	return last
}

func TestWhatASearchAskedAndWhyARequestWasRefusedIsNoted(t *testing.T) {
	r := startServing(t, writeConfig(t, startEmbedded(t).URL(), "audit: {reads: list}\nguard: {protected_attributes: [name.familyName]}\n"))
	c := scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-the-tests"}
	id := c.do("POST", "/Users", map[string]any{"userName": "ada", "name": map[string]any{"familyName": "Lovelace"}}).want(t, 201).id()
	c.do("PATCH", "/Users/"+id, patch(op("replace", "name.familyName", "King"))).want(t, 403)
	e := lastNoted(t, r.world)
	if e.Action != journal.ActionDeny || e.Error != "" || !strings.HasPrefix(e.Refused, "PATCH /Users/{id}: ") || !strings.Contains(e.Refused, "name.familyName") || strings.Contains(e.Refused, "King") {
		t.Errorf("refused: %+v", e)
	}
	c.do("GET", "/Users?count=1&filter="+url.QueryEscape(`userName eq "ada"`), nil).want(t, 200)
	if e := lastNoted(t, r.world); !strings.Contains(e.Query, "userName+eq+%22ada%22") {
		t.Errorf("a search in the URL is %q", e.Query)
	}
	c.do("POST", "/Users/.search", map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "filter": `userName eq "bob"`}).want(t, 200)
	if e := lastNoted(t, r.world); !strings.Contains(e.Query, "userName+eq+%22bob%22") {
		t.Errorf("a search in a body is %q", e.Query)
	}
}

func TestRefusalsAreNotedButNotThoseOfTheGuardAgain(t *testing.T) {
	a := &auditor{config: configs.Audit{MaxRefusals: 10, Reads: configs.ReadsAll}, now: time.Now}
	for _, c := range []struct {
		r    scimapi.Audited
		want string
	}{
		{scimapi.Audited{Status: 403, Err: scim.Errorf(403, "", "no")}, journal.ActionDeny},
		{scimapi.Audited{Status: 403, Err: &scim.Error{Status: 403, Cause: &journal.Refusal{}}}, ""},
		{scimapi.Audited{Status: 403, Err: &scim.Error{Status: 403, Cause: &backends.Error{Kind: backends.ErrProtected}}}, ""},
		{scimapi.Audited{Status: 200, Method: "PATCH", ID: "1"}, ""},
		{scimapi.Audited{Status: 304, Method: "GET", ID: "1"}, journal.ActionRead},
		{scimapi.Audited{Status: 500, Method: "GET", ID: "1"}, ""},
	} {
		if got, _ := a.wanted(c.r); got != c.want {
			t.Errorf("%+v is noted as %q, want %q", c.r, got, c.want)
		}
	}
}
