package postgres

import (
	"slices"
	"strings"
	"sync"
)

// mostLists is how many lists a shape remembers; more of them are forgotten, all at once.
const mostLists = 1000

// lists remembers what is selected for which attributes: most requests ask for the same. A list is of its shape, and is forgotten with it.
type lists struct {
	mu    sync.Mutex
	known map[string]listed
}

// listed is a list and what makes records of it, which nobody changes.
type listed struct {
	sql  string
	args []any
	view *view
}

// current says that the other sides of joins are as they were when the list was made.
func (l listed) current() bool {
	return !slices.ContainsFunc(l.view.joined, func(j broughtAlong) bool { return j.view.s != j.view.s.class.known() })
}

// listed is listRecord for a statement that begins with it.
func (s *shape) listed(st *statement, attrs []string) *view {
	if len(st.args) > 0 || s.lists == nil {
		return s.listRecord(st, attrs)
	}
	name := strings.Join(attrs, "\x00,")
	if st.alone {
		name += "\x00alone"
	}
	s.lists.mu.Lock()
	l, ok := s.lists.known[name]
	s.lists.mu.Unlock()
	if !ok || !l.current() {
		fresh := &statement{alone: st.alone}
		l.view = s.listRecord(fresh, attrs)
		l.sql, l.args = fresh.String(), fresh.args
		if joins := len(slices.DeleteFunc(slices.Clone(attrs), func(a string) bool { return !isJoin(a) })); st.alone || joins == len(l.view.joined) {
			s.lists.keep(name, l)
		}
	}
	st.sql(l.sql)
	st.args = slices.Clone(l.args)
	return l.view
}

func (l *lists) keep(name string, made listed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= mostLists {
		l.known = map[string]listed{}
	}
	l.known[name] = made
}
