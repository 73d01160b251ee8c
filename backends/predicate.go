package backends

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Predicate is a condition on a record, in no directory's syntax. The set is closed. "Any" semantics over multi-valued attributes; a test of
// an absent attribute is false, and so is a test of a value that cannot be read under the rule. Nothing is undefined: Not turns true and
// false around and knows no third. nil stands for True.
// String is for explain and logs; Reader.Native says what the directory is really asked.
type Predicate interface {
	fmt.Stringer
	isPredicate()
}

// The tests; Rule is the comparison that is wanted. And what joins them.
type (
	// Eq holds when a value equals Value.
	Eq struct {
		Attr  string
		Value Value
		Rule  Rule
	}
	// Prefix holds when a value begins with Text.
	Prefix struct {
		Attr, Text string
		Rule       Rule
	}
	// Suffix holds when a value ends with Text.
	Suffix struct {
		Attr, Text string
		Rule       Rule
	}
	// Contains holds when Text stands anywhere in a value.
	Contains struct {
		Attr, Text string
		Rule       Rule
	}
	// Order holds when a value stands before or after Value.
	Order struct {
		Attr  string
		Op    OrderOp
		Value Value
		Rule  Rule
	}
	// Present holds when there is a value.
	Present struct{ Attr string }
	// AllBits holds when a value is a number in which all bits of Mask are set.
	AllBits struct {
		Attr string
		Mask uint64
	}
	// Some holds when one of the attribute's values is a Row for which Where holds, all of it. Where tests the row's attributes.
	Some struct {
		Attr  string
		Where Predicate
	}
	// KeyIn holds for the records with these keys. Of many, OneOf makes it.
	KeyIn struct {
		Keys   []Key
		sorted bool
	}
	// And holds when each of its terms does; without terms it holds.
	And []Predicate
	// Or holds when one of its terms does; without terms it does not.
	Or []Predicate
	// Not holds when Term does not.
	Not struct{ Term Predicate }
	// True holds.
	True struct{}
	// False does not.
	False struct{}
)

// OrderOp is an order operator.
type OrderOp uint8

// The order operators.
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
func (Some) isPredicate()     {}
func (KeyIn) isPredicate()    {}
func (And) isPredicate()      {}
func (Or) isPredicate()       {}
func (Not) isPredicate()      {}
func (True) isPredicate()     {}
func (False) isPredicate()    {}

// String is the operator as SCIM writes it.
func (o OrderOp) String() string {
	switch o {
	case Less:
		return "lt"
	case LessEq:
		return "le"
	case Greater:
		return "gt"
	case GreaterEq:
		return "ge"
	}
	return "?"
}

func leaf(attr, op string, literal string, rule Rule) string {
	return attr + " " + op + " " + strconv.Quote(literal) + " (" + rule.String() + ")"
}

func (p Eq) String() string       { return leaf(p.Attr, "eq", p.Value.String(), p.Rule) }
func (p Prefix) String() string   { return leaf(p.Attr, "sw", p.Text, p.Rule) }
func (p Suffix) String() string   { return leaf(p.Attr, "ew", p.Text, p.Rule) }
func (p Contains) String() string { return leaf(p.Attr, "co", p.Text, p.Rule) }
func (p Order) String() string    { return leaf(p.Attr, p.Op.String(), p.Value.String(), p.Rule) }
func (p Present) String() string  { return p.Attr + " pr" }
func (p AllBits) String() string  { return fmt.Sprintf("%s has all bits of %#x", p.Attr, p.Mask) }
func (p Some) String() string     { return p.Attr + "[" + Describe(p.Where) + "]" }
func (p And) String() string      { return joinTerms(p, " and ") }
func (p Or) String() string       { return joinTerms(p, " or ") }
func (p Not) String() string      { return "not " + Describe(p.Term) }
func (True) String() string       { return "true" }
func (False) String() string      { return "false" }

// OneOf holds for the records with these keys, and is quick to be matched however many they are.
func OneOf(keys []Key) KeyIn {
	return KeyIn{Keys: slices.Compact(slices.Sorted(slices.Values(keys))), sorted: true}
}

func (p KeyIn) has(key Key) bool {
	if !p.sorted {
		return slices.Contains(p.Keys, key)
	}
	_, found := slices.BinarySearch(p.Keys, key)
	return found
}

func (p KeyIn) String() string {
	keys := make([]string, len(p.Keys))
	for i, key := range p.Keys {
		keys[i] = strconv.Quote(string(key))
	}
	return "key in [" + strings.Join(keys, ", ") + "]"
}

// Describe is p.String(), and "true" for nil.
func Describe(p Predicate) string {
	if p == nil {
		return True{}.String()
	}
	return p.String()
}

func joinTerms(terms []Predicate, by string) string {
	texts := make([]string, len(terms))
	for i, term := range terms {
		texts[i] = Describe(term)
	}
	return "(" + strings.Join(texts, by) + ")"
}
