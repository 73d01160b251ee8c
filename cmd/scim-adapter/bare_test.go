package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/configs"
)

// plainConfig is the example for a directory without overlays.
const plainConfig = "../../configs/examples/openldap-plain.yaml"

// bareURL is a slapd that loads no overlay's module, so that its schema has neither memberOf nor pwdAccountLockedTime. It
// is started when none is given.
func bareURL(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("SCIM_TEST_LDAP_BARE_URL"); url != "" && os.Getenv("SCIM_TEST_SERVERS") != "none" {
		return url
	}
	_, env := ownServers(t, "bare")
	return env["SCIM_TEST_LDAP_BARE_URL"]
}

func TestADirectoryWithoutThePasswordPolicyIsRefusedAtStartWithARemedy(t *testing.T) {
	environment(t, bareURL(t), suffix)
	starts := map[string]func() error{
		"serve": func() error {
			return serve(t.Context(), exampleConfig, func(string) { t.Error("it serves") })
		},
		"check --live": func() error {
			_, err := check(t.Context(), exampleConfig, true)
			return err
		},
	}
	for command, start := range starts {
		t.Run(command, func(t *testing.T) {
			var faults configs.Faults
			if err := start(); !errors.As(err, &faults) {
				t.Fatalf("not a fault of the configuration: %v", err)
			}
			// One fault: that memberOf is unknown too is what reverse(Group.members) stands behind it for.
			if len(faults) != 1 || faults[0].Line == 0 || !strings.Contains(faults[0].Message, "does not know the attribute pwdAccountLockedTime") {
				t.Fatalf("faults: %v", faults)
			}
			for _, hint := range []string{"ppolicy", `active: 'businessCategory | absent("inactive")'`, "openldap-plain.yaml"} {
				if !strings.Contains(faults[0].Remedy, hint) {
					t.Errorf("the remedy does not name %s: %s", hint, faults[0].Remedy)
				}
			}
		})
	}
}

func TestTheExampleForADirectoryWithoutOverlaysFits(t *testing.T) {
	environment(t, bareURL(t), suffix)
	if report, err := check(t.Context(), plainConfig, true); err != nil || !strings.Contains(report, "schemas fit") {
		t.Fatalf("%s %v", report, err)
	}
}

// The whole example with memberOf in front is as good: the schema decides, once connected.
func TestMemberOfGivesWayWhereTheSchemaLacksIt(t *testing.T) {
	url := bareURL(t)
	text, err := os.ReadFile(exampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/scim.yaml"
	changed := strings.Replace(string(text), "pwdAccountLockedTime | locked", `'businessCategory | absent("inactive")'`, 1)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	environment(t, url, suffix)
	if _, err := check(t.Context(), file, true); err != nil {
		t.Fatal(err)
	}
	usersAndGroupsOnBare(t, openHouseFrom(t, file, url))
}

func TestUsersAndGroupsOnADirectoryWithoutOverlays(t *testing.T) {
	usersAndGroupsOnBare(t, openHouseFrom(t, plainConfig, bareURL(t)))
}

func usersAndGroupsOnBare(t *testing.T, h *house) {
	anna, bert := h.user("anna", "title", "Engineer"), h.user("bert")
	dn := h.byID(t, anna.id()).DN
	inactive := func(id string) []string { return h.byID(t, id).GetAttributeValues("businessCategory") }

	t.Run("active is what the applications look at", func(t *testing.T) {
		if anna.at("active") != true {
			t.Errorf("a new user: %s", anna.raw)
		}
		gone := h.user("gone", "active", false)
		if got := inactive(gone.id()); gone.at("active") != false || !slices.Equal(got, []string{"inactive"}) {
			t.Errorf("created inactive: %v %s", got, gone.raw)
		}
		a := h.do("PATCH", "/Users/"+gone.id(), patch(op("replace", "active", true))).want(t, 200)
		if got := inactive(gone.id()); a.at("active") != true || len(got) != 0 {
			t.Errorf("activated: %v %s", got, a.raw)
		}
		h.do("PATCH", "/Users/"+gone.id(), patch(op("replace", "active", "False"))).want(t, 200)
		h.finds(t, "/Users", `active eq false`, "gone")
		h.finds(t, "/Users", `active eq true`, "anna", "bert")
		h.finds(t, "/Users", `not (active eq false) and title pr`, "anna")
		h.do("DELETE", "/Users/"+gone.id(), nil).want(t, 204)
	})

	t.Run("groups are found from the other side", func(t *testing.T) {
		g := h.group("builders", anna.id(), bert.id())
		second := h.group("empty")
		if got := h.do("GET", "/Users/"+anna.id(), nil).want(t, 200); got.text("groups.0.value") != g.id() || got.at("groups.1") != nil {
			t.Errorf("the user: %s", got.raw)
		}
		found, _ := h.list("/Users", "")
		if got := names(found, "groups.0.value"); !slices.Equal(got, []string{g.id(), g.id()}) {
			t.Errorf("a page: %v", found)
		}
		h.finds(t, "/Users", `groups eq "`+g.id()+`"`, "anna", "bert")
		h.finds(t, "/Users", `groups.value eq "`+g.id()+`" and not (title pr)`, "bert")
		h.finds(t, "/Users", `not (groups eq "`+second.id()+`")`, "anna", "bert")
		h.do("PATCH", "/Groups/"+second.id(), patch(op("add", "members", []any{map[string]any{"value": anna.id()}}))).want(t, 204)
		h.finds(t, "/Users", `groups eq "`+second.id()+`"`, "anna")
		if got := h.do("GET", "/Users/"+anna.id(), nil).want(t, 200); got.at("groups.1") == nil {
			t.Errorf("the second group is not shown: %s", got.raw)
		}
		h.do("PATCH", "/Groups/"+second.id(), patch(op("remove", `members[value eq "`+anna.id()+`"]`, nil))).want(t, 204)
	})

	t.Run("a rename takes the memberships along", func(t *testing.T) {
		h.do("PATCH", "/Users/"+bert.id(), patch(op("replace", "userName", "bertram"))).want(t, 200)
		if got := h.byID(t, bert.id()).DN; got != "uid=bertram,"+h.people {
			t.Errorf("the DN is %s", got)
		}
		h.finds(t, "/Groups", `members eq "`+bert.id()+`"`, "builders")
	})

	t.Run("a delete leaves no membership behind", func(t *testing.T) {
		h.do("PUT", "/Users/"+anna.id(), map[string]any{"userName": "anna", "name": map[string]any{"familyName": "A"}}).want(t, 200)
		h.do("DELETE", "/Users/"+anna.id(), nil).want(t, 204)
		if left := h.search(t, h.base, ldap.ScopeWholeSubtree, "(member="+ldap.EscapeFilter(dn)+")"); len(left) != 0 {
			t.Errorf("%s is still a member of %s", dn, left[0].DN)
		}
		h.do("GET", "/Users/"+anna.id(), nil).wantError(t, 404, "")
	})
}

// finds fails the test unless a search finds exactly these, by userName or displayName.
func (h *house) finds(t *testing.T, endpoint, filter string, want ...string) {
	t.Helper()
	path := map[string]string{"/Users": "userName", "/Groups": "displayName"}[endpoint]
	found, total := h.list(endpoint, filter)
	if got := sorted(names(found, path)); !slices.Equal(got, sorted(want)) || total != len(want) {
		t.Errorf("%s finds %v (totalResults %d), want %v", filter, got, total, want)
	}
}
