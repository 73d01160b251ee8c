package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// thingsYAML is a type with an attribute of every kind.
const thingsYAML = `
schemas:
  - id: urn:example:Thing
    attributes:
      - {name: label, required: true, uniqueness: server}
      - {name: count, type: integer}
      - {name: enabled, type: boolean}
      - {name: made, type: dateTime, mutability: immutable}
      - {name: site, type: complex, mutability: immutable, subAttributes: [{name: room, required: true}, {name: floor}]}
      - {name: never, returned: never}
      - {name: asked, returned: request}
      - {name: secret, type: complex, mutability: writeOnly, subAttributes: [{name: word}]}
      - {name: picture, type: binary}
      - {name: tags, multiValued: true, canonicalValues: [red, blue]}
      - {name: code, caseExact: true}
      - {name: page, type: reference, referenceTypes: [external]}
resource_types:
  - {name: Thing, endpoint: /Things, schema: "urn:example:Thing"}
mappings:
  - mapping: Thing
    at: {backend: corp, base: "ou=people,${LDAP_BASE}", filter: (objectClass=inetOrgPerson), key: entryUUID, version: entryCSN}
    create:
      name: cn={label},ou=people,${LDAP_BASE}
      set: {objectClass: [top, person, organizationalPerson, inetOrgPerson], sn: "{label}"}
    attributes:
      label: cn
      count: employeeNumber | int
      enabled: "businessCategory | bool(TRUE, FALSE)"
      made: initials | generalizedTime
      site.room: roomNumber
      site.floor: street
      never: title
      asked: l
      secret.word: description
      picture: jpegPhoto | base64
      tags: employeeType
      code: carLicense
      page: labeledURI
`

func openThings(t *testing.T, url string) *house {
	t.Helper()
	example, err := os.ReadFile(devicesConfig)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(example), "\nschemas:\n")
	config := filepath.Join(t.TempDir(), "scim.yaml")
	if err := os.WriteFile(config, []byte(head+thingsYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	return openHouseFrom(t, config, url)
}

// Every characteristic that /Schemas shows is kept.
func TestTheCharacteristicsOfATypeAreKept(t *testing.T) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openThings(t, d.url(t))
			thing := map[string]any{
				"label": "one", "count": 3, "enabled": true, "made": "2020-01-02T03:04:05Z", "site": map[string]any{"room": "B 12", "floor": "2"},
				"never": "n", "asked": "a", "secret": map[string]any{"word": "w"}, "picture": "AQID", "tags": []string{"red", "green"}, "code": "Ab",
				"page": "https://example.org/one",
			}
			created := h.do("POST", "/Things", thing).want(t, 201)
			id := created.id()
			for path, want := range map[string]any{
				"count": 3.0, "enabled": true, "made": "2020-01-02T03:04:05Z", "site.room": "B 12", "site.floor": "2", "never": nil, "asked": nil, "secret": nil,
				"picture": "AQID", "code": "Ab", "page": "https://example.org/one",
			} {
				if got := created.at(path); got != want {
					t.Errorf("%s is %v, want %v", path, got, want)
				}
			}
			entry := h.byID(t, id)
			for attr, want := range map[string]string{"employeeNumber": "3", "businessCategory": "TRUE", "title": "n", "l": "a", "description": "w", "jpegPhoto": "\x01\x02\x03"} {
				if got := entry.GetAttributeValue(attr); got != want {
					t.Errorf("the directory has %s %q", attr, got)
				}
			}
			asked := h.do("GET", "/Things/"+id+"?attributes=asked,never,secret", nil).want(t, 200)
			if asked.text("asked") != "a" || asked.at("never") != nil || asked.at("secret") != nil {
				t.Errorf("asked for what is not shown: %s", asked.raw)
			}
			h.thingsAreRefused(id)
			h.thingsAreFound()
		})
	}
}

// thingsAreRefused tries what the schema forbids.
func (h *house) thingsAreRefused(id string) {
	t := h.t
	t.Helper()
	for path, value := range map[string]any{
		"made": "2021-01-02T03:04:05Z", "site.room": "C 3", "site.floor": "3", "site": map[string]any{"room": "C 3"},
	} {
		h.do("PATCH", "/Things/"+id, patch(op("replace", path, value))).wantError(t, 400, "mutability")
	}
	for path, value := range map[string]any{"count": "three", "enabled": 1, "picture": "not base64!", "made": "yesterday"} {
		h.do("POST", "/Things", map[string]any{"label": "two", path: value}).wantError(t, 400, "invalidValue")
	}
	h.do("POST", "/Things", map[string]any{"label": "two", "site": map[string]any{"floor": "2"}}).wantError(t, 400, "invalidValue")
	h.do("POST", "/Things", map[string]any{"label": "ONE"}).wantError(t, 409, "uniqueness")
	for _, filter := range []string{"never+pr", "secret.word+pr"} {
		if a := h.do("GET", "/Things?filter="+filter, nil); a.status == 200 && a.text("totalResults") != "0" {
			t.Errorf("a filter finds what is never shown: %s: %s", filter, a.raw)
		}
	}
	h.do("PATCH", "/Things/"+id, patch(op("add", "tags", []any{"blue"}), op("replace", "count", 4), op("replace", "secret.word", "x"))).want(t, 200)
	entry := h.byID(t, id)
	if entry.GetAttributeValue("employeeNumber") != "4" || entry.GetAttributeValue("description") != "x" || len(entry.GetAttributeValues("employeeType")) != 3 {
		t.Errorf("after PATCH the entry has %v", entry.Attributes)
	}
}

func (h *house) thingsAreFound() {
	t := h.t
	t.Helper()
	for filter, want := range map[string]int{
		"count gt 3": 1, "count eq 3": 0, "enabled eq true": 1, `made lt "2020-01-03T00:00:00Z"`: 1, `site.room eq "b 12"`: 1, `tags eq "BLUE"`: 1,
		`code eq "Ab"`: 1, `code eq "ab"`: 0, `page sw "https://"`: 1, `asked eq "a"`: 1,
	} {
		if _, total := h.list("/Things", filter); total != want {
			t.Errorf("%s finds %d, want %d", filter, total, want)
		}
	}
}
