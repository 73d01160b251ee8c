package postgres

import "sync/atomic"

// uses are the ways in which a column was asked for by its name, and was there. A column that somebody renames or drops is not one without values: whoever
// took it for that would find nobody by it, and everybody by its contrary.
type uses struct {
	shown atomic.Bool // as it is
	below atomic.Bool // for places in it, which is a document
}

// used holds the database to a place from now on. What sets are made of, the configuration says by itself.
func (p place) used() {
	if p.column == nil || p.column.uses == nil || !p.column.readable {
		return
	}
	if len(p.path) > 0 {
		note(&p.column.uses.below)
		return
	}
	note(&p.column.uses.shown)
}

func note(said *atomic.Bool) {
	if !said.Load() { // most of the time it was
		said.Store(true)
	}
}

// held finds the columns that were used and are no more.
func (t *tailor) held(before *shape) {
	if before == nil || t.s.rel == nil {
		return
	}
	node, table := t.c.node.Get("table"), t.c.at.Table
	for _, old := range before.rel.columns {
		if old.uses == nil || !old.uses.shown.Load() && !old.uses.below.Load() {
			continue
		}
		now := findColumn(t.s.rel.columns, old.name)
		below := old.uses.below.Load()
		switch {
		case now == nil:
			t.fault(node, "call it that again, or say in the mapping what it is called now", "%s has lost the column %s, which is in use", table, old.name)
			continue
		case !now.readable:
			t.fault(node, "GRANT SELECT on it to the adapter's role", "the adapter's role may not read the column %s of %s any more, which is in use", old.name, table)
		case below && (now.family != document || now.array):
			t.fault(node, "make it jsonb again, or map what became of its places", "the column %s of %s, of which places are in use, is no document any more", old.name, table)
		}
		if below {
			note(&now.uses.below)
		}
		if old.uses.shown.Load() {
			note(&now.uses.shown)
		}
	}
}
