package mapping

import (
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Set is all mappings of a configuration, compiled.
type Set struct{ all []*Mapping }

// All are the mappings in the order of the file.
func (s *Set) All() []*Mapping { return s.all }

// Get finds a mapping by the name of its resource type, "User".
func (s *Set) Get(name string) (*Mapping, bool) {
	for _, m := range s.all {
		if m.name == name {
			return m, true
		}
	}
	return nil, false
}

// Mapping is the compiled YAML of one resource type over one backend. It is never changed once compiled.
type Mapping struct {
	doc         configs.Node
	name        string
	backendName string
	backend     backends.Backend
	rt          *scim.ResourceType

	attrs  []*attribute // in the order of the schemas
	fields []*field     // in the order of the file
	sets   []*rowSet    // in the order of the file

	naming    template // `create.name`
	set       []setAttr
	adopts    []Adopt
	follow    bool
	del       Delete
	protected map[string]bool // lower case
	scan      int
	refs      []Reference
	pointed   []pointed
	labels    []*field // what a record is called by those who point at it: the first that shows something
	tests     []configs.Node
	reads     reads
	spelled   map[string]string // native attributes as the mapping spells them, by lower case
	natives   map[string]bool   // the same, as they are spelled
}

// Name is the resource type's name, "User".
func (m *Mapping) Name() string { return m.name }

// BackendName is the name of the backend in the configuration.
func (m *Mapping) BackendName() string { return m.backendName }

// Backend is the class of records that the mapping is over.
func (m *Mapping) Backend() backends.Backend { return m.backend }

// ResourceType holds only what is mapped, with its true characteristics. Callers do not change it.
func (m *Mapping) ResourceType() *scim.ResourceType { return m.rt }

// References are the attributes whose values point at other records.
func (m *Mapping) References() []Reference { return m.refs }

// Overlays are the attributes with source `overlay`.
func (m *Mapping) Overlays() []scim.Ref {
	var refs []scim.Ref
	for _, f := range m.fields {
		if f.kind == fromOverlay {
			refs = append(refs, f.owner.ref())
		}
	}
	return refs
}

// OnDelete is what DELETE does.
func (m *Mapping) OnDelete() Delete { return m.del }

// Scan is how many records may be tested on the SCIM side for one search (key `scan`, 10,000 unless said).
func (m *Mapping) Scan() int { return m.scan }

// Creates reports that new records can be made: the mapping says how they are called, or they need no names.
func (m *Mapping) Creates() bool { return !m.readOnly() && (m.naming != nil || m.nameless()) }

// nameless reports that records have no names, but keys: rows of a table.
func (m *Mapping) nameless() bool { return m.backend != nil && !m.backend.Capabilities().Rename }

// readOnly reports that nothing can be written.
func (m *Mapping) readOnly() bool { return m.backend != nil && m.backend.Capabilities().ReadOnly }

// find finds an attribute by canonical names.
func (m *Mapping) find(uri, name string) *attribute {
	for _, a := range m.attrs {
		if strings.EqualFold(a.uri, uri) && strings.EqualFold(a.pub.Name, name) {
			return a
		}
	}
	return nil
}

// prep is how the matcher sees texts of a field: by the rule of the directory, which is known only once it is
// connected, so it is asked at match time.
func (m *Mapping) prep(f *field) func(string) string {
	if f.ref() != nil || f.kind == fromReverse {
		return nil // ids, compared as they are
	}
	return func(s string) string {
		rule, _ := m.rule(f)
		return backends.Normalize(rule, s)
	}
}

// Writes is the SCIM path that writes a native attribute, `emails[type eq "work"].value`, for messages; "" when none does. A set may be named whole, or
// one column of its rows.
func (m *Mapping) Writes(attr string) string {
	for _, f := range m.fields {
		if f.set != nil {
			if path := f.writesRows(attr); path != "" {
				return path
			}
			continue
		}
		for _, native := range f.writes() {
			if strings.EqualFold(native, attr) {
				return f.path.String()
			}
		}
	}
	return ""
}
