package embedded

import "sort"

const subschemaDN = "cn=Subschema"

// special is the root DSE or the subschema entry, which are no part of the tree and which everybody may read (RFC 4512 §5.1, §4.2).
func (s *Server) special(q searchRequest) (*entry, bool) {
	if q.scope != scopeBase {
		return nil, false
	}
	switch q.ndn {
	case "":
		return s.rootDSE(), true
	case "cn=subschema":
		return s.subschema(), true
	default:
		return nil, false
	}
}

func (s *Server) rootDSE() *entry {
	extensions := []string{oidPasswordModify, oidWhoAmI}
	if s.config.TLS != nil && !s.config.LDAPS {
		extensions = append(extensions, oidStartTLS)
	}
	return s.made("", []Attr{
		{"objectClass", []string{"top"}},
		{"namingContexts", []string{s.config.Suffix}},
		{"supportedControl", s.supportedControls()},
		{"supportedExtension", extensions},
		// All operational attributes by +, absolute filters, language tags and ranges, modify-increment.
		{"supportedFeatures", []string{
			"1.3.6.1.4.1.4203.1.5.1", "1.3.6.1.4.1.4203.1.5.2", "1.3.6.1.4.1.4203.1.5.3", "1.3.6.1.4.1.4203.1.5.4",
			"1.3.6.1.4.1.4203.1.5.5", "1.3.6.1.1.14",
		}},
		{"supportedLDAPVersion", []string{"3"}},
		{"vendorName", []string{"scim-adapter"}},
	})
}

func (s *Server) supportedControls() []string {
	var out []string
	for oid := range allowedOn {
		if oid != controlRelax && (s.store.fits(oid, tagSearchRequest) || oid != controlSort) { // slapd does not announce that either
			out = append(out, oid)
		}
	}
	sort.Strings(out)
	return out
}

func (s *Server) subschema() *entry {
	attrs := []Attr{{"objectClass", []string{"top", "subschema"}}, {"cn", []string{"Subschema"}}}
	for name, texts := range s.config.Schema.Texts() {
		attrs = append(attrs, Attr{name, texts})
	}
	return s.made(subschemaDN, attrs)
}

// made is an entry that was never stored. What the schema does not know stays out.
func (s *Server) made(dn string, attrs []Attr) *entry {
	e := &entry{}
	e.dn, e.ndn, _ = s.store.parseDN(dn)
	for _, a := range attrs {
		if _, ok := s.store.describe(a.Name); ok {
			e.attrs = append(e.attrs, s.store.own(a))
		}
	}
	return e
}

// special sends such an entry if the filter is true for it.
func (a *answer) special(e *entry) {
	if a.query.filter.eval(e) == isTrue {
		a.put(e.dn.String(), a.conn.srv.store.selected(e, a.query.attrs, true))
	}
}
