package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/internal/expr"
	"github.com/scim-adapter/scim-adapter/scim"
)

// maker makes a value for a new record when the client gave none: a template or a CEL expression over `resource`.
type maker struct {
	node configs.Node
	text template
	expr *expr.Maker
}

// maker compiles `onCreate`. Braces make a template; anything else is an expression.
func (c *compiler) maker(node configs.Node) *maker {
	m := &maker{node: node}
	if strings.Contains(node.Text(), "{") {
		t, err := parseTemplate(node.Text())
		if err == nil {
			m.text = t
			return m
		}
	}
	var err error
	if m.expr, err = expr.OnCreate(node.Text()); err != nil {
		c.fault(node, `write a template with slots ("{userName}"), or an expression over resource ("resource.userName", "'a text'")`, "%v", err)
	}
	return m
}

// boolWords shows the words true and false as booleans, for `enum(ACTIVE=true, SUSPENDED=false)`.
type boolWords struct{}

func (boolWords) Get(native backends.Values) ([]any, error) {
	var out []any
	for _, v := range native {
		if b, err := strconv.ParseBool(v.Text()); err == nil {
			out = append(out, b)
		}
	}
	return out, nil
}

func (boolWords) Put(_ backends.Values, values []any) (backends.Values, error) {
	var out backends.Values
	for _, v := range values {
		b, ok := v.(bool)
		if !ok {
			return nil, errors.New("it takes true or false")
		}
		out = append(out, backends.String(strconv.FormatBool(b)))
	}
	return out, nil
}

func (boolWords) Where(t Test) (backends.Predicate, bool) {
	if b, ok := t.Value.(bool); ok {
		return t.Next(t.Op, strconv.FormatBool(b))
	}
	if t.Op == "pr" {
		return t.Next(t.Op, nil)
	}
	return backends.False{}, true
}

// coerce reads a text of the mapping as a value of a type.
func coerce(text string, t scim.Type) (any, error) {
	switch t {
	case scim.TypeBoolean:
		switch strings.ToLower(text) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, fmt.Errorf("%q is not true or false", text)
	case scim.TypeInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not an integer", text)
		}
		return n, nil
	case scim.TypeDecimal:
		if _, ok := number(json.Number(text)); !ok {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return json.Number(text), nil
	case scim.TypeString, scim.TypeDateTime, scim.TypeBinary, scim.TypeReference, scim.TypeComplex:
	}
	return text, nil
}

// make gives the value, from what slots and resource have.
func (mk *maker) make(slot func(templatePart) (backends.Value, bool), res *scim.Object) ([]any, error) {
	if mk.text != nil {
		if text, ok := mk.text.text(slot); ok && text != "" {
			return []any{text}, nil
		}
		return nil, nil
	}
	return mk.expr.Eval(context.Background(), plain(res).(map[string]any))
}

// plain gives a resource as maps and lists, for expressions.
func plain(v any) any {
	switch v := v.(type) {
	case *scim.Object:
		out := map[string]any{}
		for name, member := range v.All() {
			out[name] = plain(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	default:
		return v
	}
}

func asFaults(err error) (configs.Faults, bool) {
	if faults, ok := errors.AsType[configs.Faults](err); ok {
		return faults, true
	}
	if one, ok := errors.AsType[configs.Fault](err); ok {
		return configs.Faults{one}, true
	}
	return nil, false
}
