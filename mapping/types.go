package mapping

import (
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Problem is an attribute of a record that could not be shown.
type Problem struct {
	Path, Attr string
	Err        error
}

// Creation is a record to be made, and the changes that must follow in a second step (a password by its own operation).
type Creation struct {
	Name  backends.Template
	Attrs backends.Attributes
	Then  []backends.Change
	Again []backends.Change // after Then: what the directory takes away when a password is set
	// Dropped names what the resource held and nothing is mapped for (`emails[type eq "home"]`), for log and journal.
	Dropped []string
}

// Update is what must change. Nothing set: nothing to do.
type Update struct {
	Changes   []backends.Change // one Modify; adds and removes of values where that says it, Replace else
	Passwords []backends.Change // a step of its own, after Changes
	Again     []backends.Change // a step after Passwords: what the directory takes away when a password is set
	Move      backends.Template // the new name; nil: keeps it. Changes and Move do not touch each other's values: either may come first
	Dropped   []string          // as Creation.Dropped, of what after has and before had not; a PATCH whose path asked for it is 400
	Kept      []string          // states that were wanted away and stay, as nothing can be without them; a PATCH whose path asked for it is 400
	Pure      bool              // only adds and removes listed values of sets: needs no condition
}

// Empty reports that there is nothing to do.
func (u Update) Empty() bool {
	return len(u.Changes) == 0 && len(u.Passwords) == 0 && u.Move == nil
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
	Display     string // sub-attribute that shows what the record is called (Mapping.Label): display, displayName; "" for none
	Nested      bool   // Native names groups, too, that the record is in through another group: their type is not known from the name
}

// Delete is what DELETE does.
type Delete struct {
	Policy string // remove, disable, refuse, move
	To     string // base for move
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

// The kinds of Unknown. A reference with OrReverse is a RefTerm where the directory keeps the attribute and a
// ReverseTerm where it does not.
const (
	RefTerm     UnknownKind = iota + 1 // Names: what Term.Value (an id) is called; none: nobody, constant false
	ReverseTerm                        // Keys: the records that are members of Term.Value (eq), or of anything (pr)
	OverlayTerm                        // Keys: the records whose overlay attribute fulfils Term, whatever its operator
)

// Known is what was looked up, by Unknown.Key.
type Known map[string]Answer

// Answer answers one Unknown.
type Answer struct {
	Names []string
	Keys  []backends.Key
}

// Lowered is a filter in two halves: a record fulfils the filter when Where holds for it and Rest for its resource
// (its references resolved, its overlay laid over it, where Wants asks for them).
type Lowered struct {
	Where backends.Predicate
	Rest  filter.Expr         // nil: nothing is left
	Wants func(scim.Ref) bool // what Rest needs of the resource; nil when Rest is
	Why   []Reason            // for explain: a line for each term
}

// Reason says what became of one term of a filter.
type Reason struct {
	Term, Rest, Why string
	native          func() string // nil: nothing is sent
}

// Native is what the directory is asked, in its own language; "" for nothing. It is put into words only when somebody wants to read it.
func (r Reason) Native() string {
	if r.native == nil {
		return ""
	}
	return r.native()
}
