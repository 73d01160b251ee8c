package embedded

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// Where Generate puts its entries.
const (
	PeopleDN = "ou=people," + DefaultSuffix
	GroupsDN = "ou=groups," + DefaultSuffix
)

// largestGroup is how many people the group of everybody has at most.
const largestGroup = 500

// Generate makes up an organisation of people and groups below dc=example,dc=org. The same numbers give the same entries. The first of the
// people is Barbara Jensen, uid bjensen. Somebody in fifty
// has left and is locked, every eighth is a contractor, everybody but the first has a manager; the first group is of everybody, every tenth
// holds groups.
func Generate(people, groups int) []Entry {
	g := &generator{rng: rand.New(rand.NewPCG(2026, 1)), taken: map[string]int{}} //nolint:gosec // the same people every time
	out := []Entry{
		{DefaultSuffix, []Attr{{"objectClass", []string{"organization", "dcObject"}}, {"dc", []string{"example"}}, {"o", []string{"Example"}}}},
		{PeopleDN, []Attr{{"objectClass", []string{"organizationalUnit"}}, {"ou", []string{"people"}}}},
		{GroupsDN, []Attr{{"objectClass", []string{"organizationalUnit"}}, {"ou", []string{"groups"}}}},
	}
	for i := range people {
		out = append(out, g.person(i))
	}
	for i := range groups {
		out = append(out, g.group(i))
	}
	return out
}

type generator struct {
	rng    *rand.Rand
	taken  map[string]int // how many have this uid but for the number
	people []string       // DNs
	groups []string
}

func pick[T any](g *generator, from []T) T { return from[g.rng.IntN(len(from))] }

func (g *generator) person(i int) Entry {
	home := pick(g, places)
	given, family := pick(g, home.given), pick(g, home.family)
	if i == 0 { // she is in every example of the SCIM standard, so she is here too
		home, given, family = places[0], "Barbara", "Jensen"
	}
	uid := g.uid(latin(given), latin(family))
	name := native(given) + " " + native(family)
	if home.familyFirst {
		name = native(family) + " " + native(given)
	}
	street := fmt.Sprintf("%s %d", pick(g, home.streets), 1+g.rng.IntN(180))
	e := Entry{DN: "uid=" + schema.EscapeRDNValue(uid) + "," + PeopleDN}
	set := func(attr string, values ...string) { e.Attrs = append(e.Attrs, Attr{attr, values}) }
	set("objectClass", "inetOrgPerson")
	set("uid", uid)
	set("cn", name)
	set("displayName", name)
	set("givenName", native(given))
	set("sn", native(family))
	set("mail", uid+"@example.org")
	set("telephoneNumber", fmt.Sprintf("%s 555 %04d", home.dial, i%10000))
	if i%3 == 0 {
		set("mobile", fmt.Sprintf("%s 170 %07d", strings.Fields(home.dial)[0], g.rng.IntN(10000000)))
	}
	set("title", pick(g, titles))
	set("departmentNumber", fmt.Sprintf("%d", 100*(1+g.rng.IntN(len(departments)))))
	set("employeeNumber", fmt.Sprintf("%06d", 1000+i))
	set("employeeType", kindOf(i))
	set("preferredLanguage", home.language)
	set("street", street)
	set("l", home.city)
	set("postalCode", fmt.Sprintf(home.postcode, g.rng.IntN(1000)))
	set("postalAddress", street+"$"+home.city+"$"+home.country)
	if i > 0 {
		set("manager", g.people[(i-1)/8])
	}
	if i%50 == 49 {
		set("pwdAccountLockedTime", lockedForever)
	}
	g.people = append(g.people, e.DN)
	return e
}

func kindOf(i int) string {
	if i%8 == 7 {
		return "C"
	}
	return "E"
}

// uid is the first letter and the family name in ASCII, with a number where somebody has it already.
func (g *generator) uid(given, family string) string {
	uid := plain(given)[:1] + plain(family)
	g.taken[uid]++
	if n := g.taken[uid]; n > 1 {
		return fmt.Sprintf("%s%d", uid, n)
	}
	return uid
}

// A name in another script than Latin is written `native|Latin`.
func native(name string) string { n, _, _ := strings.Cut(name, "|"); return n }

func latin(name string) string {
	n, l, found := strings.Cut(name, "|")
	if found {
		return l
	}
	return n
}

var plainer = strings.NewReplacer("ł", "l", "ø", "oe", "ß", "ss", "æ", "ae", "đ", "d", "ı", "i", "ð", "d", "þ", "th", "œ", "oe")

// plain is a name in small ASCII letters: marks dropped, everything else that is no letter too.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, norm.NFD.String(plainer.Replace(strings.ToLower(name))))
}

func (g *generator) group(i int) Entry {
	cn := fmt.Sprintf("%s %s", departments[i%len(departments)], teams[i/len(departments)%len(teams)])
	if round := i / (len(departments) * len(teams)); round > 0 {
		cn = fmt.Sprintf("%s %d", cn, round+1)
	}
	members := g.some(3 + g.rng.IntN(1+min(60, len(g.people))))
	switch {
	case i == 0:
		cn, members = "Everybody", g.people[:min(len(g.people), largestGroup)]
	case i%10 == 0: // of the groups before it
		cn = "All " + cn
		members = append(members, g.groups[max(1, i-4):i]...)
	}
	if len(members) == 0 {
		members = []string{"cn=nobody," + DefaultSuffix}
	}
	e := Entry{DN: "cn=" + schema.EscapeRDNValue(cn) + "," + GroupsDN, Attrs: []Attr{
		{"objectClass", []string{"groupOfNames"}}, {"cn", []string{cn}}, {"description", []string{"Made up: " + cn}}, {"member", members},
	}}
	g.groups = append(g.groups, e.DN)
	return e
}

// some are n different people.
func (g *generator) some(n int) []string {
	var out []string
	for _, i := range g.rng.Perm(len(g.people))[:min(n, len(g.people))] {
		out = append(out, g.people[i])
	}
	return out
}
