package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
)

// An ordered walk asks the directory for the order (RFC 2891) and for pages of it (RFC 2696). What it costs is the directory's: OpenLDAP's
// sssvlv overlay finds all entries before it gives the first, keeps their names and values in memory until the last page is read or the
// connection is closed, and sorts half as many searches at once as slapd has threads by default: eight. It calls any more busy.
//
// Nothing is sorted here: whoever wants few records in order sorts them for himself, and what one request gets must not depend on how busy the
// directory is. So an ordered walk is in order or an error. That is why the control is critical: an answer that is a success is in order. The code in
// the answer's control would say the same, but go-ldap gives 0 whatever it holds, which a test holds it to.
//
// Rules are published under names that servers fill with their own meaning. Therefore the pages are held against the order that package backends
// means: the first one whole, before a record of it is given away, and the later ones as far as a record that changed meanwhile cannot be mistaken
// for a wrong order. A directory that orders otherwise, or refuses for a reason that will not pass, is not asked for that order again for a while,
// and Sorts says no meanwhile.

const (
	// unsortedFor is how long a directory is not asked for an order that it refused, or got wrong.
	unsortedFor = 10 * time.Minute
	// leastOrdered is how many entries there are in a page that is held against the order, even if fewer are wanted.
	leastOrdered = 50
	// patience is how long a directory that is busy is asked for a page of an order again, besides the time that its answers take.
	patience = 5 * time.Second
	// longestPause is how long to wait at most before a busy directory is asked once more.
	longestPause = 200 * time.Millisecond
)

// SeeksIn says no: no entry can be sought by its place.
func (c *class) SeeksIn(backends.Sort) bool { return false }

// Sorts says whether the directory orders records by an attribute: it knows the control, the attribute's values are equal as the order has
// it, and the attribute has that ordering rule or can be lent it.
func (c *class) Sorts(by backends.Sort) bool {
	in := c.d.info.Load()
	_, ok := c.lowering(in).orderingRule(by)
	return ok && !in.refusals.fresh(by, c.d.now())
}

// orderingRule is the rule to name in the control, "" for the attribute's own. False: the directory is not to be asked for this order.
func (l lowering) orderingRule(by backends.Sort) (rule string, ok bool) {
	a, known := l.schema.Attribute(by.Attr)
	// A supertype may be sorted by what its subtypes hold, which is read under their names. The order of a password is nobody's business.
	if !known || !l.live || !l.control(oidSort) || !l.control(oidPaged) || !isDescription(by.Attr) || secret(a) || l.supertypes[a.OID] {
		return "", false
	}
	equality := l.schema.RuleOf(a.Equality)
	// slapd orders values in the form that the equality rule has given them.
	if a.Equality == "" || coarse[strings.ToLower(a.Equality)] || relate(by.Rule, equality) != backends.Exact {
		return "", false
	}
	if a.Ordering != "" {
		has := l.schema.RuleOf(a.Ordering)
		return "", has != backends.NoRule && !coarse[strings.ToLower(a.Ordering)] && relate(by.Rule, has) == backends.Exact
	}
	// Where the directory does not lend it to this syntax (IA5 strings) after all, it says so.
	rule = lent[equality]
	return rule, rule != "" && l.schema.HasRule(rule)
}

// sortControl asks for an order (RFC 2891 §1.1).
func sortControl(by backends.Sort, rule string) goldap.Control {
	key := ber.NewSequence("SortKey")
	key.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, by.Attr, "attributeType"))
	if rule != "" {
		key.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, rule, "orderingRule"))
	}
	if by.Descending {
		key.AppendChild(ber.NewLDAPBoolean(ber.ClassContext, ber.TypePrimitive, 1, true, "reverseOrder"))
	}
	list := ber.NewSequence("SortKeyList")
	list.AppendChild(key)
	return control{oid: oidSort, critical: true, value: list.Bytes()}
}

// sorting is what an ordered search needs beside its filter, and where it has got to.
type sorting struct {
	by      backends.Sort
	control goldap.Control
	seen    *view // what shows the attribute

	passed []backends.SortKey // where the last entries of the pages so far stand, three at most
}

// begins says why a first page cannot be trusted to be in order.
func (s *sorting) begins(p page) error {
	if p.limited {
		return errCut // what is in order is some of the entries, and not the first ones
	}
	if goldap.FindControl(p.controls, oidSorted) == nil {
		return &unsorted{cause: errors.New("the answer to the sort control is missing")}
	}
	places := s.places(p)
	for i, place := range places {
		if i > 0 && s.by.Compare(places[i-1], place) > 0 {
			return &unsorted{cause: fmt.Errorf("%s comes too late in the answer", p.entries[i].DN)}
		}
	}
	s.passed = places[max(0, len(places)-3):]
	return nil
}

// goesOn says why a later page cannot be. The directory has sorted long ago, and shows each entry as it is now: one that has changed since stands in the
// wrong place and proves nothing. So it takes two neighbours that both stand behind each of the next two.
func (s *sorting) goesOn(p page) error {
	all := slices.Concat(s.passed, s.places(p))
	for i := 3; i < len(all); i++ {
		if s.allBehind(all[i-3:i-1], all[i-1:i+1]) {
			return &unsorted{cause: fmt.Errorf("%s and its neighbour come too late in the answer", p.entries[i-len(s.passed)].DN)}
		}
	}
	s.passed = all[max(0, len(all)-3):]
	return nil
}

func (s *sorting) allBehind(these, those []backends.SortKey) bool {
	for _, a := range these {
		for _, b := range those {
			if s.by.Compare(a, b) <= 0 {
				return false
			}
		}
	}
	return true
}

func (s *sorting) places(p page) []backends.SortKey {
	places := make([]backends.SortKey, len(p.entries))
	for i, e := range p.entries {
		r, _ := s.seen.record(e)
		places[i] = s.by.Key(r)
	}
	return places
}

// unsorted says that a directory does not give the order that it was asked for.
type unsorted struct{ cause error }

func (e *unsorted) Error() string { return "the directory did not sort: " + e.cause.Error() }
func (e *unsorted) Unwrap() error { return e.cause }

// ofTheMoment says that an answer to an ordered search is no refusal of the order: the server has no time, or the search is too large, or has no base.
// Any other no is taken for one, as servers have many codes for it.
func ofTheMoment(err error) bool {
	return goldap.IsErrorAnyOf(err, goldap.LDAPResultBusy, goldap.LDAPResultUnavailable, goldap.LDAPResultTimeLimitExceeded,
		goldap.LDAPResultSizeLimitExceeded, goldap.LDAPResultAdminLimitExceeded, goldap.LDAPResultOther, goldap.LDAPResultNoSuchObject)
}

// unlessBusy does one operation of an ordered search, and again while the server is busy with it: with as many orders as it can keep, or with this one,
// since OpenLDAP's sssvlv takes a page for unfinished until some time after its last byte is sent, and calls a client busy that asks for the next one
// too soon (seen with 2.5.13).
func (p pager) unlessBusy(ctx context.Context, do func() error) error {
	for pause, waited := time.Millisecond, time.Duration(0); ; pause *= 2 {
		err := do()
		if p.order == nil || waited >= p.c.patience || !goldap.IsErrorWithCode(err, goldap.LDAPResultBusy) {
			return err
		}
		pause = min(pause, longestPause, p.c.patience-waited)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
		waited += pause
	}
}

// refusals are the orders that a server refused, and when.
type refusals struct{ at sync.Map }

func orderName(by backends.Sort) string { return strings.ToLower(by.Attr) + " " + by.Rule.String() }

func (r *refusals) note(by backends.Sort, now time.Time) { r.at.Store(orderName(by), now) }

func (r *refusals) fresh(by backends.Sort, now time.Time) bool {
	at, ok := r.at.Load(orderName(by))
	return ok && now.Sub(at.(time.Time)) < unsortedFor
}

// walkInOrder has the directory sort.
func (c *class) walkInOrder(ctx context.Context, in *info, q backends.Query, yield func(backends.Record, error) bool) {
	by := *q.Sort
	rule, ok := c.lowering(in).orderingRule(by)
	if !ok {
		yield(backends.Record{}, &backends.Error{Kind: backends.ErrInvalid, Attr: by.Attr, Detail: "The directory cannot sort by " + by.Attr + "."})
		return
	}
	refused := &backends.Error{Kind: backends.ErrUnavailable, Attr: by.Attr, Detail: "The directory does not sort by " + by.Attr + " as its schema says."}
	if in.refusals.fresh(by, c.d.now()) {
		yield(backends.Record{}, refused)
		return
	}
	order := &sorting{by: by, control: sortControl(by, rule), seen: c.view(in, []string{by.Attr})}
	for r, err := range c.entriesOf(ctx, in, q, order) {
		if why, ok := errors.AsType[*unsorted](err); ok {
			in.refusals.note(by, c.d.now())
			c.d.log.Warn("directory does not sort as its schema says; it is not asked to for a while", "attribute", by.Attr, "error", why)
			refused.Cause = why
			err = refused
		}
		if !yield(r, err) {
			return
		}
	}
}
