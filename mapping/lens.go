package mapping

import (
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Lens shows directory values as SCIM values and puts SCIM values back into what was there before.
// SCIM values are string, bool, int64 and json.Number. A lens is one word of a pipeline; the mapping composes them:
// what the left one gives (a string as String, a bool as Bool, an int64 as Int, a json.Number as Decimal) is native to the right one.
type Lens interface {
	// Get gives the SCIM values of native values; what it does not show (an unknown code) it leaves out.
	// An error means that the values cannot be read at all. The slice is the caller's.
	Get(native backends.Values) ([]any, error)
	// Put gives the native values that show as values and keeps what Get does not show of before. Get(Put(b, v)) is
	// the lens's own normal form of v. An error is a plain sentence about the value: mapping makes it 400
	// invalidValue and names the path.
	Put(before backends.Values, values []any) (backends.Values, error)
	// Where is the condition on the record for which some shown value stands in relation t.Op to t.Value. It holds for
	// every such record; it may hold for others too unless the Spec says Exact. ok is false when nothing can be said:
	// the term is then tested on the SCIM side. A literal that the lens could never show is backends.False, true.
	Where(t Test) (p backends.Predicate, ok bool)
}

// Test is what a lens is asked to say in the directory's terms. In a pipeline `a | x | y`, y translates first and hands
// x (through Next) what it made of operator and value; the Next of the first lens makes the leaf predicate on the
// attribute itself.
type Test struct {
	Attr   string
	Syntax backends.Syntax // what the directory knows of Attr, now
	Op     filter.Op       // never ne: that is `not eq`
	Value  any             // string, bool, int64 or json.Number; nil for pr
	Fold   bool            // the SCIM attribute compares without case

	// Next takes string, bool, int64, json.Number, []byte, time.Time or backends.Value. At the leaf a string compares by the
	// directory's own equality rule, an int64, json.Number or backends.Int as a number, a time.Time as an instant,
	// []byte as octets. A lens that wants another rule makes the predicate on Attr itself.
	Next func(op filter.Op, v any) (backends.Predicate, bool)
}

// Spec is a row of the table of lenses: what it is called, what it takes, what it makes, how it is built, and examples
// that run as tests and stand in the documentation.
type Spec struct {
	Name  string
	Usage string    // "bit(MASK[, NEW])"
	Doc   string    // Markdown, a paragraph
	Type  scim.Type // what Get yields; "" the same as what goes in
	Ops   []filter.Op
	// Text: what Get shows is the whole native text, letter case and outer blanks apart, so the directory's own rule
	// of comparison is right for what is shown. (A pipeline without lenses is Text.)
	Text bool
	// Caseless: what is shown compares without case, whatever SCIM says of the attribute; its caseExact is then false.
	Caseless bool
	// Exact: Where holds for exactly the records whose shown values fulfil the test, if the leaf compares as Test.Next
	// says. Without it the term is tested again on the SCIM side.
	Exact bool
	// Monotone: what is shown orders as the attribute's values do under this rule; NoRule: it may not.
	Monotone backends.Rule
	Part     bool // several paths may share one attribute, each writing its own part
	ReadOnly bool // Put is never called, with any argument
	Ref      bool // `ref`: not a lens but a mark; New is not called
	// LiftedByPassword: the directory takes the attribute away when a password is set (ppolicy lifts a lock), so that what shows
	// as false must be written again behind the password.
	LiftedByPassword bool
	Examples         []Example
	New              func(args []string) (Lens, error) // the error is a sentence that says what to write instead
}

// OneWay is what a Lens is, beside, when its arguments make it read-only (`absent` without one).
type OneWay interface{ OneWay() bool }

// Tabular is what a Lens is, beside, when it compares otherwise over a directory whose values are of the kind that their column is: codes in a table have
// no blanks that do not matter, and a column of numbers is asked for numbers.
type Tabular interface{ Tabular() Lens }

// Worded is what a Lens is, beside, when its arguments list all that it shows (`enum`): the canonical values of what is mapped through it
// (RFC 7643 §7). None: it shows no texts.
type Worded interface{ Words() []string }

// Example shows native values and what they look like in SCIM.
type Example struct {
	Args   []string
	Native []string
	Before []string // what was there, for Put; nil: nothing
	Scim   []any
	OneWay bool // Get only
}
