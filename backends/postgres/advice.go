package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// advice is an index that would serve.
type advice struct {
	on     string // what it is an index on: lower(username)
	create string // the statement that makes it
}

// many is how many rows are worth a word on their being read one by one.
const many = 1000

// adviceFor says what would serve the tests of p for which a step reads rows one by one, or that nothing as the table is would.
func (s *shape) adviceFor(n scan, p backends.Predicate) []string {
	if !n.whole && n.reads < many || n.soon() {
		return nil
	}
	var lines []string
	for _, a := range s.advise(n.planNode, p) {
		how := " is read whole"
		if !n.whole {
			how = fmt.Sprintf(": about %.0f rows are read one by one", n.reads)
		}
		lines = append(lines, n.Relation+how+": an index on "+a.on+" would serve: "+a.create)
	}
	if len(lines) > 0 || len(s.adviseBound(n.planNode, p)) > 0 || n.reads < many {
		return lines
	}
	var attrs []string
	for _, attr := range backends.AttrsOf(p) {
		at, ok := s.place(attr)
		rel := s.rel
		if ok && at.set != nil {
			rel = at.set.rel
		}
		if ok && rel.name == n.Relation && rel.schema == n.Schema {
			attrs = append(attrs, attr)
		}
	}
	if len(attrs) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: about %.0f rows are read one by one, for no index serves this test of %s; where it is often made, a column of its own with an index would help",
		n.Relation, n.reads, strings.Join(attrs, ", "))}
}

// advise says which indexes would serve the tests of p that look at a table which is read whole. What has such an index already is read whole for other
// reasons: the table is small, or most of it is wanted.
func (s *shape) advise(scan planNode, p backends.Predicate) []advice {
	var all []advice
	s.lowering().eachTest(p, func(at place, leaf backends.Predicate) {
		rel, columns := s.rel, []*column{at.column}
		if at.set != nil {
			rel, columns = at.set.rel, at.set.columns
		}
		if rel.name != scan.Relation || rel.schema != scan.Schema {
			return
		}
		for _, c := range columns {
			method, key := s.indexFor(c, at.path, leaf)
			if key == "" || rel.hasIndex(method, key, s.lookedUpBy(scan)) || s.unserved(rel, c, at.path, leaf) != "" {
				continue
			}
			using := ""
			if method != "btree" {
				using = "USING " + method + " "
			}
			create := "CREATE INDEX ON " + rel.sql() + " " + using + "(" + key + ")"
			if !slices.ContainsFunc(all, func(a advice) bool { return a.create == create }) {
				all = append(all, advice{on: key, create: create})
			}
		}
	})
	return all
}

// adviseBound says of the tests of p that look at a table through a filter why no index on what they compare can serve, because of a policy, and what would.
func (s *shape) adviseBound(scan planNode, p backends.Predicate) []string {
	var all []string
	s.lowering().eachTest(p, func(at place, leaf backends.Predicate) {
		rel, columns := s.rel, []*column{at.column}
		if at.set != nil {
			rel, columns = at.set.rel, at.set.columns
		}
		if rel.name != scan.Relation || rel.schema != scan.Schema {
			return
		}
		for _, c := range columns {
			if line := s.unserved(rel, c, at.path, leaf); line != "" && !slices.Contains(all, line) {
				all = append(all, line)
			}
		}
	})
	return all
}

// bound says that row-level security binds the adapter's role on a table.
func (c *class) bound(r *relation) bool {
	f := c.present.Load()
	return f != nil && r.rls && !f.role.superuser && !f.role.bypass && (r.forced || !r.owned)
}

// unserved says why no index on what a test compares can serve it; "" where one could. Ahead of a policy the planner uses an index only for comparisons that are
// LEAKPROOF, which a superuser alone can say of a function.
func (s *shape) unserved(rel *relation, c *column, path []string, leaf backends.Predicate) string {
	t, ok := testOf(leaf)
	at, _ := s.onKept(c, leaf)
	method, key := s.indexFor(c, path, leaf)
	switch {
	case !s.class.bound(rel) || key == "":
	case method == "gin" && c.family != document:
		return rel.sql() + " has row-level security, and what looks into " + ident(c.name) + " is not LEAKPROOF: no index on it serves this role"
	case at != c:
	case c.family == document:
		return rel.sql() + " has row-level security, and what looks into a document is not LEAKPROOF: no index on " + ident(c.name) +
			" serves this role; a column of its own for what is searched, with an index, would"
	case ok && method == "btree" && t.rule == backends.CaseIgnore && (c.family == text || c.family == citext):
		folded := ident(c.name + "_folded")
		if lower := s.lowerOf(c); lower != "" {
			return rel.sql() + " has row-level security, and without regard to letter case " + ident(c.name) + " is compared by what is not LEAKPROOF: no index on " + key +
				" serves this role; a stored generated column with an index would: ALTER TABLE " + rel.sql() + " ADD COLUMN " + folded +
				` text COLLATE "C" GENERATED ALWAYS AS (` + lower + ") STORED; CREATE INDEX ON " + rel.sql() + " (" + folded + ")"
		}
	}
	return ""
}

// lowerOf is a column's lower case as the matcher has it, in SQL that a table can be made with; "" for none that anybody would want to read.
func (s *shape) lowerOf(c *column) string {
	x := ident(c.name)
	if !plainText(c) {
		x += "::text"
	}
	best, ok := s.folding.letters[s.folding.best]
	switch {
	case s.folding.same(c.collation):
		return "lower(" + x + ")"
	case !ok || len(best.differ) > mostTranslated:
		return ""
	case len(best.differ) > 0:
		x = "translate(" + x + ", '" + best.from + "', '" + best.to + "')"
	}
	return "lower(" + x + " COLLATE " + s.folding.best + ")"
}

const mostTranslated = 20

// eachTest visits the tests of a predicate that are not negated, those of rows in a table of their own too: of these, place is the column.
func (l lowering) eachTest(p backends.Predicate, visit func(place, backends.Predicate)) {
	switch p := backends.Simplify(p).(type) {
	case backends.And:
		for _, term := range p {
			l.eachTest(term, visit)
		}
	case backends.Or:
		for _, term := range p {
			l.eachTest(term, visit)
		}
	case backends.Some:
		at, ok := l.find(p.Attr)
		switch {
		case !ok:
		case at.set == nil:
			visit(at, p)
		default:
			l.inRow(at.set).eachTest(p.Where, func(in place, leaf backends.Predicate) {
				visit(place{attr: in.attr, set: &set{rel: at.set.rel, columns: []*column{in.column}}}, leaf)
			})
		}
	case backends.Not, backends.True, backends.False, backends.KeyIn, backends.Present, backends.AllBits:
	default:
		if at, ok := l.find(backends.AttrsOf(p)[0]); ok {
			visit(at, p)
		}
	}
}

// indexFor is the index that serves a test, as what stands in the parentheses of CREATE INDEX; "" for none.
func (s *shape) indexFor(c *column, path []string, leaf backends.Predicate) (method, key string) {
	c, leaf = s.onKept(c, leaf)
	name := ident(c.name)
	if c.family == document {
		some, isSome := leaf.(backends.Some)
		eq, isEq := leaf.(backends.Eq)
		if c.typ == "jsonb" && len(path) > 0 && (isSome && jsonFilter(some.Where) != "" || isEq && byLetter(eq.Rule)) {
			return "gin", name + " jsonb_path_ops"
		}
		return "", ""
	}
	t, ok := testOf(leaf)
	f, exact := s.compare(operand{code(name), c}, leaf)
	switch {
	case !ok || !exact || f.fixed != open || f.cast:
		return "", ""
	case c.array && f.equals != nil:
		return "gin", name
	case c.array:
		return "", ""
	case c.family != text && c.family != citext:
		if t.piece() {
			return "", ""
		}
		return "btree", name
	case t.rule == backends.CaseIgnore:
		return s.indexForFolded(c, t)
	case !byLetter(t.rule):
		return "", ""
	}
	return textIndex(name, c.collation.name == collationC, t)
}

func (s *shape) indexForFolded(c *column, t test) (method, key string) {
	literal := backends.Normalize(t.rule, t.text)
	if c.family == citext && t.op == equals && s.folding.agrees(s.folding.byDefault(), literal) {
		return "btree", ident(c.name)
	}
	x := code(ident(c.name))
	if !plainText(c) {
		x = code("(", ident(c.name), "::text)")
	}
	lower, ok := s.folding.lower(x, c.collation, t, literal)
	if t.op == equals {
		if _, known := s.folding.imagesOf(c.collation, literal); known {
			lower = code("lower(").add(x).sql(")")
		}
	}
	st := &statement{}
	if lower.to(st); !ok || len(st.args) > 0 {
		return "", "" // an index could serve, and would have to spell out which letters are translated
	}
	return textIndex(st.String(), false, t)
}

// textIndex is the index on a text, or on an expression, that serves a test.
func textIndex(x string, inC bool, t test) (method, key string) {
	switch {
	case t.op == equals || inC && (t.op == begins || t.orders()):
		return "btree", x
	case t.op == begins:
		return "btree", x + " text_pattern_ops"
	case t.orders():
		return "btree", "(" + x + ` COLLATE "C")`
	}
	return "gin", x + " gin_trgm_ops" // of the extension pg_trgm
}

// hasIndex says that there is an index whose first key is this, or the first behind columns that are looked up anyway.
func (r *relation) hasIndex(method, key string, known []string) bool {
	plain := strings.NewReplacer(`"`, "", "(", "", ")", "", " ", "", "::text", "")
	return slices.ContainsFunc(r.indexes, func(x index) bool {
		if x.method != method || x.partial {
			return false
		}
		first := x.keys[0]
		for i := 1; i < len(x.keys) && first.column != "" && slices.Contains(known, first.column) && plain.Replace(first.column) != plain.Replace(key); i++ {
			first = x.keys[i]
		}
		shown := first.column + first.expr
		if strings.HasSuffix(key, "_ops") {
			shown += first.opclass
		}
		if strings.HasSuffix(key, `COLLATE "C")`) && !strings.Contains(shown, "COLLATE") {
			shown += "COLLATEC"
		}
		return plain.Replace(shown) == plain.Replace(key)
	})
}
