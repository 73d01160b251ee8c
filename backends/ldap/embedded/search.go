package embedded

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
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
	if q.timeLimit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(min(q.timeLimit, math.MaxInt32))*time.Second)
		defer cancel()
	}
	out.limit = c.srv.limit(q.sizeLimit)
	if ctl.paged != nil {
		return c.searchPage(ctx, out, *ctl.paged, candidates)
	}
	for _, e := range candidates {
		if err := out.consider(ctx, e); err != nil {
			out.flush()
			return reply{}, err
		}
	}
	out.flush()
	return reply{}, nil
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
		any := false
		for _, term := range f {
			if found, ok := s.narrow(term); ok && (!any || len(found) < len(best)) {
				best, any = found, true
			}
		}
		return best, any
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
	slices.SortFunc(out, func(a, b *entry) int { return int(a.id) - int(b.id) })
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
		if a.conn.ctx.Err() == nil && ctx.Err() == context.DeadlineExceeded {
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

// pageState is the rest of a paged search: the entries that were there when it began, and where the next page goes on. Like slapd, the
// server remembers one for each connection.
type pageState struct {
	cookie string
	ids    []uint64
	sent   int64
	query  string
}

// searchPage sends one page (RFC 2696). What was deleted since the search began is passed over and the page filled from what follows, so a
// walk shows every entry that is there throughout exactly once.
func (c *conn) searchPage(ctx context.Context, out *answer, page pageRequest, candidates []*entry) (reply, error) {
	st, err := c.takePage(page, out.query, candidates)
	if err != nil {
		return reply{}, err
	}
	done := func(cookie string) reply { return reply{controls: []rawControl{pageControl(cookie)}} }
	if page.size == 0 { // the client has had enough
		return done(""), nil
	}
	size := min(page.size, c.srv.limit(0))
	total := int64(math.MaxInt64)
	if out.query.sizeLimit > 0 {
		total = out.query.sizeLimit - st.sent
	}
	out.limit = min(size, total)
	for len(st.ids) > 0 {
		if e, ok := c.srv.store.current(st.ids[0]); ok {
			err := out.consider(ctx, e)
			if full := out.sent == out.limit && resultOf(err).code == SizeLimitExceeded; full && size <= total && out.sent == size {
				break
			}
			if err != nil {
				out.flush()
				return done(""), err
			}
		}
		st.ids = st.ids[1:]
	}
	out.flush()
	if len(st.ids) == 0 {
		return done(""), nil
	}
	st.sent += out.sent
	return done(c.keepPage(st)), nil
}

// takePage finds the state that a cookie stands for, or begins.
func (c *conn) takePage(page pageRequest, q searchRequest, candidates []*entry) (*pageState, error) {
	key := fmt.Sprint(q.ndn, q.scope, q.attrs, q.typesOnly)
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.page
	c.page = nil
	if page.cookie == "" {
		st = &pageState{query: key}
		for _, e := range candidates {
			st.ids = append(st.ids, e.id)
		}
		return st, nil
	}
	if st == nil || st.cookie != page.cookie || st.query != key {
		return nil, refuse(UnwillingToPerform, "paged results cookie is invalid")
	}
	return st, nil
}

func (c *conn) keepPage(st *pageState) string {
	st.cookie = strconv.FormatUint(st.ids[0], 36) + "." + strconv.FormatInt(st.sent, 36)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page = st
	return st.cookie
}

func (c *conn) abandonPage() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page = nil
}

// selected are the attributes of an entry that a list of names asks for (RFC 4511 §4.5.1.8): nothing or * for what users write, + for the
// directory's own, 1.1 for none, @class for those of a class, and names with all below them.
func (s *store) selected(e *entry, names []string, secrets bool) []Attr {
	want := s.selection(names)
	out := []Attr{}
	for _, a := range e.attrs {
		if want(a.description) && (secrets || !isPassword(a.description)) {
			out = append(out, Attr{a.String(), a.values})
		}
	}
	for _, computed := range []Attr{
		{"subschemaSubentry", []string{subschemaDN}},
		{"hasSubordinates", []string{subordinates(s, e)}},
	} {
		if d, ok := s.describe(computed.Name); ok && want(d) {
			out = append(out, computed)
		}
	}
	return out
}

func (s *store) selection(names []string) func(description) bool {
	user, operational := len(names) == 0, false
	var listed []description
	for _, name := range names {
		switch {
		case name == "*":
			user = true
		case name == "+":
			operational = true
		case strings.HasPrefix(name, "@"):
			for _, attr := range append(s.schema.Must(name[1:]), s.schema.May(name[1:])...) {
				if d, ok := s.describe(attr); ok {
					listed = append(listed, d)
				}
			}
		default:
			if d, ok := s.describe(name); ok {
				listed = append(listed, d)
			}
		}
	}
	return func(d description) bool {
		if d.typ.Operational() && operational || !d.typ.Operational() && user {
			return true
		}
		return slices.ContainsFunc(listed, func(l description) bool { return l.covers(d) })
	}
}
