package adapter

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// sensitive keeps the values of attributes out of the journal.
func sensitive(names ...string) edit {
	return edit{options: func(o *Options) {
		o.Discretion = NewDiscretion(o.Mappings, names, nil)
		o.Journal = Redact(o.Journal, o.Discretion)
	}}
}

// written is all that the journal has, as JSON.
func (h *house) written() string {
	h.t.Helper()
	text, err := json.Marshal(h.events())
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

func TestSensitiveValuesAreNeverWrittenDown(t *testing.T) {
	for name, names := range map[string][]string{
		"by their SCIM names":  {"title", "name.familyName", "externalId"},
		"with the schema":      {"urn:ietf:params:scim:schemas:core:2.0:User:title", "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName", "externalId"},
		"in other letter case": {"TITLE", "Name.FamilyName", "EXTERNALID"},
		"by their native ones": {"title", "sn", "name.familyName", "externalId"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, sensitive(names...))
			alice := h.create("User", `{"userName":"alice","title":"Zsecretone","name":{"familyName":"Zsecrettwo","givenName":"Alice"}}`).ID
			h.patch("User", alice, `{"op":"replace","path":"title","value":"Zsecretthree"},{"op":"replace","path":"name.familyName","value":"Zsecretfour"}`)
			h.patch("User", alice, `{"op":"remove","path":"title"},{"op":"replace","path":"name.givenName","value":"Alicia"}`)
			h.remove(alice)
			text := h.written()
			if i := strings.Index(text, "Zsecret"); i >= 0 {
				t.Errorf("the journal has %s", text[max(0, i-200):i+20])
			}
			if !strings.Contains(text, "Alicia") {
				t.Error("the journal has nothing of what is not sensitive")
			}
			if n := len(h.events()); n != 4 {
				t.Errorf("there are %d events", n)
			}
		})
	}
}

func TestWhatWasRedactedIsToldToBeLost(t *testing.T) {
	h := newHouse(t, sensitive("title"))
	alice := h.create("User", `{"userName":"alice","title":"Clerk"}`).ID
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"},{"op":"replace","path":"name.givenName","value":"Al"}`)
	u := h.undone()
	if !slices.Contains(u.Lost, "title") || len(u.Lost) != 1 {
		t.Errorf("of a change is lost %v", u.Lost)
	}
	if res := h.get("User", alice).Resource; at(res, "title") != "Boss" || at(res, "name", "givenName") != nil {
		t.Errorf("undone is %s", res.AppendJSON(nil))
	}
	h.remove(alice)
	if u := h.undone(); !slices.Contains(u.Lost, "title") {
		t.Errorf("of a deletion is lost %v", u.Lost)
	}
	if res := h.get("User", alice).Resource; at(res, "userName") != "alice" || at(res, "title") != nil {
		t.Errorf("undone is %s", res.AppendJSON(nil))
	}
}

func TestOnlyTheSensitiveIsRedacted(t *testing.T) {
	t.Parallel()
	r := &Discretion{paths: []string{"title", "data.salary", "name.familyName"}}
	for attr, want := range map[string]bool{
		"title": true, "Title": true, "title;lang-de": true, "titles": false, "subtitle": false, "data": true, "data.salary": true, "data.salary.monthly": true, "data.name": false,
		"name": true, "name.familyName": true, "name.givenName": false, `data."*"`: true, `other."*"`: false,
	} {
		if got := r.hides(attr); got != want {
			t.Errorf("%s: %t", attr, got)
		}
	}
	for query, want := range map[string]string{
		`filter=title+eq+"Boss"`: redactedMark, `filter=TITLE+eq+"Boss"`: redactedMark, `filter=name%5BfamilyName+eq+"x"%5D`: redactedMark, `filter=%74itle+pr`: redactedMark,
		`filter=userName+eq+"x"`: `filter=userName+eq+"x"`, "": "", "%zz title": redactedMark,
	} {
		if got := r.query(query); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
}

func TestTheAdapterKeepsWhatItsJournalIsNotTold(t *testing.T) {
	t.Parallel()
	r := &Discretion{paths: []string{"title"}}
	in := journal.Intent{
		Steps: []journal.Step{{
			Changes: []backends.Change{{Op: backends.Replace, Attr: "title", Values: backends.Strings("Boss")}},
			Attrs:   backends.Attributes{"title": backends.Strings("Boss")}, Before: backends.Attributes{"title": backends.Strings("Clerk")},
		}},
		Diff: []journal.Change{{Path: "title", Before: json.RawMessage(`"Clerk"`), After: json.RawMessage(`"Boss"`)}, {Path: "title", After: json.RawMessage(`"Boss"`)}},
	}
	was, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	told, failed := r.intent(in)
	if is, err := json.Marshal(in); failed != nil || err != nil || string(is) != string(was) {
		t.Errorf("the adapter has %s now, %v", is, err)
	}
	text, err := json.Marshal(told)
	if err != nil || strings.Contains(string(text), "Boss") || strings.Contains(string(text), "Clerk") {
		t.Errorf("the journal is told %s, %v", text, err)
	}
	if told.Diff[1].Before != nil || len(told.Steps[0].Before["title"]) != 1 || told.Steps[0].Before["title"][0].Kind() != backends.KindSecret {
		t.Errorf("the journal is told %s", text)
	}
}

func TestWhatWasNotWrittenDownIsNotGuessed(t *testing.T) {
	h := newHouse(t, sensitive("title", "externalId"))
	u := h.create("User", `{"userName":"a","title":"old","externalId":"x1"}`).ID
	h.dyingAfter(0)
	_, _ = h.tryPatch(h.req("User"), u, `{"op":"replace","path":"title","value":"new"}`)
	if h = h.another(); h.reconcile() != (Reconciled{Unknown: 1}) {
		t.Errorf("of a change that nobody can read: %+v", h.lastEvent().Outcome)
	}
	h.patch("User", u, `{"op":"replace","path":"externalId","value":"x2"}`)
	undone := h.undo(1, UndoOptions{})[0]
	if !slices.Contains(undone.Lost, "externalId") || strings.Contains(strings.Join(undone.Why, " "), "x2") {
		t.Errorf("undone: %+v", undone)
	}
	if got := at(h.get("User", u).Resource, "externalId"); got != "x2" {
		t.Errorf("externalId is %v", got)
	}
}
