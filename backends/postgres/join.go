package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A join brings along who holds a record's name: the groups that somebody is in are read in the statement that reads him, and not in one behind it. What
// it finds is what Holders finds, as the database itself compares; where the two could differ nothing is joined.

// join is what a word of Join stands for.
type join struct {
	other *class
	attr  string
	attrs []string
}

// joins are those of a class, which are few: a mapping asks for the same again and again.
type joins struct {
	mu  sync.Mutex
	all []join
}

// joinMark begins the words of Join, and no name of an attribute.
const joinMark = "\x00join "

func isJoin(attr string) bool { return strings.HasPrefix(attr, joinMark) }

// Join gives a word for those of another class of the same database that hold a record's key in a set.
func (c *class) Join(other backends.Backend, attr string, attrs []string) string {
	o, ours := other.(*class)
	if !ours || o.d != c.d || o.tenant != c.tenant || slices.ContainsFunc(attrs, func(a string) bool { return a == "*" || a == "+" }) {
		return ""
	}
	j := join{o, attr, attrs}
	s, there := c.known(), o.known()
	if s == nil || there == nil {
		return ""
	}
	if set, _ := j.set(s, there); set == nil {
		return ""
	}
	c.joins.mu.Lock()
	defer c.joins.mu.Unlock()
	i := slices.IndexFunc(c.joins.all, func(k join) bool { return k.other == o && k.attr == attr && slices.Equal(k.attrs, attrs) })
	if i < 0 {
		i = len(c.joins.all)
		j.attrs = slices.Clone(attrs)
		c.joins.all = append(c.joins.all, j)
	}
	return joinMark + strconv.Itoa(i)
}

// join is what a word stands for; false for one that Join did not give.
func (c *class) join(word string) (join, bool) {
	i, err := strconv.Atoi(strings.TrimPrefix(word, joinMark))
	c.joins.mu.Lock()
	defer c.joins.mu.Unlock()
	if err != nil || i < 0 || i >= len(c.joins.all) {
		return join{}, false
	}
	return c.joins.all[i], true
}

// meet makes sure that the catalog has been asked for the other sides of joins.
func (c *class) meet(ctx context.Context, attrs []string) error {
	for _, attr := range attrs {
		if !isJoin(attr) {
			continue
		}
		if j, ok := c.join(attr); ok {
			if _, err := j.other.shape(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetAll is forget for the other sides of joins, too.
func (c *class) forgetAll() {
	c.forget()
	c.joins.mu.Lock()
	defer c.joins.mu.Unlock()
	for _, j := range c.joins.all {
		j.other.forget()
	}
}

// set is what holds the names, and which of its columns can; nil where the database may compare otherwise than the attribute does, or no join is simple.
func (j join) set(s, there *shape) (*set, []int) {
	p, ok := there.find(j.attr)
	if !ok || p.set == nil || p.set.rows() || len(s.key) != 1 || len(there.key) != 1 || len(p.set.on) != 1 || !alikeKeys(p.set.on[0], there.key[0]) {
		return nil, nil
	}
	var columns []int
	for i, c := range p.set.columns {
		switch {
		case !c.readable:
			return nil, nil
		case alikeKeys(c, s.key[0]):
			columns = append(columns, i)
		case apartKeys(c, s.key[0]):
		default:
			return nil, nil
		}
	}
	if len(columns) == 0 {
		return nil, nil
	}
	return p.set, columns
}

// apartKeys says that no text of one column is one of the other.
func apartKeys(a, b *column) bool {
	return !a.array && !b.array && (a.family == uuid && b.family == integer || a.family == integer && b.family == uuid)
}

// alikeKeys says that two columns are equal where their texts are.
func alikeKeys(a, b *column) bool {
	if a.array || b.array || a.family != b.family {
		return false
	}
	switch a.family {
	case uuid, integer:
		return true
	case text:
		plain := a.typ == "text" || a.typ == "character varying" // the blanks of char(n) are no part of it
		return plain && a.typ == b.typ && a.collation == b.collation && a.collation.deterministic
	case foreign, citext, decimal, boolean, instant, date, enum, address, bytes, document:
	}
	return false
}

// broughtAlong is where a view has those of a join.
type broughtAlong struct {
	word, attr string
	at         int // of the answer's columns
	view       *view
}

// join writes the records of another class that hold t's key: a JSON array for each, of the texts of its columns. The record of the other class is called t
// in there, for its conditions.
func (v *view) join(st *statement, word string) {
	j, ok := v.s.class.join(word)
	if !ok || st.alone {
		return
	}
	there := j.other.known()
	if there == nil {
		return
	}
	set, columns := j.set(v.s, there)
	if set == nil {
		return
	}
	st.sql(", (SELECT (SELECT json_agg(json_build_array(")
	held := there.listRecord(st, j.attrs)
	st.sql(") ORDER BY ")
	there.keyOrder(st, false)
	st.sql(")::text FROM ", there.rel.sql(), " t WHERE ")
	there.scope(st).sql(" AND ", of("t", there.key[0]), " IN (") // as a join, which finds each by its key: an array of unknown length makes the planner read all
	for n, i := range columns {
		c := set.columns[i]
		if n > 0 {
			st.sql(" UNION ALL ")
		}
		st.sql("SELECT ", of("r", set.on[0]), " FROM ", set.rel.sql(), " AS r WHERE ", of("r", c), " = ", holdersAs, ".", keyAlias(0))
		for _, f := range set.fixed {
			st.sql(" AND ", of("r", f.column), " = ").arg(f.value, f.column.typ)
		}
		for _, earlier := range set.columns[:i] { // a row's value is that of the first column that has one
			st.sql(" AND ", of("r", earlier), " IS NULL")
		}
	}
	st.sql(")) FROM (SELECT ", of("t", v.s.key[0]), " AS ", keyAlias(0), ") AS ", holdersAs, ")")
	v.joined = append(v.joined, broughtAlong{word, j.attr, len(v.columns), held})
	v.columns = append(v.columns, "join "+word)
}

// hold reads those of joins. raw is the answer behind version and key.
func (v *view) hold(r *backends.Record, raw [][]byte) error {
	if len(v.joined) == 0 {
		return nil
	}
	r.Held = make(map[string][]backends.Record, len(v.joined))
	for _, j := range v.joined {
		var rows [][]*string
		if text := raw[j.at]; text != nil {
			var err error
			if rows, err = tables(text); err != nil {
				return &illegibleError{key: r.Key, attr: j.attr, cause: err}
			}
		}
		held := make([]backends.Record, 0, len(rows))
		for _, row := range rows {
			texts := make([][]byte, len(row))
			for i, t := range row {
				if t != nil {
					texts[i] = []byte(*t)
				}
			}
			other, err := j.view.recordOf(texts)
			if err != nil {
				return err
			}
			if !j.view.keyless(other) {
				held = append(held, other)
			}
		}
		r.Held[j.word] = held
	}
	return nil
}
