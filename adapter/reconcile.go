package adapter

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Reconciled counts the intents whose writers have died, or could not tell the journal, by what was found out.
type Reconciled struct {
	Done    int // all of it stands
	NotDone int // none of it does
	Unknown int // only some of it stands, or nobody can tell
	Left    int // still open: a directory is away, somebody is writing to the same records, or no mapping knows them
	Others  int // that another process has closed meanwhile
}

// forgetAfter is how long an intent is left open whose mapping is gone: it may come back with the next configuration, and nobody else can read the records.
const forgetAfter = 24 * time.Hour

// clockSkew is how far apart the clocks of two processes may be. So long after its deadline an intent is left alone.
const clockSkew = 10 * time.Second

// verdicts are the names of what Reconcile finds out, as Stats has them.
var verdicts = [...]string{"done", "not_done", "unknown"}

// Reconcile says of each open intent whose deadline is over what came of it, by what stands in the directories now and by what later events saw there
// before they wrote. Nothing is guessed: what cannot be told is unknown. Of a write that was done, references that the dead process did not come to are
// cleaned up. Several processes may do this at a time: the first one's word holds.
func (s *Service) Reconcile(ctx context.Context, reader journal.Reader, now time.Time) (Reconciled, error) {
	var r Reconciled
	open, err := s.overdue(ctx, reader, now)
	if err != nil {
		return r, err
	}
	findings, err := s.findings(ctx, reader, open, now)
	if err != nil {
		return r, err
	}
	for _, f := range findings {
		if ctx.Err() != nil {
			break
		}
		status, err := s.conclude(ctx, reader, f)
		switch {
		case err != nil:
			s.leave(ctx, f.e, err)
		case status == "":
			r.Others++
		case status == journal.StatusDone:
			r.Done++
		case status == journal.StatusFailed:
			r.NotDone++
		case status == journal.StatusUnknown:
			r.Unknown++
		}
	}
	r.Left = len(open) - r.Done - r.NotDone - r.Unknown - r.Others
	for i, n := range [...]int{r.Done, r.NotDone, r.Unknown} {
		s.stats.reconciled[i].Add(int64(n))
	}
	s.stats.overdue.Store(int64(r.Left))
	return r, ctx.Err()
}

// lookBack is how far before what may still be open the journal is looked through again: whatever the clocks of others say, and however long a write of theirs may take.
const lookBack = time.Hour

// overdue lists the open intents that nobody is at work on any more. The whole journal is looked through once; after that what is as old as the oldest that was left
// open, or younger: a journal of years must not be read every minute.
func (s *Service) overdue(ctx context.Context, reader journal.Reader, now time.Time) ([]journal.Event, error) {
	var open []journal.Event
	f := journal.Filter{Tenant: s.o.Tenant, Statuses: []string{journal.StatusOpen}, Overdue: now.Add(-clockSkew)}
	if since := s.openSince.Load(); since != nil {
		f.Since = *since
	}
	oldest := now
	for e, err := range reader.Events(ctx, f) {
		if err != nil {
			return nil, err
		}
		open = append(open, e)
		if e.Intent.Time.Before(oldest) {
			oldest = e.Intent.Time
		}
	}
	oldest = oldest.Add(-lookBack)
	s.openSince.Store(&oldest)
	s.left.forgetOthers(open)
	return open, nil
}

// leave tells, once, that an intent must wait, and for what.
func (s *Service) leave(ctx context.Context, e journal.Event, why error) {
	if !errors.Is(why, errBusy) && s.left.says(e.Intent.ID, why.Error()) { // the next time it is over
		s.log.LogAttrs(ctx, slog.LevelWarn, "an open intent is left for later", slog.String("event", string(e.Intent.ID)), slog.String("error", why.Error()))
	}
}

// saidOf remembers what was said of intents, so that it is not said again every minute.
type saidOf struct {
	mu   sync.Mutex
	said map[journal.ID]string
}

// says says whether this is news.
func (o *saidOf) says(id journal.ID, what string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.said == nil {
		o.said = map[journal.ID]string{}
	}
	news := o.said[id] != what
	o.said[id] = what
	return news
}

// forgetOthers leaves those that are open.
func (o *saidOf) forgetOthers(open []journal.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.said, func(id journal.ID, _ string) bool {
		return !slices.ContainsFunc(open, func(e journal.Event) bool { return e.Intent.ID == id })
	})
}

// finding is what was found out about one intent.
type finding struct {
	e    journal.Event
	c    *class
	key  string // of the resource
	main int    // so many steps are the write itself; those behind them tidy up
	told []told // about each step
	why  string // nothing more can be found out
	// given: nothing was read, and nothing is
	given bool
}

// told is what is known of a step. A neutral one changed nothing, or tells nothing by itself.
type told struct {
	v       verdict
	neutral bool
}

// findings looks at each intent, and leaves out those that must wait. The journal is read before the directories and once more behind them: an intent whose records
// somebody else has meanwhile begun to write waits for the next time.
func (s *Service) findings(ctx context.Context, reader journal.Reader, open []journal.Event, now time.Time) ([]*finding, error) {
	found, open := s.readable(ctx, open, now)
	if len(open) == 0 {
		return found, nil
	}
	window := s.o.WriteTimeout + s.o.FinishTimeout + clockSkew
	before := newHistory(s, open)
	if err := before.read(ctx, reader, open[0].Intent.Time.Add(-window)); err != nil {
		return nil, err
	}
	for _, e := range open {
		f, err := s.find(ctx, before, e, now)
		if err != nil {
			s.leave(ctx, e, err)
			continue
		}
		found = append(found, f)
	}
	after := newHistory(s, open)
	if err := after.read(ctx, reader, s.o.Now().Add(-window)); err != nil {
		return nil, err
	}
	kept := found[:0]
	for _, f := range found {
		if !after.hasNews(before, f) {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// readable tells the intents whose records can be read now from those that must wait, and from those of which nobody will ever find out more: these are findings already. It is
// asked first, because the journal would be read in vain for the others, each time.
func (s *Service) readable(ctx context.Context, all []journal.Event, now time.Time) (found []*finding, open []journal.Event) {
	asked := map[string]error{}
	for _, e := range all {
		if e.Forgotten {
			found = append(found, s.given(e, "what was to be written can no longer be read: it was erased, or its key is gone (audit show says which)"))
			continue
		}
		c, err := s.classesOf(e.Intent)
		if err != nil && now.Sub(e.Intent.Time) > forgetAfter {
			found = append(found, s.given(e, err.Error()+", and nobody can read what came of it"))
			continue
		}
		for i := 0; err == nil && i < len(c); i++ {
			name := c[i].BackendName()
			if _, known := asked[name]; !known {
				_, _, asked[name] = c[i].Backend().Count(ctx, backends.True{}, 1)
			}
			err = asked[name]
		}
		if err != nil {
			s.leave(ctx, e, err)
			continue
		}
		open = append(open, e)
	}
	return found, open
}

// given is a finding that nothing more can be found out.
func (s *Service) given(e journal.Event, why string) *finding {
	return &finding{e: e, c: s.byName[e.Intent.ResourceType], key: e.Intent.ResourceID, main: len(e.Intent.Steps), told: make([]told, len(e.Intent.Steps)), why: why, given: true}
}

// classesOf are the types that an intent is about.
func (s *Service) classesOf(in journal.Intent) (all []*class, err error) {
	for _, step := range append(slices.Clone(in.Steps), journal.Step{Backend: in.ResourceType}) {
		c := s.byName[step.Backend]
		if c == nil {
			return nil, errors.New("no mapping is called " + step.Backend)
		}
		all = append(all, c)
	}
	return all, nil
}

var errBusy = errors.New("somebody is writing to the same record")

// find reads what came of one intent.
func (s *Service) find(ctx context.Context, h *history, e journal.Event, now time.Time) (*finding, error) {
	in := e.Intent
	f := &finding{e: e, c: s.byName[in.ResourceType], key: in.ResourceID, told: make([]told, len(in.Steps))}
	for _, step := range in.Steps {
		if h.busy(in, step, now) {
			return nil, errBusy
		}
	}
	f.main = mainSteps(in)
	for i, step := range in.Steps[:f.main] {
		var err error
		if f.told[i], err = s.tell(ctx, h, f, step); err != nil {
			return nil, err
		}
	}
	f.inOrder()
	return f, nil
}

// mainSteps counts the steps up to the last one that is about the resource itself. Those behind it bring others up to date.
func mainSteps(in journal.Intent) int {
	n, gone := 0, false
	for i, step := range in.Steps {
		own := isOwn(journal.Event{Intent: in}, step)
		if own && (step.Op != opOverlay || !gone) {
			n = i + 1
		}
		gone = gone || own && step.Op == opDelete
	}
	return n
}

// inOrder completes what is known by the order of the steps: each was begun when the one before was done, and one whose predecessor is not done, or was taken back,
// does not stand either.
func (f *finding) inOrder() {
	main := f.told[:f.main]
	last, first := -1, len(main)
	for i, t := range main {
		if t.neutral || t.v == undecided {
			continue
		}
		if t.v == happened {
			last = i
		} else {
			first = min(first, i)
		}
	}
	everyone := true
	for i := range main {
		known := !main[i].neutral && main[i].v != undecided
		switch {
		case known:
		case i < last && first > last:
			main[i].v = happened
		case i > first && last < first:
			main[i].v = didNot
		case main[i].neutral && (last >= 0 || first < len(main)):
			main[i].v = happened
			if last < 0 {
				main[i].v = didNot
			}
		case main[i].neutral:
			main[i].v = happened
		}
		everyone = everyone && main[i].v != undecided
	}
	if !everyone {
		f.why = "what came of a step cannot be read"
	}
}

// sum is what the steps of the write itself come to.
func (f *finding) sum() string {
	votes := map[verdict]bool{}
	for _, t := range f.told[:f.main] {
		votes[t.v] = true
	}
	switch {
	case f.given, votes[undecided], votes[happened] && votes[didNot]:
		return journal.StatusUnknown
	case votes[didNot], len(f.told) == 0:
		return journal.StatusFailed
	}
	return journal.StatusDone
}

// stopped says that one of the steps of the write itself is certainly not done.
func (f *finding) stopped() bool {
	return slices.ContainsFunc(f.told[:f.main], func(t told) bool { return t.v == didNot })
}

// conclude closes an intent by what was found, and gives the status that it was closed with; "" where another process was faster, whose word holds.
func (s *Service) conclude(ctx context.Context, reader journal.Reader, f *finding) (string, error) {
	in := f.e.Intent
	if e, err := reader.Lookup(ctx, in.ID); err != nil || e.Outcome != nil {
		return "", err
	}
	out := journal.Outcome{Status: f.sum(), ResourceID: f.key, Steps: make([]journal.StepOutcome, len(in.Steps))}
	for i := range out.Steps {
		out.Steps[i] = journal.StepOutcome{Status: journal.StatusSkipped}
		if !f.given && (i < f.main || !f.stopped()) { // whoever was stopped in between has not come to the others
			out.Steps[i] = s.outcomeOf(in.Steps[i], f.told[i].v)
		}
	}
	if f.given {
		out.Steps = nil
	}
	why := f.why
	if out.Status == journal.StatusDone {
		acted, err := s.tidyAll(ctx, f, &out)
		if err != nil {
			return "", err
		}
		if f.main == 0 && !acted {
			out.Status = journal.StatusFailed
		}
	}
	if out.Status == journal.StatusFailed {
		why = "nothing was changed"
	}
	if out.Status == journal.StatusUnknown && why == "" {
		why = "only some of the steps were done"
	}
	out.Time, out.Error = s.o.Now(), "reconciled by "+s.o.Writer+", because "+in.Writer+" has not said what came of it"
	if why != "" {
		out.Error += ": " + why
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.FinishTimeout)
	defer cancel()
	if err := s.o.Journal.Finish(ctx, in.ID, out); errors.Is(err, journal.ErrConflict) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "an open intent was reconciled", slog.String("event", string(in.ID)), slog.String("status", out.Status), slog.String("writer", in.Writer),
		slog.String("action", in.Action), slog.String("type", in.ResourceType), slog.String("id", out.ResourceID))
	return out.Status, nil
}
