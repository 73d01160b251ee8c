package mapping

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// tryTypes reads a configuration's sections `schemas` and `resource_types`.
func tryTypes(t *testing.T, text string) (*Types, configs.Faults) {
	t.Helper()
	root, faults := configs.ParseNode("scim.yaml", []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return CompileTypes(root.Get("schemas").Items(), root.Get("resource_types").Items())
}

func typesOf(t *testing.T, text string) *Types {
	t.Helper()
	types, faults := tryTypes(t, text)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return types
}

// attributeYAML is a schema of one attribute with these characteristics, which begin in column 7 of line 4.
func attributeYAML(characteristics string) string {
	return "schemas:\n  - id: urn:example:Acme\n    attributes:\n    - {" + characteristics + "}\n"
}

const deviceYAML = `schemas:
  - id: urn:example:Device
    attributes:
      - {name: displayName, required: true}
`

var brokenTypes = map[string]struct{ text, says string }{
	"a schema that is a text":          {"schemas: [urn]\n", "scim.yaml:1:11: schemas[0]: a schema is a map; write {id: urn:…, attributes: […]}"},
	"an unknown key of a schema":       {"schemas: [{id: \"urn:a:b\", attrs: [], attributes: [{name: x}]}]\n", `unknown key "attrs"; take it away; the keys here are schemas, id`},
	"no URN":                           {"schemas: [{attributes: [{name: x}]}]\n", "schemas[0].id: a schema needs a URN; write id: and its URN"},
	"an id that is no URN":             {"schemas: [{id: acme, attributes: [{name: x}]}]\n", `"acme" is not a URN; write urn:, a namespace and a name`},
	"a URN with a blank":               {"schemas: [{id: \"urn:a:b c\", attributes: [{name: x}]}]\n", "is not a URN"},
	"a built-in schema":                {"schemas: [{id: \"URN:ietf:params:scim:schemas:core:2.0:User\", attributes: [{name: x}]}]\n", "is a schema of RFC 7643; take it away: it is built in"},
	"the schema of schemas":            {"schemas: [{id: \"urn:ietf:params:scim:schemas:core:2.0:Schema\", attributes: [{name: x}]}]\n", "is a schema of RFC 7643"},
	"one URN twice":                    {"schemas: [{id: \"urn:a:b\", attributes: [{name: x}]}, {id: \"URN:A:B\", attributes: [{name: y}]}]\n", "scim.yaml:1:58: schemas[1].id: the schema URN:A:B is defined twice; keep one of them"},
	"a document that is no schema":     {"schemas: [{schemas: [\"urn:ietf:params:scim:schemas:core:2.0:ResourceType\"], id: User}]\n", "this is no schema: its `schemas` lacks urn:ietf:params:scim:schemas:core:2.0:Schema; name only files of schemas"},
	"no attributes":                    {"schemas: [{id: \"urn:a:b\"}]\n", "a schema needs a list of attributes; write attributes: [{name: costCenter, type: string}]"},
	"an attribute that is a text":      {"schemas: [{id: \"urn:a:b\", attributes: [x]}]\n", "an attribute is a map of its characteristics"},
	"an unknown characteristic":        {attributeYAML("name: x, multivalued: true"), `scim.yaml:4:17: schemas[0].attributes[0].multivalued: unknown key "multivalued"; write multiValued`},
	"an unknown type":                  {attributeYAML("name: x, type: datetime"), `type cannot be "datetime"; did you mean dateTime?`},
	"a type that is nothing":           {attributeYAML("name: x, type: money"), `type cannot be "money"; write one of string, boolean,`},
	"an attribute without a name":      {attributeYAML("type: string"), "an attribute needs a name; write name: costCenter"},
	"a name of two words":              {attributeYAML("name: cost center"), `"cost center" is not the name of an attribute; write a letter, then letters, digits, - and _`},
	"$ref on its own":                  {attributeYAML("name: $ref, type: reference"), `"$ref" is not the name of an attribute`},
	"a common attribute":               {attributeYAML("name: externalid"), "externalid belongs to no schema (RFC 7643 §3.1); take it away: every resource has it"},
	"a name twice":                     {"schemas: [{id: \"urn:a:b\", attributes: [{name: room}, {name: Room}]}]\n", "the attribute Room is defined twice; keep one of them; capital and small letters are the same"},
	"complex without parts":            {attributeYAML("name: x, type: complex"), "x is complex and has no subAttributes; write subAttributes: [{name: value, type: string}]"},
	"parts of a text":                  {attributeYAML("name: x, subAttributes: [{name: value}]"), "x is a string and has subAttributes; write type: complex, or take them away"},
	"complex within complex":           {attributeYAML("name: x, type: complex, subAttributes: [{name: y, type: complex}]"), "y is complex within x, which is complex (RFC 7643 §2.3.8); make its parts attributes of their own"},
	"a part twice":                     {attributeYAML("name: x, type: complex, subAttributes: [{name: y}, {name: Y}]"), "the attribute Y is defined twice"},
	"a primary that is a text":         {attributeYAML("name: x, type: complex, subAttributes: [{name: primary}]"), "x.primary is a boolean (RFC 7643 §2.4); write type: boolean"},
	"a $ref that is a text":            {attributeYAML("name: x, type: complex, subAttributes: [{name: $ref}]"), "x.$ref is a reference"},
	"a mutability":                     {attributeYAML("name: x, mutability: readonly"), `mutability cannot be "readonly"; did you mean readOnly?`},
	"a returned":                       {attributeYAML("name: x, returned: sometimes"), `returned cannot be "sometimes"; write one of always, never, default, request`},
	"a uniqueness":                     {attributeYAML("name: x, uniqueness: true"), `uniqueness cannot be "true"; write one of none, server, global`},
	"a required that is no boolean":    {attributeYAML("name: x, required: yes"), `required cannot be "yes"; write one of true, false`},
	"a required that is a list":        {attributeYAML("name: x, required: [true]"), `required cannot be "a list"`},
	"a description that is a list":     {attributeYAML("name: x, description: [a]"), "description is a list; write one text"},
	"required and readOnly":            {attributeYAML("name: x, required: true, mutability: readOnly"), "x is readOnly, so no client can be required to give it; write required: false"},
	"writeOnly and shown":              {attributeYAML("name: x, mutability: writeOnly, returned: request"), "x is writeOnly and shown; write returned: never, or another mutability"},
	"a shown part of a writeOnly one":  {attributeYAML("name: x, type: complex, mutability: writeOnly, subAttributes: [{name: y, mutability: readWrite}]"), "y is a part of x, which is writeOnly; take mutability away"},
	"a shown part of one never shown":  {attributeYAML("name: x, type: complex, returned: never, subAttributes: [{name: y, returned: default}]"), "y is a part of x, which is never shown; take returned away"},
	"a boolean with letters":           {attributeYAML("name: x, type: boolean, caseExact: true"), "a boolean has no letters to tell apart; take caseExact away"},
	"a unique list":                    {attributeYAML("name: x, multiValued: true, uniqueness: server"), "only an attribute of one text can be kept unique, and x is none; write uniqueness: none"},
	"a unique part":                    {attributeYAML("name: x, type: complex, subAttributes: [{name: y, uniqueness: server}]"), "and y is none"},
	"referenceTypes of a text":         {attributeYAML("name: x, referenceTypes: [User]"), "x is a string and has referenceTypes; write type: reference, or take them away"},
	"canonicalValues that is a text":   {attributeYAML("name: x, canonicalValues: a"), "canonicalValues is a list; write a list: [first, second]"},
	"canonicalValues with a list":      {attributeYAML("name: x, canonicalValues: [[a]]"), "canonicalValues has a list where a text should be"},
	"canonicalValues of a boolean":     {attributeYAML("name: x, type: boolean, canonicalValues: [\"true\"]"), "a boolean has no canonicalValues; take them away"},
	"canonicalValues of another type":  {attributeYAML("name: x, type: integer, canonicalValues: [1, two]"), `canonicalValues: "two" is not an integer; write values of the attribute's type`},
	"a type that is a text":            {deviceYAML + "resource_types: [Device]\n", "a resource type is a map; write {name: Device, endpoint: /Devices, schema: urn:…}"},
	"an unknown key of a type":         {deviceYAML + "resource_types: [{name: Device, endpoint: /Devices, schemas: x, schema: \"urn:example:Device\"}]\n", `unknown key "schemas"; write schema`},
	"a type without a name":            {deviceYAML + "resource_types: [{endpoint: /Devices, schema: \"urn:example:Device\"}]\n", "a resource type needs a name; write name: and what `mapping:` calls it, such as Device"},
	"a type's name":                    {deviceYAML + "resource_types: [{name: My.Device, endpoint: /Devices, schema: \"urn:example:Device\"}]\n", `"My.Device" is not the name of a resource type`},
	"a name of discovery":              {deviceYAML + "resource_types: [{name: schema, endpoint: /Devices, schema: \"urn:example:Device\"}]\n", `"schema" is what discovery calls its own resources; call it otherwise`},
	"a type twice":                     {deviceYAML + "resource_types: [{name: Device, endpoint: /A, schema: \"urn:example:Device\"}, {name: device, endpoint: /B, schema: \"urn:example:Device\"}]\n", "the resource type device is written twice; keep one of them"},
	"no endpoint":                      {deviceYAML + "resource_types: [{name: Device, schema: \"urn:example:Device\"}]\n", "Device does not say where it is found; write endpoint: /Devices"},
	"an endpoint that is no path":      {deviceYAML + "resource_types: [{name: Device, endpoint: Devices, schema: \"urn:example:Device\"}]\n", `"Devices" is not an endpoint; write a slash and one word: /Devices`},
	"an endpoint of two words":         {deviceYAML + "resource_types: [{name: Device, endpoint: /it/Devices, schema: \"urn:example:Device\"}]\n", `"/it/Devices" is not an endpoint`},
	"an endpoint of the protocol":      {deviceYAML + "resource_types: [{name: Device, endpoint: /bulk, schema: \"urn:example:Device\"}]\n", "/bulk is the endpoint of the protocol; write another path"},
	"the endpoint of searches":         {deviceYAML + "resource_types: [{name: Device, endpoint: /.search, schema: \"urn:example:Device\"}]\n", "/.search is the endpoint of the protocol"},
	"an endpoint of RFC 7643":          {deviceYAML + "resource_types: [{name: Device, endpoint: /users, schema: \"urn:example:Device\"}]\n", "/users is the endpoint of User"},
	"an endpoint twice":                {deviceYAML + "resource_types: [{name: A, endpoint: /Devices, schema: \"urn:example:Device\"}, {name: B, endpoint: /devices, schema: \"urn:example:Device\"}]\n", "/devices is the endpoint of A"},
	"a type without a schema":          {deviceYAML + "resource_types: [{name: Device, endpoint: /Devices}]\n", "Device does not say which schema it has; write schema: and the URN of one of `schemas`"},
	"a schema that is not defined":     {deviceYAML + "resource_types: [{name: Device, endpoint: /Devices, schema: \"urn:example:Devise\"}]\n", "no schema is called urn:example:Devise; did you mean urn:example:Device?"},
	"an extension that is not defined": {"resource_types: [{name: User, extensions: [{schema: \"urn:acme:x\"}]}]\n", "no schema is called urn:acme:x; define it under `schemas`, or name a file that does"},
	"an extension that is a text":      {"resource_types: [{name: User, extensions: [urn]}]\n", "an extension is a map; write {schema: urn:…, required: false}"},
	"extensions that are a map":        {"resource_types: [{name: User, extensions: {schema: urn}}]\n", "extensions is a list"},
	"an extension without a schema":    {"resource_types: [{name: User, extensions: [{required: true}]}]\n", "an extension needs a schema"},
	"an extension twice":               {deviceYAML + "resource_types: [{name: User, extensions: [{schema: \"urn:example:Device\"}, {schema: \"urn:example:device\"}]}]\n", "urn:example:device is an extension of User twice; keep one of them"},
	"its own schema as an extension":   {"resource_types: [{name: User, extensions: [{schema: \"urn:ietf:params:scim:schemas:core:2.0:User\"}]}]\n", "is the schema of User itself; take it away"},
	"another endpoint of User":         {"resource_types: [{name: User, endpoint: /People, extensions: []}]\n", "the endpoint of User is /Users; take the line away, or call the type otherwise"},
	"another schema of Group":          {deviceYAML + "resource_types: [{name: Group, schema: \"urn:example:Device\", extensions: []}]\n", "the schema of Group is urn:ietf:params:scim:schemas:core:2.0:Group"},
	"nothing of User":                  {"resource_types: [{name: User}]\n", "nothing is said of User; write extensions: [{schema: urn:…}]"},
}

func TestFaultsOfTypesSayWhatToWriteInstead(t *testing.T) {
	for name, c := range brokenTypes {
		t.Run(name, func(t *testing.T) {
			types, faults := tryTypes(t, c.text)
			if types != nil || len(faults) != 1 || !strings.Contains(faults.Error(), c.says) {
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

// A schema with faults is defined: who names it is not told otherwise.
func TestAllFaultsOfTypesComeAtOnce(t *testing.T) {
	_, faults := tryTypes(t, attributeYAML("name: x, type: complex")+"  - id: urn:example:Other\n    attributes: [{name: 1x}]\nresource_types: [{name: User, extensions: [{schema: \"urn:example:Acme\"}, {schema: \"urn:none\"}]}]\n")
	var lines []int
	for _, f := range faults {
		lines = append(lines, f.Line)
	}
	if !slices.Equal(lines, []int{4, 6, 7}) {
		t.Errorf("got\n%v", faults)
	}
}

func TestWhatIsLeftOutIsAsRFC7643HasIt(t *testing.T) {
	types := typesOf(t, attributeYAML(`name: a, type: complex, multiValued: true, mutability: writeOnly, required: true, subAttributes: [{name: value}]`)+`    - {name: b}
    - {name: c, type: reference, referenceTypes: [User, external], caseExact: true, uniqueness: global, returned: request, mutability: immutable, description: d}
    - {name: d, type: integer, canonicalValues: [1, 2], subAttributes: []}
    - {name: e, type: complex, returned: never, subAttributes: [{name: value, canonicalValues: null}]}
`)
	hidden := func(a *scim.Attribute) *scim.Attribute { a.Returned = scim.ReturnedNever; return a }
	written := func(a *scim.Attribute) *scim.Attribute { a.Mutability = scim.WriteOnly; return hidden(a) }
	a, b := written(scim.NewAttribute("a", scim.TypeComplex)), scim.NewAttribute("b", scim.TypeString)
	a.MultiValued, a.Required = true, true
	a.SubAttributes = []*scim.Attribute{written(scim.NewAttribute("value", scim.TypeString))}
	c := &scim.Attribute{
		Name: "c", Type: scim.TypeReference, Description: "d", CaseExact: true, Mutability: scim.Immutable, Returned: scim.ReturnedRequest,
		Uniqueness: scim.UniqueGlobal, ReferenceTypes: []string{"User", "external"},
	}
	d, e := scim.NewAttribute("d", scim.TypeInteger), hidden(scim.NewAttribute("e", scim.TypeComplex))
	d.CanonicalValues = []string{"1", "2"}
	e.SubAttributes = []*scim.Attribute{hidden(scim.NewAttribute("value", scim.TypeString))}
	want := &scim.Schema{ID: "urn:example:Acme", Name: "Acme", Attributes: []*scim.Attribute{a, b, c, d, e}}
	if diff := cmp.Diff(want, types.find("URN:EXAMPLE:ACME"), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(scim.Attribute{}, "Prep")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// acme is a device, and an extension of users.
const acme = `
schemas:
  - id: urn:example:Device
    name: Device
    description: A device.
    attributes:
      - {name: displayName, required: true, uniqueness: server}
      - {name: size, type: integer}
      - {name: made, type: dateTime, mutability: immutable}
      - {name: site, type: complex, mutability: immutable, returned: request, subAttributes: [{name: room, required: true}, {name: floor}]}
      - {name: owner, type: complex, subAttributes: [{name: value, required: true}, {name: $ref, type: reference, referenceTypes: [User], mutability: readOnly}]}
      - {name: unused}
  - id: urn:example:Acme
    attributes:
      - {name: costCenter, caseExact: true, required: true}
      - {name: badges, type: complex, multiValued: true, subAttributes: [{name: value, required: true}, {name: type, canonicalValues: [visitor, staff], required: true}]}
      - {name: devices, type: complex, multiValued: true, mutability: readOnly, subAttributes: [{name: value}, {name: $ref, type: reference}]}
  - id: urn:example:Unused
    attributes: [{name: x}]
resource_types:
  - {name: Device, endpoint: /Devices, schema: "urn:example:Device", description: A device}
  - {name: User, extensions: [{schema: "urn:example:Acme"}]}
`

const deviceMapping = `mapping: Device
at: {backend: corp}
create: {name: "cn={displayName},ou=devices"}
attributes:
  displayName: cn
  externalId: overlay
  size: "roomNumber | int"
  site.room: l
  site.floor: street
  owner: owner | ref(User)
`

func tryWithTypes(t *testing.T, types string, docs ...string) (*Set, configs.Faults) {
	t.Helper()
	var nodes []configs.Node
	for _, text := range docs {
		node, faults := configs.ParseNode("mapping.yaml", []byte(text))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		nodes = append(nodes, node)
	}
	return Compile(nodes, lenses(), typesOf(t, types), func(configs.Node, backends.Open) (backends.Backend, error) { return newDirectory(), nil })
}

func acmeUser(more string) string {
	return userWith("schemas: {acme: \"urn:example:Acme\"}\n", "  acme:costCenter: departmentNumber\n"+more)
}

func TestATypeOfTheConfigurationIsPublishedAsItIsMapped(t *testing.T) {
	set, faults := tryWithTypes(t, acme, deviceMapping, acmeUser("  acme:badges[type=visitor]: carLicense\n  urn:example:Acme:devices: reverse(Device.owner)\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	m, _ := set.Get("Device")
	rt := m.ResourceType()
	if rt.ID != "Device" || rt.Endpoint != "/Devices" || rt.Description != "A device" || rt.Schema.ID != "urn:example:Device" || len(rt.Extensions) != 0 ||
		len(rt.Common) != 4 || !m.Creates() {
		t.Errorf("%+v", rt)
	}
	var names []string
	for _, a := range rt.Schema.Attributes {
		names = append(names, a.Name)
	}
	if !slices.Equal(names, []string{"displayName", "size", "site", "owner"}) {
		t.Errorf("attributes are %v", names)
	}
	site := rt.Schema.Attribute("site")
	if site.Mutability != scim.Immutable || site.Returned != scim.ReturnedRequest || !site.Sub("room").Required {
		t.Errorf("site is %+v", site)
	}
	if display := rt.Schema.Attribute("displayName"); !display.Required || display.Uniqueness != scim.UniqueServer {
		t.Errorf("displayName is %+v", display)
	}
	if owner := rt.Schema.Attribute("owner"); owner.Sub("$ref") == nil || !slices.Equal(owner.Sub("$ref").ReferenceTypes, []string{"User"}) {
		t.Errorf("owner is %+v", owner)
	}
	users, _ := set.Get("User")
	if x := users.ResourceType().Extensions; len(x) != 1 || x[0].Schema.ID != "urn:example:Acme" || x[0].Required || !x[0].Schema.Attribute("costCenter").CaseExact ||
		!slices.Equal(x[0].Schema.Attribute("badges").Sub("type").CanonicalValues, []string{"visitor"}) ||
		x[0].Schema.Attribute("devices").Mutability != scim.ReadOnly {
		t.Errorf("extensions of User are %+v", x)
	}
}

func TestMappingsAreHeldToTheSchemasOfTheConfiguration(t *testing.T) {
	required := strings.Replace(acme, `{schema: "urn:example:Acme"}`, `{schema: "urn:example:Acme", required: true}`, 1)
	for name, c := range map[string]struct {
		types string
		docs  []string
		says  string
	}{
		"a type that nobody maps":          {acme, []string{acmeUser("")}, "scim.yaml:21:12: resource_types[0].name: nothing is mapped to Device; write a mapping: Device, or take the type away"},
		"a type that nobody knows":         {acme, []string{strings.Replace(deviceMapping, "Device", "Devise", 1)}, `"Devise" is not a resource type; did you mean Device?`},
		"an attribute that is not there":   {acme, []string{deviceMapping + "  serial: cn\n"}, `urn:example:Device has no attribute "serial"; add it to the schema, or take the line away`},
		"an attribute that is misspelt":    {acme, []string{acmeUser("  acme:costCentre: l\n")}, `urn:example:Acme has no attribute "costCentre"; did you mean costCenter?`},
		"an attribute by its URN":          {acme, []string{acmeUser("  urn:example:acme:badge: l\n")}, `urn:example:Acme has no attribute "badge"; did you mean badges?`},
		"a part that is not there":         {acme, []string{deviceMapping + "  site.building: l\n"}, `site has no sub-attribute "building"; it has room, floor`},
		"a schema of another type":         {acme, []string{userWith("", "  urn:example:Device:size: l\n")}, `urn:example:Device is no extension of User; say so: resource_types: [{name: User, extensions: [{schema: "urn:example:Device"}]}]`},
		"a schema that is used by no type": {acme, []string{userWith("", "  urn:example:Unused:x: l\n")}, "urn:example:Unused is no extension of User"},
		"a type of a value":                {acme, []string{strings.Replace(deviceMapping, "roomNumber | int", "roomNumber", 1)}, "size is a integer, and `roomNumber` yields a string; end the pipeline with int"},
		"a required attribute":             {acme, []string{strings.Replace(deviceMapping, "  displayName: cn\n", "", 1)}, "displayName is required by the schema and has no source; write displayName: and the directory's attribute"},
		"a required part":                  {acme, []string{strings.Replace(deviceMapping, "  site.room: l\n", "", 1)}, "site.room is required by the schema and has no source"},
		"a required part of an element":    {acme, []string{acmeUser("  acme:badges: carLicense\n")}, "urn:example:Acme:badges.type is required by the schema and has no source"},
		"a required one of an extension":   {acme, []string{userWith("", "  urn:example:Acme:badges[type=staff]: carLicense\n")}, "urn:example:Acme:costCenter is required by the schema and has no source"},
		"a required extension":             {required, []string{userWith("", "")}, "the extension urn:example:Acme is required of User and has no source; map its attributes, or write required: false under `resource_types`"},
		"a reference to no type":           {acme, []string{acmeUser("  enterprise:manager: manager | ref(Devise)\n"), deviceMapping}, "Devise is not mapped; did you mean Device?"},
		"a reference that is not back":     {acme, []string{acmeUser("  acme:devices: reverse(Device.displayName)\n"), deviceMapping}, "Device.displayName does not point at User; name an attribute with ref(User)"},
		"an element by what has no words":  {acme, []string{acmeUser("  acme:devices[kind=x]: l\n")}, `the elements of devices cannot be chosen by "kind"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := tryWithTypes(t, c.types, c.docs...)
			if !strings.Contains(faults.Error(), c.says) {
				t.Errorf("got\n%s\nwanted %s", faults.Error(), c.says)
			}
		})
	}
}

// A schema that nobody defines is made of what is mapped, beside those that are defined.
func TestASchemaThatNobodyDefinesIsMadeOfWhatIsMapped(t *testing.T) {
	set, faults := tryWithTypes(t, acme, deviceMapping, acmeUser("  urn:example:Free:anything.at: l\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	users, _ := set.Get("User")
	if x := users.ResourceType().Extensions; len(x) != 2 || x[1].Schema.ID != "urn:example:Free" || x[1].Schema.Attribute("anything").Sub("at") == nil {
		t.Errorf("extensions are %+v", x)
	}
}

// Schemas of RFC 7643 can be those of other types.
func TestATypeMayHaveASchemaOfRFC7643(t *testing.T) {
	types := "resource_types: [{name: Robot, endpoint: /Robots, schema: \"" + scim.UserURN + "\", extensions: [{schema: \"" + scim.EnterpriseURN + "\", required: true}]}]\n"
	set, faults := tryWithTypes(t, types, "mapping: Robot\nat: {backend: corp}\nattributes: {userName: uid, enterprise:department: departmentNumber}\n")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	m, _ := set.Get("Robot")
	if rt := m.ResourceType(); rt.Name != "Robot" || rt.Schema.ID != scim.UserURN || len(rt.Extensions) != 1 || !rt.Extensions[0].Required {
		t.Errorf("%+v", m.ResourceType())
	}
}

// What /Schemas shows of the RFC's own schemas, under another URN, is read as what it was.
func TestSchemasAreReadAsTheyAreShown(t *testing.T) {
	for _, s := range []*scim.Schema{scim.UserSchema(), scim.GroupSchema(), scim.EnterpriseUserSchema()} {
		s.ID = "urn:example:" + s.Name
		text, err := json.MarshalIndent(s.Object("https://example.org/Schemas/"+s.ID), "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		node, faults := configs.ParseJSON(s.Name+".json", text)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		types, faults := CompileTypes([]configs.Node{node}, nil)
		if len(faults) > 0 {
			t.Fatalf("%s:\n%v", s.Name, faults)
		}
		if diff := cmp.Diff(s, types.find(s.ID), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(scim.Attribute{}, "Prep")); diff != "" {
			t.Errorf("%s (-shown +read)\n%s", s.Name, diff)
		}
	}
}
