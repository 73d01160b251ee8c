package postgres

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Native is the statement that a walk for p sends, with its arguments behind it. Before the catalog is known it is the one for columns of text, and says so.
func (c *class) Native(p backends.Predicate) string {
	var b strings.Builder
	s := c.known()
	if s == nil {
		b.WriteString("-- not connected: columns are taken as text\n")
		s = c.supposed(p)
	}
	st := &statement{}
	if err := s.walkQuery(st, backends.Query{Where: p}); err != nil {
		return "-- " + err.Error()
	}
	b.WriteString(st.String())
	for i, arg := range st.args {
		fmt.Fprintf(&b, "\n-- $%d = %s", i+1, spelled(arg))
	}
	return b.String()
}

// spelled is an argument as SQL would write it, on one line.
func spelled(arg any) string {
	quote := func(s string) string {
		return "'" + strings.NewReplacer("'", "''", "\n", `\n`, "\r", `\r`).Replace(s) + "'"
	}
	switch v := arg.(type) {
	case string:
		return quote(v)
	case []string:
		all := make([]string, len(v))
		for i, s := range v {
			all[i] = quote(s)
		}
		return "ARRAY[" + strings.Join(all, ", ") + "]"
	case []byte:
		return `'\x` + hex.EncodeToString(v) + "'"
	case time.Time:
		return quote(v.Format(time.RFC3339Nano))
	}
	return fmt.Sprint(arg)
}

// supposed is the class as the configuration alone has it, with the attributes of p.
func (c *class) supposed(p backends.Predicate) *shape {
	suppose := func(r *relation, name string) *column {
		if found := findColumn(r.columns, name); found != nil {
			return found
		}
		col := &column{name: name, typ: "text", family: text, readable: true, collation: collation{name: defaultCollation, deterministic: true}}
		r.columns = append(r.columns, col)
		return col
	}
	s := &shape{class: c, rel: supposedTable(c.at.Table), folding: &folding{letters: map[string]*letters{defaultCollation: {}}, best: defaultCollation}}
	for _, name := range c.key {
		s.key = append(s.key, suppose(s.rel, name))
	}
	if c.at.Deleted != "" {
		s.deleted = suppose(s.rel, c.at.Deleted)
	}
	for _, d := range c.sets {
		set := &set{name: d.Name, rel: supposedTable(d.at.Rows), either: d.Either}
		for _, name := range d.on {
			set.on = append(set.on, suppose(set.rel, name))
		}
		for _, name := range slices.Sorted(maps.Keys(d.at.Where)) {
			set.fixed = append(set.fixed, fixed{suppose(set.rel, name), d.at.Where[name]})
		}
		for _, name := range d.Columns {
			set.columns = append(set.columns, suppose(set.rel, name))
		}
		s.sets = append(s.sets, set)
	}
	for _, attr := range backends.AttrsOf(p) {
		if slices.ContainsFunc(s.sets, func(set *set) bool { return strings.EqualFold(set.name, attr) }) {
			continue
		}
		if name, members, ok := backends.SplitPath(attr); ok && len(members) > 0 {
			doc := suppose(s.rel, name)
			doc.typ, doc.family = "jsonb", document
			continue
		}
		suppose(s.rel, attr)
	}
	return s
}

func supposedTable(name string) *relation {
	table, _ := tableName(name)
	return &relation{schema: table.schema, name: table.name, kind: 'r', readable: true}
}
