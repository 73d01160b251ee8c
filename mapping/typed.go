package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// A directory whose values are typed needs no lens to say what they are: a column of numbers is a number. Behind an attribute without lenses stands
// then the step below that fits the SCIM attribute's type. What a column of another kind holds is read by its meaning, as the directory's own
// comparison would: the text "true" is a truth. So what a filter finds there is what is shown.

// columnStep is the step for an attribute of a type. In a document (json) a time is a text; many: there may be several values.
func columnStep(t scim.Type, json, many bool) step {
	switch t {
	case scim.TypeBoolean:
		return step{&Spec{Name: "column", Type: t, Exact: true}, column{read: readTruth, write: writeTruth, where: whereTruth}}
	case scim.TypeInteger:
		return step{&Spec{Name: "column", Type: t, Exact: true, Monotone: backends.IntegerRule}, column{read: readWhole, write: writeNumber, where: whereWhole}}
	case scim.TypeDecimal:
		return step{&Spec{Name: "column", Type: t}, column{read: readDecimal, write: writeNumber, where: whereDecimal}}
	case scim.TypeDateTime:
		write := writeInstant
		if json {
			write = writeStamp
		}
		return step{&Spec{Name: "column", Type: t, Exact: true, Monotone: backends.TimeRule}, column{read: readInstant, write: write, where: whereInstant}}
	case scim.TypeString, scim.TypeReference, scim.TypeBinary, scim.TypeComplex:
	}
	text := column{read: readText, write: writeText, where: whereText}
	if many {
		text.where, text.loose = whereOfTexts, emptyAmongTexts
	}
	return step{&Spec{Name: "column", Type: scim.TypeString, Text: true, Exact: true}, text}
}

// column reads and writes each value by itself.
type column struct {
	read  func(backends.Value) (any, error)
	write func(v any) (backends.Value, error)
	where func(Test) (backends.Predicate, bool)
	loose func(Test) bool // of which tests where finds more than is shown; nil: of none
}

// findsMore reports a test that a lens answers with more than it shows, though it is exact otherwise.
func (c column) findsMore(t Test) bool { return c.loose != nil && c.loose(t) }

// Get shows what can be read. One value that cannot does not hide the others; when none can be read, that is an error.
func (c column) Get(values backends.Values) ([]any, error) {
	if len(values) == 0 {
		return nil, nil
	}
	out := make([]any, 0, len(values))
	var fault error
	for _, v := range values {
		shown, err := c.read(v)
		switch {
		case err != nil:
			fault = err
		case shown != "": // which is no value (RFC 7643 §2.5)
			out = append(out, shown)
		}
	}
	if len(out) > 0 {
		fault = nil
	}
	return out, fault
}

// Put leaves what shows as wanted already as it is, whatever kind it is of.
func (c column) Put(before backends.Values, values []any) (backends.Values, error) {
	there := map[any]backends.Value{}
	for _, v := range before {
		if shown, err := c.read(v); err == nil {
			there[shown] = v
		}
	}
	out := make(backends.Values, 0, len(values))
	for _, v := range values {
		fresh, err := c.write(v)
		if err != nil {
			return nil, err
		}
		shown, err := c.read(fresh)
		if err != nil { // it would be kept and never be seen again
			return nil, err
		}
		if kept, ok := there[shown]; ok {
			fresh = kept
		}
		out = append(out, fresh)
	}
	return out, nil
}

func (c column) Where(t Test) (backends.Predicate, bool) { return c.where(t) }

// readText shows any value that can be printed as it prints.
func readText(v backends.Value) (any, error) {
	switch v.Kind() {
	case backends.KindBytes:
		return nil, errBinary
	case backends.KindSecret:
		return nil, errSecret
	case backends.KindRow:
		return nil, errParts
	case backends.KindString, backends.KindInt, backends.KindDecimal, backends.KindBool, backends.KindTime:
	}
	return v.Text(), nil
}

func writeText(v any) (backends.Value, error) { return backends.String(nativeValue(v).Text()), nil }

// whereText asks a column for the text that is shown. An empty one may be kept and is no value, so that tests which it passes ask for another, too. What
// needs no such thing stays as it is: an index serves that.
func whereText(t Test) (backends.Predicate, bool) {
	p, ok := wherePrinted(t)
	switch {
	case !ok || !areTexts(t):
		return p, ok
	case t.Op == filter.Pr:
		return someText(t), true
	case t.Op == filter.Eq && t.Value == "":
		return backends.False{}, true
	case emptyMayStand(t):
		return backends.And{p, someText(t)}, true
	}
	return p, true
}

// whereOfTexts is whereText where several may be: the empty one and the other that is asked for would not be the same.
func whereOfTexts(t Test) (backends.Predicate, bool) {
	if emptyAmongTexts(t) {
		return wherePrinted(t)
	}
	return whereText(t)
}

// emptyAmongTexts reports a test of several texts that an empty one passes.
func emptyAmongTexts(t Test) bool {
	return emptyMayStand(t) && t.Op != filter.Eq || t.Op == filter.Pr && areTexts(t) && !ordered(t)
}

// emptyMayStand reports a test that an empty text passes, which is not shown.
func emptyMayStand(t Test) bool {
	text, ok := t.Value.(string)
	return ok && areTexts(t) && (text == "" || t.Op == filter.Lt || t.Op == filter.Le)
}

// areTexts reports a test of values that are compared as texts.
func areTexts(t Test) bool { return t.Syntax.Equality != backends.NoRule && isText(t.Syntax.Equality) }

// ordered reports that there may be several texts, and that they have an order, in which all come behind the empty one.
func ordered(t Test) bool {
	return !t.Syntax.Single && t.Syntax.Order != backends.NoRule && isText(t.Syntax.Order)
}

// someText is that a text is there which can be shown. A column's is there and not empty, which databases estimate well. Of what may be several, and what
// may be no text (an object in a document), one must stand behind the empty one.
func someText(t Test) backends.Predicate {
	if ordered(t) {
		return backends.Order{Attr: t.Attr, Op: backends.Greater, Value: backends.String(""), Rule: backends.CaseExact}
	}
	return backends.And{backends.Present{Attr: t.Attr}, backends.Not{Term: emptyText(t.Attr)}}
}

func emptyText(attr string) backends.Predicate {
	return backends.Eq{Attr: attr, Value: backends.String(""), Rule: backends.CaseExact}
}

// wherePrinted asks a column that is no text for the one value that prints as the literal does: 7 is found by "7" and not by "07". Any other test is
// about letters, which such a column has none of. A literal may come as a value where it is known to be one (the name of a record).
func wherePrinted(t Test) (backends.Predicate, bool) {
	text, ok := t.Value.(string)
	if !ok || isText(t.Syntax.Equality) {
		return t.Next(t.Op, t.Value)
	}
	if t.Op != filter.Eq {
		return nil, false
	}
	spell := func(s string) string { return s }
	if t.Fold {
		spell = strings.ToLower
	}
	switch canonical, legible := backends.Canonical(t.Syntax.Equality, text); t.Syntax.Equality {
	case backends.IntegerRule:
		if !legible || canonical != text {
			return backends.False{}, true
		}
		return t.Next(t.Op, json.Number(text))
	case backends.BooleanRule:
		printed := strings.ToLower(canonical)
		if !legible || printed != spell(text) {
			return backends.False{}, true
		}
		return t.Next(t.Op, printed == "true")
	case backends.TimeRule:
		at, ok := backends.ParseTime(strings.ToUpper(text))
		if !ok || spell(at.Format(time.RFC3339Nano)) != spell(text) {
			return backends.False{}, true
		}
		return t.Next(t.Op, at)
	default: // octets are shown through lenses only
		return nil, false
	}
}

// isText reports a rule by which values are compared as the texts that they are shown as.
func isText(rule backends.Rule) bool {
	switch rule {
	case backends.IntegerRule, backends.TimeRule, backends.BooleanRule, backends.OctetRule:
		return false
	case backends.NoRule, backends.CaseExact, backends.CaseIgnore, backends.CaseExactSpace, backends.CaseIgnoreSpace, backends.NameRule,
		backends.NumericRule, backends.TelRule:
	}
	return true
}

func readTruth(v backends.Value) (any, error) {
	if canonical, ok := legible(backends.BooleanRule, v); ok {
		return canonical == "TRUE", nil
	}
	return nil, fmt.Errorf("%s is neither true nor false; a lens such as bool(Y, N) says which it means", clip(v))
}

func writeTruth(v any) (backends.Value, error) {
	b, ok := v.(bool)
	if !ok {
		return backends.Value{}, errors.New("it takes true or false")
	}
	return backends.Bool(b), nil
}

func whereTruth(t Test) (backends.Predicate, bool) {
	if t.Op == filter.Pr && t.Syntax.Equality != backends.BooleanRule { // not every value is a truth
		return someOf(t, filter.Eq, true, filter.Eq, false)
	}
	return t.Next(t.Op, t.Value)
}

// someOf is that one of two tests holds.
func someOf(t Test, op filter.Op, v any, other filter.Op, w any) (backends.Predicate, bool) {
	p, ok := t.Next(op, v)
	q, both := t.Next(other, w)
	return backends.Or{p, q}, ok && both
}

func readWhole(v backends.Value) (any, error) {
	if canonical, ok := legible(backends.IntegerRule, v); ok {
		if n, err := strconv.ParseInt(canonical, 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s is no whole number that can be shown", clip(v))
}

func writeNumber(v any) (backends.Value, error) {
	switch v.(type) {
	case int64, json.Number:
		return nativeValue(v), nil
	}
	return backends.Value{}, errors.New("it takes a number")
}

func whereWhole(t Test) (backends.Predicate, bool) {
	if t.Op == filter.Pr && t.Syntax.Equality != backends.IntegerRule { // not every value is a number
		return someOf(t, filter.Ge, int64(0), filter.Lt, int64(0))
	}
	return t.Next(t.Op, t.Value)
}

func readDecimal(v backends.Value) (any, error) {
	switch v.Kind() {
	case backends.KindInt, backends.KindDecimal, backends.KindString:
		n := json.Number(v.Text())
		if _, ok := number(n); ok && json.Valid([]byte(n)) {
			return n, nil
		}
	case backends.KindBool, backends.KindTime, backends.KindBytes, backends.KindSecret, backends.KindRow:
	}
	return nil, fmt.Errorf("%s is no number", clip(v))
}

// whereDecimal has a comparison with whole numbers only; others are tested on the SCIM side, as is the presence of what may be no number.
func whereDecimal(t Test) (backends.Predicate, bool) {
	if t.Op == filter.Pr {
		return t.Next(t.Op, nil)
	}
	if t.Syntax.Equality != backends.IntegerRule {
		return nil, false
	}
	op, v, ok := whole(t.Op, t.Value)
	if !ok {
		return backends.False{}, true
	}
	return t.Next(op, v)
}

func readInstant(v backends.Value) (any, error) {
	if at, ok := instantOf(v); ok && writable(at) {
		return at.Format(time.RFC3339Nano), nil
	}
	return nil, fmt.Errorf("%s is no time", clip(v))
}

func instantOf(v backends.Value) (time.Time, bool) {
	switch v.Kind() {
	case backends.KindTime:
		return v.Time(), true
	case backends.KindString:
		return backends.ParseTime(v.Text())
	case backends.KindBytes, backends.KindInt, backends.KindDecimal, backends.KindBool, backends.KindSecret, backends.KindRow:
	}
	return time.Time{}, false
}

// writable reports a year that RFC 3339 can write.
func writable(at time.Time) bool { return at.Year() >= 0 && at.Year() <= 9999 }

func writeInstant(v any) (backends.Value, error) {
	at, ok := moment(v)
	if !ok || !writable(at) {
		return backends.Value{}, fmt.Errorf("it takes a date and time with its offset, such as 2026-01-02T03:04:05Z, not %v", v)
	}
	return backends.Time(at), nil
}

// writeStamp writes a time for JSON, which has none.
func writeStamp(v any) (backends.Value, error) {
	at, err := writeInstant(v)
	return backends.String(at.Text()), err
}

// moment reads a literal as the matcher of scim does: small t and z are allowed (RFC 3339 §5.6), and without an offset it is UTC.
func moment(v any) (time.Time, bool) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, strings.ToUpper(text)); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// whereInstant compares instants. With an offset a literal may lead to before the first year or behind the last: all that is shown is then on one
// side of it.
func whereInstant(t Test) (backends.Predicate, bool) {
	if t.Op == filter.Pr {
		if t.Syntax.Equality == backends.TimeRule {
			return t.Next(t.Op, nil)
		}
		return t.Next(filter.Ge, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)) // not every text is a time, but every time is at or after the first
	}
	at, ok := moment(t.Value)
	switch {
	case !ok:
		return backends.False{}, true
	case writable(at):
		return t.Next(t.Op, at)
	case at.Year() < 0 && (t.Op == filter.Gt || t.Op == filter.Ge), at.Year() > 9999 && (t.Op == filter.Lt || t.Op == filter.Le):
		t.Op = filter.Pr
		return whereInstant(t)
	}
	return backends.False{}, true
}

// legible is a value's canonical text under a rule.
func legible(rule backends.Rule, v backends.Value) (string, bool) {
	if k := v.Kind(); k == backends.KindSecret || k == backends.KindRow || k == 0 {
		return "", false
	}
	return backends.Canonical(rule, v.Text())
}

// clip is a value as a message shows it.
func clip(v backends.Value) string {
	const most = 40
	text := v.String()
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}

// columns completes the pipelines without lenses, now that the class is open and says what its values are.
func (c *compiler) columns() {
	if c.m.backend == nil {
		return // there is a fault already, and nobody knows
	}
	for _, f := range c.m.fields {
		if c.m.readOnly() {
			f.onlyRead()
		}
		c.ofKey(f)
		for i := range f.pipes {
			p := &f.pipes[i]
			if len(p.steps) == 0 {
				c.bare(f, p)
				continue
			}
			if t, ok := p.steps[0].lens.(Tabular); ok && (c.m.typed() || p.place != nil) {
				p.steps[0].lens = t.Tabular()
			}
		}
	}
}

// ofKey makes a field that is written to a part of the key one that only a new record may say.
func (c *compiler) ofKey(f *field) {
	inKey := func(attr string) bool {
		return slices.ContainsFunc(c.m.backend.Capabilities().Key, func(part string) bool { return strings.EqualFold(part, attr) })
	}
	if f.set != nil || f.mutability() != scim.ReadWrite || !slices.ContainsFunc(f.writes(), inKey) {
		return
	}
	if f.access == readWrite {
		c.fault(f.node.Get("access"), "write createOnly or readOnly", "%s is a part of the key, which never changes", f.path)
		return
	}
	f.access = createOnly
}

// onlyRead makes a field of a class that cannot be written. What could only be written stays unseen.
func (f *field) onlyRead() {
	if f.mutability() == scim.WriteOnly {
		f.returned = string(scim.ReturnedNever)
	}
	f.access = readOnly
}

// typed reports a directory whose values are of the kind that the attribute is.
func (m *Mapping) typed() bool { return m.backend != nil && m.backend.Capabilities().Typed }

// bare completes a pipeline without lenses.
func (c *compiler) bare(f *field, p *pipe) {
	want := f.path.leaf().Type
	switch {
	case c.m.typed(), p.place != nil:
		p.steps = append(p.steps, columnStep(want, p.place != nil, f.many() && f.kind != fromRows))
	case f.set == nil && !fitsType(p.typ(), want):
		c.misfit(f, p)
	}
}

// stamped gives values as JSON has them: a time is a text there.
func stamped(values backends.Values) backends.Values {
	for i, v := range values {
		if v.Kind() == backends.KindTime {
			values[i] = backends.String(v.Text())
		}
	}
	return values
}

// checkColumns reports columns without lenses of another kind than the attribute is: nothing in them could be shown.
func (m *Mapping) checkColumns(f *field) (faults configs.Faults) {
	want := f.path.leaf().Type
	rule, kind := map[scim.Type]backends.Rule{
		scim.TypeBoolean: backends.BooleanRule, scim.TypeInteger: backends.IntegerRule, scim.TypeDateTime: backends.TimeRule,
	}[want], "texts"
	for _, p := range f.pipes {
		if len(p.steps) == 0 || p.place != nil {
			continue
		}
		if _, bare := p.steps[0].lens.(column); bare && len(p.steps) == 1 && m.backend.Syntax(p.native()).Equality == backends.OctetRule {
			faults = append(faults, p.node.Fault("write "+p.attr+" | base64", "the column %s holds bytes, which %s cannot show", p.native(), f.path))
			continue
		}
		if _, bare := p.steps[0].lens.(column); !bare || rule == backends.NoRule {
			continue
		}
		switch is := m.backend.Syntax(p.native()).Equality; {
		case is == rule, is == backends.NoRule, is == backends.CaseExact && rule != backends.BooleanRule: // as dates and decimals are compared
			continue
		case is == backends.BooleanRule:
			kind = "booleans"
		case is == backends.IntegerRule:
			kind = "integers"
		case is == backends.TimeRule:
			kind = "times"
		}
		faults = append(faults, p.node.Fault(lensFor(want), "%s is a %s, and the column %s holds %s", f.path, want, p.native(), kind))
	}
	return faults
}
