package scim

import (
	"testing"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func TestProject(t *testing.T) {
	const id = `"schemas":["` + UserURN + `","` + EnterpriseURN + `"],"id":"Ab"`
	const work, home = `{"value":"b@work.example","type":"work","primary":true}`, `{"value":"b@home.example","type":"home"}`
	for claim, c := range map[string]struct{ only, without, want string }{
		"one attribute": {"userName", "", `{` + id + `,"userName":"bjensen"}`},
		"names in any case, with blanks and commas": {" USERNAME ,, active,", "", `{` + id + `,"userName":"bjensen","active":true}`},
		"a part":                              {"name.familyName", "", `{` + id + `,"name":{"familyName":"O'Malley"}}`},
		"a part that is absent":               {"name.middleName", "", `{` + id + `}`},
		"a part of each element":              {"emails.value", "", `{` + id + `,"emails":[{"value":"b@work.example"},{"value":"b@home.example"}]}`},
		"two parts":                           {"emails.type,emails.value", "", `{` + id + `,"emails":[{"value":"b@work.example","type":"work"},{"value":"b@home.example","type":"home"}]}`},
		"a part and the whole":                {"emails.type,emails", "", `{` + id + `,"emails":[` + work + `,` + home + `]}`},
		"a part that only some elements have": {"emails.primary", "", `{` + id + `,"emails":[{"primary":true}]}`},
		"a URN before the name":               {UserURN + ":userName", "", `{` + id + `,"userName":"bjensen"}`},
		"an extension's attribute":            {EnterpriseURN + ":employeeNumber", "", `{` + id + `,"` + EnterpriseURN + `":{"employeeNumber":"007"}}`},
		"an extension's attribute by name":    {"manager.displayName", "", `{` + id + `,"` + EnterpriseURN + `":{"manager":{"displayName":"Mary"}}}`},
		"an extension":                        {EnterpriseURN, "", `{` + id + `,"` + EnterpriseURN + `":{"employeeNumber":"007","manager":{"value":"m1","displayName":"Mary"}}}`},
		"what is never shown":                 {"password", "", `{` + id + `}`},
		"what is unknown":                     {"colour", "", `{` + id + `}`},
		"brackets count as the whole":         {`emails[type eq "work"].value`, "", `{` + id + `,"emails":[{"value":"b@work.example"},{"value":"b@home.example"}]}`},
		"meta":                                {"meta.resourceType", "", `{` + id + `,"meta":{"resourceType":"User"}}`},
		"without some": {
			"", "emails,meta,name.formatted,PHONENUMBERS,ims,roles,title,displayName," + EnterpriseURN + ":manager",
			`{` + id + `,"externalId":"X1","userName":"bjensen","name":{"familyName":"O'Malley"},"active":true,"` + EnterpriseURN + `":{"employeeNumber":"007"}}`,
		},
		"without an extension": {
			"", EnterpriseURN + ",emails,meta,phoneNumbers,name,title,displayName,externalId",
			`{` + id + `,"userName":"bjensen","active":true}`,
		},
		"without the core":               {"", UserURN + "," + EnterpriseURN + ",meta", `{` + id + `,"externalId":"X1"}`},
		"not without id and schemas":     {"", "id,schemas,meta," + UserURN + "," + EnterpriseURN + ",externalId", `{` + id + `}`},
		"without a part of each element": {"", "emails.type,emails.primary,meta,externalId," + EnterpriseURN + ",name,displayName,active,phoneNumbers,userName,title", `{` + id + `,"emails":[{"value":"b@work.example"},{"value":"b@home.example"}]}`},
	} {
		t.Run(claim, func(t *testing.T) {
			rt, res := userType(), parse(t, person)
			res.Set("password", "secret")
			res.Set("colour", "red")
			before := res.String()
			p, err := rt.ParseProjection(c.only, c.without)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := rt.Project(res, p).String(), parse(t, c.want).String(); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if res.String() != before {
				t.Error("the resource was edited")
			}
			if p.Explicit() != (c.only != "") {
				t.Errorf("Explicit() = %v", p.Explicit())
			}
		})
	}
}

func TestProjectByDefault(t *testing.T) {
	rt := badgeType()
	rt.Schema.Attribute("maker").Returned = ReturnedAlways
	rt.Schema.Attribute("doors").Sub("name").Returned = ReturnedAlways
	res := parse(t, `{"meta":{"resourceType":"Badge"},"hint":"h","doors":[{"open":true,"name":"front"}],"case":{"size":"L","note":"n"},"maker":"acme","id":"1","serial":"S"}`)
	for claim, c := range map[string]struct{ only, without, want string }{
		"the schema's order, without secrets and what must be asked for": {"", "", `{"id":"1","serial":"S","maker":"acme","case":{"size":"L"},"doors":[{"name":"front","open":true}],"meta":{"resourceType":"Badge"}}`},
		"what must be asked for":        {"hint", "", `{"id":"1","maker":"acme","hint":"h"}`},
		"excluding it does not show it": {"", "serial,case,doors,meta", `{"id":"1","maker":"acme"}`},
		"what is always shown":          {"doors.open", "maker,", ``},
		"a part that is always shown":   {"doors.open", "", `{"id":"1","maker":"acme","doors":[{"name":"front","open":true}]}`},
		"it cannot be excluded":         {"", "doors.name,doors.open,serial,case,meta,maker", `{"id":"1","maker":"acme","doors":[{"name":"front"}]}`},
		"a secret part":                 {"case.note", "", `{"id":"1","maker":"acme"}`},
	} {
		t.Run(claim, func(t *testing.T) {
			p, err := rt.ParseProjection(c.only, c.without)
			if c.want == "" {
				_ = wantError(t, err, InvalidValue)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := rt.Project(res, p).String(); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestParseProjectionRefuses(t *testing.T) {
	for claim, c := range map[string][2]string{
		"both":                 {"userName", "emails"},
		"what is no attribute": {"user name", ""},
		"half a filter":        {"", "emails[type"},
	} {
		t.Run(claim, func(t *testing.T) {
			_, err := userType().ParseProjection(c[0], c[1])
			_ = wantError(t, err, InvalidValue)
		})
	}
	if _, err := userType().ParseProjection(" ", "userName"); err != nil {
		t.Errorf("blanks are nothing: %v", err)
	}
}

func TestWants(t *testing.T) {
	for claim, c := range map[string]struct {
		only, without string
		wants, not    []string
	}{
		"by default": {"", "", []string{"id", "userName", "name.givenName", "members", "meta.created", EnterpriseURN, "manager.value"}, []string{"password"}},
		"only":       {"userName,emails.value", "", []string{"id", "schemas", "userName", "emails", "emails.value"}, []string{"emails.type", "name", "name.givenName", "meta", EnterpriseURN, "manager"}},
		"unknown":    {"colour", "", []string{"id"}, []string{"userName", "meta", EnterpriseURN}},
		"without":    {"", "emails,name.givenName," + EnterpriseURN, []string{"id", "name", "name.familyName", "userName"}, []string{"emails", "emails.value", "name.givenName", EnterpriseURN, "manager", "password"}},
		"extension":  {EnterpriseURN + ":manager", "", []string{EnterpriseURN, "manager", "manager.value"}, []string{"department", "userName"}},
		"core":       {UserURN, "", []string{"userName", "name.givenName"}, []string{"meta", "manager", "externalId", EnterpriseURN, "password"}},
	} {
		t.Run(claim, func(t *testing.T) {
			rt := userType()
			rt.Schema.Attributes = append(rt.Schema.Attributes, GroupSchema().Attributes[1])
			p, err := rt.ParseProjection(c.only, c.without)
			if err != nil {
				t.Fatal(err)
			}
			check := func(name string, want bool) {
				path, err := filter.ParsePath(name)
				if err != nil {
					t.Fatal(err)
				}
				ref, ok := rt.Resolve(path)
				if !ok {
					t.Fatalf("%s is unknown", name)
				}
				if p.Wants(ref) != want {
					t.Errorf("Wants(%s) = %v", ref, !want)
				}
			}
			for _, name := range c.wants {
				check(name, true)
			}
			for _, name := range c.not {
				check(name, false)
			}
		})
	}
}
