package embedded

import (
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// TestHostileBytes: whatever arrives, the server ends that connection or answers, and goes on with others.
func TestHostileBytes(t *testing.T) {
	s := start(t, Config{Entries: family()})
	for sentence, bytes := range map[string]string{
		"nothing":                          "",
		"HTTP":                             "GET / HTTP/1.1\r\n\r\n",
		"half a message":                   "\x30\x10\x02\x01",
		"an empty sequence":                "\x30\x00",
		"a message without an operation":   "\x30\x03\x02\x01\x01",
		"an identifier that is text":       "\x30\x06\x04\x01\x01\x60\x01\x00",
		"an operation that does not exist": "\x30\x05\x02\x01\x01\x7e\x00",
		"a bind without parts":             "\x30\x05\x02\x01\x01\x60\x00",
		"a search without parts":           "\x30\x05\x02\x01\x01\x63\x00",
		"a modify without parts":           "\x30\x05\x02\x01\x01\x66\x00",
		"an add without parts":             "\x30\x05\x02\x01\x01\x68\x00",
		"a rename without parts":           "\x30\x05\x02\x01\x01\x6c\x00",
		"a comparison without parts":       "\x30\x05\x02\x01\x01\x6e\x00",
		"an extended one without parts":    "\x30\x05\x02\x01\x01\x77\x00",
		"an abandon of nothing":            "\x30\x05\x02\x01\x01\x50\x00",
		"a negative identifier":            "\x30\x05\x02\x01\xff\x60\x00",
	} {
		t.Run(sentence, func(t *testing.T) {
			c, err := net.Dial("tcp", s.Addr()) //nolint:noctx // a loopback test
			must(t, err)
			_, err = c.Write([]byte(bytes))
			must(t, err)
			must(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
			_, _ = c.Read(make([]byte, 100)) // an answer, the end, or nothing
			must(t, c.Close())
		})
	}
	must(t, modify(annDN, retitle("Boss"))(client(t, s)))
}

func TestDeepFilter(t *testing.T) {
	p := ber.Encode(ber.ClassContext, ber.TypePrimitive, tagPresent, nil, "")
	p.Value = "uid"
	p.Data.WriteString("uid")
	for range 2 * maxFilterDepth {
		not := ber.Encode(ber.ClassContext, ber.TypeConstructed, tagNot, nil, "")
		not.AppendChild(p)
		p = not
	}
	if _, err := plainStore(t).compile(p, 0); err == nil {
		t.Error("a filter without end was taken")
	}
}

// FuzzFilter: no filter that can be encoded makes the server fall over, and NOT always mirrors.
func FuzzFilter(f *testing.F) {
	for _, filter := range []string{"(uid=ann)", "(&(cn=a*b*c)(!(sn>=x)))", "(uid:dn:caseExactMatch:=x)", "(colour=red)", "(mail=*)"} {
		f.Add(filter)
	}
	st := newStore(schema.Standard(), DefaultSuffix, time.Now)
	e := &entry{attrs: []attribute{}}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ldap.CompileFilter(text)
		if err != nil {
			return
		}
		compiled, err := st.compile(ber.DecodePacket(p.Bytes()), 0)
		if err != nil {
			return
		}
		if got := compiled.eval(e) + (notFilter{compiled}).eval(e); got != isTrue {
			t.Errorf("%s and its opposite add up to %d", text, got)
		}
	})
}

func TestLongNames(t *testing.T) {
	c := client(t, start(t, Config{}))
	long := strings.Repeat("x", 5000)
	must(t, person("uid="+long+","+PeopleDN)(c))
	got, err := found(c, "(uid=*"+long[:4000]+"*)")
	if err != nil || len(got) != 1 {
		t.Errorf("%d found, %v", len(got), err)
	}
}
