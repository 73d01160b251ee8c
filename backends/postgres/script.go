package postgres

import (
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Script is a write as statements that come to the same. What is really sent is one transaction that takes many values at once, and holds the record to scope and
// version; see sets.go.
func (c *class) Script(w backends.Write) []string {
	s := c.known()
	if s == nil {
		return []string{"-- not connected: " + w.Op + " " + string(w.Key)}
	}
	key, _ := keyParts(w.Key, len(s.key))
	p := script{s: s, key: key}
	switch w.Op {
	case "create", "restore":
		p.insert(w.Attrs)
	case "modify":
		p.modify(w.Changes)
	case "delete":
		verb := "DELETE FROM " + s.rel.sql()
		if s.deleted != nil {
			mark := &statement{}
			s.markDeleted(mark)
			verb = "UPDATE " + s.rel.sql() + " SET " + ident(s.deleted.name) + " = " + mark.String()
		}
		p.say(verb + " WHERE " + p.is(s.key))
	default:
		p.say("-- " + w.Op + " " + string(w.Key))
	}
	return p.lines
}

type script struct {
	s     *shape
	key   []string
	lines []string
}

func (p *script) say(line string) { p.lines = append(p.lines, line+";") }

// is says that columns have the key's values.
func (p *script) is(columns []*column) string {
	var terms []string
	for i, c := range columns {
		if i < len(p.key) {
			terms = append(terms, ident(c.name)+" = "+spelled(p.key[i]))
		}
	}
	return strings.Join(terms, " AND ")
}

func (p *script) insert(attrs backends.Attributes) {
	var columns, values []string
	for i, c := range p.s.key {
		if i < len(p.key) && len(attrs.Get(c.name)) == 0 {
			columns, values = append(columns, ident(c.name)), append(values, spelled(p.key[i]))
		}
	}
	var sets []string
	for _, attr := range slices.Sorted(maps.Keys(attrs)) {
		at, ok := p.s.find(attr)
		switch {
		case ok && at.set != nil:
			sets = append(sets, attr)
		case ok && len(at.path) == 0 && !at.column.generated:
			columns, values = append(columns, ident(at.column.name)), append(values, written(attrs[attr]))
		default:
			p.lines = append(p.lines, "-- "+attr+" = "+written(attrs[attr]))
		}
	}
	p.say("INSERT INTO " + p.s.rel.sql() + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")")
	for _, attr := range sets {
		at, _ := p.s.find(attr)
		p.rows(at.set, backends.Add, attrs[attr])
	}
}

func (p *script) modify(changes []backends.Change) {
	var assigned []string
	for _, change := range changes {
		at, ok := p.s.find(change.Attr)
		switch {
		case ok && at.set != nil:
			if change.Op == backends.Replace || len(change.Values) == 0 {
				p.say("DELETE FROM " + at.set.rel.sql() + " WHERE " + p.mine(at.set))
			}
			if change.Op == backends.Remove {
				p.rows(at.set, backends.Remove, change.Values)
			} else {
				p.rows(at.set, backends.Add, change.Values)
			}
		case ok && len(at.path) == 0 && !at.column.array && change.Op != backends.Remove:
			assigned = append(assigned, ident(at.column.name)+" = "+written(change.Values))
		case ok && len(at.path) == 0 && !at.column.array:
			assigned = append(assigned, ident(at.column.name)+" = NULL")
		default: // in a document or an array
			p.lines = append(p.lines, "-- "+change.Op.String()+" "+change.Attr+": "+written(change.Values))
		}
	}
	if len(assigned) > 0 {
		p.say("UPDATE " + p.s.rel.sql() + " SET " + strings.Join(assigned, ", ") + " WHERE " + p.is(p.s.key))
	}
}

// mine are the rows of a set that are the record's.
func (p *script) mine(set *set) string {
	terms := []string{p.is(set.on)}
	for _, f := range set.fixed {
		terms = append(terms, ident(f.column.name)+" = "+spelled(f.value))
	}
	return strings.Join(terms, " AND ")
}

// rows puts rows into a set, or takes them out, one for each value.
func (p *script) rows(set *set, op backends.ChangeOp, values backends.Values) {
	for _, v := range values {
		var columns, texts []string
		for i, c := range set.columns {
			part := backends.Values{v}
			switch {
			case v.Kind() == backends.KindRow:
				part = v.Row().Get(c.name)
			case set.either && i > 0: // which of them it is the database tells by what there is
				continue
			}
			if len(part) > 0 {
				columns, texts = append(columns, ident(c.name)), append(texts, written(part))
			}
		}
		if op == backends.Remove {
			terms := []string{p.mine(set)}
			for i := range columns {
				terms = append(terms, columns[i]+" = "+texts[i])
			}
			p.say("DELETE FROM " + set.rel.sql() + " WHERE " + strings.Join(terms, " AND "))
			continue
		}
		for i, c := range set.on {
			if i < len(p.key) {
				columns, texts = append(columns, ident(c.name)), append(texts, spelled(p.key[i]))
			}
		}
		for _, f := range set.fixed {
			columns, texts = append(columns, ident(f.column.name)), append(texts, spelled(f.value))
		}
		p.say("INSERT INTO " + set.rel.sql() + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(texts, ", ") + ")")
	}
}

// written is what SQL would write for the values of a column. A secret is blanks.
func written(values backends.Values) string {
	texts := make([]string, len(values))
	for i, v := range values {
		switch v.Kind() {
		case backends.KindInt, backends.KindDecimal, backends.KindBool:
			texts[i] = v.Text()
		case backends.KindBytes:
			texts[i] = spelled(v.Bytes())
		default:
			texts[i] = spelled(v.String())
		}
	}
	switch len(texts) {
	case 0:
		return "NULL"
	case 1:
		return texts[0]
	}
	return "ARRAY[" + strings.Join(texts, ", ") + "]"
}
