package scim

// The schemas are written as tables. An attribute starts with the defaults of RFC 7643 §2.2 (not required, no case, readWrite, returned by default,
// not unique) and an option says each thing that is otherwise.
type option func(*Attribute)

// NewAttribute makes an attribute of which nothing else is said: the defaults of RFC 7643 §2.2.
func NewAttribute(name string, t Type) *Attribute {
	return &Attribute{Name: name, Type: t, Mutability: ReadWrite, Returned: ReturnedDefault, Uniqueness: UniqueNone}
}

func attribute(name string, t Type, description string, options ...option) *Attribute {
	a := NewAttribute(name, t)
	a.Description = description
	for _, o := range options {
		o(a)
	}
	return a
}

func text(name, description string, options ...option) *Attribute {
	return attribute(name, TypeString, description, options...)
}

func complexOf(name, description string, subs []*Attribute, options ...option) *Attribute {
	a := attribute(name, TypeComplex, description, options...)
	a.SubAttributes = subs
	return a
}

func required(a *Attribute)  { a.Required = true }
func caseExact(a *Attribute) { a.CaseExact = true }
func multi(a *Attribute)     { a.MultiValued = true }
func readOnly(a *Attribute)  { a.Mutability = ReadOnly }
func immutable(a *Attribute) { a.Mutability = Immutable }

// secret is an attribute that can be set and never seen.
func secret(a *Attribute) { a.Mutability, a.Returned = WriteOnly, ReturnedNever }

func uniqueness(u Uniqueness) option  { return func(a *Attribute) { a.Uniqueness = u } }
func oneOf(values ...string) option   { return func(a *Attribute) { a.CanonicalValues = values } }
func pointsTo(types ...string) option { return func(a *Attribute) { a.ReferenceTypes = types } }

// everyPart makes the options hold for all of these sub-attributes.
func everyPart(subs []*Attribute, options ...option) []*Attribute {
	for _, s := range subs {
		for _, o := range options {
			o(s)
		}
	}
	return subs
}

// labelled is the usual shape of a multi-valued attribute's elements (RFC 7643 §2.4): a value, what it is for, and which one counts first.
func labelled(value *Attribute, kinds ...string) []*Attribute {
	return []*Attribute{
		value,
		text("display", "The value as people read it."),
		text("type", "What the value is for.", oneOf(kinds...)),
		attribute("primary", TypeBoolean, "Whether this is the one to be used first; true for one element at most."),
	}
}
