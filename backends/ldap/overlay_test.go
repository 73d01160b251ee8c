package ldap

import (
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// OpenLDAP hands an operation's controls on to what its overlays do because of it; see class.knowsItself.
func TestOverlaysDoTheirWorkUnderAnAssertion(t *testing.T) {
	b := newBranch(t, servers.overlays)
	ctx := t.Context()
	person := b.person(t, "member", nil)
	people, groups := b.open(t, "(objectClass=inetOrgPerson)"), b.open(t, "(objectClass=groupOfNames)")
	personDN := "uid=member," + b.base
	memberOf := func() []string { return b.read(t, personDN, "memberOf").GetAttributeValues("memberOf") }
	group, err := groups.Create(ctx, template("cn=", "g", ","+b.base), backends.Attributes{
		"objectClass": backends.Strings("groupOfNames"), "cn": backends.Strings("g"), "member": backends.Strings("cn=nobody"),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	change := func(op backends.ChangeOp) {
		t.Helper()
		r, err := groups.Modify(ctx, group.Key, []backends.Change{{Op: op, Attr: "member", Values: backends.Strings(personDN)}}, backends.Condition{}, []string{"member"})
		if err != nil {
			t.Fatal(err)
		}
		if has := slices.Contains(r.Attrs["member"].Texts(), personDN); r.Key != group.Key || has != (op == backends.Add) {
			t.Errorf("the answer to the change is %+v", r)
		}
	}
	change(backends.Add)
	if got := memberOf(); !slices.Equal(got, []string{"cn=g," + b.base}) {
		t.Errorf("added: memberOf is %q", got)
	}
	if err := groups.Move(ctx, group.Key, template("cn=", "h", ","+b.base), backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	if got := memberOf(); !slices.Equal(got, []string{"cn=h," + b.base}) {
		t.Errorf("group renamed: memberOf is %q", got)
	}
	change(backends.Remove)
	if got := memberOf(); len(got) != 0 {
		t.Errorf("removed: memberOf is %q", got)
	}
	change(backends.Add)
	// uid is watched by the unique overlay.
	if err := people.Move(ctx, person, template("uid=", "renamed", ","+b.base), backends.Condition{}); err != nil {
		t.Fatalf("renaming under the unique overlay: %v", err)
	}
	personDN = "uid=renamed," + b.base
	if err := groups.Delete(ctx, group.Key, backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	if got := memberOf(); len(got) != 0 {
		t.Errorf("group deleted: memberOf is %q", got)
	}
}
