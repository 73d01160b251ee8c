package embedded

import (
	"context"
	"fmt"
	"math"
	"strconv"
)

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
			if resultOf(err).code == SizeLimitExceeded && size <= total {
				break // the page is full, the search is not at its limit: the next page begins here
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
