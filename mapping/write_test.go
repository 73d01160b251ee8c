package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// changesText prints changes, `-mail a@x +mail b@x =cn B`, a replacement by nothing as `=cn`.
func changesText(changes []backends.Change) string {
	var out []string
	for _, c := range changes {
		sign := map[backends.ChangeOp]string{backends.Add: "+", backends.Remove: "-", backends.Replace: "=", backends.SetPassword: "!"}[c.Op]
		values := c.Values.Texts()
		for i, v := range c.Values {
			if v.Kind() == backends.KindSecret {
				values[i] = v.Reveal()
			}
		}
		out = append(out, strings.TrimRight(sign+c.Attr+" "+strings.Join(values, "|"), " "))
	}
	return strings.Join(out, ", ")
}

func templateText(t backends.Template) string {
	var b strings.Builder
	for _, part := range t {
		if part.Slot {
			b.WriteString("{" + part.Value.Text() + "}")
		} else {
			b.WriteString(part.Text)
		}
	}
	return b.String()
}

func attrsText(attrs backends.Attributes) string {
	var out []string
	for attr, values := range attrs {
		out = append(out, attr+": "+strings.Join(values.Texts(), "|"))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestCreateMakesTheRecordThatTheResourceAsksFor(t *testing.T) {
	user, group := both(t)
	for name, c := range map[string]struct {
		m                          *Mapping
		body                       string
		name, attrs, then, dropped string
	}{
		"a bare user gets what the directory demands": {
			m: user, body: `{"userName":"b"}`, name: "uid={b},ou=people,dc=example,dc=org",
			attrs: "cn: b, homeDirectory: /home/b, objectClass: top|inetOrgPerson, sn: -, uid: b",
		},
		"names are filled with values, not with text": {
			m: user, body: `{"userName":"x,uid=admin","name":{"familyName":"J"}}`, name: "uid={x,uid=admin},ou=people,dc=example,dc=org",
			attrs: "cn: x,uid=admin, homeDirectory: /home/x,uid=admin, objectClass: top|inetOrgPerson, sn: J, uid: x,uid=admin",
		},
		"values go to their types, loose ones where there is room, and others are dropped and named": {
			m: user, body: `{"userName":"b","name":{"formatted":"B","familyName":"J"},
				"emails":[{"value":"a@x","type":"WORK","primary":true},{"value":"h@x","type":"home"},{"value":"l@x"}],"phoneNumbers":[{"value":"1"}],
				"addresses":[{"type":"work","postalCode":"0815"}]}`,
			name:    "uid={b},ou=people,dc=example,dc=org",
			attrs:   "cn: B, homeDirectory: /home/b, mail: a@x|l@x, objectClass: top|inetOrgPerson, postalCode: 0815, sn: J, telephoneNumber: 1, uid: b",
			dropped: `emails[type eq "home"]`,
		},
		"lenses run backwards, read-only parts are left out, a password follows": {
			m: user, body: `{"userName":"b","active":false,"userType":"contractor","locale":"de","groups":[{"value":"cn=a"}],"password":"s3cret",
				"name":{"formatted":"B","familyName":"J"},"displayName":"Babs",
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"it","manager":{"value":"uid=m,dc=x"}},"urn:acme:User":{"number":7,"home":"/h"}}`,
			name:  "uid={b},ou=people,dc=example,dc=org",
			attrs: "cn: B, description: dep-it, displayName: Babs, employeeType: C, homeDirectory: /h, manager: uid=m,dc=x, objectClass: top|inetOrgPerson, pwdAccountLockedTime: 000001010000Z, sn: J, uid: b, uidNumber: 7",
			then:  "!userPassword s3cret",
		},
		"an empty group holds the placeholder": {
			m: group, body: `{"displayName":"g"}`, name: "cn={g},ou=groups,dc=example,dc=org", attrs: "cn: g, member: cn=nobody, objectClass: groupOfNames",
		},
		"a group with members does not": {
			m: group, body: `{"displayName":"g","members":[{"value":"uid=a"},{"value":"uid=b"},{"value":"uid=a"}]}`,
			name: "cn={g},ou=groups,dc=example,dc=org", attrs: "cn: g, member: uid=a|uid=b, objectClass: groupOfNames",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.m.Create(parse(t, c.body))
			if err != nil {
				t.Fatal(err)
			}
			if s := templateText(got.Name); s != c.name {
				t.Errorf("name %s, not %s", s, c.name)
			}
			if s := attrsText(got.Attrs); s != c.attrs {
				t.Errorf("attributes\n     %s\nnot  %s", s, c.attrs)
			}
			if s := changesText(got.Then); s != c.then {
				t.Errorf("then %s, not %s", s, c.then)
			}
			if s := strings.Join(got.Dropped, ", "); s != c.dropped {
				t.Errorf("dropped %s, not %s", s, c.dropped)
			}
		})
	}
}

func TestCreateRefusesWhatTheDirectoryCannotHold(t *testing.T) {
	user, _ := both(t)
	for name, c := range map[string]struct{ body, typ, says string }{
		"no value for the name":             {`{"displayName":"B"}`, scim.InvalidValue, "userName"},
		"a word that is not listed":         {`{"userName":"b","userType":"Intern"}`, scim.InvalidValue, "userType: Intern is not listed"},
		"an empty password":                 {`{"userName":"b","password":""}`, scim.InvalidValue, "password"},
		"another primary than can be":       {`{"userName":"b","emails":[{"value":"a@x","type":"work"},{"value":"b@x","type":"work","primary":true}]}`, scim.InvalidValue, "emails.primary"},
		"two elements of which one is kept": {`{"userName":"b","addresses":[{"type":"work","postalCode":"1"},{"type":"work","postalCode":"2"}]}`, scim.InvalidValue, `addresses[type eq "work"]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := user.Create(parse(t, c.body))
			e, ok := errors.AsType[*scim.Error](err)
			if !ok || e.Status != 400 || e.Type != c.typ || !strings.Contains(e.Detail, c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// edit changes a resource: a path with dots, and a JSON value; null takes it away.
func edit(t testing.TB, res *scim.Object, path, value string) {
	t.Helper()
	o := parse(t, `{"v":`+value+`}`)
	v, _ := o.Get("v")
	into, last, nested := strings.Cut(path, "/")
	if nested {
		inner, ok := part(res, into).(*scim.Object)
		if !ok {
			inner = scim.NewObject()
			res.Set(into, inner)
		}
		res, into = inner, last
	}
	if v == nil {
		res.Delete(into)
		return
	}
	res.Set(into, v)
}

func TestDiffIsTheLeastChangeThatShowsWhatIsWanted(t *testing.T) {
	user, group := both(t)
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/"
	for name, c := range map[string]struct {
		m           *Mapping
		rec         backends.Record
		path, value string
		want, move  string
	}{
		"nothing":                                     {user, record("uid", "b", "cn", "B"), "userName", `"b"`, "", ""},
		"a value added to a list":                     {user, record("uid", "b", "mail", "a@x"), "emails", `[{"value":"a@x","type":"work"},{"value":"b@x","type":"work"}]`, "+mail b@x", ""},
		"a value removed and another added":           {user, record("uid", "b", "mail", "a@x", "mail", "b@x"), "emails", `[{"value":"b@x","type":"work"},{"value":"c@x"}]`, "-mail a@x, +mail c@x", ""},
		"a list cleared":                              {user, record("uid", "b", "mail", "a@x"), "emails", `null`, "-mail a@x", ""},
		"the order of a list means nothing":           {user, record("uid", "b", "mail", "a@x", "mail", "b@x"), "emails", `[{"value":"b@x","type":"work"},{"value":"a@x","type":"work"}]`, "", ""},
		"a value without its type stays where it was": {user, record("uid", "b", "mobile", "+1"), "phoneNumbers", `[{"value":"+1"}]`, "", ""},
		"beside a new one":                            {user, record("uid", "b", "mobile", "+1"), "phoneNumbers", `[{"value":"+2"},{"value":"+1"}]`, "+telephoneNumber +2", ""},
		"as the directory compares it":                {user, record("uid", "b", "mobile", "+1 2"), "phoneNumbers", `[{"value":"+1-2"}]`, "-mobile +1 2, +mobile +1-2", ""},
		"unless one with a type has its place":        {user, record("uid", "b", "mobile", "+1"), "phoneNumbers", `[{"value":"+1"},{"value":"+1","type":"mobile"}]`, "+telephoneNumber +1", ""},
		"or it says another type":                     {user, record("uid", "b", "mobile", "+1"), "phoneNumbers", `[{"value":"+1","type":"work"}]`, "+telephoneNumber +1, -mobile +1", ""},
		"one value":                                   {user, record("uid", "b", "title", "Boss"), "title", `"Chief"`, "=title Chief", ""},
		"the value that is shown gives way to one":    {user, record("uid", "b", "title", "Boss", "title", "Head"), "title", `"Chief"`, "=title Chief|Head", ""},
		"clearing one value takes away all":           {user, record("uid", "b", "title", "Boss", "title", "Head"), "title", `null`, "=title", ""},
		"a fallback is not copied":                    {user, record("uid", "b", "cn", "B"), "displayName", `"B"`, "", ""},
		"a list of sources is written to the first":   {user, record("uid", "b", "cn", "B"), "displayName", `"C"`, "=displayName C", ""},
		"clearing it clears the first":                {user, record("uid", "b", "cn", "B", "displayName", "C"), "displayName", `null`, "=displayName", ""},
		"a placeholder gives way":                     {user, record("uid", "b", "sn", "-"), "name/familyName", `"J"`, "=sn J", ""},
		"and comes back":                              {user, record("uid", "b", "sn", "J"), "name", `null`, "=sn -", ""},
		"an unknown code stays when others are there": {user, record("uid", "b", "employeeType", "X"), "userType", `"Employee"`, "=employeeType X|E", ""},
		"a state":                                  {user, record("uid", "b"), "active", `false`, "=pwdAccountLockedTime 000001010000Z", ""},
		"a state taken back":                       {user, record("uid", "b", "pwdAccountLockedTime", "x"), "active", `true`, "=pwdAccountLockedTime", ""},
		"a state left out asks for nothing":        {user, record("uid", "b", "pwdAccountLockedTime", "x"), "active", `null`, "", ""},
		"a default left out asks for nothing":      {user, record("uid", "b"), "preferredLanguage", `null`, "", ""},
		"a value that is not shown is kept":        {user, record("uid", "b", "description", "other"), enterprise + "department", `"it"`, "=description other|dep-it", ""},
		"a reference":                              {user, record("uid", "b", "manager", "uid=m"), enterprise + "manager", `{"value":"uid=n"}`, "=manager uid=n", ""},
		"read-only parts left out":                 {user, record("uid", "b", "memberOf", "cn=g"), "groups", `null`, "", ""},
		"create-only parts left out":               {user, record("uid", "b", "homeDirectory", "/h"), "urn:acme:User", `null`, "", ""},
		"members":                                  {group, record("cn", "g", "member", "uid=a", "member", "uid=b"), "members", `[{"value":"uid=b"},{"value":"uid=c"}]`, "-member uid=a, +member uid=c", ""},
		"the first member replaces the stand-in":   {group, record("cn", "g", "member", "cn=nobody"), "members", `[{"value":"uid=b"}]`, "-member cn=nobody, +member uid=b", ""},
		"the last one leaves it behind":            {group, record("cn", "g", "member", "uid=b"), "members", `[]`, "-member uid=b, +member cn=nobody", ""},
		"a new name moves the record":              {user, called(record("uid", "b", "cn", "B"), "uid=b,ou=sales,dc=example,dc=org"), "userName", `"c"`, "", "uid={c},ou=sales,dc=example,dc=org"},
		"a new name and an alias that stays":       {user, called(record("uid", "b", "uid", "alias"), "uid=b,dc=x"), "userName", `"c"`, "", "uid={c},dc=x"},
		"a new name in other letters":              {user, called(record("uid", "b"), "uid=b,dc=x"), "userName", `"B"`, "", "uid={B},dc=x"},
		"a record that is named otherwise stays":   {user, called(record("uid", "b", "cn", "B"), "cn=B,dc=x"), "userName", `"c"`, "=uid c", ""},
		"a comma in a name does not end it":        {user, called(record("uid", "b,c"), `uid=b\,c,ou=p,dc=x`), "userName", `"d"`, "", "uid={d},ou=p,dc=x"},
		"a record without a name has none to lose": {user, record("uid", "b"), "userName", `"c"`, "=uid c", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := c.m.Get(c.rec, nil)
			after := before.Clone()
			edit(t, after, c.path, c.value)
			got, err := c.m.Diff(c.rec, before, after, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s := changesText(got.Changes); s != c.want {
				t.Errorf("changes %q, not %q", s, c.want)
			}
			if s := templateText(got.Move); s != c.move {
				t.Errorf("moves to %q, not %q", s, c.move)
			}
			if got.Pure || got.Empty() != (c.want == "" && c.move == "") {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestWhatChoosesAnElement(t *testing.T) {
	user, _ := both(t)
	for path, want := range map[string]string{
		"phoneNumbers.type": "work mobile", "emails.type": "work", "emails.value": "", "groups.type": "", "phoneNumbers": "", "name.givenName": "",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value": "",
	} {
		ref, ok := user.rt.Resolve(parsePath(t, path))
		if !ok {
			t.Fatal(path)
		}
		if words, _ := user.Chooses(ref); strings.Join(words, " ") != want {
			t.Errorf("%s: %q, want %q", path, words, want)
		}
	}
}

func parsePath(t *testing.T, text string) filter.Path {
	t.Helper()
	p, err := filter.ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func called(rec backends.Record, name string) backends.Record {
	rec.Name = name
	return rec
}

func TestDiffRefusesWhatMayNotChange(t *testing.T) {
	set := compile(t, newDirectory(), strings.Replace(userYAML, "create:", "rename: keep\ncreate:", 1), groupYAML)
	keep, _ := set.Get("User")
	user, _ := both(t)
	for name, c := range map[string]struct {
		m           *Mapping
		path, value string
		status      int
		says        string
	}{
		"a protected attribute":                    {user, "urn:acme:User/number", "8", 403, "uidNumber"},
		"what is read-only":                        {user, "groups", `[{"value":"cn=other"}]`, 400, "mutability"},
		"what is fixed at creation":                {user, "urn:acme:User/home", `"/other"`, 400, "mutability"},
		"a constant":                               {user, "locale", `"de"`, 400, "mutability"},
		"the name of a record that keeps its":      {keep, "userName", `"c"`, 400, "mutability"},
		"more addresses than there is room":        {user, "addresses", `[{"type":"work","postalCode":"1"},{"postalCode":"2"}]`, 400, "one value"},
		"an empty password":                        {user, "password", `""`, 400, "password"},
		"the last value that a record is named by": {user, "userName", `null`, 400, "userName"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := called(record("uid", "b", "uidNumber", "7", "memberOf", "cn=g", "homeDirectory", "/h"), "uid=b,dc=x")
			before, _ := c.m.Get(rec, nil)
			after := before.Clone()
			edit(t, after, c.path, c.value)
			_, err := c.m.Diff(rec, before, after, nil)
			e, ok := errors.AsType[*scim.Error](err)
			if !ok || e.Status != c.status || !strings.Contains(e.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDeltasAreSentWithoutReadingTheSet(t *testing.T) {
	_, group := both(t)
	rec := record("cn", "g")
	res, _ := group.Get(rec, nil)
	deltas := []scim.SetDelta{{Attr: "members", Add: []string{"uid=a", "CN=nobody"}, Remove: []string{"uid=b", "cn=Nobody"}}}
	got, err := group.Diff(rec, res, res, deltas)
	if err != nil || !got.Pure || changesText(got.Changes) != "-member uid=b, +member uid=a" {
		t.Errorf("%+v %v", got, err)
	}
	after := res.Clone()
	after.Set("displayName", "h")
	if got, err = group.Diff(rec, res, after, deltas); err != nil || got.Pure {
		t.Errorf("a change beside the set is not pure: %+v %v", got, err)
	}
	if _, err = group.Diff(rec, res, res, []scim.SetDelta{{Attr: "displayName", Add: []string{"x"}}}); err == nil {
		t.Error("displayName is no set")
	}
}

func TestAPasswordIsAStepOfItsOwn(t *testing.T) {
	user, _ := both(t)
	rec := record("uid", "b")
	before, _ := user.Get(rec, nil)
	after := before.Clone()
	after.Set("password", "new")
	got, err := user.Diff(rec, before, after, nil)
	if err != nil || len(got.Changes) != 0 || changesText(got.Passwords) != "!userPassword new" {
		t.Errorf("%+v %v", got, err)
	}
	if s := fmt.Sprint(got); strings.Contains(s, "new") {
		t.Errorf("the password is printed: %s", s)
	}
	if b, err := json.Marshal(got.Passwords); err != nil || strings.Contains(string(b), `"new"`) {
		t.Errorf("the password is marshalled: %s %v", b, err)
	}
}

func TestPartsOfOneAttributeAreWrittenTogether(t *testing.T) {
	set := compile(t, newDirectory(), `
mapping: User
at: {backend: corp}
attributes:
  userName: uid
  name.givenName: cn | half(0)
  name.familyName: cn | half(1)
`)
	m := set.All()[0]
	rec := record("uid", "b", "cn", "Barbara-Jensen")
	before, _ := m.Get(rec, nil)
	after := before.Clone()
	edit(t, after, "name/givenName", `"Babs"`)
	edit(t, after, "name/familyName", `"J"`)
	got, err := m.Diff(rec, before, after, nil)
	if err != nil || changesText(got.Changes) != "=cn Babs-J" {
		t.Errorf("%s %v", changesText(got.Changes), err)
	}
}

func TestExpressionsWriteTheirAttributes(t *testing.T) {
	set := compile(t, newDirectory(), `
mapping: User
at: {backend: corp}
attributes:
  userName: uid
  displayName:
    read: "first(givenName) + ' ' + first(sn)"
    write:
      givenName: "value.split(' ')[0]"
      sn: "value.split(' ')[1]"
`)
	m := set.All()[0]
	rec := record("uid", "b", "givenName", "Barbara", "sn", "Jensen")
	before, problems := m.Get(rec, nil)
	if name := part(before, "displayName"); name != "Barbara Jensen" || len(problems) > 0 {
		t.Fatalf("%v %v", name, problems)
	}
	after := before.Clone()
	after.Set("displayName", "Babs Jensen")
	got, err := m.Diff(rec, before, after, nil)
	if err != nil || changesText(got.Changes) != "=givenName Babs" {
		t.Errorf("%s %v", changesText(got.Changes), err)
	}
	if reads := m.Reads(nil); !slices.Equal(reads, []string{"givenName", "sn", "uid"}) {
		t.Errorf("reads %v", reads)
	}
}

func TestDeleteNameKeepsTheRecordsOwnPart(t *testing.T) {
	set := compile(t, newDirectory(), strings.Replace(groupYAML, "attributes:", "delete: {policy: move, to: \"ou=gone,dc=x\"}\nattributes:", 1), userYAML)
	group, _ := set.Get("Group")
	if d := group.OnDelete(); d != (Delete{"move", "ou=gone,dc=x"}) {
		t.Errorf("%+v", d)
	}
	got, err := group.DeleteName(called(record("cn", "a,b"), `cn=a\,b,ou=groups,dc=x`), nil)
	if err != nil || templateText(got) != `cn=a\,b,ou=gone,dc=x` {
		t.Errorf("%s %v", templateText(got), err)
	}
}

// TestWritingBackChangesNothing is the law that a PUT of what was read leaves the directory alone, whatever it holds.
func TestWritingBackChangesNothing(t *testing.T) {
	d := newDirectory()
	set := compile(t, d, userYAML, groupYAML)
	checkRecords(t, set, d, func(t fatal, m *Mapping, rec backends.Record) {
		before, _ := m.Get(rec, nil)
		body, _, err := m.rt.Decode(parseAgain(t, before))
		if err != nil {
			t.Fatalf("%v", err)
		}
		got, err := m.Diff(rec, before, m.rt.Replaced(before, body), nil)
		if err != nil || !got.Empty() || len(got.Dropped) > 0 {
			t.Fatalf("%s: %s %v %v", before.AppendJSON(nil), changesText(got.Changes), got, err)
		}
	})
}

func TestOnCreateMakesWhatTheClientLeftOut(t *testing.T) {
	set := compile(t, newDirectory(), `
mapping: User
at: {backend: corp}
create: {name: "cn={name.formatted},dc=x"}
attributes:
  userName: uid
  name.formatted: {from: cn, onCreate: "{userName} ({title})"}
  title: {from: title, onCreate: "lower(resource.userName)"}
  nickName: {from: givenName, onCreate: "'fixed'"}
`)
	m := set.All()[0]
	got, err := m.Create(parse(t, `{"userName":"Bob"}`))
	if err != nil || attrsText(got.Attrs) != "cn: Bob (bob), givenName: fixed, title: bob, uid: Bob" {
		t.Errorf("%s %v", attrsText(got.Attrs), err)
	}
	got, err = m.Create(parse(t, `{"userName":"Bob","title":"Dr","nickName":"B"}`))
	if err != nil || attrsText(got.Attrs) != "cn: Bob (Dr), givenName: B, title: Dr, uid: Bob" || templateText(got.Name) != "cn={Bob (Dr)},dc=x" {
		t.Errorf("%s %s %v", attrsText(got.Attrs), templateText(got.Name), err)
	}
}

func TestWhatIsClearedGetsItsOnCreateAgain(t *testing.T) {
	set := compile(t, newDirectory(), `
mapping: User
at: {backend: corp}
create: {name: "uid={userName},dc=x"}
attributes:
  userName: uid
  name.formatted: {from: cn, onCreate: "{userName}"}
  title: {from: title, onCreate: "'Clerk'"}
`)
	m := set.All()[0]
	rec := record("uid", "bob", "cn", "Bob Builder")
	before, _ := m.Get(rec, nil)
	got, err := m.Diff(rec, before, parse(t, `{"userName":"bob"}`), nil)
	if err != nil || !strings.Contains(changesText(got.Changes), "bob") || strings.Contains(changesText(got.Changes), "Clerk") {
		t.Errorf("cn was cleared and title was never there: %s %v", changesText(got.Changes), err)
	}
	rec = record("uid", "bob", "cn", "bob")
	before, _ = m.Get(rec, nil)
	if got, err = m.Diff(rec, before, parse(t, `{"userName":"bob"}`), nil); err != nil || !got.Empty() {
		t.Errorf("cleared to what it is already: %s %v", changesText(got.Changes), err)
	}
}

func TestALockIsWrittenAgainBehindAPassword(t *testing.T) {
	set := compile(t, newDirectory(), `
mapping: User
at: {backend: corp}
create: {name: "uid={userName},dc=x"}
attributes:
  userName: uid
  active: pwdAccountLockedTime | lifted("000001010000Z")
  password: {from: userPassword, by: passwordModify}
`)
	m := set.All()[0]
	const lock = "=pwdAccountLockedTime 000001010000Z"
	for body, want := range map[string]string{
		`{"userName":"bob","active":false,"password":"x"}`: lock,
		`{"userName":"bob","active":true,"password":"x"}`:  "",
		`{"userName":"bob","active":false}`:                "",
	} {
		made, err := m.Create(parse(t, body))
		if err != nil || changesText(made.Again) != want {
			t.Errorf("create %s: %q %v", body, changesText(made.Again), err)
		}
		rec := record("uid", "bob", "pwdAccountLockedTime", "000001010000Z")
		before, _ := m.Get(rec, nil)
		changed, err := m.Diff(rec, before, parse(t, body), nil)
		if err != nil || changesText(changed.Again) != want {
			t.Errorf("update to %s: %q %v", body, changesText(changed.Again), err)
		}
	}
}
