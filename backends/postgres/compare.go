package postgres

import (
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
)

// operand is a value in SQL, NULL for none, and the column whose type it has.
type operand struct {
	sql    fragment
	column *column
}

// compared is a comparison in SQL. It is NULL where the operand is.
type compared struct {
	fragment
	equals *argument // the comparison is with the type's own =, and this is the other side
	shown  *string   // what the value is shown as is this; where equals is set too, both hold
	cast   bool      // what the value is shown as is all that is compared, and the cast to it is none that an index can be made of
}

func decided(b bool) (compared, bool) { return compared{fragment: constant(b)}, true }

func inexact() (compared, bool) { return compared{}, false }

// answered is a comparison that answers as Match does.
func answered(f fragment) (compared, bool) { return compared{fragment: f}, true }

// equal compares with the type's own =, which an index on the column serves.
func (o operand) equal(v any) (compared, bool) {
	return compared{fragment: o.sql.sql(" = ").arg(v, o.column.typ), equals: &argument{v, o.column.typ}}, true
}

// compare compiles a test of one value; false: there is no exact answer. p is simple, so that its literal can be read under its rule.
func (s *shape) compare(o operand, p backends.Predicate) (compared, bool) {
	switch p.(type) {
	case backends.Present:
		if o.column.notNull {
			return decided(true)
		}
		return answered(o.sql.sql(" IS NOT NULL").certain())
	}
	if secretName(o.column.name) {
		return decided(false) // Secrets are not compared
	}
	switch p := p.(type) {
	case backends.AllBits:
		return allBits(o, p.Mask)
	}
	t, ok := testOf(p)
	if !ok {
		return inexact()
	}
	switch o.column.family {
	case text, citext:
		return s.compareText(o, t)
	case integer:
		return s.compareInteger(o, t)
	case decimal:
		return s.compareDecimal(o, t)
	case boolean:
		return s.compareBoolean(o, t)
	case instant:
		return compareTimestamp(o, t)
	case date:
		return s.compareDate(o, t)
	case uuid:
		return s.compareUUID(o, t)
	case bytes:
		return compareBytes(o, t)
	case address:
		return s.compareAddress(o, t)
	case enum:
		return s.compareEnum(o, t)
	case foreign:
		return s.compareShown(o, t)
	case document: // shown as its JSON
	}
	return inexact()
}

// test is a comparison of values with a literal.
type test struct {
	op   testOp
	text string // the literal
	rule backends.Rule
}

// testOp is a kind of comparison.
type testOp uint8

const (
	equals testOp = iota + 1
	begins
	ends
	contains
	less
	lessEq
	greater
	greaterEq
)

// operators are the order operators in SQL.
var operators = map[testOp]string{less: " < ", lessEq: " <= ", greater: " > ", greaterEq: " >= "}

var orders = map[backends.OrderOp]testOp{backends.Less: less, backends.LessEq: lessEq, backends.Greater: greater, backends.GreaterEq: greaterEq}

func testOf(p backends.Predicate) (test, bool) {
	switch p := p.(type) {
	case backends.Eq:
		return test{equals, p.Value.Text(), p.Rule}, true
	case backends.Prefix:
		return test{begins, p.Text, p.Rule}, true
	case backends.Suffix:
		return test{ends, p.Text, p.Rule}, true
	case backends.Contains:
		return test{contains, p.Text, p.Rule}, true
	case backends.Order:
		return test{orders[p.Op], p.Value.Text(), p.Rule}, orders[p.Op] != 0
	}
	return test{}, false
}

// orders says that the test is one of order.
func (t test) orders() bool { return t.op >= less }

// piece says that the test is of a part of a value.
func (t test) piece() bool { return t.op == begins || t.op == ends || t.op == contains }

// upward says that what is greater passes.
func (t test) upward() bool { return t.op == greater || t.op == greaterEq }

// storable says that a value of a text column can be this.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// compareText compares texts. Which of them are numbers, times and names is not known here, as far as a pattern does not tell.
func (s *shape) compareText(o operand, t test) (compared, bool) {
	x := o.sql
	if !plainText(o.column) {
		x = x.sql("::text")
	}
	switch t.rule {
	case backends.NoRule, backends.CaseExact, backends.OctetRule:
		return s.compareExact(o, x, t)
	case backends.CaseIgnore:
		return s.compareFolded(o, x, t)
	case backends.IntegerRule, backends.BooleanRule:
		pattern, ok := patternOf(t)
		if !ok {
			return inexact()
		}
		return answered(x.sql(` COLLATE "C" ~ `).arg(pattern, "text"))
	case backends.CaseExactSpace, backends.CaseIgnoreSpace, backends.TimeRule, backends.NameRule, backends.NumericRule, backends.TelRule:
	}
	return inexact()
}

// plainText says that comparisons with a text need no cast. char(n) would ignore blanks, and citext letter case.
func plainText(c *column) bool {
	return c.family == text && (c.typ == "text" || strings.HasPrefix(c.typ, "character varying") || c.typ == "varchar")
}

// compareExact compares letter by letter, x being o as text.
func (s *shape) compareExact(o operand, x fragment, t test) (compared, bool) {
	if t.op == begins {
		if f, ok := s.beginning(o, t.text); ok {
			return answered(f)
		}
	}
	if t.op != equals {
		return partOrOrder(x, o.column.collation, t, t.text)
	}
	if !storable(t.text) {
		return decided(false)
	}
	switch {
	case o.column.family == citext:
		// What is the same is equal without case too, and that has the index.
		return answered(code("(").add(citextEqual(o, t.text)).sql(" AND ").add(x).sql(" = ").arg(t.text, "text").sql(")"))
	case !plainText(o.column):
		return answered(code("(").add(o.sql).sql(" = ").arg(t.text, o.column.typ).sql(" AND ").add(x).sql(" = ").arg(t.text, "text").sql(")"))
	case !o.column.collation.deterministic:
		return answered(x.sql(` COLLATE "C" = `).arg(t.text, "text"))
	}
	return compared{fragment: x.sql(" = ").arg(t.text, "text"), equals: &argument{t.text, "text"}}, true
}

// citextEqual is the comparison of the citext extension, wherever that is installed: the schema need not be in the search path, and without its own
// operator a citext compares as a text.
func citextEqual(o operand, literal string) fragment {
	return o.sql.sql(o.column.equals()).arg(literal, o.column.typ)
}

// equals is the operator of the column's own equality.
func (c *column) equals() string {
	if dot := strings.LastIndex(c.typ, "."); dot > 0 && c.family == citext {
		return " OPERATOR(" + c.typ[:dot] + ".=) "
	}
	return " = "
}

// compareFolded compares without regard to letter case, x being o as text.
func (s *shape) compareFolded(o operand, x fragment, t test) (compared, bool) {
	literal := backends.Normalize(backends.CaseIgnore, t.text)
	if t.op == equals && !storable(literal) {
		return decided(false)
	}
	if t.op == equals && o.column.family == citext && s.folding.agrees(s.folding.byDefault(), literal) {
		return compared{fragment: citextEqual(o, literal), equals: &argument{literal, o.column.typ}}, true
	}
	lower, ok := s.folding.lower(x, o.column.collation, t, literal)
	if !ok {
		return inexact()
	}
	if t.op != equals {
		return partOrOrder(lower, collation{deterministic: true}, t, literal)
	}
	equal := lower.sql(" = ").arg(literal, "text")
	if s.folding.agrees(o.column.collation, literal) {
		return answered(equal)
	}
	if images, ok := s.folding.imagesOf(o.column.collation, literal); ok {
		// An index on lower(column) finds all that may be equal, whatever becomes there of a letter that the matcher folds otherwise.
		return answered(code("(lower(").add(x).sql(") = ANY(").arg(images, "text[]").sql(") AND ").add(equal).sql(")"))
	}
	return answered(equal)
}

// partOrOrder tests for a piece of a text, or its place in the order of code points, which is that of the bytes.
func partOrOrder(x fragment, in collation, t test, literal string) (compared, bool) {
	if !storable(literal) {
		return compareBytes(operand{code("convert_to(").add(x).sql(", 'UTF8')"), nil}, test{t.op, literal, backends.OctetRule})
	}
	if t.orders() {
		if in.name != collationC {
			x = x.sql(` COLLATE "C"`)
		}
		return answered(x.sql(operators[t.op]).arg(literal, "text"))
	}
	if !in.deterministic {
		x = x.sql(` COLLATE "C"`)
	}
	pattern := likeEscaper.Replace(literal)
	if t.op != begins {
		pattern = "%" + pattern
	}
	if t.op != ends {
		pattern += "%"
	}
	return answered(x.sql(" LIKE ").arg(pattern, "text"))
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// patternOf is a regular expression for all texts that are equal to the literal under its rule.
func patternOf(t test) (string, bool) {
	canonical, ok := backends.Canonical(t.rule, t.text)
	switch {
	case !ok || t.op != equals:
		return "", false
	case t.rule == backends.BooleanRule && canonical == "TRUE":
		return "^[tT][rR][uU][eE]$", true
	case t.rule == backends.BooleanRule:
		return "^[fF][aA][lL][sSſ][eE]$", true // the long s is an s in another letter case
	case len(canonical) > 200:
		return "", false
	case canonical == "0":
		return "^-?0+$", true
	}
	if digits, negative := strings.CutPrefix(canonical, "-"); negative {
		return "^-0*" + digits + "$", true
	}
	return "^0*" + canonical + "$", true
}
