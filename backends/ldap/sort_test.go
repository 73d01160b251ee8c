package ldap

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

var byTitle = backends.Sort{Attr: "title", Rule: backends.CaseIgnoreSpace}

func descending(by backends.Sort) backends.Sort {
	by.Descending = true
	return by
}

// titled makes people who stand in the order of their names by title: the lowest of several titles counts, and who has none comes last.
func titled(t *testing.T, b *branch) {
	t.Helper()
	for i, titles := range [][]string{nil, {"名前"}, {"Äpfel"}, {"cherry"}, {"BANANA", "date"}, {"zebra", " Apple"}} {
		uid := strconv.Itoa(6 - i) // the directory's own order is the other way round
		more := map[string][]string{"mail": {"M" + uid + "@example.org"}}
		if len(titles) > 0 {
			more["title"] = titles
		}
		b.person(t, uid, more)
	}
}

// walkedBy gives the uids in the order of a walk.
func walkedBy(t *testing.T, c *class, q backends.Query) string {
	t.Helper()
	q.Attrs = []string{"uid"}
	var uids []string
	for r, err := range c.Walk(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, r.Attrs["uid"].Texts()...)
	}
	return strings.Join(uids, " ")
}

// wantOrders walks by title and by mail, both ways, with a filter and a limit.
func wantOrders(t *testing.T, c *class) {
	t.Helper()
	down, byMail := descending(byTitle), backends.Sort{Attr: "mail", Rule: backends.CaseIgnoreSpace, Descending: true}
	some := backends.Present{Attr: "title"}
	for want, q := range map[string]backends.Query{
		"1 2 3 4 5 6": {Sort: &byTitle},
		"6 5 4 3 2 1": {Sort: &down},
		"1 2":         {Sort: &byTitle, Limit: 2},
		"6 5 4":       {Sort: &byMail, Limit: 3},
		"5 4 3 2 1":   {Sort: &down, Where: some},
		"5":           {Sort: &down, Where: some, Limit: 1},
		// A test that the directory cannot be asked is made here, behind the order and before the limit.
		"3 4": {Sort: &byTitle, Where: backends.And{some, backends.Not{Term: backends.Contains{Attr: "title", Text: "a", Rule: backends.CaseExact}}}, Limit: 2},
	} {
		if got := walkedBy(t, c, q); got != want {
			t.Errorf("%+v: got %s, want %s", q, got, want)
		}
	}
}

func (b *branch) met(t *testing.T) *class {
	t.Helper()
	c := b.open(t, "(objectClass=inetOrgPerson)")
	if _, err := b.dir.contact(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSortsSaysWhatTheDirectoryOrders(t *testing.T) {
	server := startEmbedded(t, nil)
	for place, b := range map[string]*branch{"slapd": newBranch(t, servers.overlays), "embedded": newBranch(t, server.URL())} {
		t.Run(place, func(t *testing.T) {
			titled(t, b)
			c := b.met(t)
			for _, by := range []backends.Sort{
				byTitle,
				{Attr: "uid", Rule: backends.CaseIgnoreSpace},
				{Attr: "MAIL", Rule: backends.CaseIgnoreSpace},
				{Attr: "cn", Rule: backends.CaseIgnoreSpace},
				{Attr: "surname", Rule: backends.CaseIgnoreSpace},
				{Attr: "entryUUID", Rule: backends.CaseIgnore},
				{Attr: "createTimestamp", Rule: backends.TimeRule},
				{Attr: "shadowMax", Rule: backends.IntegerRule},
			} {
				if !c.Sorts(by) {
					t.Errorf("by %+v: no", by)
					continue
				}
				for _, by := range []backends.Sort{by, descending(by)} {
					wantInOrder(t, c, by)
				}
			}
			for why, by := range map[string]backends.Sort{
				"another rule than the directory's":     {Attr: "title", Rule: backends.CaseExactSpace},
				"telephone numbers have no order":       {Attr: "telephoneNumber", Rule: backends.TelRule},
				"nor have names":                        {Attr: "seeAlso", Rule: backends.NameRule},
				"a supertype is read under other names": {Attr: "name", Rule: backends.CaseIgnoreSpace},
				"an address is compared line by line":   {Attr: "postalAddress", Rule: backends.CaseIgnoreSpace},
				"a password is secret":                  {Attr: "userPassword", Rule: backends.OctetRule},
				"there is no such attribute":            {Attr: "colour", Rule: backends.CaseIgnoreSpace},
				"this is no attribute":                  {Attr: "uid)(", Rule: backends.CaseIgnoreSpace},
			} {
				if c.Sorts(by) {
					t.Errorf("%s, and Sorts says yes", why)
				}
				for _, err := range c.Walk(t.Context(), backends.Query{Sort: &by}) {
					if !errors.Is(err, backends.ErrInvalid) {
						t.Errorf("%s, and Walk gives %v", why, err)
					}
				}
			}
			wantOrders(t, c)
		})
	}
}

func wantInOrder(t *testing.T, c *class, by backends.Sort) {
	t.Helper()
	var last backends.SortKey
	n := 0
	for r, err := range c.Walk(t.Context(), backends.Query{Sort: &by, Attrs: []string{by.Attr}}) {
		if err != nil {
			t.Fatalf("%+v: %v", by, err)
		}
		place := by.Key(r)
		if n > 0 && by.Compare(last, place) > 0 {
			t.Errorf("%+v: %+v comes before %+v", by, last, place)
		}
		last = place
		n++
	}
	if n != 6 {
		t.Errorf("%+v: %d records", by, n)
	}
}

// slapd orders the bytes of what its own preparation makes of a value: blanks, cases, composed letters. The order must be Match's on values that
// nobody chose.
func TestSlapdOrdersAsMatchDoes(t *testing.T) {
	b := newBranch(t, servers.overlays)
	c := b.met(t)
	stock := []string{"a", "A", "b", "B", "z", " ", "  ", "-", "ä", "a\u0308", "Ä", "ß", "ss", "\u00a0", "é", "名", "ﬁ", "1", "10", "9", "\u212a", "k", "İ", "ς", "Σ", "_"}
	random := rand.New(rand.NewPCG(2891, 2696))
	for i := range 300 {
		more := map[string][]string{}
		for attr, most := range map[string]int{"title": 3, "employeeNumber": 1, "preferredLanguage": 1} {
			distinct := map[string]string{}
			for range random.IntN(most + 1) {
				value := ""
				for range 1 + random.IntN(4) {
					value += stock[random.IntN(len(stock))]
				}
				rule := c.Syntax(attr).Equality
				distinct[backends.Normalize(rule, value)] = value
			}
			if len(distinct) > 0 {
				more[attr] = slices.Collect(maps.Values(distinct))
			}
		}
		b.person(t, fmt.Sprintf("r%d", i), more)
	}
	for _, by := range []backends.Sort{
		byTitle, {Attr: "employeeNumber", Rule: backends.CaseIgnoreSpace}, {Attr: "preferredLanguage", Rule: backends.CaseIgnoreSpace},
	} {
		for _, by := range []backends.Sort{by, descending(by)} {
			var got []backends.SortKey
			for r, err := range c.Walk(t.Context(), backends.Query{Sort: &by, Attrs: []string{by.Attr}}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, by.Key(r))
			}
			if !slices.IsSortedFunc(got, by.Compare) || len(got) != 300 {
				t.Errorf("%+v: %d records, %+v", by, len(got), got)
			}
		}
	}
}

// slapd makes an A of a mathematical one after it has folded letters, and stops there; A is before underscore, and a behind it.
func TestAValueThatSlapdPreparesOtherwiseIsNoticed(t *testing.T) {
	b := newBranch(t, servers.overlays)
	for uid, title := range map[string]string{"1": "_", "2": "𝒜", "3": "b"} {
		b.person(t, uid, map[string][]string{"title": {title}})
	}
	c := b.met(t)
	wantUnsorted(t, c, backends.ErrUnavailable)
	if c.Sorts(byTitle) {
		t.Error("Sorts says yes")
	}
}

// wantUnsorted walks by title and wants an error instead of the first record.
func wantUnsorted(t *testing.T, c *class, kind error) {
	t.Helper()
	n := 0
	for r, err := range c.Walk(t.Context(), backends.Query{Sort: &byTitle}) {
		if n++; !errors.Is(err, kind) || n > 1 {
			t.Errorf("answer %d is %+v, %v", n, r, err)
		}
	}
	if n == 0 {
		t.Error("an empty answer")
	}
}

func TestSlapdSortsSoManyAtOnceAndIsBusyForTheRest(t *testing.T) {
	b := newBranch(t, servers.overlays)
	titled(t, b)
	b.dir, b.log = openDirectory(t, b.url, func(c *Config) { c.PageSize = 2 })
	c := b.met(t)
	c.patience = 50 * time.Millisecond
	const walks = 20
	refused := 0
	var stops []func()
	for range walks {
		next, stop := iter.Pull2(c.Walk(t.Context(), backends.Query{Sort: &byTitle}))
		stops = append(stops, stop)
		_, err, ok := next()
		switch {
		case !ok:
			t.Fatal("an empty answer")
		case errors.Is(err, backends.ErrUnavailable):
			refused++
		case err != nil:
			t.Fatal(err)
		}
	}
	if refused == 0 || refused == walks {
		t.Errorf("%d of %d walks were refused", refused, walks)
	}
	if !c.Sorts(byTitle) {
		t.Error("a directory that is busy for a moment is not asked again")
	}
	for _, stop := range stops {
		stop()
	}
	c.patience = patience
	wantOrders(t, c)
}

func TestAWalkThatIsBrokenOffLeavesNoOrderBehind(t *testing.T) {
	b := newBranch(t, servers.overlays)
	titled(t, b)
	b.dir, b.log = openDirectory(t, b.url, func(c *Config) { c.PageSize = 2 })
	c := b.met(t)
	for range 40 {
		for _, err := range c.Walk(t.Context(), backends.Query{Sort: &byTitle}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	wantOrders(t, c)
}

func TestWhoGoesWhileAnOrderedWalkLastsIsPassedOver(t *testing.T) {
	server := startEmbedded(t, nil)
	for place, b := range map[string]*branch{"slapd": newBranch(t, servers.overlays), "embedded": newBranch(t, server.URL())} {
		t.Run(place, func(t *testing.T) {
			titled(t, b)
			b.dir, b.log = openDirectory(t, b.url, func(c *Config) { c.PageSize = 2 })
			c := b.met(t)
			var uids []string
			for r, err := range c.Walk(t.Context(), backends.Query{Sort: &byTitle, Attrs: []string{"uid"}}) {
				if err != nil {
					t.Fatal(err)
				}
				if uids = append(uids, r.Attrs["uid"].Texts()...); len(uids) == 1 {
					for _, uid := range []string{"3", "4"} {
						if err := b.lc.Del(goldap.NewDelRequest("uid="+uid+","+b.base, nil)); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if got := strings.Join(uids, " "); got != "1 2 5 6" {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestADirectoryWithoutTheControlDoesNotSort(t *testing.T) {
	server := startEmbedded(t, func(c *embedded.Config) { c.NoSort = true })
	for place, b := range map[string]*branch{"plain slapd": newBranch(t, servers.plain), "embedded": newBranch(t, server.URL())} {
		t.Run(place, func(t *testing.T) {
			titled(t, b)
			c := b.met(t)
			if c.Sorts(byTitle) {
				t.Error("Sorts says yes")
			}
			for _, err := range c.Walk(t.Context(), backends.Query{Sort: &byTitle}) {
				if !errors.Is(err, backends.ErrInvalid) {
					t.Error(err)
				}
			}
		})
	}
}

func TestNothingIsSortedByADirectoryThatWasNeverReached(t *testing.T) {
	d, _ := openDirectory(t, "ldap://127.0.0.1:1", nil)
	if c := openClass(t, d, "ou=people,"+suffix, ""); c.Sorts(byTitle) {
		t.Error("Sorts says yes")
	}
}

func TestAnOrderedWalkBelowABaseThatIsGoneIsNoEmptyAnswer(t *testing.T) {
	b := newBranch(t, servers.overlays)
	c := openClass(t, b.dir, "ou=nowhere,"+b.base, "")
	if _, err := b.dir.contact(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range c.Walk(t.Context(), backends.Query{Sort: &byTitle}) {
		if n++; !errors.Is(err, backends.ErrUnavailable) {
			t.Error(err)
		}
	}
	if n != 1 || !c.Sorts(byTitle) {
		t.Errorf("%d answers; Sorts says %v", n, c.Sorts(byTitle))
	}
}

// RFC 2891 §1.1: SEQUENCE OF SEQUENCE { attribute, [0] rule, [1] reverse }, TRUE being 0xFF.
func TestSortControlOnTheWire(t *testing.T) {
	raw := sortControl(descending(byTitle), "caseIgnoreOrderingMatch").Encode().Bytes()
	for _, piece := range [][]byte{
		[]byte("1.2.840.113556.1.4.473\x01\x01\xff"), []byte("\x04\x05title\x80\x17caseIgnoreOrderingMatch\x81\x01\xff"),
	} {
		if !bytes.Contains(raw, piece) {
			t.Errorf("% x is not in % x", piece, raw)
		}
	}
	if raw := sortControl(byTitle, "").Encode().Bytes(); !bytes.HasSuffix(raw, []byte("\x30\x09\x30\x07\x04\x05title")) {
		t.Errorf("% x", raw)
	}
}

// If go-ldap comes to read the code, sorting.begins should look at it.
func TestGoLDAPDoesNotReadWhatCameOfASort(t *testing.T) {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, oidSorted, ""))
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "\x30\x03\x0a\x01\x35", ""))
	got, err := goldap.DecodeControl(p)
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := got.(*goldap.ControlServerSideSortingResult); !ok || r.Result != 0 {
		t.Errorf("%T %+v", got, got)
	}
}
