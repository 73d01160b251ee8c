package expr

import (
	"context"
	"fmt"

	"cel.dev/cel-go/cel"
)

// Type is what a SCIM value is, as far as an expression cares: the wanted result of a read, or what `value` is in a write.
type Type uint8

// The types. Any leaves the question to the evaluation.
const (
	Any Type = iota
	String
	Bool
	Int
	Decimal
	Strings // a list of strings
	List    // a list of anything
	Object  // a complex value: members by name
)

// Record gives the values of one of a record's attributes; nil when the record has none. It is asked only for what Reads lists.
type Record func(attr string) []string

// Reader is a compiled `read:` expression.
type Reader struct{ program }

// Read compiles an expression that makes a SCIM value of a record. Its result has to be of type want. The error is an Errors.
func Read(text string, want Type) (*Reader, error) {
	p, err := compile(text, scope{
		record: "record",
		bare:   true,
		result: want,
	})
	if err != nil {
		return nil, err
	}
	return &Reader{p}, nil
}

// Reads lists the attributes that the expression reads, in the order in which they first appear.
func (r *Reader) Reads() []string { return r.reads }

// Eval gives the SCIM value: a string, bool, int64, json.Number, []any or map[string]any of these, or nil for null (no value).
func (r *Reader) Eval(ctx context.Context, record Record) (any, error) {
	return r.eval(ctx, nil, record)
}

// Writer is a compiled expression of a `write:` map: what one attribute of the directory becomes.
type Writer struct{ program }

// Write compiles an expression over value, a SCIM value of type value, and before. Its result is text, a number, a boolean, a list
// of these, or null. The error is an Errors.
func Write(text string, value Type) (*Writer, error) {
	p, err := compile(text, scope{
		record: "before",
		vars:   map[string]*cel.Type{"value": value.cel()},
		native: true,
	})
	if err != nil {
		return nil, err
	}
	return &Writer{p}, nil
}

// Reads lists the attributes of before that the expression reads.
func (w *Writer) Reads() []string { return w.reads }

// Eval gives the attribute's new values, each a string, bool, int64 or json.Number; none: the attribute goes away. With leave the
// expression said null: the attribute stays as it is. A value of nil is null to the expression.
func (w *Writer) Eval(ctx context.Context, value any, before Record) (values []any, leave bool, err error) {
	out, err := w.eval(ctx, map[string]any{"value": value}, before)
	if err != nil || out == nil {
		return nil, err == nil, err
	}
	values, err = scalars(out)
	return values, false, err
}

// Maker is a compiled `onCreate` expression: what an attribute of a new record is.
type Maker struct{ program }

// OnCreate compiles an expression over resource. Its result is as Write's. The error is an Errors.
func OnCreate(text string) (*Maker, error) {
	p, err := compile(text, scope{
		vars:   map[string]*cel.Type{"resource": cel.MapType(cel.StringType, cel.DynType)},
		native: true,
	})
	if err != nil {
		return nil, err
	}
	return &Maker{p}, nil
}

// Eval gives the new record's values; null is none.
func (m *Maker) Eval(ctx context.Context, resource map[string]any) ([]any, error) {
	out, err := m.eval(ctx, map[string]any{"resource": resource}, nil)
	if err != nil || out == nil {
		return nil, err
	}
	return scalars(out)
}

// scalars makes a list of a result that is one value.
func scalars(out any) ([]any, error) {
	list, ok := out.([]any)
	if !ok {
		list = []any{out}
	}
	for _, v := range list {
		switch v.(type) {
		case string, bool, int64:
			continue
		}
		if !isNumber(v) {
			return nil, fmt.Errorf("the expression gives %s; a directory's attribute holds text, numbers or booleans", describe(v))
		}
	}
	return list, nil
}
