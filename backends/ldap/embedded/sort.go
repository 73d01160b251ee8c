package embedded

import (
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// sortRequest is a server-side sort control (RFC 2891 §1.1) as it came.
type sortRequest struct {
	keys     []sortKey
	critical bool
}

type sortKey struct {
	attr, rule string // rule is "" for the attribute's own
	reverse    bool
}

// The tags in a sort key.
const (
	tagOrderingRule ber.Tag = 0
	tagReverseOrder ber.Tag = 1
)

func (c rawControl) sort() (*sortRequest, error) {
	p, err := c.decode()
	if err != nil {
		return nil, err
	}
	out := &sortRequest{critical: c.critical}
	for _, child := range p.Children {
		if len(child.Children) == 0 {
			break
		}
		key := sortKey{attr: text(child.Children[0])}
		for _, part := range child.Children[1:] {
			switch {
			case part.ClassType == ber.ClassContext && part.Tag == tagOrderingRule:
				key.rule = text(part)
			case part.ClassType == ber.ClassContext && part.Tag == tagReverseOrder:
				key.reverse = text(part) != "\x00"
			}
		}
		out.keys = append(out.keys, key)
	}
	if len(out.keys) == 0 || len(out.keys) != len(p.Children) {
		return nil, refuse(ProtocolError, "the server-side sort control cannot be read")
	}
	return out, nil
}

// order is a sort key under the schema.
type order struct {
	description
	rule    string
	reverse bool
}

// orders looks the keys up. An attribute without an ordering rule can be lent one, as slapd's sssvlv overlay has it.
func (s *store) orders(keys []sortKey) ([]order, error) {
	var out []order
	for _, key := range keys {
		d, ok := s.describe(key.attr)
		if !ok {
			return nil, refuse(NoSuchAttribute, "serverSort control: Unrecognized attribute type in sort key")
		}
		o := order{description: d, rule: key.rule, reverse: key.reverse}
		if o.rule == "" {
			o.rule = d.typ.Ordering
		}
		if r, known := s.schema.Rule(o.rule); !known || !slices.ContainsFunc(r.Names, isOrdering) {
			return nil, refuse(InappropriateMatching, "serverSort control: No ordering rule")
		}
		out = append(out, o)
	}
	return out, nil
}

func isOrdering(rule string) bool { return strings.HasSuffix(strings.ToLower(rule), "orderingmatch") }

// sorted puts those of the candidates that the search finds in order. The least of several values counts, and entries without the attribute
// are the greatest (RFC 2891 §2.2). The result is the code for the answer's control: when it is not Success the entries are as they were.
func (s *store) sorted(q searchRequest, by sortRequest, candidates []*entry) ([]*entry, Code, error) {
	orders, err := s.orders(by.keys)
	if err != nil && by.critical {
		return nil, resultOf(err).code, err
	}
	if err != nil {
		return candidates, resultOf(err).code, nil
	}
	type placed struct {
		*entry
		least []string
		there []bool
	}
	var found []placed
	for _, e := range candidates {
		if !q.in(e) || q.filter.eval(e) != isTrue {
			continue
		}
		p := placed{entry: e}
		for _, o := range orders {
			least, there := s.least(e, o)
			p.least, p.there = append(p.least, least), append(p.there, there)
		}
		found = append(found, p)
	}
	slices.SortStableFunc(found, func(a, b placed) int {
		for i, o := range orders {
			c := 0
			switch {
			case a.there[i] && b.there[i]:
				c = s.schema.Compare(o.rule, a.least[i], b.least[i])
			case a.there[i]:
				c = -1
			case b.there[i]:
				c = 1
			}
			if o.reverse {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	out := make([]*entry, len(found))
	for i, p := range found {
		out[i] = p.entry
	}
	return out, Success, nil
}

// least is the lowest value of an entry under a key's rule.
func (s *store) least(e *entry, o order) (least string, there bool) {
	a, ok := e.find(o.description)
	if !ok {
		return "", false
	}
	for _, v := range a.values {
		normal, err := s.schema.Normalize(o.rule, v)
		if err == nil && (!there || s.schema.Compare(o.rule, normal, least) < 0) {
			least, there = normal, true
		}
	}
	return least, there
}

// sortResult is the answer to a sort control (RFC 2891 §1.2).
func sortResult(code Code) rawControl {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	return rawControl{oid: controlSortResult, value: p.Bytes(), hasValue: true}
}
