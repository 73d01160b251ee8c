package embedded

import (
	"slices"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
)

// control is a critical control with a value, its criticality as RFC 4511 §5.1 wants it.
type control struct {
	oid   string
	value *ber.Packet
}

func (c control) GetControlType() string { return c.oid }
func (c control) String() string         { return c.oid }

func (c control) Encode() *ber.Packet {
	p := ber.NewSequence("")
	p.AppendChild(octets(c.oid))
	p.AppendChild(ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, ""))
	p.AppendChild(octets(string(c.value.Bytes())))
	return p
}

func asserting(t *testing.T, filter string) control {
	t.Helper()
	p, err := ldap.CompileFilter(filter)
	must(t, err)
	return control{controlAssertion, p}
}

func reading(oid string, attrs ...string) control {
	p := ber.NewSequence("")
	for _, a := range attrs {
		p.AppendChild(octets(a))
	}
	return control{oid, p}
}

func retitle(title string) func(*ldap.ModifyRequest) {
	return func(m *ldap.ModifyRequest) { m.Replace("title", []string{title}) }
}

func TestAssertion(t *testing.T) {
	for sentence, k := range map[string]struct {
		filter string
		want   Code
	}{
		"what holds lets the write happen":      {"(&(uid=ann)(sn=lee))", Success},
		"what does not hold stops it":           {"(uid=bob)", AssertionFailed},
		"what cannot be said does not hold":     {"(colour=red)", AssertionFailed},
		"its opposite cannot be said either":    {"(!(colour=red))", AssertionFailed},
		"the directory's own attributes can do": {"(&(entryUUID=*)(entryDN=" + annDN + ")(hasSubordinates=FALSE))", Success},
	} {
		t.Run(sentence, func(t *testing.T) {
			a := asserting(t, k.filter)
			for what, do := range map[string]func(*ldap.Conn) error{
				"modify": modify(annDN, retitle("Boss"), a),
				"delete": remove(annDN, a),
				"search": searching(ldap.SearchRequest{BaseDN: annDN, Filter: "(uid=*)", Controls: []ldap.Control{a}}),
				"rename": func(c *ldap.Conn) error {
					q := ldap.NewModifyDNRequest(annDN, "uid=anna", true, "")
					q.Controls = []ldap.Control{a}
					return c.ModifyDN(q)
				},
			} {
				t.Run(what, func(t *testing.T) {
					c := client(t, start(t, Config{Entries: family()}))
					wantCode(t, do(c), k.want)
					if k.want != Success {
						if got := read(t, c, annDN, "uid", "title"); !slices.Equal(got, []string{"uid=ann"}) {
							t.Errorf("it happened nevertheless: %v", got)
						}
					}
				})
			}
		})
	}
}

func TestReadControls(t *testing.T) {
	c := client(t, start(t, Config{Entries: family()}))
	q := ldap.NewModifyRequest(annDN, []ldap.Control{reading(controlPreRead, "title", "sn"), reading(controlPostRead, "title", "entryCSN")})
	q.Replace("title", []string{"Boss"})
	r, err := c.ModifyWithResult(q)
	must(t, err)
	got := map[string][]string{}
	for _, raw := range r.Controls {
		s, ok := raw.(*ldap.ControlString)
		if !ok {
			t.Fatalf("%T", raw)
		}
		p := ber.DecodePacket([]byte(s.ControlValue))
		for _, a := range p.Children[1].Children {
			got[s.ControlType] = append(got[s.ControlType], text(a.Children[0])+"="+text(a.Children[1].Children[0]))
		}
	}
	if diff := cmp.Diff([]string{"sn=Lee"}, got[controlPreRead]); diff != "" {
		t.Error(diff)
	}
	now := read(t, c, annDN, "title", "entryCSN")
	slices.Sort(got[controlPostRead])
	if diff := cmp.Diff(now, got[controlPostRead]); diff != "" {
		t.Error(diff)
	}
}

// TestConcurrentAddsOfOneName is what uniqueness above rests on: of many who add one name at once, one succeeds.
func TestConcurrentAddsOfOneName(t *testing.T) {
	s := start(t, Config{})
	var wg sync.WaitGroup
	codes := make(chan Code, 16)
	for range cap(codes) {
		c := client(t, s)
		wg.Go(func() {
			codes <- codeOf(person(newDN)(c))
		})
	}
	wg.Wait()
	close(codes)
	count := map[Code]int{}
	for code := range codes {
		count[code]++
	}
	if diff := cmp.Diff(map[Code]int{Success: 1, EntryAlreadyExists: 15}, count); diff != "" {
		t.Error(diff)
	}
}

// TestConcurrentChanges has many clients add members to one group, each a few, while others read it: none is lost, none is seen twice.
func TestConcurrentChanges(t *testing.T) {
	s := start(t, Config{Entries: append(Generate(80, 0), Entry{crewDN, []Attr{
		{"objectClass", []string{"groupOfNames"}}, {"cn", []string{"crew"}}, {"member", []string{"cn=nobody"}},
	}}), MemberOf: true, RefInt: true})
	people := pages(t, client(t, s), "(uid=*)", 100, func(int) {})[0]
	var wg sync.WaitGroup
	for i := range 8 {
		c := client(t, s)
		wg.Go(func() {
			for _, uid := range people[i*10 : i*10+10] {
				if err := modify(crewDN, func(m *ldap.ModifyRequest) { m.Add("member", []string{"uid=" + uid + "," + PeopleDN}) })(c); err != nil {
					t.Error(err)
				}
				if _, err := found(c, "(&(memberOf="+crewDN+")(!(title=x*)))"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c := client(t, s)
	if got := read(t, c, crewDN, "member"); len(got) != 81 {
		t.Errorf("%d members, want 81", len(got))
	}
	if got, err := found(c, "(memberOf="+crewDN+")"); err != nil || len(got) != 80 {
		t.Errorf("%d say they are members: %v", len(got), err)
	}
}

func TestChangeNumbers(t *testing.T) {
	c := client(t, start(t, Config{Entries: family(), MemberOf: true}))
	csn := func(dn string) string { return read(t, c, dn, "entryCSN")[0] }
	before, ann := csn(crewDN), csn(annDN)
	must(t, modify(crewDN, func(m *ldap.ModifyRequest) { m.Delete("member", []string{annDN}) })(c))
	if after := csn(crewDN); after <= before {
		t.Errorf("the group's number went from %s to %s", before, after)
	}
	if got := csn(annDN); got != ann {
		t.Error("losing a membership changed the member's number")
	}
	must(t, modify(annDN, func(*ldap.ModifyRequest) {})(c))
	if got := csn(annDN); got <= ann {
		t.Error("an empty modify leaves the number, which slapd raises")
	}
	if got := read(t, c, annDN, "modifiersName"); !strings.HasSuffix(got[0], "cn=admin,dc=example,dc=org") {
		t.Errorf("%v", got)
	}
}
