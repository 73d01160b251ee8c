package expr

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// textKinds are the types whose size is a number of characters.
var textKinds = []types.Kind{types.StringKind, types.BytesKind, types.DynKind, types.AnyKind}

// cel is the expression language's type.
func (t Type) cel() *cel.Type {
	switch t {
	case String:
		return cel.StringType
	case Bool:
		return cel.BoolType
	case Int:
		return cel.IntType
	case Decimal:
		return cel.DoubleType
	case Strings:
		return cel.ListType(cel.StringType)
	case List:
		return cel.ListType(cel.DynType)
	case Object:
		return cel.MapType(cel.StringType, cel.DynType)
	case Any:
	}
	return cel.DynType
}

// wanted names a type for a message.
func (t Type) wanted() string {
	switch t {
	case String:
		return "text"
	case Bool:
		return "true or false"
	case Int:
		return "a whole number"
	case Decimal:
		return "a number"
	case Strings:
		return "a list of texts"
	case List:
		return "a list"
	case Object:
		return "an object {…}"
	case Any:
	}
	return "a value"
}

// checkResult holds the type of an expression's result against what is wanted of it.
func checkResult(got *cel.Type, s scope) error {
	fault := func(want, hint string) error {
		return Errors{{Line: 1, Column: 1, Message: fmt.Sprintf("the expression gives %s, and %s is wanted%s", cel.FormatCELType(got), want, hint)}}
	}
	if got.Kind() == types.DynKind || got.Kind() == types.NullTypeKind {
		return nil
	}
	if s.native {
		switch got.Kind() {
		case types.StringKind, types.BoolKind, types.IntKind, types.UintKind, types.DoubleKind, types.ListKind, types.TimestampKind:
			return nil
		default:
			return fault("text, a number, true or false, or a list of these", "")
		}
	}
	want := s.result.cel()
	if s.result == Any || want.IsAssignableType(got) || want.Kind() == types.ListKind && got.IsAssignableType(want) || s.result == Decimal && got.Kind() == types.IntKind || s.result == String && got.Kind() == types.TimestampKind {
		return nil
	}
	if s.result == String && got.Kind() == types.ListKind {
		return fault(s.result.wanted(), ": first(…) takes the first value, join(…, ' ') all of them")
	}
	return fault(s.result.wanted(), "")
}

// inbound makes a SCIM value fit for an expression: numbers are int64 or float64.
func inbound(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(string(v), 64); err == nil {
			return f
		}
		return string(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = inbound(e)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for name, e := range v {
			m[name] = inbound(e)
		}
		return m
	}
	return v
}

// outbound makes a SCIM value of an expression's result.
func outbound(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.String:
		return string(v), nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		return json.Number(strconv.FormatUint(uint64(v), 10)), nil
	case types.Double:
		return decimal(float64(v))
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339Nano), nil
	case traits.Lister:
		return outboundList(v)
	case traits.Mapper:
		return outboundMap(v)
	}
	return nil, fmt.Errorf("the expression gives %s, which is no value of a resource", v.Type().TypeName())
}

func decimal(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("the expression gives %v, which is no number", f)
	}
	return json.Number(strconv.FormatFloat(f, 'f', -1, 64)), nil
}

func outboundList(v traits.Lister) (any, error) {
	list := []any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		e, err := outbound(it.Next())
		if err != nil {
			return nil, err
		}
		if e != nil {
			list = append(list, e)
		}
	}
	return list, nil
}

func outboundMap(v traits.Mapper) (any, error) {
	m := map[string]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("the expression gives an object with the name %v, which is no text", key.Value())
		}
		e, err := outbound(v.Get(key))
		if err != nil {
			return nil, err
		}
		if e != nil {
			m[string(name)] = e
		}
	}
	return m, nil
}

func isNumber(v any) bool { _, ok := v.(json.Number); return ok }

// describe names a Go value for a message.
func describe(v any) string {
	switch v.(type) {
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return reflect.TypeOf(v).String()
}

// steps prints an estimate, of which the largest means that nothing is known.
func steps(n uint64) string {
	if n == math.MaxUint64 {
		return "any number of"
	}
	return strconv.FormatUint(n, 10)
}
