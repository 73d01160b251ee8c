package embedded

import (
	"crypto/rand"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// The extended operations that the server has.
const (
	oidStartTLS       = "1.3.6.1.4.1.1466.20037"  // RFC 4511 §4.14
	oidPasswordModify = "1.3.6.1.4.1.4203.1.11.1" // RFC 3062
	oidWhoAmI         = "1.3.6.1.4.1.4203.1.11.3" // RFC 4532
)

// extendedName takes an extended request apart.
func extendedName(op *ber.Packet) (oid string, value *ber.Packet) {
	for _, child := range op.Children {
		switch child.Tag {
		case 0:
			oid = text(child)
		case 1:
			value = child
		}
	}
	return oid, value
}

func (c *conn) extend(m message) (reply, error) {
	oid, value := extendedName(m.op)
	if _, err := c.srv.store.understand(m); err != nil {
		return reply{}, err
	}
	switch oid {
	case oidStartTLS:
		if c.srv.config.TLS == nil {
			return reply{}, refuse(ProtocolError, "unsupported extended operation")
		}
		if c.srv.config.LDAPS || c.encrypted() {
			return reply{}, refuse(OperationsError, "TLS already started")
		}
		return reply{name: oidStartTLS}, nil
	case oidWhoAmI:
		who := c.identity()
		if who.ndn == "" {
			return reply{hasValue: true}, nil
		}
		return reply{hasValue: true, value: "dn:" + who.dn}, nil
	case oidPasswordModify:
		return c.passwordModify(value)
	default:
		return reply{}, refuse(ProtocolError, "unsupported extended operation")
	}
}

// passwordRequest is the value of a password modify request; nil where a part was left out.
type passwordRequest struct{ user, old, fresh *string }

func decodePasswordRequest(value *ber.Packet) (passwordRequest, error) {
	var q passwordRequest
	if value == nil {
		return q, nil
	}
	p, err := ber.DecodePacketErr([]byte(text(value)))
	if err != nil {
		return q, refuse(ProtocolError, "the password modify request cannot be read")
	}
	for _, child := range p.Children {
		s := text(child)
		switch child.Tag {
		case 0:
			q.user = &s
		case 1:
			q.old = &s
		case 2:
			q.fresh = &s
		}
	}
	return q, nil
}

// passwordModify sets somebody's password: the administrator's right for all, everybody's for their own. With none given it makes one up
// and says it.
func (c *conn) passwordModify(value *ber.Packet) (reply, error) {
	q, err := decodePasswordRequest(value)
	if err != nil {
		return reply{}, err
	}
	who := c.identity()
	if who.ndn == "" {
		return reply{}, refuse(StrongerAuthRequired, "only authenticated users may change passwords")
	}
	target := who.dn
	if q.user != nil {
		target = *q.user
	}
	_, ndn, err := c.srv.store.parseDN(target)
	if err != nil {
		return reply{}, err
	}
	if !who.admin && ndn != who.ndn {
		return reply{}, refuse(InsufficientAccessRights, "")
	}
	if q.old != nil && !c.srv.authentic(ndn, *q.old) {
		return reply{}, refuse(UnwillingToPerform, "unwilling to verify old password")
	}
	var r reply
	if q.fresh == nil {
		made := rand.Text()
		q.fresh = &made
		p := ber.NewSequence("")
		p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, made, ""))
		r.value, r.hasValue = string(p.Bytes()), true
	}
	if *q.fresh == "" {
		return reply{}, refuse(UnwillingToPerform, "an empty password is none")
	}
	if err := c.setPassword(ndn, *q.fresh); err != nil {
		return reply{}, err
	}
	return r, nil
}

func (c *conn) setPassword(ndn, password string) error {
	if c.srv.config.HashPasswords {
		password = hashPassword(password)
	}
	m, err := c.srv.store.modification(modReplace, Attr{"userPassword", []string{password}})
	if err != nil {
		return err
	}
	w := &writer{store: c.srv.store, actor: c.identity().dn, upkeep: c.srv.upkeep()}
	_, err = w.change(ndn, []modification{m})
	return err
}
