package embedded

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// writer is one write: who does it, under which controls, and what the server does beside it.
type writer struct {
	*store
	actor    string
	controls controls
	upkeep   upkeep
}

// written is an entry before and after a write; one of them is nil when it was added or deleted.
type written struct{ before, after *entry }

// add makes an entry. The order of the checks is slapd's: what is wrong with the request comes before what is wrong with the directory.
func (w *writer) add(dn string, attrs []Attr) (written, error) {
	name, ndn, err := w.parseDN(dn)
	if err != nil {
		return written{}, err
	}
	e := &entry{dn: name, ndn: ndn}
	for _, a := range attrs {
		if err := w.take(e, a, w.controls.relaxed); err != nil {
			return written{}, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(name) == 0 {
		return written{}, refuse(EntryAlreadyExists, "root DSE already exists")
	}
	if !below(ndn, w.suffix) {
		return written{}, refuse(UnwillingToPerform, "no global superior knowledge")
	}
	if e, err = w.finish(e, uuid.NewString()); err != nil {
		return written{}, err
	}
	if _, taken := w.byDN[ndn]; taken {
		return written{}, refuse(EntryAlreadyExists, "")
	}
	if _, ok := w.byDN[parentOf(ndn)]; !ok && ndn != w.suffix {
		return written{}, &resultError{code: NoSuchObject, matched: w.nearest(ndn)}
	}
	if err := w.assert(e); err != nil {
		return written{}, err
	}
	if err := w.upkeep.unique(w.store, nil, e); err != nil {
		return written{}, err
	}
	w.insert(e)
	w.upkeep.after(w, nil, e)
	return written{after: w.byID[e.id]}, nil
}

// take puts an attribute of a request into an entry that is being made.
func (s *store) take(e *entry, a Attr, relaxed bool) error {
	d, ok := s.describeStored(a.Name)
	switch {
	case !ok:
		return refuse(UndefinedAttributeType, "%s: attribute type undefined", a.Name)
	case len(a.Values) == 0:
		return refuse(ProtocolError, "no values for attribute type")
	}
	if _, twice := e.find(d); twice {
		return refuse(AttributeOrValueExists, "%s: provided more than once", d)
	}
	made, err := s.attribute(d, a.Values)
	if err != nil {
		return err
	}
	if d.typ.NoUser && !relaxed {
		return refuse(ConstraintViolation, "%s: no user modification allowed", d)
	}
	e.attrs = append(e.attrs, made)
	return nil
}

// finish completes a new entry with the values of its RDN and the attributes that are the directory's own, and checks it.
func (w *writer) finish(e *entry, id string) (*entry, error) {
	for _, ava := range e.dn[0] {
		d, _ := w.describe(ava.Type)
		have, _ := e.find(d)
		if slices.Contains(have.normal, w.normalize(d, []string{ava.Value})[0]) {
			continue
		}
		a, err := w.attribute(d, append(slices.Clone(have.values), ava.Value))
		if err != nil {
			return nil, err
		}
		e = e.with(a)
	}
	if err := w.check(e); err != nil {
		return nil, err
	}
	timestamp, csn := w.stamp()
	for _, own := range []Attr{
		{"structuralObjectClass", []string{w.rulesOf(w.classesOf(e)).structural}},
		{"entryUUID", []string{id}},
		{"creatorsName", []string{w.actor}},
		{"createTimestamp", []string{timestamp}},
		{"entryCSN", []string{csn}},
		{"modifiersName", []string{w.actor}},
		{"modifyTimestamp", []string{timestamp}},
		{"entryDN", []string{e.dn.String()}},
	} {
		d, _ := w.describe(own.Name)
		if _, given := e.find(d); !given {
			e.attrs = append(e.attrs, w.own(own))
		}
	}
	return e, nil
}

// own is an attribute that the directory sets itself.
func (s *store) own(a Attr) attribute {
	d, _ := s.describe(a.Name)
	return attribute{description: d, values: a.Values, normal: s.normalize(d, a.Values)}
}

func (s *store) classesOf(e *entry) []string {
	typ, _ := s.schema.Attribute("objectClass")
	return e.values(typ)
}

// touch notes on an entry that it was changed, when and by whom.
func (w *writer) touch(e *entry, actor string) *entry {
	timestamp, csn := w.stamp()
	return e.with(w.own(Attr{"entryCSN", []string{csn}})).
		with(w.own(Attr{"modifiersName", []string{actor}})).
		with(w.own(Attr{"modifyTimestamp", []string{timestamp}}))
}

// target finds the entry that a write is about, and holds it to the assertion that came with the request.
func (w *writer) target(ndn string) (*entry, error) {
	e, ok := w.byDN[ndn]
	if !ok {
		return nil, &resultError{code: NoSuchObject, matched: w.nearest(ndn)}
	}
	return e, w.assert(e)
}

func (w *writer) assert(e *entry) error {
	if w.controls.assertion != nil && w.controls.assertion.eval(e) != isTrue {
		return refuse(AssertionFailed, "assertion failed")
	}
	return nil
}

func (w *writer) delete(dn string) (written, error) {
	_, ndn, err := w.parseDN(dn)
	if err != nil {
		return written{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	e, err := w.target(ndn)
	if err != nil {
		return written{}, err
	}
	if w.children.get(ndn) > 0 {
		return written{}, refuse(NotAllowedOnNonLeaf, "subordinate objects must be deleted first")
	}
	w.remove(e)
	w.upkeep.after(w, e, nil)
	return written{before: e}, nil
}

// rename gives an entry, and with it all below, another name.
type rename struct {
	newRDN, newSuperior string
	deleteOld, moves    bool
}

func (w *writer) modifyDN(dn string, r rename) (written, error) {
	_, ndn, err := w.parseDN(dn)
	if err != nil {
		return written{}, err
	}
	rdn, _, err := w.parseDN(r.newRDN)
	if err != nil || len(rdn) != 1 {
		return written{}, refuse(InvalidDNSyntax, "invalid new RDN")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	e, err := w.target(ndn)
	if err != nil {
		return written{}, err
	}
	name, err := w.newName(e, rdn[0], r)
	if err != nil {
		return written{}, err
	}
	now, err := w.renamed(e, name, r.deleteOld)
	if err != nil {
		return written{}, err
	}
	if err := w.upkeep.unique(w.store, e, now); err != nil {
		return written{}, err
	}
	now = w.touch(now, w.actor)
	family := w.subtree(e.ndn)
	w.replace(now)
	w.upkeep.after(w, e, now)
	for _, child := range family {
		if child.id != e.id {
			w.follow(child, len(e.dn), now.dn)
		}
	}
	return written{before: e, after: w.byID[now.id]}, nil
}

// newName is the DN that a rename asks for, if there is room for it.
func (w *writer) newName(e *entry, rdn schema.RDN, r rename) (schema.DN, error) {
	parent := e.dn.Parent()
	if r.moves {
		dn, nparent, err := w.parseDN(r.newSuperior)
		if err != nil {
			return nil, refuse(InvalidDNSyntax, "invalid new superior DN")
		}
		above, ok := w.byDN[nparent]
		switch {
		case !ok:
			return nil, refuse(NoSuchObject, "new superior not found")
		case below(nparent, e.ndn):
			return nil, refuse(UnwillingToPerform, "cannot place an entry below itself")
		case len(dn) > 0:
			parent = above.dn
		}
	} else if above, ok := w.byDN[parentOf(e.ndn)]; ok {
		parent = above.dn
	}
	if e.ndn == w.suffix {
		return nil, refuse(UnwillingToPerform, "the suffix cannot be renamed")
	}
	name := append(schema.DN{rdn}, parent...)
	if taken, ok := w.byDN[w.schema.NormalizeDN(name)]; ok && taken.id != e.id {
		return nil, refuse(EntryAlreadyExists, "")
	}
	return name, nil
}

// renamed is the entry under its new name: the new RDN's values are added, the old one's taken away if that is asked.
func (w *writer) renamed(e *entry, name schema.DN, deleteOld bool) (*entry, error) {
	now := *e
	now.dn, now.ndn = name, w.schema.NormalizeDN(name)
	out := &now
	change := func(rdn schema.RDN, apply func(attribute, schema.AVA, string) attribute) error {
		for _, ava := range rdn {
			d, ok := w.describe(ava.Type)
			if !ok {
				return refuse(UndefinedAttributeType, "%s: attribute type undefined", ava.Type)
			}
			have, _ := out.find(d)
			have.description = d
			out = out.with(apply(have, ava, w.normalize(d, []string{ava.Value})[0]))
		}
		return nil
	}
	if deleteOld {
		if err := change(e.dn[0], func(a attribute, _ schema.AVA, normal string) attribute { return a.without(normal) }); err != nil {
			return nil, err
		}
	}
	add := func(a attribute, ava schema.AVA, normal string) attribute {
		if slices.Contains(a.normal, normal) {
			return a
		}
		return a.plus(ava.Value, normal)
	}
	if err := change(name[0], add); err != nil {
		return nil, err
	}
	out = out.with(w.own(Attr{"entryDN", []string{name.String()}}))
	return out, w.check(out)
}

// follow renames an entry below one that was renamed. Its own RDN stays, so nothing else about it changes.
func (w *writer) follow(e *entry, depth int, above schema.DN) {
	now := *w.byID[e.id]
	now.dn = append(slices.Clone(e.dn[:len(e.dn)-depth]), above...)
	now.ndn = w.schema.NormalizeDN(now.dn)
	out := now.with(w.own(Attr{"entryDN", []string{now.dn.String()}}))
	w.replace(out)
	w.upkeep.after(w, e, out)
}

// without is the attribute without a value; plus is it with another. Neither touches the memory of the one it comes from.
func (a attribute) without(normal string) attribute {
	at := slices.Index(a.normal, normal)
	if at < 0 {
		return a
	}
	a.values = slices.Delete(slices.Clone(a.values), at, at+1)
	a.normal = slices.Delete(slices.Clone(a.normal), at, at+1)
	return a
}

func (a attribute) plus(value, normal string) attribute {
	a.values = append(slices.Clip(a.values), value)
	a.normal = append(slices.Clip(a.normal), normal)
	return a
}

func isPassword(d description) bool { return strings.EqualFold(d.typ.Name(), "userPassword") }
