package scimapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/scim"
)

// heard is what the service was asked, for comparison.
func heard(r scim.Request, q scim.ListQuery) string {
	text := fmt.Sprintf("%s start=%d count=%d", r.Type.Name, q.StartIndex, q.Count)
	if q.Filter != nil {
		text += " filter=" + q.Filter.String()
	}
	if q.Sort != nil {
		text += " sort=" + q.Sort.String()
	}
	if q.Cursor != nil {
		text += " cursor=<" + *q.Cursor + ">"
	}
	for _, ref := range r.Projection.Only {
		text += " +" + ref.String()
	}
	for _, ref := range r.Projection.Without {
		text += " -" + ref.String()
	}
	return text
}

func TestASearchIsTheSameInAURLAndInABody(t *testing.T) {
	for claim, c := range map[string]struct{ query, body, want string }{
		"nothing is said":             {"", `{}`, "User start=1 count=-1"},
		"a page":                      {"startIndex=3&count=7", `{"startIndex":3,"count":7}`, "User start=3 count=7"},
		"numbers as text":             {"startIndex=3&count=7", `{"startIndex":"3","count":"7"}`, "User start=3 count=7"},
		"below the first":             {"startIndex=-1&count=-1", `{"startIndex":-1,"count":-1}`, "User start=1 count=0"},
		"far beyond the last":         {"startIndex=99999999999999999999", `{"startIndex":99999999999999999999}`, "User start=2147483647 count=-1"},
		"a filter":                    {"filter=" + url.QueryEscape(`userName eq "a+b"`), `{"filter":"userName eq \"a+b\""}`, `User start=1 count=-1 filter=userName eq "a+b"`},
		"an order":                    {"sortBy=name.familyName&sortOrder=descending", `{"sortBy":"name.familyName","sortOrder":"descending"}`, "User start=1 count=-1 sort=name.familyName descending"},
		"the first page by cursor":    {"cursor&count=5", `{"cursor":"","count":5}`, "User start=1 count=5 cursor=<>"},
		"another page by cursor":      {"cursor=abc_-", `{"cursor":"abc_-"}`, "User start=1 count=-1 cursor=<abc_->"},
		"a negative count and cursor": {"cursor=&count=-3", `{"cursor":"","count":-3}`, "User start=1 count=0 cursor=<>"},
		"attributes":                  {"attributes=userName,emails.value", `{"attributes":["userName","emails.value"]}`, "User start=1 count=-1 +userName +emails.value"},
		"attributes in one string":    {"attributes=userName,emails.value", `{"attributes":"userName, emails.value"}`, "User start=1 count=-1 +userName +emails.value"},
		"what is left out":            {"excludedAttributes=emails", `{"excludedAttributes":["emails"]}`, "User start=1 count=-1 -emails"},
		"names in any case":           {"COUNT=2", `{"SCHEMAS":["` + strings.ToUpper(scim.SearchRequestURN) + `"],"COUNT":2}`, "User start=1 count=2"},
		"null is nothing":             {"", `{"filter":null,"cursor":null,"count":null,"attributes":null}`, "User start=1 count=-1"},
		"what SCIM does not know":     {"aadOptscim062020&x=1", `{"aad":true,"x":[1]}`, "User start=1 count=-1"},
	} {
		t.Run(claim, func(t *testing.T) {
			s := newStage(t)
			var got string
			s.service.list = func(r scim.Request, q scim.ListQuery) (*scim.List, error) {
				got = heard(r, q)
				return &scim.List{TotalResults: 1, StartIndex: q.StartIndex, Resources: []*scim.Object{someUser("1").Resource}}, nil
			}
			byURL := s.do("GET", "/scim/v2/Users?"+c.query, "")
			if byURL.Code != 200 || got != c.want {
				t.Errorf("GET: %d, asked for %q, want %q: %s", byURL.Code, got, c.want, byURL.Body)
			}
			got = ""
			byBody := s.do("POST", "/scim/v2/Users/.search", c.body, "Content-Type", "application/scim+json")
			if byBody.Code != 200 || got != c.want {
				t.Errorf("POST: %d, asked for %q, want %q: %s", byBody.Code, got, c.want, byBody.Body)
			}
			if diff := cmp.Diff(byURL.Body.String(), byBody.Body.String()); diff != "" {
				t.Errorf("the answers differ: %s", diff)
			}
		})
	}
}

func TestASearchThatCannotBeUnderstoodIsRefused(t *testing.T) {
	s := newStage(t) // the service is not asked: the fake would panic
	for _, c := range []struct{ query, scimType, word string }{
		{"count=many", "invalidValue", "count"},
		{"count=1.5", "invalidValue", "count"},
		{"cursor&count=many", "invalidCount", "count"},
		{"cursor&startIndex=1", "invalidValue", "startIndex"},
		{"cursor=a&cursor=b", "invalidSyntax", "cursor"},
		{"filter=title+pr&Filter=id+pr", "invalidSyntax", "filter"},
		{"sortBy=shoeSize", "invalidPath", "shoeSize"},
		{"sortBy=userName&sortOrder=up", "invalidValue", "sortOrder"},
		{"filter=", "invalidFilter", "empty"},
		{"attributes=userName&excludedAttributes=title", "invalidValue", "both"},
		{"startIndex=%zz", "invalidSyntax", "query"},
	} {
		w := s.do("GET", "/scim/v2/Users?"+c.query, "")
		if o := bodyOf(t, w); w.Code != 400 || part(o, "scimType") != c.scimType || !strings.Contains(w.Body.String(), c.word) {
			t.Errorf("%s: %d %s", c.query, w.Code, w.Body)
		}
	}
	for _, c := range []struct{ body, scimType, word string }{
		{`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, "invalidSyntax", "SearchRequest"},
		{`{"count":true}`, "invalidValue", "count"},
		{`{"count":[1]}`, "invalidValue", "count"},
		{`{"startIndex":1.5}`, "invalidValue", "startIndex"},
		{`{"cursor":"","count":"many"}`, "invalidCount", "count"},
		{`{"cursor":"x","startIndex":2}`, "invalidValue", "startIndex"},
		{`{"filter":7}`, "invalidValue", "filter"},
		{`{"filter":["userName pr"]}`, "invalidValue", "filter"},
		{`{"cursor":5}`, "invalidValue", "cursor"},
		{`{"sortBy":{}}`, "invalidValue", "sortBy"},
		{`{"attributes":[1]}`, "invalidValue", "attributes"},
		{`{"excludedAttributes":{"a":1}}`, "invalidValue", "excludedAttributes"},
		{`{"attributes":["userName"],"excludedAttributes":["title"]}`, "invalidValue", "both"},
		{`{"filter":"userName eq"}`, "invalidFilter", "filter"},
		{`[]`, "invalidSyntax", "object"},
		{``, "invalidSyntax", "empty"},
	} {
		for _, path := range []string{"/Users/.search", "/.search"} {
			w := s.do("POST", "/scim/v2"+path, c.body)
			if o := bodyOf(t, w); w.Code != 400 || part(o, "scimType") != c.scimType || !strings.Contains(w.Body.String(), c.word) {
				t.Errorf("%s %s: %d %s", path, c.body, w.Code, w.Body)
			}
		}
	}
	if w := s.do("POST", "/scim/v2/Users/.search?count=1", `{"count":2}`); w.Code != 400 {
		t.Errorf("a parameter in the URL and in the body: %d", w.Code)
	}
	if w := s.do("POST", "/scim/v2/Users/.search", `<a/>`, "Content-Type", "application/xml"); w.Code != 415 {
		t.Errorf("XML: %d", w.Code)
	}
}

func TestAPageShowsWhatIsKnownOfIt(t *testing.T) {
	for claim, c := range map[string]struct {
		page scim.List
		want string
	}{
		"by index":           {scim.List{TotalResults: 9, StartIndex: 3}, `"totalResults":9,"startIndex":3,"itemsPerPage":0,"Resources":[]`},
		"by cursor":          {scim.List{TotalResults: -1, NextCursor: "n", PreviousCursor: "p"}, `"itemsPerPage":0,"previousCursor":"p","nextCursor":"n","Resources":[]`},
		"the last":           {scim.List{TotalResults: -1}, `"itemsPerPage":0,"Resources":[]`},
		"the total is known": {scim.List{TotalResults: 0}, `"totalResults":0,"itemsPerPage":0,"Resources":[]`},
	} {
		t.Run(claim, func(t *testing.T) {
			s := newStage(t)
			s.service.list = func(scim.Request, scim.ListQuery) (*scim.List, error) { return &c.page, nil }
			want := `{"schemas":["` + scim.ListResponseURN + `"],` + c.want + `}`
			if w := s.do("GET", "/scim/v2/Users?cursor", ""); w.Body.String() != want {
				t.Errorf("%s\nwant %s", w.Body, want)
			}
		})
	}
}
