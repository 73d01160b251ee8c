package embedded

import (
	ber "github.com/go-asn1-ber/asn1-ber"
)

// change runs one of the writes: understand the request, do it, and read the entry back as the controls ask.
func (c *conn) change(m message) (reply, error) {
	ctl, err := c.srv.store.understand(m)
	if err != nil {
		return reply{}, err
	}
	if err := c.mayWrite(); err != nil {
		return reply{}, err
	}
	w := &writer{store: c.srv.store, actor: c.identity().dn, controls: ctl, upkeep: c.srv.upkeep()}
	done, err := w.perform(m.op)
	if err != nil {
		return reply{}, err
	}
	var r reply
	if ctl.pre != nil && done.before != nil {
		r.controls = append(r.controls, w.read(controlPreRead, done.before, ctl.pre))
	}
	if ctl.post != nil && done.after != nil {
		r.controls = append(r.controls, w.read(controlPostRead, done.after, ctl.post))
	}
	return r, nil
}

func (w *writer) read(control string, e *entry, attrs []string) rawControl {
	return readControl(control, encodeEntry(e.dn.String(), w.selected(e, attrs, true)))
}

func (w *writer) perform(op *ber.Packet) (written, error) {
	switch op.Tag {
	case tagAddRequest:
		if len(op.Children) != 2 {
			return written{}, errMessage
		}
		var attrs []Attr
		for _, p := range op.Children[1].Children {
			a, err := decodeAttr(p)
			if err != nil {
				return written{}, err
			}
			attrs = append(attrs, w.hashed(a))
		}
		return w.add(text(op.Children[0]), attrs)
	case tagModifyRequest:
		if len(op.Children) != 2 {
			return written{}, errMessage
		}
		return w.modify(text(op.Children[0]), op.Children[1])
	case tagDeleteRequest:
		return w.delete(text(op))
	default:
		return w.performRename(op)
	}
}

// hashed turns passwords into what is stored of them.
func (w *writer) hashed(a Attr) Attr {
	d, ok := w.describe(a.Name)
	if !w.upkeep.hash || !ok || !isPassword(d) {
		return a
	}
	out := Attr{Name: a.Name}
	for _, v := range a.Values {
		if len(v) == 0 || v[0] != '{' {
			v = hashPassword(v)
		}
		out.Values = append(out.Values, v)
	}
	return out
}

func (w *writer) performRename(op *ber.Packet) (written, error) {
	if op.Tag != tagModifyDNRequest || len(op.Children) < 3 || len(op.Children) > 4 {
		return written{}, errMessage
	}
	deleteOld, ok := op.Children[2].Value.(bool)
	if !ok {
		return written{}, errMessage
	}
	r := rename{newRDN: text(op.Children[1]), deleteOld: deleteOld}
	if len(op.Children) == 4 {
		r.newSuperior, r.moves = text(op.Children[3]), true
	}
	return w.modifyDN(text(op.Children[0]), r)
}

// compare tests one value. True and false are results like refusals.
func (c *conn) compare(m message) error {
	st := c.srv.store
	if len(m.op.Children) != 2 || len(m.op.Children[1].Children) != 2 {
		return errMessage
	}
	ctl, err := st.understand(m)
	if err != nil {
		return err
	}
	if err := c.mayRead(); err != nil {
		return err
	}
	_, ndn, err := st.parseDN(text(m.op.Children[0]))
	if err != nil {
		return err
	}
	attr, value := text(m.op.Children[1].Children[0]), text(m.op.Children[1].Children[1])
	d, ok := st.describe(attr)
	if !ok {
		return refuse(UndefinedAttributeType, "%s: attribute type undefined", attr)
	}
	if d.typ.Equality == "" {
		return refuse(InappropriateMatching, "%s: no equality matching rule", attr)
	}
	if err := st.schema.Assertable(d.typ.OID, value); err != nil {
		return refuse(InvalidAttributeSyntax, "value does not conform to assertion syntax")
	}
	e, ok := st.get(ndn)
	switch {
	case !ok:
		return &resultError{code: NoSuchObject}
	case ctl.assertion != nil && ctl.assertion.eval(e) != isTrue:
		return refuse(AssertionFailed, "assertion failed")
	case isPassword(d) && !c.identity().admin:
		return refuse(InsufficientAccessRights, "")
	case (presentFilter{d}).eval(e) != isTrue:
		return refuse(NoSuchAttribute, "")
	case st.compileTest(tagEquality, attr, value).eval(e) == isTrue:
		return refuse(CompareTrue, "")
	default:
		return refuse(CompareFalse, "")
	}
}
