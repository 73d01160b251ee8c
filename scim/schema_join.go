package scim

import "slices"

// Join is the schema where two resource types have it, each with what is mapped there: it has the attributes of both, and of one that
// both have it says what holds in either. Neither is changed.
func (s *Schema) Join(other *Schema) *Schema {
	joined := *s
	joined.Attributes = joinAttributes(s.Attributes, other.Attributes)
	return &joined
}

func joinAttributes(ours, theirs []*Attribute) []*Attribute {
	joined := make([]*Attribute, 0, max(len(ours), len(theirs)))
	for _, a := range ours {
		if b := find(theirs, a.Name); b != nil {
			a = a.join(b)
		}
		joined = append(joined, a)
	}
	for _, b := range theirs {
		if find(ours, b.Name) == nil {
			joined = append(joined, b)
		}
	}
	return joined
}

func (a *Attribute) join(b *Attribute) *Attribute {
	joined := *a
	joined.Required = a.Required && b.Required
	joined.CaseExact = a.CaseExact && b.CaseExact
	if a.Mutability != b.Mutability {
		joined.Mutability = ReadWrite
	}
	if a.Returned != b.Returned {
		joined.Returned = ReturnedDefault
	}
	if a.Uniqueness != b.Uniqueness {
		joined.Uniqueness = UniqueNone
	}
	joined.CanonicalValues = joinTexts(a.CanonicalValues, b.CanonicalValues)
	joined.ReferenceTypes = joinTexts(a.ReferenceTypes, b.ReferenceTypes)
	if a.SubAttributes != nil || b.SubAttributes != nil {
		joined.SubAttributes = joinAttributes(a.SubAttributes, b.SubAttributes)
	}
	return &joined
}

// joinTexts are the words of both, each once. No words mean any word, so both have none then.
func joinTexts(ours, theirs []string) []string {
	if len(ours) == 0 || len(theirs) == 0 {
		return nil
	}
	joined := slices.Clone(ours)
	for _, t := range theirs {
		if !slices.Contains(joined, t) {
			joined = append(joined, t)
		}
	}
	return joined
}
