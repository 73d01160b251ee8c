package adapter

import (
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestAnotherSpellingOfANameIsNotLost(t *testing.T) {
	h := newHouse(t)
	was := backends.Record{Attrs: backends.Attributes{
		"member": backends.Strings(`uid=a\,b,dc=example,dc=org`, `uid=c\<d,dc=example,dc=org`), "manager": backends.Strings("uid=x,dc=example,dc=org"), "title": backends.Strings("Boss"),
	}}
	is := backends.Record{Attrs: backends.Attributes{
		"member": backends.Strings(`uid=c\3Cd,DC=example,dc=org`, `uid=a\2Cb, dc=example,dc=org`), "manager": backends.Strings("uid=y,dc=example,dc=org"), "title": backends.Strings("boss"),
	}}
	if got := h.byName["Group"].lost(was, is); !slices.Equal(got, []string{"manager", "title"}) {
		t.Errorf("lost are %q", got)
	}
}
