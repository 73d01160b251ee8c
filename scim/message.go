package scim

// CheckMessage refuses a body whose `schemas` name another message than this one. A body without `schemas` is let pass: its URL says what it is.
func CheckMessage(o *Object, urn string) error {
	if v, ok := o.Get(attrSchemas); ok && v != nil && !namesSchema(v, urn) {
		return BadRequest(InvalidSyntax, "The body's schemas must name %s.", urn)
	}
	return nil
}
