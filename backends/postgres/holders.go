package postgres

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// oddly is how many names that the database compares in no common way one statement asks for, each by a condition of its own.
const oddly = 100

// Holders finds who has each of the names in an attribute: one statement for all names, which joins them with what the attribute is kept in and reads none of
// its other values. Only names that the type's own equality does not compare as the attribute does are asked for apart.
func (c *class) Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	h := &holders{attr: attr, names: slices.Compact(slices.Sorted(slices.Values(names))), held: map[string][]backends.Record{}}
	ask := func(write func(s *shape, st *statement)) error {
		var v *view
		err := c.d.read(ctx, c, func(s *shape, st *statement) error {
			from := &statement{}
			if write(s, from); len(from.args) == 0 {
				return errNothing
			}
			st.args = from.args
			v = s.selectRecord(st, attrs, holdersAs+"."+placesAs+"::text")
			st.sql(" JOIN (SELECT ", list(len(s.key), keyAlias), ", array_agg(u.n) AS ", placesAs, " FROM (", from.String(), ") u GROUP BY ", list(len(s.key), keyAlias), ") AS ", holdersAs)
			for i, k := range s.key {
				st.sql(map[bool]string{true: " ON ", false: " AND "}[i == 0], of("t", k), k.equals(), holdersAs, ".", keyAlias(i))
			}
			st.sql(" WHERE ")
			s.scope(st).sql(" ORDER BY ")
			s.keyOrder(st, false)
			return nil
		}, func(rows pgx.Rows) error { return h.take(v, rows) })
		if errors.Is(err, errNothing) {
			return nil
		}
		return err
	}
	if err := ask(h.together); err != nil {
		return nil, err
	}
	for some := range slices.Chunk(h.odd, oddly) {
		if err := ask(func(s *shape, st *statement) { h.apart(s, st, some) }); err != nil {
			return nil, err
		}
	}
	for _, walked := range h.walked {
		for rec, err := range c.Walk(ctx, backends.Query{Where: walked, Attrs: attrs}) {
			if err != nil {
				return nil, err
			}
			h.held[walked.Value.Text()] = append(h.held[walked.Value.Text()], rec)
		}
	}
	return h.held, nil
}

// holdersAs and keyAlias name what is joined with the record: no column of a table is called so, which a condition of the configuration could mean.
const (
	holdersAs = `"scim holders"`
	placesAs  = `"scim places"`
)

func keyAlias(i int) string { return `"scim key ` + strconv.Itoa(i) + `"` }

func list(n int, name func(int) string) string {
	names := make([]string, n)
	for i := range names {
		names[i] = name(i)
	}
	return strings.Join(names, ", ")
}

// holders is what is known of the names' holders. A name is called by its place among them.
type holders struct {
	attr   string
	names  []string
	odd    []int         // names that are asked for apart
	walked []backends.Eq // that the database does not compare truly
	held   map[string][]backends.Record
}

// take reads a record, and which names it holds.
func (h *holders) take(v *view, rows pgx.Rows) error {
	r, err := v.record(rows)
	if err != nil || v.keyless(r) {
		return err
	}
	raw := rows.RawValues()
	places := strings.Split(strings.Trim(string(raw[len(raw)-1]), "{}"), ",")
	slices.Sort(places)
	for _, place := range slices.Compact(places) {
		n, err := strconv.Atoi(place)
		if err != nil {
			return err
		}
		h.held[h.names[n]] = append(h.held[h.names[n]], r)
	}
	return nil
}

// alike are names that are compared with one column in one way.
type alike struct {
	column int    // of a set
	typ    string // that the literals have for its own =; "" where that is not asked
	shown  bool   // by what the values are shown as
}

// group is their literals.
type group struct {
	texts  []string
	places []int64
}

// together writes which keys hold which of the names, for those that one join finds.
func (h *holders) together(s *shape, st *statement) {
	h.odd, h.walked = nil, nil // the statement may be written twice
	p, ok := s.place(h.attr)
	if !ok {
		return
	}
	columns := []*column{p.column}
	if p.set != nil {
		columns = p.set.columns
	}
	groups := map[alike]*group{}
	for i, name := range h.names {
		if !h.sort(s, p, columns, i, name, groups) {
			h.odd = append(h.odd, i)
		}
	}
	order := slices.SortedFunc(maps.Keys(groups), func(a, b alike) int {
		return cmp.Or(cmp.Compare(a.column, b.column), strings.Compare(a.typ, b.typ))
	})
	for i, like := range order {
		if i > 0 {
			st.sql(" UNION ALL ")
		}
		s.join(st, p, columns[like.column], like, groups[like])
	}
}

// sort puts a name to those that are compared like it; false where there are none.
func (h *holders) sort(s *shape, p place, columns []*column, n int, name string, groups map[alike]*group) bool {
	if p.set != nil && p.set.rows() || len(p.path) > 0 {
		return false
	}
	type found struct {
		like alike
		text string
	}
	var all []found
	eq := backends.Simplify(backends.Eq{Attr: h.attr, Value: backends.String(name), Rule: s.equality(h.attr)})
	if _, nobody := eq.(backends.False); nobody {
		return true // it cannot be read under the attribute's rule
	}
	for i, c := range columns {
		one := *c
		one.array = false
		f, ok := s.compare(operand{code("v.x"), &one}, eq)
		switch {
		case ok && f.fixed == never:
			continue
		case !ok || f.equals == nil && f.shown == nil:
			return false
		case f.equals == nil:
			all = append(all, found{alike{column: i, shown: true}, *f.shown})
			continue
		}
		like := alike{i, f.equals.typ, f.shown != nil}
		switch literal := f.equals.value.(type) {
		case string:
			all = append(all, found{like, literal})
		case int64:
			all = append(all, found{like, strconv.FormatInt(literal, 10)})
		case time.Time:
			all = append(all, found{like, literal.Format(time.RFC3339Nano)})
		default:
			return false
		}
	}
	for _, f := range all {
		if groups[f.like] == nil {
			groups[f.like] = &group{}
		}
		g := groups[f.like]
		g.texts, g.places = append(g.texts, f.text), append(g.places, int64(n))
	}
	return true
}

// join writes a SELECT of keys and the places of the names that their records hold in a column.
func (s *shape) join(st *statement, p place, c *column, like alike, g *group) {
	alias, keys := "t", s.key
	if p.set != nil {
		alias, keys = "r", p.set.on
	}
	st.sql("SELECT ")
	for i, key := range keys {
		st.sql(of(alias, key), " AS ", keyAlias(i), ", ")
	}
	st.sql("v.n FROM ")
	if p.set != nil {
		st.sql(p.set.rel.sql())
	} else {
		st.sql(s.rel.sql())
	}
	st.sql(" AS ", alias)
	value := of(alias, c)
	if c.array {
		value = "e.x"
		st.sql(" CROSS JOIN LATERAL unnest(", of(alias, c), ") AS e(x)")
	}
	// The texts are cast before they are joined: a cast in the join itself could tell of the rows, and under row-level security no index would serve it.
	st.sql(" JOIN unnest(").arg(g.texts, "text[]")
	if like.typ != "" {
		st.sql("::", like.typ, "[]")
	}
	st.sql(", ").arg(g.places, "bigint[]")
	on := value + c.equals() + "v.x"
	if like.shown {
		element := *c
		element.array = false
		text := &statement{}
		shownAs(operand{code(value), &element}).to(text)
		shown := text.String() + ` COLLATE "C" = v.`
		if like.typ == "" {
			on = shown + "x"
		} else {
			st.sql(", ").arg(g.texts, "text[]")
			on += " AND " + shown + "s"
		}
	}
	st.sql(") AS v(x, n", map[bool]string{true: ", s"}[like.shown && like.typ != ""], ") ON ", on)
	if c.array && like.typ != "" { // what an index on the array serves
		st.sql(" AND ", of(alias, c), " && ").arg(g.texts, "text[]").sql("::", c.typ, "[]")
	}
	if p.set == nil {
		return
	}
	for _, f := range p.set.fixed {
		st.sql(" AND ", of(alias, f.column), " = ").arg(f.value, f.column.typ)
	}
	for _, earlier := range p.set.columns[:like.column] { // a row's value is that of the first column that has one
		st.sql(" AND ", of(alias, earlier), " IS NULL")
	}
}

// apart writes the same for some names with a condition on the record for each.
func (h *holders) apart(s *shape, st *statement, some []int) {
	for _, n := range some {
		name := backends.Eq{Attr: h.attr, Value: backends.String(h.names[n]), Rule: s.equality(h.attr)}
		f, exact := s.lowering().above(name)
		switch {
		case f.fixed == never:
			continue
		case !exact:
			if !slices.Contains(h.walked, name) {
				h.walked = append(h.walked, name)
			}
			continue
		}
		st.sql(map[bool]string{true: "SELECT ", false: " UNION ALL SELECT "}[len(st.args) == 0])
		for i, key := range s.key {
			st.sql(of("t", key), " AS ", keyAlias(i), ", ")
		}
		st.arg(int64(n), "bigint").sql(" AS n FROM ", s.rel.sql(), " t WHERE ")
		f.to(st)
	}
}
