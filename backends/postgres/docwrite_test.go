package postgres

import (
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Who reads one value where a document has several reads the first. What replaces it is the first, then.
func TestWhatReplacesAValueOfADocumentTakesItsPlace(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	key := hire(t, c, "ann", nil).Key
	for name, tc := range map[string]struct {
		was, want string
		change    backends.Change
	}{
		"one of two":            {`["a", "b"]`, `["T", "b"]`, change(backends.Replace, "data.title", "T", "b")},
		"the one that is last":  {`["b", "a"]`, `["b", "T"]`, change(backends.Replace, "data.title", "T", "b")},
		"both, by one":          {`["a", "b"]`, `["T"]`, change(backends.Replace, "data.title", "T")},
		"one, by two":           {`["a", null, "b"]`, `["T", null, "b", "U"]`, change(backends.Replace, "data.title", "T", "b", "U")},
		"objects are no places": {`["b", {"x": "1"}]`, `["b", "T"]`, change(backends.Replace, "data.title", "T", "b")},
	} {
		g.exec(`UPDATE hr.person SET data = '{"title": ` + tc.was + `}'`)
		if err := modify(c, key, tc.change); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		g.is(tc.want, "SELECT data->>'title' FROM hr.person")
	}
}
