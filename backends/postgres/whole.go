package postgres

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A record that is to be made again must be known whole: rows of sets in all of their columns, whatever the mapping shows of them, and arrays that are no
// plain lists. Beside the attribute itself there is then one more, Path(attr, "*"): of a set a Row for each of its rows, whose parts are the columns in the
// database's own texts; of an array its text. The database reads its own texts of every type there is.

// star is the member of such an attribute's path.
const star = "*"

// part is what such an attribute is about: one of the two.
type part struct {
	set   *set
	array *column
}

// part finds what Path(attr, "*") is about.
func (s *shape) part(attr string) (part, bool) {
	name, members, ok := backends.SplitPath(attr)
	if !ok || len(members) != 1 || members[0] != star {
		return part{}, false
	}
	for _, set := range s.sets {
		if set.name == name {
			return part{set: set}, true
		}
	}
	for _, c := range s.rel.columns {
		if c.name == name && c.array && c.readable && !secretName(c.name) {
			return part{array: c}, true
		}
	}
	return part{}, false
}

// wholes are the attributes that make a record whole beside those that "*" are.
func (s *shape) wholes() []string {
	var names []string
	for _, set := range s.sets {
		if set.more() {
			names = append(names, backends.Path(set.name, star))
		}
	}
	for _, c := range s.rel.columns {
		if c.array && !c.generated && c.readable && !secretName(c.name) {
			names = append(names, backends.Path(c.name, star))
		}
	}
	return names
}

// all are the columns of a set's rows that are theirs: not what makes them rows of the set and of the record, not what the database makes of others, and
// nothing secret.
func (s *set) all() []*column {
	var columns []*column
	for _, c := range s.rel.columns {
		ours := slices.Contains(s.on, c) || slices.ContainsFunc(s.fixed, func(f fixed) bool { return f.column == c })
		if !ours && c.readable && (!c.generated || c.always) && !secretName(c.name) {
			columns = append(columns, c)
		}
	}
	return columns
}

// more says that the set's values do not tell everything about its rows.
func (s *set) more() bool {
	return s.either || slices.ContainsFunc(s.all(), func(c *column) bool { return c.array || !slices.Contains(s.columns, c) })
}

// hidden are the columns of a set's rows that are never shown.
func (s *set) hidden() []string {
	var names []string
	for _, c := range s.rel.columns {
		if secretName(c.name) {
			names = append(names, c.name)
		}
	}
	return names
}

// write writes what is selected for it.
func (p part) write(st *statement, s *shape) {
	if p.array != nil {
		c := of("t", p.array)
		// A plain list is one that counts from 1, in one dimension, with a value in each place.
		st.sql("CASE WHEN ", c, " IS NULL THEN NULL WHEN array_ndims(", c, ") IS DISTINCT FROM 1 THEN ", c, "::text",
			" WHEN array_lower(", c, ", 1) <> 1 OR array_position(", c, "::text[], NULL) IS NOT NULL THEN ", c, "::text END")
		return
	}
	columns := p.set.all()
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = of("r", c) + "::text"
	}
	row := "ARRAY[" + strings.Join(texts, ", ") + "]::text[]"
	st.sql("(SELECT json_agg(", row, " ORDER BY ", row, ` COLLATE "C")::text FROM `, p.set.rel.sql(), " r WHERE ")
	st.own(s, p.set).sql(")")
}

// values are those in the text that write made.
func (p part) values(text []byte) (backends.Values, error) {
	if p.array != nil {
		return backends.Strings(string(text)), nil
	}
	var rows [][]*string
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, err
	}
	columns := p.set.all()
	values := make(backends.Values, 0, len(rows))
	for _, row := range rows {
		parts := backends.Attributes{}
		for i, t := range row {
			if t == nil {
				continue
			}
			shown, err := columns[i].uncensored(*t)
			if err != nil {
				return nil, err
			}
			parts[columns[i].name] = backends.Strings(shown)
		}
		values = append(values, backends.Row(parts))
	}
	return values, nil
}

// uncensored is a text of the column as it is, or without the secrets in it where it is a document.
func (c *column) uncensored(text string) (string, error) {
	if c.family != document || c.array {
		return text, nil
	}
	doc, err := parseJSON([]byte(text))
	if err != nil {
		return "", err
	}
	shown, err := c.inOneForm([]byte(text), doc)
	if err != nil {
		return "", err
	}
	return shown[0].Text(), nil
}

// inOneForm is wholeDocument in one and the same form whether or not there are secrets in it, so that a record can be told from what it was. How a json
// was written is part of it, as long as nothing is left out.
func (c *column) inOneForm(raw []byte, doc any) (backends.Values, error) {
	if c.typ != "jsonb" {
		return wholeDocument(raw, doc)
	}
	censor(doc)
	text, err := json.Marshal(doc)
	return backends.Strings(string(text)), err
}

// concealed are the places in a document that nobody is shown, each with a Secret that says no more.
func concealed(doc any, at string, members []string, into backends.Attributes) {
	switch doc := doc.(type) {
	case []any:
		for _, element := range doc {
			concealed(element, at, members, into)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(doc)) {
			path := append(slices.Clip(members), name)
			if secretName(name) {
				into[backends.Path(at, path...)] = backends.Values{backends.Secret("")}
				continue
			}
			concealed(doc[name], at, path, into)
		}
	}
}
