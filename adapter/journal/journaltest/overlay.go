package journaltest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

func okta(resourceType string) journal.Scope {
	return journal.Scope{Tenant: "default", Client: "okta", ResourceType: resourceType}
}

func save(t *testing.T, s Store, scope journal.Scope, key backends.Key, attrs map[string]string) {
	t.Helper()
	if err := s.Save(t.Context(), scope, key, attrs, nil); err != nil {
		t.Fatalf("Save(%v, %q): %v", scope, key, err)
	}
}

// holds fails unless key has exactly these overlay attributes; it gives the version.
func holds(t *testing.T, s Store, scope journal.Scope, key backends.Key, want map[string]string) string {
	t.Helper()
	extras, err := s.Load(t.Context(), scope, []backends.Key{key})
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	extra, there := extras[key]
	if !maps.Equal(extra.Attrs, want) || there != (len(want) > 0) || there != (extra.Version != "") {
		t.Errorf("%v of %q is %v, want %v", scope, key, extra, want)
	}
	return extra.Version
}

func found(t *testing.T, s Store, scope journal.Scope, attr string, value *string, want ...backends.Key) {
	t.Helper()
	got, err := s.Find(t.Context(), scope, attr, value)
	if slices.Sort(got); err != nil || !slices.Equal(got, want) {
		t.Errorf("Find in %v of %s gave %q (%v), want %q", scope, attr, got, err, want)
	}
}

func testOverlay(t *testing.T, p Place) {
	s, users := open(t, p), okta("User")
	holds(t, s, users, "k1", nil)
	save(t, s, users, "k1", map[string]string{"externalId": "x'1", "nickName": "Babs"})
	save(t, s, users, "k2", map[string]string{"externalId": "X'1"})
	first := holds(t, s, users, "k1", map[string]string{"externalId": "x'1", "nickName": "Babs"})
	save(t, s, users, "k1", map[string]string{"externalId": "x'1", "nickName": "Babs"})
	if again := holds(t, s, users, "k1", map[string]string{"externalId": "x'1", "nickName": "Babs"}); again != first {
		t.Errorf("the same attributes have version %q and then %q", first, again)
	}
	exact, none := "x'1", "%"
	found(t, s, users, "externalId", &exact, "k1")
	found(t, s, users, "externalId", &none)
	found(t, s, users, "externalId", nil, "k1", "k2")
	found(t, s, users, "nickName", nil, "k1")
	found(t, s, users, "ExternalId", nil)

	save(t, s, users, "k1", map[string]string{"externalId": "x2"})
	if second := holds(t, s, users, "k1", map[string]string{"externalId": "x2"}); second == first {
		t.Errorf("other attributes have the same version %q", second)
	}
	found(t, s, users, "externalId", &exact)
	save(t, s, users, "k1", nil)
	holds(t, s, users, "k1", nil)
	found(t, s, users, "externalId", nil, "k2")

	many := []backends.Key{"k2", "*", "", "'"}
	for i := range 3000 {
		many = append(many, backends.Key(fmt.Sprintf("none%d", i)))
	}
	extras, err := s.Load(t.Context(), users, many)
	if err != nil || len(extras) != 1 || extras["k2"].Attrs["externalId"] != "X'1" {
		t.Errorf("Load of many keys gave %v: %v", extras, err)
	}
	if extras, err = s.Load(t.Context(), users, nil); err != nil || len(extras) != 0 {
		t.Errorf("Load of no keys gave %v: %v", extras, err)
	}
}

func testOverlayScopes(t *testing.T, p Place) {
	s := open(t, p)
	mine := okta("User")
	scopes := []journal.Scope{
		mine, {Tenant: "other", Client: "okta", ResourceType: "User"}, {Tenant: "default", Client: "entra", ResourceType: "User"}, okta("Group"),
	}
	for i, scope := range scopes {
		if err := s.Save(t.Context(), scope, "k1", map[string]string{"externalId": fmt.Sprint(i)}, []string{"externalId"}); err != nil {
			t.Fatalf("Save: %v", err)
		}
	}
	for i, scope := range scopes {
		value := fmt.Sprint(i)
		holds(t, s, scope, "k1", map[string]string{"externalId": value})
		found(t, s, scope, "externalId", nil, "k1")
	}
	loaded := func(want string) {
		t.Helper()
		if all, err := s.LoadAll(t.Context(), "default", "User", "k1"); err != nil || fmt.Sprint(all) != want {
			t.Errorf("LoadAll gave %v (%v), want %s", all, err, want)
		}
	}
	loaded("map[entra:map[externalId:2] okta:map[externalId:0]]")
	if err := s.Forget(t.Context(), "default", "User", "k1"); err != nil {
		t.Fatalf("Forget: %v", err)
	}
	loaded("map[]")
	// Every client's, but only of this tenant and type.
	for i, want := range []map[string]string{nil, {"externalId": "1"}, nil, {"externalId": "3"}} {
		holds(t, s, scopes[i], "k1", want)
	}
	if err := s.Forget(t.Context(), "default", "User", "never there"); err != nil {
		t.Errorf("Forget of nothing: %v", err)
	}
}

func testOverlayUnique(t *testing.T, p Place) {
	s, users := open(t, p), okta("User")
	unique := []string{"externalId"}
	try := func(scope journal.Scope, key backends.Key, value string) error {
		return s.Save(t.Context(), scope, key, map[string]string{"externalId": value, "nickName": "Babs"}, unique)
	}
	if err := errors.Join(try(users, "k1", "x1"), try(users, "k2", "x2"), try(users, "k3", "X1"), try(okta("Group"), "k4", "x1")); err != nil {
		t.Fatalf("values that differ in value or scope: %v", err)
	}
	err := try(users, "k2", "x1")
	wantError(t, "Save of a value that another key holds", err, backends.ErrExists)
	var e *backends.Error
	if !errors.As(err, &e) || e.Attr != "externalId" {
		t.Errorf("the error does not name the attribute: %v", err)
	}
	holds(t, s, users, "k2", map[string]string{"externalId": "x2", "nickName": "Babs"})
	if err := errors.Join(try(users, "k1", "x1"), s.Forget(t.Context(), "default", "User", "k1"), try(users, "k2", "x1")); err != nil {
		t.Errorf("one's own value, and one that became free: %v", err)
	}
}

func testOverlayRace(t *testing.T, p Place) {
	s, users := open(t, p), okta("User")
	var wg sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		wg.Go(func() {
			key := backends.Key(fmt.Sprintf("k%d", i))
			errs[i] = s.Save(t.Context(), users, key, map[string]string{"externalId": "wanted"}, []string{"externalId"})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantError(t, "Save in a race", err, backends.ErrExists)
	}
	wanted := "wanted"
	keys, err := s.Find(t.Context(), users, "externalId", &wanted)
	if won != 1 || len(keys) != 1 || err != nil {
		t.Errorf("%d writers got the value, %q hold it (%v); want one", won, keys, err)
	}
}

func testKept(t *testing.T, p Place) {
	s, users := open(t, p), okta("User")
	other := users
	other.Client = "entra"
	save(t, s, users, "k1", map[string]string{"externalId": "x'1", "nickName": "Babs"})
	save(t, s, other, "k1", map[string]string{"externalId": "e1"})
	save(t, s, users, "k2", map[string]string{"externalId": "x2"})
	save(t, s, users, "k3", map[string]string{"externalId": "x3"})
	save(t, s, okta("Group"), "k1", map[string]string{"externalId": "g1"})
	keys := []string{"k1", "k3", "'", "none"}
	for i := range 3000 {
		keys = append(keys, fmt.Sprintf("none%d", i))
	}
	want := []journal.Kept{
		{Client: "entra", Key: "k1", Attr: "externalId", Value: "e1"},
		{Client: "okta", Key: "k1", Attr: "externalId", Value: "x'1"},
		{Client: "okta", Key: "k1", Attr: "nickName", Value: "Babs"},
		{Client: "okta", Key: "k3", Attr: "externalId", Value: "x3"},
	}
	if got, err := s.Kept(t.Context(), "default", "User", keys); err != nil || !slices.Equal(got, want) {
		t.Errorf("Kept gave %v (%v), want %v", got, err, want)
	}
	for _, keys := range [][]string{nil, {"k9"}} {
		if got, err := s.Kept(t.Context(), "default", "User", keys); err != nil || len(got) > 0 {
			t.Errorf("Kept of %q gave %v: %v", keys, got, err)
		}
	}
	if got, err := s.Kept(t.Context(), "other", "User", []string{"k1"}); err != nil || len(got) > 0 {
		t.Errorf("Kept of another tenant gave %v: %v", got, err)
	}
}
