package embedded

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// upkeep is what the directory does by itself when an entry changes, as slapd's overlays memberof, refint and unique do.
type upkeep struct {
	memberOf bool
	refInt   bool
	nobody   string   // stands in for the last member that refint takes away; "": that member's name stays
	hash     bool     // passwords are stored as {SSHA}
	uniques  []string // attributes whose values only one entry may have
}

// refIntAttributes point at entries, and are followed when those are renamed or deleted.
var refIntAttributes = []string{"member", "uniqueMember", "manager", "owner", "seeAlso", "secretary"}

// unique refuses a value that another entry has (19, as the overlay does).
func (u upkeep) unique(s *store, before, now *entry) error {
	for _, name := range u.uniques {
		typ, ok := s.schema.Attribute(name)
		if !ok {
			continue
		}
		for _, a := range now.attrs {
			if a.typ != typ {
				continue
			}
			for i, v := range a.normal {
				if s.heldByAnother(typ, v, before) {
					return refuse(ConstraintViolation, "non-unique attributes found with (%s=%s)", typ.Name(), a.values[i])
				}
			}
		}
	}
	return nil
}

func (s *store) heldByAnother(typ *schema.AttributeType, normal string, self *entry) bool {
	found, ok := s.lookup(typ, normal)
	if !ok {
		found = slices.DeleteFunc(s.all(), func(e *entry) bool {
			return !slices.ContainsFunc(e.attrs, func(a attribute) bool { return a.typ == typ && slices.Contains(a.normal, normal) })
		})
	}
	return slices.ContainsFunc(found, func(e *entry) bool { return self == nil || e.id != self.id })
}

// after draws the consequences of a write that has been done: of a group for its members, of an entry for those who point at it.
func (u upkeep) after(w *writer, before, now *entry) {
	if u.memberOf {
		w.membership(before, now)
	}
	if u.refInt && before != nil && (now == nil || now.ndn != before.ndn) {
		w.repoint(before, now)
	}
}

// membership keeps memberOf of the people and groups that a group names. It is no change of theirs: their change numbers stay.
func (w *writer) membership(before, now *entry) {
	member, _ := w.schema.Attribute("member")
	had, has := w.members(before, member), w.members(now, member)
	renamed := before != nil && now != nil && before.ndn != now.ndn
	if !renamed && len(had) > 0 && len(has) > 0 && &had[0] == &has[0] && len(had) == len(has) {
		return
	}
	was, is := setOf(had), setOf(has)
	for _, m := range had {
		if !is[m] || renamed {
			w.setMemberOf(m, before, false)
		}
	}
	for _, m := range has {
		if !was[m] || renamed {
			w.setMemberOf(m, now, true)
		}
	}
}

func setOf(values []string) map[string]bool {
	set := make(map[string]bool, len(values))
	for _, v := range values {
		set[v] = true
	}
	return set
}

// members are the normalised names that a groupOfNames lists.
func (w *writer) members(e *entry, member *schema.AttributeType) []string {
	if e == nil || !slices.ContainsFunc(w.classesOf(e), func(c string) bool { return strings.EqualFold(c, "groupOfNames") }) {
		return nil
	}
	a, _ := e.find(description{typ: member})
	return a.normal
}

func (w *writer) setMemberOf(ndn string, group *entry, in bool) {
	e, ok := w.byDN[ndn]
	if !ok {
		return // a member that does not exist, or no longer
	}
	d, _ := w.describe("memberOf")
	a, _ := e.find(d)
	a.description = d
	switch at := slices.Index(a.normal, group.ndn); {
	case in && at < 0:
		a = a.plus(group.dn.String(), group.ndn)
	case !in && at >= 0:
		a = a.without(group.ndn)
	default:
		return
	}
	w.replace(e.with(a))
}

// repoint follows an entry that was renamed or deleted in the attributes that name it.
func (w *writer) repoint(before, now *entry) {
	for _, name := range refIntAttributes {
		d, ok := w.describe(name)
		if !ok {
			continue
		}
		found, _ := w.lookup(d.typ, before.ndn)
		for _, e := range found {
			e = w.byID[e.id] // an earlier turn of this loop may have changed it
			a, _ := e.find(d)
			out := w.touch(e.with(w.repointed(e, a, before, now)), "cn=Referential Integrity Overlay")
			w.replace(out)
			if w.upkeep.memberOf && now == nil {
				w.membership(e, out)
			}
		}
	}
}

func (w *writer) repointed(e *entry, a attribute, before, now *entry) attribute {
	a = a.without(before.ndn)
	switch {
	case now != nil:
		return a.plus(now.dn.String(), now.ndn)
	case len(a.values) > 0 || !w.demanded(e, a.typ):
		return a
	case w.upkeep.nobody != "":
		made, err := w.attribute(a.description, []string{w.upkeep.nobody})
		if err == nil {
			return made
		}
	}
	kept, _ := e.find(a.description)
	return kept
}

func (w *writer) demanded(e *entry, typ *schema.AttributeType) bool {
	return slices.Contains(w.rulesOf(w.classesOf(e)).must, typ)
}
