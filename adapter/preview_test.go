package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// planningHouse is a house whose clients' writes are only planned.
func planningHouse(t *testing.T, more ...edit) *house {
	t.Helper()
	h := newHouse(t, more...)
	h.o.Events, h.o.Guard = h.lite, h.lite
	o := h.o
	o.Shadow = true
	h.shadow, h.dry = New(o).shadow, New(h.o).dry
	return h
}

// asks is a request for a dry run.
func (h *house) asks(typ string) scim.Request {
	r := h.req(typ)
	r.Preview = &scim.Preview{}
	return r
}

func (h *house) contents() string {
	h.t.Helper()
	var all []backends.Record
	for _, c := range h.classes {
		for rec, err := range unplanned(c.Backend()).Walk(h.t.Context(), backends.Query{Attrs: []string{"*"}}) {
			if err != nil {
				h.t.Fatal(err)
			}
			all = append(all, rec)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

func scriptOf(p *scim.Preview) string {
	var lines []string
	for _, s := range p.Steps {
		lines = append(lines, s.Script...)
	}
	return strings.Join(lines, "\n")
}

func TestADryRunIsRefusedWhereTheWriteWouldBe(t *testing.T) {
	h := planningHouse(t, edit{options: func(o *Options) { o.Protected = []string{"title"} }})
	h.shadow = nil
	ann, ben := h.user("ann"), h.user("ben")
	before, events := h.contents(), len(h.events())
	patched := func(id, operations string) error {
		p, _, err := h.byName["User"].rt.DecodePatch(object(t, `{"Operations":[`+operations+`]}`), scim.Profile{})
		if err != nil {
			return err
		}
		_, err = h.Patch(t.Context(), h.asks("User"), id, p)
		return err
	}
	for claim, c := range map[string]struct {
		status int
		err    error
	}{
		"another's name":        {409, patched(ann.ID, `{"op":"replace","path":"userName","value":"BEN"}`)},
		"a protected attribute": {403, patched(ann.ID, `{"op":"replace","path":"title","value":"Boss"}`)},
		"nobody":                {404, patched("nobody", `{"op":"replace","path":"userName","value":"x"}`)},
		"an unknown manager":    {400, patched(ann.ID, `{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":{"value":"nobody"}}`)},
		"no name":               {400, second(h.Create(t.Context(), h.asks("User"), h.body("User", `{"title":"x"}`)))},
		"a name that is taken":  {409, second(h.Create(t.Context(), h.asks("User"), h.body("User", `{"userName":"ann"}`)))},
	} {
		var known *scim.Error
		if !errors.As(c.err, &known) || known.Status != c.status {
			t.Errorf("%s: %v, want %d", claim, c.err, c.status)
		}
	}
	guarded := h.asks("User")
	guarded.IfMatch = []string{`W/"old"`}
	var known *scim.Error
	if err := h.Delete(t.Context(), guarded, ben.ID); !errors.As(err, &known) || known.Status != 412 {
		t.Errorf("another version: %v", err)
	}
	if h.contents() != before || len(h.events()) != events {
		t.Error("a dry run that is refused has done something")
	}
}

func second[T any](_ T, err error) error { return err }

func TestWhatPointsAtARecordIsPartOfThePlan(t *testing.T) {
	h := planningHouse(t)
	h.shadow = nil
	ann := h.user("ann")
	h.group("crew", ann.ID)
	before := h.contents()
	renaming := h.asks("User")
	p, _, err := h.byName["User"].rt.DecodePatch(object(t, `{"Operations":[{"op":"replace","path":"userName","value":"anna"}]}`), scim.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	res, err := h.Patch(t.Context(), renaming, ann.ID, p)
	if err != nil || at(res.Resource, "userName") != "anna" || at(res.Resource, "meta", "version") != nil || res.Version != "" {
		t.Errorf("%v %v", res, err)
	}
	if steps := renaming.Preview.Steps; len(steps) != 2 || steps[0].Op != "move" || steps[1].Type != "Group" || steps[1].ID == "" || !strings.Contains(scriptOf(renaming.Preview), "uid=anna,ou=people") {
		t.Errorf("%+v", steps)
	}
	leaving := h.asks("User")
	if err := h.Delete(t.Context(), leaving, ann.ID); err != nil {
		t.Fatal(err)
	}
	if steps := leaving.Preview.Steps; len(steps) < 2 || steps[0].Op != "delete" || steps[1].Type != "Group" {
		t.Errorf("%+v", steps)
	}
	if diff := cmp.Diff(before, h.contents()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestNoPasswordIsInAPlanOrInAShadow(t *testing.T) {
	h := planningHouse(t)
	const secret = "n0t-t0-be-seen"
	body := h.body("User", `{"userName":"ann","password":"`+secret+`"}`)
	asking := h.asks("User")
	res, err := h.Create(t.Context(), asking, body)
	if err != nil {
		t.Fatal(err)
	}
	if text := asking.Preview.Object(201, res.Resource).String(); strings.Contains(text, secret) || !strings.Contains(text, `{"path":"password"}`) || at(res.Resource, "id") != nil {
		t.Errorf("%s", text)
	}
	made, err := h.Create(t.Context(), h.req("User"), body)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range h.lite.Events(t.Context(), journal.Filter{}) {
		if text, bad := json.Marshal(e); err != nil || bad != nil || strings.Contains(string(text), secret) || e.Status() != journal.StatusShadow || e.ResourceID() != made.ID {
			t.Errorf("%v %v %s", err, bad, text)
		}
	}
	if got, err := h.Get(t.Context(), h.req("User"), made.ID); err != nil || at(got.Resource, "userName") != "ann" {
		t.Errorf("%v %v", got, err)
	}
	if strings.Contains(h.contents(), "ann") {
		t.Error("the shadow has made somebody")
	}
}

// unreadable is a journal that is written and not read.
type unreadable struct {
	journal.Reader
	err error
}

func (u unreadable) Events(context.Context, journal.Filter) iter.Seq2[journal.Event, error] {
	return func(yield func(journal.Event, error) bool) { yield(journal.Event{}, u.err) }
}

func TestAShadowsOwnResourceNeedsAJournalThatCanBeRead(t *testing.T) {
	h := planningHouse(t)
	made := h.user("ann")
	for want, cause := range map[int]error{
		503: &backends.Error{Kind: backends.ErrUnavailable}, 500: &backends.Error{Kind: backends.ErrRefused, Detail: "The role of the journal's database may not read it: make it a member of scim_audit."},
	} {
		h.shadow.o.Events = unreadable{err: cause}
		_, err := h.Get(t.Context(), h.req("User"), made.ID)
		var known *scim.Error
		if !errors.As(err, &known) || known.Status != want || !strings.Contains(known.Detail, "journal") {
			t.Errorf("%v, want %d", err, want)
		}
		if _, err := h.Get(t.Context(), h.req("User"), "00000000-0000-4000-8000-000000000000"); !errors.As(err, &known) || known.Status != 404 {
			t.Errorf("an id that no shadow gave: %v", err)
		}
		h.user("ben" + known.Detail[:1] + string(rune('a'+want%7))) // it can still be written
	}
}

func TestAJournalThatIsAwayEndsTheShadow(t *testing.T) {
	h := planningHouse(t)
	h.shadow.o.Journal = plannedJournal{&noteless{h.lite}, false}
	_, err := h.tryCreate("User", `{"userName":"ann"}`)
	var known *scim.Error
	if !errors.As(err, &known) || known.Status != 503 || h.Stats().Shadowed != 0 {
		t.Errorf("%v", err)
	}
}

type noteless struct{ journal.Journal }

func (*noteless) Note(context.Context, journal.Intent, journal.Outcome) error {
	return &backends.Error{Kind: backends.ErrUnavailable}
}

func TestMadeUpKeysAreUUIDsOfTheirOwn(t *testing.T) {
	seen := map[backends.Key]bool{}
	for _, event := range []journal.ID{"", "a", "b", "00000000-0000-7000-8000-000000000001"} {
		key := madeUp(event)
		if !isMadeUp(key) || len(key) != 36 || strings.Count(string(key), "-") != 4 || key[19] != '8' || key != madeUp(event) || seen[key] {
			t.Errorf("%q", key)
		}
		seen[key] = true
	}
	for _, key := range []backends.Key{"", "5ad05ad0-0000-4000-8000-000000000000", "7", "5ad05ad0-0000-8000-8000-0000000000"} {
		if isMadeUp(key) {
			t.Errorf("%q is said to be made up", key)
		}
	}
}

func TestTheOwnPartOfANameIsRead(t *testing.T) {
	for dn, want := range map[string]map[string]string{
		"uid=ann,ou=people": {"uid": "ann"}, `cn=Ann\, Jr+l=Oslo,dc=x`: {"cn": "Ann, Jr", "l": "Oslo"}, `cn=a\2bb=c`: {"cn": "a+b=c"}, `cn=\c3\a9`: {"cn": "é"}, "7": {}, "": {},
	} {
		if diff := cmp.Diff(want, ownPart(dn)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dn, diff)
		}
	}
}
