// Package filter is the syntax of SCIM filters and attribute paths (RFC 7644 §3.4.2.2 and §3.5.2, figure 1), and nothing but syntax.
//
// Parse reads a filter, ParsePath a path of a PATCH operation or of `attributes=`. Both answer with a small closed tree (Compare, Has, And, Or, Not)
// that prints itself back, or with a *SyntaxError that says where, what was expected and what stood there. Whether an attribute exists, and whether
// an operator fits its type, is for package scim to say: here names are only spelled rightly.
//
// The text comes from strangers, so it is bounded: MaxLength bytes, and MaxDepth levels of parentheses and brackets, which is also how deep the parser
// recurses. Chains of `and` and `or` are loops, not recursion: they may be as long as the text may be.
package filter
