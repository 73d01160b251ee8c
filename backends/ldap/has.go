package ldap

import (
	"context"
	"sync"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// Has says for each value whether attr of the record holds it. The matched-values control (RFC 3876) returns only the values that were asked
// for, however many there are; a server without it is asked for each value, and returns none at all.
func (c *class) Has(ctx context.Context, key backends.Key, attr string, values []backends.Value) ([]bool, error) {
	in, err := c.d.contact(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.fetchOne(ctx, in, key, nil); err != nil {
		return nil, err
	}
	has := make([]bool, len(values))
	a, ok := in.schema.Attribute(attr)
	if !ok || !isDescription(attr) {
		return has, nil
	}
	if secret(a) {
		return nil, &backends.Error{Kind: backends.ErrRefused, Attr: attr, Detail: "Secrets are not compared."}
	}
	q := question{c: c, in: in, key: key, attr: attr, equality: a.Equality, asked: map[string][]int{}}
	tests := q.tests(values)
	var mu sync.Mutex
	err = inBatches(ctx, c.d, tests, func(ctx context.Context, tests []filter) error {
		held, err := q.ask(ctx, tests)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, value := range held {
			for _, i := range q.asked[value] {
				has[i] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return has, nil
}

// question asks which values one attribute of one entry holds.
type question struct {
	c        *class
	in       *info
	key      backends.Key
	attr     string
	equality string
	asked    map[string][]int // normalised value: where it was asked for
}

// tests are one for each value that the attribute could hold; equal ones once.
func (q *question) tests(values []backends.Value) []filter {
	var tests []filter
	rule := q.in.schema.RuleOf(q.equality)
	for i, v := range values {
		literal, ok := q.c.lowering(q.in).literal(q.attr, rule, v)
		if q.equality == "" {
			literal, ok = valueText(v), true // compared byte by byte, here
		}
		if !ok {
			continue
		}
		normal := q.normal(literal)
		if q.asked[normal] == nil {
			tests = append(tests, test{q.attr, "=", literal})
		}
		q.asked[normal] = append(q.asked[normal], i)
	}
	return tests
}

func (q *question) normal(value string) string {
	if normal, err := q.in.schema.Normalize(q.equality, value); err == nil {
		return normal
	}
	return value
}

// ask gives those of the tested values that are there, normalised.
func (q *question) ask(ctx context.Context, tests []filter) ([]string, error) {
	if q.equality != "" && !q.in.control(oidMatchedValues) {
		return q.askEach(ctx, tests)
	}
	var controls []goldap.Control
	if q.equality != "" {
		filtered, err := matchedValues(tests)
		if err != nil {
			return nil, translate(err)
		}
		controls = append(controls, filtered)
	}
	is, _ := q.c.keyFilter(q.in)(q.key)
	f, err := q.c.find(ctx, q.c.search(q.c.scoped(is), []string{q.attr}, controls...))
	if err != nil {
		return nil, err
	}
	var held []string
	for _, e := range f.entries {
		for _, a := range e.Attributes {
			if schema.StripOptions(a.Name) != a.Name && a.Name != q.attr {
				continue // cn;lang-de is not cn
			}
			for _, value := range a.Values {
				held = append(held, q.normal(value))
			}
		}
	}
	return held, nil
}

func (q *question) askEach(ctx context.Context, tests []filter) ([]string, error) {
	is, _ := q.c.keyFilter(q.in)(q.key)
	var held []string
	for _, t := range tests {
		f, err := q.c.find(ctx, q.c.search(q.c.scoped(is, t), []string{"1.1"}))
		if err != nil {
			return nil, err
		}
		if value, ok := t.(test); ok && len(f.entries) > 0 {
			held = append(held, q.normal(value.value))
		}
	}
	return held, nil
}
