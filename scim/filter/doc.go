// Package filter is the syntax of SCIM filters and attribute paths (RFC 7644 §3.4.2.2 and §3.5.2, figure 1), and nothing but syntax.
package filter

// Contract (owner: the scim helper):
//   func Parse(s string) (Expr, error)          // *SyntaxError on bad input
//   func ParsePath(s string) (Path, error)      // a PATCH path or an attribute of `attributes=`: attr, attr.sub, attr[filter], attr[filter].sub, urn:…:attr.sub, bare URN
//   type SyntaxError struct { Input string; Pos int; Want, Found string }  with Error()
//   func Walk(e Expr, visit func(Expr) bool)
//   func (p Path) String() string; String() on every Expr
//   const MaxLength, MaxDepth
