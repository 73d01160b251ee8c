package filter

// Op is a comparison operator of RFC 7644 §3.4.2.2, in lower case whatever case it was written in.
type Op string

// The operators of RFC 7644 table 3.
const (
	Eq Op = "eq"
	Ne Op = "ne"
	Co Op = "co"
	Sw Op = "sw"
	Ew Op = "ew"
	Gt Op = "gt"
	Ge Op = "ge"
	Lt Op = "lt"
	Le Op = "le"
	Pr Op = "pr"
)

// Path names an attribute: [URI:]Attr[[Filter]][.Sub]. Names stand as they were written; comparing them without case is
// scim's business. URI is the schema URN without the trailing colon, or a short prefix such as "enterprise" in a mapping; "" when there is none.
type Path struct {
	URI    string
	Attr   string // "" only for a path that can be nothing but a bare schema URN
	Filter Expr   // the condition in brackets; nil when there is none
	Sub    string // the sub-attribute; "" when there is none
}

// Whole is the path's text without its filter, and ok false when it has one. Syntax alone cannot tell the bare URN
// "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User" from attribute "User" of a schema "…:2.0": who knows the schemas compares Whole with them first.
func (p Path) Whole() (text string, ok bool) {
	if p.Filter != nil {
		return "", false
	}
	return p.String(), true
}

// Expr is a filter expression: one of Compare, Has, And, Or, Not. The set is closed.
// String prints it in RFC 7644 syntax so that Parse(e.String()) is e again (positions apart).
type Expr interface {
	String() string
	appendTo(dst []byte, level int) []byte
	isExpr()
}

// Compare is "path op value", or "path pr" (Value is then nil and means nothing).
// Value is a string, a bool, a json.Number (digits kept as written) or nil for null.
type Compare struct {
	Path  Path
	Op    Op
	Value any
	Pos   int // byte offset of the path in the text it was parsed from
}

// Has is a bare value path, `emails[type eq "work"]`: some element fulfils Path.Filter.
type Has struct {
	Path Path
	Pos  int
}

// And is true when each of its two or more terms is.
type And struct{ Terms []Expr }

// Or is true when one of its two or more terms is.
type Or struct{ Terms []Expr }

// Not is true when Term is not.
type Not struct{ Term Expr }

func (Compare) isExpr() {}
func (Has) isExpr()     {}
func (And) isExpr()     {}
func (Or) isExpr()      {}
func (Not) isExpr()     {}

// Walk calls visit for e and, where visit answers true, for the terms below it, in the order they were written.
// It does not enter brackets: the paths in there are those of an element, not of the resource; walk Path.Filter for them.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	switch e := e.(type) {
	case And:
		for _, t := range e.Terms {
			Walk(t, visit)
		}
	case Or:
		for _, t := range e.Terms {
			Walk(t, visit)
		}
	case Not:
		Walk(e.Term, visit)
	}
}
