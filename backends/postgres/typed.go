package postgres

import (
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A value that is no text reads like one to Match: 7 is "7", and is equal to "7" under the rules for texts. So each type has its own comparison under
// its own rule, and the texts that its values have under the others.

// compareShown compares texts that values are shown as.
func (s *shape) compareShown(o operand, t test) (compared, bool) {
	shown := operand{shownAs(o), &column{typ: "text", family: text, collation: s.folding.byDefault()}}
	f, ok := s.compareText(shown, t)
	if f.equals != nil { // of texts, which the type's own values are not
		f.equals, f.shown = nil, &t.text
	}
	f.cast = true
	return f, ok
}

// unfolded is a test without regard to letter case as one letter by letter, for types that are shown without capitals.
func (t test) unfolded() test {
	if t.rule == backends.CaseIgnore {
		return test{t.op, backends.Normalize(t.rule, t.text), backends.CaseExact}
	}
	return t
}

// compareEnum compares words. Those that are equal to the literal are known, and an index on the column serves them; a word that is not may have been added since, and
// is compared as it is shown.
func (s *shape) compareEnum(o operand, t test) (compared, bool) {
	f, ok := s.compareShown(o, t)
	if !ok || f.fixed != open || t.op != equals || !byLetter(t.rule) && t.rule != backends.CaseIgnore {
		return f, ok
	}
	literal := backends.Normalize(t.rule, t.text)
	var alike []string
	for _, word := range o.column.words {
		if backends.Normalize(t.rule, word) == literal {
			alike = append(alike, word)
		}
	}
	switch len(alike) {
	case 0:
		return f, true
	case 1:
		f.fragment = o.sql.sql(" = ").arg(alike[0], "text").sql("::", o.column.typ)
	default:
		f.fragment = o.sql.sql(" = ANY(").arg(alike, "text[]").sql("::", o.column.typ, "[])")
	}
	f.cast = false
	return f, true
}

// equalAndShown compares with a literal that the type can read, and by what it is shown as: other texts are equal to the type. Its own = is what an index serves.
func (o operand) equalAndShown(literal string) (compared, bool) {
	f := code("(").add(o.sql).sql(" = ").arg(literal, o.column.typ).sql(" AND ").add(shownAs(o)).sql(" = ").arg(literal, "text").sql(")")
	return compared{fragment: f, equals: &argument{literal, o.column.typ}, shown: &literal}, true
}

// shownAs is the text that a value is shown as. A full address is shown without its mask, which a cast adds.
func shownAs(o operand) fragment {
	if o.column.typ == "inet" {
		return code("CASE masklen(").add(o.sql).sql(") WHEN CASE family(").add(o.sql).sql(") WHEN 4 THEN 32 ELSE 128 END THEN host(").add(o.sql).
			sql(") ELSE ").add(o.sql).sql("::text END")
	}
	return o.sql.sql("::text")
}

// textual says whether the values of a type whose texts are all ASCII and without blanks or hyphens at odd places can be read under a rule for texts,
// and gives the literal as that rule has it.
func textual(t test) (literal string, ok bool) {
	switch t.rule {
	case backends.NoRule, backends.CaseExact, backends.OctetRule, backends.CaseIgnore, backends.CaseExactSpace, backends.CaseIgnoreSpace:
		return backends.Normalize(t.rule, t.text), true
	case backends.IntegerRule, backends.TimeRule, backends.BooleanRule, backends.NameRule, backends.NumericRule, backends.TelRule:
	}
	return "", false
}

// compareInteger compares whole numbers.
func (s *shape) compareInteger(o operand, t test) (compared, bool) {
	literal, isText := textual(t)
	switch {
	case t.rule == backends.IntegerRule && t.piece():
		return decided(false)
	case t.rule == backends.IntegerRule:
		canonical, _ := backends.Canonical(t.rule, t.text)
		return integerOrder(o, t.op, canonical)
	case t.rule == backends.NumericRule || t.rule == backends.TelRule:
		return inexact()
	case !isText:
		return decided(false) // no number reads like a time, a name or a truth value
	case t.op != equals:
		return s.compareShown(o, t)
	}
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil && strconv.FormatInt(n, 10) == literal {
		return o.integer(" = ", n, true)
	}
	return decided(false)
}

// integer compares with a number. The parameter is a bigint whatever the column is, which the same indexes serve.
func (o operand) integer(operator string, n int64, eq bool) (compared, bool) {
	c := compared{fragment: o.sql.sql(operator).arg(n, "bigint")}
	if eq && numberFits(n, o.column.typ) {
		c.equals = &argument{n, o.column.typ}
	}
	return c, true
}

// numberFits says that a type can hold a number.
func numberFits(n int64, typ string) bool {
	switch typ {
	case "smallint":
		return n >= math.MinInt16 && n <= math.MaxInt16
	case "integer":
		return n >= math.MinInt32 && n <= math.MaxInt32
	}
	return true
}

// integerOrder compares with a canonical number of any length. Beyond bigint there are only those that are less, or only those that are greater.
func integerOrder(o operand, op testOp, canonical string) (compared, bool) {
	if n, err := strconv.ParseInt(canonical, 10, 64); err == nil {
		if op == equals {
			return o.integer(" = ", n, true)
		}
		return o.integer(operators[op], n, false)
	}
	below := strings.HasPrefix(canonical, "-")
	if (op == less || op == lessEq) && !below || (op == greater || op == greaterEq) && below {
		return answered(o.sql.sql(" IS NOT NULL").certain())
	}
	return decided(false)
}

// longest is how many digits a number may have that a decimal is compared with.
const longest = 1000

// compareDecimal compares numbers that are kept with their fractions. What has one, even .00, is not an integer to Match.
func (s *shape) compareDecimal(o operand, t test) (compared, bool) {
	if digits := t.unfolded(); decimalText.MatchString(digits.text) {
		t = digits
	}
	switch {
	case byLetter(t.rule) && t.op == equals && o.column.typ == "numeric" && len(t.text) <= longest && decimalText.MatchString(t.text):
		return o.equalAndShown(t.text)
	case t.rule != backends.IntegerRule:
		return s.compareShown(o, t)
	}
	canonical, _ := backends.Canonical(t.rule, t.text)
	switch {
	case t.piece():
		return decided(false)
	case len(canonical) > longest:
		return inexact()
	}
	operator := operators[t.op]
	if t.op == equals {
		operator = " = "
	}
	compare := shownAs(o).sql("::numeric", operator).arg(canonical, "numeric")
	if o.column.typ == "numeric" {
		compare = o.sql.sql(operator).arg(canonical, "numeric")
		return answered(code("(").add(compare).sql(" AND ").add(shownAs(o)).sql(` COLLATE "C" ~ '^-?[0-9]+$')`))
	}
	f := code("CASE WHEN ").add(shownAs(o)).sql(` COLLATE "C" ~ '^-?[0-9]+$' THEN `).add(compare).sql(" ELSE false END")
	return compared{fragment: f, cast: true}, true
}

// compareBoolean compares truth values, false standing before true.
func (s *shape) compareBoolean(o operand, t test) (compared, bool) {
	literal, isText := textual(t)
	switch {
	case t.rule == backends.BooleanRule && t.piece():
		return decided(false)
	case t.rule == backends.BooleanRule:
		canonical, _ := backends.Canonical(t.rule, t.text)
		if t.op == equals {
			return o.equal(canonical == "TRUE")
		}
		return answered(o.sql.sql(operators[t.op]).arg(canonical == "TRUE", "boolean"))
	case t.rule == backends.TelRule:
		return inexact()
	case !isText:
		return decided(false)
	case t.op != equals:
		return s.compareShown(o, t)
	case literal == "true" || literal == "false":
		return o.equal(literal == "true")
	}
	return decided(false)
}

// The instants that TimeRule can read of what Postgres shows. What it keeps beyond them, infinity too, is equal to nothing, and before and after nothing.
var (
	firstInstant = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
)

// compareInstant compares instants, or dates, which are the first of their days. unit is what they are kept to; the literal may be finer.
func compareInstant(o operand, t test, unit time.Duration) (compared, bool) {
	at, _ := backends.ParseTime(t.text)
	whole := at.Truncate(unit) // from the year 1, and no day there has another length
	op := t.op
	switch {
	case t.piece():
		return decided(false)
	case at.Before(firstInstant) && t.upward():
		whole, op = firstInstant, greaterEq
	case at.Before(firstInstant):
		return decided(false)
	case whole.Equal(at): // it can be kept
	case op == equals:
		return decided(false)
	case op == less:
		op = lessEq
	case op == greaterEq:
		op = greater
	}
	if op == equals {
		return o.equal(whole)
	}
	bound, end := " >= ", firstInstant
	if t.upward() {
		bound, end = " <= ", lastInstant
	}
	return answered(code("(").add(o.sql).sql(operators[op]).arg(whole, o.column.typ).sql(" AND ").add(o.sql).sql(bound).arg(end, o.column.typ).sql(")"))
}

// compareTimestamp compares instants; under the rules for texts by what they are shown as: RFC 3339 in UTC, with as few digits as do.
func compareTimestamp(o operand, t test) (compared, bool) {
	switch t.rule {
	case backends.TimeRule:
		return compareInstant(o, t, time.Microsecond)
	case backends.IntegerRule, backends.BooleanRule, backends.NameRule, backends.NumericRule:
		return decided(false)
	case backends.NoRule, backends.CaseExact, backends.OctetRule, backends.CaseIgnore, backends.CaseExactSpace, backends.CaseIgnoreSpace, backends.TelRule:
	}
	at, err := time.Parse(time.RFC3339Nano, t.text)
	switch {
	case t.op != equals || !byLetter(t.rule) || err != nil:
		return inexact()
	case at.UTC().Format(time.RFC3339Nano) != t.text || !at.Truncate(time.Microsecond).Equal(at) || at.Before(firstInstant):
		return decided(false)
	}
	return o.equal(at.UTC())
}

var (
	dateForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// compareDate compares days as they are shown: 2024-01-31.
func (s *shape) compareDate(o operand, t test) (compared, bool) {
	switch t.rule {
	case backends.TimeRule:
		return compareInstant(o, t, 24*time.Hour)
	case backends.IntegerRule, backends.BooleanRule, backends.NameRule, backends.NumericRule:
		return decided(false)
	case backends.NoRule, backends.CaseExact, backends.OctetRule, backends.CaseIgnore, backends.CaseExactSpace, backends.CaseIgnoreSpace, backends.TelRule:
	}
	day, err := time.Parse(time.DateOnly, t.text)
	if (byLetter(t.rule) || t.rule == backends.CaseIgnore) && err == nil && dateForm.MatchString(t.text) && day.Year() > 0 {
		if t.op == equals {
			return o.equal(day)
		}
	}
	return s.compareShown(o, t)
}

// compareUUID compares identifiers as they are shown, in lower case. Their order is that of their texts.
func (s *shape) compareUUID(o operand, t test) (compared, bool) {
	literal := t.text
	if t.rule == backends.CaseIgnore {
		literal = backends.Normalize(t.rule, literal)
	}
	if !byLetter(t.rule) && t.rule != backends.CaseIgnore {
		return s.compareShown(o, t)
	}
	switch {
	case uuidForm.MatchString(literal) && t.op == equals:
		return o.equal(literal)
	case uuidForm.MatchString(literal) && t.orders():
		return answered(o.sql.sql(operators[t.op]).arg(literal, "uuid"))
	case t.op == equals:
		return decided(false)
	}
	return s.compareShown(operand{o.sql, o.column}, test{t.op, literal, backends.CaseExact})
}

// compareBytes compares bytes.
func compareBytes(o operand, t test) (compared, bool) {
	if !byLetter(t.rule) {
		return inexact()
	}
	literal := []byte(t.text)
	if literal == nil {
		literal = []byte{}
	}
	switch t.op {
	case equals:
		return compared{fragment: o.sql.sql(" = ").arg(literal, "bytea"), equals: &argument{literal, "bytea"}}, true
	case begins:
		return answered(code("substring(").add(o.sql).sql(" from 1 for ").arg(len(literal), "integer").sql(") = ").arg(literal, "bytea"))
	case ends:
		return answered(code("(length(").add(o.sql).sql(") >= ").arg(len(literal), "integer").sql(" AND substring(").add(o.sql).
			sql(" from greatest(1, length(").add(o.sql).sql(") - ").arg(len(literal)-1, "integer").sql(")) = ").arg(literal, "bytea").sql(")"))
	case contains:
		return answered(code("position(").arg(literal, "bytea").sql(" in ").add(o.sql).sql(") > 0"))
	case less, lessEq, greater, greaterEq:
		return answered(o.sql.sql(operators[t.op]).arg(literal, "bytea"))
	}
	return inexact()
}

// compareAddress compares addresses of hosts and networks as they are shown.
func (s *shape) compareAddress(o operand, t test) (compared, bool) {
	t = t.unfolded()
	shown, ok := s.compareShown(o, t)
	switch {
	case !ok || shown.fixed != open || t.op != equals || !byLetter(t.rule) || !isAddress(t.text):
		return shown, ok
	case o.column.typ == "inet":
		return o.equalAndShown(t.text)
	}
	// A network can be compared with an address that it cannot be.
	shown.fragment = code("(").add(o.sql).sql(" = ").arg(t.text, "inet").sql(" AND ").add(shown.fragment).sql(")")
	shown.cast = false
	return shown, true
}

func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	_, errPrefix := netip.ParsePrefix(s)
	return err == nil && a.Zone() == "" || errPrefix == nil
}

// allBits tests the bits of a number in two's complement.
func allBits(o operand, mask uint64) (compared, bool) {
	bits := int64(mask)
	switch o.column.family {
	case integer:
		return answered(code("(").add(o.sql).sql(" & ").arg(bits, "bigint").sql(") = ").arg(bits, "bigint"))
	case text, citext, decimal, enum, foreign:
		x := code("(").add(o.sql).sql(`::text COLLATE "C")`)
		digits := code("regexp_replace(").add(x).sql(`, '^([+-]?)0*(?=[0-9])', '\1')`)
		return answered(code("CASE WHEN ").add(x).sql(` ~ '^[+-]?0*[0-9]{1,19}$' THEN CASE WHEN `).add(digits).
			sql("::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN (").add(digits).sql("::bigint & ").arg(bits, "bigint").
			sql(") = ").arg(bits, "bigint").sql(" ELSE false END ELSE false END"))
	case bytes, document:
		return inexact()
	case boolean, instant, date, uuid, address:
	}
	return decided(false)
}
