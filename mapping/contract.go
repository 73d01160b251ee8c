package mapping

import (
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

func (s *Set) RunTests() configs.Faults { panic("contract") } // the mappings' own `tests:`
// Create turns a validated resource (references already names) into what the backend is to make.
func (m *Mapping) Create(res *scim.Object) (Creation, error) { panic("contract") }

// Diff gives the native changes from a record to the resource `after` (references already names; before is what Get made of rec, references still names).
// deltas are sets that were not read: their values are names too. An attempt to change a protected or read-only attribute is a *scim.Error.
func (m *Mapping) Diff(rec backends.Record, before, after *scim.Object, deltas []scim.SetDelta) (Update, error) {
	panic("contract")
}

// DeleteName is the record's name under OnDelete().To.
func (m *Mapping) DeleteName(rec backends.Record, res *scim.Object) (backends.Template, error) {
	panic("contract")
}

