package lens

import (
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/mapping"
)

func TestAnEnumListsItsWordsOnce(t *testing.T) {
	for _, c := range []struct{ args, words []string }{
		{[]string{"E=Employee", "C=Contractor", "X=Contractor"}, []string{"Employee", "Contractor"}},
		{[]string{"A=true", "B=false"}, nil},
		{[]string{"A=true", "B=maybe"}, []string{"true", "maybe"}},
	} {
		l, err := newEnum(c.args)
		if err != nil {
			t.Fatal(err)
		}
		w, ok := l.(mapping.Worded)
		if !ok || !slices.Equal(w.Words(), c.words) {
			t.Errorf("enum%v lists %v", c.args, w.Words())
		}
	}
}
