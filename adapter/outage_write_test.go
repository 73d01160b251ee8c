package adapter

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/scim"
)

// patientOverlay remembers what it is to forget until it is there again, as a spool does.
type patientOverlay struct {
	*faultyOverlay
	later []backends.Key
}

func (o *patientOverlay) ForgetLater(ctx context.Context, tenant, typ string, key backends.Key) error {
	if o.load == nil {
		return o.Forget(ctx, tenant, typ, key)
	}
	o.later = append(o.later, key)
	return nil
}

// patiently has a house's overlay be one.
func patiently(o *patientOverlay) edit {
	return edit{options: func(options *Options) {
		o.faultyOverlay, _ = options.Overlay.(*faultyOverlay)
		options.Overlay = o
	}}
}

// wantAway fails unless an error is 503, of the journal's database, and says when to come again.
func wantAway(t *testing.T, what string, err error) {
	t.Helper()
	var said *scim.Error
	if !errors.As(err, &said) || said.Status != 503 || said.RetryAfter == 0 || !strings.HasPrefix(said.Detail, "The journal's database") {
		t.Errorf("%s: %v", what, err)
	}
}

var errAway = &backends.Error{Kind: journal.ErrAway}

func TestWritesGoOnWhileTheOverlayIsAwayIfTheyHaveNothingToDoWithIt(t *testing.T) {
	h := newHouse(t)
	u := h.create("User", `{"userName":"a","externalId":"00u1","title":"x"}`)
	h.extra.load, h.extra.save = errAway, errAway
	before := len(h.events())
	res := h.patch("User", u.ID, `{"op":"replace","path":"title","value":"y"}`)
	if res.Version != "" || at(res.Resource, "meta", "version") != nil || at(res.Resource, "externalId") != nil || at(res.Resource, "title") != "y" {
		t.Errorf("%q %s", res.Version, res.Resource.AppendJSON(nil))
	}
	made := h.create("User", `{"userName":"b"}`)
	if made.Version != "" || at(made.Resource, "userName") != "b" || at(made.Resource, "meta", "location") == nil {
		t.Errorf("%q %s", made.Version, made.Resource.AppendJSON(nil))
	}
	any := h.req("User")
	any.IfMatch = []string{"*"}
	if _, err := h.tryPatch(any, u.ID, `{"op":"add","value":{"emails":[{"type":"work","value":"a@example.org"}]}}`); err != nil {
		t.Error(err)
	}
	events := h.events()[before:]
	if len(events) != 3 || slices.ContainsFunc(events, func(e journal.Event) bool { return e.Status() != journal.StatusDone }) {
		t.Errorf("%d events, the last is %s", len(events), h.lastEvent().Status())
	}
	h.extra.load, h.extra.save = nil, nil
	h.clock.advance(time.Minute)
	if res := h.get("User", u.ID); at(res.Resource, "externalId") != "00u1" || at(res.Resource, "title") != "y" || res.Version == "" {
		t.Errorf("when it is back: %s", res.Resource.AppendJSON(nil))
	}
	for _, u := range h.Undo(t.Context(), operator, events, UndoOptions{Reader: h.lite}) {
		if u.Result != UndoDone || len(u.Lost) > 0 {
			t.Errorf("%+v", u)
		}
	}
	if n := h.list("User", "", 1, 10).TotalResults; n != 1 {
		t.Errorf("what was made is still there: %d", n)
	}
}

func TestWritesThatMustKnowTheOverlayAreToldThatItIsAway(t *testing.T) {
	h := newHouse(t, edit{user: func(s string) string {
		return strings.Replace(s, "  title: title\n", "  title: title\n  enterprise:costCenter: overlay\n", 1)
	}})
	u := h.create("User", `{"userName":"a","externalId":"00u1","`+scim.EnterpriseURN+`":{"costCenter":"c","employeeNumber":"1"}}`)
	h.extra.load, h.extra.save = errAway, errAway
	before := len(h.events())
	for _, operation := range []string{
		`{"op":"replace","path":"externalId","value":"00u2"}`,
		`{"op":"remove","path":"externalId"}`,
		`{"op":"add","value":{"title":"y","externalId":"00u1"}}`,
		`{"op":"replace","path":"` + scim.EnterpriseURN + `:costCenter","value":"d"}`,
		`{"op":"remove","path":"` + scim.EnterpriseURN + `"}`,
		`{"op":"add","value":{"` + scim.EnterpriseURN + `":{"costCenter":"d"}}}`,
	} {
		_, err := h.tryPatch(h.req("User"), u.ID, operation)
		wantAway(t, operation, err)
	}
	const title = `{"op":"replace","path":"title","value":"y"}`
	for what, change := range map[string]func(*scim.Request){
		"If-Match":              func(r *scim.Request) { r.IfMatch = []string{u.Version} },
		"If-None-Match":         func(r *scim.Request) { r.IfNoneMatch = []string{u.Version} },
		"attributes=externalId": func(r *scim.Request) { r.Projection = h.shows("User", "externalId").Projection },
	} {
		req := h.req("User")
		change(&req)
		_, err := h.tryPatch(req, u.ID, title)
		wantAway(t, what, err)
	}
	_, err := h.Replace(t.Context(), h.req("User"), u.ID, h.body("User", `{"userName":"a","title":"y"}`))
	wantAway(t, "PUT", err)
	_, err = h.tryCreate("User", `{"userName":"b","externalId":"00u2"}`)
	wantAway(t, "POST", err)
	wantAway(t, "DELETE, where nobody remembers what is to be forgotten", h.Delete(t.Context(), h.req("User"), u.ID))
	if n := len(h.events()) - before; n != 0 {
		t.Errorf("%d writes were begun", n)
	}
	h.extra.load, h.extra.save = nil, nil
	h.clock.advance(time.Minute)
	if res := h.get("User", u.ID); res.Version != u.Version {
		t.Errorf("something has changed: %s", res.Resource.AppendJSON(nil))
	}
}

func TestADeleteDoesNotWaitForTheOverlayWhereItWillForget(t *testing.T) {
	var kept patientOverlay
	h := newHouse(t, patiently(&kept))
	u := h.create("User", `{"userName":"a","externalId":"00u1","title":"x"}`)
	h.extra.load, h.extra.save = errAway, errAway
	guarded := h.req("User")
	guarded.IfMatch = []string{u.Version}
	wantAway(t, "with If-Match", h.Delete(t.Context(), guarded, u.ID))
	if err := h.Delete(t.Context(), h.asks("User"), u.ID); err != nil || len(kept.later) > 0 || h.native(u.ID).Key == "" {
		t.Errorf("a dry run: %v, %v", err, kept.later)
	}
	h.remove(u.ID)
	if !slices.Equal(kept.later, []backends.Key{backends.Key(u.ID)}) {
		t.Errorf("to be forgotten: %v", kept.later)
	}
	e := h.lastEvent()
	i := slices.IndexFunc(e.Intent.Steps, func(s journal.Step) bool { return s.Op == opOverlay })
	if i < 0 || e.Status() != journal.StatusDone || e.Outcome.Steps[i].Status != journal.StatusDone || !strings.Contains(e.Outcome.Steps[i].Error, "not known") || !blank(e.Intent.Steps[i].Before.Get("externalId")) {
		t.Fatalf("%+v", e)
	}
	h.extra.load, h.extra.save = nil, nil
	h.clock.advance(time.Minute)
	// What is not forgotten yet is in nobody's way.
	if again := h.create("User", `{"userName":"b","externalId":"00u1"}`); at(again.Resource, "externalId") != "00u1" {
		t.Errorf("%s", again.Resource.AppendJSON(nil))
	}
	for _, key := range kept.later {
		if err := kept.Forget(t.Context(), "default", "User", key); err != nil {
			t.Error(err)
		}
	}
	got := h.Undo(t.Context(), operator, []journal.Event{e}, UndoOptions{Reader: h.lite})[0]
	if got.Result != UndoDone || !slices.Contains(got.Lost, "externalId") {
		t.Errorf("%+v", got)
	}
	if res := h.get("User", u.ID); at(res.Resource, "title") != "x" || at(res.Resource, "externalId") != nil {
		t.Errorf("made again: %s", res.Resource.AppendJSON(nil))
	}
}

// awayAliases cannot be read while away is set.
type awayAliases struct {
	journal.Aliases
	away bool
}

func (a *awayAliases) AllAliases(ctx context.Context, tenant, typ string) (map[backends.Key]backends.Key, error) {
	if a.away {
		return nil, errAway
	}
	return a.Aliases.AllAliases(ctx, tenant, typ)
}

// An id that the directory does not know may be that of a record that was made again. Nobody is told that there is none while that cannot be looked up.
func TestAnIDThatMayBeAnAliasIsNotUnknownWhileTheJournalIsAway(t *testing.T) {
	var late journal.Aliases
	kept := &awayAliases{Aliases: lateAliases{&late}}
	h := newHouse(t, edit{memory: func(m *backendtest.Memory) { m.Rekeys = true }, options: func(o *Options) { o.Aliases = kept }})
	late = h.lite
	const nobody = "00000009-0000-4000-8000-000000000009"
	bob := h.user("bob").ID
	look := func(what string, status int) {
		t.Helper()
		_, err := h.Get(t.Context(), h.req("User"), nobody)
		wantStatus(t, err, status, "")
		_, err = h.tryPatch(h.req("User"), nobody, `{"op":"replace","path":"title","value":"y"}`)
		wantStatus(t, err, status, "")
		wantStatus(t, h.Delete(t.Context(), h.req("User"), nobody), status, "")
		page, err := h.tryList(h.req("User"), `id eq "`+nobody+`"`, 1, 10)
		if status == 404 && (err != nil || page.TotalResults != 0) || status == 503 && err == nil {
			t.Errorf("%s: a search by the id: %v, %v", what, page, err)
		}
		if h.get("User", bob).ID != bob || h.list("User", `id eq "`+bob+`"`, 1, 10).TotalResults != 1 {
			t.Errorf("%s: who is there is not found", what)
		}
	}
	look("it is there", 404)
	h.clock.advance(2 * h.o.NativeTTL)
	kept.away = true
	look("it was there a moment ago, and nobody can have added to it since", 404)
	h.clock.advance(time.Hour)
	look("it is away for long", 404)
	kept.away = false
	h.clock.advance(h.o.NativeTTL)
	look("it is back", 404)
	h.clock.advance(time.Hour) // in which nobody asked
	kept.away = true
	look("somebody may have added to it", 503)
	h.clock.advance(time.Hour)
	look("still", 503)
	kept.away = false
	h.clock.advance(h.o.NativeTTL)
	look("it is back again", 404)
}
