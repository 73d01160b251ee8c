package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// directory is a backend that knows a schema and answers nothing: the mapping asks for no more.
type directory struct {
	backends.Backend
	syntax   map[string]backends.Syntax
	fidelity func(backends.Predicate) backends.Fidelity
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
	d := &directory{syntax: map[string]backends.Syntax{}}
	for _, a := range []string{"uid", "cn", "sn", "givenName", "mail", "title", "employeeType", "postalCode", "l", "st", "street", "objectClass", "description"} {
		d.syntax[strings.ToLower(a)] = text(backends.CaseIgnoreSpace)
	}
	for _, a := range []string{"displayName", "preferredLanguage", "employeeNumber"} {
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

func (d *directory) Syntax(attr string) backends.Syntax { return d.syntax[strings.ToLower(attr)] }

func (d *directory) Native(p backends.Predicate) string { return fmt.Sprintf("%T%v", p, p) }

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
		for _, r := range coarser[fine] {
			if r == coarse {
				return true
			}
		}
		return false
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

// funcs is a lens of functions.
type funcs struct {
	get   func(backends.Values) ([]any, error)
	put   func(backends.Values, []any) (backends.Values, error)
	where func(Test) (backends.Predicate, bool)
}

func (f funcs) Get(v backends.Values) ([]any, error) { return f.get(v) }
func (f funcs) Put(b backends.Values, v []any) (backends.Values, error) {
	return f.put(b, v)
}

func (f funcs) Where(t Test) (backends.Predicate, bool) {
	if f.where == nil {
		return nil, false
	}
	return f.where(t)
}

// lenses are enough of a table to compile with; the real one has its own package and its own tests.
func lenses() []Spec {
	return []Spec{
		{Name: "ref", Ref: true},
		{Name: "int", Type: scim.TypeInteger, Exact: true, New: func([]string) (Lens, error) { return intLens(), nil }},
		{Name: "enum", New: newEnum},
		{Name: "gone", Type: scim.TypeBoolean, Exact: true, New: newGone},
		{Name: "time", Type: scim.TypeDateTime, Exact: true, New: func([]string) (Lens, error) { return timeLens(), nil }},
		{Name: "prefix", New: newPrefix},
		{Name: "half", Part: true, New: newHalf},
	}
}

func intLens() Lens {
	return funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				n, err := strconv.ParseInt(v.Text(), 10, 64)
				if err != nil {
					return nil, err
				}
				out = append(out, n)
			}
			return out, nil
		},
		put: func(_ backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range values {
				out = append(out, backends.String(fmt.Sprint(v)))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) { return t.Next(t.Op, t.Value) },
	}
}

func newEnum(args []string) (Lens, error) {
	word, code := map[string]string{}, map[string]string{}
	for _, arg := range args {
		c, w, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, errors.New("write enum(CODE=word)")
		}
		word[c], code[strings.ToLower(w)] = w, c
	}
	return funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				if w, ok := word[v.Text()]; ok {
					out = append(out, w)
				}
			}
			return out, nil
		},
		put: func(before backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range before {
				if _, known := word[v.Text()]; !known {
					out = append(out, v)
				}
			}
			for _, v := range values {
				c, ok := code[strings.ToLower(fmt.Sprint(v))]
				if !ok {
					return nil, fmt.Errorf("%v is not listed", v)
				}
				out = append(out, backends.String(c))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			var or backends.Or
			for w, c := range code {
				if holds(t.Op, w, t.Value, strings.ToLower) {
					or = append(or, backends.Eq{Attr: t.Attr, Value: backends.String(c), Rule: backends.CaseExact})
				}
			}
			return or, true
		},
	}, nil
}

func newGone(args []string) (Lens, error) {
	if len(args) != 1 {
		return nil, errors.New(`write gone("value")`)
	}
	return funcs{
		get: func(values backends.Values) ([]any, error) { return []any{len(values) == 0}, nil },
		put: func(before backends.Values, values []any) (backends.Values, error) {
			switch {
			case len(values) == 0:
				return before, nil
			case values[0] == true:
				return nil, nil
			case len(before) > 0:
				return before, nil
			}
			return backends.Strings(args[0]), nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			switch t.Op {
			case filter.Pr:
				return backends.True{}, true
			case filter.Eq:
				p, ok := t.Next(filter.Pr, nil)
				if t.Value == true {
					p = backends.Not{Term: p}
				}
				return p, ok
			}
			return nil, false
		},
	}, nil
}

func timeLens() Lens {
	const layout = "20060102150405Z"
	return funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				t, err := time.Parse(layout, v.Text())
				if err != nil {
					return nil, err
				}
				out = append(out, t.Format(time.RFC3339))
			}
			return out, nil
		},
		put: func(_ backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range values {
				t, err := time.Parse(time.RFC3339, fmt.Sprint(v))
				if err != nil {
					return nil, err
				}
				out = append(out, backends.String(t.UTC().Format(layout)))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			if t.Op == filter.Pr {
				return t.Next(t.Op, nil)
			}
			at, err := time.Parse(time.RFC3339, fmt.Sprint(t.Value))
			if err != nil {
				return backends.False{}, true
			}
			return t.Next(t.Op, at)
		},
	}
}

func newPrefix(args []string) (Lens, error) {
	pre := strings.Join(args, "")
	return funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				if s, ok := strings.CutPrefix(v.Text(), pre); ok {
					out = append(out, s)
				}
			}
			return out, nil
		},
		put: func(before backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range before {
				if !strings.HasPrefix(v.Text(), pre) {
					out = append(out, v)
				}
			}
			for _, v := range values {
				out = append(out, backends.String(pre+fmt.Sprint(v)))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			switch t.Op {
			case filter.Pr:
				return t.Next(filter.Sw, pre)
			case filter.Eq, filter.Sw:
				return t.Next(t.Op, pre+fmt.Sprint(t.Value))
			}
			return nil, false
		},
	}, nil
}

// newHalf is one half of a text around a dash.
func newHalf(args []string) (Lens, error) {
	n, err := strconv.Atoi(strings.Join(args, ""))
	if err != nil {
		return nil, errors.New("write half(0) or half(1)")
	}
	halves := func(values backends.Values) [2]string {
		var out [2]string
		if len(values) > 0 {
			out[0], out[1], _ = strings.Cut(values[0].Text(), "-")
		}
		return out
	}
	return funcs{
		get: func(values backends.Values) ([]any, error) {
			if s := halves(values)[n]; s != "" {
				return []any{s}, nil
			}
			return nil, nil
		},
		put: func(before backends.Values, values []any) (backends.Values, error) {
			h := halves(before)
			h[n] = ""
			if len(values) > 0 {
				h[n] = fmt.Sprint(values[0])
			}
			if h == [2]string{} {
				return nil, nil
			}
			return backends.Strings(h[0] + "-" + h[1]), nil
		},
	}, nil
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
	return Compile(nodes, lenses(), func(configs.Node, backends.Open) (backends.Backend, error) { return d, nil })
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
