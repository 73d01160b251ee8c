package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// oddTexts are values that mean something to SQL, LIKE, JSON, patterns or a shell, and themselves here.
var oddTexts = []string{
	"O'Brien", `a"b`, `back\slash`, `\`, `\\`, "100%", "%", "_", "under_score", "underXscore", `\%`, `\_`, "'", `"`, "''", "$1", "?", "{tenant}", "*", "(x)", "|", "a||b",
	"'; DROP TABLE scim.users; --", `" OR 1=1 --`, "' OR ''='", "$$x$$", `E'\x41'`, `\u0041`, "/* x */", "NULL", "true", "0", "-1", "a,b", "{a,b}", "[1]", "😀🎉", "名前", "ñandú", "tab\there",
	"new\nline", "<b>&amp;</b>", "%27", "..", "a/b",
}

// What is stored is stored as it was sent, and found by itself and by its parts, and nobody else is.
func TestTextsThatMeanSomethingElsewhereAreFoundExactly(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			h := openTables(t, w)
			ids := map[string]string{}
			for _, text := range oddTexts {
				made := h.do("POST", "/Users", map[string]any{
					"userName": text, "displayName": text, "externalId": text, "emails": []any{map[string]any{"value": text + "@x.example", "type": "work"}},
				}).want(t, 201)
				ids[text] = made.id()
				read := h.do("GET", "/Users/"+made.id(), nil).want(t, 200)
				for _, path := range []string{"userName", "displayName", "externalId"} {
					if got := read.text(path); got != text {
						t.Errorf("%s is %q, want %q", path, got, text)
					}
				}
				h.keeps(t, made.id(), "userName", text)
				h.keeps(t, made.id(), "displayName", text)
				h.keeps(t, made.id(), "emails", text+"@x.example")
			}
			for _, path := range []string{"userName", "displayName", "externalId", "emails.value"} {
				t.Run(path, func(t *testing.T) { foundExactly(t, h, path, ids) })
			}
		})
	}
}

// foundExactly asks for each text, its beginning, its end and what stands between, and counts who has that.
func foundExactly(t *testing.T, h *house, path string, ids map[string]string) {
	kept := func(text string) string { return text }
	if path == "emails.value" {
		kept = func(text string) string { return text + "@x.example" }
	}
	folded := strings.ToLower
	if path == "externalId" {
		folded = func(s string) string { return s } // its letters count
	}
	for _, text := range oddTexts {
		letters := []rune(kept(text))
		for op, c := range map[string]struct {
			part string
			has  func(s, part string) bool
		}{
			"eq": {string(letters), func(s, part string) bool { return s == part }},
			"sw": {string(letters[:(len(letters)+1)/2]), strings.HasPrefix},
			"ew": {string(letters[len(letters)/2:]), strings.HasSuffix},
			"co": {string(letters[len(letters)/3 : len(letters)/3+(len(letters)+2)/3]), strings.Contains},
		} {
			var want []string
			for other, id := range ids {
				if c.has(folded(kept(other)), folded(c.part)) {
					want = append(want, id)
				}
			}
			quoted, _ := json.Marshal(c.part)
			found, _ := h.list("/Users", path+" "+op+" "+string(quoted), "count", "200")
			got := names(found, "id")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s %s %s: %d found, want %d", path, op, quoted, len(got), len(want))
			}
		}
	}
}

// A text of 100 kilobytes is stored and found where the column has room for it.
func TestALongTextIsFound(t *testing.T) {
	long := strings.Repeat("0123456789 abcdé😀'%_\\", 100<<10/26)
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			h := openTables(t, w)
			h.user("other")
			id := h.user("long", "emails", []any{map[string]any{"value": long + "@x.example", "type": "work"}}).id()
			h.keeps(t, id, "emails", long+"@x.example")
			for filter, want := range map[string]int{
				"emails.value sw " + quotedJSON(long[:200]): 1, "emails.value ew " + quotedJSON(long[len(long)-200:]+"@x.example"): 1, "emails.value co " + quotedJSON(long[1000:1300]): 1,
				"emails.value co " + quotedJSON(long[:100]+"#"): 0,
			} {
				if _, n := h.list("/Users", filter); n != want {
					t.Errorf("%.40s…: %d found, want %d", filter, n, want)
				}
			}
			// A filter has 64 KB at most: what is longer is found by a part.
			medium := long[:40<<10]
			h.user("medium", "emails", []any{map[string]any{"value": medium + "@x.example", "type": "work"}})
			search := map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}}
			for text, want := range map[string]int{medium + "@x.example": 1, medium + "#@x.example": 0} {
				search["filter"] = "emails.value eq " + quotedJSON(text)
				if a := h.do("POST", "/Users/.search", search); a.status != 200 || a.at("totalResults") != float64(want) {
					t.Errorf("the whole text: %d %.300s, want %d", a.status, a.raw, want)
				}
			}
			search["filter"] = "emails.value eq " + quotedJSON(long)
			h.do("POST", "/Users/.search", search).wantError(t, 400, "invalidFilter")
			if !w.everything {
				h.do("POST", "/Users", map[string]any{"userName": "longer", "displayName": long}).wantError(t, 400, "invalidValue")
			}
		})
	}
}

func quotedJSON(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

// No text of PostgreSQL has a NUL, so nobody has one that is asked for: a filter with it is read, and finds nobody. (Writing it is 400, as another test says.)
func TestANULIsInNobodysText(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			h := openTables(t, w)
			id := h.user("ab", "displayName", "ab", "externalId", "ab", "emails", []any{map[string]any{"value": "ab@x.example", "type": "work"}}).id()
			for _, path := range []string{"userName", "displayName", "externalId", "emails.value", "meta.version", "id", "name.familyName"} {
				for _, op := range []string{"eq", "co", "sw", "ew"} {
					a := h.do("GET", `/Users?filter=`+path+`%20`+op+`%20%22a%5Cu0000b%22`, nil)
					if a.status != http.StatusOK || a.at("totalResults") != float64(0) {
						t.Errorf("%s %s: %d %.300s", path, op, a.status, a.raw)
					}
				}
			}
			if found, n := h.list("/Users", `not (userName eq "a\u0000b")`); n != 1 || found[0]["id"] != id {
				t.Errorf("%d have no NUL", n)
			}
		})
	}
}

// A new resource was changed last when it was made, whatever is made with it; a change moves the one and not the other.
func TestANewResourceWasChangedWhenItWasMade(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			h := openTables(t, w)
			user := h.user("ada", "emails", []any{map[string]any{"value": "ada@x.example", "type": "work"}}, "phoneNumbers", []any{map[string]any{"value": "1", "type": "work"}})
			empty, full := h.group("empty"), h.group("full", user.id())
			for name, a := range map[string]answer{"a user": user, "a group": empty, "a group with members": full} {
				if made, changed := a.text("meta.created"), a.text("meta.lastModified"); made == "" || made != changed {
					t.Errorf("%s was made at %s and changed at %s", name, made, changed)
				}
			}
			for path, change := range map[string]map[string]any{
				"/Users/" + user.id():   op("replace", "displayName", "Ada"),
				"/Groups/" + empty.id(): op("add", "members", []any{map[string]any{"value": user.id()}}),
			} {
				h.do("PATCH", path, patch(change))
				a := h.do("GET", path, nil).want(t, 200)
				if made, changed := a.text("meta.created"), a.text("meta.lastModified"); made >= changed {
					t.Errorf("%s was made at %s and changed at %s", path, made, changed)
				}
			}
		})
	}
}
