package lens

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Filters that survive, as the rows of the table have them.
var (
	onState = []filter.Op{filter.Eq, filter.Ne, filter.Pr}
	onOrder = []filter.Op{filter.Eq, filter.Ne, filter.Pr, filter.Gt, filter.Ge, filter.Lt, filter.Le}
	onText  = []filter.Op{filter.Eq, filter.Ne, filter.Pr, filter.Co, filter.Sw, filter.Ew, filter.Gt, filter.Ge, filter.Lt, filter.Le}
)

//go:generate go test . -run TestMarkdownIsTheReference -update

// Table is every lens of the mapping language, in the order of its documentation.
func Table() []mapping.Spec { return TableAt(time.Now) }

// TableAt is Table with a clock, for `absent(now)`.
func TableAt(now func() time.Time) []mapping.Spec {
	return slices.Concat(numbers(), states(now), codes(), clocks(), octets(), spellings(), parts(), marks())
}

// marks are the words of a pipeline that are no lenses: the mapping itself knows what to do with them.
func marks() []mapping.Spec {
	return []mapping.Spec{{
		Name:  "ref",
		Usage: "ref(TYPE[.ATTR][, TYPE …])",
		Doc: "What records point at each other with ⇄ the SCIM id. `ref(User)` follows names of the directory's own kind (a DN) to records of the mapping User; " +
			"`ref(User, Group)` tries several mappings in turn; `ref(User.uid)` is for attributes that point with another attribute's value, like `memberUid`. " +
			"Not a lens but a mark on the path: names become ids for a whole page at once. An id that names nobody is false in a filter, 400 in an addition and nothing in a removal.",
		Ops: onState,
		Ref: true,
	}}
}

// noArgs builds a lens that takes no arguments.
func noArgs(l mapping.Lens) func([]string) (mapping.Lens, error) {
	return func(args []string) (mapping.Lens, error) {
		if len(args) > 0 {
			return nil, fmt.Errorf("takes no arguments: write it without (%s)", strings.Join(args, ", "))
		}
		return l, nil
	}
}
