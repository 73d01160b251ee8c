package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func TestWhatIsKnownOfTheRecordBehindAReferenceIsPublished(t *testing.T) {
	user, group := both(t)
	for path, is := range map[string]func(*scim.Attribute) bool{
		"members.display":     func(a *scim.Attribute) bool { return a.Mutability == scim.ReadOnly },
		"groups.display":      func(a *scim.Attribute) bool { return a.Mutability == scim.ReadOnly },
		"manager.displayName": func(a *scim.Attribute) bool { return a.Mutability == scim.ReadOnly },
		"members.type": func(a *scim.Attribute) bool {
			return slices.Equal(a.CanonicalValues, []string{"User", "Group"}) && a.Mutability == scim.Immutable
		},
		"groups.type":   func(a *scim.Attribute) bool { return slices.Equal(a.CanonicalValues, []string{"direct", "indirect"}) },
		"groups.$ref":   func(a *scim.Attribute) bool { return slices.Equal(a.ReferenceTypes, []string{"Group"}) && a.CaseExact },
		"groups.value":  func(a *scim.Attribute) bool { return a.CaseExact },
		"members.value": func(a *scim.Attribute) bool { return a.CaseExact },
		"manager.value": func(a *scim.Attribute) bool { return a.CaseExact },
		"members.$ref":  func(a *scim.Attribute) bool { return slices.Equal(a.ReferenceTypes, []string{"User", "Group"}) },
	} {
		m := user
		if strings.HasPrefix(path, "members") {
			m = group
		}
		if a := published(t, m, path); !is(a) {
			t.Errorf("%s: %+v", path, a)
		}
	}
	set := compile(t, newDirectory(), userYAML, strings.Replace(groupYAML, "User, Group)\", placeholder: cn=nobody", "User)\", display: false", 1))
	group = set.All()[1]
	if _, ok := group.rt.Resolve(filter.Path{Attr: "members", Sub: "display"}); ok {
		t.Error("members.display is published and switched off")
	}
	if r := group.References()[0]; r.Display != "" {
		t.Errorf("%+v", r)
	}
	if a := published(t, group, "members.type"); !slices.Equal(a.CanonicalValues, []string{"User"}) {
		t.Errorf("%+v", a)
	}
}

func TestARecordIsCalledByItsDisplayName(t *testing.T) {
	user, group := both(t)
	for _, c := range []struct {
		m    *Mapping
		rec  backends.Record
		want string
	}{
		{user, record("uid", "b", "cn", "Babs", "displayName", "Barbara"), "Barbara"},
		{user, record("uid", "b", "cn", "Babs"), "Babs"},
		{user, record("uid", "b"), "b"},
		{user, record("sn", "b"), ""},
		{group, record("cn", "admins"), "admins"},
		{group, record("cn", "a", "cn", "admins"), "a"},
	} {
		if got, problem := c.m.Label(c.rec); got != c.want || problem != nil {
			t.Errorf("%v is called %q, %v; want %q", c.rec.Attrs, got, problem, c.want)
		}
	}
	if got := fmt.Sprint(user.LabelReads(), group.LabelReads()); got != "[cn displayName uid] [cn]" {
		t.Errorf("reads %s", got)
	}
	for line, want := range map[string]string{
		"{from: displayName, access: writeOnly}":    "b",
		"{from: displayName, returned: request}":    "b",
		`{read: "first(displayName) + '!'"}`:        "Barbara!",
		"{constant: Somebody}":                      "Somebody",
		"overlay":                                   "b",
		"{from: description, default: \"no name\"}": "no name",
		"\"employeeType | enum(E=Employee)\"":       "b",
		"{from: displayName, placeholder: Barbara}": "b",
		"{from: displayName, returned: always}":     "Barbara",
		"{from: [description, displayName]}":        "Barbara",
		"{from: displayName, access: readOnly}":     "Barbara",
	} {
		m := compile(t, newDirectory(), userWith("", "  displayName: "+line+"\n")).All()[0]
		if got, problem := m.Label(record("uid", "b", "displayName", "Barbara")); got != want || problem != nil {
			t.Errorf("displayName: %s: called %q, %v; want %q", line, got, problem, want)
		}
	}
}

func TestWhateverIsAskedOfAReferenceTakesItsValue(t *testing.T) {
	user, group := both(t)
	for path, want := range map[string]string{
		"manager.displayName": "[manager]", "manager.$ref": "[manager]", "manager.value": "[manager]",
		"groups.display": "[memberOf]", "groups.type": "[memberOf]", "members.display": "[member]", "members.$ref": "[member]",
		"name.familyName": "[sn]", "displayName": "[cn displayName]",
	} {
		m := user
		if strings.HasPrefix(path, "members") {
			m = group
		}
		p, err := filter.ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		ref, _ := m.rt.Resolve(p)
		got := m.Reads(func(r scim.Ref) bool {
			return r.Attr == ref.Attr && (r.Sub == nil || ref.Sub == nil || r.Sub.Name == ref.Sub.Name)
		})
		if fmt.Sprint(got) != want {
			t.Errorf("%s reads %v, want %s", path, got, want)
		}
	}
}

// /Schemas says what can be written. A mark that nobody keeps cannot, and nothing of what a view shows.
func TestSchemasSayWhatCannotBeWritten(t *testing.T) {
	mutability := func(m *Mapping, attr, sub string) string {
		for _, v := range listOf(part(m.rt.Schema.Object(""), "attributes")) {
			if o := v.(*scim.Object); part(o, "name") == attr {
				for _, v := range listOf(part(o, "subAttributes")) {
					if o := v.(*scim.Object); part(o, "name") == sub {
						return part(o, "mutability").(string)
					}
				}
			}
		}
		return ""
	}
	ldap, _ := both(t)
	tables := compile(t, newTables(), rowsUser).All()[0]
	view := compile(t, newTables(), strings.Replace(rowsUser, "primary: is_main | mark}", "primary: is_main | mark, access: readOnly}", 1)).All()[0]
	for _, c := range []struct {
		m               *Mapping
		attr, sub, want string
	}{
		{ldap, "emails", "primary", "readOnly"},
		{ldap, "emails", "type", "readWrite"},
		{ldap, "groups", "type", "readOnly"},
		{tables, "emails", "primary", "readWrite"},
		{tables, "phoneNumbers", "primary", "readOnly"},
		{tables, "phoneNumbers", "value", "readWrite"},
		{view, "emails", "value", "readOnly"},
		{view, "emails", "primary", "readOnly"},
		{view, "emails", "type", "readOnly"},
	} {
		if got := mutability(c.m, c.attr, c.sub); got != c.want {
			t.Errorf("%s of %s is %s, wanted %s", c.sub, c.attr, got, c.want)
		}
	}
}
