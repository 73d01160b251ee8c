package embedded

import (
	"math/big"
	"slices"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// The kinds of modification (RFC 4511 §4.6, RFC 4525).
const (
	modAdd int64 = iota
	modDelete
	modReplace
	modIncrement
)

// modification is one change of a modify request.
type modification struct {
	kind  int64
	desc  description
	given attribute
}

// modifications reads the changes of a request and refuses what no entry could take.
func (w *writer) modifications(list *ber.Packet) ([]modification, error) {
	out := make([]modification, 0, len(list.Children))
	for _, p := range list.Children {
		if len(p.Children) != 2 {
			return nil, errMessage
		}
		kind, ok := p.Children[0].Value.(int64)
		if !ok || kind < modAdd || kind > modIncrement {
			return nil, refuse(ProtocolError, "unrecognized modification operation")
		}
		a, err := decodeAttr(p.Children[1])
		if err != nil {
			return nil, err
		}
		m, err := w.modification(kind, w.hashed(a))
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (s *store) modification(kind int64, a Attr) (modification, error) {
	d, ok := s.describeStored(a.Name)
	if !ok {
		return modification{}, refuse(UndefinedAttributeType, "%s: attribute type undefined", a.Name)
	}
	if len(a.Values) == 0 && (kind == modAdd || kind == modIncrement) {
		return modification{}, refuse(ProtocolError, "modify/add operation requires values")
	}
	made, err := s.attribute(d, a.Values)
	if err != nil {
		return modification{}, err
	}
	if d.typ.NoUser {
		return modification{}, refuse(ConstraintViolation, "%s: no user modification allowed", d)
	}
	return modification{kind: kind, desc: d, given: made}, nil
}

// modify applies all changes to an entry or none.
func (w *writer) modify(dn string, list *ber.Packet) (written, error) {
	_, ndn, err := w.parseDN(dn)
	if err != nil {
		return written{}, err
	}
	mods, err := w.modifications(list)
	if err != nil {
		return written{}, err
	}
	return w.change(ndn, mods)
}

func (w *writer) change(ndn string, mods []modification) (written, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, err := w.target(ndn)
	if err != nil {
		return written{}, err
	}
	now := before
	for _, m := range mods {
		if now, err = w.apply(now, m); err != nil {
			return written{}, err
		}
	}
	if now, err = w.sameStructure(before, now); err != nil {
		return written{}, err
	}
	if err := w.upkeep.unique(w.store, before, now); err != nil {
		return written{}, err
	}
	now = w.touch(now, w.actor)
	w.replace(now)
	w.upkeep.after(w, before, now)
	return written{before: before, after: w.byID[now.id]}, nil
}

// sameStructure checks what came of an entry: against the schema, and that it is still the kind of thing it was (69).
func (w *writer) sameStructure(before, now *entry) (*entry, error) {
	classes := w.classesOf(now)
	if len(classes) > 0 {
		was, is := w.rulesOf(w.classesOf(before)), w.rulesOf(classes)
		if is.err == nil && was.structural != is.structural {
			return nil, refuse(ObjectClassModsProhibited,
				"structural object class modification from '%s' to '%s' not allowed", was.structural, is.structural)
		}
	}
	return now, w.check(now)
}

func (w *writer) apply(e *entry, m modification) (*entry, error) {
	have, ok := e.find(m.desc)
	have.description = m.desc
	switch m.kind {
	case modAdd:
		return w.applyAdd(e, have, m)
	case modDelete:
		return w.applyDelete(e, have, ok, m)
	case modReplace:
		return e.with(m.given), nil
	default:
		return w.applyIncrement(e, have, ok, m)
	}
}

func (w *writer) applyAdd(e *entry, have attribute, m modification) (*entry, error) {
	if m.desc.typ.Equality == "" && len(have.values) > 0 {
		return nil, refuse(InappropriateMatching, "modify/add: %s: no equality matching rule", m.desc)
	}
	present := finder(have.normal, len(m.given.values))
	out := attribute{description: m.desc, values: slices.Clip(have.values), normal: slices.Clip(have.normal)}
	for i, v := range m.given.values {
		if m.given.normal == nil {
			out.values = append(out.values, v)
			continue
		}
		if present(m.given.normal[i]) >= 0 {
			if w.controls.permissive {
				continue
			}
			return nil, refuse(AttributeOrValueExists, "modify/add: %s: value #%d already exists", m.desc, i)
		}
		out.values, out.normal = append(out.values, v), append(out.normal, m.given.normal[i])
	}
	return e.with(out), nil
}

func (w *writer) applyDelete(e *entry, have attribute, ok bool, m modification) (*entry, error) {
	if !ok {
		if w.controls.permissive {
			return e, nil
		}
		return nil, refuse(NoSuchAttribute, "modify/delete: %s: no such attribute", m.desc)
	}
	if len(m.given.values) == 0 {
		return e.with(attribute{description: m.desc}), nil
	}
	if m.desc.typ.Equality == "" {
		return nil, refuse(InappropriateMatching, "modify/delete: %s: no equality matching rule", m.desc)
	}
	position := finder(have.normal, len(m.given.normal))
	gone := map[int]bool{}
	for _, v := range m.given.normal {
		at := position(v)
		if at >= 0 {
			gone[at] = true
		} else if !w.controls.permissive {
			return nil, refuse(NoSuchAttribute, "modify/delete: %s: no such value", m.desc)
		}
	}
	out := attribute{description: m.desc}
	for i := range have.values {
		if !gone[i] {
			out.values, out.normal = append(out.values, have.values[i]), append(out.normal, have.normal[i])
		}
	}
	return e.with(out), nil
}

// finder finds values in a list, by looking through it for a few and by a table for many: adding a thousand members to a hundred thousand
// must not take a hundred million steps.
func finder(values []string, wanted int) func(string) int {
	if wanted <= 8 {
		return func(v string) int { return slices.Index(values, v) }
	}
	at := make(map[string]int, len(values))
	for i, v := range values {
		at[v] = i
	}
	return func(v string) int {
		if i, ok := at[v]; ok {
			return i
		}
		return -1
	}
}

func (w *writer) applyIncrement(e *entry, have attribute, ok bool, m modification) (*entry, error) {
	if !ok && m.desc.typ.Syntax == schema.IntegerSyntax {
		return nil, refuse(NoSuchAttribute, "modify/increment: %s: no such attribute", m.desc)
	}
	if m.desc.typ.Syntax != schema.IntegerSyntax || len(m.given.values) != 1 {
		return nil, refuse(ConstraintViolation, "%s: attribute syntax inappropriate for increment", m.desc)
	}
	by, _ := new(big.Int).SetString(m.given.values[0], 10)
	values := make([]string, len(have.values))
	for i, v := range have.values {
		n, _ := new(big.Int).SetString(v, 10)
		values[i] = n.Add(n, by).String()
	}
	made, err := w.attribute(m.desc, values)
	return e.with(made), err
}
