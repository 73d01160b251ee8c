package backendtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// set finds the set that is the attribute.
func (m *Memory) set(attr string) *backends.Set {
	i := slices.IndexFunc(m.Sets, func(s backends.Set) bool { return strings.EqualFold(s.Name, attr) })
	if i < 0 {
		return nil
	}
	return &m.Sets[i]
}

// rows finds the set that is the attribute if its values are Rows.
func (m *Memory) rows(attr string) *backends.Set {
	if s := m.set(attr); s != nil && len(s.Columns) > 1 && !s.Either {
		return s
	}
	return nil
}

// syntax is what is known of an attribute, a part of a Row (emails.kind) or a place in a document. Those that nobody has described are texts.
func (m *Memory) syntax(attr string) backends.Syntax {
	if s, ok := m.Schema[strings.ToLower(attr)]; ok {
		return s
	}
	text := backends.Syntax{Known: true, Equality: backends.CaseExact, Substr: backends.CaseExact}
	if _, ok := m.place(attr); ok {
		return text
	}
	if m.rows(attr) != nil {
		return backends.Syntax{Known: true}
	}
	if m.set(attr) != nil {
		return text
	}
	name, members, ok := backends.SplitPath(attr)
	if s := m.rows(name); ok && s != nil && len(members) == 1 && slices.Contains(s.Columns, members[0]) {
		return text
	}
	return backends.Syntax{}
}

// kept are values as they are stored: of the attribute's own kind where values have kinds.
func (m *Memory) kept(attr string, values backends.Values) backends.Values {
	if _, document := m.place(attr); document || !m.Typed {
		return values
	}
	own := make(backends.Values, len(values))
	for i, v := range values {
		own[i] = m.typed(attr, v)
	}
	return own
}

// typed leaves alone what cannot be read: checkValues refuses it.
func (m *Memory) typed(attr string, v backends.Value) backends.Value {
	if v.Kind() == backends.KindRow && m.rows(attr) != nil {
		parts := v.Row()
		for name, values := range parts {
			for i, part := range values {
				parts[name][i] = m.typed(backends.Path(attr, name), part)
			}
		}
		return backends.Row(parts)
	}
	if v.Kind() == backends.KindSecret {
		return v
	}
	return typedBy(m.syntax(attr).Equality, v)
}

// typedBy is a value of the kind that a rule compares, or v where it cannot be read.
func typedBy(rule backends.Rule, v backends.Value) backends.Value {
	canonical, ok := backends.Canonical(rule, v.Text())
	if !ok {
		return v
	}
	switch rule { //nolint:exhaustive // texts stay texts
	case backends.BooleanRule:
		return backends.Bool(canonical == "TRUE")
	case backends.TimeRule:
		t, _ := backends.ParseTime(canonical)
		return backends.Time(t)
	case backends.IntegerRule:
		if n, err := strconv.ParseInt(canonical, 10, 64); err == nil {
			return backends.Int(n)
		}
		return backends.Decimal(canonical)
	}
	return v
}

// normal is equal for values that are the same one to the attribute.
func (m *Memory) normal(attr string, v backends.Value) string {
	if v.Kind() != backends.KindRow {
		return backends.Normalize(m.syntax(attr).Equality, content(v))
	}
	parts := map[string][]string{}
	for name, values := range v.Row() {
		for _, part := range values {
			parts[name] = append(parts[name], m.normal(backends.Path(attr, name), part))
		}
	}
	text, _ := json.Marshal(parts) // names in order; nothing in it can fail
	return string(text)
}

// badRow says what is wrong with a value of an attribute of Rows; "" nothing.
func (m *Memory) badRow(s *backends.Set, v backends.Value) string {
	if v.Kind() != backends.KindRow {
		return "A value of this attribute has parts."
	}
	parts := v.Row()
	if len(parts) == 0 {
		return "A row has parts."
	}
	for name, values := range parts {
		if !slices.Contains(s.Columns, name) {
			return "A row has no part called " + name + "."
		}
		if len(values) > 1 {
			return "A part of a row is one value."
		}
		if _, ok := backends.Canonical(m.syntax(backends.Path(s.Name, name)).Equality, values[0].Text()); !ok {
			return "This is no value of " + name + "."
		}
	}
	return ""
}
