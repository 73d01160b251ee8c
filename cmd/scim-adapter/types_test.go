package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	devicesConfig = "../../configs/examples/devices.yaml"
	deviceURN     = "urn:example:params:scim:schemas:core:2.0:Device"
	acmeURN       = "urn:example:params:scim:schemas:extension:acme:2.0:User"
)

// withDevices runs a test over each directory, in a house of users, groups and devices.
func withDevices(t *testing.T, f func(t *testing.T, h *house)) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openDevices(t, devicesConfig, d.url(t))
			h.overlays = d.overlays
			f(t, h)
		})
	}
}

func openDevices(t *testing.T, config, url string) *house {
	t.Helper()
	h := openHouseFrom(t, config, url)
	h.add(t, "ou=devices,"+h.base, "objectClass", "organizationalUnit")
	return h
}

// device makes a device of a name with an address, and what else is said.
func (h *house) device(name, address string, more ...any) answer {
	h.t.Helper()
	body := map[string]any{"schemas": []string{deviceURN}, "displayName": name, "ipAddresses": []string{address}}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return h.do("POST", "/Devices", body).want(h.t, 201)
}

func TestADeviceFromCreateToDelete(t *testing.T) {
	withDevices(t, func(t *testing.T, h *house) {
		alice, bob := h.user("alice").id(), h.user("bob").id()
		created := h.device("printer-7", "192.0.2.7", "serialNumber", "SN-0042", "externalId", "d7", "owner", map[string]any{"value": alice})
		id := created.id()
		location := h.scimClient.base + "/Devices/" + id
		for path, want := range map[string]string{
			"schemas.0": deviceURN, "displayName": "printer-7", "ipAddresses.0": "192.0.2.7", "serialNumber": "SN-0042", "externalId": "d7",
			"owner.value": alice, "owner.$ref": h.scimClient.base + "/Users/" + alice, "meta.resourceType": "Device", "meta.location": location,
		} {
			if got := created.text(path); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		if created.header.Get("Location") != location {
			t.Errorf("Location %q", created.header.Get("Location"))
		}
		entry := h.byID(t, id)
		if entry.DN != "cn=printer-7,ou=devices,"+h.base || entry.GetAttributeValue("owner") != "uid=alice,"+h.people ||
			!slices.Contains(entry.GetAttributeValues("objectClass"), "ipHost") {
			t.Errorf("the entry is %s %v", entry.DN, entry.Attributes)
		}
		if read := h.do("GET", "/Devices/"+id, nil).want(t, 200); read.raw != created.raw {
			t.Errorf("read:    %s\ncreated: %s", read.raw, created.raw)
		}

		h.do("PATCH", "/Devices/"+id, patch(
			op("add", "ipAddresses", []any{"2001:db8::7"}), op("replace", "owner.value", bob), op("add", "location", "Second floor"),
			op("replace", "displayName", "printer-8"),
		)).want(t, 200)
		entry = h.byID(t, id)
		addresses := entry.GetAttributeValues("ipHostNumber")
		slices.Sort(addresses)
		if entry.DN != "cn=printer-8,ou=devices,"+h.base || entry.GetAttributeValue("owner") != "uid=bob,"+h.people ||
			!slices.Equal(addresses, []string{"192.0.2.7", "2001:db8::7"}) || entry.GetAttributeValue("l") != "Second floor" {
			t.Errorf("after PATCH the entry is %s %v %v", entry.DN, entry.GetAttributeValue("owner"), addresses)
		}
		put := h.do("PUT", "/Devices/"+id, map[string]any{
			"schemas": []string{deviceURN}, "displayName": "printer-8", "ipAddresses": []string{"192.0.2.8"},
		}).want(t, 200)
		if put.at("owner") != nil || put.at("serialNumber") != nil || put.text("ipAddresses.0") != "192.0.2.8" || put.at("ipAddresses.1") != nil {
			t.Errorf("PUT: %s", put.raw)
		}
		h.do("DELETE", "/Devices/"+id, nil).want(t, 204)
		h.do("GET", "/Devices/"+id, nil).wantError(t, 404, "")
	})
}

func TestTheExampleOfDevicesFitsTheDirectories(t *testing.T) {
	withDevices(t, func(t *testing.T, _ *house) {
		report, err := check(t.Context(), devicesConfig, true)
		if err != nil || !strings.Contains(report, "good: 3 mappings over 1 backend, connected, schemas fit") {
			t.Errorf("%s %v", report, err)
		}
	})
}

func TestDevicesAreHeldToTheirSchema(t *testing.T) {
	withDevices(t, func(t *testing.T, h *house) {
		alice := h.user("alice").id()
		id := h.device("printer-7", "192.0.2.7").id()
		post := func(body map[string]any) answer { return h.do("POST", "/Devices", body) }
		post(map[string]any{"displayName": "x"}).wantError(t, 400, "invalidValue")
		post(map[string]any{"ipAddresses": []string{"192.0.2.9"}}).wantError(t, 400, "invalidValue")
		post(map[string]any{"displayName": "x", "ipAddresses": []int{1}}).wantError(t, 400, "invalidValue")
		post(map[string]any{"displayName": "PRINTER-7", "ipAddresses": []string{"192.0.2.9"}}).wantError(t, 409, "uniqueness")
		// A device is nobody's owner.
		post(map[string]any{"displayName": "x", "ipAddresses": []string{"192.0.2.9"}, "owner": map[string]any{"value": id}}).wantError(t, 400, "invalidValue")
		h.do("PATCH", "/Devices/"+id, patch(op("remove", "ipAddresses", nil))).wantError(t, 400, "mutability")
		h.do("PATCH", "/Devices/"+id, patch(op("add", "colour", "red"))).wantError(t, 400, "invalidPath")
		// A device is no user, and a user no device.
		h.do("GET", "/Users/"+id, nil).wantError(t, 404, "")
		h.do("GET", "/Devices/"+alice, nil).wantError(t, 404, "")
	})
}

func TestDevicesAreFoundByWhatTheyHold(t *testing.T) {
	withDevices(t, func(t *testing.T, h *house) {
		alice := h.user("alice").id()
		h.device("printer-7", "192.0.2.7", "serialNumber", "SN-0042", "owner", map[string]any{"value": alice})
		h.device("printer-8", "192.0.2.8", "location", "Second floor")
		for filter, want := range map[string][]string{
			"":                                   {"printer-7", "printer-8"},
			`displayName eq "PRINTER-7"`:         {"printer-7"},
			`ipAddresses eq "192.0.2.8"`:         {"printer-8"},
			`owner.value eq "` + alice + `"`:     {"printer-7"},
			`not (owner pr)`:                     {"printer-8"},
			deviceURN + `:serialNumber sw "sn-"`: {"printer-7"},
			`location co "floor" and not (owner.value eq "` + alice + `")`: {"printer-8"},
		} {
			found, total := h.list("/Devices", filter)
			got := names(found, "displayName")
			slices.Sort(got)
			if !slices.Equal(got, want) || total != len(want) {
				t.Errorf("%s finds %v of %d", filter, got, total)
			}
		}
		h.do("GET", "/Devices?filter=userName+eq+%22alice%22", nil).wantError(t, 400, "invalidFilter")
	})
}

func TestAnExtensionOfUserIsPartOfIt(t *testing.T) {
	withDevices(t, func(t *testing.T, h *house) {
		acme := map[string]any{"room": "B 12", "badges": []any{map[string]any{"value": "S-1", "type": "staff"}}}
		created := h.user("alice", "schemas", []string{"urn:ietf:params:scim:schemas:core:2.0:User", acmeURN}, acmeURN, acme)
		id := created.id()
		if created.text(acmeURN+".room") != "B 12" || created.text(acmeURN+".badges.0.value") != "S-1" || created.text(acmeURN+".badges.0.type") != "staff" ||
			!strings.Contains(created.raw, `"`+acmeURN+`"]`) {
			t.Errorf("created: %s", created.raw)
		}
		if entry := h.byID(t, id); entry.GetAttributeValue("roomNumber") != "B 12" || entry.GetAttributeValue("carLicense") != "S-1" {
			t.Errorf("the entry has %v", entry.Attributes)
		}
		h.user("bob")
		device := h.device("printer-7", "192.0.2.7", "owner", map[string]any{"value": id}).id()
		for _, filter := range []string{
			acmeURN + `:room eq "b 12"`, acmeURN + `:badges[type eq "staff" and value eq "S-1"]`, acmeURN + `:badges.type eq "staff"`,
			acmeURN + `:devices.value eq "` + device + `"`,
		} {
			if found, total := h.list("/Users", filter); total != 1 || found[0]["userName"] != "alice" {
				t.Errorf("%s finds %v", filter, names(found, "userName"))
			}
		}
		read := h.do("GET", "/Users/"+id, nil).want(t, 200)
		if read.text(acmeURN+".devices.0.value") != device || read.text(acmeURN+".devices.0.$ref") != h.scimClient.base+"/Devices/"+device {
			t.Errorf("the owner does not show the device: %s", read.raw)
		}
		h.do("PATCH", "/Users/"+id, patch(op("replace", acmeURN+":room", "C 3"), op("add", acmeURN+":badges", []any{map[string]any{"value": "S-2", "type": "staff"}}))).want(t, 200)
		if entry := h.byID(t, id); entry.GetAttributeValue("roomNumber") != "C 3" || len(entry.GetAttributeValues("carLicense")) != 2 {
			t.Errorf("after PATCH the entry has %v %v", entry.GetAttributeValue("roomNumber"), entry.GetAttributeValues("carLicense"))
		}
		placed := h.do("PATCH", "/Users/"+id, patch(op("add", acmeURN+":workstation", map[string]any{"value": device}))).want(t, 200)
		if placed.text(acmeURN+".workstation.$ref") != h.scimClient.base+"/Devices/"+device || h.byID(t, id).GetAttributeValue("seeAlso") != "cn=printer-7,ou=devices,"+h.base {
			t.Errorf("the user does not point at the device: %s", placed.raw)
		}
		if found, total := h.list("/Users", acmeURN+`:workstation.value eq "`+device+`"`); total != 1 || found[0]["userName"] != "alice" {
			t.Errorf("by workstation %v are found", names(found, "userName"))
		}
		h.do("PATCH", "/Users/"+id, patch(op("add", acmeURN+":workstation", map[string]any{"value": id}))).wantError(t, 400, "invalidValue")
		h.do("PATCH", "/Users/"+id, patch(op("add", acmeURN+":shoeSize", "43"))).wantError(t, 400, "invalidPath")
		h.do("PATCH", "/Users/"+id, patch(op("remove", acmeURN, nil))).want(t, 200)
		if entry := h.byID(t, id); entry.GetAttributeValue("roomNumber") != "" || len(entry.GetAttributeValues("carLicense")) != 0 {
			t.Errorf("after the extension was removed the entry has %v", entry.Attributes)
		}
	})
}

func TestDiscoveryShowsTheTypesOfTheConfiguration(t *testing.T) {
	h := openDevices(t, devicesConfig, embeddedURL(t))
	device := h.do("GET", "/ResourceTypes/Device", nil).want(t, 200)
	for path, want := range map[string]string{
		"id": "Device", "name": "Device", "endpoint": "/Devices", "schema": deviceURN, "description": "A device on the network",
	} {
		if got := device.text(path); got != want {
			t.Errorf("%s is %q", path, got)
		}
	}
	user := h.do("GET", "/ResourceTypes/User", nil).want(t, 200)
	required := map[string]any{}
	extensions, _ := user.at("schemaExtensions").([]any)
	for _, x := range extensions {
		required[at(x, "schema").(string)] = at(x, "required")
	}
	if required[acmeURN] != false || len(required) != 2 {
		t.Errorf("the extensions of User are %v", extensions)
	}
	types, n := h.list("/ResourceTypes", "")
	if got := names(types, "name"); n != 3 || !slices.Contains(got, "Device") {
		t.Errorf("the resource types are %v", got)
	}
	schemas, _ := h.list("/Schemas", "")
	if got := names(schemas, "id"); !slices.Contains(got, deviceURN) || !slices.Contains(got, acmeURN) {
		t.Errorf("the schemas are %v", got)
	}
	schema := h.do("GET", "/Schemas/"+deviceURN, nil).want(t, 200)
	for path, want := range map[string]string{
		"attributes.0.name": "displayName", "attributes.0.required": "true", "attributes.0.uniqueness": "server", "attributes.2.multiValued": "true",
		"attributes.5.name": "owner", "attributes.5.subAttributes.1.name": "$ref", "attributes.5.subAttributes.1.referenceTypes.0": "User",
	} {
		if got := schema.text(path); got != want {
			t.Errorf("%s is %q: %s", path, got, schema.raw)
		}
	}
}

// What /Schemas shows can be given to another adapter as a file, and means the same there.
func TestSchemasThatWereShownAreReadAgain(t *testing.T) {
	h := openDevices(t, devicesConfig, embeddedURL(t))
	dir := t.TempDir()
	shown := map[string]any{}
	for name, urn := range map[string]string{"device.json": deviceURN, "acme.json": acmeURN} {
		a := h.do("GET", "/Schemas/"+urn, nil).want(t, 200)
		shown[urn] = a.body["attributes"]
		indented, err := json.MarshalIndent(a.body, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), indented, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	example, err := os.ReadFile(devicesConfig)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(example), "\nschemas:\n")
	_, after, found := strings.Cut(rest, "\nresource_types:\n")
	if !found {
		t.Fatal("the example has other sections")
	}
	config := filepath.Join(dir, "scim.yaml")
	if err := os.WriteFile(config, []byte(before+"\nschemas: [{file: \"*.json\"}]\nresource_types:\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
	again := openDevices(t, config, embeddedURL(t))
	for urn, attributes := range shown {
		a := again.do("GET", "/Schemas/"+urn, nil).want(t, 200)
		if diff := cmp.Diff(attributes, a.body["attributes"]); diff != "" {
			t.Errorf("%s (-shown +read again):\n%s", urn, diff)
		}
	}
}

// Without a required extension nothing is created, and it cannot be taken away.
func TestARequiredExtensionMustBeThere(t *testing.T) {
	example, err := os.ReadFile(devicesConfig)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(example), "required: false}\n\nmappings:", "required: true}\n\nmappings:", 1)
	config := filepath.Join(t.TempDir(), "scim.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil || text == string(example) {
		t.Fatal(err)
	}
	h := openDevices(t, config, embeddedURL(t))
	if got := h.do("GET", "/ResourceTypes/User", nil).want(t, 200).raw; !strings.Contains(got, `{"schema":"`+acmeURN+`","required":true}`) {
		t.Errorf("discovery does not say so: %s", got)
	}
	h.do("POST", "/Users", map[string]any{"userName": "alice"}).wantError(t, 400, "invalidValue")
	id := h.user("alice", acmeURN, map[string]any{"room": "B 12"}).id()
	h.do("PATCH", "/Users/"+id, patch(op("remove", acmeURN, nil))).wantError(t, 400, "invalidValue")
	h.do("PATCH", "/Users/"+id, patch(op("remove", acmeURN+":room", nil))).wantError(t, 400, "invalidValue")
	h.do("PATCH", "/Users/"+id, patch(op("replace", acmeURN+":room", "C 3"))).want(t, 200)
	h.do("PUT", "/Users/"+id, map[string]any{"userName": "alice"}).wantError(t, 400, "invalidValue")
}

// A schema that two types have is shown once, with all that is mapped of it anywhere.
func TestASchemaOfTwoTypesIsShownOnce(t *testing.T) {
	example, err := os.ReadFile(devicesConfig)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(
		"      acme:room: roomNumber\n", "",
		"    description: A device on the network\n", "    description: A device on the network\n    extensions: [{schema: \""+acmeURN+"\"}]\n",
		"      serialNumber: serialNumber\n", "      serialNumber: serialNumber\n      "+acmeURN+":room: ou\n",
	).Replace(string(example))
	config := filepath.Join(t.TempDir(), "scim.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openDevices(t, config, embeddedURL(t))
	schemas, _ := h.list("/Schemas", "")
	var shown []string
	for _, s := range schemas {
		if s["id"] == acmeURN {
			attributes, _ := s["attributes"].([]any)
			for _, a := range attributes {
				shown = append(shown, at(a, "name").(string))
			}
		}
	}
	if !slices.Equal(shown, []string{"badges", "workstation", "devices", "room"}) {
		t.Errorf("the attributes of the schema are %v", shown)
	}
	device := h.device("printer-7", "192.0.2.7", acmeURN, map[string]any{"room": "B 12", "badges": []any{map[string]any{"value": "S-1", "type": "staff"}}})
	if device.text(acmeURN+".room") != "B 12" || device.at(acmeURN+".badges") != nil {
		t.Errorf("a device is %s", device.raw)
	}
}
