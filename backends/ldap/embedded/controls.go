package embedded

import (
	"slices"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// The controls that the server has.
const (
	controlPaged      = "1.2.840.113556.1.4.319"    // RFC 2696
	controlAssertion  = "1.3.6.1.1.12"              // RFC 4528
	controlPreRead    = "1.3.6.1.1.13.1"            // RFC 4527
	controlPostRead   = "1.3.6.1.1.13.2"            // RFC 4527
	controlPermissive = "1.2.840.113556.1.4.1413"   // permissive modify
	controlManageDSA  = "2.16.840.1.113730.3.4.2"   // RFC 3296; there are no referral entries, so it changes nothing
	controlRelax      = "1.3.6.1.4.1.4203.666.5.12" // draft-zeilenga-ldap-relax: what the server keeps itself may be said
	controlSort       = "1.2.840.113556.1.4.473"    // RFC 2891
	controlSortResult = "1.2.840.113556.1.4.474"    // its answer
)

// controls are those of one request, understood.
type controls struct {
	assertion  filter
	pre, post  []string // attributes to read; nil: not asked
	permissive bool
	relaxed    bool
	paged      *pageRequest
	sort       *sortRequest
}

type pageRequest struct {
	size     int64
	cookie   string
	critical bool
}

// allowedOn says which requests a control may stand in.
var allowedOn = map[string][]ber.Tag{
	controlPaged:      {tagSearchRequest},
	controlSort:       {tagSearchRequest},
	controlAssertion:  {tagSearchRequest, tagModifyRequest, tagAddRequest, tagDeleteRequest, tagModifyDNRequest, tagCompareRequest},
	controlPreRead:    {tagModifyRequest, tagDeleteRequest, tagModifyDNRequest},
	controlPostRead:   {tagModifyRequest, tagAddRequest, tagModifyDNRequest},
	controlPermissive: {tagModifyRequest},
	controlRelax:      {tagAddRequest},
	controlManageDSA:  {tagSearchRequest, tagModifyRequest, tagAddRequest, tagDeleteRequest, tagModifyDNRequest, tagCompareRequest},
}

// understand reads the controls of a request. One that is critical and not known, or out of place, ends it (RFC 4511 §4.1.11).
func (s *store) understand(m message) (controls, error) {
	var out controls
	for _, c := range m.controls {
		if !s.fits(c.oid, m.op.Tag) {
			if c.critical {
				return out, refuse(UnavailableCriticalExt, "critical extension is not recognized")
			}
			continue
		}
		if err := out.take(s, c); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s *store) fits(oid string, op ber.Tag) bool {
	return slices.Contains(allowedOn[oid], op) && (oid != controlSort || !s.unsorted)
}

func (out *controls) take(s *store, c rawControl) (err error) {
	switch c.oid {
	case controlPermissive:
		out.permissive = true
	case controlRelax:
		out.relaxed = true
	case controlAssertion:
		var p *ber.Packet
		if p, err = c.decode(); err == nil {
			out.assertion, err = s.compile(p, 0)
		}
	case controlPreRead:
		out.pre, err = c.attributes()
	case controlPostRead:
		out.post, err = c.attributes()
	case controlPaged:
		out.paged, err = c.page()
	case controlSort:
		out.sort, err = c.sort()
	}
	return err
}

func (c rawControl) decode() (*ber.Packet, error) {
	p, err := ber.DecodePacketErr(c.value)
	if err != nil || len(c.value) == 0 {
		return nil, refuse(ProtocolError, "the value of control %s cannot be read", c.oid)
	}
	return p, nil
}

func (c rawControl) attributes() ([]string, error) {
	p, err := c.decode()
	if err != nil {
		return nil, err
	}
	attrs := []string{}
	for _, child := range p.Children {
		attrs = append(attrs, text(child))
	}
	return attrs, nil
}

func (c rawControl) page() (*pageRequest, error) {
	p, err := c.decode()
	if err != nil {
		return nil, err
	}
	if len(p.Children) == 2 {
		if size, ok := p.Children[0].Value.(int64); ok && size >= 0 {
			return &pageRequest{size: size, cookie: text(p.Children[1]), critical: c.critical}, nil
		}
	}
	return nil, refuse(ProtocolError, "the paged results control cannot be read")
}

// pageControl is the answer to a page: the cookie of the next one, empty after the last.
func pageControl(cookie string) rawControl {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(0), ""))
	p.AppendChild(octets(cookie))
	return rawControl{oid: controlPaged, value: p.Bytes(), hasValue: true}
}

// readControl is the entry as it was before or is after a write.
func readControl(oid string, entry *ber.Packet) rawControl {
	return rawControl{oid: oid, value: entry.Bytes(), hasValue: true}
}
