package schema

import (
	"slices"
	"strings"
)

// Schema is a directory's schema. It is immutable and may be used from many goroutines.
type Schema struct {
	attrs    map[string]*AttributeType
	classes  map[string]*ObjectClass
	rules    map[string]*MatchingRule
	syntaxes map[string]*LDAPSyntax
	uses     map[string]*matchingUse
	order    []*AttributeType // as they came, each once
	texts    map[string][]string
}

// AttributeType is one attribute type, with what it inherits filled in.
type AttributeType struct {
	OID      string
	Names    []string // the first is the one to show
	Equality string   // matching rules by name or OID, as published; "" when there is none
	Ordering string
	Substr   string
	Syntax   string // OID
	Bound    int    // {len}: how long values a server must at least take (RFC 4512 §4.1.2); not a limit
	Single   bool
	Obsolete bool
	NoUser   bool // NO-USER-MODIFICATION
	Usage    string

	sup    string
	parent *AttributeType
	linked bool
}

// Name is the type's first name, or its OID when it has none.
func (a *AttributeType) Name() string { return nameOf(a.Names, a.OID) }

// Operational says that a search returns the attribute only when it is asked for.
func (a *AttributeType) Operational() bool {
	return a.Usage != "" && !strings.EqualFold(a.Usage, "userApplications")
}

// Is says whether a is t or a subtype of it (cn is a name).
func (a *AttributeType) Is(t *AttributeType) bool {
	for n := 0; a != nil && n < maxDepth; a, n = a.parent, n+1 {
		if a == t {
			return true
		}
	}
	return false
}

// MatchingRule is one matching rule.
type MatchingRule struct {
	OID    string
	Names  []string
	Syntax string // of the assertion
}

// LDAPSyntax is one syntax.
type LDAPSyntax struct {
	OID    string
	Desc   string
	Binary bool // X-NOT-HUMAN-READABLE or X-BINARY-TRANSFER-REQUIRED
}

type matchingUse struct {
	applies map[string]bool // lower-case names and OIDs
}

// maxDepth bounds the walk along SUP, so that a schema whose types are their own parents does no harm.
const maxDepth = 32

func newSchema() *Schema {
	return &Schema{
		attrs: map[string]*AttributeType{}, classes: map[string]*ObjectClass{}, rules: map[string]*MatchingRule{},
		syntaxes: map[string]*LDAPSyntax{}, uses: map[string]*matchingUse{}, texts: map[string][]string{},
	}
}

// Attribute finds an attribute type by any of its names or its OID, without case; options (cn;lang-de) do not matter.
func (s *Schema) Attribute(description string) (*AttributeType, bool) {
	a, ok := s.attrs[strings.ToLower(StripOptions(description))]
	return a, ok
}

// Attributes are all attribute types, in the order in which they were read.
func (s *Schema) Attributes() []*AttributeType { return slices.Clone(s.order) }

// Rule finds a matching rule by name or OID.
func (s *Schema) Rule(name string) (*MatchingRule, bool) {
	r, ok := s.rules[strings.ToLower(name)]
	return r, ok
}

// HasRule says whether the directory knows a matching rule, by name or OID.
func (s *Schema) HasRule(name string) bool { _, ok := s.Rule(name); return ok }

// Texts are the descriptions as they were read, for a server that publishes them: attributeTypes and so on.
func (s *Schema) Texts() map[string][]string {
	out := map[string][]string{}
	for key, name := range map[string]string{
		attributeTypes: "attributeTypes", objectClasses: "objectClasses", matchingRules: "matchingRules",
		matchingRuleUse: "matchingRuleUse", ldapSyntaxes: "ldapSyntaxes",
	} {
		if texts := s.texts[key]; len(texts) > 0 {
			out[name] = slices.Clone(texts)
		}
	}
	return out
}

// StripOptions takes the options off an attribute description (RFC 4512 §2.5): `cn;lang-de` is about cn.
func StripOptions(description string) string {
	name, _, _ := strings.Cut(description, ";")
	return strings.TrimSpace(name)
}

func (s *Schema) addAttribute(d description) {
	oid, bound := d.syntax()
	a := &AttributeType{
		OID: d.oid, Names: d.words["NAME"], Equality: d.one("EQUALITY"), Ordering: d.one("ORDERING"), Substr: d.one("SUBSTR"),
		Syntax: oid, Bound: bound, Single: d.has("SINGLE-VALUE"), Obsolete: d.has("OBSOLETE"), NoUser: d.has("NO-USER-MODIFICATION"),
		Usage: d.one("USAGE"), sup: d.one("SUP"),
	}
	register(s.attrs, a, a.OID, a.Names)
	s.order = append(s.order, a)
	s.texts[attributeTypes] = append(s.texts[attributeTypes], d.text)
}

func (s *Schema) addRule(d description) {
	oid, _ := d.syntax()
	r := &MatchingRule{OID: d.oid, Names: d.words["NAME"], Syntax: oid}
	register(s.rules, r, r.OID, r.Names)
	s.texts[matchingRules] = append(s.texts[matchingRules], d.text)
}

func (s *Schema) addUse(d description) {
	u := &matchingUse{applies: map[string]bool{}}
	for _, name := range d.words["APPLIES"] {
		u.applies[strings.ToLower(name)] = true
	}
	register(s.uses, u, d.oid, d.words["NAME"])
	s.texts[matchingRuleUse] = append(s.texts[matchingRuleUse], d.text)
}

func (s *Schema) addSyntax(d description) {
	truth := func(keyword string) bool { return strings.EqualFold(d.one(keyword), "TRUE") }
	y := &LDAPSyntax{OID: d.oid, Desc: d.one("DESC"), Binary: truth("X-NOT-HUMAN-READABLE") || truth("X-BINARY-TRANSFER-REQUIRED")}
	register(s.syntaxes, y, y.OID, nil)
	s.texts[ldapSyntaxes] = append(s.texts[ldapSyntaxes], d.text)
}

// register files a definition under its OID and its names. The first to claim a name keeps it.
func register[T any](table map[string]*T, item *T, oid string, names []string) {
	for _, name := range append([]string{oid}, names...) {
		key := strings.ToLower(name)
		if _, taken := table[key]; !taken {
			table[key] = item
		}
	}
}

// link fills in what types and classes inherit. It runs once all are known, since a child may be published before its parent.
func (s *Schema) link() {
	for _, a := range s.order {
		s.linkAttribute(a, 0)
	}
	s.linkClasses()
}

func (s *Schema) linkAttribute(a *AttributeType, depth int) {
	if a.linked || depth > maxDepth {
		return
	}
	a.linked = true // set before the parent is visited: a circle ends here
	parent, ok := s.attrs[strings.ToLower(a.sup)]
	if a.sup == "" || !ok || parent == a {
		return
	}
	s.linkAttribute(parent, depth+1)
	a.parent = parent
	inherit(&a.Equality, parent.Equality)
	inherit(&a.Ordering, parent.Ordering)
	inherit(&a.Substr, parent.Substr)
	inherit(&a.Syntax, parent.Syntax)
	if a.Bound == 0 {
		a.Bound = parent.Bound
	}
}

func inherit(own *string, parent string) {
	if *own == "" {
		*own = parent
	}
}

func nameOf(names []string, oid string) string {
	if len(names) > 0 {
		return names[0]
	}
	return oid
}
