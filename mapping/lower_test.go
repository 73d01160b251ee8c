package mapping

import (
	"errors"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func parseFilter(t testing.TB, text string) filter.Expr {
	t.Helper()
	e, err := filter.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// lowered prints both halves of a filter, the native one as LDAP would write it.
func lowered(t testing.TB, m *Mapping, text string, known Known) string {
	t.Helper()
	low, err := m.Lower(parseFilter(t, text), known)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	out := ldapText(low.Where)
	if low.Rest != nil {
		out += " then " + low.Rest.String()
	}
	return out
}

func ldapText(p backends.Predicate) string {
	list := func(sign string, terms []backends.Predicate) string {
		var b strings.Builder
		for _, t := range terms {
			b.WriteString(ldapText(t))
		}
		return "(" + sign + b.String() + ")"
	}
	switch p := p.(type) {
	case backends.And:
		return list("&", p)
	case backends.Or:
		return list("|", p)
	case backends.Not:
		return "(!" + ldapText(p.Term) + ")"
	case backends.Eq:
		return "(" + p.Attr + "=" + p.Value.Text() + ")"
	case backends.Prefix:
		return "(" + p.Attr + "=" + p.Text + "*)"
	case backends.Suffix:
		return "(" + p.Attr + "=*" + p.Text + ")"
	case backends.Contains:
		return "(" + p.Attr + "=*" + p.Text + "*)"
	case backends.Present:
		return "(" + p.Attr + "=*)"
	case backends.Order:
		return "(" + p.Attr + map[backends.OrderOp]string{backends.Less: "<", backends.LessEq: "<=", backends.Greater: ">", backends.GreaterEq: ">="}[p.Op] + p.Value.Text() + ")"
	case backends.KeyIn:
		var keys []string
		for _, k := range p.Keys {
			keys = append(keys, string(k))
		}
		return "{" + strings.Join(keys, ",") + "}"
	case backends.Some:
		return p.Attr + "[" + ldapText(p.Where) + "]"
	case backends.True:
		return "true"
	case backends.False:
		return "false"
	}
	return "?"
}

// lowerings are filters, and what becomes of them.
var lowerings = []struct{ m, filter, expect string }{
	{"user", `userName eq "b"`, `(uid=b)`},
	{"user", `USERNAME Eq "b"`, `(uid=b)`},
	{"user", `userName ne "b"`, `(!(uid=b))`},
	{"user", `userName co "b"`, `(uid=*b*)`},
	{"user", `userName sw "b"`, `(uid=b*)`},
	{"user", `userName ew "b"`, `(uid=*b)`},
	{"user", `userName sw "Bj"`, `(uid=Bj*)`},
	{"user", `userName co " B  j "`, `(uid=*b j*)`},
	{"user", `userName pr`, `(uid=*)`},
	{"user", `userName eq null`, `(!(uid=*))`},
	{"user", `userName ne null`, `(uid=*)`},
	{"user", `userName gt "b"`, `true then userName gt "b"`},
	{"user", `userName eq true`, `false`},
	{"user", `not (userName eq true)`, `true`},

	{"user", `active eq true`, `(!(pwdAccountLockedTime=*))`},
	{"user", `active eq false`, `(pwdAccountLockedTime=*)`},
	{"user", `active ne true`, `(pwdAccountLockedTime=*)`},
	{"user", `active eq "False"`, `(pwdAccountLockedTime=*)`},
	{"user", `active pr`, `true`},

	{"user", `name.familyName eq "J"`, `(sn=J)`},
	{"user", `name.familyName eq "-"`, `false`},
	{"user", `name.familyName co "x-"`, `(sn=*x-*)`},
	{"user", `name.familyName co "-"`, `(&(sn=*-*)(!(sn=-)))`},
	{"user", `name.familyName pr`, `(&(sn=*)(!(sn=-)))`},
	{"user", `not (name.familyName pr)`, `(!(&(sn=*)(!(sn=-))))`},
	{"user", `name pr`, `(|(cn=*)(&(sn=*)(!(sn=-)))(givenName=*))`},
	{"user", `name[familyName eq "J"]`, `(sn=J)`},
	{"user", `not (name[familyName eq "J"])`, `(!(sn=J))`},
	{"user", `name[not (familyName eq "J")]`, `(&(|(cn=*)(&(sn=*)(!(sn=-)))(givenName=*))(!(sn=J)))`},
	{"user", `name[familyName eq "J" or givenName eq "B"]`, `(|(sn=J)(givenName=B))`},
	{"user", `name[familyName eq "J"].givenName eq "B"`, `(&(sn=J)(givenName=B))`},
	{"user", `name[familyName eq "J"].givenName ne "B"`, `(!(&(sn=J)(givenName=B)))`},
	{"user", `name[formatted eq "B" and familyName eq "-"]`, `false`},

	{"user", `displayName eq "B"`, `(|(displayName=B)(&(!(displayName=*))(cn=B)))`},
	{"user", `displayName pr`, `(|(displayName=*)(cn=*))`},
	{"user", `title eq "Boss"`, `(title=Boss) then title eq "Boss"`},
	{"user", `not (title eq "Boss")`, `true then not (title eq "Boss")`},
	{"user", `userType eq "employee"`, `(employeeType=E) then userType eq "employee"`},
	{"user", `userType eq "none"`, `false`},
	{"user", `locale eq "en-gb"`, `true`},
	{"user", `locale eq "de"`, `false`},
	{"user", `preferredLanguage eq "en"`, `(|(preferredLanguage=en)(!(preferredLanguage=*)))`},
	{"user", `preferredLanguage eq "de"`, `(preferredLanguage=de)`},
	{"user", `preferredLanguage pr`, `true`},
	{"user", `timezone eq "Ulm"`, `true then timezone eq "Ulm"`},

	{"user", `emails eq "a@x"`, `(mail=a@x)`},
	{"user", `emails.value co "@x"`, `(mail=*@x*)`},
	{"user", `emails[type eq "work"].value co "@x"`, `(mail=*@x*)`},
	{"user", `emails[type eq "WORK" and value eq "a@x"]`, `(mail=a@x)`},
	{"user", `emails[type eq "home"]`, `false`},
	{"user", `not (emails[type eq "home"])`, `true`},
	{"user", `emails[type eq "home"].value eq "a@x"`, `false`},
	{"user", `emails[type eq "home" or value eq "a@x"]`, `(mail=a@x)`},
	{"user", `emails[type ne "home"]`, `(mail=*)`},
	{"user", `emails.type eq "work"`, `(mail=*)`},
	{"user", `emails.type ne "work"`, `(!(mail=*))`},
	{"user", `emails pr`, `(mail=*)`},
	{"user", `emails[value sw "a" and value ew "x"]`, `(&(mail=a*)(mail=*x)) then emails[value sw "a" and value ew "x"]`},
	{"user", `emails[value ne "a@x"]`, `(mail=*) then emails[value ne "a@x"]`},
	{"user", `emails[primary eq true].value eq "a@x"`, `(mail=a@x) then emails[primary eq true].value eq "a@x"`},
	{"user", `emails[primary eq false].value eq "a@x"`, `(mail=a@x) then emails[primary eq false].value eq "a@x"`},
	{"user", `phoneNumbers.value eq "1"`, `(|(telephoneNumber=1)(mobile=1))`},
	{"user", `phoneNumbers[type eq "mobile"].value eq "1"`, `(mobile=1)`},
	{"user", `addresses[type eq "work" and postalCode eq "1" and not (locality eq "Ulm")]`, `(&(postalCode=1)(!(l=Ulm)))`},

	{"user", `meta.resourceType eq "User"`, `true`},
	{"user", `meta.resourceType eq "Group"`, `false`},
	{"user", `meta[resourceType eq "Group"]`, `false`},
	{"user", `meta[resourceType ne "Group"]`, `true`},
	{"user", `meta[created gt "2020-01-01T00:00:00Z"]`, `(createTimestamp>2020-01-01T00:00:00Z)`},
	{"user", `meta.created gt "2020-01-01T00:00:00Z"`, `(createTimestamp>2020-01-01T00:00:00Z)`},
	{"user", `meta.created gt "never"`, `false`},
	{"user", `not (meta.created gt "never")`, `true`},
	{"user", `schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`, `true`},
	{"user", `schemas eq "urn:acme:User"`, `(|(uidNumber=*)(homeDirectory=*))`},
	{"user", `schemas eq "urn:other"`, `false`},
	{"user", `schemas[value eq "urn:acme:User"]`, `(|(uidNumber=*)(homeDirectory=*))`},
	{"user", `schemas[value eq "urn:other"]`, `false`},
	{"user", `schemas[value sw "urn:ietf" and value ew "core:2.0:User"]`, `true`},
	{"user", `urn:acme:User:number ge 7`, `(uidNumber>=7)`},
	{"user", `urn:acme:User:home eq "/home/B"`, `true then urn:acme:User:home eq "/home/B"`},

	{"user", `id eq "k1"`, `{k1}`},
	{"user", `id ne "k1"`, `(!{k1})`},
	{"user", `id co "k"`, `true then id co "k"`},
	{"user", `id pr`, `true`},
	{"user", `externalId eq "e"`, `{k1,k2}`},
	{"user", `externalId pr`, `{k1}`},
	{"user", `groups eq "g1"`, `(memberOf=cn=g1,dc=x)`},
	{"user", `groups.value eq "g1"`, `(memberOf=cn=g1,dc=x)`},
	{"user", `groups[value eq "g1"]`, `(memberOf=cn=g1,dc=x)`},
	{"user", `groups eq "no"`, `false`},
	{"user", `not (groups eq "no")`, `true`},
	{"user", `groups pr`, `(memberOf=*)`},
	{"user", `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "m1"`, `(manager=uid=m1,dc=x)`},
	{"user", `manager.value eq "m1"`, `(manager=uid=m1,dc=x)`},
	{"user", `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq "m1"]`, `(manager=uid=m1,dc=x)`},
	{"user", `manager[value eq "nope"]`, `false`},
	{"user", `not (manager[value eq "nope"])`, `true`},
	{"group", `members[value eq "u1"] and members[value eq "u2"]`, `(&(member=uid=u1,dc=x)(member=uid=u2,dc=x))`},
	{"group", `members eq "u1"`, `(member=uid=u1,dc=x)`},
	{"group", `members pr`, `(member=*) then members pr`},
	{"group", `members[type eq "User" and value eq "u1"]`, `(member=uid=u1,dc=x) then members[type eq "User" and value eq "u1"]`},

	{"user", `groups.type eq "direct"`, `(memberOf=*)`},
	{"user", `groups.type eq "Indirect"`, `false`},
	{"user", `groups.type ne "indirect"`, `true`},
	{"user", `groups.type pr`, `(memberOf=*)`},
	{"user", `groups[type eq "direct" and value eq "g1"]`, `(memberOf=cn=g1,dc=x)`},
	{"user", `groups.$ref sw "https"`, `(memberOf=*) then groups.$ref sw "https"`},
	{"user", `manager.$ref pr`, `(manager=*) then manager.$ref pr`},
	{"group", `members.type eq "User"`, `(member=*) then members.type eq "User"`},

	{"user", `userName eq "b" and active eq true`, `(&(uid=b)(!(pwdAccountLockedTime=*)))`},
	{"user", `userName eq "b" and timezone eq "Ulm"`, `(uid=b) then timezone eq "Ulm"`},
	{"user", `userName eq "b" or timezone eq "Ulm"`, `true then userName eq "b" or timezone eq "Ulm"`},
	{"user", `not (userName eq "b" or timezone eq "Ulm")`, `(!(uid=b)) then not (timezone eq "Ulm")`},
	{"user", `userName eq "b" and (userName eq "c" or title eq "Boss")`, `(&(uid=b)(|(uid=c)(title=Boss))) then userName eq "c" or title eq "Boss"`},
	{"user", `active eq 1 and timezone eq "Ulm"`, `false`},
}

func TestLowerSaysInTheDirectorysTermsWhatItCan(t *testing.T) {
	user, group := both(t)
	known := Known{
		`groups.value eq "g1"`: {Names: []string{"cn=g1,dc=x"}},
		`groups.value eq "no"`: {},
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "m1"`:   {Names: []string{"uid=m1,dc=x"}},
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "nope"`: {},
		`members.value eq "u1"`: {Names: []string{"uid=u1,dc=x"}},
		`members.value eq "u2"`: {Names: []string{"uid=u2,dc=x"}},
		`externalId eq "e"`:     {Keys: []backends.Key{"k1", "k2"}},
		`externalId pr`:         {Keys: []backends.Key{"k1"}},
	}
	for _, c := range lowerings {
		m := map[string]*Mapping{"user": user, "group": group}[c.m]
		if got := lowered(t, m, c.filter, known); got != c.expect {
			t.Errorf("%s\n got  %s\n want %s", c.filter, got, c.expect)
		}
	}
}

// What the RFC's own schemas have none of: several simple values, and a `primary` that is mapped. An element without it is not primary.
func TestLowerOfListsAndOfAMappedPrimary(t *testing.T) {
	set, faults := tryWithTypes(t, shapes, userYAML+shapesYAML, groupYAML)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	user, _ := set.Get("User")
	const x = "urn:acme:Shape:"
	for text, want := range map[string]string{
		x + `tags[value eq "b"]`:                           `(carLicense=b)`,
		x + `tags[value ne "b"]`:                           `(carLicense=*) then ` + x + `tags[value ne "b"]`,
		x + `tags[value sw "b" and value ew "x"]`:          `(&(carLicense=b*)(carLicense=*x)) then ` + x + `tags[value sw "b" and value ew "x"]`,
		x + `badge[room gt 7].code eq "b"`:                 `(street=b) then ` + x + `badge.room gt 7 and ` + x + `badge.code eq "b"`,
		x + `lamps[primary eq true]`:                       `(internationalISDNNumber=TRUE)`,
		x + `lamps[primary eq false and type eq "work"]`:   `(&(|(initials=*)(internationalISDNNumber=TRUE)(internationalISDNNumber=FALSE))(!(internationalISDNNumber=TRUE)))`,
		x + `lamps[primary eq false and type eq "home"]`:   `(physicalDeliveryOfficeName=*)`,
		x + `lamps[primary ne "False" and type eq "home"]`: `false`,
		x + `lamps[primary eq null and type eq "home"]`:    `(physicalDeliveryOfficeName=*)`,
		x + `seal.primary eq false`:                        `(x121Address=FALSE)`,
	} {
		if got := lowered(t, user, text, nil); got != want {
			t.Errorf("%s\n got  %s\n want %s", text, got, want)
		}
	}
}

func TestLowerRefusesWhatIsNotMapped(t *testing.T) {
	user, _ := both(t)
	_, err := user.Lower(parseFilter(t, `nickName eq "x"`), nil)
	e, ok := errors.AsType[*scim.Error](err)
	if !ok || e.Status != 400 || e.Type != scim.InvalidFilter || !strings.Contains(e.Detail, "nickName") {
		t.Errorf("got %v", err)
	}
}

func TestLowerExplainsEachTerm(t *testing.T) {
	user, _ := both(t)
	low, err := user.Lower(parseFilter(t, `userName eq "b" and not (timezone eq "Ulm")`), nil)
	if err != nil || len(low.Why) != 2 {
		t.Fatalf("%v %v", low.Why, err)
	}
	if r := low.Why[0]; r.Term != `userName eq "b"` || !strings.Contains(r.Native(), "uid") || r.Rest != "" || r.Why != "" {
		t.Errorf("%+v", r)
	}
	if r := low.Why[1]; r.Rest != `timezone eq "Ulm"` || r.Native() != "" || !strings.Contains(r.Why, "expression") {
		t.Errorf("%+v", r)
	}
	if !low.Wants(scim.Ref{Attr: &scim.Attribute{Name: "timezone"}}) || low.Wants(scim.Ref{Attr: &scim.Attribute{Name: "userName"}}) {
		t.Error("the rest needs timezone and nothing else")
	}
}

func TestUnknownsListsEachTermOnce(t *testing.T) {
	user, group := both(t)
	got := user.Unknowns(parseFilter(t, `groups eq "g" or groups[value eq "g"] or externalId eq "e" or userName eq "b" or manager eq "m"`))
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	if u := got[0]; u.Key != `groups.value eq "g"` || u.Kind != RefTerm || u.Ref.Native != "memberOf" || u.Term.Value != "g" {
		t.Errorf("%+v", u)
	}
	if u := got[1]; u.Kind != OverlayTerm || u.Path.String() != "externalId" {
		t.Errorf("%+v", u)
	}
	if got := group.Unknowns(parseFilter(t, `not (members[value eq "u"])`)); len(got) != 1 || got[0].Kind != RefTerm {
		t.Errorf("%+v", got)
	}
}

func TestAReferenceThatTheDirectoryDoesNotKeepIsReversed(t *testing.T) {
	d := newDirectory()
	delete(d.syntax, "memberof")
	set := compile(t, d, userYAML, groupYAML)
	user, _ := set.Get("User")
	got := user.Unknowns(parseFilter(t, `groups eq "g"`))
	if len(got) != 1 || got[0].Kind != ReverseTerm || got[0].Ref.OrReverse != "Group.members" {
		t.Fatalf("%+v", got)
	}
	if got := lowered(t, user, `groups eq "g"`, Known{got[0].Key: {Keys: []backends.Key{"k7"}}}); got != "{k7}" {
		t.Errorf("got %s", got)
	}
}

// What the record behind a reference is called stands in that record: to search for it would be to read all of them.
func TestLowerRefusesTheNameOfWhatAReferencePointsAt(t *testing.T) {
	set := compile(t, newDirectory(), strings.Replace(userYAML, "groups: [memberOf | ref(Group), reverse(Group.members)]",
		"groups: {from: memberOf | ref(Group), nested: true}", 1), groupYAML)
	user, group := set.All()[0], set.All()[1]
	for text, m := range map[string]*Mapping{
		`groups.display eq "g"`: user, `groups.display pr`: user, `groups[display co "g"]`: user, `not (groups[value eq "g1" and display eq "g"])`: user,
		`manager.displayName eq "Boss"`: user, `userName eq "b" or manager.displayName ne "x"`: user,
		`members.display eq "a"`: group, `members[type eq "User" and not (display eq "a")]`: group,
		`groups.type eq "indirect"`: user, `groups[type eq "direct"]`: user, // of nested groups, a question for each user
	} {
		_, err := m.Lower(parseFilter(t, text), Known{`groups.value eq "g1"`: {}})
		e, ok := errors.AsType[*scim.Error](err)
		if !ok || e.Status != 400 || e.Type != scim.InvalidFilter || !strings.Contains(e.Detail, "cannot be searched") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheTypeOfAMemberIsKnownWhereThereIsOneOnly(t *testing.T) {
	set := compile(t, newDirectory(), userYAML, strings.Replace(groupYAML, "ref(User, Group)", "ref(User)", 1))
	for text, want := range map[string]string{
		`members.type eq "group"`: "false", `members[type eq "Group" and value eq "u1"]`: "false",
		`members[type eq "user" and value eq "u1"]`: "(member=uid=u1,dc=x)",
	} {
		if got := lowered(t, set.All()[1], text, Known{`members.value eq "u1"`: {Names: []string{"uid=u1,dc=x"}}}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// What stands in the brackets of the mapping is compared as the matcher compares it: İ is no i, and ſ is an s.
func TestConstantsFoldAsTheMatcherDoes(t *testing.T) {
	user, _ := both(t)
	for text, want := range map[string]string{
		`phoneNumbers[type co "İ"]`:                  "false",
		`phoneNumbers[type eq "MOBİLE"]`:             "false",
		`phoneNumbers[type eq "MOBILE"]`:             "(mobile=*)",
		`phoneNumbers[type eq "wor\u212a"]`:          "(telephoneNumber=*)", // the Kelvin sign
		`groups[type eq "dİrect"]`:                   "false",
		`groups[type eq "DIRECT" and value eq "g1"]`: "(memberOf=cn=g1)",
	} {
		if got := lowered(t, user, text, Known{`groups.value eq "g1"`: {Names: []string{"cn=g1"}}}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
