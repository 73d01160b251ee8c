package lens

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
)

// orderable draws values of an attribute that a rule can order.
var orderable = map[backends.Rule]*rapid.Generator[string]{
	backends.IntegerRule: rapid.StringMatching(`-?[0-9]{1,9}`),
	backends.TimeRule: rapid.OneOf(
		rapid.StringMatching(`(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])([01][0-9]|2[0-3])([0-5][0-9]){0,2}([.,][0-9]{1,4})?(Z|[+-](0[0-9]|1[0-2])(00|30)?)`),
		rapid.StringMatching(`(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,4})?(Z|[+-](0[0-9]|1[0-2]):(00|30))`),
	),
}

func TestMonotoneLensesKeepTheOrder(t *testing.T) {
	found := 0
	for _, spec := range Table() {
		if spec.Monotone == backends.NoRule {
			continue
		}
		found++
		t.Run(spec.Name, func(t *testing.T) { keepsTheOrder(t, spec) })
	}
	if found < 4 {
		t.Errorf("only %d lenses say that they keep an order", found)
	}
}

func keepsTheOrder(t *testing.T, spec mapping.Spec) {
	lens, err := spec.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	rt := &scim.ResourceType{Name: "Thing", Schema: &scim.Schema{ID: "urn:example:Thing", Attributes: []*scim.Attribute{{Name: "a", Type: spec.Type}}}}
	by, err := rt.ParseSort("a", "")
	if err != nil {
		t.Fatal(err)
	}
	native := backends.Sort{Attr: "a", Rule: spec.Monotone}
	keys := func(rt *rapid.T, label string) (backends.SortKey, scim.SortKey) {
		text := orderable[spec.Monotone].Draw(rt, label)
		shown, err := lens.Get(backends.Strings(text))
		if err != nil || len(shown) != 1 {
			rt.Fatalf("%q shows as %v: %v", text, shown, err)
		}
		res := scim.NewObject()
		res.Set("a", shown[0])
		return native.Key(backends.Record{Attrs: backends.Attributes{"a": backends.Strings(text)}}), by.Key(res)
	}
	sign := func(n int) string { return fmt.Sprint(n > 0, n < 0) }
	rapid.Check(t, func(rt *rapid.T) {
		n1, s1 := keys(rt, "left")
		n2, s2 := keys(rt, "right")
		if sign(native.Compare(n1, n2)) != sign(by.Compare(s1, s2)) {
			rt.Errorf("the directory says %d, what is shown says %d", native.Compare(n1, n2), by.Compare(s1, s2))
		}
	})
}
