package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// The extensions that make a difference here, by the OIDs under which a root DSE announces them.
const (
	oidAssertion      = "1.3.6.1.1.12"                      // RFC 4528
	oidPreRead        = "1.3.6.1.1.13.1"                    // RFC 4527
	oidPostRead       = "1.3.6.1.1.13.2"                    // RFC 4527
	oidPaged          = goldap.ControlTypePaging            // RFC 2696
	oidMatchedValues  = "1.2.826.0.1.3344810.2.3"           // RFC 3876
	oidPasswordModify = "1.3.6.1.4.1.4203.1.11.1"           // RFC 3062
	oidRelax          = "1.3.6.1.4.1.4203.666.5.12"         // draft-zeilenga-ldap-relax
	oidSort           = goldap.ControlTypeServerSideSorting // RFC 2891
	oidSorted         = goldap.ControlTypeServerSideSortingResult
	ruleBitAnd        = "1.2.840.113556.1.4.803" // integerBitAndMatch
)

// info is what a server says of itself, and what it was found not to do. A reconnect makes a new one.
type info struct {
	schema     *schema.Schema
	live       bool // the schema is the server's own, not schema.Standard
	controls   []string
	extensions []string
	vendor     string
	contexts   []string        // the naming contexts that the server says it has
	slapd      bool            // it refuses what slapd refuses
	ruled      bool            // it has content rules (RFC 4512 §4.1.6), which say otherwise than the object classes what an entry may have
	supertypes map[string]bool // OIDs of attribute types that have subtypes
	refusals   *refusals
	unrelaxed  atomic.Bool // it has not the relax control
}

func newInfo(s *schema.Schema, live bool) *info {
	in := &info{schema: s, live: live, supertypes: map[string]bool{}, refusals: &refusals{}}
	types := s.Attributes()
	for _, super := range types {
		in.supertypes[super.OID] = slices.ContainsFunc(types, func(t *schema.AttributeType) bool { return t != super && t.Is(super) })
	}
	return in
}

// standardInfo is what is assumed of a server that was never reached: the usual schema and an OpenLDAP.
func standardInfo() *info {
	in := newInfo(schema.Standard(), false)
	in.controls = []string{oidAssertion, oidPreRead, oidPostRead, oidPaged, oidMatchedValues}
	in.extensions = []string{oidPasswordModify}
	return in
}

func (in *info) control(oid string) bool   { return slices.Contains(in.controls, oid) }
func (in *info) extension(oid string) bool { return slices.Contains(in.extensions, oid) }

// canonical is an attribute's name as the schema shows it, so that sn and surname are one.
func (in *info) canonical(attr string) string {
	if a, ok := in.schema.Attribute(attr); ok {
		return a.Name()
	}
	return attr
}

func rootSearch(attrs ...string) *goldap.SearchRequest {
	return goldap.NewSearchRequest("", goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", attrs, nil)
}

// inspect reads the root DSE and the subschema that it points to (RFC 4512 §4.4, §5.1). A schema that may not be read, or is odd in places,
// is no reason not to work: problem says what is missing.
func inspect(ctx context.Context, lc *goldap.Conn) (in *info, problem, err error) {
	root, err := search(ctx, lc, rootSearch("objectClass", "supportedControl", "supportedExtension", "subschemaSubentry", "vendorName", "vendorVersion", "namingContexts"))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the root DSE: %w", err)
	}
	if len(root.entries) != 1 {
		in = newInfo(schema.Standard(), false)
		return in, errors.New("the root DSE cannot be read; assuming a usual schema and no extensions"), nil
	}
	dse := root.entries[0]
	s, ruled, problem, err := readSchema(ctx, lc, dse.GetEqualFoldAttributeValue("subschemaSubentry"))
	if err != nil {
		return nil, nil, err
	}
	if s == nil {
		in = newInfo(schema.Standard(), false)
	} else {
		in = newInfo(s, true)
	}
	in.controls = dse.GetEqualFoldAttributeValues("supportedControl")
	in.extensions = dse.GetEqualFoldAttributeValues("supportedExtension")
	in.contexts = dse.GetEqualFoldAttributeValues("namingContexts")
	in.vendor = dse.GetEqualFoldAttributeValue("vendorName")
	in.slapd = slices.Contains(dse.GetEqualFoldAttributeValues("objectClass"), "OpenLDAProotDSE") || in.vendor == embeddedVendor
	in.ruled = ruled
	return in, problem, nil
}

// embeddedVendor is what the embedded directory calls itself, which does as slapd does.
const embeddedVendor = "scim-adapter"

const contentRules = "dITContentRules"

func readSchema(ctx context.Context, lc *goldap.Conn, dn string) (s *schema.Schema, ruled bool, problem, err error) {
	if dn == "" {
		return nil, false, errors.New("the root DSE names no subschema; assuming a usual one"), nil
	}
	found, err := search(ctx, lc, goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=subschema)", []string{"attributeTypes", "objectClasses", "matchingRules", "matchingRuleUse", "ldapSyntaxes", contentRules}, nil))
	var refused *goldap.Error
	switch {
	case err != nil && errors.As(err, &refused) && !broken(err):
		return nil, false, fmt.Errorf("the subschema cannot be read; assuming a usual one: %w", err), nil
	case err != nil:
		return nil, false, nil, fmt.Errorf("reading the subschema: %w", err)
	case len(found.entries) != 1:
		return nil, false, errors.New("the subschema cannot be read; assuming a usual one"), nil
	}
	texts := map[string][]string{}
	for _, a := range found.entries[0].Attributes {
		texts[a.Name] = append(texts[a.Name], a.Values...)
		ruled = ruled || strings.EqualFold(a.Name, contentRules) && len(a.Values) > 0
	}
	s, problem = schema.Parse(texts)
	if len(s.Attributes()) == 0 {
		return nil, false, errors.New("the subschema lists no attribute types; assuming a usual one"), nil
	}
	return s, ruled, problem, nil
}
