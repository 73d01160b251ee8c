package mapping

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// overPeople is a mapping of columns with some lines.
func overPeople(document, attributes string) string {
	return "mapping: User\nat: {backend: hr}\nschemas: {acme: \"urn:acme:Thing\"}\n" + document + "attributes:\n  userName: login\n" + attributes
}

func TestFaultsOfColumnsAndDocuments(t *testing.T) {
	for name, c := range map[string]struct {
		can       backends.Capabilities
		doc, says string
	}{
		"a truth where values are texts": {
			backends.Capabilities{},
			overPeople("", "  active: enabled\n"),
			"attributes.active: active is a boolean, and `enabled` yields a string; end the pipeline with a lens that yields a boolean: bool(TRUE, FALSE), absent(…), bit(…), locked",
		},
		"a lens that does not fit a typed column": {newPeople().can, overPeople("", "  active: enabled | int\n"), "active is a boolean, and `enabled | int` yields a integer; end"},
		"no document": {
			backends.Capabilities{Typed: true},
			overPeople("", "  title: document\n  \"*\": document\n"),
			"attributes.title: title is kept in a document, and the records of hr have none; say `document: column` under `at`, where the backend has such columns, or name the attribute that holds it",
		},
		"a password in the document": {
			newPeople().can, overPeople("", "  password: document\n"),
			"attributes.password: a password would stand in the document as it is; name the column that passwords are kept in",
		},
		"groups in the document":    {newPeople().can, overPeople("", "  groups: document\n"), "groups are references, which a document cannot answer for; keep who is in a group in rows of a table"},
		"one kind of element":       {newPeople().can, overPeople("", "  emails[type=work]: document\n"), `emails[type eq "work"].value is one of several elements, which a document holds whole; write emails: document`},
		"a part of elements":        {newPeople().can, overPeople("", "  emails.type: document\n"), `emails.type is one of several elements, which a document holds whole; write emails: document`},
		"a lens over all parts":     {newPeople().can, overPeople("", "  name: document | prefix(a)\n"), `name is complex; say which part: name.formatted`},
		"a key that is of one part": {newPeople().can, overPeople("", "  name: {from: document, required: true}\n"), "required"},
		"everything from elsewhere": {newPeople().can, overPeople("", "  \"*\": login\n"), `attributes.*: "*" takes the record's document and nothing else; write "*": document`},
		"a whole of which nothing is left": {
			newPeople().can, overPeople("", "  acme:badge.code: login2\n  acme:badge.room: grade\n  acme:badge: document\n"),
			"every part of badge has a line of its own; take the line away",
		},
		"a part in two places": {newPeople().can, overPeople("", "  title: data.nickName\n  nickName: document\n"), "title and nickName both write data.nickName"},
		"a name":               {newPeople().can, overPeople("create: {name: \"{userName}\"}\n", ""), "create.name: the records of hr have no names; take create.name away: a new record is found by its key"},
		"a renaming":           {newPeople().can, overPeople("rename: keep\n", ""), "rename: the records of hr have no names that could change; take the line away"},
		"a move":               {newPeople().can, overPeople("delete: {policy: move, to: gone}\n", ""), "delete: the records of hr have no names, so that they cannot be moved; write delete: remove, disable or refuse"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newPeople()
			d.can = c.can
			_, faults := compileOver(t, d, things, c.doc)
			if !strings.Contains(faults.Error(), c.says) {
				t.Errorf("got\n%v\nwanted %s", faults, c.says)
			}
		})
	}
}

// mapped are the paths of a mapping and where they are kept.
func mapped(m *Mapping) map[string]string {
	out := map[string]string{}
	for _, f := range m.fields {
		out[f.path.String()] = f.pipes[0].native()
	}
	return out
}

func TestTheDocumentTakesWhatHasNoLine(t *testing.T) {
	m, _ := people(t, overPeople("", `  name.familyName: grade
  emails[type=work]: login2
  nickName: null
  name.middleName: null
  enterprise:division: null
  acme:badge: document
  acme:badge.room: floor
  enterprise:manager: grade2 | ref(User)
  "*": document
`))
	got := mapped(m)
	for path, want := range map[string]string{
		"name.familyName": "grade", "name.givenName": "data.name.givenName", "name.middleName": "", "nickName": "", "title": "data.title",
		`emails[type eq "work"].value`: "login2", "emails.value": "", "phoneNumbers.value": "data.phoneNumbers.value", "addresses.country": "data.addresses.country",
		"urn:acme:Thing:badge.code": `data."urn:acme:Thing".badge.code`, "urn:acme:Thing:badge.room": "floor", "urn:acme:Thing:pin": "", "urn:acme:Thing:vip": `data."urn:acme:Thing".vip`,
		scim.EnterpriseURN + ":manager.value": "grade2", scim.EnterpriseURN + ":manager.displayName": "", scim.EnterpriseURN + ":manager.$ref": "",
		scim.EnterpriseURN + ":division": "", scim.EnterpriseURN + ":costCenter": `data."` + scim.EnterpriseURN + `".costCenter`,
		"externalId": "data.externalId", "password": "", "groups.value": "", "meta.created": "", "active": "data.active", "x509Certificates.value": "data.x509Certificates.value",
	} {
		if got[path] != want {
			t.Errorf("%s is kept in %q, wanted %q", path, got[path], want)
		}
	}
	a := m.rt.Schema.Attribute("phoneNumbers")
	if a == nil || a.Sub("primary") == nil || a.Sub("type") == nil || !slices.Contains(a.Sub("type").CanonicalValues, "fax") {
		t.Errorf("/Schemas has %+v", a)
	}
	if m.rt.Schema.Attribute("nickName") != nil || m.rt.Schema.Attribute("name").Sub("middleName") != nil {
		t.Error("what is kept out is in /Schemas")
	}
}

func TestOptionsOfAWholeAttributeAreThoseOfItsParts(t *testing.T) {
	m, _ := people(t, overPeople("", "  name: {from: document, access: readOnly}\n  emails: {from: document, returned: request}\n"))
	name, emails := m.rt.Schema.Attribute("name"), m.rt.Schema.Attribute("emails")
	if name.Mutability != scim.ReadOnly || name.Sub("givenName").Mutability != scim.ReadOnly || emails.Returned != scim.ReturnedRequest {
		t.Errorf("%+v %+v", name, emails)
	}
}

func TestAPresetsDocumentCanBeTakenAway(t *testing.T) {
	base, faults := configs.ParseNode("base.yaml", []byte(overPeople("", "  title: grade\n  \"*\": document\n")))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for over, want := range map[string]map[string]string{
		"attributes: {\"*\": null}\n":                                     {"userName": "login", "title": "grade"},
		"attributes: {nickName: null, \"*\": {from: document}}\n":         {"nickName": "", "displayName": "data.displayName"},
		"attributes: {acme:vip: null, name: null, title: document}\n":     {"urn:acme:Thing:vip": "", "name.givenName": "", "title": "data.title", "locale": "data.locale"},
		"attributes: {enterprise:division: null, name.givenName: null}\n": {scim.EnterpriseURN + ":division": "", "name.givenName": "", "name.familyName": "data.name.familyName"},
	} {
		mine, faults := configs.ParseNode("mine.yaml", []byte(over))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		c := newCompiler(configs.Merge(base, mine), lenses(), typesOf(t, things))
		c.own = mine
		if !c.mapping(func(configs.Node, backends.Open) (backends.Backend, error) { return newPeople(), nil }) || len(c.faults) > 0 {
			t.Fatal(c.faults)
		}
		got := mapped(c.m)
		for path, place := range want {
			if got[path] != place {
				t.Errorf("%s\n%s is kept in %q, wanted %q", over, path, got[path], place)
			}
		}
		if strings.Contains(over, `"*": null`) && len(got) != len(want) {
			t.Errorf("%s: %v", over, slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestRecordsWithoutNamesAreMade(t *testing.T) {
	m, _ := people(t, strings.Replace(columnsUser, "schemas:", "create: {set: {made_by: scim, home: \"/home/{userName}\"}}\nschemas:", 1))
	got, err := m.Create(parse(t, `{"userName":"b"}`))
	if err != nil || !m.Creates() || got.Name != nil || got.Attrs["made_by"].Texts()[0] != "scim" || got.Attrs["home"].Texts()[0] != "/home/b" {
		t.Errorf("%+v %v", got, err)
	}
	// The text of a key may look like a name.
	rec := person(map[string]any{"login": []any{"a", "b"}})
	if res, _ := m.Get(rec, nil); part(res, "userName") != "a" {
		t.Errorf("a key is taken for a name: %v", part(res, "userName"))
	}
}

func TestWhatIsOnlyReadSaysSo(t *testing.T) {
	d := newPeople()
	d.can.ReadOnly = true
	set, faults := compileOver(t, d, things, strings.Replace(columnsUser, "  title:", "  password: pw\n  acme:pin: pin\n  title:", 1))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	m := set.All()[0]
	if m.Creates() || m.OnDelete().Policy != "refuse" {
		t.Errorf("it creates %v, delete is %s", m.Creates(), m.OnDelete().Policy)
	}
	if _, err := m.Create(parse(t, `{"userName":"b"}`)); err == nil || err.Error() != "403: User resources are not created here: the directory is only read." {
		t.Errorf("got %v", err)
	}
	for _, a := range slices.Concat(m.rt.Schema.Attributes, m.rt.Extensions[0].Schema.Attributes, m.rt.Extensions[1].Schema.Attributes) {
		if a.Mutability != scim.ReadOnly {
			t.Errorf("%s is %s", a.Name, a.Mutability)
		}
	}
	rec := person(map[string]any{"login": "b", "pw": "secret", "pin": "1234"})
	before, _ := m.Get(rec, nil)
	if text := string(before.AppendJSON(nil)); strings.Contains(text, "secret") || strings.Contains(text, "1234") {
		t.Errorf("it shows %s", text)
	}
	for _, path := range []string{"userName", "password"} {
		after := before.Clone()
		after.Set(path, "c")
		if _, err := m.Diff(rec, before, after, nil); err == nil || err.Error() != "400 mutability: "+path+": it is read-only." {
			t.Errorf("got %v", err)
		}
	}
}

func TestColumnsOfAnotherKindAreFaults(t *testing.T) {
	m, d := people(t, overPeople("", "  active: enabled\n  acme:floor: floor\n  acme:born: made_at\n  acme:vip: document\n"))
	if faults := m.CheckSchema(); len(faults) > 0 {
		t.Error(faults)
	}
	d.syntax["enabled"], d.syntax["floor"], d.syntax["made_at"] = d.syntax["login"], d.syntax["made_at"], d.syntax["emp_no"]
	got := m.CheckSchema().Error()
	for _, want := range []string{
		"active is a boolean, and the column enabled holds texts; end the pipeline with a lens that yields a boolean",
		"urn:acme:Thing:floor is a integer, and the column floor holds times; end the pipeline with int",
		"urn:acme:Thing:born is a dateTime, and the column made_at holds integers; end the pipeline with a lens that yields a time",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s\nwanted %s", got, want)
		}
	}
}

func TestTestsOfAMappingWithColumnsAndDocuments(t *testing.T) {
	doc := func(record string) string {
		return overPeople("", "  active: enabled\n  enterprise:employeeNumber: emp_no\n  acme:born: made_at\n  \"*\": document\n") + `
tests:
  - record: {login: b, enabled: "true", emp_no: "7", made_at: "2026-01-02T03:04:05Z", data.name.givenName: B, data.emails: [{value: a@x, primary: "true"}], ` + record + `}
    resource:
      userName: b
      active: true
      name: {givenName: B}
      emails: [{value: a@x, primary: true}]
      urn:acme:Thing: {born: "2026-01-02T03:04:05Z", levels: [1, 2]}
      ` + scim.EnterpriseURN + `: {employeeNumber: "7"}
`
	}
	for record, says := range map[string]string{
		`'data."urn:acme:Thing".levels': ["1", "2"]`: "",
		`'data."urn:acme:Thing".levels': ["1", "3"]`: `urn:acme:Thing reads as {"born":"2026-01-02T03:04:05Z","levels":[1,3]}`,
	} {
		set, faults := compileOver(t, newPeople(), things, doc(record))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if got := set.RunTests(); says == "" && len(got) > 0 || !strings.Contains(got.Error(), says) {
			t.Errorf("%s: got %v", record, got)
		}
	}
}
