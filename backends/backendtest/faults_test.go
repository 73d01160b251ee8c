package backendtest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// hooked is a backend of which some methods are replaced; the others are the real one's.
type hooked struct {
	backends.Backend
	fetch  func(context.Context, []backends.Key, []string) ([]backends.Record, error)
	walk   func(context.Context, backends.Query) iter.Seq2[backends.Record, error]
	count  func(context.Context, backends.Predicate, int) (int, bool, error)
	has    func(context.Context, backends.Key, string, []backends.Value) ([]bool, error)
	create func(context.Context, backends.Template, backends.Attributes, []string) (backends.Record, error)
	modify func(context.Context, backends.Key, []backends.Change, backends.Condition, []string) (backends.Record, error)
	move   func(context.Context, backends.Key, backends.Template, backends.Condition) error
	remove func(context.Context, backends.Key, backends.Condition, ...*backends.Release) error
	revive func(context.Context, backends.Record, []string) (backends.Record, []string, error)
	find   func(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error)
	names  func(context.Context, string, []backends.Key) (map[backends.Key]string, error)
	holds  func(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error)
	can    func(backends.Capabilities) backends.Capabilities
	plan   func(context.Context, backends.Query) ([]string, error)
}

func (h *hooked) Capabilities() backends.Capabilities {
	if h.can != nil {
		return h.can(h.Backend.Capabilities())
	}
	return h.Backend.Capabilities()
}

func (h *hooked) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	if h.fetch != nil {
		return h.fetch(ctx, keys, attrs)
	}
	return h.Backend.Fetch(ctx, keys, attrs)
}

func (h *hooked) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	if h.walk != nil {
		return h.walk(ctx, q)
	}
	return h.Backend.Walk(ctx, q)
}

func (h *hooked) Count(ctx context.Context, p backends.Predicate, limit int) (int, bool, error) {
	if h.count != nil {
		return h.count(ctx, p, limit)
	}
	return h.Backend.Count(ctx, p, limit)
}

func (h *hooked) Has(ctx context.Context, key backends.Key, attr string, values []backends.Value) ([]bool, error) {
	if h.has != nil {
		return h.has(ctx, key, attr, values)
	}
	return h.Backend.Has(ctx, key, attr, values)
}

func (h *hooked) Create(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
	if h.create != nil {
		return h.create(ctx, name, attrs, want)
	}
	return h.Backend.Create(ctx, name, attrs, want)
}

func (h *hooked) Modify(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
	if h.modify != nil {
		return h.modify(ctx, key, changes, cond, want)
	}
	return h.Backend.Modify(ctx, key, changes, cond, want)
}

func (h *hooked) Move(ctx context.Context, key backends.Key, name backends.Template, cond backends.Condition) error {
	if h.move != nil {
		return h.move(ctx, key, name, cond)
	}
	return h.Backend.Move(ctx, key, name, cond)
}

func (h *hooked) Restore(ctx context.Context, rec backends.Record, want []string) (backends.Record, []string, error) {
	if h.revive != nil {
		return h.revive(ctx, rec, want)
	}
	return h.Backend.Restore(ctx, rec, want)
}

func (h *hooked) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	for _, r := range release {
		if other, ok := r.From.(*hooked); ok {
			r.From = other.Backend
		}
	}
	if h.remove != nil {
		return h.remove(ctx, key, cond, release...)
	}
	return h.Backend.Delete(ctx, key, cond, release...)
}

func (h *hooked) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	if h.find != nil {
		return h.find(ctx, by, names, attrs)
	}
	return h.Backend.Find(ctx, by, names, attrs)
}

func (h *hooked) Names(ctx context.Context, by string, keys []backends.Key) (map[backends.Key]string, error) {
	if h.names != nil {
		return h.names(ctx, by, keys)
	}
	return h.Backend.Names(ctx, by, keys)
}

func (h *hooked) Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	if h.holds != nil {
		return h.holds(ctx, attr, names, attrs)
	}
	return h.Backend.Holders(ctx, attr, names, attrs)
}

func (h *hooked) Plan(ctx context.Context, q backends.Query) ([]string, error) {
	if h.plan != nil {
		return h.plan(ctx, q)
	}
	return h.Backend.Plan(ctx, q)
}

// planter puts a fault into a backend that is right.
type planter func(m *Memory, b backends.Backend) backends.Backend

// asking makes a backend understand predicates wrongly: every leaf is rewritten before it is asked.
func asking(rewrite func(backends.Predicate) backends.Predicate) planter {
	return func(_ *Memory, b backends.Backend) backends.Backend {
		return &hooked{
			Backend: b,
			walk: func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				q.Where = leaves(q.Where, rewrite)
				return b.Walk(ctx, q)
			},
			count: func(ctx context.Context, p backends.Predicate, limit int) (int, bool, error) {
				return b.Count(ctx, leaves(p, rewrite), limit)
			},
		}
	}
}

func leaves(p backends.Predicate, rewrite func(backends.Predicate) backends.Predicate) backends.Predicate {
	each := func(terms []backends.Predicate) []backends.Predicate {
		var changed []backends.Predicate
		for _, term := range terms {
			changed = append(changed, leaves(term, rewrite))
		}
		return changed
	}
	switch p := p.(type) {
	case backends.And:
		return backends.And(each(p))
	case backends.Or:
		return backends.Or(each(p))
	case backends.Not:
		return backends.Not{Term: leaves(p.Term, rewrite)}
	}
	return rewrite(p)
}

// caseMatters compares letter by letter whatever rule is wanted.
func caseMatters(p backends.Predicate) backends.Predicate {
	if eq, ok := p.(backends.Eq); ok && eq.Rule == backends.CaseIgnoreSpace {
		eq.Rule = backends.CaseExactSpace
		return eq
	}
	return p
}

func blanksMatter(p backends.Predicate) backends.Predicate {
	if eq, ok := p.(backends.Eq); ok && eq.Rule == backends.CaseIgnoreSpace {
		eq.Rule = backends.CaseIgnore
		return eq
	}
	return p
}

func prefixAsContains(p backends.Predicate) backends.Predicate {
	if prefix, ok := p.(backends.Prefix); ok {
		return backends.Contains(prefix)
	}
	return p
}

func equalAsPrefix(p backends.Predicate) backends.Predicate {
	if eq, ok := p.(backends.Eq); ok && eq.Rule == backends.CaseIgnoreSpace {
		return backends.Prefix{Attr: eq.Attr, Text: eq.Value.Text(), Rule: eq.Rule}
	}
	return p
}

// starsAreWild lets a star in a literal mean anything, as an unescaped filter would.
func starsAreWild(p backends.Predicate) backends.Predicate {
	if eq, ok := p.(backends.Eq); ok && eq.Value.Text() == "*" {
		return backends.Present{Attr: eq.Attr}
	}
	return p
}

func orderAsText(p backends.Predicate) backends.Predicate {
	if order, ok := p.(backends.Order); ok && order.Rule == backends.IntegerRule {
		order.Rule = backends.CaseExact
		return order
	}
	return p
}

func lessIncludesEqual(p backends.Predicate) backends.Predicate {
	if order, ok := p.(backends.Order); ok && order.Op == backends.Less {
		order.Op = backends.LessEq
		return order
	}
	return p
}

func anyBit(p backends.Predicate) backends.Predicate {
	if bits, ok := p.(backends.AllBits); ok && bits.Mask == 3 {
		return backends.Or{backends.AllBits{Attr: bits.Attr, Mask: 1}, backends.AllBits{Attr: bits.Attr, Mask: 2}}
	}
	return p
}

func firstKeyOnly(p backends.Predicate) backends.Predicate {
	if in, ok := p.(backends.KeyIn); ok && len(in.Keys) > 1 {
		return backends.KeyIn{Keys: in.Keys[:1]}
	}
	return p
}

// threeValued answers as LDAP does without care: a test of an absent attribute, or with a literal that cannot be read, is neither true nor
// false, and so is its opposite.
func threeValued(undefined func(backends.Predicate, backends.Record) bool) planter {
	return func(_ *Memory, b backends.Backend) backends.Backend {
		var eval func(p backends.Predicate, r backends.Record) (truth, known bool)
		eval = func(p backends.Predicate, r backends.Record) (truth, known bool) {
			switch p := p.(type) {
			case backends.Not:
				truth, known = eval(p.Term, r)
				return !truth, known
			case backends.And, backends.Or:
				return backends.Match(p, r), true // the fault is shown by NOT over a leaf
			}
			return backends.Match(p, r), !undefined(p, r)
		}
		return &hooked{Backend: b, walk: func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			return func(yield func(backends.Record, error) bool) {
				for rec, err := range b.Walk(ctx, backends.Query{Attrs: []string{"*"}}) {
					truth, known := eval(q.Where, rec)
					if (err != nil || truth && known) && !yield(rec, err) {
						return
					}
				}
			}
		}}
	}
}

func absent(p backends.Predicate, r backends.Record) bool {
	attrs := backends.AttrsOf(p)
	return len(attrs) == 1 && len(r.Attrs.Get(attrs[0])) == 0
}

func illegible(p backends.Predicate, _ backends.Record) bool {
	eq, ok := p.(backends.Eq)
	if !ok {
		return false
	}
	_, legible := backends.Canonical(eq.Rule, eq.Value.Text())
	return !legible
}

// wide gives the same directory without scope and protection.
func wide(m *Memory) *memoryClass { return m.Class(Class{}).(*memoryClass) }

// with makes a planter of a function that fills in hooks.
func with(fill func(m *Memory, h *hooked)) planter {
	return func(m *Memory, b backends.Backend) backends.Backend {
		h := &hooked{Backend: b}
		fill(m, h)
		return h
	}
}

// unconditional drops part of the conditions of all writes.
func unconditional(drop func(*backends.Condition)) planter {
	return with(func(_ *Memory, h *hooked) {
		b := h.Backend
		h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
			drop(&cond)
			return b.Modify(ctx, key, changes, cond, want)
		}
	})
}

// readThenWrite checks a condition in one operation and writes in the next, as a backend does whose directory knows no conditions.
func readThenWrite(m *Memory, b backends.Backend) backends.Backend {
	h := &hooked{Backend: b}
	h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
		recs, err := b.Fetch(ctx, []backends.Key{key}, []string{"*"})
		if err != nil {
			return backends.Record{}, err
		}
		for _, rec := range recs {
			if cond.Version != "" && rec.Version != cond.Version || !backends.Match(cond.Assert, rec) {
				return backends.Record{}, backends.ErrChanged
			}
		}
		pause()
		return b.Modify(ctx, key, changes, backends.Condition{}, want)
	}
	return h
}

// permissive leaves out changes that have no effect instead of saying so.
func permissive(_ *Memory, b backends.Backend) backends.Backend {
	h := &hooked{Backend: b}
	h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
		rec, err := b.Modify(ctx, key, changes, cond, want)
		if errors.Is(err, backends.ErrNoEffect) {
			return b.Modify(ctx, key, nil, cond, want)
		}
		return rec, err
	}
	return h
}

// oneByOne does each change as an operation of its own.
func oneByOne(_ *Memory, b backends.Backend) backends.Backend {
	h := &hooked{Backend: b}
	h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (rec backends.Record, err error) {
		for _, c := range changes {
			if rec, err = b.Modify(ctx, key, []backends.Change{c}, cond, want); err != nil {
				return rec, err
			}
		}
		return rec, nil
	}
	return h
}

// namesAsText puts the slots of a template into the name as they are.
func namesAsText(_ *Memory, b backends.Backend) backends.Backend {
	h := &hooked{Backend: b}
	h.create = func(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
		var text strings.Builder
		for _, part := range name {
			text.WriteString(part.Text + part.Value.Text())
		}
		return b.Create(ctx, backends.Template{{Text: text.String()}}, attrs, want)
	}
	return h
}

// lettersMatter lets names differ in letter case only: it hides the collision by a trailing mark that it takes off again.
func lettersMatter(m *Memory, b backends.Backend) backends.Backend {
	h := &hooked{Backend: b}
	h.create = func(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
		rec, err := b.Create(ctx, name, attrs, want)
		if !errors.Is(err, backends.ErrExists) {
			return rec, err
		}
		other := slices.Clone(name)
		other[1].Value = backends.String(other[1].Value.Text() + "~")
		return b.Create(ctx, other, attrs, want)
	}
	return h
}
