package journaltest

import (
	"maps"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func testAliases(t *testing.T, p Place) {
	s := open(t, p)
	type keys = map[backends.Key]backends.Key
	set := func(tenant, typ string, id, key backends.Key) {
		t.Helper()
		if err := s.SetAlias(t.Context(), tenant, typ, id, key); err != nil {
			t.Fatalf("SetAlias: %v", err)
		}
	}
	lead := func(tenant, typ string, want keys) {
		t.Helper()
		got, err := s.AliasKeys(t.Context(), tenant, typ, []backends.Key{"no alias", "'", "old1", "old2", "old3"})
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("AliasKeys in %s/%s: %q, %v; want %q", tenant, typ, got, err, want)
		}
		if all, err := s.AllAliases(t.Context(), tenant, typ); err != nil || !maps.Equal(all, want) {
			t.Errorf("AllAliases in %s/%s: %q, %v; want %q", tenant, typ, all, err, want)
		}
		back := keys{}
		for id, key := range want {
			back[key] = id
		}
		got, err = s.AliasIDs(t.Context(), tenant, typ, []backends.Key{"nobody", "%", "new1", "new2", "new3"})
		if err != nil || !maps.Equal(got, back) {
			t.Errorf("AliasIDs in %s/%s: %q, %v; want %q", tenant, typ, got, err, back)
		}
	}
	lead("default", "User", keys{})
	set("default", "User", "old1", "new1")
	set("default", "User", "old1", "new1")
	set("default", "User", "old2", "new2")
	set("default", "Group", "old1", "new3")
	set("other", "User", "old1", "new2")
	lead("default", "User", keys{"old1": "new1", "old2": "new2"})
	lead("default", "Group", keys{"old1": "new3"})
	lead("other", "User", keys{"old1": "new2"})
	set("default", "User", "old1", "new3") // made again a second time
	lead("default", "User", keys{"old1": "new3", "old2": "new2"})
	set("default", "User", "old3", "new2") // a key has one id
	lead("default", "User", keys{"old1": "new3", "old3": "new2"})
	if err := s.ForgetAlias(t.Context(), "default", "User", "new3"); err != nil {
		t.Errorf("ForgetAlias: %v", err)
	}
	if err := s.ForgetAlias(t.Context(), "default", "User", "never there"); err != nil {
		t.Errorf("ForgetAlias of nothing: %v", err)
	}
	shut(t, s)
	s = open(t, p)
	lead("default", "User", keys{"old3": "new2"})
	lead("default", "Group", keys{"old1": "new3"})
	if got, err := s.AliasKeys(t.Context(), "default", "User", nil); err != nil || len(got) != 0 {
		t.Errorf("AliasKeys of no ids: %q, %v", got, err)
	}
}
