package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// TestNamesAreApartWhereSearchesTellThemApart: a sigma at the end of a word is another letter than the one of capitals, for the index as for a filter.
func TestNamesAreApartWhereSearchesTellThemApart(t *testing.T) {
	h := openTables(t, tableWorlds(t)[0])
	for _, kind := range []struct{ endpoint, attr string }{{"/Users", "userName"}, {"/Groups", "displayName"}} {
		ids := map[string]string{}
		for _, name := range []string{"ΟΔΟΣ", "οδος", "İstanbul"} {
			ids[name] = h.do("POST", kind.endpoint, map[string]any{kind.attr: name}).want(t, 201).id()
		}
		for _, name := range []string{"οδοσ", "ΟΔΟς", "ISTANBUL"} {
			if a := h.do("POST", kind.endpoint, map[string]any{kind.attr: name}); a.status != 409 || !strings.Contains(a.raw, kind.attr) {
				t.Errorf("%s once more: %s", name, a.raw)
			}
		}
		for asked, name := range map[string]string{"οδοσ": "ΟΔΟΣ", "ΟΔΟΣ": "ΟΔΟΣ", "ΟΔΟς": "οδος", "istanbul": "İstanbul"} {
			found, _, _ := h.idsOn(kind.endpoint, url.Values{"filter": {fmt.Sprintf(`%s eq %q`, kind.attr, asked)}})
			if len(found) != 1 || found[0] != ids[name] {
				t.Errorf("%s: %v, want %s", asked, found, ids[name])
			}
		}
		// Whoever writes past the adapter is told by the index.
		table := map[string]string{"/Users": "scim.users (tenant_id, username)", "/Groups": "scim.groups (tenant_id, display_name)"}[kind.endpoint]
		h.tables.admin.refused("23505", "INSERT INTO "+table+" VALUES ('default', 'οδοσ')")
	}
}

// TestInitDBPutsFoldedNamesInPlaceOfLowerOnes: where an earlier version of it has run.
func TestInitDBPutsFoldedNamesInPlaceOfLowerOnes(t *testing.T) {
	c := connect(t, pgtest.Database(t, script(t, initDB)).Admin)
	for _, x := range []struct{ table, index, column, old string }{
		{"users", "idx_users_tenant_username", "username", "users_tenant_username_folded_key"}, {"groups", "idx_groups_tenant_name", "display_name", "groups_tenant_name_folded_key"},
	} {
		c.run(fmt.Sprintf("DROP INDEX scim.%s", x.index))
		c.run(fmt.Sprintf("CREATE INDEX %s ON scim.%s (tenant_id, %s_folded)", x.index, x.table, x.column))
		c.run(fmt.Sprintf("CREATE UNIQUE INDEX %s ON scim.%s (tenant_id, lower(%s) text_pattern_ops)", x.old, x.table, x.column))
		c.run(fmt.Sprintf("INSERT INTO scim.%s (tenant_id, %s) VALUES ('a', 'ΟΔΟΣ')", x.table, x.column))
	}
	for range 2 {
		c.run(script(t, initDB))
		c.holds("2", "SELECT count(*)::text FROM pg_indexes WHERE indexdef LIKE 'CREATE UNIQUE INDEX idx_%' AND indexdef LIKE '%name_folded)'")
		c.holds("0", "SELECT count(*)::text FROM pg_indexes WHERE indexname LIKE '%folded_key'")
	}
	c.refused("23505", "INSERT INTO scim.users (tenant_id, username) VALUES ('a', 'οδοσ')")
	c.run("INSERT INTO scim.users (tenant_id, username) VALUES ('a', 'οδος')")
}
