package ldap

import (
	"errors"
	"fmt"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

// control is a request control. go-ldap's own writes criticality TRUE as 0x01 where RFC 4511 §5.1 wants 0xFF, which some servers read as FALSE:
// they would leave an assertion out and write all the same.
type control struct {
	oid      string
	critical bool
	value    []byte
}

var _ goldap.Control = control{}

// GetControlType gives the OID.
func (c control) GetControlType() string { return c.oid }

// Encode writes the control, RFC 4511 §4.1.11.
func (c control) Encode() *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "Control")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, c.oid, "controlType"))
	if c.critical {
		p.AppendChild(ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, "criticality"))
	}
	if c.value != nil { // slapd refuses the relax control with a value, even an empty one
		p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(c.value), "controlValue"))
	}
	return p
}

// String is for go-ldap's debugging.
func (c control) String() string { return fmt.Sprintf("control %s, critical %t", c.oid, c.critical) }

// assert makes an operation happen only if f holds for its entry (RFC 4528 §3).
func assert(f filter) (goldap.Control, error) {
	p, err := goldap.CompileFilter(text(f))
	if err != nil {
		return nil, err
	}
	return control{oid: oidAssertion, critical: true, value: p.Bytes()}, nil
}

// postRead asks for the entry as the operation leaves it (RFC 4527 §3.2).
func postRead(attrs []string) goldap.Control {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "AttributeSelection")
	for _, attr := range attrs {
		p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, attr, "selector"))
	}
	return control{oid: oidPostRead, value: p.Bytes()}
}

// matchedValues makes a search return only those values that a test holds for (RFC 3876 §2).
func matchedValues(tests []filter) (goldap.Control, error) {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "ValuesReturnFilter")
	for _, t := range tests {
		item, err := goldap.CompileFilter(text(t))
		if err != nil {
			return nil, err
		}
		p.AppendChild(item)
	}
	return control{oid: oidMatchedValues, critical: true, value: p.Bytes()}, nil
}

var errPostRead = errors.New("the post-read control holds no entry")

// entryAfter finds the entry in the controls of an answer; nil when the server sent none.
func entryAfter(controls []goldap.Control) (*goldap.Entry, error) {
	found := goldap.FindControl(controls, oidPostRead)
	if found == nil {
		return nil, nil
	}
	answer, ok := found.(*goldap.ControlString)
	if !ok {
		return nil, errPostRead
	}
	p, err := ber.DecodePacketErr([]byte(answer.ControlValue))
	if err != nil {
		return nil, fmt.Errorf("the post-read control: %w", err)
	}
	return decodeEntry(p)
}

// decodeEntry reads a SearchResultEntry (RFC 4511 §4.5.2).
func decodeEntry(p *ber.Packet) (*goldap.Entry, error) {
	if len(p.Children) != 2 {
		return nil, errPostRead
	}
	e := &goldap.Entry{DN: octets(p.Children[0])}
	for _, attr := range p.Children[1].Children {
		if len(attr.Children) != 2 {
			return nil, errPostRead
		}
		a := &goldap.EntryAttribute{Name: octets(attr.Children[0])}
		for _, value := range attr.Children[1].Children {
			raw := octets(value)
			a.Values = append(a.Values, raw)
			a.ByteValues = append(a.ByteValues, []byte(raw))
		}
		e.Attributes = append(e.Attributes, a)
	}
	return e, nil
}

func octets(p *ber.Packet) string {
	if p.Data == nil {
		return ""
	}
	return p.Data.String()
}
