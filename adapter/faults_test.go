package adapter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

func failing(kind error) *backends.Error {
	return &backends.Error{Kind: kind, Cause: errors.New("10.0.0.1 said no")}
}

// once is a hook that fails the first time.
func once(err error) func() (error, bool) {
	done := false
	return func() (error, bool) {
		if done {
			return nil, false
		}
		done = true
		return err, true
	}
}

func TestNothingIsWrittenWithoutTheJournal(t *testing.T) {
	h := newHouse(t)
	u := h.user("a")
	h.book.begin = failing(backends.ErrUnavailable)
	h.users.calls = nil
	_, err := h.tryCreate("User", `{"userName":"b"}`)
	if e := wantStatus(t, err, 503, ""); e.RetryAfter == 0 || strings.Contains(e.Detail, "10.0.0.1") {
		t.Errorf("%+v", e)
	}
	_, err = h.tryPatch(h.req("User"), u.ID, `{"op":"add","path":"title","value":"x"}`)
	wantStatus(t, err, 503, "")
	_, err = h.Replace(t.Context(), h.req("User"), u.ID, h.body("User", `{"userName":"c"}`))
	wantStatus(t, err, 503, "")
	wantStatus(t, h.Delete(t.Context(), h.req("User"), u.ID), 503, "")
	for _, op := range []string{"create", "modify", "move", "delete"} {
		if h.users.calls[op] != 0 {
			t.Errorf("%s was done", op)
		}
	}
	h.get("User", u.ID)                                                     // reads go on
	h.patch("User", u.ID, `{"op":"replace","path":"userName","value":"a"}`) // and so does what changes nothing
}

func TestAChangeStandsWhenTheJournalCannotBeClosed(t *testing.T) {
	h := newHouse(t)
	h.book.finish = failing(backends.ErrUnavailable)
	u := h.user("a")
	h.get("User", u.ID)
	if n := h.Stats().Unfinished; n != 1 {
		t.Errorf("%d counted", n)
	}
	if e := h.lastEvent(); e.Outcome != nil {
		t.Errorf("the intent is closed: %+v", e.Outcome)
	}
}

func TestARefusedPasswordTakesTheNewEntryAwayAgain(t *testing.T) {
	h := newHouse(t)
	h.users.modify = func([]backends.Change) (error, bool) {
		return &backends.Error{Kind: backends.ErrInvalid, Attr: "userPassword", Detail: "The password is too short."}, true
	}
	_, err := h.tryCreate("User", `{"userName":"a","externalId":"00u1","password":"x"}`)
	if e := wantStatus(t, err, 400, "invalidValue"); !strings.Contains(e.Detail, "too short") {
		t.Errorf("the sentence says nothing of it: %s", e.Detail)
	}
	if page := h.list("User", "", 1, 10); page.TotalResults != 0 {
		t.Error("the entry is still there")
	}
	e := h.lastEvent()
	var statuses []string
	for _, s := range e.Outcome.Steps {
		statuses = append(statuses, s.Status)
	}
	if e.Outcome.Status != "undone" || !slices.Equal(statuses, []string{"undone", "undone", "failed"}) {
		t.Errorf("the journal says %s %v", e.Outcome.Status, statuses)
	}
	if h.Stats().Compensated != 1 {
		t.Error("not counted")
	}
	h.users.modify = nil
	h.create("User", `{"userName":"a","externalId":"00u1","password":"long enough"}`)
	for _, e := range h.events() {
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, "long enough") {
			t.Error("a password is in the journal")
		}
	}
}

func TestAFailingLaterStepPutsEverythingBack(t *testing.T) {
	for name, fail := range map[string]func(h *house){
		"the overlay": func(h *house) { h.extra.save = failing(backends.ErrUnavailable) },
		"the rename":  func(h *house) { h.users.move = once(failing(backends.ErrRefused)) },
		"the password": func(h *house) {
			h.users.modify = func(changes []backends.Change) (error, bool) {
				return failing(backends.ErrRefused), changes[0].Op == backends.SetPassword
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			u := h.create("User", `{"userName":"a","title":"old","externalId":"00u1","name":{"givenName":"Barbara"}}`)
			attrs := []string{"title", "givenName", "mail", "sn"}
			before := h.native(u.ID, attrs...)
			fail(h)
			_, err := h.tryPatch(h.req("User"), u.ID, `{"op":"replace","value":{"userName":"b","title":"new","externalId":"00u2","emails":[{"type":"work","value":"b@example.org"}],
				"name":{"familyName":"Jensen"},"password":"t1meMa$heen"}},{"op":"remove","path":"name.givenName"}`)
			if err == nil {
				t.Fatal("it succeeded")
			}
			h.extra.save = nil
			after := h.native(u.ID, attrs...)
			if after.Name != before.Name || fmt.Sprint(after.Attrs) != fmt.Sprint(before.Attrs) {
				t.Errorf("before %s %v\nafter  %s %v", before.Name, before.Attrs, after.Name, after.Attrs)
			}
			if got := at(h.get("User", u.ID).Resource, "externalId"); got != "00u1" {
				t.Errorf("externalId %v", got)
			}
			if e := h.lastEvent(); e.Outcome.Status != "undone" {
				t.Errorf("the journal says %s", e.Outcome.Status)
			}
		})
	}
}

func TestWhatCannotBeTakenBackIsSaid(t *testing.T) {
	h := newHouse(t)
	h.users.modify = func([]backends.Change) (error, bool) { return failing(backends.ErrRefused), true }
	h.users.remove = func() (error, bool) { return failing(backends.ErrUnavailable), true }
	_, err := h.tryCreate("User", `{"userName":"a","password":"t1meMa$heen"}`)
	e := wantStatus(t, err, 500, "")
	if last := h.lastEvent(); !strings.Contains(e.Detail, string(last.Intent.ID)) || last.Outcome.Status != "failed" || last.Outcome.Steps[0].Status != "done" {
		t.Errorf("%s; the journal says %+v", e.Detail, last.Outcome)
	}
	if h.Stats().Stranded != 1 {
		t.Error("not counted")
	}
}

func TestUndoLeavesAloneWhatOthersHaveWritten(t *testing.T) {
	h := newHouse(t)
	u := h.create("User", `{"userName":"a","title":"old"}`)
	h.users.after = func(op string) {
		if op != "modify" {
			return
		}
		h.users.after = nil
		_, err := h.users.Backend.Modify(context.Background(), backends.Key(u.ID), []backends.Change{{Op: backends.Replace, Attr: "title", Values: backends.Strings("theirs")}}, backends.Condition{}, nil)
		if err != nil {
			t.Error(err)
		}
	}
	h.extra.save = failing(backends.ErrUnavailable)
	_, err := h.tryPatch(h.req("User"), u.ID, `{"op":"replace","value":{"title":"ours","externalId":"00u1"}}`)
	wantStatus(t, err, 500, "")
	if got := h.native(u.ID, "title").Attrs.Get("title").Texts(); !slices.Equal(got, []string{"theirs"}) {
		t.Errorf("title %v", got)
	}
}

// impatient gives up soon on finding out what came of a write.
var impatient = edit{options: func(o *Options) { o.WriteTimeout = time.Second }}

// lost is a hook for an operation whose answer gets lost: it happens, and nobody knows.
func (h *house) lost(do func(b backends.Backend) error) (error, bool) {
	if err := do(h.users.Backend); err != nil {
		return err, true
	}
	return failing(backends.ErrUnknown), true
}

// setTitle is what the patches below come to.
var setTitle = []backends.Change{{Op: backends.Replace, Attr: "title", Values: backends.Strings("new")}}

func (h *house) tryTitle(id string) error {
	_, err := h.tryPatch(h.req("User"), id, `{"op":"replace","path":"title","value":"new"}`)
	return err
}

// lostAnswers are operations of which the directory's answer is lost.
var lostAnswers = map[string]struct {
	arrange func(h *house, id string)
	do      func(h *house, id string) error
	status  int // 0: success
	outcome string
}{
	"a modify that happened": {
		arrange: func(h *house, id string) {
			h.users.modify = func([]backends.Change) (error, bool) {
				return h.lost(func(b backends.Backend) error {
					_, err := b.Modify(context.Background(), backends.Key(id), setTitle, backends.Condition{}, nil)
					return err
				})
			}
		},
		do:      func(h *house, id string) error { return h.tryTitle(id) },
		outcome: "done",
	},
	"a modify that happened, of a record that cannot be read any more": {
		arrange: func(h *house, id string) {
			h.users.modify = func([]backends.Change) (error, bool) {
				looked := false
				h.users.fetch = func([]backends.Key, []string) (error, bool) {
					if looked {
						return failing(backends.ErrUnavailable), true
					}
					looked = true
					return nil, false
				}
				return h.lost(func(b backends.Backend) error {
					_, err := b.Modify(context.Background(), backends.Key(id), setTitle, backends.Condition{}, nil)
					return err
				})
			}
		},
		do:     func(h *house, id string) error { return h.tryTitle(id) },
		status: 503, outcome: "done",
	},
	"a modify that did not": {
		arrange: func(h *house, _ string) {
			h.users.modify = func([]backends.Change) (error, bool) { return failing(backends.ErrUnknown), true }
		},
		do:     func(h *house, id string) error { return h.tryTitle(id) },
		status: 503, outcome: "failed",
	},
	"a modify that nobody can ask about": {
		arrange: func(h *house, _ string) {
			h.users.modify = func([]backends.Change) (error, bool) {
				h.memory.SetAway(true)
				return failing(backends.ErrUnknown), true
			}
		},
		do:     func(h *house, id string) error { return h.tryTitle(id) },
		status: 503, outcome: "unknown",
	},
	"a create that happened": {
		arrange: func(h *house, _ string) {
			h.users.create = func() (error, bool) {
				return h.lost(func(b backends.Backend) error {
					_, err := b.Create(context.Background(), backends.Template{{Text: "uid="}, {Slot: true, Value: backends.String("b")}, {Text: ",ou=people,dc=example,dc=org"}},
						backends.Attributes{"objectClass": backends.Strings("inetOrgPerson"), "cn": backends.Strings("b"), "sn": backends.Strings("-"), "uid": backends.Strings("b")}, nil)
					return err
				})
			}
		},
		do:      func(h *house, _ string) error { _, err := h.tryCreate("User", `{"userName":"b"}`); return err },
		outcome: "done",
	},
	"a create that did not": {
		arrange: func(h *house, _ string) { h.users.create = once(failing(backends.ErrUnknown)) },
		do:      func(h *house, _ string) error { _, err := h.tryCreate("User", `{"userName":"b"}`); return err },
		status:  503, outcome: "failed",
	},
	"a delete that happened": {
		arrange: func(h *house, id string) {
			h.users.remove = func() (error, bool) {
				return h.lost(func(b backends.Backend) error {
					return b.Delete(context.Background(), backends.Key(id), backends.Condition{})
				})
			}
		},
		do:      func(h *house, id string) error { return h.Delete(h.t.Context(), h.req("User"), id) },
		outcome: "done",
	},
	"a delete that did not": {
		arrange: func(h *house, _ string) { h.users.remove = once(failing(backends.ErrUnknown)) },
		do:      func(h *house, id string) error { return h.Delete(h.t.Context(), h.req("User"), id) },
		status:  503, outcome: "failed",
	},
	"a rename that did not": {
		arrange: func(h *house, _ string) { h.users.move = once(failing(backends.ErrUnknown)) },
		do: func(h *house, id string) error {
			_, err := h.tryPatch(h.req("User"), id, `{"op":"replace","path":"userName","value":"new"}`)
			return err
		},
		status: 503, outcome: "failed",
	},
}

func TestLostAnswers(t *testing.T) {
	for name, tc := range lostAnswers {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, impatient)
			u := h.user("a")
			tc.arrange(h, u.ID)
			err := tc.do(h, u.ID)
			h.memory.SetAway(false)
			e := h.lastEvent()
			if e.Outcome == nil || e.Outcome.Status != tc.outcome {
				t.Errorf("the journal says %+v, want %s", e.Outcome, tc.outcome)
			}
			if tc.status == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			answer := wantStatus(t, err, tc.status, "")
			if named := strings.Contains(answer.Detail, string(e.Intent.ID)); named != (tc.outcome == "unknown") {
				t.Errorf("the answer: %s", answer.Detail)
			}
		})
	}
}

func TestWhatHasBegunIsFinished(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.users.after = func(op string) {
		if op == "create" {
			cancel() // the client goes away between two steps
		}
	}
	if _, err := h.Create(ctx, h.req("User"), h.body("User", `{"userName":"a","externalId":"00u1","password":"t1meMa$heen"}`)); err != nil {
		t.Errorf("what was made is answered with %v", err)
	}
	if e := h.lastEvent(); e.Outcome == nil || e.Outcome.Status != "done" {
		t.Errorf("the journal says %+v", e.Outcome)
	}
	if page := h.list("User", `externalId eq "00u1"`, 1, 1); page.TotalResults != 1 {
		t.Error("half of it was done")
	}
}

func TestTranslation(t *testing.T) {
	h := newHouse(t)
	c := h.byName["User"]
	for name, tc := range map[string]struct {
		err         error
		conditional bool
		status      int
		typ, says   string
	}{
		"away":                     {err: failing(backends.ErrUnavailable), status: 503, says: "cannot be reached"},
		"gone":                     {err: failing(backends.ErrNotFound), status: 404, says: "No resource"},
		"taken":                    {err: &backends.Error{Kind: backends.ErrExists, Attr: "UID"}, status: 409, typ: "uniqueness", says: "Another resource has the same value in userName already, or a record of the directory that is not shown here."},
		"taken, nobody says what":  {err: failing(backends.ErrExists), status: 409, typ: "uniqueness", says: "name"},
		"a value that cannot be":   {err: &backends.Error{Kind: backends.ErrInvalid, Attr: "sn", Detail: "It is too long."}, status: 400, typ: "invalidValue", says: "name.familyName. It is too long."},
		"of an unmapped attribute": {err: &backends.Error{Kind: backends.ErrInvalid, Attr: "nobody"}, status: 400, typ: "invalidValue", says: "cannot hold"},
		"refused":                  {err: failing(backends.ErrRefused), status: 403, says: "refuses"},
		"too many":                 {err: failing(backends.ErrTooMany), status: 400, typ: "tooMany", says: "Narrow"},
		"unknown":                  {err: failing(backends.ErrUnknown), status: 503, says: "Nobody can say"},
		"changed":                  {err: failing(backends.ErrChanged), status: 409, says: "Try again"},
		"changed, with If-Match":   {err: failing(backends.ErrChanged), conditional: true, status: 412, says: "If-Match"},
		"late":                     {err: fmt.Errorf("x: %w", context.DeadlineExceeded), status: 503, says: "in time"},
		"away because late":        {err: &backends.Error{Kind: backends.ErrUnavailable, Cause: context.DeadlineExceeded}, status: 503, says: "in time"},
		"a fault of ours":          {err: errors.New("nil map"), status: 500, says: fixedSentence},
		"the SCIM side's own":      {err: scim.BadRequest(scim.NoTarget, "nothing there"), status: 400, typ: "noTarget", says: "nothing there"},
	} {
		t.Run(name, func(t *testing.T) {
			e := wantStatus(t, h.translate(tc.err, c, tc.conditional), tc.status, tc.typ)
			if !strings.Contains(e.Detail, tc.says) || strings.Contains(e.Detail, "10.0.0.1") {
				t.Errorf("it says: %s", e.Detail)
			}
			if (e.RetryAfter > 0) != (tc.status == 503) {
				t.Errorf("Retry-After %d", e.RetryAfter)
			}
		})
	}
	if h.translate(nil, c, false) != nil {
		t.Error("an error of nothing")
	}
}

func TestStaleOverlayRowsGiveWay(t *testing.T) {
	h := newHouse(t)
	u := h.create("User", `{"userName":"a","externalId":"00u1"}`)
	// Somebody removes the record in the directory itself.
	if err := h.users.Backend.Delete(t.Context(), backends.Key(u.ID), backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	again := h.create("User", `{"userName":"a","externalId":"00u1"}`)
	if page := h.list("User", `externalId eq "00u1"`, 1, 10); page.TotalResults != 1 || idsOf(page)[0] != again.ID {
		t.Errorf("%v", idsOf(page))
	}
}

func TestAReferenceThatCannotBeRemovedDoesNotUndoTheDelete(t *testing.T) {
	cases := map[string]struct {
		kind   error
		away   bool // the directory, from then on
		status string
	}{
		"the directory refuses":             {backends.ErrRefused, false, "failed"},
		"an answer is lost, nothing done":   {backends.ErrUnknown, false, "failed"},
		"an answer is lost, nobody can say": {backends.ErrUnknown, true, "unknown"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, impatient)
			u := h.user("a")
			h.group("g", u.ID)
			h.groups.modify = func([]backends.Change) (error, bool) {
				h.memory.SetAway(tc.away)
				return failing(tc.kind), true
			}
			if err := h.Delete(t.Context(), h.req("User"), u.ID); err != nil {
				t.Fatal(err)
			}
			h.memory.SetAway(false)
			if h.Stats().Dangling == 0 {
				t.Error("not counted")
			}
			// Behind the two creates: the delete, then the second look for references.
			if out := h.events()[2].Outcome; out.Status != "done" || out.Steps[1].Status != tc.status {
				t.Errorf("the journal says %+v", out)
			}
			_, err := h.Get(t.Context(), h.req("User"), u.ID)
			wantStatus(t, err, 404, "")
		})
	}
}

func TestLocks(t *testing.T) {
	l := newLocks()
	release, err := l.take(t.Context(), "a", "b", "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.take(ctx, "c", "b"); !errors.Is(err, context.Canceled) {
		t.Errorf("a lock that is held was given: %v", err)
	}
	free, err := l.take(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	free()
	release()
	if len(l.held) != 0 {
		t.Errorf("%d locks are left behind", len(l.held))
	}
}
