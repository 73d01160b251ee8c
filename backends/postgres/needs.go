package postgres

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
)

// What a class is used for needs rights, columns that somebody writes, and keys that only one row has. All of that is said before the first request
// finds out.

// writes says that the records of the class are written, or could be where nobody has said what for they are used.
func (c *class) writes() bool {
	return !c.at.ReadOnly && (c.use == nil || len(c.use.Writes) > 0)
}

// need is what is done with one table.
type need struct {
	standing
	read, insert, update, remove bool
	reads, inserts, updates      []*column
	open                         []*column // of those that are inserted, what a new row may be without: it then has its default
}

// needs are what the use of the class comes to.
func (c *class) needs(s *shape) []need {
	main := need{standing: c.relations(s)[0], read: s.class.at.Version == xmin && s.version == nil && s.rel.kind != 'v'}
	main.reads = append(slices.Clone(s.key), present(s.version, s.deleted, s.doc)...)
	all := []need{}
	writes := !c.at.ReadOnly && len(c.use.Writes) > 0
	for _, attr := range c.use.Reads {
		if at, ok := s.place(attr); ok && at.column != nil {
			main.reads = append(main.reads, at.column)
		}
	}
	for _, attr := range c.use.Writes {
		if at, ok := s.place(attr); ok && at.column != nil && writes && !at.column.generated {
			main.inserts, main.updates = append(main.inserts, at.column), append(main.updates, at.column)
			if !slices.Contains(c.use.Required, attr) {
				main.open = append(main.open, at.column)
			}
		}
	}
	if writes {
		sure := func(col *column) {
			main.inserts = append(main.inserts, col)
			main.open = slices.DeleteFunc(main.open, func(other *column) bool { return other == col })
		}
		for _, attr := range c.use.Presets {
			if at, ok := s.place(attr); ok && at.column != nil {
				sure(at.column)
			}
		}
		for _, a := range s.filled(nil) {
			sure(a.column)
		}
		for _, a := range s.given(c.at.Update, nil) {
			main.updates = append(main.updates, a.column)
		}
		main.updates = append(main.updates, present(s.version, s.doc)...)
		main.insert, main.update = true, true
		switch {
		case s.deleted != nil && c.use.Deletes:
			main.updates = append(main.updates, s.deleted)
		case c.use.Deletes:
			main.remove = true
		}
	}
	for i, set := range s.sets {
		n := need{standing: c.relations(s)[i+1], reads: slices.Concat(set.on, set.columns)}
		n.inserts = slices.Clone(n.reads)
		for _, f := range set.fixed {
			n.reads, n.inserts = append(n.reads, f.column), append(n.inserts, f.column)
		}
		n.insert = writes && slices.ContainsFunc(c.use.Writes, func(attr string) bool { return strings.EqualFold(attr, set.name) })
		n.remove = n.insert
		if n.update = n.insert && set.rows(); n.update {
			n.updates = set.columns
		}
		all = append(all, n)
	}
	return append([]need{main}, all...)
}

func present(columns ...*column) []*column {
	return slices.DeleteFunc(columns, func(c *column) bool { return c == nil })
}

// barred reports the rights that the role lacks, each once for a table.
func (c *class) barred(f *fitted) configs.Faults {
	s := f.shape
	if s == nil {
		s = f.partly
	}
	if c.use == nil || s.rel == nil {
		return nil
	}
	var faults configs.Faults
	for _, n := range c.needs(s) {
		r, role := n.rel, ident(f.role.name)
		lacks := func(right string, columns []*column, whole bool, may func(*column) bool) {
			var missing []string
			for _, col := range columns {
				if name := ident(col.name); !may(col) && !slices.Contains(missing, name) {
					missing = append(missing, name)
				}
			}
			on, what := r.sql(), ""
			switch {
			case !whole && len(missing) == 0:
				return
			case !whole && slices.ContainsFunc(r.columns, may):
				right += " (" + strings.Join(missing, ", ") + ")"
				what = " these columns of"
			}
			verb, _, _ := strings.Cut(right, " ")
			faults = append(faults, n.node.Fault("GRANT "+right+" ON "+on+" TO "+role, "the role %s has no right to %s%s %s%s", f.role.name, verb, what, on, inBrackets(what, missing)))
		}
		if r.readable { // else that has been said
			lacks("SELECT", n.reads, n.read && !r.rights.read, func(c *column) bool { return c.readable })
		}
		if (n.insert || n.remove) && !r.rights.able {
			faults = append(faults, n.node.Fault(map[bool]string{true: "write readOnly: true", false: "write access: readOnly beside rows"}[r == s.rel]+", or give the view INSTEAD OF triggers", "%s cannot be written: it is a view without a rule for that", r.sql()))
			continue
		}
		if n.insert {
			lacks("INSERT", n.inserts, !slices.ContainsFunc(r.columns, func(c *column) bool { return c.given }), func(c *column) bool { return c.given })
			faults = append(faults, n.counters(f.role.name)...)
		}
		if n.update { // taking a row, too, needs the right to update something of it
			lacks("UPDATE", n.updates, !slices.ContainsFunc(r.columns, func(c *column) bool { return c.changed }), func(c *column) bool { return c.changed })
		}
		if n.remove {
			lacks("DELETE", nil, !r.rights.remove, nil)
		}
	}
	return faults
}

func inBrackets(what string, names []string) string {
	if what == "" {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

// counters reports the sequences that new rows take numbers from.
func (n need) counters(role string) configs.Faults {
	var faults configs.Faults
	for _, col := range n.rel.columns {
		if slices.Contains(n.inserts, col) && !slices.Contains(n.open, col) {
			continue // whatever the default would be
		}
		for _, sequence := range col.counters {
			faults = append(faults, n.node.Fault("GRANT USAGE ON SEQUENCE "+sequence+" TO "+ident(role),
				"the role %s has no right to USAGE of the sequence %s, which gives %s of %s its values", role, sequence, ident(col.name), n.rel.sql()))
		}
	}
	return faults
}

// unguarded says where two rows could have one key: a fault of a table that is written, and of what cannot have an index a warning.
func (c *class) unguarded(f *fitted, faults *configs.Faults) []string {
	if f.shape == nil || unique(f.shape.rel, c.key) || !c.writes() {
		return nil
	}
	r, key := f.shape.rel, strings.Join(c.key, ", ")
	if r.kind == 'r' || r.kind == 'p' {
		*faults = append(*faults, c.node.Get("key").Fault("give it a unique index, or write readOnly: true",
			"nothing keeps two rows of %s from having the same key (%s), and a write would be one of both", c.at.Table, key))
		return nil
	}
	return []string{c.node.Path() + ": nothing says that no two rows of " + c.at.Table + " have the same key (" + key +
		"); name a key that is unique, or write readOnly: true. A write of several rows at once is refused"}
}

// unwritten reports columns that a new row must have and nobody gives it. What a trigger may fill in is a warning.
func (c *class) unwritten(f *fitted, faults *configs.Faults) []string {
	if f.shape == nil || c.use == nil {
		return nil
	}
	var warnings []string
	needs := c.needs(f.shape)
	for _, n := range needs {
		var missing []string
		for _, col := range n.rel.columns {
			if n.insert && col.notNull && !col.defaulted && !col.generated && !slices.Contains(n.inserts, col) {
				missing = append(missing, ident(col.name))
			}
		}
		if len(missing) == 0 {
			continue
		}
		remedy, which := "give it a value under insert, map it, or give it a default in the database", "POST"
		if n.rel != f.shape.rel {
			remedy, which = "give it a value under where, map it, or give it a default in the database", "new row"
		}
		fault := n.node.Fault(remedy, "nobody writes %s of %s, which must not be NULL and has no default: every %s would be refused",
			strings.Join(missing, ", "), n.rel.sql(), which)
		if n.rel.filling {
			warnings = append(warnings, fault.Path+": "+fault.Message+", unless a trigger of the table fills it in")
			continue
		}
		*faults = append(*faults, fault)
	}
	if needs[0].insert && f.role.readOnly {
		warnings = append(warnings, c.node.Path()+": the server takes no writes (it is a standby, or default_transaction_read_only is on); name one that does, or write readOnly: true")
	}
	return warnings
}
