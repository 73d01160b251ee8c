package embedded

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
)

// read is one entry, its attributes as `name=value` in order.
func read(t *testing.T, c *ldap.Conn, dn string, attrs ...string) []string {
	t.Helper()
	r, err := c.Search(&ldap.SearchRequest{BaseDN: dn, Filter: "(objectClass=*)", Attributes: attrs})
	must(t, err)
	return flat(r.Entries[0].Attributes)
}

func flat(attrs []*ldap.EntryAttribute) []string {
	out := []string{}
	for _, a := range attrs {
		if len(a.Values) == 0 {
			out = append(out, a.Name)
		}
		for _, v := range a.Values {
			out = append(out, a.Name+"="+v)
		}
	}
	slices.Sort(out)
	return out
}

func TestSelection(t *testing.T) {
	c := client(t, start(t, Config{Entries: append(family(), Entry{"uid=eve," + PeopleDN, []Attr{
		{"objectClass", []string{"inetOrgPerson"}},
		{"uid", []string{"eve"}},
		{"cn", []string{"Eve"}},
		{"cn;lang-de", []string{"Eva"}},
		{"sn", []string{"Lee"}},
	}})}))
	for sentence, k := range map[string]struct {
		ask  []string
		want []string
	}{
		"nothing asked: what users write":        {nil, []string{"cn;lang-de=Eva", "cn=Eve", "objectClass=inetOrgPerson", "sn=Lee", "uid=eve"}},
		"a star is the same":                     {[]string{"*"}, []string{"cn;lang-de=Eva", "cn=Eve", "objectClass=inetOrgPerson", "sn=Lee", "uid=eve"}},
		"a name in any case, with its options":   {[]string{"CN"}, []string{"cn;lang-de=Eva", "cn=Eve"}},
		"another name of the type":               {[]string{"surname", "2.5.4.3"}, []string{"cn;lang-de=Eva", "cn=Eve", "sn=Lee"}},
		"an option narrows":                      {[]string{"cn;lang-de"}, []string{"cn;lang-de=Eva"}},
		"a supertype means its subtypes":         {[]string{"name"}, []string{"cn;lang-de=Eva", "cn=Eve", "sn=Lee"}},
		"a class means its attributes":           {[]string{"@uidObject"}, []string{"objectClass=inetOrgPerson", "uid=eve"}},
		"nothing at all":                         {[]string{"1.1"}, []string{}},
		"what does not exist":                    {[]string{"colour"}, []string{}},
		"nothing at all and something is that":   {[]string{"1.1", "sn"}, []string{"sn=Lee"}},
		"the directory's own only when asked":    {[]string{"hasSubordinates", "entryDN"}, []string{"entryDN=uid=eve,ou=people,dc=example,dc=org", "hasSubordinates=FALSE"}},
		"its subschema":                          {[]string{"subschemaSubentry"}, []string{"subschemaSubentry=cn=Subschema"}},
		"what kind of thing it is, structurally": {[]string{"structuralObjectClass"}, []string{"structuralObjectClass=inetOrgPerson"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(k.want, read(t, c, "uid=eve,"+PeopleDN, k.ask...)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a plus is all that is the directory's own", func(t *testing.T) {
		var names []string
		for _, line := range read(t, c, "uid=eve,"+PeopleDN, "+") {
			name, _, _ := strings.Cut(line, "=")
			names = append(names, name)
		}
		want := []string{
			"createTimestamp", "creatorsName", "entryCSN", "entryDN", "entryUUID", "hasSubordinates", "modifiersName", "modifyTimestamp",
			"structuralObjectClass", "subschemaSubentry",
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("types only have no values", func(t *testing.T) {
		r, err := c.Search(&ldap.SearchRequest{BaseDN: annDN, Filter: "(uid=*)", Attributes: []string{"sn", "cn"}, TypesOnly: true})
		must(t, err)
		if diff := cmp.Diff([]string{"cn", "sn"}, flat(r.Entries[0].Attributes)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestScopes(t *testing.T) {
	c := client(t, start(t, Config{Entries: append(family(), Entry{`uid=a\,ou\=people,` + DefaultSuffix, []Attr{
		{"objectClass", []string{"account"}}, {"uid", []string{"a,ou=people"}},
	}})}))
	for scope, want := range map[int]int{0: 1, 1: 3, 2: 5, 3: 4} {
		r, err := c.Search(&ldap.SearchRequest{BaseDN: PeopleDN, Scope: scope, Filter: "(objectClass=*)", Attributes: []string{"1.1"}})
		must(t, err)
		if len(r.Entries) != want {
			t.Errorf("scope %d finds %d entries, want %d: a name with the base's text in its value is not below the base", scope, len(r.Entries), want)
		}
	}
}

// pages walks a search page by page; between is called after each.
func pages(t *testing.T, c *ldap.Conn, filter string, size uint32, between func(page int)) [][]string {
	t.Helper()
	paging := ldap.NewControlPaging(size)
	var out [][]string
	for n := 0; ; n++ {
		r, err := c.Search(&ldap.SearchRequest{
			BaseDN: PeopleDN, Scope: 2, Filter: filter, Attributes: []string{"uid"}, Controls: []ldap.Control{paging},
		})
		must(t, err)
		var page []string
		for _, e := range r.Entries {
			page = append(page, e.GetAttributeValue("uid"))
		}
		out = append(out, page)
		answer, ok := ldap.FindControl(r.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok {
			t.Fatal("no paging control came back")
		}
		if len(answer.Cookie) == 0 {
			return out
		}
		paging.SetCookie(answer.Cookie)
		between(n)
	}
}

func TestPages(t *testing.T) {
	t.Run("every entry is on one page, and all but the last are full", func(t *testing.T) {
		c := client(t, start(t, Config{Entries: Generate(25, 0)}))
		got := pages(t, c, "(uid=*)", 10, func(int) {})
		sizes := []int{}
		seen := map[string]bool{}
		for _, page := range got {
			sizes = append(sizes, len(page))
			for _, uid := range page {
				seen[uid] = true
			}
		}
		if diff := cmp.Diff([]int{10, 10, 5}, sizes); diff != "" || len(seen) != 25 {
			t.Errorf("%d people on pages of %v", len(seen), sizes)
		}
	})
	t.Run("what divides evenly has no empty page behind it", func(t *testing.T) {
		c := client(t, start(t, Config{Entries: Generate(20, 0)}))
		if got := pages(t, c, "(uid=*)", 10, func(int) {}); len(got) != 2 {
			t.Errorf("%d pages", len(got))
		}
	})
	t.Run("who is deleted meanwhile is passed over, who stays is seen once", func(t *testing.T) {
		s := start(t, Config{Entries: Generate(30, 0)})
		c, other := client(t, s), client(t, s)
		all := pages(t, c, "(uid=*)", 100, func(int) {})[0]
		gone := map[string]bool{all[2]: true, all[11]: true, all[12]: true, all[29]: true}
		got := pages(t, c, "(uid=*)", 10, func(page int) {
			if page > 0 {
				return
			}
			for uid := range gone {
				must(t, other.Del(ldap.NewDelRequest("uid="+uid+","+PeopleDN, nil)))
			}
		})
		var want []string
		for i, uid := range all {
			if i < 10 || !gone[uid] {
				want = append(want, uid)
			}
		}
		if diff := cmp.Diff(want, slices.Concat(got...)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a cookie that is not the last one is refused", func(t *testing.T) {
		c := client(t, start(t, Config{Entries: Generate(30, 0)}))
		paging := ldap.NewControlPaging(10)
		paging.SetCookie([]byte("made up"))
		_, err := c.Search(&ldap.SearchRequest{BaseDN: PeopleDN, Scope: 2, Filter: "(uid=*)", Controls: []ldap.Control{paging}})
		wantCode(t, err, UnwillingToPerform)
	})
	t.Run("the client's size limit holds for all pages together", func(t *testing.T) {
		c := client(t, start(t, Config{Entries: Generate(30, 0)}))
		paging := ldap.NewControlPaging(10)
		q := &ldap.SearchRequest{BaseDN: PeopleDN, Scope: 2, Filter: "(uid=*)", SizeLimit: 15, Controls: []ldap.Control{paging}}
		r, err := c.Search(q)
		must(t, err)
		answer, _ := ldap.FindControl(r.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		paging.SetCookie(answer.Cookie)
		r, err = c.Search(q)
		wantCode(t, err, SizeLimitExceeded)
		if len(r.Entries) != 5 {
			t.Errorf("%d entries on the second page, want the 5 that are left", len(r.Entries))
		}
	})
	t.Run("the server's limit cuts pages and ends searches without", func(t *testing.T) {
		c := client(t, start(t, Config{Entries: Generate(30, 0), SizeLimit: 8}))
		if got := pages(t, c, "(uid=*)", 20, func(int) {}); len(got) != 4 || len(got[0]) != 8 {
			t.Errorf("%d pages, %d on the first", len(got), len(got[0]))
		}
		r, err := c.Search(&ldap.SearchRequest{BaseDN: PeopleDN, Scope: 2, Filter: "(uid=*)"})
		wantCode(t, err, SizeLimitExceeded)
		if len(r.Entries) != 8 {
			t.Errorf("%d entries came before the limit", len(r.Entries))
		}
	})
}

func TestRootDSE(t *testing.T) {
	c := stranger(t, start(t, Config{}))
	got := strings.Join(read(t, c, "", "+"), "\n")
	for _, want := range []string{
		"namingContexts=dc=example,dc=org", "subschemaSubentry=cn=Subschema", "supportedLDAPVersion=3", "supportedControl=" + controlAssertion,
		"supportedExtension=" + oidPasswordModify,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing from\n%s", want, got)
		}
	}
	if strings.Contains(got, oidStartTLS) {
		t.Error("StartTLS is offered without TLS")
	}
	if got := read(t, c, "cn=Subschema", "attributeTypes"); len(got) < 100 {
		t.Errorf("%d attribute types are published", len(got))
	}
	_, err := c.Search(&ldap.SearchRequest{BaseDN: PeopleDN, Scope: 2, Filter: "(uid=*)"})
	wantCode(t, err, StrongerAuthRequired)
}

func TestPasswordsAreTheAdministrators(t *testing.T) {
	s := start(t, Config{Entries: family()})
	c := stranger(t, s)
	must(t, c.Bind(annDN, "ann's"))
	if got := read(t, c, annDN, "userPassword", "uid"); !slices.Equal(got, []string{"uid=ann"}) {
		t.Errorf("ann reads %v", got)
	}
	_, err := c.Compare(annDN, "userPassword", "ann's")
	wantCode(t, err, InsufficientAccessRights)
	wantCode(t, c.Del(ldap.NewDelRequest(bobDN, nil)), InsufficientAccessRights)
}

// TestIndexesAgreeWithScans compares what is found with the help of indexes with what a look at every entry finds, after writes of all kinds.
func TestIndexesAgreeWithScans(t *testing.T) {
	s := start(t, Config{Entries: Generate(200, 20), MemberOf: true, RefInt: true})
	c := client(t, s)
	people := pages(t, c, "(uid=*)", 1000, func(int) {})[0]
	dn := func(i int) string { return "uid=" + people[i] + "," + PeopleDN }
	must(t, first(c, remove(dn(3)), renameTo(dn(4), "uid=renamed", true, ""),
		modify(dn(5), func(m *ldap.ModifyRequest) {
			m.Replace("cn", []string{"Some Body"})
			m.Add("cn;lang-de", []string{"Some Body"})
		}),
		modify(dn(5), func(m *ldap.ModifyRequest) { m.Delete("cn;lang-de", nil) }),
		modify("cn=Everybody,"+GroupsDN, func(m *ldap.ModifyRequest) { m.Delete("member", []string{dn(6), dn(7)}) })))
	st := s.store
	for typ, ix := range st.indexes {
		count := 0
		for _, e := range st.all() {
			for _, a := range e.attrs {
				if a.typ != typ {
					continue
				}
				for _, v := range a.normal {
					if _, ok := ix[v][e.id]; !ok {
						t.Errorf("%s=%s of %s is not in the index", typ.Name(), v, e.ndn)
					}
					count++
				}
			}
		}
		held := 0
		for _, ids := range ix {
			held += len(ids)
		}
		if held != count {
			t.Errorf("the index of %s holds %d, the entries have %d", typ.Name(), held, count)
		}
	}
}

func TestManyPeopleStayUsable(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 5,000 people")
	}
	c := client(t, start(t, Config{Entries: Generate(5000, 1), MemberOf: true}))
	began := time.Now()
	for i := range 300 {
		r, err := c.Search(&ldap.SearchRequest{
			BaseDN: DefaultSuffix, Scope: 2, Filter: fmt.Sprintf("(&(objectClass=inetOrgPerson)(employeeNumber=%06d))", 1000+i*7),
		})
		if err != nil || len(r.Entries) != 1 {
			t.Fatalf("%v %v", r, err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("300 look-ups took %s", took)
	}
}
