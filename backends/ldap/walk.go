package ldap

import (
	"context"
	"iter"
	"slices"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Walk yields the records of the class that q.Where holds for, page by page (RFC 2696), on a connection of its own. Where the directory cannot
// be asked q.Where whole, it is asked for more and the rest is tested here. sort.go has what an order is and costs.
func (c *class) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		in, err := c.d.contact(ctx)
		if err != nil {
			yield(backends.Record{}, err)
			return
		}
		if q.Sort != nil {
			c.walkInOrder(ctx, in, q, yield)
			return
		}
		for r, err := range c.entriesOf(ctx, in, q, nil) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// entriesOf is Walk under what the server says of itself; order is nil for none.
func (c *class) entriesOf(ctx context.Context, in *info, q backends.Query, order *sorting) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		f, exact := c.lowering(in).above(q.Where)
		if f == constant(false) {
			return
		}
		shown := c.view(in, q.Attrs)
		tested := shown
		if !exact {
			tested = c.view(in, slices.Concat(q.Attrs, backends.AttrsOf(q.Where)))
		}
		request := tested.request
		if order != nil {
			request = c.view(in, append(slices.Clone(request), order.by.Attr)).request
		}
		p := pager{c: c, filter: c.scoped(f), attrs: request, order: order}
		if exact {
			p.limit = q.Limit
		}
		n := 0
		for e, err := range p.entries(ctx) {
			if err != nil {
				yield(backends.Record{}, err)
				return
			}
			r, ok := shown.record(e)
			if !ok {
				continue
			}
			if !exact {
				if whole, _ := tested.record(e); !backends.Match(q.Where, whole) {
					continue
				}
			}
			c.names.put(r.Key, r.Name)
			if n++; !yield(r, nil) || n == q.Limit {
				return
			}
		}
	}
}

// Count counts the records of the class that p holds for.
func (c *class) Count(ctx context.Context, p backends.Predicate, limit int) (n int, exact bool, err error) {
	// One more than the limit tells "as many" from "more".
	q := backends.Query{Where: p}
	if limit > 0 {
		q.Limit = limit + 1
	}
	for _, err := range c.Walk(ctx, q) {
		if err != nil {
			return 0, false, err
		}
		n++
	}
	if limit > 0 && n > limit {
		return limit, false, nil
	}
	return n, true, nil
}

// pager reads the entries of one search in pages.
type pager struct {
	c      *class
	filter filter
	attrs  []string
	limit  int      // how many will be read; 0: all
	order  *sorting // nil: none
}

// entries yields the entries and gives the connection back as soon as the last page is here, before it is worked off.
func (p pager) entries(ctx context.Context) iter.Seq2[*goldap.Entry, error] {
	return func(yield func(*goldap.Entry, error) bool) {
		conn, page, err := p.first(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		clean := false
		defer func() {
			if conn != nil {
				p.c.d.pool.giveBack(conn, clean)
			}
		}()
		for {
			if page.last() {
				clean = true
				p.c.d.pool.giveBack(conn, clean)
				conn = nil
			}
			for _, e := range page.entries {
				if !yield(e, nil) {
					clean = conn != nil && p.abandon(ctx, conn, page.cookie)
					return
				}
			}
			if conn == nil {
				if page.limited {
					yield(nil, errCut)
				}
				return
			}
			if page, err = p.next(ctx, conn, page.cookie); err != nil {
				yield(nil, p.c.baseless(p.c.d.failed(ctx, err)))
				return
			}
			if p.order != nil {
				if err := p.order.goesOn(page); err != nil {
					clean = page.last() || p.abandon(ctx, conn, page.cookie)
					yield(nil, err)
					return
				}
			}
		}
	}
}

// page is one page of entries.
type page struct {
	found
	cookie []byte // where the next page begins
}

func (p page) last() bool { return len(p.cookie) == 0 }

// first opens a connection and reads the first page. A connection that lay idle may have died without a sign, and so may the next one; then
// another is tried, as read does. A page out of order is asked for once more: an entry may have changed between being sorted and being sent.
func (p pager) first(ctx context.Context) (*conn, page, error) {
	disorders := 0
	for tries := 0; ; tries++ {
		conn, err := p.c.d.pool.stream(ctx)
		if err != nil {
			return nil, page{}, p.c.d.away(ctx, err)
		}
		first, err := p.next(ctx, conn, nil)
		if err == nil && p.order != nil {
			err := p.order.begins(first)
			if err != nil {
				p.c.d.pool.giveBack(conn, first.last() || p.abandon(ctx, conn, first.cookie))
				if disorders++; disorders == 2 || first.limited {
					return nil, page{}, err
				}
				continue
			}
		}
		if err == nil {
			return conn, first, nil
		}
		p.c.d.pool.giveBack(conn, answered(err))
		if p.order != nil && answered(err) && !ofTheMoment(err) {
			return nil, page{}, &unsorted{cause: err}
		}
		if answered(err) || ctx.Err() != nil || tries == p.c.d.pool.size {
			return nil, page{}, p.c.baseless(p.c.d.failed(ctx, err))
		}
	}
}

// next is page, asked again while the directory is busy with an order.
func (p pager) next(ctx context.Context, conn *conn, cookie []byte) (got page, err error) {
	err = p.unlessBusy(ctx, func() error {
		got, err = p.page(ctx, conn, cookie)
		return err
	})
	return got, err
}

func (p pager) page(ctx context.Context, conn *conn, cookie []byte) (page, error) {
	size := p.c.d.cfg.PageSize
	if p.limit > 0 {
		size = min(size, p.limit)
	}
	if p.order != nil {
		size = max(size, min(p.c.d.cfg.PageSize, leastOrdered))
	}
	paging := goldap.NewControlPaging(uint32(size)) //nolint:gosec // at most 100,000
	paging.SetCookie(cookie)
	req := p.c.search(p.filter, p.attrs, p.controls(paging)...)
	f, err := readOn(ctx, p.c.d, conn, func(ctx context.Context, lc *goldap.Conn) (found, error) {
		return search(ctx, lc, req)
	})
	if err != nil {
		return page{}, err
	}
	p.c.referred(f)
	out := page{found: f}
	// A server that does not page sends everything at once, and no control.
	if answer, ok := goldap.FindControl(f.controls, goldap.ControlTypePaging).(*goldap.ControlPaging); ok && !f.limited {
		out.cookie = answer.Cookie
	}
	return out, nil
}

func (p pager) controls(paging goldap.Control) []goldap.Control {
	if p.order == nil {
		return []goldap.Control{paging}
	}
	return []goldap.Control{p.order.control, paging}
}

// abandon tells the server that no more pages are wanted (RFC 2696 §3: a page of size 0), so that the connection can serve another walk.
func (p pager) abandon(ctx context.Context, conn *conn, cookie []byte) bool {
	if ctx.Err() != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	paging := goldap.NewControlPaging(0)
	paging.SetCookie(cookie)
	err := p.unlessBusy(ctx, func() error {
		_, err := readOn(ctx, p.c.d, conn, func(ctx context.Context, lc *goldap.Conn) (found, error) {
			return search(ctx, lc, p.c.search(p.filter, p.attrs, p.controls(paging)...))
		})
		return err
	})
	return err == nil
}
