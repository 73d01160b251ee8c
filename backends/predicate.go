package backends

// Rule is how two values of an attribute compare. Normalize(rule, text) gives equal texts for equal values.
type Rule uint8

const (
	NoRule          Rule = iota
	CaseExact            // code point by code point
	CaseIgnore           // Unicode case folded
	CaseExactSpace       // RFC 4518: leading and trailing blanks gone, inner runs are one
	CaseIgnoreSpace      // both: LDAP's caseIgnoreMatch
	IntegerRule
	TimeRule // generalizedTime, timestamps: an instant
	BooleanRule
	OctetRule
	NameRule    // DN: compared by RDN, attribute type and value rules
	NumericRule // blanks gone
	TelRule     // telephoneNumberMatch: blanks and hyphens gone, case ignored
)

// Predicate is a condition on a record, in no directory's syntax. The set is closed. "Any" semantics over multi-valued attributes; a test of an absent attribute is false.
type Predicate interface{ isPredicate() }

// The tests. Rule is the comparison that is wanted.
type (
	Eq struct {
		Attr  string
		Value Value
		Rule  Rule
	}
	Prefix struct {
		Attr, Text string
		Rule       Rule
	}
	Suffix struct {
		Attr, Text string
		Rule       Rule
	}
	Contains struct {
		Attr, Text string
		Rule       Rule
	}
	Order struct {
		Attr  string
		Op    OrderOp
		Value Value
		Rule  Rule
	}
	Present struct{ Attr string }
	AllBits struct {
		Attr string
		Mask uint64
	}
	KeyIn struct{ Keys []Key }
	And   []Predicate
	Or    []Predicate
	Not   struct{ Term Predicate }
	True  struct{}
	False struct{}
)

// OrderOp is an order operator.
type OrderOp uint8

const (
	Less OrderOp = iota + 1
	LessEq
	Greater
	GreaterEq
)

func (Eq) isPredicate()       {}
func (Prefix) isPredicate()   {}
func (Suffix) isPredicate()   {}
func (Contains) isPredicate() {}
func (Order) isPredicate()    {}
func (Present) isPredicate()  {}
func (AllBits) isPredicate()  {}
func (KeyIn) isPredicate()    {}
func (And) isPredicate()      {}
func (Or) isPredicate()       {}
func (Not) isPredicate()      {}
func (True) isPredicate()     {}
func (False) isPredicate()    {}

// Contract (owner: backends helper):
//   func Match(p Predicate, r Record) bool
//   func Normalize(rule Rule, s string) string
//   func Simplify(p Predicate) Predicate       // flattens, folds True/False
//   func AttrsOf(p Predicate) []string
