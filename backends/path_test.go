package backends

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		want    string
		attr    string
		members []string
	}{
		{"data", "data", nil},
		{"data.name.givenName", "data", []string{"name", "givenName"}},
		{"data.manager.$ref", "data", []string{"manager", "$ref"}},
		{`data."urn:ietf:params:scim:schemas:extension:enterprise:2.0:User".department`, "data", []string{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "department"}},
		{`data."a""b.c"`, "data", []string{`a"b.c`}},
	} {
		if got := Path(tt.attr, tt.members...); got != tt.want {
			t.Errorf("Path = %s, want %s", got, tt.want)
		}
		attr, members, ok := SplitPath(tt.want)
		if !ok || attr != tt.attr || !slices.Equal(members, tt.members) {
			t.Errorf("SplitPath(%s) = %s, %q, %v", tt.want, attr, members, ok)
		}
	}
	for _, bad := range []string{"", ".a", "a.", "a..b", `a."b`, `a."b"c`, `a."".b`, `a."b".`, "a.b c", `a.b"c"`} {
		if attr, members, ok := SplitPath(bad); ok {
			t.Errorf("SplitPath(%q) = %q, %q", bad, attr, members)
		}
	}
}

func TestSplitPathReadsWhatPathMakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfN(rapid.StringN(1, 8, -1), 0, 4).Draw(t, "members")
		attr, got, ok := SplitPath(Path("data", members...))
		if !ok || attr != "data" || !slices.Equal(got, members) {
			t.Fatalf("%q of %q, %v", got, Path("data", members...), ok)
		}
	})
}
