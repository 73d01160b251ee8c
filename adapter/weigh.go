package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// What a write weighs is what the guard counts of it: one for a resource that is deleted, one for a resource that becomes inactive, and one for each member that is
// taken out of a group. What follows from a delete is no more than that: the memberships of a user who goes are not counted. The members of a group that goes
// are, because they lose what the group gave them. Undoing and restoring are an administrator's doing and weigh nothing.

// GuardLimits are the limits of a configuration.
func GuardLimits(g configs.Guard) []journal.Limit {
	var limits []journal.Limit
	for _, l := range g.Limits {
		limits = append(limits, journal.Limit{Kind: l.Kind, Count: l.Count, Percent: l.Percent, Window: l.Window, PerClient: l.Per == configs.GuardPerClient})
	}
	return limits
}

// guardKinds is all that can be limited.
var guardKinds = []string{journal.GuardDelete, journal.GuardDisable, journal.GuardRemoveMember}

// scale weighs what the limits of the journal are about.
type scale struct {
	limited map[string]bool // kinds
	shares  map[string]bool // kinds of which a limit is in percent

	census   census
	refusals refusals
}

func newScale(limits []journal.Limit) *scale {
	s := &scale{limited: map[string]bool{}, shares: map[string]bool{}, census: census{counts: map[string]*count{}}}
	for _, l := range limits {
		s.limited[l.Kind] = true
		s.shares[l.Kind] = s.shares[l.Kind] || l.Percent > 0
	}
	return s
}

// tab is what a request has taken of the limits, by kind. It begins anew when its record has changed meanwhile, and is counted once.
type tab map[string]int

type tabKey struct{}

// onOneTab lets all that a request begins be counted as one.
func onOneTab(ctx context.Context) context.Context { return context.WithValue(ctx, tabKey{}, tab{}) }

// tabOf is nil where every intent is counted.
func tabOf(ctx context.Context) tab {
	t, _ := ctx.Value(tabKey{}).(tab)
	return t
}

func (t tab) add(weights []journal.Weight) {
	for _, w := range weights {
		if t != nil {
			t[w.Kind] += w.Count
		}
	}
}

// drop takes off what was given back.
func (t tab) drop(weights []journal.Weight) {
	for _, w := range weights {
		if t != nil {
			t[w.Kind] -= w.Count
		}
	}
}

// weight is so many of a kind, for the limits; none where there is none of that kind, or the request has taken as many already.
func (s *Service) weight(ctx context.Context, kind string, count int) ([]journal.Weight, error) {
	if count -= tabOf(ctx)[kind]; count <= 0 || !s.scale.limited[kind] {
		return nil, nil
	}
	w := journal.Weight{Kind: kind, Count: count}
	if s.scale.shares[kind] {
		n, err := s.population(ctx, kind)
		if err != nil {
			return nil, s.away(err, http.StatusServiceUnavailable, "The guard limits this to a share of all resources, and they cannot be counted at the moment, so nothing was changed.")
		}
		w.Of = max(n, 1)
	}
	return []journal.Weight{w}, nil
}

// concerns says whether a kind can happen to resources of a type.
func (s *Service) concerns(kind string, c *class) bool {
	switch kind {
	case journal.GuardDisable:
		return slices.ContainsFunc(c.rt.Schema.Attributes, func(a *scim.Attribute) bool { return a.Name == "active" })
	case journal.GuardRemoveMember:
		return slices.ContainsFunc(s.classes, func(holder *class) bool {
			return slices.ContainsFunc(holder.memberships(), func(r reference) bool { return slices.Contains(r.Types, c.Name()) })
		})
	}
	return true
}

// memberships are the references whose elements are members: sets that clients write.
func (c *class) memberships() []reference {
	return slices.DeleteFunc(c.writable(), func(r reference) bool { return !r.Set })
}

// weighChange is what a PUT, a PATCH or a disabling DELETE weighs, whose work is to be done.
func (s *Service) weighChange(ctx context.Context, c *class, p *plan, after *scim.Object) ([]journal.Weight, error) {
	if len(s.scale.limited) == 0 {
		return nil, nil
	}
	disabled := 0
	if c.disables(p, after) {
		disabled = 1
	}
	weights, err := s.weight(ctx, journal.GuardDisable, disabled)
	if err != nil || !s.scale.limited[journal.GuardRemoveMember] {
		return weights, err
	}
	removed := 0
	for _, r := range c.memberships() {
		n, err := s.removed(ctx, c, r, p, after)
		if err != nil {
			return nil, err
		}
		removed += n
	}
	more, err := s.weight(ctx, journal.GuardRemoveMember, removed)
	return append(weights, more...), err
}

// disables says whether a resource becomes inactive: it was not, and now it is, or its state is taken out of the directory.
func (c *class) disables(p *plan, after *scim.Object) bool {
	was, _ := p.res.Get("active")
	is, there := after.Get("active")
	if was == false || there {
		return was != false && is == false
	}
	return was == true && slices.ContainsFunc(p.update.Changes, func(change backends.Change) bool { return c.Writes(change.Attr) == "active" })
}

// removed is how many members go. Of a set that was read the resource tells; of one that was not, the directory is asked which of those listed are in it.
func (s *Service) removed(ctx context.Context, c *class, r reference, p *plan, after *scim.Object) (n int, err error) {
	stay := map[string]bool{}
	r.each(after, func(id string, _ *scim.Object) { stay[id] = true })
	read := false
	r.each(p.res, func(id string, _ *scim.Object) {
		read = true
		if !stay[id] {
			n++
		}
	})
	if read {
		return n, nil
	}
	for _, change := range p.update.Changes {
		if change.Op != backends.Remove || !strings.EqualFold(change.Attr, r.Native) || len(change.Values) == 0 {
			continue
		}
		there, err := c.Backend().Has(ctx, p.rec.Key, change.Attr, change.Values)
		if err != nil {
			return 0, err
		}
		for _, is := range there {
			if is {
				n++
			}
		}
	}
	return n, nil
}

// weighRemoval is what deleting a record weighs.
func (s *Service) weighRemoval(ctx context.Context, c *class, rec backends.Record) ([]journal.Weight, error) {
	weights, err := s.weight(ctx, journal.GuardDelete, 1)
	if err != nil || !s.scale.limited[journal.GuardRemoveMember] {
		return weights, err
	}
	members := 0
	for _, r := range c.memberships() {
		for _, v := range rec.Attrs.Get(r.Native) {
			if r.Placeholder == "" || v.Text() != r.Placeholder {
				members++
			}
		}
	}
	more, err := s.weight(ctx, journal.GuardRemoveMember, members)
	return append(weights, more...), err
}

// turnedAway answers a write that the guard has refused. The journal notes what was wanted, without what stands in the directory: nothing was touched. Whoever goes on asking
// must not fill the journal: so many of each client and minute are noted, with how many were not.
func (w *work) turnedAway(ctx context.Context, in journal.Intent, r *journal.Refusal) error {
	w.s.stats.guarded[slices.Index(guardKinds, r.Limit.Kind)].Add(1)
	if noted, leftOut := w.s.scale.refusals.admits(in.Client, w.s.o.Now(), w.s.o.MaxRefusals); noted {
		w.noteRefusal(ctx, in, r, leftOut)
	}
	return &scim.Error{Status: http.StatusForbidden, Detail: guardSentence(r), Cause: r}
}

// noteRefusal tells the journal and the log of a refusal, and of how many others of the same client they were not told since.
func (w *work) noteRefusal(ctx context.Context, in journal.Intent, r *journal.Refusal, leftOut int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.s.o.FinishTimeout)
	defer cancel()
	if in.Refused = r.Error(); leftOut > 0 {
		in.Refused += fmt.Sprintf("; %d more of this client were refused before and are not in the journal", leftOut)
	}
	for i := range in.Steps {
		in.Steps[i].Before = nil
	}
	out := journal.Outcome{Time: w.s.o.Now(), Status: journal.StatusRefused, ResourceID: in.ResourceID, Error: in.Refused}
	if err := w.s.o.Journal.Note(ctx, in, out); err != nil {
		w.s.log.LogAttrs(ctx, slog.LevelError, "the journal could not be told what the guard has refused", slog.String("event", string(in.ID)), slog.String("error", err.Error()))
	}
	w.s.log.LogAttrs(ctx, slog.LevelWarn, "the guard has refused a write", slog.String("event", string(in.ID)), slog.String("client", in.Client), slog.String("action", in.Action),
		slog.String("type", in.ResourceType), slog.String("id", in.ResourceID), slog.String("limit", r.Limit.String()), slog.Int("used", r.Used), slog.Int("wanted", r.Wanted),
		slog.Int("left_out", leftOut))
}

// refusals counts what the guard refuses of each client in a minute, and what of it was not noted.
type refusals struct {
	mu      sync.Mutex
	minute  time.Time
	noted   map[string]int // of this minute, by client
	leftOut map[string]int // since the last one that was noted
}

// admits counts a refusal and says whether it is noted, and how many were not since the last one that was. most below zero: none is.
func (r *refusals) admits(client string, now time.Time, most int) (noted bool, leftOut int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if minute := now.Truncate(time.Minute); r.noted == nil || !minute.Equal(r.minute) {
		r.minute, r.noted = minute, map[string]int{}
	}
	if r.leftOut == nil {
		r.leftOut = map[string]int{}
	}
	if r.noted[client] >= most {
		r.leftOut[client]++
		return false, 0
	}
	leftOut = r.leftOut[client]
	delete(r.leftOut, client)
	r.noted[client]++
	return true, leftOut
}

// guardSentence is what a client reads: which limit, how much of it is used, when it has room again, and who can give it more.
func guardSentence(r *journal.Refusal) string {
	who, what := "all clients together", map[string]string{
		journal.GuardDelete: "deletes", journal.GuardDisable: "resources made inactive", journal.GuardRemoveMember: "members taken out of groups",
	}[r.Limit.Kind]
	if r.Limit.PerClient {
		who = "each client"
	}
	if r.Spooling && r.Limit.Among == 0 { // nothing is counted
		return "Nothing was changed: the guard has a limit of " + what + ", and the journal's database, in which they are counted, is away. Try again when it is back."
	}
	detail := fmt.Sprintf("Nothing was changed: the guard allows %s %d %s in %s", who, r.Most-r.Approved, what, r.Limit.Span())
	if r.Approved > 0 {
		detail += fmt.Sprintf(", and at the moment %d more", r.Approved)
	}
	detail += fmt.Sprintf("; %d are used, and this takes %d.", r.Used, r.Wanted)
	if !r.Free.IsZero() {
		detail += " There is room for it from " + r.Free.UTC().Format(time.RFC3339) + " on."
	}
	if r.Spooling {
		return detail + fmt.Sprintf(" The journal's database is away: until it is back each of %d processes has its part of the limit, and nobody can allow more.", r.Limit.Among)
	}
	return detail + " An administrator can allow more: " + approveCommand(r)
}

// simpleWord needs no quotes in a shell.
var simpleWord = regexp.MustCompile(`^[A-Za-z0-9._@:/-]+$`)

// approveCommand lets a write through that was refused.
func approveCommand(r *journal.Refusal) string {
	command := "scim-adapter guard approve --kind " + r.Limit.Kind
	if client := r.Client; client != "" {
		if !simpleWord.MatchString(client) {
			client = "'" + strings.ReplaceAll(client, "'", `'\''`) + "'"
		}
		command += " --client " + client
	}
	return command + fmt.Sprintf(" --count %d", r.Used+r.Wanted-r.Most)
}

// refusedByGuard tells the guard's refusal from other errors of a journal.
func refusedByGuard(err error) (*journal.Refusal, bool) { return errors.AsType[*journal.Refusal](err) }
