package scim

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func allSchemas() []*Schema {
	return []*Schema{UserSchema(), GroupSchema(), EnterpriseUserSchema(), ServiceProviderConfigSchema(), ResourceTypeSchema(), SchemaSchema()}
}

// everyAttribute yields attributes and sub-attributes under their paths.
func everyAttribute(attrs []*Attribute, prefix string, visit func(path string, a *Attribute)) {
	for _, a := range attrs {
		visit(prefix+a.Name, a)
		everyAttribute(a.SubAttributes, prefix+a.Name+".", visit)
	}
}

// The names and their order are those of RFC 7643 §8.7, plus what its text has and its JSON forgets (display of members).
func TestSchemasAreWhole(t *testing.T) {
	labelled := func(name string) string { return name + "(value display type primary)" }
	want := map[string]string{
		UserURN: "userName name(formatted familyName givenName middleName honorificPrefix honorificSuffix) displayName nickName profileUrl title userType preferredLanguage locale timezone active password " +
			labelled("emails") + " " + labelled("phoneNumbers") + " " + labelled("ims") + " " + labelled("photos") +
			" addresses(formatted streetAddress locality region postalCode country type primary) groups(value $ref display type) " +
			labelled("entitlements") + " " + labelled("roles") + " " + labelled("x509Certificates"),
		GroupURN:      "displayName members(value $ref type display)",
		EnterpriseURN: "employeeNumber costCenter organization division department manager(value $ref displayName)",
		ServiceProviderConfigURN: "documentationUri patch(supported) bulk(supported maxOperations maxPayloadSize) filter(supported maxResults) changePassword(supported) sort(supported) etag(supported) pagination(cursor index defaultPaginationMethod defaultPageSize maxPageSize cursorTimeout) " +
			"authenticationSchemes(type name description specUri documentationUri primary)",
		ResourceTypeURN: "id name description endpoint schema schemaExtensions(schema required)",
		SchemaURN: "id name description attributes(name type multiValued description required canonicalValues caseExact mutability returned uniqueness referenceTypes " +
			"subAttributes(name type multiValued description required canonicalValues caseExact mutability returned uniqueness referenceTypes))",
	}
	var outline func(attrs []*Attribute) string
	outline = func(attrs []*Attribute) string {
		var words []string
		for _, a := range attrs {
			w := a.Name
			if len(a.SubAttributes) > 0 {
				w += "(" + outline(a.SubAttributes) + ")"
			}
			words = append(words, w)
		}
		return strings.Join(words, " ")
	}
	for _, s := range allSchemas() {
		if d := cmp.Diff(want[s.ID], outline(s.Attributes)); d != "" {
			t.Errorf("%s:\n%s", s.ID, d)
		}
	}
}

// What is not the default of RFC 7643 §2.2 is said here once more, in another shape.
func TestCharacteristics(t *testing.T) {
	got := map[string][]string{}
	for _, s := range allSchemas()[:3] {
		everyAttribute(s.Attributes, "", func(path string, a *Attribute) {
			note := func(cond bool, what string) {
				if cond {
					got[what] = append(got[what], path)
				}
			}
			note(a.Required, "required")
			note(a.MultiValued, "multiValued")
			note(a.CaseExact, "caseExact")
			note(a.Mutability != ReadWrite, string(a.Mutability))
			note(a.Returned != ReturnedDefault, string(a.Returned))
			note(a.Uniqueness != UniqueNone, string(a.Uniqueness))
			note(a.Type != TypeString && a.Type != TypeComplex, string(a.Type))
			note(len(a.ReferenceTypes) > 0, strings.Join(a.ReferenceTypes, "|"))
		})
	}
	want := map[string][]string{
		"required":    {"userName", "displayName"},
		"multiValued": {"emails", "phoneNumbers", "ims", "photos", "addresses", "groups", "entitlements", "roles", "x509Certificates", "members"},
		"caseExact":   {"photos.value", "x509Certificates.value"},
		"readOnly":    {"groups", "groups.value", "groups.$ref", "groups.display", "groups.type", "members.display", "manager.displayName"},
		"immutable":   {"members.value", "members.$ref", "members.type"},
		"writeOnly":   {"password"},
		"never":       {"password"},
		"server":      {"userName"},
		"boolean":     {"active", "emails.primary", "phoneNumbers.primary", "ims.primary", "photos.primary", "addresses.primary", "entitlements.primary", "roles.primary", "x509Certificates.primary"},
		"reference":   {"profileUrl", "photos.value", "groups.$ref", "members.$ref", "manager.$ref"},
		"binary":      {"x509Certificates.value"},
		"external":    {"profileUrl", "photos.value"},
		"User|Group":  {"groups.$ref", "members.$ref"},
		"User":        {"manager.$ref"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if kinds := UserSchema().Attribute("emails").Sub("TYPE").CanonicalValues; !slices.Equal(kinds, []string{"work", "home", "other"}) {
		t.Error(kinds)
	}
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	for _, s := range append(allSchemas(), &Schema{ID: "common", Name: "common", Description: "x", Attributes: CommonAttributes()}) {
		if s.Name == "" || s.Description == "" {
			t.Errorf("%s lacks a name or description", s.ID)
		}
		everyAttribute(s.Attributes, "", func(path string, a *Attribute) {
			if !strings.HasSuffix(a.Description, ".") {
				t.Errorf("%s %s: description %q", s.ID, path, a.Description)
			}
			if (a.Type == TypeComplex) != (len(a.SubAttributes) > 0) {
				t.Errorf("%s %s: type %s with %d parts", s.ID, path, a.Type, len(a.SubAttributes))
			}
		})
	}
}

func TestSchemasAreCopies(t *testing.T) {
	a, b := UserSchema(), UserSchema()
	a.Attribute("emails").Sub("type").CanonicalValues[0] = "x"
	a.Attribute("userName").Required = false
	if b.Attribute("emails").Sub("type").CanonicalValues[0] != "work" || !b.Attribute("userName").Required {
		t.Error("two schemas share memory")
	}
	CommonAttributes()[0].Name = "x"
	if common[0].Name != attrSchemas {
		t.Error("the common attributes can be edited")
	}
}

// The documents of /Schemas and /ResourceTypes are themselves resources of the schemas that describe them.
func TestDiscoveryDocumentsFitTheirSchemas(t *testing.T) {
	schemaType := &ResourceType{Name: "Schema", Schema: SchemaSchema()}
	for _, s := range allSchemas() {
		o := s.Object("https://example.com/Schemas/" + s.ID)
		fits(t, schemaType, o)
		attrs, _ := o.Get("attributes")
		if got, want := len(attrs.([]any)), len(s.Attributes); got != want {
			t.Errorf("%s shows %d of %d attributes", s.ID, got, want)
		}
	}
	o := userType().Object("https://example.com/ResourceTypes/User")
	fits(t, &ResourceType{Name: "ResourceType", Schema: ResourceTypeSchema()}, o)
	want := `{"schemas":["` + ResourceTypeURN + `"],"id":"User","name":"User","description":"A person.","endpoint":"/Users","schema":"` + UserURN + `",
		"schemaExtensions":[{"schema":"` + EnterpriseURN + `","required":false}],"meta":{"resourceType":"ResourceType","location":"https://example.com/ResourceTypes/User"}}`
	if got, want := o.String(), parse(t, want).String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// fits checks a document against its schema: nothing in it is unknown, everything is of its type, and it comes through a projection unharmed.
func fits(t *testing.T, rt *ResourceType, o *Object) {
	t.Helper()
	rt.ID, rt.Endpoint = rt.Name, "/"+rt.Name+"s"
	everyAttribute(rt.Schema.Attributes, "", func(_ string, a *Attribute) {
		if a.Mutability == ReadOnly {
			a.Mutability = ReadWrite // so that it is looked at
		}
	})
	body := o.Clone()
	body.Delete(attrMeta)
	_, dropped, err := rt.Decode(body)
	if member(o, attrID) == SchemaURN && len(dropped) == 1 && dropped[0] == "attributes.subAttributes.subAttributes" {
		dropped = nil // parts have no parts (RFC 7643 §7), but the attribute that holds them does when the schema describes itself
	}
	if err != nil || len(dropped) > 0 {
		t.Errorf("%s: dropped %v, error %v", o, dropped, err)
	}
	if err := rt.Validate(o, nil); err != nil {
		t.Errorf("%s: %v", o, err)
	}
	if out := rt.Project(o, Projection{}); !Equal(out, o) {
		t.Errorf("projected:\n got %s\nwant %s", out, o)
	}
}

func TestAnAttributeIsShownWithAllItsCharacteristics(t *testing.T) {
	s := UserSchema()
	s.Attributes = append([]*Attribute{CommonAttributes()[2]}, s.Attributes[0], s.Attributes[12])
	o := s.Object("x")
	attrs, _ := o.Get("attributes")
	list := attrs.([]any)
	if len(list) != 2 {
		t.Fatalf("common attributes belong to no schema: %s", o)
	}
	want := `{"name":"userName","type":"string","multiValued":false,"description":"The name by which the person signs in, unique in the directory and in any case of letters.",
		"required":true,"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"server"}`
	if got, want := list[0].(*Object).String(), parse(t, want).String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	kind, _ := list[1].(*Object).Get("subAttributes")
	want = `{"name":"type","type":"string","multiValued":false,"description":"What the value is for.","required":false,"canonicalValues":["work","home","other"],
		"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"none"}`
	if got, want := kind.([]any)[2].(*Object).String(), parse(t, want).String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestResolve(t *testing.T) {
	rt := userType()
	for text, want := range map[string]string{
		"USERNAME": "userName",
		"urn:ietf:params:scim:schemas:core:2.0:user:Name.GIVENNAME": "name.givenName",
		`Emails[TYPE eq "Work" and not (PRIMARY pr)].VALUE`:         `emails[type eq "Work" and not (primary pr)].value`,
		"schemas":                       "schemas",
		"META.created":                  "meta.created",
		strings.ToLower(EnterpriseURN):  EnterpriseURN,
		UserURN:                         UserURN,
		EnterpriseURN + ":Manager.$REF": EnterpriseURN + ":manager.$ref",
		"manager":                       EnterpriseURN + ":manager",
		"manager.value":                 EnterpriseURN + ":manager.value",
		"colour":                        "",
		"name.colour":                   "",
		"userName.x":                    "",
		"urn:a:b":                       "",
		"urn:a:b:userName":              "",
		EnterpriseURN + ":userName":     "",
		UserURN + ":department":         "",
		`emails[colour pr]`:             "",
		`emails[type pr or colour pr]`:  "",
		`emails[urn:a:type pr]`:         "",
		"User":                          "",
	} {
		p, err := filter.ParsePath(text)
		if err != nil {
			t.Fatal(err)
		}
		ref, ok := rt.Resolve(p)
		if got := ref.String(); ok != (want != "") || got != want {
			t.Errorf("%s means %q, %v; want %q", text, got, ok, want)
		}
	}
	if _, ok := rt.Resolve(filter.Path{}); ok {
		t.Error("an empty path means something")
	}
	if got := rt.URNs(); !slices.Equal(got, []string{UserURN, EnterpriseURN}) {
		t.Error(got)
	}
}

func TestErrors(t *testing.T) {
	cause := parseError(t)
	e := BadRequest(InvalidValue, "%s is wrong.", "x").Wrap(cause)
	if got, want := e.Object().String(), `{"schemas":["`+ErrorURN+`"],"status":"400","scimType":"invalidValue","detail":"x is wrong."}`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := e.Error(); !strings.HasPrefix(got, "400 invalidValue: x is wrong. (") {
		t.Error(got)
	}
	if !errors.Is(e, cause) {
		t.Error("the cause is lost")
	}
	if strings.Contains(e.Object().String(), cause.Error()) {
		t.Error("the client sees the cause")
	}
	_, err := userType().ParseFilter(strings.Repeat("e", 500) + " pr")
	var long *Error
	if !errors.As(err, &long) || len(long.Detail) > 200 || !strings.Contains(long.Detail, "ee…") {
		t.Errorf("a client's text is repeated whole: %v", err)
	}
}

func parseError(t *testing.T) error {
	t.Helper()
	_, err := filter.Parse("")
	if err == nil {
		t.Fatal("an empty filter was taken")
	}
	return err
}
