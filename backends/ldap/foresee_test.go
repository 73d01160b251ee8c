package ldap

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// suspects are values of which some are none of their attributes. The attributes are of every syntax that can be refused, and of some that cannot.
var suspects = map[string][]string{
	"mail":                        {"a@b", " ", "ü@b", "a\x00b", "a\x7fb"},
	"homeDirectory":               {"/home/x", "/home/é"},
	"uidNumber":                   {"0", "-5", "007", "+1", "1 ", "x", "1.0", "99999999999999999999999", "-0", "-"},
	"telephoneNumber":             {"+1 (2) 3-4/5:6?'=,.", "-", " ", "*", "#1", "a@b", "é", "1_2", `"`, "1;2"},
	"destinationIndicator":        {"A b-c", "a_b", "é"},
	"c":                           {"DE", "de", "D", "DEU", "é", "1 ", "@@"},
	"internationaliSDNNumber":     {"12 3", " ", "a", "1-2", "é"},
	"manager":                     {"cn=a", "cn=a;ou=b", "cn = a , ou = b", `cn="a,b"`, "garbage", "foo=a", "cn=", "mail=é", "cn=a,", `cn=a"b`, "cn=a+cn=b"},
	"title":                       {"a", "日本", "a\xff", "a\x00b", " "},
	"objectClass":                 {"x y", "1."},
	"jpegPhoto":                   {"\xff\xd8", "x"},
	"userPassword":                {"\x00\xff"},
	"postalAddress":               {"a$b", `a\zb`},
	"facsimileTelephoneNumber":    {"+1$fineResolution", "é"},
	"mail;x-option":               {"é"},
	"supportedApplicationContext": {"1.2.3", "person", "1.", "x y", "é", "1.02"},
	"dSAQuality":                  {"x"},
	"lastLogin":                   {"20200101000000Z", "x"},
	"pwdAccountLockedTime":        {"20200101000000Z", "000001010000Z", "2020010100Z", "20200101", "20200230000000Z", "20200101000060Z", "20200101240000Z", "20200101000000.5+0130", "20200101000000,5Z", "x"},
	"x121Address":                 {"12 3", "a"},
	"serialNumber":                {"a", "a_b"},
}

// A value that the server takes is never said to be impossible; one that is said to be is refused. Where the rules are certain, the others are taken.
func TestWhatCouldNotBeIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		b.person(t, "ann", map[string][]string{"objectClass": {"inetOrgPerson", "extensibleObject"}})
		c := b.open(t, "(objectClass=person)")
		r := walk(t.Context(), t, c, backends.Query{})[0]
		refused := 0
		for attr, values := range suspects {
			for _, v := range values {
				changes := []backends.Change{{Op: backends.Replace, Attr: attr, Values: backends.Strings(v)}}
				could, foreseen := c.Could(attr, backends.String(v)), c.Foresee(t.Context(), backends.Write{Op: "modify", Key: r.Key, Changes: changes})
				_, done := c.Modify(t.Context(), r.Key, changes, backends.Condition{}, nil)
				if (!could || foreseen != nil) && !errors.Is(done, backends.ErrInvalid) {
					t.Errorf("%s: %q: could be: %t, foreseen %v, and was answered %v", attr, v, could, foreseen, done)
				}
				if !could {
					refused++
				}
				if foreseen != nil && detailOf(foreseen) != detailOf(done) {
					t.Errorf("%s: %q: foreseen %v, done %v", attr, v, foreseen, done)
				}
			}
		}
		if refused < 30 {
			t.Errorf("%d values are said to be impossible", refused)
		}
		for attr, v := range map[string]string{"mail": "é", "uidNumber": "x", "telephoneNumber": "*", "c": "DEU", "manager": "garbage", "title": "\xff"} {
			if c.Could(attr, backends.String(v)) {
				t.Errorf("%s could be %q", attr, v)
			}
		}
	})
}

func detailOf(err error) string {
	if said, ok := errors.AsType[*backends.Error](err); ok {
		return said.Detail
	}
	return fmt.Sprint(err)
}

// What is foreseen of a new entry, and of changes of one, is what then comes of it.
func TestWhatTheClassesOfAnEntryRefuseIsForeseen(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		b.person(t, "plain", map[string][]string{"objectClass": {"person", "uidObject"}, "description": {"x"}})
		b.person(t, "free", map[string][]string{"objectClass": {"inetOrgPerson", "extensibleObject"}})
		c := b.open(t, "(objectClass=person)")
		keys := map[string]backends.Key{}
		for _, r := range walk(t.Context(), t, c, backends.Query{Attrs: []string{"uid"}}) {
			keys[r.Attrs["uid"][0].Text()] = r.Key
		}
		set := func(attr string, values ...string) backends.Change {
			return backends.Change{Op: backends.Replace, Attr: attr, Values: backends.Strings(values...)}
		}
		for claim, tc := range map[string]struct {
			who     string
			changes []backends.Change
			attr    string // to blame; "": it is done
		}{
			"an attribute of another class":  {"plain", []backends.Change{set("displayName", "x")}, "displayName"},
			"one that the class has":         {"plain", []backends.Change{set("telephoneNumber", "1")}, ""},
			"one under another name":         {"plain", []backends.Change{set("surname", "T")}, ""},
			"one that anything may have":     {"free", []backends.Change{set("uidNumber", "1")}, ""},
			"the last value of what must be": {"plain", []backends.Change{set("sn")}, "sn"},
			"the same by another name":       {"free", []backends.Change{{Op: backends.Remove, Attr: "surname"}}, "sn"},
			"taken away, and given anew":     {"plain", []backends.Change{{Op: backends.Remove, Attr: "sn"}, {Op: backends.Add, Attr: "sn", Values: backends.Strings("U")}}, ""},
			"what may go":                    {"plain", []backends.Change{set("description", "")}, ""},
			"a class and what it allows":     {"plain", []backends.Change{{Op: backends.Add, Attr: "objectClass", Values: backends.Strings("simpleSecurityObject")}, set("userPassword", "x")}, ""},
		} {
			foreseen := c.Foresee(t.Context(), backends.Write{Op: "modify", Key: keys[tc.who], Changes: tc.changes})
			_, done := c.Modify(t.Context(), keys[tc.who], tc.changes, backends.Condition{}, nil)
			alike(t, claim, foreseen, done, tc.attr)
		}
		for claim, tc := range map[string]struct {
			edit func(backends.Attributes)
			attr string
		}{
			"an entry without what it must have":     {func(a backends.Attributes) { a["sn"] = backends.Strings("") }, "sn"},
			"one with what no class has":             {func(a backends.Attributes) { a["uidNumber"] = backends.Strings("1") }, "uidNumber"},
			"one with two values for one":            {func(a backends.Attributes) { a["employeeNumber"] = backends.Strings("1", "2") }, "employeeNumber"},
			"one with one value twice, and none":     {func(a backends.Attributes) { a["employeeNumber"] = backends.Strings("1", "1", "") }, ""},
			"one with a value that cannot be":        {func(a backends.Attributes) { a["mail"] = backends.Strings("a@b", "ü@b") }, "mail"},
			"one whose name says what it must have":  {func(a backends.Attributes) { delete(a, "cn") }, ""},
			"one with an attribute in two languages": {func(a backends.Attributes) { a["cn;lang-de"] = backends.Strings("ü") }, ""},
		} {
			attrs := personAttrs("new")
			delete(attrs, "uid")
			tc.edit(attrs)
			name := template("cn=", "new", ","+b.base)
			foreseen := c.Foresee(t.Context(), backends.Write{Op: "create", Name: "cn=new," + b.base, Attrs: attrs})
			made, done := c.Create(t.Context(), name, attrs, nil)
			alike(t, claim, foreseen, done, tc.attr)
			if done == nil {
				if err := c.Delete(t.Context(), made.Key, backends.Condition{}); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// alike holds what was foreseen to what came of it.
func alike(t *testing.T, claim string, foreseen, done error, attr string) {
	t.Helper()
	if attr == "" {
		if foreseen != nil || done != nil {
			t.Errorf("%s: foreseen %v, done %v", claim, foreseen, done)
		}
		return
	}
	var f, d *backends.Error
	if !errors.As(foreseen, &f) || !errors.As(done, &d) || f.Attr != attr || d.Attr != attr || !errors.Is(foreseen, d.Kind) || f.Detail != d.Detail {
		t.Errorf("%s: foreseen %v, done %v", claim, foreseen, done)
	}
}

// Of a server that is no slapd, or whose schema cannot be read, or that has rules of its own for what an entry may have, nothing is foreseen.
func TestNothingIsForeseenOfAServerThatIsNotKnown(t *testing.T) {
	b := newBranch(t, servers.plain)
	key := b.person(t, "ann", nil)
	c := b.open(t, "(objectClass=person)")
	wrong := backends.Write{Op: "modify", Key: key, Changes: []backends.Change{{Op: backends.Replace, Attr: "mail", Values: backends.Strings("é")}}}
	alien := backends.Write{Op: "modify", Key: key, Changes: []backends.Change{{Op: backends.Replace, Attr: "uidNumber", Values: backends.Strings("1")}}}
	if c.Foresee(t.Context(), wrong) == nil || c.Foresee(t.Context(), alien) == nil {
		t.Fatal("nothing is foreseen of a slapd")
	}
	for claim, edit := range map[string]func(*info){
		"no slapd":  func(in *info) { in.slapd = false },
		"no schema": func(in *info) { in.live = false },
	} {
		in := newInfo(b.dir.info.Load().schema, true)
		in.slapd, in.controls, in.extensions = true, b.dir.info.Load().controls, b.dir.info.Load().extensions
		edit(in)
		b.dir.info.Store(in)
		if err := errors.Join(c.Foresee(t.Context(), wrong), c.Foresee(t.Context(), alien)); err != nil || !c.Could("mail", backends.String("é")) {
			t.Errorf("%s: %v", claim, err)
		}
	}
	in := newInfo(b.dir.info.Load().schema, true)
	in.slapd, in.ruled = true, true
	b.dir.info.Store(in)
	if c.Foresee(t.Context(), wrong) == nil || c.Foresee(t.Context(), alien) != nil {
		t.Error("content rules do not take the classes' place")
	}
}
