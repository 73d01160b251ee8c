package adapter

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// slowReader waits before it tells the first time of one resource.
type slowReader struct {
	journal.Reader
	id            string
	told          atomic.Bool
	asked, answer chan struct{}
}

func (r *slowReader) Events(ctx context.Context, f journal.Filter) iter.Seq2[journal.Event, error] {
	if f.ResourceID == r.id && !r.told.Swap(true) {
		close(r.asked)
		<-r.answer
	}
	return r.Reader.Events(ctx, f)
}

// Whoever comes upon a group while another is still finding out what its members are called sees them all the same.
func TestWhatIsStillBeingFoundOutIsNotTakenForKnown(t *testing.T) {
	h := planningHouse(t)
	ann := h.user("ann").ID
	team := h.group("team", ann).ID
	h.shadow.names = madeUpNames{} // another process
	slow := &slowReader{Reader: h.lite, id: ann, asked: make(chan struct{}), answer: make(chan struct{})}
	h.shadow.o.Events = slow
	var first sync.WaitGroup
	first.Go(func() {
		res, err := h.Get(t.Context(), h.req("Group"), team)
		if err != nil || !slices.Equal(values(res.Resource, "members"), []string{ann}) {
			t.Errorf("who asked first: %v, %v", res, err)
		}
	})
	<-slow.asked
	if got := values(h.get("Group", team).Resource, "members"); !slices.Equal(got, []string{ann}) {
		t.Errorf("members meanwhile: %v", got)
	}
	close(slow.answer)
	first.Wait()
	if !h.shadow.names.knows(backends.Key(ann)) {
		t.Error("what was found out is not remembered")
	}
}

// Two that point at each other are found out once, and not for ever.
func TestMadeUpResourcesMayPointAtEachOther(t *testing.T) {
	h := planningHouse(t)
	ann := h.user("ann").ID
	manager := func(of string) string {
		return `{"op":"replace","path":"` + enterprise + `:manager","value":{"value":"` + of + `"}}`
	}
	bob := h.user("bob").ID
	h.patch("User", bob, manager(ann))
	h.patch("User", ann, manager(bob))
	h.shadow.names = madeUpNames{}
	for id, boss := range map[string]string{ann: bob, bob: ann} {
		if got := at(h.get("User", id).Resource, enterprise, "manager", "value"); got != boss {
			t.Errorf("the manager is %v", got)
		}
	}
}
