package scim

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseSort(t *testing.T) {
	rt := userType()
	for _, tc := range []struct{ by, order, want string }{
		{"", "", ""},
		{"  ", "sideways", ""}, // an order of nothing is ignored
		{"userName", "", "userName ascending"},
		{"USERNAME", "Descending", "userName descending"},
		{"userName", "ASCENDING", "userName ascending"},
		{"name.FAMILYname", "descending", "name.familyName descending"},
		{"urn:ietf:params:scim:schemas:core:2.0:User:userName", "", "userName ascending"},
		{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "", EnterpriseURN + ":manager ascending"},
		{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:Manager.displayName", "", EnterpriseURN + ":manager.displayName ascending"},
		{"employeeNumber", "", EnterpriseURN + ":employeeNumber ascending"},
		{"emails", "", "emails ascending"},
		{"emails.type", "", "emails.type ascending"},
		{"meta.lastModified", "", "meta.lastModified ascending"},
		{"id", "", "id ascending"},
	} {
		by, err := rt.ParseSort(tc.by, tc.order)
		if err != nil {
			t.Errorf("%s %s: %v", tc.by, tc.order, err)
			continue
		}
		got := ""
		if by != nil {
			got = by.String()
		}
		if got != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.by, tc.order, got, tc.want)
		}
	}
	for _, by := range []string{
		"nosuch", "name.nosuch", "userName.part", "name", "meta", "addresses", "password", `emails[type eq "work"].value`, "user name", ".",
		"urn:ietf:params:scim:schemas:core:2.0:User", EnterpriseURN, "urn:example:other:userName", strings.Repeat("a", 5000),
	} {
		_, err := rt.ParseSort(by, "")
		_ = wantError(t, err, InvalidPath)
	}
	_, err := rt.ParseSort("userName", "up")
	_ = wantError(t, err, InvalidValue)
	_, err = badgeType().ParseSort("case.note", "")
	_ = wantError(t, err, InvalidPath)
}

// before fails unless each of the resources is before the next one, and "same" where they share a line.
func before(t *testing.T, rt *ResourceType, sortBy string, lines ...[]string) {
	t.Helper()
	up, err := rt.ParseSort(sortBy, "ascending")
	if err != nil {
		t.Fatal(err)
	}
	down, err := rt.ParseSort(sortBy, "descending")
	if err != nil {
		t.Fatal(err)
	}
	sign := func(n int) int { return min(1, max(-1, n)) }
	for i, left := range lines {
		for j, right := range lines {
			want := sign(i - j)
			for _, a := range left {
				for _, b := range right {
					x, y := up.Key(parse(t, a)), up.Key(parse(t, b))
					if got := sign(up.Compare(x, y)); got != want {
						t.Errorf("by %s, %s against %s: %d, want %d", sortBy, a, b, got, want)
					}
					if got := sign(down.Compare(x, y)); got != -want {
						t.Errorf("by %s descending, %s against %s: %d, want %d", sortBy, a, b, got, -want)
					}
				}
			}
		}
	}
}

func TestTheOrderOfEachType(t *testing.T) {
	before(t, userType(), "userName", []string{`{"userName":"alice"}`, `{"userName":"ALICE"}`}, []string{`{"userName":"Bob"}`}, []string{`{"userName":"bobby"}`},
		[]string{`{}`, `{"userName":""}`, `{"userName":null}`})
	before(t, userType(), "id", []string{`{"id":"B"}`}, []string{`{"id":"a"}`})
	before(t, badgeType(), "level", []string{`{"level":-12}`}, []string{`{"level":-3}`}, []string{`{"level":0}`, `{"level":-0}`}, []string{`{"level":9}`},
		[]string{`{"level":10}`}, []string{`{"level":123456789012345678901234567890}`}, []string{`{}`, `{"level":"7"}`})
	before(t, badgeType(), "weight", []string{`{"weight":-1e9}`}, []string{`{"weight":-1.25}`}, []string{`{"weight":-1.2}`, `{"weight":-1.20}`},
		[]string{`{"weight":0.001}`, `{"weight":1e-3}`}, []string{`{"weight":1.2}`}, []string{`{"weight":1.25}`}, []string{`{"weight":1e999999999}`}, []string{`{}`})
	before(t, badgeType(), "valid", []string{`{"valid":"1901-01-01T00:00:00Z"}`}, []string{`{"valid":"2026-11-23T11:00:00+01:00"}`, `{"valid":"2026-11-23T10:00:00Z"}`},
		[]string{`{"valid":"2026-11-23T10:00:00.001Z"}`}, []string{`{"valid":"2026-11-23T10:30:00Z"}`}, []string{`{}`, `{"valid":"soon"}`})
	before(t, userType(), "active", []string{`{"active":false}`}, []string{`{"active":true}`}, []string{`{}`})
	before(t, badgeType(), "print", []string{`{"print":"QQ=="}`}, []string{`{"print":"aa=="}`}, []string{`{}`})
	before(t, userType(), "profileUrl", []string{`{"profileUrl":"https://a"}`}, []string{`{"profileUrl":"https://b"}`}, []string{`{}`})
}

func TestWhichOfSeveralValuesCounts(t *testing.T) {
	before(t, userType(), "emails",
		[]string{`{"emails":[{"value":"b@x"},{"value":"a@x","primary":true}]}`, `{"emails":[{"value":"a@x"},{"value":"0@x"}]}`},
		[]string{`{"emails":[{"value":"b@x"}]}`},
		[]string{`{}`, `{"emails":[]}`, `{"emails":[{"value":"b@x"},{"type":"work","primary":true}]}`})
	before(t, userType(), "emails.type",
		[]string{`{"emails":[{"value":"b@x","type":"home"}]}`},
		[]string{`{"emails":[{"value":"b@x","type":"home"},{"value":"a@x","type":"work","primary":true}]}`}, []string{`{"emails":[{"value":"a@x"}]}`})
	before(t, userType(), "manager",
		[]string{`{"` + EnterpriseURN + `":{"manager":{"value":"1"}}}`}, []string{`{"` + EnterpriseURN + `":{"manager":{"value":"2"}}}`},
		[]string{`{}`, `{"` + EnterpriseURN + `":{}}`, `{"` + EnterpriseURN + `":{"manager":{"displayName":"A"}}}`})
	before(t, badgeType(), "colours", []string{`{"colours":["blue","amber"]}`}, []string{`{"colours":["red"]}`}, []string{`{"colours":[]}`})
}

func TestTextsCompareByTheRuleOfTheDirectory(t *testing.T) {
	rt := userType()
	rt.Schema.Attribute("userName").Prep = func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "") }
	before(t, rt, "userName", []string{`{"userName":"b-a"}`, `{"userName":"BA"}`}, []string{`{"userName":"b-b"}`})
}

func TestNumbersOrderAsTheirKeysDo(t *testing.T) {
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,6})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(rt *rapid.T) {
		a, b := json.Number(number.Draw(rt, "a")), json.Number(number.Draw(rt, "b"))
		if got, want := strings.Compare(toDecimal(a).sortKey(), toDecimal(b).sortKey()), compareNumbers(a, b); got != want {
			rt.Errorf("%s against %s: %d, want %d", a, b, got, want)
		}
	})
}

func TestKeysAreBounded(t *testing.T) {
	by, err := userType().ParseSort("userName", "")
	if err != nil {
		t.Fatal(err)
	}
	if key := by.Key(parse(t, `{"userName":"`+strings.Repeat("x", 100_000)+`"}`)); len(key) > longestKey+1 {
		t.Errorf("a key of %d bytes", len(key))
	}
}

func TestASortWantsWhatItLooksAt(t *testing.T) {
	rt := userType()
	for _, tc := range []struct {
		by, path string
		want     bool
	}{
		{"name.familyName", "name", true},
		{"name.familyName", "name.familyName", true},
		{"name.familyName", "name.givenName", false},
		{"name.familyName", "userName", false},
		{"emails", "emails.primary", true},
		{"emails.value", "emails.type", true},
		{"manager", EnterpriseURN + ":manager.value", true},
		{"manager", EnterpriseURN + ":manager.displayName", false},
	} {
		by, err := rt.ParseSort(tc.by, "")
		if err != nil {
			t.Fatal(err)
		}
		other, err := rt.ParseSort(tc.path, "")
		if tc.path == "name" {
			other, err = &Sort{By: Ref{Attr: rt.Schema.Attribute("name")}}, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := by.Wants(other.By); got != tc.want {
			t.Errorf("%s wants %s: %t", tc.by, tc.path, got)
		}
	}
}
