package mapping

import (
	"fmt"
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// disagreements reports attributes of one schema of which two mappings make different things. What a schema that nobody has defined holds follows
// from the lenses, and /Schemas, which shows every schema once whatever types have it (RFC 7644 §4), would be wrong of one of them.
func (s *Set) disagreements() configs.Faults {
	var faults configs.Faults
	type use struct {
		name string
		a    *scim.Attribute
		f    *field
	}
	first := map[string]use{}
	for _, m := range s.all {
		for _, f := range m.fields {
			if f.path.uri == "" {
				continue
			}
			uses := []use{{f.path.uri + ":" + f.owner.pub.Name, f.owner.pub, f}}
			if f.path.sub != nil {
				if sub := subAttribute(f.owner.pub, f.path.sub.Name); sub != nil {
					uses = append(uses, use{f.path.String(), sub, f})
				}
			}
			for _, u := range uses {
				other, known := first[strings.ToLower(u.name)]
				if !known {
					first[strings.ToLower(u.name)] = u
					continue
				}
				if u.a.Type == other.a.Type && u.a.MultiValued == other.a.MultiValued {
					continue
				}
				file, line, _ := other.f.node.Position()
				faults = append(faults, f.node.Fault("map both alike, or put one of them under another URN",
					"%s is %s, and %s:%d makes it %s", u.name, kindOf(u.a), file, line, kindOf(other.a)))
				break
			}
		}
	}
	return faults
}

// kindOf says in words what clients would see of an attribute.
func kindOf(a *scim.Attribute) string {
	if a.MultiValued {
		return fmt.Sprintf("a list of %s values", a.Type)
	}
	return fmt.Sprintf("one %s value", a.Type)
}
