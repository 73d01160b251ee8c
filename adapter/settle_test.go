package adapter

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// recovering loses the answer to a modify that happens, and then is away for a while: a database that was killed and comes up again.
type recovering struct {
	backends.Backend
	away  time.Duration
	since atomic.Pointer[time.Time]
	asked atomic.Int64 // while it was away
}

func (r *recovering) Modify(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
	if _, err := r.Backend.Modify(ctx, key, changes, cond, want); err != nil {
		return backends.Record{}, err
	}
	r.since.Store(new(time.Now()))
	return backends.Record{}, failing(backends.ErrUnknown)
}

func (r *recovering) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	if since := r.since.Load(); since != nil && time.Since(*since) < r.away {
		r.asked.Add(1)
		return nil, failing(backends.ErrUnavailable)
	}
	return r.Backend.Fetch(ctx, keys, attrs)
}

// TestALostAnswerIsLookedForWhileThereIsTime: until the time for the write is over, more and more seldom, and no longer.
func TestALostAnswerIsLookedForWhileThereIsTime(t *testing.T) {
	for claim, tc := range map[string]struct {
		away    time.Duration
		limit   time.Duration
		outcome string
	}{
		"it comes back in time": {400 * time.Millisecond, 20 * time.Second, "done"},
		"it does not":           {time.Hour, 400 * time.Millisecond, "unknown"},
	} {
		h := newHouse(t, edit{options: func(o *Options) { o.WriteTimeout, o.SettleDelay = tc.limit, 5*time.Millisecond }})
		u := h.user("a")
		r := &recovering{Backend: h.users.Backend, away: tc.away}
		h.users.Backend = r
		began := time.Now()
		err := h.tryTitle(u.ID)
		if out := h.lastEvent().Outcome; out == nil || out.Status != tc.outcome || (err == nil) != (tc.outcome == "done") {
			t.Errorf("%s: %v, and the journal says %+v", claim, err, out)
		}
		if took := time.Since(began); took < 400*time.Millisecond || took > 15*time.Second {
			t.Errorf("%s: it took %s", claim, took)
		}
		// 10, 20, 40, and from then on 50 milliseconds apart.
		if n := r.asked.Load(); n < 2 || n > 12 {
			t.Errorf("%s: asked %d times", claim, n)
		}
	}
}

// TestWhatWasMadeIsSaidToBeMade: whoever cannot be asked about the new resource is left out of the answer. To say that it failed would have it made again.
func TestWhatWasMadeIsSaidToBeMade(t *testing.T) {
	h := newHouse(t)
	boss := h.user("boss")
	h.users.after = func(op string) {
		if op == "create" {
			h.memory.SetAway(true)
		}
	}
	made, err := h.tryCreate("User", `{"userName":"a","title":"T","externalId":"x","`+enterprise+`":{"manager":{"value":"`+boss.ID+`"}}}`)
	h.memory.SetAway(false)
	h.users.after = nil
	if err != nil {
		t.Fatal(err)
	}
	if got := at(made.Resource, "userName"); got != "a" || at(made.Resource, "title") != "T" || made.ID == "" || made.Location == "" || at(made.Resource, "meta", "location") != made.Location {
		t.Errorf("shown as %v", made.Resource)
	}
	if at(made.Resource, enterprise, "manager", "value") != nil {
		t.Error("a name is shown that could not be looked up")
	}
	whole, err := h.Get(t.Context(), h.req("User"), made.ID)
	if err != nil || at(whole.Resource, enterprise, "manager", "value") != boss.ID || at(whole.Resource, "externalId") != "x" {
		t.Errorf("read again: %v, %v", whole, err)
	}
	_, err = h.tryCreate("User", `{"userName":"a"}`)
	wantStatus(t, err, 409, scim.NotUnique)
	if page := h.list("User", `userName eq "a"`, 1, 2); page.TotalResults != 1 {
		t.Errorf("%d of them", page.TotalResults)
	}
}
