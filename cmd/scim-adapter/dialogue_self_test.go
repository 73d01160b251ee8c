package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A player that notices nothing would let every dialogue pass: each of these differs in one thing from what it plays.
func TestADialogueNoticesWhatIsWrong(t *testing.T) {
	const good = "rows: 1\n## a user\n> POST /Users\n{\"userName\": \"ada\"}\n< 201\nETag: W/\"1\"\n" +
		`{"id": "{{ada}}", "userName": "ada", "n": 1, "title": "(absent)", "emails": [{"value": "a", "(only)": true}, {"value": "b"}], "tags": ["(any order)", "x", "y"]}` +
		"\n= uid=ada,{{people}}\nmail: a\nmail: b\nsn: *\n!title\n= uid={{ada}} is gone\n> GET /Users/{{ada}}\n< 404\n"
	for claim, c := range map[string]struct{ old, bad, noticed string }{
		"nothing":                           {"rows", "rows", ""},
		"another status":                    {"< 201", "< 200", "status 201"},
		"another value":                     {`"userName": "ada", "n"`, `"userName": "eve", "n"`, ".userName"},
		"another number":                    {`"n": 1`, `"n": 2`, ".n is 1"},
		"a value of another type":           {`"n": 1`, `"n": "1"`, ".n is 1"},
		"a member that is missing":          {`"n": 1`, `"m": 1`, ".m is missing"},
		"any value of a missing member":     {`"n": 1`, `"m": "*"`, ".m is missing"},
		"a member that must not be there":   {`"title": "(absent)"`, `"n": "(absent)"`, "must not be there"},
		"a member too much":                 {`"value": "b"`, `"value": "b", "(only)": true`, ".type is too much"},
		"an element too much":               {`, {"value": "b"}]`, `]`, "has 2 elements"},
		"an element too few":                {`{"value": "b"}]`, `{"value": "b"}, {"value": "c"}]`, "has 2 elements"},
		"another order":                     {`[{"value": "a", "(only)": true}, {"value": "b"}]`, `[{"value": "b"}, {"value": "a"}]`, ".emails[0]"},
		"an element that is none of them":   {`"x", "y"]`, `"y", "z"]`, "none like z"},
		"one element twice":                 {`"x", "y"]`, `"x", "x"]`, "none like x"},
		"one that is not among others":      {`"(any order)", "x", "y"`, `"(among others)", "z"`, "none like z"},
		"another header":                    {`W/"1"`, `W/"2"`, "ETag"},
		"a header that is missing":          {"ETag:", "Location:", "Location is missing"},
		"another id":                        {"> GET /Users/{{ada}}", "> GET /Users/ada", "status 201"},
		"a variable before it is known":     {"{\"userName\": \"ada\"}\n", "{\"userName\": \"{{ada}}\"}\n", "not known yet"},
		"another value in the directory":    {"mail: b", "mail: c", "mail is"},
		"a value less in the directory":     {"mail: b\n", "", "mail is"},
		"a value more in the directory":     {"mail: b\n", "mail: b\nmail: c\n", "mail is"},
		"an attribute that is not there":    {"sn: *", "givenName: *", "givenName is"},
		"an attribute that must not be":     {"!title", "!cn", "cn is"},
		"an entry that is not there":        {"= uid=ada,{{people}}", "= uid=eve,{{people}}", "no such entry"},
		"an entry that must not be there":   {"= uid={{ada}} is gone", "= uid=ada,{{people}} is gone\n> GET /{{ada}}\n< 201", "still there"},
		"an error that has a scimType":      {"< 404", "< 404 noTarget", ".scimType is missing"},
		"an error where there must be none": {"< 404", "< 200\n{}", "status 404"},
	} {
		if n := strings.Count(good, c.old); n != 1 && claim != "nothing" {
			t.Fatalf("%s: %q is there %d times", claim, c.old, n)
		}
		d, err := parseDialogue(strings.Replace(good, c.old, c.bad, 1))
		if err != nil {
			t.Errorf("%s: %v", claim, err)
			continue
		}
		noticed := strings.Join(playOverPaper(d), "\n")
		if (c.noticed == "") != (noticed == "") || !strings.Contains(noticed, c.noticed) {
			t.Errorf("%s: noticed %q, want %q", claim, noticed, c.noticed)
		}
	}
}

// playOverPaper plays a dialogue with answers that are always the same.
func playOverPaper(d dialogue) []string {
	scimJSON := http.Header{"Content-Type": {"application/scim+json"}, "Etag": {`W/"1"`}}
	s := &stage{
		vars: map[string]string{"people": "ou=people"},
		ask: func(_, path string, _ any, _ ...string) (answer, error) {
			if path == "/Users/7" {
				body := map[string]any{"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": "404", "detail": "x"}
				return answer{status: 404, header: scimJSON, body: body, raw: "{}"}, nil
			}
			return answer{status: 201, header: scimJSON, raw: `{"id":"7","userName":"ada","n":1,"emails":[{"value":"a"},{"value":"b","type":"work"}],"tags":["y","x"]}`}, nil
		},
		read: func(dn string) map[string][]string {
			if dn == "uid=ada,ou=people" {
				return map[string][]string{"mail": {"b", "a"}, "sn": {"x"}, "cn": {"x"}}
			}
			return nil
		},
	}
	var faults []string
	for _, situation := range d.situations {
		for _, st := range situation.steps {
			faults = append(faults, s.play(st)...)
		}
	}
	return faults
}

func TestADialogueThatProvesNothingIsRefused(t *testing.T) {
	for claim, text := range map[string]string{
		"no rows":                        "## x\n> GET /Users\n< 204",
		"no situation":                   "rows: 1\n",
		"a situation without a request":  "rows: 1\n## x\n= dc=x is gone",
		"a request without an answer":    "rows: 1\n## x\n> GET /Users\n## y\n> GET /Users\n< 204",
		"two requests and one answer":    "rows: 1\n## x\n> GET /Users\n> GET /Users\n< 204",
		"an answer that is not compared": "rows: 1\n## x\n> GET /Users\n< 200",
		"an entry that is not compared":  "rows: 1\n## x\n> GET /Users\n< 200\n= dc=x\n",
		"a request with no other":        "rows: 1\n## x\n>> GET /Users\n< 204\n> GET /Users\n< 204",
		"an unknown setting":             "rows: 1\ncolour: red\n## x\n> GET /Users\n< 204",
		"a need nobody knows":            "rows: 1\nneeds: luck\n## x\n> GET /Users\n< 204",
		"a condition nobody knows":       "rows: 1\n## x\n(lucky) > GET /Users\n< 204",
		"an answer under a condition":    "rows: 1\n## x\n> GET /Users\n(narrow) < 204",
		"an unknown sign":                "rows: 1\n## x\n? GET /Users\n< 204",
		"no LDIF":                        "rows: 1\n## x\n> GET /Users\n< 204\n= dc=x\nhello",
		"an attribute there and not":     "rows: 1\n## x\n> GET /Users\n< 204\n= dc=x\nsn: a\n!sn",
		"an attribute not there and so":  "rows: 1\n## x\n> GET /Users\n< 204\n= dc=x\n!sn\nsn: a",
		"a variable used once":           "rows: 1\n## x\n> GET /Users\n< 200\n{\"id\": \"{{ada}}\"}",
		"an answer that is no JSON":      "rows: 1\n## x\n> GET /Users\n< 200\n{\"id\"}",
		"no status":                      "rows: 1\n## x\n> GET /Users\n< ok",
		"no path":                        "rows: 1\n## x\n> GET Users\n< 204",
		"@each without an end":           "rows: 1\n## x\n@each 1-2\n> GET /Users\n< 204",
	} {
		if _, err := parseDialogue(text); err == nil {
			t.Errorf("%s is taken", claim)
		}
	}
}

// What is said under a condition counts where the condition holds, and there only.
func TestADialogueIsAsTheDirectoryIs(t *testing.T) {
	const text = `rows: 1
needs: passwords
## x
(narrow) > GET /Users/1
< 200
{"a": 1, "(derived) b": 2, "(not derived) b": 3, "(only)": true}
(not narrow) > GET /Users/2
< 204
= uid=ada,ou=people
(entries) cn: x
(not entries) !cn
sn: y
(not narrow) ## z
> GET /Users/3
< 204`
	d, err := parseDialogue(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		has     directoryTraits
		b       string
		cn      []string
		asked   string
		steps   int
		noticed string
	}{
		"all hold":                    {entryTraits, "2", []string{"x"}, "/Users/1", 2, ""},
		"b is another where derived":  {entryTraits, "3", []string{"x"}, "/Users/1", 2, ".b is 3, want 2"},
		"b is another where it isn't": {directoryTraits{"passwords", "narrow"}, "2", nil, "/Users/1", 2, ".b is 2, want 3"},
		"no cn where there are":       {entryTraits, "2", nil, "/Users/1", 2, "cn is []"},
		"a cn where there are none":   {directoryTraits{"passwords"}, "", []string{"x"}, "/Users/2 /Users/3", 3, "cn is [\"x\"]"},
		"none hold":                   {directoryTraits{"passwords"}, "", nil, "/Users/2 /Users/3", 3, ""},
		"no place for what it needs":  {directoryTraits{"narrow"}, "3", nil, "/Users/1", 0, ""},
	} {
		var asked []string
		s := &stage{traits: c.has, ask: func(_, path string, _ any, _ ...string) (answer, error) {
			asked = append(asked, path)
			if path != "/Users/1" {
				return answer{status: 204}, nil
			}
			return answer{status: 200, header: http.Header{"Content-Type": {"application/scim+json"}}, raw: `{"a":1,"b":` + c.b + `}`}, nil
		}, read: func(string) map[string][]string { return map[string][]string{"cn": c.cn, "sn": {"y"}} }}
		var faults []string
		for _, situation := range d.situations {
			if c.has.hold(situation.only) {
				faults = append(faults, s.perform(situation.steps)...)
			}
		}
		noticed := strings.Join(faults, "\n")
		if !strings.Contains(noticed, c.noticed) || (noticed == "") != (c.noticed == "") || strings.Join(asked, " ") != c.asked || d.steps(c.has) != c.steps {
			t.Errorf("%s: noticed %q, asked for %q, %d steps", name, noticed, asked, d.steps(c.has))
		}
	}
}

// Requests that are to be sent at the same time are: each waits here until all have come.
func TestADialogueSendsTogetherWhatItSays(t *testing.T) {
	d, err := parseDialogue("rows: 1\n## x\n@each 1-5\n>> DELETE /Users/#\n< 204\n@end\n> DELETE /Users/6\n< 404")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked, all := 0, make(chan struct{})
	s := &stage{ask: func(_, path string, _ any, _ ...string) (answer, error) {
		mu.Lock()
		if asked++; asked == 5 {
			close(all)
		}
		mu.Unlock()
		select {
		case <-all:
			return answer{status: 204}, nil
		case <-time.After(10 * time.Second):
			return answer{}, fmt.Errorf("%s came alone", path)
		}
	}}
	// The last one is not one of them, and is not answered as it should be.
	if noticed := strings.Join(s.perform(d.situations[0].steps), "\n"); !strings.Contains(noticed, "DELETE /Users/6") || !strings.Contains(noticed, "status 204, want 404") || asked != 6 {
		t.Errorf("after %d requests: %s", asked, noticed)
	}
}
