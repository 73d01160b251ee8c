package mapping

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// directory is a backend that knows a schema and answers nothing: the mapping asks for no more.
type directory struct {
	backends.Backend
	syntax   map[string]backends.Syntax
	can      backends.Capabilities
	more     func(attr string) (backends.Syntax, bool) // of attributes that syntax does not have
	match    bool                                      // it answers as Match does
	fidelity func(backends.Predicate) backends.Fidelity
	apart    bool // a fault: it asks what should hold for one row of several
}

func text(equality backends.Rule) backends.Syntax {
	return backends.Syntax{Known: true, Equality: equality, Substr: equality}
}

func single(s backends.Syntax) backends.Syntax {
	s.Single = true
	return s
}

// newDirectory has the attributes of an inetOrgPerson and a groupOfNames, as OpenLDAP has them, and some odd ones.
func newDirectory() *directory {
	d := &directory{syntax: map[string]backends.Syntax{}, can: backends.Capabilities{Rename: true}}
	for _, a := range []string{"uid", "cn", "sn", "givenName", "mail", "title", "employeeType", "postalCode", "l", "st", "street", "objectClass", "description"} {
		d.syntax[strings.ToLower(a)] = text(backends.CaseIgnoreSpace)
	}
	d.syntax["carlicense"] = text(backends.CaseIgnoreSpace)
	for _, a := range []string{"initials", "physicalDeliveryOfficeName", "displayName", "preferredLanguage", "employeeNumber", "internationalISDNNumber", "x121Address"} {
		d.syntax[strings.ToLower(a)] = single(text(backends.CaseIgnoreSpace))
	}
	for _, a := range []string{"telephoneNumber", "mobile"} {
		d.syntax[strings.ToLower(a)] = text(backends.TelRule)
	}
	d.syntax["homedirectory"] = single(text(backends.CaseExactSpace))
	d.syntax["jpegphoto"] = backends.Syntax{Known: true}
	d.syntax["uidnumber"] = backends.Syntax{Known: true, Equality: backends.IntegerRule, Order: backends.IntegerRule, Single: true}
	for _, a := range []string{"pwdaccountlockedtime", "createtimestamp"} {
		d.syntax[a] = backends.Syntax{Known: true, Equality: backends.TimeRule, Order: backends.TimeRule, Single: true}
	}
	d.syntax["createtimestamp"] = backends.Syntax{Known: true, Equality: backends.TimeRule, Order: backends.TimeRule, Single: true, ReadOnly: true}
	for _, a := range []string{"member", "manager", "memberof"} {
		d.syntax[a] = backends.Syntax{Known: true, Equality: backends.NameRule, Ref: true}
	}
	d.syntax["userpassword"] = backends.Syntax{Known: true, Equality: backends.OctetRule}
	return d
}

func (d *directory) Syntax(attr string) backends.Syntax {
	s, known := d.syntax[strings.ToLower(attr)]
	if !known && d.more != nil {
		if more, ok := d.more(attr); ok {
			return more
		}
	}
	return s
}

func (d *directory) Capabilities() backends.Capabilities { return d.can }

func (d *directory) Could(string, backends.Value) bool             { return true }
func (d *directory) Foresee(context.Context, backends.Write) error { return nil }

func (d *directory) Native(p backends.Predicate) string { return fmt.Sprintf("%T%v", p, p) }

func (d *directory) Script(backends.Write) []string { return nil }

func (d *directory) Fidelity(p backends.Predicate) backends.Fidelity {
	if d.fidelity != nil {
		return d.fidelity(p)
	}
	return d.honest(p)
}

func (d *directory) honest(p backends.Predicate) backends.Fidelity {
	switch p := p.(type) {
	case backends.KeyIn:
		return backends.Exact
	case backends.Some:
		return d.rowsOf(p.Attr).honest(p.Where)
	case backends.Present:
		if !d.Syntax(p.Attr).Known {
			return backends.No
		}
		return backends.Exact
	case backends.Eq:
		return relation(p.Rule, d.Syntax(p.Attr).Equality)
	case backends.Prefix:
		return piece(p.Text, p.Rule, d.Syntax(p.Attr).Substr)
	case backends.Suffix:
		return piece(p.Text, p.Rule, d.Syntax(p.Attr).Substr)
	case backends.Contains:
		return piece(p.Text, p.Rule, d.Syntax(p.Attr).Substr)
	case backends.Order:
		if have := d.Syntax(p.Attr).Order; have != backends.NoRule && have == p.Rule {
			return backends.Exact
		}
	}
	return backends.No
}

// rowsOf is a directory whose records are the rows of a set.
func (d *directory) rowsOf(set string) *directory {
	rows := &directory{syntax: map[string]backends.Syntax{}}
	for attr, s := range d.syntax {
		if column, ok := strings.CutPrefix(attr, strings.ToLower(set)+"."); ok {
			rows.syntax[column] = s
		}
	}
	return rows
}

func piece(text string, want, have backends.Rule) backends.Fidelity {
	if want != have && strings.Contains(text, " ") {
		return backends.No
	}
	return relation(want, have)
}

// relation says how truly a directory that compares by have answers what wants another comparison.
func relation(want, have backends.Rule) backends.Fidelity {
	coarser := map[backends.Rule][]backends.Rule{
		backends.CaseExact:      {backends.CaseIgnore, backends.CaseExactSpace, backends.CaseIgnoreSpace},
		backends.CaseIgnore:     {backends.CaseIgnoreSpace},
		backends.CaseExactSpace: {backends.CaseIgnoreSpace},
	}
	is := func(fine, coarse backends.Rule) bool {
		return slices.Contains(coarser[fine], coarse)
	}
	switch {
	case have == backends.NoRule:
		return backends.No
	case want == have:
		return backends.Exact
	case is(want, have):
		return backends.Superset
	case is(have, want):
		return backends.Subset
	}
	return backends.No
}

// answer is what the directory says of a record when it is sent a predicate: each test by its own rules.
func (d *directory) answer(t interface{ Fatalf(string, ...any) }, p backends.Predicate, rec backends.Record) bool {
	if d.match {
		return backends.Match(p, rec)
	}
	switch p := p.(type) {
	case backends.And:
		ok := true
		for _, term := range p {
			ok = d.answer(t, term, rec) && ok
		}
		return ok
	case backends.Or:
		ok := false
		for _, term := range p {
			ok = d.answer(t, term, rec) || ok
		}
		return ok
	case backends.Not:
		return !d.answer(t, p.Term, rec)
	case backends.True, backends.False:
		return backends.Match(p, rec)
	case backends.Some:
		if terms, several := p.Where.(backends.And); several && d.apart {
			each := backends.And{}
			for _, term := range terms {
				each = append(each, backends.Some{Attr: p.Attr, Where: term})
			}
			return d.answer(t, each, rec)
		}
		return slices.ContainsFunc(rec.Attrs.Get(p.Attr), func(v backends.Value) bool {
			return d.rowsOf(p.Attr).answer(t, p.Where, backends.Record{Attrs: v.Row()})
		})
	}
	if d.honest(p) == backends.No {
		t.Fatalf("%T %v was sent, and the directory cannot answer it", p, p)
	}
	switch leaf := p.(type) {
	case backends.Eq:
		leaf.Rule = d.Syntax(leaf.Attr).Equality
		p = leaf
	case backends.Prefix:
		leaf.Rule = d.Syntax(leaf.Attr).Substr
		p = leaf
	case backends.Suffix:
		leaf.Rule = d.Syntax(leaf.Attr).Substr
		p = leaf
	case backends.Contains:
		leaf.Rule = d.Syntax(leaf.Attr).Substr
		p = leaf
	}
	return backends.Match(p, rec)
}

// compile compiles documents over a directory, and fails the test on any fault.
func compile(t testing.TB, d *directory, docs ...string) *Set {
	t.Helper()
	set, faults := tryCompile(t, d, docs...)
	if len(faults) > 0 {
		t.Fatalf("the mapping has faults:\n%v", faults)
	}
	return set
}

func tryCompile(t testing.TB, d *directory, docs ...string) (*Set, configs.Faults) {
	t.Helper()
	var nodes []configs.Node
	for i, doc := range docs {
		node, faults := configs.ParseNode(fmt.Sprintf("mapping%d.yaml", i), []byte(doc))
		if len(faults) > 0 {
			t.Fatalf("the YAML has faults: %v\n%s", faults, doc)
		}
		nodes = append(nodes, node)
	}
	return Compile(nodes, lenses(), nil, func(configs.Node, backends.Open) (backends.Backend, error) { return d, nil })
}

const userYAML = `
mapping: User
at: {backend: corp, base: "ou=people,dc=example,dc=org"}
create:
  name: uid={userName},ou=people,dc=example,dc=org
  set:
    objectClass: [top, inetOrgPerson]
    homeDirectory: "/home/{userName}"
protect: {attributes: [uidNumber]}
schemas: {acme: "urn:acme:User"}
attributes:
  userName: uid
  externalId: overlay
  name.formatted: {from: cn, onCreate: "{userName}"}
  name.familyName: {from: sn, placeholder: "-"}
  name.givenName: givenName
  displayName: [displayName, cn]
  title: {from: title, caseExact: true}
  userType: "employeeType | enum(E=Employee, C=Contractor)"
  locale: {constant: en-GB}
  preferredLanguage: {from: preferredLanguage, default: en}
  timezone: {read: "first(l)"}
  emails[type=work]: mail
  phoneNumbers[type=work]: telephoneNumber
  phoneNumbers[type=mobile]: mobile
  addresses[type=work].postalCode: postalCode
  addresses[type=work].locality: l
  active: pwdAccountLockedTime | gone("000001010000Z")
  password: {from: userPassword, by: passwordModify}
  groups: [memberOf | ref(Group), reverse(Group.members)]
  meta.created: createTimestamp | time
  enterprise:employeeNumber: employeeNumber
  enterprise:department: description | prefix(dep-)
  enterprise:manager: manager | ref(User)
  acme:number: uidNumber | int
  acme:home: {from: homeDirectory, access: createOnly}
`

const groupYAML = `
mapping: Group
at: {backend: corp, base: "ou=groups,dc=example,dc=org"}
create:
  name: cn={displayName},ou=groups,dc=example,dc=org
  set: {objectClass: [groupOfNames]}
attributes:
  displayName: cn
  members: {from: "member | ref(User, Group)", placeholder: cn=nobody}
`

// both compiles a User and a Group over one directory.
func both(t testing.TB) (user, group *Mapping) {
	t.Helper()
	set := compile(t, newDirectory(), userYAML, groupYAML)
	user, _ = set.Get("User")
	group, _ = set.Get("Group")
	return user, group
}

func record(pairs ...string) backends.Record {
	rec := backends.Record{Key: "k1", Attrs: backends.Attributes{}}
	for i := 0; i < len(pairs); i += 2 {
		rec.Attrs[pairs[i]] = append(rec.Attrs[pairs[i]], backends.String(pairs[i+1]))
	}
	return rec
}

// parse reads a resource as a client would send it.
func parse(t testing.TB, body string) *scim.Object {
	t.Helper()
	o, err := scim.ParseObject([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return o
}
