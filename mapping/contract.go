package mapping

import (
	"context"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Opener opens the class of records of one mapping in the named backend; cmd gives it, from the table of kinds.
type Opener func(backend configs.Node, o backends.Open) (backends.Backend, error)

// Set is all mappings of a configuration, compiled.
type Set struct { /* … */
}

// Compile checks and compiles all mapping documents at once (presets expanded); all faults come together.
func Compile(docs []configs.Node, lenses []Spec, open Opener) (*Set, configs.Faults) {
	panic("contract")
}

func (s *Set) All() []*Mapping                  { panic("contract") } // in file order
func (s *Set) Get(name string) (*Mapping, bool) { panic("contract") } // by resource type name, "User"
func (s *Set) RunTests() configs.Faults         { panic("contract") } // the mappings' own `tests:`

// Mapping is the compiled YAML of one resource type over one backend.
type Mapping struct { /* … */
}

func (m *Mapping) Name() string                     { panic("contract") }
func (m *Mapping) BackendName() string              { panic("contract") }
func (m *Mapping) Backend() backends.Backend        { panic("contract") }
func (m *Mapping) ResourceType() *scim.ResourceType { panic("contract") } // only what is mapped, with its true characteristics
func (m *Mapping) References() []Reference          { panic("contract") }
func (m *Mapping) Overlays() []scim.Ref             { panic("contract") } // attributes with source `overlay`
func (m *Mapping) OnDelete() Delete                 { panic("contract") }
func (m *Mapping) Scan() int                        { panic("contract") } // how many records may be tested on the SCIM side for one search (key `scan`, default 10,000)

// CheckSchema holds the mapping against the schema of a directory that is connected: unknown attributes, wrong kinds. Call after Ping succeeded.
func (m *Mapping) CheckSchema() configs.Faults { panic("contract") }

// Reads lists the native attributes that the wanted SCIM attributes are made of; want nil: all. What a filter's rest needs is asked with RestWants.
func (m *Mapping) Reads(want func(scim.Ref) bool) []string { panic("contract") }

// Get makes the resource of a record: id, schemas, meta (resourceType, created, lastModified) and what is wanted of the mapped attributes. References hold the directory's names in their `value`. An attribute whose Get fails is left out and named in problems.
func (m *Mapping) Get(rec backends.Record, want func(scim.Ref) bool) (res *scim.Object, problems []Problem) {
	panic("contract")
}

// Problem is an attribute of a record that could not be shown.
type Problem struct {
	Path, Attr string
	Err        error
}

// Create turns a validated resource (references already names) into what the backend is to make.
func (m *Mapping) Create(res *scim.Object) (Creation, error) { panic("contract") }

// Creation is a record to be made, and the changes that must follow in a second step (a password by its own operation).
type Creation struct {
	Name  backends.Template
	Attrs backends.Attributes
	Then  []backends.Change
	// Dropped names what the resource held and nothing is mapped for (`emails[type eq "home"]`), for log and journal.
	Dropped []string
}

// Diff gives the native changes from a record to the resource `after` (references already names; before is what Get made of rec, references still names).
// deltas are sets that were not read: their values are names too. An attempt to change a protected or read-only attribute is a *scim.Error.
func (m *Mapping) Diff(rec backends.Record, before, after *scim.Object, deltas []scim.SetDelta) (Update, error) {
	panic("contract")
}

// Update is what must change. Nothing set: nothing to do.
type Update struct {
	Changes   []backends.Change // one Modify; adds and removes of values where that says it, Replace else
	Passwords []backends.Change // a step of its own, after Changes
	Move      backends.Template // the new name; nil: keeps it
	Dropped   []string          // as Creation.Dropped, of what after has and before had not; a PATCH whose path asked for it is 400
	Pure      bool              // only adds and removes listed values of sets: needs no condition
}

// Reference is an attribute whose values point at other records.
type Reference struct {
	URI         string // extension URN or ""
	Attr        string // canonical attribute name: members, groups, manager
	Complex     bool   // the name stands in the element's `value`; else the element is the name
	Multi       bool
	Types       []string // resource types it may point at, tried in order
	By          string   // attribute that names point with; "" the backend's own name
	Native      string   // native attribute that holds the names; "" when Reverse
	Reverse     string   // "Group.members": the values are the records of that type whose attribute names this one
	OrReverse   string   // as Reverse, where the directory turns out not to keep Native (`groups: [memberOf | ref(Group), reverse(Group.members)]`)
	ReadOnly    bool
	Set         bool   // writable multi-valued: listed adds and removes are sent as deltas without reading it
	Placeholder string // name that stands in an empty set; never shown
}

// Delete is what DELETE does.
type Delete struct {
	Policy string // remove, disable, refuse, move
	To     string // base for move
}

// DeleteName is the record's name under OnDelete().To.
func (m *Mapping) DeleteName(rec backends.Record, res *scim.Object) (backends.Template, error) {
	panic("contract")
}

// Unknown is a term of a filter that somebody else must answer before it can be lowered.
type Unknown struct {
	Key  string // Term printed: the key into Known
	Term filter.Compare
	Kind UnknownKind
	Ref  Reference // RefTerm, ReverseTerm
	Path scim.Ref
}

// UnknownKind says which answer is wanted.
type UnknownKind uint8

const (
	RefTerm     UnknownKind = iota + 1 // Names: what Term.Value (an id) is called; none: nobody, constant false
	ReverseTerm                        // Keys: the records that are members of Term.Value
	OverlayTerm                        // Keys: the records whose overlay attribute fulfils Term
)

// Known is what was looked up, by Unknown.Key.
type Known map[string]Answer

// Answer answers one Unknown.
type Answer struct {
	Names []string
	Keys  []backends.Key
}

// Unknowns lists the terms of a checked filter that must be looked up.
func (m *Mapping) Unknowns(e filter.Expr) []Unknown { panic("contract") }

// Lower turns a checked filter into what the directory answers and what is left to test on the SCIM side. Errors are *scim.Error 400 invalidFilter.
func (m *Mapping) Lower(e filter.Expr, known Known) (Lowered, error) { panic("contract") }

// Lowered is a filter in two halves: a record fulfils the filter when Where holds for it and Rest for its resource.
type Lowered struct {
	Where backends.Predicate
	Rest  filter.Expr         // nil: nothing is left
	Wants func(scim.Ref) bool // what Rest needs of the resource; nil when Rest is
	Why   []Reason            // for explain: a line for each term
}

// Reason says what became of one term of a filter.
type Reason struct{ Term, Native, Rest, Why string }

var _ context.Context
