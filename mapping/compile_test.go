package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// user wraps lines of `attributes:` (and, before them, of the document) into a mapping that is otherwise right.
func userWith(document, attributes string) string {
	return "mapping: User\nat: {backend: corp}\n" + document + "attributes:\n  userName: uid\n" + attributes
}

// brokenMappings are mappings with a fault, and what is said of it.
var brokenMappings = map[string]struct{ doc, says string }{
	"no resource type":           {"mapping: Person\n", `mapping0.yaml:1:10: mapping: "Person" is not a resource type; write ` + "`mapping: User` or `mapping: Group`"},
	"an unknown key":             {userWith("renam: keep\n", ""), "rename"},
	"no place":                   {"mapping: User\nattributes: {userName: uid}\n", "User does not say where its records are; write at: {backend: corp, base: …}"},
	"no backend":                 {"mapping: User\nat: {base: x}\nattributes: {userName: uid}\n", "does not name its backend"},
	"no attributes":              {"mapping: User\nat: {backend: corp}\n", "User maps no attributes"},
	"an unknown preset":          {userWith("preset: openldp\n", ""), `there is no preset "openldp" for User; did you mean openldap?`},
	"a required attribute":       {"mapping: User\nat: {backend: corp}\nattributes: {title: title}\n", "userName is required by the schema and has no source; write userName: and the directory's attribute"},
	"an unknown attribute":       {userWith("", "  nickname2: cn\n"), `mapping0.yaml:5:3: attributes.nickname2: urn:ietf:params:scim:schemas:core:2.0:User has no attribute "nickname2"; did you mean nickName?`},
	"an unknown sub-attribute":   {userWith("", "  name.givnName: cn\n"), `name has no sub-attribute "givnName"; did you mean givenName?`},
	"a sub-attribute of a text":  {userWith("", "  title.x: cn\n"), "title has no sub-attributes; write title"},
	"a complex one as a whole":   {userWith("", "  name: cn\n"), "name is complex; say which part: name.formatted"},
	"brackets where none fit":    {userWith("", "  name[type=work].givenName: cn\n"), "name has no elements to choose from; take the bracket away"},
	"brackets by something odd":  {userWith("", "  emails[kind=work]: mail\n"), `the elements of emails cannot be chosen by "kind"; choose by type: emails[type=work]`},
	"an open bracket":            {userWith("", "  \"emails[type=work\": mail\n"), "is never closed"},
	"an unknown prefix":          {userWith("", "  entreprise:manager: manager\n"), `"entreprise" is not a prefix of a schema; did you mean enterprise?`},
	"id":                         {userWith("", "  id: entryUUID\n"), "id is the directory's own key; say `key:` under `at`"},
	"meta.version":               {userWith("", "  meta.version: entryCSN\n"), "meta.version is the adapter's own"},
	"one path twice":             {userWith("", "  Title: cn\n  title: sn\n"), "title is mapped twice; keep one of them"},
	"two writers":                {userWith("", "  title: cn\n  displayName: cn\n"), "title and displayName both write cn; write access: readOnly on one of them, or let each write its own part"},
	"one part by two":            {userWith("", "  title: cn | half(0)\n  displayName: cn | half(0)\n"), "both write cn"},
	"no such lens":               {userWith("", "  title: cn | enumm(a=b)\n"), `there is no lens "enumm"; did you mean enum?`},
	"wrong arguments":            {userWith("", "  title: cn | half(x)\n"), "half(x) cannot be built; write half(0) or half(1)"},
	"no lens where one must be":  {userWith("", "  active: cn\n"), "active is a boolean, and `cn` yields a string; end the pipeline with a lens that yields a boolean"},
	"a lens that does not fit":   {userWith("", "  title: cn | int\n"), "title is a string, and `cn | int` yields a integer; take a lens that yields text"},
	"an open call":               {userWith("", "  title: \"cn | half(0\"\n"), "the bracket after half is never closed; quote this value"},
	"a stray comma":              {userWith("", "  title: \"cn, sn\"\n"), `"," without its opening bracket`},
	"no bar":                     {userWith("", "  title: cn half\n"), `"half" follows "cn" without a | between them`},
	"a lens first":               {userWith("", "  title: \"half(0)\"\n"), "a pipeline begins with a directory attribute"},
	"nothing":                    {userWith("", "  title:\n"), "title has no source"},
	"two sources":                {userWith("", "  title: {from: cn, constant: x}\n"), "write exactly one of from, constant and read"},
	"a wrong access":             {userWith("", "  title: {from: cn, access: sometimes}\n"), `access cannot be "sometimes"; write one of readWrite, readOnly, createOnly, writeOnly`},
	"groups written":             {userWith("", "  groups: {from: memberOf | ref(User), access: readWrite}\n"), "groups.value is read-only in SCIM; take access away"},
	"a constant of another type": {userWith("", "  active: {constant: maybe}\n"), `active: "maybe" is not true or false`},
	"a reference to nothing":     {userWith("", "  manager: manager\n  enterprise:manager: manager | ref(Usr)\n"), "Usr is not mapped; did you mean User?"},
	"ref without a type":         {userWith("", "  enterprise:manager: manager | ref\n"), "ref does not say what it points at"},
	"ref and a lens":             {userWith("", "  enterprise:manager: manager | ref(User) | half(0)\n"), "ref stands alone behind its attribute"},
	"reverse of nothing":         {userWith("", "  groups: reverse(Group.members)\n"), "Group is not mapped; write a mapping for it"},
	"overlay of a list":          {userWith("", "  emails: overlay\n"), "cannot be kept as an overlay"},
	"the rest as a document":     {userWith("", "  \"*\": document\n"), "name.formatted is kept in a document, and the records of corp have none; say `document: column` under `at`"},
	"an expression":              {userWith("", "  title: {read: \"first(cn\"}\n"), "attributes.title.read"},
	"a slot that is not mapped":  {userWith("create: {name: \"cn={title},dc=x\"}\n", ""), "the slot {title} is not mapped; map it under attributes"},
	"a slot that is not closed":  {userWith("create: {name: \"cn={title,dc=x\"}\n", ""), "not closed"},
	"a name without slots":       {userWith("create: {name: \"cn=x,dc=x\"}\n", ""), "all new records would have the same name"},
	"a wrong rename":             {userWith("rename: never\n", ""), `rename cannot be "never"; write one of follow, keep`},
	"moving nowhere":             {userWith("delete: move\n", ""), "delete: move does not say where to"},
	"disabling without active":   {userWith("delete: disable\n", ""), "delete: disable needs an active that can be written"},
	"a wrong scan":               {userWith("scan: many\n", ""), `"many" is not a number of records`},
	"a wrong prefix":             {userWith("schemas: {acme: acme}\n", ""), "is not a prefix and its URN"},
	"a placeholder for two":      {userWith("", "  title: {from: [cn, sn], placeholder: x}\n"), "no single attribute to hold it"},
	"display of no reference":    {userWith("", "  title: {from: cn, display: false}\n"), "title does not point at records that have a name to show; take display away"},
	"nested of no groups":        {userWith("", "  enterprise:manager: {from: manager | ref(User), nested: true}\n"), "manager.value is no list of groups that the directory keeps; take nested away"},
	"nested, and no members":     {userWith("", "  groups: {from: memberOf | ref(User), nested: true}\n"), "nothing that groups.value points at names its members, so nobody could say who is one directly; map the attribute"},
	"by on what can be read":     {userWith("", "  title: {from: cn, by: passwordModify}\n"), "so it is no password"},
}

func TestFaultsSayWhatToWriteInstead(t *testing.T) {
	for name, c := range brokenMappings {
		t.Run(name, func(t *testing.T) {
			_, faults := tryCompile(t, newDirectory(), c.doc)
			if !strings.Contains(faults.Error(), c.says) {
				t.Errorf("got\n%s\nwanted %s", faults.Error(), c.says)
			}
			for _, f := range faults {
				if f.Line == 0 || f.Remedy == "" {
					t.Errorf("a fault without a place or a remedy: %v", f)
				}
			}
		})
	}
}

func TestAllFaultsComeAtOnce(t *testing.T) {
	_, faults := tryCompile(t, newDirectory(), userWith("scan: x\n", "  tittle: cn\n  active: cn\n"), userWith("", ""))
	var lines []int
	for _, f := range faults {
		if f.File == "mapping0.yaml" {
			lines = append(lines, f.Line)
		}
	}
	if !slices.Equal(lines, []int{3, 6, 7}) || !strings.Contains(faults.Error(), "User is mapped twice") {
		t.Errorf("got\n%v", faults)
	}
}

func TestTheBackendsFaultsAreFaultsOfTheMapping(t *testing.T) {
	node, _ := configs.ParseNode("m.yaml", []byte(userWith("protect: {records: [\"(cn=admin)\"]}\n", "")))
	var opened backends.Open
	_, faults := Compile([]configs.Node{node}, lenses(), nil, func(name configs.Node, o backends.Open) (backends.Backend, error) {
		opened = o
		return nil, configs.Faults{name.Fault("write another", "no backend is called %s", name)}
	})
	if len(faults) != 1 || faults[0].Message != "no backend is called corp" || len(opened.Protect) != 1 || opened.Tenant != "default" {
		t.Errorf("%v %+v", faults, opened)
	}
	_, faults = Compile([]configs.Node{node}, lenses(), nil, func(configs.Node, backends.Open) (backends.Backend, error) { return nil, errors.New("broken") })
	if len(faults) != 1 || !strings.Contains(faults[0].Error(), "broken") || faults[0].Line == 0 {
		t.Errorf("%v", faults)
	}
}

func TestAPresetIsABaseToSayWhatDiffers(t *testing.T) {
	doc := `
mapping: User
preset: openldap
at: {backend: corp, base: "dc=x"}
create: {name: "uid={userName},dc=x"}
attributes:
  title: null
  active: null
  meta.created: null
  meta.lastModified: null
  displayName: displayName
`
	set := compile(t, newDirectory(), doc, groupYAML)
	m := set.All()[0]
	if m.find("", "title") != nil || m.find("", "active") != nil {
		t.Error("null does not take a path away")
	}
	if m.find("", "userName") == nil || len(m.find("", "displayName").fields[0].pipes) != 1 {
		t.Error("the preset is not the base")
	}
}

func published(t *testing.T, m *Mapping, path string) *scim.Attribute {
	t.Helper()
	p, err := filter.ParsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	ref, ok := m.rt.Resolve(p)
	if !ok {
		t.Fatalf("%s is not published", path)
	}
	return ref.Target()
}

func TestTheResourceTypeTellsTheTruth(t *testing.T) {
	set := compile(t, newDirectory(), strings.Replace(userYAML, "  userName: uid", "  userName: {from: uid, unique: global, caseExact: true}\n  nickName: {from: street, required: true, returned: request}", 1), groupYAML)
	user, _ := set.Get("User")
	group, _ := set.Get("Group")
	for path, is := range map[string]func(*scim.Attribute) bool{
		"userName": func(a *scim.Attribute) bool { return a.Uniqueness == scim.UniqueGlobal && a.CaseExact && a.Required },
		"nickName": func(a *scim.Attribute) bool { return a.Required && a.Returned == scim.ReturnedRequest },
		"locale":   func(a *scim.Attribute) bool { return a.Mutability == scim.ReadOnly },
		"timezone": func(a *scim.Attribute) bool { return a.Mutability == scim.ReadOnly },
		"active":   func(a *scim.Attribute) bool { return a.Mutability == scim.ReadWrite && a.Type == scim.TypeBoolean },
		"password": func(a *scim.Attribute) bool {
			return a.Mutability == scim.WriteOnly && a.Returned == scim.ReturnedNever
		},
		"groups":            func(a *scim.Attribute) bool { return a.Mutability == scim.ReadOnly && a.MultiValued },
		"phoneNumbers.type": func(a *scim.Attribute) bool { return slices.Equal(a.CanonicalValues, []string{"work", "mobile"}) },
		"userType": func(a *scim.Attribute) bool {
			return slices.Equal(a.CanonicalValues, []string{"Contractor", "Employee"})
		},
		"emails.primary":       func(a *scim.Attribute) bool { return a.Type == scim.TypeBoolean },
		"urn:acme:User:number": func(a *scim.Attribute) bool { return a.Type == scim.TypeInteger },
		"urn:acme:User:home":   func(a *scim.Attribute) bool { return a.Mutability == scim.Immutable },
		"manager.value":        func(a *scim.Attribute) bool { return a.Mutability == scim.ReadWrite },
		"meta.created":         func(a *scim.Attribute) bool { return a.Mutability == scim.ReadOnly },
		"meta.version":         func(a *scim.Attribute) bool { return a.CaseExact },
		"externalId":           func(a *scim.Attribute) bool { return a.CaseExact },
	} {
		if a := published(t, user, path); !is(a) {
			t.Errorf("%s: %+v", path, a)
		}
	}
	for _, path := range []string{"emails.display", "meta.lastModified", "profileUrl", "addresses.country", "x509Certificates", "name.middleName"} {
		if p, _ := filter.ParsePath(path); func() bool { _, ok := user.rt.Resolve(p); return ok }() {
			t.Errorf("%s is published and not mapped", path)
		}
	}
	if _, ok := group.rt.Resolve(filter.Path{Attr: "externalId"}); ok {
		t.Error("a group has no externalId here")
	}
	if got := fmt.Sprint(user.rt.URNs()); got != "[urn:ietf:params:scim:schemas:core:2.0:User urn:ietf:params:scim:schemas:extension:enterprise:2.0:User urn:acme:User]" {
		t.Errorf("schemas %s", got)
	}
	for _, sub := range []string{"members.value", "members.type", "members.$ref"} {
		published(t, group, sub)
	}
}

func TestTheMatcherComparesAsTheDirectoryDoes(t *testing.T) {
	d := newDirectory()
	set := compile(t, d, userYAML, groupYAML)
	user, _ := set.Get("User")
	prep := published(t, user, "userName").Prep
	if prep("A  b ") != prep("a b") {
		t.Error("blanks and letters count, and the directory says they do not")
	}
	d.syntax["uid"] = text(backends.CaseExactSpace) // the server's own schema is known once it is connected
	if prep("A  b ") != prep("a b") || prep("ab") == prep("a b") {
		t.Error("userName compares without case whatever the directory does, and blanks as it does")
	}
	d.syntax["uid"] = text(backends.CaseIgnore)
	if prep("a  b") == prep("a b") {
		t.Error("blanks count where the directory counts them")
	}
	if prep := published(t, user, "phoneNumbers.value").Prep; prep("+1 2-3") != prep("+123") {
		t.Error("telephone numbers compare as the directory has it")
	}
}

func TestReferencesSayHowRecordsPointAtEachOther(t *testing.T) {
	user, group := both(t)
	want := []Reference{
		{Attr: "groups", Complex: true, Multi: true, Types: []string{"Group"}, Native: "memberOf", OrReverse: "Group.members", ReadOnly: true, Display: "display"},
		{URI: scim.EnterpriseURN, Attr: "manager", Complex: true, Types: []string{"User"}, Native: "manager", Display: "displayName"},
	}
	if got := fmt.Sprint(user.References()); got != fmt.Sprint(want) {
		t.Errorf("got %v", got)
	}
	want = []Reference{{Attr: "members", Complex: true, Multi: true, Types: []string{"User", "Group"}, Native: "member", Set: true, Placeholder: "cn=nobody", Display: "display"}}
	if got := fmt.Sprint(group.References()); got != fmt.Sprint(want) {
		t.Errorf("got %v", got)
	}
	set := compile(t, newDirectory(), userWith("", "  groups: reverse(Group.members)\n"), strings.Replace(groupYAML, `"member | ref(User, Group)"`, "description | ref(User.uid)", 1))
	if r := set.All()[0].References()[0]; r.Reverse != "Group.members" || r.Native != "" {
		t.Errorf("%+v", r)
	}
	if r := set.All()[1].References()[0]; r.By != "uid" {
		t.Errorf("%+v", r)
	}
}

func TestCheckSchemaNamesWhatTheDirectoryLacks(t *testing.T) {
	d := newDirectory()
	set := compile(t, d, userYAML, groupYAML)
	for _, m := range set.All() {
		if faults := m.CheckSchema(); len(faults) > 0 {
			t.Errorf("%v", faults)
		}
	}
	delete(d.syntax, "givenname")
	delete(d.syntax, "memberof") // has a second source
	delete(d.syntax, "objectclass")
	d.syntax["title"] = backends.Syntax{Known: true, ReadOnly: true}
	d.syntax["member"] = backends.Syntax{Known: true, Single: true, Ref: true}
	user, _ := set.Get("User")
	got := user.CheckSchema().Error()
	for _, say := range []string{"does not know the attribute givenName; correct the name, add it to the directory's schema, or take the line away", "title writes title, which only the directory itself changes; write {from: …, access: readOnly}", "does not know the attribute objectClass"} {
		if !strings.Contains(got, say) {
			t.Errorf("%s\nis not in\n%s", say, got)
		}
	}
	if strings.Contains(got, "memberOf") {
		t.Errorf("memberOf has a second source:\n%s", got)
	}
	group, _ := set.Get("Group")
	if got := group.CheckSchema().Error(); !strings.Contains(got, "members holds many, and member holds one value") && !strings.Contains(got, "members.value holds many, and member holds one value") {
		t.Errorf("got %s", got)
	}
}

func TestInlineTestsRunBothWays(t *testing.T) {
	test := func(record, resource string) string {
		return userYAML + "tests:\n  - record: " + record + "\n    resource: " + resource + "\n"
	}
	for name, c := range map[string]struct{ doc, says string }{
		"right":                  {test("{uid: [b], cn: [B], sn: [J], mail: [a@x]}", "{userName: b, active: true, name: {familyName: J, formatted: B}, emails: [{value: a@x, type: work}]}"), ""},
		"reads otherwise":        {test("{uid: [b]}", "{userName: c}"), `userName reads as "b", not "c"; correct the test, or the mapping of userName`},
		"writes otherwise":       {test("{uid: [b], employeeType: [E]}", "{userName: b, userType: employee}"), "userType reads as"},
		"misspelt":               {test("{uid: [b]}", "{userNam: b}"), "userNam is not mapped; did you mean userName?"},
		"no boolean":             {test("{uid: [b]}", "{active: maybe}"), "is not true or false"},
		"an unknown key":         {userYAML + "tests:\n  - {records: {}, resource: {}}\n", "records"},
		"creates something else": {test("{uid: [b], cn: [B], title: [Boss], employeeType: [X, E]}", "{userName: b, title: Boss, userType: Employee}"), "creating the resource would make employeeType E, and the record has X, E"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := compile(t, newDirectory(), c.doc, groupYAML).RunTests()
			if got := faults.Error(); c.says == "" && got != "" || !strings.Contains(got, c.says) {
				t.Errorf("got %s", got)
			}
		})
	}
}
