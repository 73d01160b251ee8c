package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// rowsUser is a User whose emails are rows of three columns, and rowsGroup a Group whose members stand in one of two.
var rowsUser = userWith("", `  emails: {rows: hr.email, on: person_id, value: address, type: "kind | enum(W=work, H=home)", primary: is_main | mark}
  phoneNumbers[type=work]: {rows: hr.phone, on: person_id, value: number, where: {kind: work}}
  phoneNumbers[type=home]: {rows: hr.phone, on: person_id, value: number, where: {kind: home}}
  addresses[type=work]: {rows: hr.home, on: person_id, streetAddress: street, locality: town}
`)

const rowsGroup = `
mapping: Group
at: {backend: hr, table: hr.team, key: team_id}
attributes:
  displayName: cn
  members: {rows: scim.memberships, on: group_id, value: [user_id | ref(User), group_id | ref(Group)]}
`

// newTables has beside its attributes the rows of some tables, as a database has them.
func newTables() *directory {
	d := newDirectory()
	d.can = backends.Capabilities{Kind: "postgres"}
	d.syntax["hr.email"] = backends.Syntax{Known: true}
	d.syntax["hr.email.address"] = text(backends.CaseIgnoreSpace)
	d.syntax["hr.email.note"] = text(backends.CaseExact)
	d.syntax["hr.email.kind"] = single(text(backends.CaseExact))
	d.syntax["hr.email.is_main"] = single(text(backends.CaseExact))
	for _, set := range []string{"hr.home", "hr.phone", "hr.phone.number", "hr.phone/2", "hr.phone/2.number", "hr.home.street", "hr.home.town"} {
		d.syntax[set] = text(backends.CaseIgnoreSpace)
	}
	for _, set := range []string{"hr.team_member", "hr.team_member.person_id", "scim.memberships", "scim.memberships.user_id", "scim.memberships.group_id"} {
		d.syntax[set] = backends.Syntax{Known: true, Equality: backends.NameRule, Ref: true}
	}
	return d
}

// opened compiles documents and gives what each was opened with.
func opened(t *testing.T, docs ...string) (*Set, []backends.Open) {
	t.Helper()
	var nodes []configs.Node
	for _, doc := range docs {
		node, faults := configs.ParseNode("m.yaml", []byte(doc))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		nodes = append(nodes, node)
	}
	var opens []backends.Open
	set, faults := Compile(nodes, lenses(), nil, func(_ configs.Node, o backends.Open) (backends.Backend, error) {
		opens = append(opens, o)
		return newTables(), nil
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return set, opens
}

func TestRowsAreDeclaredBeforeTheClassIsOpened(t *testing.T) {
	_, opens := opened(t, strings.Replace(rowsUser, "value: address, type: \"kind | enum(W=work, H=home)\"", "type: \"kind | enum(W=work, H=home)\", value: address", 1), rowsGroup)
	want := []backends.Set{
		{Name: "hr.email", Columns: []string{"address", "kind", "is_main"}},
		{Name: "hr.phone", Columns: []string{"number"}},
		{Name: "hr.phone/2", Columns: []string{"number"}},
		{Name: "hr.home", Columns: []string{"street", "town"}},
	}
	same := func(a, b backends.Set) bool {
		return a.Name == b.Name && slices.Equal(a.Columns, b.Columns) && a.Either == b.Either
	}
	if !slices.EqualFunc(opens[0].Sets, want, same) {
		t.Errorf("got %+v", opens[0].Sets)
	}
	if on := opens[0].Sets[2].At.Get("where").Get("kind").Text(); on != "home" {
		t.Errorf("the source's own node is given, and where.kind of hr.phone/2 is %q", on)
	}
	if want := []backends.Set{{Name: "scim.memberships", Columns: []string{"user_id", "group_id"}, Either: true}}; !slices.EqualFunc(opens[1].Sets, want, same) {
		t.Errorf("got %+v", opens[1].Sets)
	}
}

func TestReferencesInRowsAreSets(t *testing.T) {
	set, _ := opened(t, rowsUser, rowsGroup)
	group, _ := set.Get("Group")
	refs := group.References()
	if len(refs) != 1 {
		t.Fatalf("got %+v", refs)
	}
	r := refs[0]
	if r.Native != "scim.memberships" || !r.Set || !r.Multi || !r.Complex || r.By != "" || !slices.Equal(r.Types, []string{"User", "Group"}) {
		t.Errorf("got %+v", r)
	}
	one, _ := opened(t, rowsUser, strings.Replace(rowsGroup, "[user_id | ref(User), group_id | ref(Group)]", "user_id | ref(User.uid)", 1))
	group, _ = one.Get("Group")
	if r := group.References()[0]; r.Native != "scim.memberships" || !r.Set || r.By != "uid" || !slices.Equal(r.Types, []string{"User"}) {
		t.Errorf("got %+v", r)
	}
}

var brokenRows = map[string]struct{ line, says string }{
	"no value":            {"emails: {rows: hr.email, on: person_id, type: kind}", "attributes.emails: emails has rows without a value; write value: and the column that holds it"},
	"no value and no sub": {"addresses: {rows: hr.home, on: person_id}", "addresses has rows without any of its parts; write formatted: and the column that holds it"},
	"no on":               {"emails: {rows: hr.email, value: address}", "emails does not say which rows belong to a record; write on: and the column that holds the record's key"},
	"no table":            {"emails: {rows: [a], on: person_id, value: address}", "rows does not name a table; write rows: and the table, rows: hr.email"},
	"an unknown part":     {"emails: {rows: hr.email, on: person_id, value: address, typ: kind}", `emails has no part "typ"; did you mean type?`},
	"a part of a list":    {"emails: {rows: hr.email, on: person_id, value: address, type: [a, b]}", "type is one column of the rows; write a column, or a pipeline in quotes"},
	"one value":           {"title: {rows: hr.email, on: person_id, value: address}", "title has one value, and rows are many; map it to a column of the record's own table"},
	"rows of a part":      {"addresses.locality: {rows: hr.home, on: person_id, locality: town}", "addresses.locality is a part of what the rows hold; write addresses: {rows: …, on: …, locality: column}"},
	"a lens that does not fit": {
		"emails: {rows: hr.email, on: person_id, value: address, primary: \"kind | enum(W=work)\", type: \"kind | gone(x)\"}",
		"emails.type is a string, and `kind | gone(x)` yields a boolean; take a lens that yields text",
	},
	"a type twice":           {"emails[type=work]: {rows: hr.email, on: person_id, value: address, type: kind}", "type of these elements is fixed by the bracket; take it away here, or the bracket"},
	"a reference with parts": {"members: {rows: hr.team_member, on: team_id, value: person_id | ref(User), type: kind}", "members is a reference and has other parts beside it; let the value stand alone"},
	"a list of texts":        {"emails: {rows: hr.email, on: person_id, value: [address, note]}", "only references may stand in one of several columns, and address is none; write value: [user_id | ref(User), group_id | ref(Group)]"},
	"onCreate":               {"emails: {rows: hr.email, on: person_id, value: address, onCreate: x}", "onCreate makes no sense of rows; take it away, or map the attribute without rows"},
	"a placeholder":          {"emails: {rows: hr.email, on: person_id, value: address, placeholder: x}", "placeholder makes no sense of rows"},
	"unseen":                 {"emails: {rows: hr.email, on: person_id, value: address, type: kind, returned: never}", "rows that nobody sees cannot be told apart; take it away"},
	"a column for two":       {"emails: {rows: hr.email, on: person_id, value: address, type: kind, display: address}", "emails.value and emails.display both write address; take one of them away"},
	"one column of parts":    {"addresses: {rows: hr.home, on: person_id, locality: town}", "addresses has rows of one column, which cannot be taken apart; map another of its parts to a column of its own"},
	"the same rows twice": {
		"emails: {rows: hr.email, on: person_id, value: address}\n  ims: {rows: hr.email, on: person_id, value: address}",
		"ims.value holds the rows of hr.email that another source holds too; tell their rows apart with where",
	},
	"a line beside rows": {
		"emails: {rows: hr.email, on: person_id, value: address, type: kind}\n  emails.display: cn",
		"emails.display is mapped beside rows that hold the whole of emails; write it as a column of the rows, or take the line away",
	},
	"display of no reference": {"emails: {rows: hr.email, on: person_id, value: address, type: kind, display: true}", "emails does not point at records that have a name to show; write display: and a column, or take it away"},
	"nested of no groups":     {"emails: {rows: hr.email, on: person_id, value: address, type: kind, nested: true}", "emails is no list of groups that the directory keeps; take nested away"},
	"a line beside one column": {
		"emails: {rows: hr.email, on: person_id, value: address}\n  emails.display: cn",
		"emails.display is mapped beside rows that hold the whole of emails; write it as a column of the rows, or take the line away",
	},
	"a slot": {
		"emails: {rows: hr.email, on: person_id, value: address, type: kind}\n  title: {from: title, onCreate: \"{emails.value}\"}",
		"the slot {emails.value} is kept in rows, of which there may be many; take something that a record has one of",
	},
	"no such lens": {"emails: {rows: hr.email, on: person_id, value: address | nix, type: kind}", `there is no lens "nix"`},
	"a call":       {"emails: {rows: hr.email, on: person_id, value: \"half(0)\", type: kind}", "half(…) is not a column; a pipeline begins with a column: column | half(0)"},
}

func TestFaultsOfRowsSayWhatToWriteInstead(t *testing.T) {
	for name, c := range brokenRows {
		t.Run(name, func(t *testing.T) {
			doc := userWith("", "  "+c.line+"\n")
			if strings.HasPrefix(c.line, "members") {
				doc = "mapping: Group\nat: {backend: hr, table: hr.team}\nattributes:\n  displayName: cn\n  " + c.line + "\n"
			}
			_, faults := tryCompile(t, newTables(), doc, userYAML)
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

func TestRowsBelongToTables(t *testing.T) {
	d := newDirectory()
	d.can.Kind = "ldap"
	_, faults := tryCompile(t, d, rowsUser)
	if !strings.Contains(faults.Error(), "rows belongs to tables, and corp has none; name the attribute that holds the values, emails: mail") {
		t.Errorf("got %v", faults)
	}
}

func TestTablesAndColumnsMustBeThere(t *testing.T) {
	for name, c := range map[string]struct{ gone, says string }{
		"the table":              {"hr.email", "the directory does not know the table hr.email; correct the name"},
		"a column":               {"hr.email.kind", "the table hr.email has no column kind; correct the name"},
		"the table of one value": {"hr.phone", "the directory does not know the table hr.phone with a column number"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newTables()
			delete(d.syntax, c.gone)
			faults := compile(t, d, rowsUser).All()[0].CheckSchema()
			if !strings.Contains(faults.Error(), c.says) || faults[0].Line == 0 {
				t.Errorf("got %v", faults)
			}
		})
	}
	d := newTables()
	if faults := compile(t, d, rowsUser).All()[0].CheckSchema(); len(faults) > 0 {
		t.Errorf("got %v", faults)
	}
	made := d.syntax["hr.email.kind"]
	made.ReadOnly = true
	d.syntax["hr.email.kind"] = made
	if faults := compile(t, d, rowsUser).All()[0].CheckSchema(); !strings.Contains(faults.Error(), "emails.type writes the column kind, which only the directory itself changes") {
		t.Errorf("got %v", faults)
	}
}

func TestErrorsOfRowsNameTheirPath(t *testing.T) {
	m := compile(t, newTables(), rowsUser).All()[0]
	for native, path := range map[string]string{
		"hr.email": "emails", "hr.email.address": "emails.value", "HR.email.kind": "emails.type", "hr.phone/2": `phoneNumbers[type eq "home"].value`,
		"hr.phone.number": `phoneNumbers[type eq "work"].value`, "hr.phone/2.number": `phoneNumbers[type eq "home"].value`, "hr.home.town": `addresses[type eq "work"].locality`, "hr.email.id": "",
	} {
		if got := m.Writes(native); got != path {
			t.Errorf("%s is written by %q, not %q", native, got, path)
		}
	}
}
