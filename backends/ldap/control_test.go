package ldap

import (
	"bytes"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// RFC 4511 §5.1: TRUE is 0xFF. A server that reads 0x01 as FALSE would leave a critical assertion out and write all the same.
func TestCriticalityIsWrittenInFull(t *testing.T) {
	c, err := assert(test{"uid", "=", "x"})
	if err != nil {
		t.Fatal(err)
	}
	if raw := c.Encode().Bytes(); !bytes.Contains(raw, []byte{0x01, 0x01, 0xFF}) {
		t.Errorf("% x", raw)
	}
	if raw := postRead([]string{"uid"}).Encode().Bytes(); bytes.Contains(raw, []byte{0x01, 0x01}) {
		t.Errorf("post-read is critical: % x", raw)
	}
	if c.GetControlType() != oidAssertion || c.String() == "" {
		t.Errorf("%v", c)
	}
}

func entryPacket(dn string, attrs ...[]string) *ber.Packet {
	octet := func(s string) *ber.Packet {
		return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 4, nil, "")
	p.AppendChild(octet(dn))
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	for _, a := range attrs {
		attr := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		attr.AppendChild(octet(a[0]))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a[1:] {
			values.AppendChild(octet(v))
		}
		attr.AppendChild(values)
		list.AppendChild(attr)
	}
	p.AppendChild(list)
	return p
}

func TestEntryAfter(t *testing.T) {
	raw := entryPacket("uid=x", []string{"uid", "x", "\xff\x00"}, []string{"empty"}).Bytes()
	e, err := entryAfter([]goldap.Control{&goldap.ControlString{ControlType: oidPostRead, ControlValue: string(raw)}})
	if err != nil || e.DN != "uid=x" || !bytes.Equal(e.GetRawAttributeValues("uid")[1], []byte("\xff\x00")) {
		t.Errorf("%+v %v", e, err)
	}
	if e, err := entryAfter(nil); e != nil || err != nil {
		t.Errorf("no control: %v %v", e, err)
	}
	for _, bad := range []string{"", "x", "\x30\x00", "\x64\x02\x04\x00"} {
		if e, err := entryAfter([]goldap.Control{&goldap.ControlString{ControlType: oidPostRead, ControlValue: bad}}); err == nil {
			t.Errorf("%q is read as %+v", bad, e)
		}
	}
}

func FuzzEntryAfter(f *testing.F) {
	f.Add(entryPacket("uid=x", []string{"uid", "x"}).Bytes())
	f.Add([]byte("\x64\x02\x04\x00"))
	f.Fuzz(func(_ *testing.T, raw []byte) { // must not panic, whatever a server sends
		_, _ = entryAfter([]goldap.Control{&goldap.ControlString{ControlType: oidPostRead, ControlValue: string(raw)}})
	})
}

func TestForesee(t *testing.T) {
	in := newInfo(schema.Standard(), true)
	entry := backends.Attributes{
		"objectClass": backends.Strings("inetOrgPerson"), "UID": backends.Strings("Bob"), "surname": backends.Strings("Smith"), "title": backends.Strings("x"),
	}
	for filter, want := range map[string]verdict{
		"(objectClass=inetOrgPerson)": yes,
		"(objectClass=person)":        yes, // a superclass
		"(objectClass=groupOfNames)":  never,
		"(objectClass=noSuchClass)":   unsure,
		"(uid=bob)":                   yes,
		"(userid=bob)":                yes, // another name of it
		"(uid=alice)":                 never,
		"(sn=smith)":                  yes,
		"(mail=*)":                    never,
		"(title=*)":                   yes,
		"(!(mail=*))":                 yes,
		"(&(uid=bob)(mail=*))":        never,
		"(|(uid=bob)(memberOf=cn=x))": yes,
		"(&(uid=bob)(createTimestamp>=20200101000000Z))":   unsure,
		"(&(uid=alice)(createTimestamp>=20200101000000Z))": never,
		"(|(uid=alice)(entryUUID=*))":                      unsure,
		"(name=bob)":                                       unsure, // values of subtypes count
		"(noSuch=x)":                                       never,
		"(uid=b*)":                                         unsure,
		"(uid:caseIgnoreOrderingMatch:=z)":                 unsure,
		"(!(!(uid=bob)))":                                  yes,
	} {
		n, err := compileNative(filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		if got := n.foresee(in, entry); got != want {
			t.Errorf("%s: %d, want %d", filter, got, want)
		}
	}
	n, _ := compileNative("(&(uid=x)(!(mail=*))(cn:caseIgnoreOrderingMatch:=z)(sn=a*b))")
	if got := n.attrs(); len(got) != 4 {
		t.Errorf("it names %v", got)
	}
}
