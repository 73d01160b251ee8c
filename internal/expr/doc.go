// Package expr is the expressions of a mapping: small formulas in CEL for what a pipeline of lenses cannot say.
//
// An expression is compiled once, when the configuration is loaded, and evaluated for each record from many goroutines.
// Compiling finds everything that can be found without data: syntax, names, types, a pattern that is no regular expression, and
// a formula that could become too expensive. Each fault has a line and a column within the expression, so that the mapping can
// point at the YAML. Evaluating is bounded: by the cost of what is done (not by a clock) and by the context.
//
// There are three places for an expression, which differ in what they see:
//
//	read:     the record. Each name is an attribute, a list of strings: first(givenName) + ' ' + first(sn).
//	          record["cn;lang-de"] is for names that are no identifiers. An attribute that the record lacks is [].
//	write:    `value`, the SCIM value, and `before`, the record as it was: before.givenName, before["cn;lang-de"].
//	onCreate: `resource`, the SCIM resource that is being created: resource.userName.
//
// Read and Write say which attributes they read (Reads), because only those are asked of the directory. That is why an attribute
// has to be named in the text, and record[x] is a fault.
//
// Beside CEL's own functions there are first, join, split, lower, upper, trim, replace, matches, extract and rewrite; the last three take a
// regular expression, which has to be written out and is compiled with the expression.
package expr
