package embedded

import (
	ber "github.com/go-asn1-ber/asn1-ber"
)

// The application tags of requests and their responses (RFC 4511 §4.2 ff.).
const (
	tagBindRequest      ber.Tag = 0
	tagBindResponse     ber.Tag = 1
	tagUnbindRequest    ber.Tag = 2
	tagSearchRequest    ber.Tag = 3
	tagSearchEntry      ber.Tag = 4
	tagSearchDone       ber.Tag = 5
	tagModifyRequest    ber.Tag = 6
	tagModifyResponse   ber.Tag = 7
	tagAddRequest       ber.Tag = 8
	tagAddResponse      ber.Tag = 9
	tagDeleteRequest    ber.Tag = 10
	tagDeleteResponse   ber.Tag = 11
	tagModifyDNRequest  ber.Tag = 12
	tagModifyDNResponse ber.Tag = 13
	tagCompareRequest   ber.Tag = 14
	tagCompareResponse  ber.Tag = 15
	tagAbandonRequest   ber.Tag = 16
	tagExtendedRequest  ber.Tag = 23
	tagExtendedResponse ber.Tag = 24
)

// responseTags say how a request is answered; what is not there is not a request.
var responseTags = map[ber.Tag]ber.Tag{
	tagBindRequest: tagBindResponse, tagSearchRequest: tagSearchDone, tagModifyRequest: tagModifyResponse, tagAddRequest: tagAddResponse,
	tagDeleteRequest: tagDeleteResponse, tagModifyDNRequest: tagModifyDNResponse, tagCompareRequest: tagCompareResponse,
	tagExtendedRequest: tagExtendedResponse,
}

// message is one LDAPMessage.
type message struct {
	id       int64
	op       *ber.Packet
	controls []rawControl
	unsorted bool // a fault wants this search unsorted
}

type rawControl struct {
	oid      string
	critical bool
	value    []byte
	hasValue bool
}

var errMessage = refuse(ProtocolError, "the message cannot be read")

func decodeMessage(p *ber.Packet) (message, error) {
	if p.ClassType != ber.ClassUniversal || p.Tag != ber.TagSequence || len(p.Children) < 2 {
		return message{}, errMessage
	}
	id, ok := p.Children[0].Value.(int64)
	if !ok || id < 0 || p.Children[1].ClassType != ber.ClassApplication {
		return message{}, errMessage
	}
	m := message{id: id, op: p.Children[1]}
	for _, child := range p.Children[2:] {
		if child.ClassType != ber.ClassContext || child.Tag != 0 {
			continue
		}
		for _, control := range child.Children {
			c, err := decodeControl(control)
			if err != nil {
				return message{}, err
			}
			m.controls = append(m.controls, c)
		}
	}
	return m, nil
}

func decodeControl(p *ber.Packet) (rawControl, error) {
	if len(p.Children) == 0 || len(p.Children) > 3 {
		return rawControl{}, errMessage
	}
	c := rawControl{oid: text(p.Children[0])}
	for _, part := range p.Children[1:] {
		switch part.Tag {
		case ber.TagBoolean:
			// Any value but zero is true: go-ldap sends 1 where RFC 4511 §5.1 wants 255, and slapd does not mind.
			truth, ok := part.Value.(bool)
			if !ok {
				return rawControl{}, errMessage
			}
			c.critical = truth
		case ber.TagOctetString:
			c.value, c.hasValue = []byte(text(part)), true
		default:
			return rawControl{}, errMessage
		}
	}
	return c, nil
}

// reply is the end of an operation.
type reply struct {
	result   resultError
	controls []rawControl
	name     string // of an extended response
	value    string
	hasValue bool
}

// encode writes the reply to a request as an LDAPMessage.
func (r reply) encode(id int64, tag ber.Tag) []byte {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(r.result.code), ""))
	op.AppendChild(octets(r.result.matched))
	op.AppendChild(octets(r.result.text))
	if len(r.result.referral) > 0 {
		urls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		for _, url := range r.result.referral {
			urls.AppendChild(octets(url))
		}
		op.AppendChild(urls)
	}
	if tag == tagExtendedResponse {
		if r.name != "" {
			op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 10, r.name, ""))
		}
		if r.hasValue {
			op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, r.value, ""))
		}
	}
	return envelope(id, op, r.controls)
}

func envelope(id int64, op *ber.Packet, controls []rawControl) []byte {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(op)
	if len(controls) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, c := range controls {
			control := ber.NewSequence("")
			control.AppendChild(octets(c.oid))
			if c.hasValue {
				control.AppendChild(octets(string(c.value)))
			}
			list.AppendChild(control)
		}
		p.AppendChild(list)
	}
	return p.Bytes()
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// encodeEntry writes what was selected of an entry.
func encodeEntry(dn string, attrs []Attr) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tagSearchEntry, nil, "")
	p.AppendChild(octets(dn))
	list := ber.NewSequence("")
	for _, a := range attrs {
		attr := ber.NewSequence("")
		attr.AppendChild(octets(a.Name))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.Values {
			set.AppendChild(octets(v))
		}
		attr.AppendChild(set)
		list.AppendChild(attr)
	}
	p.AppendChild(list)
	return p
}

// decodeAttr reads a type and a set of values.
func decodeAttr(p *ber.Packet) (Attr, error) {
	if len(p.Children) != 2 || p.Children[1].Tag != ber.TagSet {
		return Attr{}, errMessage
	}
	a := Attr{Name: text(p.Children[0])}
	for _, v := range p.Children[1].Children {
		a.Values = append(a.Values, text(v))
	}
	return a, nil
}
