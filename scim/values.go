package scim

// Values are those that the reference leads to in a resource. What is complex stands for its `value`, as it does in a filter.
func (r Ref) Values(res *Object) []any {
	var all []any
	for a, v := range valuesAt(res, r) {
		if a.Type == TypeComplex {
			v = member(v, valueName)
		}
		if present(v) {
			all = append(all, v)
		}
	}
	return all
}
