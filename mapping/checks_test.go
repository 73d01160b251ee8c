package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// choosy is a directory that says which values it cannot have.
type choosy struct {
	*directory
	not map[string]string // by attribute: the texts, in one
}

func (c choosy) Could(attr string, v backends.Value) bool {
	return !strings.Contains(c.not[attr], v.Text())
}

// overChoosy compiles documents over it.
func overChoosy(t *testing.T, d choosy, docs ...string) (*Set, configs.Faults) {
	t.Helper()
	var nodes []configs.Node
	for _, doc := range docs {
		node, faults := configs.ParseNode("m.yaml", []byte(doc))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		nodes = append(nodes, node)
	}
	return Compile(nodes, lenses(), nil, func(configs.Node, backends.Open) (backends.Backend, error) { return d, nil })
}

func TestWordsThatTheirColumnCannotHaveAreFaults(t *testing.T) {
	const doc = `
mapping: User
at: {backend: hr, table: hr.person, key: id}
attributes:
  userName: login
  userType: "kind | enum(E=Employee, X=Extern)"
  active: "left | gone(xx)"
  title: {from: title, placeholder: "-"}
`
	d := choosy{newTables(), map[string]string{}}
	d.can.Typed = true
	for _, a := range []string{"login", "kind", "left", "title"} {
		d.syntax[a] = text(backends.CaseExact)
	}
	set, faults := overChoosy(t, d, doc)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	m := set.All()[0]
	if faults := m.CheckSchema(); len(faults) > 0 {
		t.Error(faults)
	}
	for attr, c := range map[string]struct{ not, says string }{
		"kind":  {"X", `m.yaml:6:13: attributes.userType: userType would write "X", which the column kind cannot have; write what the column can hold, or map another one`},
		"left":  {"xx", `active would write "xx", which the column left cannot have`},
		"title": {"-", `placeholder: title would write "-", which the column title cannot have`},
	} {
		d.not[attr] = c.not
		if got := m.CheckSchema(); len(got) != 1 || !strings.Contains(got.Error(), c.says) {
			t.Errorf("%s: got %v", attr, got)
		}
		delete(d.not, attr)
	}
}

func TestColumnsOfBytesNeedALens(t *testing.T) {
	m, d := people(t, overPeople("", "  title: title\n"))
	d.syntax["title"] = backends.Syntax{Known: true, Equality: backends.OctetRule}
	if got := m.CheckSchema().Error(); !strings.Contains(got, "the column title holds bytes, which title cannot show; write title | base64") {
		t.Errorf("got %s", got)
	}
}

func TestAKeyIsSaidOnceAndPointedAtWhole(t *testing.T) {
	const user = `
mapping: User
at: {backend: hr, table: hr.person, key: login}
attributes: {userName: login, title: title}
`
	d := choosy{newTables(), nil}
	d.can.Key = []string{"Login"}
	set, faults := overChoosy(t, d, user)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if got := set.All()[0].ResourceType().Schema.Attributes; !strings.Contains(string(got[0].Mutability), "immutable") || got[0].Name != "userName" {
		t.Errorf("%s is %s", got[0].Name, got[0].Mutability)
	}
	_, faults = overChoosy(t, d, strings.Replace(user, "userName: login", "userName: {from: login, access: readWrite}", 1))
	if !strings.Contains(faults.Error(), "userName is a part of the key, which never changes; write createOnly or readOnly") {
		t.Errorf("got %v", faults)
	}
	d.can.Key = []string{"org", "login"}
	_, faults = overChoosy(t, choosy{d.directory, nil}, user, rowsGroup)
	if !strings.Contains(faults.Error(), "a record of User has a key of 2 columns, which no value can point at; point at it with a column that is unique, ref(User.column)") {
		t.Errorf("got %v", faults)
	}
	by := strings.Replace(rowsGroup, "[user_id | ref(User), group_id | ref(Group)]", "user_id | ref(User.badge)", 1)
	set, faults = overChoosy(t, choosy{d.directory, nil}, user, by)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	group, _ := set.Get("Group")
	if got := group.CheckSchema().Error(); !strings.Contains(got, "the records of User have no attribute badge; name an attribute") {
		t.Errorf("got %s", got)
	}
	d.syntax["badge"] = text(backends.CaseExact)
	if got := group.CheckSchema().Error(); strings.Contains(got, "badge") {
		t.Errorf("got %s", got)
	}
}

func TestWhatNobodyMeantIsAFault(t *testing.T) {
	for name, c := range map[string]struct{ doc, says string }{
		"the document as a column": {overPeople("", "  nickName: data\n  \"*\": document\n"), "nickName is mapped to data, which is the document; write nickName: document, or name a column of its own"},
		"a column of where":        {userWith("", "  emails: {rows: hr.email, on: person_id, value: address, type: kind, where: {Kind: W}}\n"), "where gives all of these rows one Kind, and the same column is mapped; take it away here or there"},
		"one column, two parts":    {userWith("", "  addresses: {rows: hr.home, on: person_id, streetAddress: town, locality: town}\n"), "addresses.streetAddress and addresses.locality both write town"},
	} {
		d := newTables()
		if strings.HasPrefix(name, "the document") {
			d = newPeople()
		}
		_, faults := compileOver(t, d, things, c.doc)
		if len(faults) != 1 || !strings.Contains(faults.Error(), c.says) {
			t.Errorf("%s: got %v", name, faults)
		}
	}
	_, faults := compileOver(t, newPeople(), things, overPeople("", "  \"*\": {from: document, unique: server}\n"))
	if len(faults) != 1 || !strings.Contains(faults.Error(), "unique") {
		t.Errorf("one line, one fault: got %v", faults)
	}
	m, _ := people(t, overPeople("", "")+"protect: {attributes: [login, lokin]}\n")
	if got := m.CheckSchema(); len(got) != 1 || !strings.Contains(got.Error(), "protect.attributes[1]: the directory does not know the attribute lokin, so that nothing is protected; correct the name") {
		t.Errorf("got %v", got)
	}
}

func TestWhoOpensAClassSaysWhatForItIsUsed(t *testing.T) {
	_, opens := opened(t, strings.Replace(rowsUser, "attributes:\n", `delete: disable
create: {set: {kind: P}}
attributes:
  password: {from: pw, access: writeOnly, by: replace}
  active: "left | gone(x)"
  displayName: {from: shown, access: readOnly}
`, 1))
	use := opens[0].Use
	for attr, in := range map[string][2]bool{"pw": {false, true}, "left": {true, true}, "shown": {true, false}, "hr.email": {true, true}, "hr.phone/2": {true, true}, "kind": {false, false}} {
		if got := [2]bool{slices.Contains(use.Reads, attr), slices.Contains(use.Writes, attr)}; got != in {
			t.Errorf("%s: read and written %v", attr, got)
		}
	}
	if !slices.Equal(use.Presets, []string{"kind"}) || !slices.Equal(use.Required, []string{"uid"}) || use.Deletes {
		t.Errorf("%+v", use)
	}
}
