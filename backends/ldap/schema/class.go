package schema

import (
	"slices"
	"strings"
)

// ObjectClass is one object class. Must and May are its own, without those of its superclasses.
type ObjectClass struct {
	OID   string
	Names []string
	Sup   []string
	Kind  ClassKind
	Must  []string
	May   []string
}

// ClassKind is what an object class is for (RFC 4512 §2.4).
type ClassKind uint8

// The kinds of object class.
const (
	Structural ClassKind = iota
	Abstract
	Auxiliary
)

// Name is the class's first name, or its OID when it has none.
func (c *ObjectClass) Name() string { return nameOf(c.Names, c.OID) }

// Class finds an object class by any of its names or its OID, without case.
func (s *Schema) Class(name string) (*ObjectClass, bool) {
	c, ok := s.classes[strings.ToLower(strings.TrimSpace(name))]
	return c, ok
}

// Superclasses are the class and all above it, nearest first, each once.
func (s *Schema) Superclasses(name string) []*ObjectClass {
	var out []*ObjectClass
	queue := []string{name}
	for len(queue) > 0 {
		c, ok := s.Class(queue[0])
		queue = queue[1:]
		if !ok || slices.Contains(out, c) {
			continue
		}
		out = append(out, c)
		queue = append(queue, c.Sup...)
	}
	return out
}

// Must are the attributes that an entry of these classes needs, superclasses included, each once under the name the schema gives it.
func (s *Schema) Must(classes ...string) []string {
	return s.collect(classes, func(c *ObjectClass) []string { return c.Must })
}

// May are the attributes that an entry of these classes may have beside those it must.
func (s *Schema) May(classes ...string) []string {
	must := s.Must(classes...)
	may := s.collect(classes, func(c *ObjectClass) []string { return c.May })
	return slices.DeleteFunc(may, func(name string) bool { return slices.Contains(must, name) })
}

func (s *Schema) collect(classes []string, of func(*ObjectClass) []string) []string {
	var out []string
	for _, name := range classes {
		for _, c := range s.Superclasses(name) {
			for _, attr := range of(c) {
				if attr = s.canonical(attr); !slices.Contains(out, attr) {
					out = append(out, attr)
				}
			}
		}
	}
	return out
}

// canonical is the name the schema gives an attribute; a name it does not know stays as it is.
func (s *Schema) canonical(attr string) string {
	if a, ok := s.Attribute(attr); ok {
		return a.Name()
	}
	return attr
}

func (s *Schema) addClass(d description) {
	c := &ObjectClass{OID: d.oid, Names: d.words["NAME"], Sup: d.words["SUP"], Must: d.words["MUST"], May: d.words["MAY"]}
	switch {
	case d.has("ABSTRACT"):
		c.Kind = Abstract
	case d.has("AUXILIARY"):
		c.Kind = Auxiliary
	}
	register(s.classes, c, c.OID, c.Names)
	s.texts[objectClasses] = append(s.texts[objectClasses], d.text)
}

// linkClasses drops superclasses that are the class itself; a longer circle is harmless, since Superclasses takes each class once.
func (s *Schema) linkClasses() {
	for _, c := range s.classes {
		c.Sup = slices.DeleteFunc(c.Sup, func(name string) bool { p, ok := s.Class(name); return ok && p == c })
	}
}
