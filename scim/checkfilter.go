package scim

import "github.com/scim-adapter/scim-adapter/scim/filter"

// ParseFilter parses and checks the `filter` of a search. The error is an *Error, 400 invalidFilter.
func (rt *ResourceType) ParseFilter(text string) (filter.Expr, error) {
	e, err := filter.Parse(text)
	if err != nil {
		return nil, BadRequest(InvalidFilter, "The filter cannot be read: at %s.", err).Wrap(err)
	}
	return e, rt.CheckFilter(e)
}

// CheckFilter refuses a filter that has no answer, with 400 invalidFilter: an attribute that is not known or may not be asked about, or an operator
// or value that does not fit the attribute's type (RFC 7644 §3.4.2.2). What it lets pass, Match answers.
func (rt *ResourceType) CheckFilter(e filter.Expr) error {
	switch e := e.(type) {
	case filter.And:
		return checkTerms(e.Terms, rt.CheckFilter)
	case filter.Or:
		return checkTerms(e.Terms, rt.CheckFilter)
	case filter.Not:
		return rt.CheckFilter(e.Term)
	case filter.Has:
		_, err := rt.checkPath(e.Path)
		return err
	case filter.Compare:
		ref, err := rt.checkPath(e.Path)
		if err != nil {
			return err
		}
		return checkComparison(ref.Target(), e)
	default:
		return BadRequest(InvalidFilter, "The filter holds an expression that is not known.")
	}
}

func checkTerms(terms []filter.Expr, check func(filter.Expr) error) error {
	for _, t := range terms {
		if err := check(t); err != nil {
			return err
		}
	}
	return nil
}

// checkPath finds what a path in a filter means, and checks its brackets.
func (rt *ResourceType) checkPath(p filter.Path) (Ref, error) {
	ref, ok := rt.locate(p)
	switch {
	case !ok:
		p.Filter = nil
		return Ref{}, BadRequest(InvalidFilter, "%s has no attribute %q that can be filtered on.", rt.Name, short(p.String()))
	case ref.Attr == nil:
		return Ref{}, BadRequest(InvalidFilter, "%q is a schema, not an attribute: schemas eq %q finds who has it.", ref.URI, ref.URI)
	}
	if hidden(ref.Attr) || hidden(ref.Target()) {
		return Ref{}, BadRequest(InvalidFilter, "%s may not be filtered on.", ref.Top())
	}
	if ref.Filter != nil {
		return ref, checkBrackets(ref.Attr, ref.Filter)
	}
	return ref, nil
}

// hidden is true of what a filter must not reveal: asking often enough would spell a password out.
func hidden(a *Attribute) bool { return a.Returned == ReturnedNever || a.Mutability == WriteOnly }

// checkBrackets checks the filter in the brackets behind attr.
func checkBrackets(attr *Attribute, e filter.Expr) error {
	if attr.Type != TypeComplex && !attr.MultiValued {
		return BadRequest(InvalidFilter, "%s has a single simple value: there is nothing to choose in brackets.", attr.Name)
	}
	inside := func(e filter.Expr) error { return checkBrackets(attr, e) }
	switch e := e.(type) {
	case filter.And:
		return checkTerms(e.Terms, inside)
	case filter.Or:
		return checkTerms(e.Terms, inside)
	case filter.Not:
		return inside(e.Term)
	case filter.Compare:
		sub, ok := within(attr, e.Path)
		switch {
		case !ok:
			return BadRequest(InvalidFilter, "%s has no sub-attribute %q.", attr.Name, short(e.Path.String()))
		case hidden(sub):
			return BadRequest(InvalidFilter, "%s.%s may not be filtered on.", attr.Name, sub.Name)
		}
		return checkComparison(sub, e)
	default:
		return BadRequest(InvalidFilter, "The brackets behind %s hold an expression that is not known.", attr.Name)
	}
}

// checkComparison refuses what makes no sense of an attribute's type.
func checkComparison(a *Attribute, c filter.Compare) error {
	if c.Op == filter.Pr || c.Value == nil && (c.Op == filter.Eq || c.Op == filter.Ne) {
		return nil
	}
	name := short(c.Path.String())
	if a.Type == TypeComplex {
		if a = a.Sub(valueName); a == nil {
			return BadRequest(InvalidFilter, "%s has parts and no value of its own: name the part, as in %s.part %s ….", name, name, c.Op)
		}
	}
	if c.Value == nil {
		return BadRequest(InvalidFilter, "%s %s null makes no sense: null goes with eq and ne.", name, c.Op)
	}
	if !fitsOperator(a.Type, c.Op) {
		return BadRequest(InvalidFilter, "The operator %s does not go with %s, which is of type %s.", c.Op, name, a.Type)
	}
	if !fitsLiteral(a.Type, c.Value) {
		return BadRequest(InvalidFilter, "%s is of type %s and cannot be compared with %s.", name, a.Type, literalName(c.Value))
	}
	return nil
}

// fitsOperator: order is not defined on booleans and binaries (RFC 7644 table 3), and only text has beginnings and ends.
func fitsOperator(t Type, op filter.Op) bool {
	switch op {
	case filter.Co, filter.Sw, filter.Ew:
		return t == TypeString || t == TypeReference
	case filter.Gt, filter.Ge, filter.Lt, filter.Le:
		return t != TypeBoolean && t != TypeBinary
	default:
		return true
	}
}

func fitsLiteral(t Type, v any) bool {
	switch t {
	case TypeBoolean:
		_, ok := truth(v)
		return ok
	case TypeInteger, TypeDecimal:
		return isNumber(v)
	case TypeDateTime:
		s, _ := v.(string)
		_, ok := instant(s)
		return ok
	default:
		_, ok := v.(string)
		return ok
	}
}

func literalName(v any) string {
	switch v := v.(type) {
	case string:
		return "the string " + string(appendString(nil, short(v)))
	case bool:
		return "a boolean"
	default:
		return "a number"
	}
}
