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
// So a walk that the directory will not sort is sorted here, as long as it is of mostSorted records at most: whoever was told that the order
// can be had gets it, and nobody a wrong one. That is why the control is critical: an answer that is a success is in order. The code in the
// answer's control would say the same, but go-ldap gives 0 whatever it holds, which a test holds it to.
//
// Rules are published under names that servers fill with their own meaning. Therefore the first page is held against the order that package
// backends means before a record of it is given away; later pages are taken on trust, since what changes meanwhile looks like a wrong order. A directory that orders otherwise, or refuses for a reason that will not pass, is not
// asked for that order again for a while, and Sorts says no meanwhile.

const (
	// mostSorted bounds what is sorted here: some 20 MB.
	mostSorted = 100_000
	// unsortedFor is how long a directory is not asked for an order that it refused, or got wrong.
	unsortedFor = 10 * time.Minute
	// leastOrdered is how many entries there are in a page that is held against the order, even if fewer are wanted.
	leastOrdered = 50
	// quickly and patiently bound the time for which a directory is asked again that is busy: for an order that can be had here, and for the
	// next page of one.
	quickly, patiently = 20 * time.Millisecond, 5 * time.Second
)

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

// sorting is what an ordered search needs beside its filter.
type sorting struct {
	by      backends.Sort
	control goldap.Control
	seen    *view // what shows the attribute
}

// check says why a first page cannot be trusted to be in order.
func (s *sorting) check(p page) error {
	switch {
	case p.limited:
		// What is in order is some of the entries, and not the first ones.
		return &unsorted{cause: errCut, passes: true}
	case goldap.FindControl(p.controls, oidSorted) == nil:
		return &unsorted{cause: errors.New("the answer to the sort control is missing")}
	}
	var last backends.SortKey
	for i, e := range p.entries {
		r, _ := s.seen.record(e)
		place := s.by.Key(r)
		if i > 0 && s.by.Compare(last, place) > 0 {
			return &unsorted{cause: fmt.Errorf("%s comes too late in the answer", e.DN)}
		}
		last = place
	}
	return nil
}

// unsorted says that a directory did not give the order that it was asked for.
type unsorted struct {
	cause  error
	passes bool // it is a matter of the moment, or of this search
}

func (e *unsorted) Error() string { return "the directory did not sort: " + e.cause.Error() }
func (e *unsorted) Unwrap() error { return e.cause }

// refusal is the error of an ordered search that the directory answered with no. Why it did so, for the order or for all else, shows when it
// is asked without the order.
func refusal(err error) error {
	passes := goldap.IsErrorAnyOf(err, goldap.LDAPResultBusy, goldap.LDAPResultUnavailable, goldap.LDAPResultTimeLimitExceeded,
		goldap.LDAPResultAdminLimitExceeded, goldap.LDAPResultOther, goldap.LDAPResultNoSuchObject)
	return &unsorted{cause: err, passes: passes}
}

// unlessBusy does one operation of an ordered search, and again while the server is busy with it. OpenLDAP's sssvlv takes a page for unfinished
// until some time after its last byte is sent, and calls a client busy that asks for the next one too soon (seen with 2.5.13).
func (p pager) unlessBusy(ctx context.Context, patience time.Duration, do func() error) error {
	for pause, waited := time.Millisecond, time.Duration(0); ; pause *= 2 {
		err := do()
		if p.order == nil || waited >= patience || !goldap.IsErrorWithCode(err, goldap.LDAPResultBusy) {
			return err
		}
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

// walkInOrder has the directory sort, and sorts itself when the directory will not.
func (c *class) walkInOrder(ctx context.Context, in *info, q backends.Query, yield func(backends.Record, error) bool) {
	rule, ok := c.lowering(in).orderingRule(*q.Sort)
	if !ok {
		yield(backends.Record{}, &backends.Error{Kind: backends.ErrInvalid, Attr: q.Sort.Attr, Detail: "The directory cannot sort by " + q.Sort.Attr + "."})
		return
	}
	if in.refusals.fresh(*q.Sort, c.d.now()) {
		c.sortHere(ctx, in, q, yield)
		return
	}
	order := &sorting{by: *q.Sort, control: sortControl(*q.Sort, rule), seen: c.view(in, []string{q.Sort.Attr})}
	for r, err := range c.entriesOf(ctx, in, q, order) {
		if why, ok := errors.AsType[*unsorted](err); ok {
			if why.passes {
				c.d.log.Debug("directory did not sort this time; sorting here", "attribute", q.Sort.Attr, "error", why)
			} else {
				in.refusals.note(*q.Sort, c.d.now())
				c.d.log.Warn("directory does not sort as its schema says; sorting here", "attribute", q.Sort.Attr, "error", why)
			}
			c.sortHere(ctx, in, q, yield)
			return
		}
		if !yield(r, err) {
			return
		}
	}
}

// sortHere reads what the order needs of all records, sorts, and reads the rest of each as its turn comes.
func (c *class) sortHere(ctx context.Context, in *info, q backends.Query, yield func(backends.Record, error) bool) {
	rows, err := c.rows(ctx, in, q)
	if err != nil {
		yield(backends.Record{}, err)
		return
	}
	slices.SortStableFunc(rows, func(a, b row) int { return q.Sort.Compare(a.place, b.place) })
	n := 0
	for piece := range slices.Chunk(rows, batch) {
		if piece, err = c.complete(ctx, piece, q.Attrs); err != nil {
			yield(backends.Record{}, err)
			return
		}
		for _, r := range piece {
			if n++; !yield(r.Record, nil) || n == q.Limit {
				return
			}
		}
	}
}

// row is a record and where it stands.
type row struct {
	backends.Record
	place backends.SortKey
}

// rows are all records that q.Where holds for, without attributes.
func (c *class) rows(ctx context.Context, in *info, q backends.Query) ([]row, error) {
	var rows []row
	for r, err := range c.entriesOf(ctx, in, backends.Query{Where: q.Where, Attrs: []string{q.Sort.Attr}}, nil) {
		switch {
		case err != nil:
			return nil, err
		case len(rows) == c.mostSorted:
			return nil, &backends.Error{Kind: backends.ErrTooMany, Attr: q.Sort.Attr, Detail: fmt.Sprintf(
				"The directory did not sort by %s, and more than %d records match: too many to sort here. Ask for fewer, or let the directory sort more searches at once (OpenLDAP: sssvlv-max).",
				q.Sort.Attr, c.mostSorted)}
		}
		place := q.Sort.Key(r)
		r.Attrs = backends.Attributes{}
		rows = append(rows, row{r, place})
	}
	return rows, nil
}

// complete gives records their attributes. Those that are gone by now are left out.
func (c *class) complete(ctx context.Context, piece []row, attrs []string) ([]row, error) {
	if len(attrs) == 0 {
		return piece, nil
	}
	keys := make([]backends.Key, len(piece))
	for i, r := range piece {
		keys[i] = r.Key
	}
	records, err := c.Fetch(ctx, keys, attrs)
	if err != nil {
		return nil, err
	}
	whole := make(map[backends.Key]backends.Record, len(records))
	for _, r := range records {
		whole[r.Key] = r
	}
	var out []row
	for _, r := range piece {
		if found, ok := whole[r.Key]; ok {
			out = append(out, row{found, r.place})
		}
	}
	return out, nil
}
