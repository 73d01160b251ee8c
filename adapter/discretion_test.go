package adapter

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
)

// vaulted is sensitive with a vault.
func vaulted(vault *Vault, names ...string) edit {
	return edit{options: func(o *Options) {
		o.Discretion = NewDiscretion(o.Mappings, names, vault)
		o.Journal = Redact(o.Journal, o.Discretion)
	}}
}

func TestWhatLiesInTheVaultComesBack(t *testing.T) {
	vault := newTestVault(t, 1)
	h := newHouse(t, vaulted(vault, "title", "externalId"))
	alice := h.create("User", `{"userName":"alice","title":"Zclerk","password":"Zhush","externalId":"Zx1"}`).ID
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Zboss"},{"op":"replace","path":"externalId","value":"Zx2"}`)
	u := h.undone()
	if res := h.get("User", alice).Resource; u.Result != UndoDone || len(u.Lost) > 0 || at(res, "title") != "Zclerk" || at(res, "externalId") != "Zx1" {
		t.Errorf("%+v, %s", u, res.AppendJSON(nil))
	}
	h.remove(alice)
	plan := h.undo(1, UndoOptions{DryRun: true})[0]
	if len(plan.Lost) > 0 || strings.Contains(fmt.Sprint(plan), "Zclerk") || strings.Contains(fmt.Sprint(plan), "Zhush") {
		t.Errorf("the plan: %+v", plan)
	}
	u = h.undo(1, UndoOptions{})[0]
	if res := h.get("User", alice).Resource; u.Result != UndoDone || slices.Contains(u.Lost, "userPassword") || slices.Contains(u.Lost, "title") || at(res, "title") != "Zclerk" {
		t.Errorf("%+v, %s", u, res.AppendJSON(nil))
	}
	recs, err := h.memory.Class(backendtest.Class{}).Fetch(t.Context(), []backends.Key{backends.Key(alice)}, []string{"userPassword"})
	if err != nil || len(recs) != 1 || recs[0].Attrs["userPassword"][0].Reveal() == "" {
		t.Errorf("the password is %v, %v", recs, err)
	}
	if text := h.written(); strings.Contains(text, "Zclerk") || strings.Contains(text, "Zhush") || strings.Contains(text, "Zx1") {
		t.Errorf("the journal has them: %s", text)
	}
}

func TestWithoutItsKeyWhatIsInTheVaultIsLost(t *testing.T) {
	h := newHouse(t, vaulted(newTestVault(t, 1), "title"))
	alice := h.create("User", `{"userName":"alice","title":"Clerk","password":"hush"}`).ID
	h.remove(alice)
	h.o.Discretion.vault = newTestVault(t, 2)
	u := h.undo(1, UndoOptions{})[0]
	if res := h.get("User", alice).Resource; u.Result != UndoDone || !slices.Contains(u.Lost, "userPassword") || !slices.Contains(u.Lost, "title") || at(res, "title") != nil {
		t.Errorf("%+v, %s", u, res.AppendJSON(nil))
	}
}

func TestAClosedVaultTakesNothingMore(t *testing.T) {
	vault := newTestVault(t, 1)
	h := newHouse(t, vaulted(vault, "title"))
	alice := h.create("User", `{"userName":"alice","title":"Clerk"}`).ID
	h.remove(alice)
	vault.Closed = true
	if u := h.undo(1, UndoOptions{})[0]; len(u.Lost) > 0 {
		t.Errorf("what is in does not come out: %+v", u)
	}
	h.remove(alice)
	if u := h.undo(1, UndoOptions{})[0]; !slices.Contains(u.Lost, "title") {
		t.Errorf("something more was put in: %+v", u)
	}
}

func TestOfADocumentOnlyWhatIsHiddenIsWithheld(t *testing.T) {
	t.Parallel()
	const text = `{"name":{"given":"Ann","Salary":1.50},"salary":7,"<pets>":[{"salary":1,"n":"a"},{"n":"b"}]}`
	for name, vault := range map[string]*Vault{"nothing is kept": nil, "it lies in a vault": newTestVault(t, 1)} {
		d := &Discretion{paths: []string{"data.name.salary", `data."<pets>".salary`, "data.bonus"}, vault: vault}
		was := backends.Attributes{"data": backends.Strings(text), "data.name.salary": backends.Strings("1.50"), "id": backends.Strings("1")}
		is, err := d.image("User", was, "here")
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"<pets>":[{"n":"a"},{"n":"b"}],"name":{"given":"Ann"},"salary":7}`; is["data"][0].Text() != want || !blank(is["data.name.salary"]) || !blank(is[`data."<pets>".salary`]) || len(is) != 4 {
			t.Errorf("%s: %v", name, is)
		}
		stored, err := json.Marshal(is)
		var read backends.Attributes
		if err == nil {
			err = json.Unmarshal(stored, &read)
		}
		if err != nil || strings.Contains(string(stored), "1.50") {
			t.Errorf("%s: %s, %v", name, stored, err)
		}
		back := d.opened(read, "here")
		if got := back["data"][0].Text(); (got == text) != (vault != nil) {
			t.Errorf("%s: it comes back as %s", name, got)
		}
		now := backends.Attributes{"data": backends.Strings(`{"name":{"given":"Bob","Salary":2},"<pets>":[{"salary":9}]}`)}
		if got := asItIs(read, now)["data"][0].Text(); got != `{"<pets>":[{"n":"a","salary":9},{"n":"b"}],"name":{"Salary":2,"given":"Ann"},"salary":7}` {
			t.Errorf("%s: put into what is there now: %s", name, got)
		}
	}
	d := &Discretion{paths: []string{"data.salary"}}
	for _, other := range []backends.Values{backends.Strings("no document"), backends.Strings("{}", "{}"), {backends.Int(1)}} {
		if is, err := d.image("User", backends.Attributes{"data": other}, "here"); err != nil || !blank(is["data"]) || len(is["data"]) != len(other) {
			t.Errorf("%v: %v, %v", other, is, err)
		}
	}
	if is, err := d.image("User", backends.Attributes{"data": backends.Strings(`{ "a": 1 }`)}, "here"); err != nil || is["data"][0].Text() != `{ "a": 1 }` || len(is) != 1 {
		t.Errorf("a document without it: %v, %v", is, err)
	}
}

func TestNamesThatAreNobodysAreTold(t *testing.T) {
	h := newHouse(t, vaulted(nil, "title", "paycheckk", "externalId", "name", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "sn", "nosuch.thing", "carLicence"))
	if got := fmt.Sprint(h.o.Discretion.Unknown()); got != "[paycheckk nosuch.thing carLicence]" {
		t.Errorf("%s", got)
	}
}

// A value that is told in the directory's words is told in SCIM's too, and a name that chooses elements hides them all: no spelling lets a value through.
func TestASensitiveNameHidesInEverySpelling(t *testing.T) {
	for name, shown := range map[string]string{
		"mail": "emails", "sn": "name.familyName", `emails[type eq "work"].value`: "emails", "emails[type=work]": "emails", "enterprise:employeeNumber": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
		"employeeNumber": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
	} {
		d := newHouse(t, vaulted(nil, name)).o.Discretion
		if !d.hides(shown) || len(d.Unknown()) > 0 {
			t.Errorf("%s does not hide %s (%v), or is unknown: %v", name, shown, d.paths, d.Unknown())
		}
		if d.hides("userName") || d.hides("title") {
			t.Errorf("%s hides too much: %v", name, d.paths)
		}
	}
}

// octets is a class whose attributes are octets; those in lower case its clients write.
type octets struct{ backends.Backend }

func (octets) Syntax(attr string) backends.Syntax {
	return backends.Syntax{Known: true, Octets: true, ReadOnly: attr != strings.ToLower(attr)}
}

func TestOctetsThatNothingMapsAreWithheld(t *testing.T) {
	t.Parallel()
	d := &Discretion{classes: map[string]discreet{"User": {octets{}, map[string]bool{"photo": true}}}}
	value := backends.Values{backends.Bytes([]byte{1})}
	is, err := d.image("User", backends.Attributes{"photo": value, "photo;x-one": value, "blob": value, "ObjectGUID": value}, "here")
	if err != nil || !blank(is["blob"]) || blank(is["photo"]) || blank(is["photo;x-one"]) || blank(is["ObjectGUID"]) {
		t.Errorf("%v, %v", is, err)
	}
	if is, err := d.image("Group", backends.Attributes{"blob": value}, "here"); err != nil || blank(is["blob"]) {
		t.Errorf("of a type that nobody knows: %v, %v", is, err)
	}
}

// A step is written down, and shown, without them, whoever it is that writes what nothing maps: an undo, or what puts a snapshot back.
func TestOctetsThatNothingMapsAreNoPartOfAStep(t *testing.T) {
	t.Parallel()
	const planted = "Zoctets"
	value := backends.Values{backends.Bytes([]byte(planted))}
	changes := []backends.Change{{Op: backends.Replace, Attr: "blob", Values: value}, {Op: backends.Add, Attr: "blob;x-one", Values: value}, {Op: backends.Remove, Attr: "blob"}}
	in := journal.Intent{ID: "1", Steps: []journal.Step{
		{Backend: "User", Op: opModify, Changes: changes, Before: backends.Attributes{"blob": value}}, {Backend: "User", Op: opCreate, Attrs: backends.Attributes{"blob": value, "photo": value}},
	}}
	out := journal.Outcome{Steps: []journal.StepOutcome{{Status: journal.StatusDone, Effective: changes}, {Status: journal.StatusDone}}}
	for name, vault := range map[string]*Vault{"nothing is kept": nil, "it lies in a vault": newTestVault(t, 1)} {
		d := &Discretion{classes: map[string]discreet{"User": {octets{}, map[string]bool{"photo": true}}}, vault: vault}
		var told telling
		j := Redact(&told, d)
		if err := errors.Join(j.Begin(t.Context(), in), j.Finish(t.Context(), in.ID, out), j.Note(t.Context(), in, out)); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(told)
		shown, failed := json.Marshal([]journal.Step{d.shown(in.Steps[0]), d.shown(in.Steps[1])})
		if err = errors.Join(err, failed); err != nil {
			t.Fatal(err)
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(planted))
		if strings.Count(string(text), encoded) != 2 || strings.Count(string(shown), encoded) != 1 || len(told.Intents) != 2 || len(told.Outcomes) != 2 { // photo is mapped
			t.Errorf("%s: the journal is told %s, and %s is shown", name, text, shown)
		}
		if out := told.Outcomes[0].Steps[0].Effective; len(out) != 3 || len(out[0].Values) != 1 || out[2].Values != nil {
			t.Errorf("%s: of what was done is left %v", name, out)
		}
		e := d.event(journal.Event{Intent: told.Intents[0], Outcome: &told.Outcomes[0]})
		for what, values := range map[string]backends.Values{
			"changed": e.Intent.Steps[0].Changes[0].Values, "was before": e.Intent.Steps[0].Before["blob"], "was made": e.Intent.Steps[1].Attrs["blob"], "was done": e.Outcome.Steps[0].Effective[1].Values,
		} {
			if back := len(values) == 1 && values[0].Text() == planted; back != (vault != nil) {
				t.Errorf("%s: what %s comes back as %v", name, what, values)
			}
		}
		if left := len(j.(*redacting).obscure); left > 0 {
			t.Errorf("%s: %d events are remembered that are over", name, left)
		}
	}
}

func TestWhatAnotherProcessHasEndedIsNotRememberedForEver(t *testing.T) {
	t.Parallel()
	d := &Discretion{classes: map[string]discreet{"User": {octets{}, nil}}}
	j := Redact(&telling{deaf: true}, d)
	known := func() int { return len(j.(*redacting).obscure) }
	start := time.Now()
	begin := func(id journal.ID, after time.Duration) {
		t.Helper()
		in := journal.Intent{ID: id, Time: start.Add(after), Deadline: start.Add(after + time.Minute), Steps: []journal.Step{
			{Backend: "User", Op: opModify, Changes: []backends.Change{{Op: backends.Replace, Attr: "blob", Values: backends.Values{backends.Bytes([]byte("x"))}}}},
		}}
		if err := j.Begin(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	begin("1", 0)
	if err := j.Finish(t.Context(), "1", journal.Outcome{}); err == nil {
		t.Fatal("a journal that is away has taken an outcome")
	}
	if begin("2", 50*time.Minute); known() != 2 {
		t.Errorf("%d events are remembered that may still be ended here", known())
	}
	if begin("3", 90*time.Minute); known() != 2 {
		t.Errorf("%d events are remembered, and one is long over", known())
	}
}

// telling is a journal that remembers what it was told.
type telling struct {
	journal.Journal `json:"-"`
	Intents         []journal.Intent
	Outcomes        []journal.Outcome
	deaf            bool // to what came of it
}

func (r *telling) Begin(_ context.Context, in journal.Intent) error {
	r.Intents = append(r.Intents, in)
	return nil
}

func (r *telling) Finish(_ context.Context, _ journal.ID, out journal.Outcome) error {
	if r.deaf {
		return backends.ErrUnavailable
	}
	r.Outcomes = append(r.Outcomes, out)
	return nil
}

func (r *telling) Note(ctx context.Context, in journal.Intent, out journal.Outcome) error {
	return errors.Join(r.Begin(ctx, in), r.Finish(ctx, in.ID, out))
}
