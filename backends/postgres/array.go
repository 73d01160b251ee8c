package postgres

import (
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// element is one of an array as the database has it.
type element struct {
	text *string // nil: NULL, which is no value and is not shown
	form string  // equal for what the type takes for equal
}

// elements are those of an array in the text that textSQL made. One of several dimensions is shown as if it had one, and cannot be written as if it had.
func (c *column) elements(attr, text string) ([]element, error) {
	parsed, err := parseJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	list, _ := parsed.([]any)
	all := make([]element, len(list))
	for i, e := range list {
		switch e := e.(type) {
		case []any:
			return nil, invalid(attr, "The array in the column "+c.name+" has several dimensions, and cannot be changed here.")
		case string:
			all[i].text, all[i].form = &e, c.sameForm(e) // what the database has need not be what it would be given
			if v, err := c.value(e); err == nil {
				if encoded, err := c.encode(attr, v); err == nil {
					all[i].form = c.sameForm(encoded)
				}
			}
		}
	}
	return all, nil
}

// editArray gives what changes make of a column with several values.
func (c *column) editArray(attr, text string, there bool, changes []backends.Change) (assignment, error) {
	none := assignment{}
	var now []element
	var err error
	if there {
		if now, err = c.elements(attr, text); err != nil {
			return none, err
		}
	}
	value := func(e element) bool { return e.text != nil }
	for _, ch := range changes {
		given := make([]element, len(ch.Values))
		for i, v := range ch.Values {
			text, err := c.encode(attr, v)
			if err != nil {
				return none, err
			}
			given[i] = element{&text, c.sameForm(text)}
		}
		switch {
		case ch.Op == backends.Remove && len(given) == 0:
			if !slices.ContainsFunc(now, value) {
				return none, noEffect(attr)
			}
			now = nil
		case ch.Op == backends.Replace:
			now = replaceElements(now, given)
		default:
			if now, err = changeElements(attr, now, given, ch.Op == backends.Remove); err != nil {
				return none, err
			}
		}
	}
	texts := make([]*string, len(now))
	for i, e := range now {
		texts[i] = e.text
	}
	return assignment{c, func(st *statement) { st.assignedAll(c, texts) }}, nil
}

func indexOf(all []element, e element) int {
	return slices.IndexFunc(all, func(other element) bool { return other.text != nil && other.form == e.form })
}

// changeElements adds elements to an array, or removes them, each of which must have an effect.
func changeElements(attr string, now, given []element, remove bool) ([]element, error) {
	for _, e := range given {
		switch at := indexOf(now, e); {
		case remove != (at >= 0):
			return nil, noEffect(attr)
		case remove:
			now = slices.DeleteFunc(slices.Clone(now), func(other element) bool { return other.text != nil && other.form == e.form })
		default:
			now = append(now, e)
		}
	}
	return now, nil
}

// replaceElements puts elements in the place of all that are values. A NULL stays as long as any value does, and then so does its place among those that stay.
func replaceElements(now, given []element) []element {
	var fresh []element
	for _, e := range given {
		if indexOf(fresh, e) < 0 {
			fresh = append(fresh, e)
		}
	}
	if len(fresh) == 0 || !slices.ContainsFunc(now, func(e element) bool { return e.text == nil }) {
		return fresh
	}
	var kept []element
	for _, e := range now {
		if e.text == nil {
			kept = append(kept, e)
		} else if at := indexOf(fresh, e); at >= 0 {
			kept, fresh = append(kept, fresh[at]), slices.Delete(fresh, at, at+1)
		}
	}
	return append(kept, fresh...)
}
