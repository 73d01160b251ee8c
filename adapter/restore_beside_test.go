package adapter

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestWhatIsSensitiveBesideTheDirectoryIsBlankInSnapshotsOrInABox(t *testing.T) {
	for what, vault := range map[string]*Vault{"with a vault": newTestVault(t, 1), "without": nil} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t, vaulted(vault, "externalId"))
			alice, bob := backends.Key(h.create("User", `{"userName":"alice","externalId":"Zx1"}`).ID), backends.Key(h.user("bob").ID)
			d := h.o.Discretion
			got, err := d.BesideInSnapshot("default", "User", h.lite)(t.Context(), []backends.Key{alice, bob})
			if err != nil || len(got) != 1 || len(got[alice].Kept) != 1 {
				t.Fatalf("%v, %v", got, err)
			}
			text, err := json.Marshal(got[alice])
			if err != nil || strings.Contains(string(text), "Zx1") || !strings.Contains(string(text), "externalId") {
				t.Errorf("%s, %v", text, err)
			}
			for client, attrs := range d.BesideFromSnapshot("default", "User", alice, got[alice]).Kept {
				if is := attrs["externalId"]; blank(is) == (vault != nil) || vault != nil && is[0].Text() != "Zx1" {
					t.Errorf("for %s it is %v", client, is)
				}
				if is := d.BesideFromSnapshot("default", "User", bob, got[alice]).Kept[client]["externalId"]; !blank(is) {
					t.Errorf("in another's place it opens: %v", is)
				}
			}
		})
	}
}
