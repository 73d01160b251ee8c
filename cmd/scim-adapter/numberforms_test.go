package main

import (
	"slices"
	"strings"
	"testing"
)

// columnForms make columns of the personnel database such as older ones have: numbers, days and identifiers, where SCIM has texts.
const columnForms = `DROP INDEX hr.person_personnel_no;
ALTER TABLE hr.person ALTER personnel_no TYPE integer USING personnel_no::integer, ALTER cost_center TYPE numeric(8, 2) USING cost_center::numeric,
	ALTER job_title TYPE date USING job_title::date, ALTER language TYPE uuid USING language::uuid;
CREATE UNIQUE INDEX person_personnel_no ON hr.person (personnel_no);
DROP VIEW hr.person_role; CREATE VIEW hr.person_role AS SELECT person_id, ''::text AS role FROM hr.person WHERE false;
ALTER TABLE hr.phone ALTER number TYPE bigint USING number::bigint`

// TestWhatAColumnMakesOfATextIsWhatIsFound: a column of numbers keeps 7 of "07", and says so. What is found is then what was answered, by whatever is
// asked, and nothing is found that was not.
func TestWhatAColumnMakesOfATextIsWhatIsFound(t *testing.T) {
	w := tableWorlds(t)[1]
	w.scripts = append(w.scripts, columnForms)
	h := openTables(t, w)
	for _, c := range []struct{ path, text, shown string }{
		{"employeeNumber", "07", "7"},
		{"employeeNumber", "+8", "8"},
		{"employeeNumber", "-0", "0"},
		{"employeeNumber", "42", "42"},
		{"costCenter", "07.5", "7.50"},
		{"costCenter", "1e1", "10.00"},
		{"title", "2024-02-29T23:00:00Z", "2024-02-29"},
		{"preferredLanguage", "ABCDEFAB-0000-4000-8000-00000000000A", "abcdefab-0000-4000-8000-00000000000a"},
		{"phone", "0049731", "49731"},
	} {
		body, filter := map[string]any{"userName": "u" + c.path + c.text}, c.path
		read := c.path
		switch c.path {
		case "employeeNumber", "costCenter":
			body[enterpriseURN], filter, read = map[string]any{c.path: c.text}, enterpriseURN+":"+c.path, enterpriseURN+"."+c.path
		case "phone":
			body["phoneNumbers"], filter, read = []any{map[string]any{"value": c.text, "type": "work"}}, "phoneNumbers.value", "phoneNumbers.0.value"
		default:
			body[c.path] = c.text
		}
		a := h.do("POST", "/Users", body).want(t, 201)
		if got := a.text(read); got != c.shown {
			t.Errorf("%s %q is answered as %q, want %q", c.path, c.text, got, c.shown)
		}
		if got := h.do("GET", "/Users/"+a.id(), nil).text(read); got != c.shown {
			t.Errorf("%s %q is read as %q, want %q", c.path, c.text, got, c.shown)
		}
		for _, literal := range []string{c.text, c.shown, "7", "07", "0", "49731", strings.ToUpper(c.shown), "x", "7.5"} {
			same := strings.EqualFold(literal, c.shown) && c.path != "phone" || literal == c.shown
			for asked, want := range map[string]bool{
				filter + ` eq "` + literal + `"`: same, "not (" + filter + ` eq "` + literal + `")`: !same, filter + ` ne "` + literal + `"`: !same,
				filter + ` eq "` + literal + `" and userName pr`: same, filter + ` co "` + literal + `"`: strings.Contains(strings.ToLower(c.shown), strings.ToLower(literal)),
				filter + ` sw "` + literal + `"`: strings.HasPrefix(strings.ToLower(c.shown), strings.ToLower(literal)),
			} {
				found, _ := h.list("/Users", asked)
				if got := slices.Contains(names(found, "id"), a.id()); got != want {
					t.Errorf("%s of %s %q: found %t, want %t", asked, c.path, c.shown, got, want)
				}
			}
		}
		// Whoever sends again what he was answered changes nothing.
		again := h.do("PUT", "/Users/"+a.id(), a.body).want(t, 200)
		if again.raw != a.raw {
			t.Errorf("%s %q: PUT of what was answered gives %s after %s", c.path, c.text, again.raw, a.raw)
		}
	}
}

func TestWhatAColumnCannotHoldIsRefused(t *testing.T) {
	w := tableWorlds(t)[1]
	w.scripts = append(w.scripts, columnForms)
	h := openTables(t, w)
	a := h.user("ada", enterpriseURN, map[string]any{"employeeNumber": "7"})
	for path, texts := range map[string][]string{
		enterpriseURN + ":employeeNumber": {"A-7", "7.0", "7 ", " 7", "0x7", "٧", "2147483648", "NaN", "1e1"},
		enterpriseURN + ":costCenter":     {"7.555", "1000000", "NaN", "seven", "Infinity"},
		"title":                           {"Head", "2023-02-29", "infinity", "yesterday"},
		"preferredLanguage":               {"en", "abcdefab-0000-4000-8000-00000000000", "{abcdefab-0000-4000-8000-00000000000a}"},
	} {
		for _, text := range texts {
			if got := h.do("PATCH", "/Users/"+a.id(), patch(op("replace", path, text))).wantError(t, 400, "invalidValue"); !strings.Contains(got.text("detail"), path[strings.LastIndex(path, ":")+1:]) {
				t.Errorf("%s %q: %s", path, text, got.raw)
			}
		}
	}
	if got := h.do("GET", "/Users/"+a.id(), nil).want(t, 200); got.raw != a.raw {
		t.Errorf("something is changed: %s", got.raw)
	}
	// The same number, written otherwise, is the same.
	h.do("POST", "/Users", map[string]any{"userName": "bob", enterpriseURN: map[string]any{"employeeNumber": "007"}}).wantError(t, 409, "uniqueness")
}

// TestATextInPlaceOfAnObjectIsNamed: nothing is guessed of it.
func TestATextInPlaceOfAnObjectIsNamed(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			h := openTables(t, w)
			a := h.user("ada")
			for what, bodies := range map[string][]string{
				"name":           {`{"name":"N"}`, `{"userName":"n","name":"N"}`, `{"userName":"n","name":["N"]}`, `{"userName":"n","name":7}`, `{"userName":"n","name":true}`},
				"name.givenName": {`{"userName":"n","name":{"givenName":{"x":"N"}}}`, `{"userName":"n","name":{"givenName":["N","M"]}}`},
				enterpriseURN:    {`{"userName":"n","` + enterpriseURN + `":"N"}`},
				"emails":         {`{"userName":"n","emails":[["N"]]}`, `{"userName":"n","emails":{"value":["N","M"]}}`},
			} {
				for _, body := range bodies {
					for method, path := range map[string]string{"POST": "/Users", "PUT": "/Users/" + a.id()} {
						if got := h.do(method, path, body).wantError(t, 400, "invalidValue"); !strings.HasPrefix(got.text("detail"), what) {
							t.Errorf("%s of %s: %s", method, body, got.raw)
						}
					}
				}
			}
			for _, ops := range []map[string]any{op("replace", "name", "N"), op("add", "", map[string]any{"name": "N"}), op("replace", "", map[string]any{"name": []any{"N"}})} {
				if got := h.do("PATCH", "/Users/"+a.id(), patch(ops)).wantError(t, 400, "invalidValue"); !strings.Contains(got.text("detail"), "name") {
					t.Errorf("%v: %s", ops, got.raw)
				}
			}
			if got := h.do("GET", "/Users/"+a.id(), nil).want(t, 200); got.raw != a.raw {
				t.Errorf("something is changed: %s", got.raw)
			}
			if _, total := h.list("/Users", ""); total != 1 {
				t.Errorf("%d users", total)
			}
		})
	}
}
