package main

import (
	"strings"
	"testing"
)

// What a client addresses by a path is done or refused, and never passed over.

// An element that nothing can hold is not dropped where a path names its attribute: a replace would take away what is there, and write nothing. In a body without
// paths it is.
func TestAnElementWithoutAPlaceUnderAPath(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		if h.tables != nil && h.tables.kind.everything {
			return // there is a place for all that the schema knows
		}
		u := h.user("someone", "addresses", []map[string]any{{"type": "work", "locality": "W"}})
		w := map[string]any{"type": "work", "locality": "V"}
		elsewhere, known, strange := map[string]any{"type": "other", "locality": "Y"}, "addresses[type eq \"other\"]", map[string]any{"type": "work", "planet": "Mars"}
		for name, c := range map[string]struct {
			op   map[string]any
			says string
		}{
			"replaced by what has no place": {op("replace", "addresses", []any{elsewhere}), known},
			"one of two":                    {op("replace", "addresses", []any{w, elsewhere}), known},
			"added":                         {op("add", "addresses", elsewhere), known},
			"turned into it":                {op("replace", "addresses.type", "other"), known},
			"nothing that is known":         {op("replace", "addresses", []any{strange}), "addresses.planet"},
			"one of two, of nothing known":  {op("replace", "addresses", []any{w, strange}), "addresses.planet"},
			"nothing known is added":        {op("add", "addresses", []any{strange}), "addresses.planet"},
			"nothing known of one chosen":   {op("replace", `addresses[type eq "work"]`, map[string]any{"planet": "Mars"}), "planet"},
			"nothing known of a name":       {op("add", "name", map[string]any{"patronymic": "x"}), "name.patronymic"},
		} {
			a := h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "title", "Boss"), c.op)).wantError(t, 400, "invalidValue")
			if !strings.Contains(a.text("detail"), c.says) {
				t.Errorf("%s: %s", name, a.raw)
			}
		}
		if got := h.do("GET", "/Users/"+u.id(), nil); got.raw != u.raw {
			t.Errorf("changed: %s", got.raw)
		}
		// What else is said of an element or a name is written, and a body says what it likes.
		h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "addresses", []any{map[string]any{"type": "work", "locality": "X", "planet": "Mars"}}),
			op("add", "name", map[string]any{"givenName": "Ann", "patronymic": "x"}))).want(t, 200)
		whole := map[string]any{"addresses": []any{w, elsewhere}}
		if got := h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "", whole))).want(t, 200); got.at("addresses.0.locality") != "V" || got.at("addresses.1") != nil || got.at("name.givenName") != "Ann" {
			t.Errorf("%s", got.raw)
		}
	})
}

// Nobody is without a state: removing that of somebody who is inactive would enable him, or be passed over. Leaving it out of a PUT, or null there, asks for nothing.
func TestAStateThatIsRemoved(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		u := h.user("someone", "active", false)
		for name, change := range map[string]map[string]any{
			"remove": op("remove", "active", nil), "replace by nothing": op("replace", "active", ""),
			"replace by null": {"op": "replace", "path": "active", "value": nil}, "add null": {"op": "add", "path": "active", "value": nil},
		} {
			a := h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "title", "Boss"), change)).wantError(t, 400, "mutability")
			if !strings.Contains(a.text("detail"), "active") {
				t.Errorf("%s: %s", name, a.raw)
			}
		}
		if got := h.do("GET", "/Users/"+u.id(), nil); got.raw != u.raw {
			t.Errorf("changed: %s", got.raw)
		}
		body := map[string]any{"userName": "someone", "active": nil}
		for _, got := range []answer{
			h.do("PUT", "/Users/"+u.id(), map[string]any{"userName": "someone"}), h.do("PUT", "/Users/"+u.id(), body), h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "", body))),
		} {
			if got.want(t, 200).at("active") != false {
				t.Errorf("nothing was said of it: %s", got.raw)
			}
		}
		h.do("PATCH", "/Users/"+u.id(), patch(op("remove", "active", nil), op("add", "active", true))).want(t, 200)
		// Who has none is active.
		if got := h.do("PATCH", "/Users/"+u.id(), patch(op("remove", "active", nil))).want(t, 200); got.at("active") != true {
			t.Errorf("it was removed: %s", got.raw)
		}
	})
}

// One address that stands in a request twice is told as that, also where only the default type of the table makes it so, and a name that a record outside of the
// mapping has does not send anybody searching.
func TestWhatARowOfThePersonnelDatabaseHasAlready(t *testing.T) {
	h := openTables(t, tableWorlds(t)[1])
	first := map[string]any{"value": "C@x", "type": "work"}
	for name, second := range map[string]map[string]any{"without a type": {"value": "C@x"}, "with another": {"value": "C@x", "type": "home"}} {
		for _, both := range [][]any{{first, second}, {second, first}} {
			a := h.do("POST", "/Users", map[string]any{"userName": "twice", "emails": both}).wantError(t, 400, "invalidValue")
			if !strings.Contains(a.text("detail"), "this one would have it twice") {
				t.Errorf("%s: %s", name, a.raw)
			}
		}
	}
	h.tables.admin.texts(h.tables.kind.outsider)
	a := h.do("POST", "/Users", map[string]any{"userName": "outside"}).wantError(t, 409, "uniqueness")
	if !strings.Contains(a.text("detail"), "userName") || !strings.Contains(a.text("detail"), "not shown here") {
		t.Errorf("%s", a.raw)
	}
	h.user("inside")
	a = h.do("POST", "/Users", map[string]any{"userName": "INSIDE"}).wantError(t, 409, "uniqueness")
	if strings.Contains(a.text("detail"), "not shown here") {
		t.Errorf("%s", a.raw)
	}
}
