package adapter

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// A reverse reference is read from the other side: a user's groups are those whose members name the user. Neither side's list is ever read.

// isReverse says whether a reference must be read from the other side, now.
func (s *Service) isReverse(ctx context.Context, c *class, r reference) (bool, error) {
	switch {
	case r.Reverse != "":
		return true, nil
	case r.OrReverse == "":
		return false, nil
	}
	kept, err := s.keeps(ctx, c, r)
	return !kept, err
}

// keeps finds out whether the directory itself maintains an attribute such as memberOf: its schema knows it, and somebody has it. That it
// does stays true; that it does not may only mean that there is no group yet, so it is asked again after a while.
func (s *Service) keeps(ctx context.Context, c *class, r reference) (bool, error) {
	if kept, sure := r.kept.known(s.o.Now(), s.o.NativeTTL); sure {
		return kept, nil
	}
	if !c.Backend().Syntax(r.Native).Known {
		return false, nil
	}
	n, exact, err := c.Backend().Count(ctx, backends.Present{Attr: r.Native}, 1)
	if err != nil {
		return false, err
	}
	kept := n > 0 || !exact
	r.kept.learn(kept, s.o.Now())
	return kept, nil
}

// nativeAttr remembers whether any record of a directory has an attribute.
type nativeAttr struct {
	mu     sync.Mutex
	kept   bool
	denied time.Time // when it was last found not to
}

func (a *nativeAttr) known(now time.Time, ttl time.Duration) (kept, sure bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept, a.kept || !a.denied.IsZero() && now.Sub(a.denied) < ttl
}

func (a *nativeAttr) learn(kept bool, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept = a.kept || kept; !kept {
		a.denied = now
	}
}

// searchesToLink says whether link must search for what is wanted of each record. Whoever is walking meanwhile ends that walk first; see inBatches.
func (s *Service) searchesToLink(ctx context.Context, c *class, want func(scim.Ref) bool) (bool, error) {
	for _, r := range c.refs {
		if r.attr == nil || !want(r.ref()) {
			continue
		}
		// What the directory is found to keep it keeps for good, so that link need not ask again.
		turned, err := s.isReverse(ctx, c, r)
		if err != nil || turned || r.Nested && r.wanted(want, "type") {
			return true, err
		}
	}
	return false, nil
}

// other finds the reference that a reverse one turns around: "Group.members".
func (s *Service) other(r reference) (*class, reference, bool) {
	text := r.Reverse
	if text == "" {
		text = r.OrReverse
	}
	typ, attr, _ := strings.Cut(text, ".")
	c, ok := s.byName[typ]
	if !ok {
		return nil, reference{}, false
	}
	for _, ref := range c.refs {
		if strings.EqualFold(ref.Attr, attr) && ref.Native != "" {
			return c, ref, true
		}
	}
	return nil, reference{}, false
}

// pointing gives the keys of the records of c that point with r at a name.
func pointing(ctx context.Context, c *class, r reference, name string) ([]backends.Key, error) {
	held, err := c.Backend().Holders(ctx, r.Native, []string{name}, nil)
	keys := make([]backends.Key, len(held[name]))
	for i, rec := range held[name] {
		keys[i] = rec.Key
	}
	return keys, err
}

// ownNames gives what the records of a page are called by those who point at them.
func ownNames(ctx context.Context, c *class, by string, recs []backends.Record) (map[backends.Key]string, error) {
	names := map[backends.Key]string{}
	if by == "" {
		for _, rec := range recs {
			names[rec.Key] = rec.Name
		}
		return names, nil
	}
	keys := make([]backends.Key, len(recs))
	for i, rec := range recs {
		keys[i] = rec.Key
	}
	return c.Backend().Names(ctx, by, keys)
}

// turn fills a reverse reference of all resources of a page.
func (s *Service) turn(ctx context.Context, c *class, r reference, base string, recs []backends.Record, resources []*scim.Object) error {
	there, back, ok := s.other(r)
	if !ok {
		return nil
	}
	// What the directory said itself is not mixed with what is found here.
	for _, res := range resources {
		if holder := holderOf(res, r.URI, false); holder != nil {
			holder.Delete(r.Attr)
		}
	}
	held, err := holdersOfEach(ctx, c, there, back, recs, there.labelReads(r.labelled))
	if err != nil {
		return err
	}
	for i, found := range held {
		if len(found) == 0 {
			continue
		}
		list := make([]any, len(found))
		for n, rec := range found {
			list[n] = r.element(base, s.target(ctx, there, rec, r.labelled), nil)
		}
		holder := holderOf(resources[i], r.URI, true)
		if r.Multi {
			holder.Set(r.Attr, list)
		} else {
			holder.Set(r.Attr, list[0])
		}
	}
	return nil
}

// join is the backend's word for what turn asks; "" where it has none.
func join(c, there *class, back reference, attrs []string) string {
	if back.By != "" || c.Backend().Capabilities().Rename {
		return ""
	}
	return c.Backend().Join(there.Backend(), back.Native, attrs)
}

// readsJoined lists what to read of records that are to be shown, with those that point at them where the directory brings them along.
func (s *Service) readsJoined(c *class, want func(scim.Ref) bool) []string {
	attrs := c.reads(want)
	for _, r := range c.refs {
		if r.Reverse == "" || r.attr == nil || !want(r.ref()) {
			continue
		}
		if there, back, ok := s.other(r); ok {
			if word := join(c, there, back, there.labelReads(r.wanted(want, r.Display))); word != "" {
				attrs = append(attrs, word)
			}
		}
	}
	return attrs
}

// holdersOfEach gives for each record of a page those of another class that point at it: as they came with the records, or asked for at once.
func holdersOfEach(ctx context.Context, c, there *class, back reference, recs []backends.Record, attrs []string) ([][]backends.Record, error) {
	held := make([][]backends.Record, len(recs))
	if word := join(c, there, back, attrs); word != "" {
		came := true
		for i, rec := range recs {
			var ok bool
			held[i], ok = rec.Held[word]
			came = came && ok
		}
		if came {
			return held, nil
		}
	}
	names, err := ownNames(ctx, c, back.By, recs)
	if err != nil {
		return nil, err
	}
	asked, err := holdersOfAll(ctx, there, back, names, recs, attrs)
	for i, rec := range recs {
		held[i] = asked[names[rec.Key]]
	}
	return held, err
}

// holdersOfAll asks at once who points at the records of a page.
func holdersOfAll(ctx context.Context, c *class, r reference, names map[backends.Key]string, recs []backends.Record, attrs []string) (map[string][]backends.Record, error) {
	var asked []string
	for _, rec := range recs {
		if name := names[rec.Key]; name != "" {
			asked = append(asked, name)
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	return c.Backend().Holders(ctx, r.Native, asked, attrs)
}

// kinds says of nested groups, whose ids are already there, which of them name the record itself as a member ("direct") and which hold it
// through another group ("indirect", RFC 7643 §4.1.2). No list of members is read.
func (s *Service) kinds(ctx context.Context, c *class, r reference, recs []backends.Record, resources []*scim.Object) error {
	for _, typ := range r.Types {
		there, back, ok := s.answering(c, r, typ)
		if !ok {
			continue
		}
		var members []backends.Record
		for i, rec := range recs {
			if len(r.values(resources[i])) > 0 {
				members = append(members, rec)
			}
		}
		names, err := ownNames(ctx, c, back.By, members)
		if err != nil {
			return err
		}
		held, err := holdersOfAll(ctx, there, back, names, members, nil)
		if err != nil {
			return err
		}
		for i, rec := range recs {
			direct := map[backends.Key]bool{}
			for _, group := range held[names[rec.Key]] {
				direct[group.Key] = true
			}
			r.each(resources[i], func(id string, element *scim.Object) {
				if element != nil && direct[backends.Key(id)] {
					element.Set("type", "direct")
				}
			})
		}
	}
	for _, res := range resources {
		r.each(res, func(_ string, element *scim.Object) {
			if _, direct := element.Get("type"); !direct {
				element.Set("type", "indirect")
			}
		})
	}
	return nil
}

// answering finds the attribute of another type that points back: the members of the groups.
func (s *Service) answering(c *class, r reference, typ string) (*class, reference, bool) {
	if r.OrReverse != "" {
		return s.other(r)
	}
	there, ok := s.byName[typ]
	if !ok {
		return nil, reference{}, false
	}
	for _, back := range there.refs {
		self := there == c && back.Attr == r.Attr && back.URI == r.URI
		if !self && back.Multi && back.Native != "" && slices.Contains(back.Types, c.Name()) {
			return there, back, true
		}
	}
	return nil, reference{}, false
}
