package embedded

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// The scopes of a search; subordinates are those of draft-sermersheim-ldap-subordinate-scope, which slapd has.
const (
	scopeBase int64 = iota
	scopeOne
	scopeSubtree
	scopeSubordinates
)

// searchRequest is a search as it came.
type searchRequest struct {
	base      string
	ndn       string
	scope     int64
	sizeLimit int64
	timeLimit int64
	typesOnly bool
	filter    filter
	attrs     []string
}

func (s *store) decodeSearch(p *ber.Packet) (searchRequest, error) {
	if len(p.Children) != 8 {
		return searchRequest{}, errMessage
	}
	q := searchRequest{base: text(p.Children[0])}
	var ok [4]bool
	q.scope, ok[0] = p.Children[1].Value.(int64)
	q.sizeLimit, ok[1] = p.Children[3].Value.(int64)
	q.timeLimit, ok[2] = p.Children[4].Value.(int64)
	q.typesOnly, ok[3] = p.Children[5].Value.(bool)
	if slices.Contains(ok[:], false) || q.sizeLimit < 0 || q.timeLimit < 0 {
		return q, errMessage
	}
	if q.scope < scopeBase || q.scope > scopeSubordinates {
		return q, refuse(ProtocolError, "invalid scope")
	}
	var err error
	if _, q.ndn, err = s.parseDN(q.base); err != nil {
		return q, err
	}
	for _, a := range p.Children[7].Children {
		q.attrs = append(q.attrs, text(a))
	}
	q.filter, err = s.compile(p.Children[6], 0)
	return q, err
}

// in says whether an entry lies in the search's scope.
func (q searchRequest) in(e *entry) bool {
	switch q.scope {
	case scopeBase:
		return e.ndn == q.ndn
	case scopeOne:
		return parentOf(e.ndn) == q.ndn && e.ndn != q.ndn
	case scopeSubordinates:
		return below(e.ndn, q.ndn) && e.ndn != q.ndn
	default:
		return below(e.ndn, q.ndn)
	}
}

// search answers with entries, each a message, and the reply that ends them.
func (c *conn) search(ctx context.Context, m message) (reply, error) {
	st := c.srv.store
	ctl, err := st.understand(m)
	if err != nil {
		return reply{}, err
	}
	q, err := st.decodeSearch(m.op)
	if err != nil {
		return reply{}, err
	}
	out := &answer{conn: c, id: m.id, query: q, secrets: c.identity().admin}
	if special, ok := c.srv.special(q); ok {
		out.special(special)
		out.flush()
		return reply{}, nil
	}
	if err := c.mayRead(); err != nil {
		return reply{}, err
	}
	candidates, err := st.candidates(q, ctl)
	if err != nil {
		return reply{}, err
	}
	var sorted []rawControl
	if ctl.sort != nil {
		if ctl.paged != nil && ctl.paged.cookie != "" {
			candidates = nil // the first page has put them in order
		}
		var code Code
		candidates, code, err = st.sorted(q, *ctl.sort, candidates)
		sorted = []rawControl{sortResult(code)}
		if err != nil {
			return reply{controls: sorted}, err
		}
		if m.unsorted {
			slices.SortFunc(candidates, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
		}
	}
	if q.timeLimit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(min(q.timeLimit, math.MaxInt32))*time.Second)
		defer cancel()
	}
	out.limit = c.srv.limit(q.sizeLimit)
	if ctl.paged != nil {
		r, err := c.searchPage(ctx, out, *ctl.paged, candidates)
		r.controls = append(r.controls, sorted...)
		return r, err
	}
	for _, e := range candidates {
		if err := out.consider(ctx, e); err != nil {
			out.flush()
			return reply{}, err
		}
	}
	out.flush()
	return reply{controls: sorted}, nil
}

// limit is the smaller of what the client and what the server allows.
func (s *Server) limit(asked int64) int64 {
	limit := int64(math.MaxInt64)
	if asked > 0 {
		limit = asked
	}
	if s.config.SizeLimit > 0 {
		limit = min(limit, int64(s.config.SizeLimit))
	}
	return limit
}

// candidates are the entries that a search has to look at, as they are now. The base must exist, and pass the assertion if there is one.
func (s *store) candidates(q searchRequest, ctl controls) ([]*entry, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	base, ok := s.byDN[q.ndn]
	if !ok {
		return nil, &resultError{code: NoSuchObject, matched: s.nearest(q.ndn)}
	}
	if ctl.assertion != nil && ctl.assertion.eval(base) != isTrue {
		return nil, refuse(AssertionFailed, "assertion failed")
	}
	if q.scope == scopeBase {
		return []*entry{base}, nil
	}
	if found, ok := s.narrow(q.filter); ok {
		return found, nil
	}
	return s.all(), nil
}

// narrow finds a short list of entries that holds all for which a filter may be true, with the help of the indexes.
func (s *store) narrow(f filter) ([]*entry, bool) {
	switch f := f.(type) {
	case test:
		if f.equality && len(f.options) == 0 {
			return s.lookup(f.typ, f.normal)
		}
	case andFilter:
		var best []*entry
		narrowed := false
		for _, term := range f {
			if found, ok := s.narrow(term); ok && (!narrowed || len(found) < len(best)) {
				best, narrowed = found, true
			}
		}
		return best, narrowed
	case orFilter:
		return s.union(f)
	case constFilter:
		return nil, truth(f) != isTrue
	}
	return nil, false
}

func (s *store) union(terms orFilter) ([]*entry, bool) {
	var out []*entry
	for _, term := range terms {
		found, ok := s.narrow(term)
		if !ok {
			return nil, false
		}
		out = append(out, found...)
	}
	slices.SortFunc(out, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	return slices.CompactFunc(out, func(a, b *entry) bool { return a.id == b.id }), true
}

// answer collects a search's entries and sends them in large pieces.
type answer struct {
	conn    *conn
	id      int64
	query   searchRequest
	secrets bool // the client may see passwords
	limit   int64
	sent    int64
	seen    int
	buf     []byte
}

const flushAt = 64 << 10

// consider sends an entry if it is in scope and the filter is true for it. It stops at the size limit, at the time limit, and when the
// client is gone.
func (a *answer) consider(ctx context.Context, e *entry) error {
	if a.seen++; a.seen%256 == 1 && ctx.Err() != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return refuse(TimeLimitExceeded, "")
		}
		return ctx.Err()
	}
	if !a.query.in(e) || a.query.filter.eval(e) != isTrue {
		return nil
	}
	if a.sent == a.limit {
		return refuse(SizeLimitExceeded, "")
	}
	a.sent++
	attrs := a.conn.srv.store.selected(e, a.query.attrs, a.secrets)
	a.put(e.dn.String(), attrs)
	return nil
}

func (a *answer) put(dn string, attrs []Attr) {
	if a.query.typesOnly {
		for i := range attrs {
			attrs[i].Values = nil
		}
	}
	a.buf = append(a.buf, envelope(a.id, encodeEntry(dn, attrs), nil)...)
	if len(a.buf) >= flushAt {
		a.flush()
	}
}

func (a *answer) flush() {
	if len(a.buf) > 0 {
		a.conn.send(a.buf)
		a.buf = nil
	}
}
