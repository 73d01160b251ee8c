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
	Attr   string // "" only for a path that is a bare schema URN (PATCH)
	Filter Expr   // the condition in brackets; nil when there is none
	Sub    string // the sub-attribute; "" when there is none
}

// Expr is a filter expression: one of Compare, Present-like Has, And, Or, Not. The set is closed.
// String prints it in RFC 7644 syntax so that Parse(e.String()) is e again (positions apart).
type Expr interface {
	String() string
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
