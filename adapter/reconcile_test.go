package adapter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// errDied is what a process that was killed does to whatever it would have done next.
var errDied = errors.New("the process was killed")

// dying has the process die when `left` more operations have been done on directories or beside them: those that come later, taking back included, never happen,
// and nobody hears what came of anything.
type dying struct {
	h      *house
	mu     sync.Mutex // some steps are done at once
	left   int
	undone int
}

func (h *house) dyingAfter(n int) *dying {
	d := &dying{h: h, left: n}
	next := func() (error, bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.left == 0 {
			d.undone++
			return failing(backends.ErrRefused), true
		}
		d.left--
		return nil, false
	}
	for _, f := range []*faults{h.users, h.groups} {
		f.create, f.move, f.remove = next, next, next
		f.modify = func([]backends.Change) (error, bool) { return next() }
	}
	h.extra.Overlay = mortal{h.lite, next}
	h.book.finish = errDied
	return d
}

// mortal is an overlay of a process that dies.
type mortal struct {
	journal.Overlay
	next func() (error, bool)
}

func (m mortal) Save(ctx context.Context, s journal.Scope, key backends.Key, attrs map[string]string, unique []string) error {
	if err, stop := m.next(); stop {
		return err
	}
	return m.Overlay.Save(ctx, s, key, attrs, unique)
}

func (m mortal) Forget(ctx context.Context, tenant, typ string, key backends.Key) error {
	if err, stop := m.next(); stop {
		return err
	}
	return m.Overlay.Forget(ctx, tenant, typ, key)
}

// another is a process like the one that has died, later.
func (h *house) another() *house {
	for _, f := range []*faults{h.users, h.groups} {
		f.create, f.move, f.remove, f.modify = nil, nil, nil, nil
	}
	h.extra.Overlay, h.book.finish = h.lite, nil
	o := h.o
	o.Writer = "another"
	h.Service = New(o)
	h.clock.advance(2 * time.Minute)
	return h
}

func (h *house) reconcile() Reconciled {
	h.t.Helper()
	r, err := h.Reconcile(h.t.Context(), h.lite, h.clock.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// writes are the kinds of writes there are. Each begins with what setUp gives, and is the last event of the journal.
var writes = map[string]func(h *house, u, boss, g *scim.Result){
	"create": func(h *house, _, boss, _ *scim.Result) {
		_, _ = h.tryCreate("User", `{"userName":"new","title":"T","externalId":"x","active":false,"`+enterprise+`":{"manager":{"value":"`+boss.ID+`"}}}`)
	},
	"modify": func(h *house, u, _, _ *scim.Result) { _ = h.tryTitle(u.ID) },
	"two at once": func(h *house, u, _, _ *scim.Result) {
		_, _ = h.tryPatch(h.req("User"), u.ID, `{"op":"replace","path":"title","value":"T"},{"op":"replace","path":"externalId","value":"other"}`)
	},
	"rename": func(h *house, u, _, _ *scim.Result) {
		_, _ = h.tryPatch(h.req("User"), u.ID, `{"op":"replace","path":"userName","value":"b"},{"op":"replace","path":"title","value":"T"}`)
	},
	"add a member": func(h *house, _, boss, g *scim.Result) {
		_, _ = h.tryPatch(h.req("Group"), g.ID, `{"op":"add","path":"members","value":[{"value":"`+boss.ID+`"}]}`)
	},
	"delete": func(h *house, u, _, _ *scim.Result) { _ = h.Delete(h.t.Context(), h.req("User"), u.ID) },
	"password": func(h *house, u, _, _ *scim.Result) {
		_, _ = h.tryPatch(h.req("User"), u.ID, `{"op":"replace","path":"password","value":"correct horse"},{"op":"replace","path":"title","value":"T"}`)
	},
}

func (h *house) setUp() (u, boss, g *scim.Result) {
	h.t.Helper()
	boss = h.user("boss")
	u = h.create("User", `{"userName":"a","externalId":"00u1","title":"old"}`)
	g = h.group("g", u.ID)
	h.clock.advance(time.Second)
	return u, boss, g
}

// TestWhatADeadProcessHasLeftOpenIsSettledByWhatStands stops every kind of write after each of its steps.
func TestWhatADeadProcessHasLeftOpenIsSettledByWhatStands(t *testing.T) {
	for name, write := range writes {
		for stop := 0; ; stop++ {
			over := false
			t.Run(fmt.Sprintf("%s, after %d", name, stop), func(t *testing.T) {
				h := newHouse(t)
				u, boss, g := h.setUp()
				d, before := h.dyingAfter(stop), len(h.events())
				write(h, u, boss, g)
				over = d.undone == 0
				h = h.another()
				e := h.events()[before]
				if e.Outcome != nil {
					t.Fatalf("it was told: %+v", e.Outcome)
				}
				h.reconcile()
				for _, e := range h.events() {
					h.holds(e)
				}
				if e = h.events()[before]; stop == 0 && e.Status() != journal.StatusFailed && name != "password" || over && e.Status() != journal.StatusDone && name != "password" {
					t.Errorf("after %d steps (all of them: %t) it is said to be %s: %+v", stop, over, e.Status(), e.Outcome)
				}
				if again := h.reconcile(); again != (Reconciled{}) {
					t.Errorf("there was more to settle: %+v", again)
				}
			})
			if over || stop > 12 {
				break
			}
		}
	}
}

// holds compares what an event claims with what stands.
func (h *house) holds(e journal.Event) {
	h.t.Helper()
	if e.Outcome == nil {
		h.t.Errorf("%s of %s is still open", e.Intent.Action, e.ResourceID())
		return
	}
	if e.Outcome.Error == "" {
		return // a living process has said it
	}
	if !strings.Contains(e.Outcome.Error, "reconciled by another, because test") {
		h.t.Errorf("%s", e.Outcome.Error)
	}
	for i, step := range e.Intent.Steps {
		said := e.Outcome.Steps[i].Status
		if step.Key == "" {
			step.Key = backends.Key(e.ResourceID())
		}
		stands, tells := h.stands(step)
		if !tells {
			if said == journal.StatusDone && e.Status() != journal.StatusDone {
				h.t.Errorf("step %d (%s) cannot be known, and is said to be %s", i, step.Op, said)
			}
			continue
		}
		if said == journal.StatusDone && !stands || (said == journal.StatusFailed || said == journal.StatusSkipped) && stands {
			h.t.Errorf("step %d of %s (%s %v) is said to be %s; it stands: %t", i, e.Intent.Action, step.Op, step.Changes, said, stands)
		}
		if e.Status() == journal.StatusDone && said != journal.StatusDone || e.Status() == journal.StatusFailed && stands {
			h.t.Errorf("%s is said to be %s, step %d (%s) to be %s; it stands: %t", e.Intent.Action, e.Status(), i, step.Op, said, stands)
		}
	}
}

// stands looks for a step in the directory by itself.
func (h *house) stands(step journal.Step) (stands, tells bool) {
	if step.Op == opOverlay {
		held, err := h.lite.Load(h.t.Context(), journal.Scope{Tenant: "default", Client: "okta", ResourceType: step.Backend}, []backends.Key{step.Key})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, change := range step.Changes {
			want := ""
			if len(change.Values) > 0 {
				want = change.Values[0].Text()
			}
			if held[step.Key].Attrs[change.Attr] != want {
				return false, true
			}
		}
		return true, len(step.Changes) > 0
	}
	rec := h.native(string(step.Key), "*", "+")
	switch step.Op {
	case opCreate:
		return rec.Key != "", true
	case opDelete:
		return rec.Key == "", true
	case opMove:
		return rec.Name == step.Changes[0].Values[0].Text(), true
	}
	for _, change := range step.Changes {
		texts := map[string]bool{}
		for _, v := range rec.Attrs.Get(change.Attr) {
			texts[v.Text()] = true
		}
		for _, v := range change.Values {
			if change.Op != backends.SetPassword {
				tells = true
				if texts[v.Text()] == (change.Op == backends.Remove) {
					return false, true
				}
			}
		}
		if change.Op == backends.Replace && len(change.Values) == 0 {
			tells = true
			if len(texts) > 0 {
				return false, true
			}
		}
	}
	return true, tells
}
