package postgres

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// pageful is up to how many records a walk is read whole before the first is yielded, so that its connection is free while they are worked off. Longer ones
// are streamed, and for these there are places.
const pageful = 1000

// Walk yields the records of the class that q.Where holds for, in the order of their keys, or in q.Sort. Where the database cannot be asked q.Where whole, it is
// asked for more and the rest is tested here.
func (c *class) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		if q.Limit > 0 && q.Limit <= pageful {
			c.walkPage(ctx, q, yield)
			return
		}
		c.walkStream(ctx, q, yield)
	}
}

// walkPage reads all and gives the connection back before it yields.
func (c *class) walkPage(ctx context.Context, q backends.Query, yield func(backends.Record, error) bool) {
	var records []backends.Record
	err := c.walk(ctx, q, c.d.cfg.Timeout, func(r backends.Record) bool {
		records = append(records, r)
		return true
	})
	for _, r := range records {
		if !yield(r, nil) {
			return
		}
	}
	if err != nil {
		yield(backends.Record{}, err)
	}
}

// walkStream yields while it reads. It takes one of the places for walks: whoever is in the middle of one finds a connection for what he asks meanwhile.
func (c *class) walkStream(ctx context.Context, q backends.Query, yield func(backends.Record, error) bool) {
	waiting, cancel := context.WithTimeoutCause(ctx, c.d.cfg.ConnectionTimeout, errBusy)
	defer cancel()
	select {
	case c.d.walks <- struct{}{}:
	case <-waiting.Done():
		yield(backends.Record{}, c.d.failed(waiting, waiting.Err(), nil))
		return
	case <-c.d.life.Done():
		yield(backends.Record{}, c.d.translate(errClosed, nil))
		return
	}
	defer func() { <-c.d.walks }()
	stopped := false
	err := c.walk(ctx, q, 0, func(r backends.Record) bool {
		stopped = !yield(r, nil)
		return !stopped
	})
	if err != nil && !stopped {
		yield(backends.Record{}, err)
	}
}

// walk gives every record until take wants no more. Where only some are wanted and it shows here which, they are looked for piece by piece, each behind the
// last key of the one before.
func (c *class) walk(ctx context.Context, q backends.Query, limit time.Duration, take func(backends.Record) bool) error {
	w := newWalker(q)
	for begun := time.Now(); ; {
		err := c.walkPiece(ctx, w, limit, take)
		switch {
		case errors.Is(err, errEnough):
			return nil
		case err != nil || !w.further():
			return err
		case limit > 0 && time.Since(begun) > limit:
			return errSlow
		}
	}
}

// walkPiece sends one statement of a walk.
func (c *class) walkPiece(ctx context.Context, w *walker, limit time.Duration, take func(backends.Record) bool) error {
	q := w.q
	return c.d.reading(ctx, c, reading{limit: limit, search: searches(q.Where), much: searches(q.Where) || q.Sort != nil}, func(s *shape, st *statement) error {
		w.rows = 0
		if err := c.meet(ctx, q.Attrs); err != nil {
			return err
		}
		return s.walkOn(st, w)
	}, func(rows pgx.Rows) error {
		r, err := w.view.record(rows)
		if err != nil {
			return err
		}
		w.rows++
		if w.view.keyless(r) {
			return nil
		}
		w.last = r.Key
		switch {
		case !w.wants(&r):
			return nil
		case !take(r):
			return errEnough
		}
		if w.taken++; (!w.exact || w.turns > 0) && w.taken == q.Limit {
			return errEnough
		}
		return nil
	})
}

// errSlow is what the server says, too, when one statement takes so long.
var errSlow = &backends.Error{Kind: backends.ErrTooMany, Detail: "The database does not give answers that take so long."}

// searches says that a condition leaves records out by what they are, and not only by their keys.
func searches(p backends.Predicate) bool { return len(backends.AttrsOf(p)) > 0 }

// walker is a walk under way.
type walker struct {
	q     backends.Query
	view  *view
	exact bool     // all rows are wanted
	extra []string // attributes that only the condition looks at
	skip  int      // of the rows that are wanted, how many are still left out
	taken int

	piece int          // how many rows the next statement asks for, where the walk is in pieces; 0 where it is not
	size  int          // of the first piece, and of later ones
	rows  int          // of the last statement
	last  backends.Key // that was seen

	turn, turns int // of the portions of an order; see portions
	shown       map[backends.Key]bool
}

// Pieces are so small at first that leaving one costs nothing, and grow where what is wanted is rare.
const (
	leastPiece = 256
	mostPiece  = 4096
)

func newWalker(q backends.Query) *walker {
	return &walker{q: q, skip: q.Skip, size: min(max(leastPiece, 2*q.Limit), mostPiece)}
}

// further says whether there may be more behind the last statement, which the next one then asks for.
func (w *walker) further() bool {
	if w.turn+1 < w.turns {
		w.turn++
		return true
	}
	if w.piece == 0 || w.rows < w.piece || w.last == w.q.After {
		return false
	}
	w.q.After, w.size = w.last, min(2*w.size, mostPiece)
	return true
}

// walkQuery writes the statement of a walk. What the database itself leaves out and stops at needs a condition that it can be asked whole.
func (s *shape) walkQuery(st *statement, q backends.Query) error { return s.walkOn(st, newWalker(q)) }

// walkOn writes the next statement of a walk.
func (s *shape) walkOn(st *statement, w *walker) error {
	q := w.q
	w.exact, w.extra, w.piece = s.above(&statement{}, q.Where), nil, 0
	attrs := q.Attrs
	if !w.exact {
		asked := s.wanted(q.Attrs)
		for _, attr := range backends.AttrsOf(q.Where) {
			if !slices.Contains(asked, attr) {
				w.extra = append(w.extra, attr)
			}
		}
		attrs = slices.Concat(q.Attrs, w.extra)
	}
	w.view = s.selectRecord(st, attrs)
	if !w.exact {
		if q.Limit > 0 && q.Sort == nil {
			w.piece = w.size
		}
		q.Skip, q.Limit = 0, w.piece
	}
	if q.Sort != nil {
		return s.amongSorted(st.sql(" WHERE "), w, q)
	}
	if q.Skip == 0 || q.Limit == 0 || !unique(s.rel, s.class.key) {
		return s.among(st.sql(" WHERE "), q)
	}
	// The keys alone are counted off: what is shown is read of no row that is left out.
	keys := make([]string, len(s.key))
	for i, c := range s.key {
		keys[i] = of("t", c)
	}
	list := strings.Join(keys, ", ")
	before, behind := list+" = ANY(ARRAY(", "))"
	if len(keys) > 1 {
		before, behind = "("+list+") IN (", ")"
	}
	st.sql(" WHERE ", before, "SELECT ", list, " FROM ", s.rel.sql(), " t WHERE ")
	if err := s.among(st, q); err != nil {
		return err
	}
	s.keyOrder(st.sql(behind, " ORDER BY "), q.Reverse)
	return nil
}

// among writes the condition of a walk, its order and its bounds.
func (s *shape) among(st *statement, q backends.Query) error {
	s.inScope(st, q.Where)
	if q.After != "" {
		st.sql(" AND ")
		if !s.keyAfter(st, q.After, q.Reverse) {
			return errPlace
		}
	}
	s.keyOrder(st.sql(" ORDER BY "), q.Reverse)
	bounds(st, q)
	return nil
}

// amongSorted is among for a walk in an order. A page of it is asked for in portions.
func (s *shape) amongSorted(st *statement, w *walker, q backends.Query) error {
	o, ok := s.ordering(*q.Sort)
	if !ok {
		return &backends.Error{Kind: backends.ErrInvalid, Attr: q.Sort.Attr, Detail: "The database cannot order records by this attribute as it must."}
	}
	of := whole
	if w.exact && q.Limit > 0 && q.Limit <= pageful && q.Skip == 0 {
		turns := o.portions(q)
		of, w.turns = turns[min(w.turn, len(turns)-1)], len(turns)
	}
	s.inScope(st, q.Where)
	if !s.behind(st, o, q, of) {
		return errPlace
	}
	s.orderBy(st, o, q.Sort.Descending, of)
	bounds(st, q)
	return nil
}

var errPlace = &backends.Error{Kind: backends.ErrInvalid, Detail: "The walk is to begin behind what cannot be a key, or cannot stand in this order."}

// bounds writes what is left out, and where a walk stops.
func bounds(st *statement, q backends.Query) {
	if q.Limit > 0 {
		st.sql(" LIMIT ").arg(int64(q.Limit), "bigint")
	}
	if q.Skip > 0 {
		st.sql(" OFFSET ").arg(int64(q.Skip), "bigint")
	}
}

// inScope writes that t belongs to the class, and a condition that holds wherever p does.
func (s *shape) inScope(st *statement, p backends.Predicate) {
	f, _ := s.lowering().above(p)
	switch {
	case len(s.class.where) == 0 && s.deleted == nil:
		f.to(st)
	case f.fixed == always:
		s.scope(st)
	default:
		f.to(s.scope(st).sql(" AND "))
	}
	for _, c := range s.key {
		for _, condition := range keyed(c) {
			st.sql(" AND ", condition)
		}
	}
}

// wants says whether a record is part of the walk, and takes from it what was not asked for.
func (w *walker) wants(r *backends.Record) bool {
	if w.turns > 1 { // who has got a value meanwhile, or lost it, may be in both portions
		if w.shown == nil {
			w.shown = map[backends.Key]bool{}
		}
		defer func() { w.shown[r.Key] = true }()
		if w.shown[r.Key] {
			return false
		}
	}
	if w.exact {
		return true
	}
	if !backends.Match(w.q.Where, *r) {
		return false
	}
	if w.skip > 0 {
		w.skip--
		return false
	}
	for _, attr := range w.extra {
		delete(r.Attrs, attr)
	}
	return true
}
