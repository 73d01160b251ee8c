package embedded

import (
	"slices"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// sortingBy is a sort control; its criticality is that of `control`, unless mild.
type sortingBy struct {
	keys []sortKey
	mild bool
}

func (s sortingBy) GetControlType() string { return controlSort }
func (s sortingBy) String() string         { return controlSort }

func (s sortingBy) Encode() *ber.Packet {
	list := ber.NewSequence("")
	for _, k := range s.keys {
		key := ber.NewSequence("")
		key.AppendChild(octets(k.attr))
		if k.rule != "" {
			key.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, tagOrderingRule, k.rule, ""))
		}
		if k.reverse {
			key.AppendChild(ber.NewLDAPBoolean(ber.ClassContext, ber.TypePrimitive, tagReverseOrder, true, ""))
		}
		list.AppendChild(key)
	}
	if !s.mild {
		return control{controlSort, list}.Encode()
	}
	p := ber.NewSequence("")
	p.AppendChild(octets(controlSort))
	p.AppendChild(octets(string(list.Bytes())))
	return p
}

const lentRule = "caseIgnoreOrderingMatch"

func titledPeople() []Entry {
	var out []Entry
	for _, p := range []struct {
		uid, sn string
		titles  []string
	}{{"c", "x", []string{"cherry"}}, {"none", "x", nil}, {"a", "y", []string{"zebra", "APPLE"}}, {"b", "y", []string{"banana"}}} {
		attrs := []Attr{{"objectClass", []string{"inetOrgPerson"}}, {"uid", []string{p.uid}}, {"cn", []string{p.uid}}, {"sn", []string{p.sn}}}
		if p.titles != nil {
			attrs = append(attrs, Attr{"title", p.titles})
		}
		out = append(out, Entry{"uid=" + p.uid + "," + PeopleDN, attrs})
	}
	return append(family(), out...)
}

// inOrder searches for the titled people, in pages of two when paged, and gives their uids and the code of the sort.
func inOrder(t *testing.T, c *ldap.Conn, paged bool, keys sortingBy) (string, error) {
	t.Helper()
	q := &ldap.SearchRequest{BaseDN: PeopleDN, Scope: ldap.ScopeWholeSubtree, Filter: "(|(sn=x)(sn=y))", Attributes: []string{"uid"}}
	var uids []string
	page := ldap.NewControlPaging(2)
	for {
		q.Controls = []ldap.Control{keys}
		if paged {
			q.Controls = append(q.Controls, page)
		}
		r, err := c.Search(q)
		if err != nil {
			return "", err
		}
		if ldap.FindControl(r.Controls, controlSortResult) == nil && keys.keys != nil {
			t.Error("there is no answer to the control")
		}
		for _, e := range r.Entries {
			uids = append(uids, e.GetAttributeValue("uid"))
		}
		next, more := ldap.FindControl(r.Controls, controlPaged).(*ldap.ControlPaging)
		if !more || len(next.Cookie) == 0 {
			return strings.Join(uids, " "), nil
		}
		page.SetCookie(next.Cookie)
	}
}

func TestSorting(t *testing.T) {
	byTitle := sortKey{attr: "title", rule: lentRule}
	for sentence, k := range map[string]struct {
		by   sortingBy
		want string
		code Code
	}{
		"the least of several values counts, entries without one come last": {sortingBy{keys: []sortKey{byTitle}}, "a b c none", Success},
		"the other way round they come first":                               {sortingBy{keys: []sortKey{{"title", lentRule, true}}}, "none c b a", Success},
		"a rule may be named by its OID":                                    {sortingBy{keys: []sortKey{{"title", "2.5.13.3", true}}}, "none c b a", Success},
		"the second key decides among equals":                               {sortingBy{keys: []sortKey{{"sn", lentRule, true}, byTitle}}, "a b c none", Success},
		"and only there":                                                    {sortingBy{keys: []sortKey{{"sn", lentRule, false}, byTitle}}, "c none a b", Success},
		"an attribute has its own rule":                                     {sortingBy{keys: []sortKey{{attr: "createTimestamp"}, byTitle}}, "", Success},
		"or none":                                                           {sortingBy{keys: []sortKey{{attr: "title"}}}, "", InappropriateMatching},
		"a rule of equality orders nothing":                                 {sortingBy{keys: []sortKey{{attr: "title", rule: "caseIgnoreMatch"}}}, "", InappropriateMatching},
		"there is no such attribute":                                        {sortingBy{keys: []sortKey{{attr: "colour"}}}, "", NoSuchAttribute},
		"there must be a key":                                               {sortingBy{}, "", ProtocolError},
		"who does not insist gets no order":                                 {sortingBy{keys: []sortKey{{attr: "colour"}}, mild: true}, "c none a b", Success},
		"who does not insist gets one if so":                                {sortingBy{keys: []sortKey{byTitle}, mild: true}, "a b c none", Success},
	} {
		for _, paged := range []bool{false, true} {
			t.Run(sentence, func(t *testing.T) {
				c := client(t, start(t, Config{Entries: titledPeople()}))
				got, err := inOrder(t, c, paged, k.by)
				wantCode(t, err, k.code)
				if k.want != "" && got != k.want {
					t.Errorf("paged %v: got %s, want %s", paged, got, k.want)
				}
			})
		}
	}
}

func TestWhatCameOfASort(t *testing.T) {
	s := start(t, Config{Entries: titledPeople()}).store
	for attr, want := range map[string]Code{"uid": InappropriateMatching, "colour": NoSuchAttribute, "createTimestamp": Success} {
		if _, code, err := s.sorted(searchRequest{filter: constFilter(isFalse)}, sortRequest{keys: []sortKey{{attr: attr}}}, nil); code != want || err != nil {
			t.Errorf("%s: %d, %v", attr, code, err)
		}
	}
	if raw := sortResult(Busy).value; string(raw) != "\x30\x03\x0a\x01\x33" {
		t.Errorf("% x", raw)
	}
}

func TestAServerMayLackSorting(t *testing.T) {
	keys := []sortKey{{attr: "title", rule: lentRule}}
	for lacks, want := range map[bool]Code{false: Success, true: UnavailableCriticalExt} {
		c := client(t, start(t, Config{Entries: titledPeople(), NoSort: lacks}))
		_, err := inOrder(t, c, false, sortingBy{keys: keys})
		wantCode(t, err, want)
		r, err := c.Search(&ldap.SearchRequest{Filter: "(objectClass=*)", Attributes: []string{"supportedControl"}})
		must(t, err)
		if listed := slices.Contains(r.Entries[0].GetAttributeValues("supportedControl"), controlSort); listed == lacks {
			t.Errorf("the root DSE lists the control: %v", listed)
		}
	}
}

func TestAFaultMayLieAboutTheOrder(t *testing.T) {
	s := start(t, Config{Entries: titledPeople()})
	c := client(t, s)
	by := sortingBy{keys: []sortKey{{"title", lentRule, false}}}
	undo := s.Inject(Fault{Op: Search, Unsorted: true, Match: func(r Request) bool { return r.Sorted }})
	if got, err := inOrder(t, c, true, by); got != "c none a b" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	undo()
	if got, err := inOrder(t, c, true, by); got != "a b c none" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}
