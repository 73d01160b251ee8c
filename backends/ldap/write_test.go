package ldap

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func template(parts ...string) backends.Template {
	var t backends.Template
	for i, text := range parts {
		if i%2 == 1 {
			t = append(t, backends.Part{Slot: true, Value: backends.String(text)})
		} else {
			t = append(t, backends.Part{Text: text})
		}
	}
	return t
}

func personAttrs(uid string) backends.Attributes {
	return backends.Attributes{
		"objectClass": backends.Strings("inetOrgPerson"), "uid": backends.Strings(uid), "cn": backends.Strings("C " + uid), "sn": backends.Strings("S"),
	}
}

// hostile are names that mean something else where quoting is forgotten.
var hostile = []string{
	"x,uid=admin", `*)(uid=*`, `back\slash`, "+plus+", `"quoted"`, "<a>;b", " blank ", "#hash", "a=b", "ünïcode", "日本", "a\tb", "nul\x00nul", `\2a`, "1+2=3,ou=x",
}

func TestCreateUnderHostileNames(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		c := b.open(t, "(objectClass=inetOrgPerson)")
		for _, name := range hostile {
			r, err := c.Create(t.Context(), template("uid=", name, ","+b.base), personAttrs(name), []string{"uid"})
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			if len(r.Attrs["uid"]) != 1 {
				t.Errorf("%q made uid %q", name, r.Attrs["uid"])
			}
			found := walk(t.Context(), t, c, backends.Query{Where: backends.Eq{Attr: "uid", Value: backends.String(name), Rule: backends.CaseIgnoreSpace}})
			if len(found) != 1 || found[0].Key != r.Key {
				t.Errorf("%q finds %d records", name, len(found))
			}
			if keys, err := c.Find(t.Context(), "", []string{r.Name}, nil); err != nil || keys[r.Name].Key != r.Key {
				t.Errorf("%q resolves to %v, %v", r.Name, keys, err)
			}
			if keys, err := c.Find(t.Context(), "uid", []string{name}, nil); err != nil || keys[name].Key != r.Key {
				t.Errorf("uid %q resolves to %v, %v", name, keys, err)
			}
			if err := c.Move(t.Context(), r.Key, template("uid=", "moved "+name, ","+b.base), backends.Condition{}); err != nil {
				t.Errorf("renaming %q: %v", name, err)
			}
			if err := c.Delete(t.Context(), r.Key, backends.Condition{}); err != nil {
				t.Errorf("deleting %q: %v", name, err)
			}
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		b.person(t, "taken", nil)
		c := b.open(t, "(&(objectClass=person)(employeeType=x))")
		with := func(edit func(backends.Attributes)) backends.Attributes {
			a := personAttrs("new")
			a["employeeType"] = backends.Strings("x")
			edit(a)
			return a
		}
		none := func(backends.Attributes) {}
		for claim, tc := range map[string]struct {
			name  backends.Template
			attrs backends.Attributes
			kind  error
			attr  string
		}{
			"a name that is taken, in another case":      {template("uid=", "TAKEN", ","+b.base), with(none), backends.ErrExists, "uid"},
			"a name outside the base":                    {template("uid=", "new", ",ou=people,"+suffix), with(none), backends.ErrRefused, ""},
			"the base itself":                            {template(b.base), with(none), backends.ErrRefused, ""},
			"an empty name":                              {template("uid=", "", ","+b.base), with(none), backends.ErrInvalid, ""},
			"an entry that the filter does not match":    {template("uid=", "new", ","+b.base), with(func(a backends.Attributes) { delete(a, "employeeType") }), backends.ErrInvalid, ""},
			"an entry without a mandatory attribute":     {template("uid=", "new", ","+b.base), with(func(a backends.Attributes) { a["sn"] = backends.Strings("") }), backends.ErrInvalid, "sn"},
			"a value that the syntax forbids":            {template("uid=", "new", ","+b.base), with(func(a backends.Attributes) { a["mail"] = backends.Strings("é") }), backends.ErrInvalid, "mail"},
			"an attribute that the class does not allow": {template("uid=", "new", ","+b.base), with(func(a backends.Attributes) { a["uidNumber"] = backends.Strings("1") }), backends.ErrInvalid, "uidNumber"},
			"an attribute that does not exist":           {template("uid=", "new", ","+b.base), with(func(a backends.Attributes) { a["noSuch"] = backends.Strings("1") }), backends.ErrInvalid, "noSuch"},
			"two values where one is allowed":            {template("uid=", "new", ","+b.base), with(func(a backends.Attributes) { a["employeeNumber"] = backends.Strings("1", "2") }), backends.ErrInvalid, "employeeNumber"},
			"a place that is not there":                  {template("uid=", "new", ",ou=", "nowhere", ","+b.base), with(none), backends.ErrInvalid, ""},
		} {
			_, err := c.Create(t.Context(), tc.name, tc.attrs, nil)
			var said *backends.Error
			if !errors.Is(err, tc.kind) || !errors.As(err, &said) || said.Attr != tc.attr || said.Detail == "" {
				t.Errorf("%s: got %v, want %v blaming %q", claim, err, tc.kind, tc.attr)
			}
		}
		if !b.gone("uid=new," + b.base) {
			t.Error("something was made")
		}
	})
}

func TestUniqueOverlay(t *testing.T) {
	b := newBranch(t, servers.overlays)
	b.person(t, "unique-1", map[string][]string{"mail": {"unique@example.org"}})
	c := b.open(t, "")
	attrs := personAttrs("unique-2")
	attrs["mail"] = backends.Strings("UNIQUE@example.org")
	_, err := c.Create(t.Context(), template("uid=", "unique-2", ","+b.base), attrs, nil)
	var said *backends.Error
	if !errors.Is(err, backends.ErrExists) || !errors.As(err, &said) || said.Attr != "mail" {
		t.Errorf("got %v, want ErrExists blaming mail", err)
	}
}

func TestModify(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		ctx := t.Context()
		key := b.person(t, "mod", map[string][]string{"mail": {"a@x", "b@x"}, "description": {"d"}})
		c := b.open(t, "(objectClass=inetOrgPerson)")
		r, err := c.Modify(ctx, key, []backends.Change{
			{Op: backends.Add, Attr: "mail", Values: backends.Strings("c@x", "")},
			{Op: backends.Remove, Attr: "mail", Values: backends.Strings("a@x")},
			{Op: backends.Replace, Attr: "sn", Values: backends.Strings("New", "new", "  NEW ")},
			{Op: backends.Replace, Attr: "description", Values: backends.Strings("")},
		}, backends.Condition{}, []string{"mail", "sn", "description"})
		if err != nil {
			t.Fatal(err)
		}
		mails := r.Attrs["mail"].Texts()
		slices.Sort(mails)
		if !slices.Equal(mails, []string{"b@x", "c@x"}) || !slices.Equal(r.Attrs["sn"].Texts(), []string{"New"}) || len(r.Attrs["description"]) != 0 {
			t.Errorf("after: %v", r.Attrs)
		}
		if r.Key != key || r.Name != "uid=mod,"+b.base || r.Version == "" {
			t.Errorf("record: %+v", r)
		}
		if now := b.read(t, r.Name, "entryCSN").GetAttributeValue("entryCSN"); now != r.Version {
			t.Errorf("the version is %s, the directory says %s", r.Version, now)
		}
		for claim, ch := range map[string]backends.Change{
			"adding what is there":            {Op: backends.Add, Attr: "mail", Values: backends.Strings("B@x")},
			"removing what is not":            {Op: backends.Remove, Attr: "mail", Values: backends.Strings("z@x")},
			"removing an attribute not there": {Op: backends.Remove, Attr: "description"},
		} {
			if _, err := c.Modify(ctx, key, []backends.Change{ch}, backends.Condition{}, nil); !errors.Is(err, backends.ErrNoEffect) {
				t.Errorf("%s: %v", claim, err)
			}
		}
		_, err = c.Modify(ctx, key, []backends.Change{{Op: backends.Replace, Attr: "uid", Values: backends.Strings("other")}}, backends.Condition{}, nil)
		if !errors.Is(err, backends.ErrInvalid) {
			t.Errorf("changing the naming attribute: %v", err)
		}
	})
}

func TestConditions(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		ctx := t.Context()
		key := b.person(t, "cond", map[string][]string{"employeeNumber": {"1"}, "cn": {"Case"}})
		c := b.open(t, "(objectClass=inetOrgPerson)", "(description=keep out)")
		read, err := c.Fetch(ctx, []backends.Key{key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		set := func(cond backends.Condition, value string) (backends.Record, error) {
			return c.Modify(ctx, key, []backends.Change{{Op: backends.Replace, Attr: "employeeNumber", Values: backends.Strings(value)}}, cond, nil)
		}
		eq := func(value string, rule backends.Rule) backends.Predicate {
			return backends.Eq{Attr: "cn", Value: backends.String(value), Rule: rule}
		}
		after, err := set(backends.Condition{Version: read[0].Version, Assert: eq("case", backends.CaseIgnoreSpace)}, "2")
		if err != nil {
			t.Fatalf("a condition that holds: %v", err)
		}
		for claim, cond := range map[string]backends.Condition{
			"an older version":                         {Version: read[0].Version},
			"something that was never a version":       {Version: "*)(uid=*"},
			"a value that is another":                  {Assert: eq("other", backends.CaseIgnoreSpace)},
			"a value in another case, where it counts": {Assert: eq("case", backends.CaseExact)},
			"an attribute that is unknown":             {Assert: backends.Present{Attr: "noSuch"}},
		} {
			if _, err := set(cond, "3"); !errors.Is(err, backends.ErrChanged) {
				t.Errorf("%s: %v", claim, err)
			}
			if err := c.Delete(ctx, key, cond); !errors.Is(err, backends.ErrChanged) {
				t.Errorf("deleting under %s: %v", claim, err)
			}
			if err := c.Move(ctx, key, template("uid=", "cond2", ","+b.base), cond); !errors.Is(err, backends.ErrChanged) {
				t.Errorf("renaming under %s: %v", claim, err)
			}
		}
		if got := b.read(t, "uid=cond,"+b.base, "employeeNumber").GetAttributeValue("employeeNumber"); got != "2" {
			t.Errorf("employeeNumber is %q", got)
		}
		if _, err := set(backends.Condition{Version: after.Version, Assert: eq("Case", backends.CaseExact)}, "4"); err != nil {
			t.Errorf("a condition that only reading can decide: %v", err)
		}
		protectedEntry := b.person(t, "keep", map[string][]string{"description": {"keep out"}})
		if _, err := c.Modify(ctx, protectedEntry, []backends.Change{{Op: backends.Replace, Attr: "sn", Values: backends.Strings("x")}}, backends.Condition{}, nil); !errors.Is(err, backends.ErrProtected) || errors.Is(err, backends.ErrChanged) {
			t.Errorf("modifying a protected entry: %v", err)
		}
		if err := c.Delete(ctx, protectedEntry, backends.Condition{}); !errors.Is(err, backends.ErrProtected) || errors.Is(err, backends.ErrChanged) {
			t.Errorf("deleting a protected entry: %v", err)
		}
	})
}

func TestScopeOfWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		ctx := t.Context()
		inside, outside := b.person(t, "in", map[string][]string{"employeeType": {"x"}}), b.person(t, "out", nil)
		c := b.open(t, "(employeeType=x)")
		other := newBranch(t, b.url).open(t, "")
		for claim, f := range map[string]func() error{
			"deleting what the filter does not match": func() error { return c.Delete(ctx, outside, backends.Condition{}) },
			"deleting by a key of another base":       func() error { return other.Delete(ctx, inside, backends.Condition{}) },
			"deleting by no key":                      func() error { return c.Delete(ctx, "garbage", backends.Condition{}) },
			"renaming out of scope": func() error {
				return c.Move(ctx, outside, template("uid=", "x", ","+b.base), backends.Condition{})
			},
			"modifying out of scope": func() error {
				_, err := c.Modify(ctx, outside, []backends.Change{{Op: backends.Replace, Attr: "sn", Values: backends.Strings("x")}}, backends.Condition{}, nil)
				return err
			},
			"setting a password out of scope": func() error {
				_, err := c.Modify(ctx, outside, []backends.Change{{Op: backends.SetPassword, Attr: "userPassword", Values: backends.Values{backends.Secret("geheim1")}}}, backends.Condition{}, nil)
				return err
			},
		} {
			if err := f(); !errors.Is(err, backends.ErrNotFound) {
				t.Errorf("%s: %v", claim, err)
			}
		}
		// The entry leaves the scope behind the back of the cache: the assertion sees it.
		if _, err := c.Fetch(ctx, []backends.Key{inside}, nil); err != nil {
			t.Fatal(err)
		}
		all := b.open(t, "")
		if _, err := all.Modify(ctx, inside, []backends.Change{{Op: backends.Remove, Attr: "employeeType"}}, backends.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(ctx, inside, backends.Condition{}); !errors.Is(err, backends.ErrNotFound) {
			t.Errorf("deleting what left the scope: %v", err)
		}
	})
}

func TestStaleNames(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		ctx := t.Context()
		key := b.person(t, "first", nil)
		c, elsewhere := b.open(t, ""), b.open(t, "")
		if _, err := c.Fetch(ctx, []backends.Key{key}, nil); err != nil {
			t.Fatal(err)
		}
		if err := elsewhere.Move(ctx, key, template("uid=", "second", ","+b.base), backends.Condition{}); err != nil {
			t.Fatal(err)
		}
		if got := b.read(t, "uid=second,"+b.base, "uid").GetAttributeValues("uid"); !slices.Equal(got, []string{"second"}) {
			t.Errorf("the old naming value stays: %v", got)
		}
		set := []backends.Change{{Op: backends.Replace, Attr: "sn", Values: backends.Strings("x")}}
		if r, err := c.Modify(ctx, key, set, backends.Condition{}, nil); err != nil || r.Name != "uid=second,"+b.base {
			t.Errorf("after a rename: %+v %v", r, err)
		}
		// Now the old name belongs to somebody else.
		if err := elsewhere.Move(ctx, key, template("uid=", "third", ","+b.base), backends.Condition{}); err != nil {
			t.Fatal(err)
		}
		impostor := b.person(t, "second", nil)
		if err := c.Delete(ctx, key, backends.Condition{}); err != nil {
			t.Errorf("deleting: %v", err)
		}
		if b.gone("uid=second,"+b.base) || !b.gone("uid=third,"+b.base) {
			t.Error("the wrong entry was deleted")
		}
		if err := c.Delete(ctx, key, backends.Condition{}); !errors.Is(err, backends.ErrNotFound) {
			t.Errorf("deleting twice: %v", err)
		}
		if err := c.Move(ctx, impostor, template("uid=", "SECOND", ","+b.base), backends.Condition{}); err != nil {
			t.Errorf("renaming to the same name in another case: %v", err)
		}
		b.person(t, "other", nil)
		if err := c.Move(ctx, impostor, template("uid=", "other", ","+b.base), backends.Condition{}); !errors.Is(err, backends.ErrExists) {
			t.Errorf("renaming to a name that is taken: %v", err)
		}
		if err := c.Move(ctx, impostor, template("uid=", "x", ",ou=", "nowhere", ","+b.base), backends.Condition{}); !errors.Is(err, backends.ErrInvalid) {
			t.Errorf("moving to a place that is not there: %v", err)
		}
	})
}

func TestPassword(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		key := b.person(t, "pw", nil)
		c := b.open(t, "")
		set := func(text string) error {
			_, err := c.Modify(t.Context(), key, []backends.Change{{Op: backends.SetPassword, Attr: "userPassword", Values: backends.Values{backends.Secret(text)}}}, backends.Condition{}, nil)
			return err
		}
		if err := set("correct horse"); err != nil {
			t.Fatal(err)
		}
		if err := dialAdmin(t, b.url).Bind("uid=pw,"+b.base, "correct horse"); err != nil {
			t.Errorf("the password does not work: %v", err)
		}
		if err := set(""); !errors.Is(err, backends.ErrInvalid) {
			t.Errorf("an empty password: %v", err)
		}
		r, err := c.Fetch(t.Context(), []backends.Key{key}, []string{"userPassword"})
		if err != nil || len(r) != 1 || len(r[0].Attrs["userPassword"]) != 1 || r[0].Attrs["userPassword"][0].Kind() != backends.KindSecret {
			t.Errorf("the password is shown as %v (%v)", r, err)
		}
		if b.log.count("correct horse") > 0 {
			t.Error("the password is in the log")
		}
	})
}

func TestOwnAccountIsProtected(t *testing.T) {
	b := newBranch(t, servers.plain)
	key := b.person(t, "robot", map[string][]string{"userPassword": {"robot-pw"}})
	d, _ := openDirectory(t, b.url, func(c *Config) { c.BindDN, c.BindPassword = "UID = robot, "+b.base, secretOf("robot-pw") })
	c := openClass(t, d, b.base, "")
	if r, err := c.Fetch(t.Context(), []backends.Key{key}, nil); err != nil || len(r) != 1 {
		t.Fatalf("reading the own account: %v %v", r, err)
	}
	for claim, f := range map[string]func() error{
		"deleting": func() error { return c.Delete(t.Context(), key, backends.Condition{}) },
		"renaming": func() error { return c.Move(t.Context(), key, template("uid=", "x", ","+b.base), backends.Condition{}) },
		"a password": func() error {
			set := []backends.Change{{Op: backends.SetPassword, Attr: "userPassword", Values: backends.Values{backends.Secret("x")}}}
			_, err := c.Modify(t.Context(), key, set, backends.Condition{}, nil)
			return err
		},
	} {
		var said *backends.Error
		if err := f(); !errors.Is(err, backends.ErrRefused) || !errors.As(err, &said) || !strings.Contains(said.Detail, "own account") {
			t.Errorf("%s the own account: %v", claim, err)
		}
	}
}
