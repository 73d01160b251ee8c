package ldap

import (
	"errors"
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// without makes a directory believe that its server lacks some controls and extensions, and entryDN if live is false.
func (b *branch) without(t *testing.T, live bool, oids ...string) {
	t.Helper()
	if err := b.dir.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := *b.dir.info.Load()
	in.live = live
	lacks := func(oid string) bool { return slices.Contains(oids, oid) }
	in.controls = slices.DeleteFunc(slices.Clone(in.controls), lacks)
	in.extensions = slices.DeleteFunc(slices.Clone(in.extensions), lacks)
	b.dir.info.Store(&in)
}

func TestAServerWithoutAssertionsIsAskedFirst(t *testing.T) {
	b := newBranch(t, servers.plain)
	ctx := t.Context()
	key := b.person(t, "p", map[string][]string{"employeeType": {"x"}})
	guardedKey := b.person(t, "guarded", map[string][]string{"description": {"keep out"}})
	c := b.open(t, "(objectClass=inetOrgPerson)", "(description=keep out)")
	b.without(t, true, oidAssertion, oidPostRead)
	r, err := c.Modify(ctx, key, replaceSN("New"), backends.Condition{}, []string{"sn"})
	if err != nil || !slices.Equal(r.Attrs["sn"].Texts(), []string{"New"}) {
		t.Fatalf("modify: %+v %v", r, err)
	}
	if _, err := c.Modify(ctx, key, replaceSN("Newer"), backends.Condition{Version: r.Version}, nil); err != nil {
		t.Errorf("on the right version: %v", err)
	}
	if _, err := c.Modify(ctx, key, replaceSN("x"), backends.Condition{Version: r.Version}, nil); !errors.Is(err, backends.ErrChanged) {
		t.Errorf("on an old version: %v", err)
	}
	absent := backends.Not{Term: backends.Present{Attr: "employeeType"}}
	if err := c.Delete(ctx, key, backends.Condition{Assert: absent}); !errors.Is(err, backends.ErrChanged) {
		t.Errorf("under an assertion that fails: %v", err)
	}
	if err := c.Delete(ctx, guardedKey, backends.Condition{}); !errors.Is(err, backends.ErrRefused) {
		t.Errorf("a protected entry: %v", err)
	}
	if err := c.Delete(ctx, key, backends.Condition{}); err != nil || !b.gone("uid=p,"+b.base) {
		t.Errorf("delete: %v", err)
	}
}

func TestAServerWithoutEntryDNIsAskedForEachName(t *testing.T) {
	b := newBranch(t, servers.plain)
	key := b.person(t, "p", nil)
	c := b.open(t, "(objectClass=inetOrgPerson)")
	b.without(t, false)
	name := "UID=P, " + b.base
	keys, err := c.Find(t.Context(), "", []string{name, "uid=nobody," + b.base, b.base, "uid=p,dc=elsewhere", "nonsense"}, nil)
	if err != nil || len(keys) != 1 || keys[name].Key != key {
		t.Errorf("%v %v", keys, err)
	}
}

func TestAServerWithoutMatchedValuesIsAskedForEachValue(t *testing.T) {
	for claim, oids := range map[string][]string{"with matched values": nil, "without": {oidMatchedValues}} {
		b := newBranch(t, servers.plain)
		key := b.person(t, "p", map[string][]string{"mail": {"a@x", "b@x"}, "seeAlso": {"uid=p," + b.base}})
		c := b.open(t, "")
		b.without(t, true, oids...)
		has, err := c.Has(t.Context(), key, "mail", backends.Strings("A@X", "z@x", "b@x", "é", "a@x", "*"))
		if err != nil || !slices.Equal(has, []bool{true, false, true, false, true, false}) {
			t.Errorf("%s: %v %v", claim, has, err)
		}
		has, err = c.Has(t.Context(), key, "seeAlso", backends.Strings("UID=p,"+b.base, "nonsense", "uid=q,"+b.base))
		if err != nil || !slices.Equal(has, []bool{true, false, false}) {
			t.Errorf("%s, names: %v %v", claim, has, err)
		}
		if has, err := c.Has(t.Context(), key, "noSuch", backends.Strings("x")); err != nil || has[0] {
			t.Errorf("%s, an unknown attribute: %v %v", claim, has, err)
		}
		if _, err := c.Has(t.Context(), someKey, "mail", backends.Strings("x")); !errors.Is(err, backends.ErrNotFound) {
			t.Errorf("%s, nobody: %v", claim, err)
		}
		if _, err := c.Has(t.Context(), key, "userPassword", backends.Strings("x")); !errors.Is(err, backends.ErrRefused) {
			t.Errorf("%s, a secret: %v", claim, err)
		}
	}
}

func TestAServerWithoutThePasswordOperation(t *testing.T) {
	b := newBranch(t, servers.overlays)
	key := b.person(t, "p", nil)
	c := b.open(t, "")
	b.without(t, true, oidPasswordModify)
	set := []backends.Change{{Op: backends.SetPassword, Attr: "userPassword", Values: backends.Values{backends.Secret("correct horse")}}}
	if _, err := c.Modify(t.Context(), key, set, backends.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := dialAdmin(t, b.url).Bind("uid=p,"+b.base, "correct horse"); err != nil {
		t.Errorf("the password does not work: %v", err)
	}
	if b.log.count("lacks the password operation") != 1 || b.log.count("correct horse") != 0 {
		t.Errorf("log:\n%s", b.log)
	}
	mixed := append(set, replaceSN("x")...)
	if _, err := c.Modify(t.Context(), key, mixed, backends.Condition{}, nil); !errors.Is(err, backends.ErrInvalid) {
		t.Errorf("a password among other changes: %v", err)
	}
}

func TestAnEntryThatWouldBeInvisibleIsTakenBack(t *testing.T) {
	b := newBranch(t, servers.plain)
	// Only the server knows what this filter says of a new entry.
	c := b.open(t, "(&(objectClass=inetOrgPerson)(createTimestamp<=20000101000000Z))")
	if _, err := c.Create(t.Context(), template("uid=", "p", ","+b.base), personAttrs("p"), nil); !errors.Is(err, backends.ErrInvalid) {
		t.Errorf("create: %v", err)
	}
	if !b.gone("uid=p," + b.base) {
		t.Error("it is still there")
	}
}

func TestNameCache(t *testing.T) {
	n := newNameCache(4)
	for i := range 10 {
		n.put(backends.Key(rune('a'+i)), "dn")
	}
	if len(n.young)+len(n.old) > 4 {
		t.Errorf("it holds %d and %d", len(n.young), len(n.old))
	}
	if _, ok := n.get("j"); !ok {
		t.Error("the last is forgotten")
	}
	if _, ok := n.get("a"); ok {
		t.Error("the first is still there")
	}
	n.drop("j")
	if _, ok := n.get("j"); ok {
		t.Error("what was dropped is still there")
	}
}
