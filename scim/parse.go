package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxJSONDepth is how deep a body may nest. A resource needs four levels, a PATCH six.
const MaxJSONDepth = 32

// ParseObject reads a body as JSON, strictly: one object, nothing behind it, no name twice (in any case of letters: SCIM's names have none),
// UTF-8, not deeper than MaxJSONDepth. Names stay as written and null stays nil; no schema is applied. The error is an *Error, 400 invalidSyntax.
func ParseObject(body []byte) (*Object, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, BadRequest(InvalidSyntax, "The body is empty; a JSON object was expected.")
	}
	r := reader{jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))}
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	o, ok := v.(*Object)
	if !ok {
		return nil, BadRequest(InvalidSyntax, "The body is not a JSON object.")
	}
	if rest := bytes.TrimLeft(body[r.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, BadRequest(InvalidSyntax, "Something follows the JSON object at byte %d of the body.", len(body)-len(rest)+1)
	}
	return o, nil
}

type reader struct{ *jsontext.Decoder }

func (r reader) value() (any, error) {
	tok, err := r.ReadToken()
	if err != nil {
		return nil, r.fail(err)
	}
	switch tok.Kind() {
	case jsontext.KindString:
		return tok.String(), nil
	case jsontext.KindNumber:
		return number(tok.String()), nil
	case jsontext.KindTrue:
		return true, nil
	case jsontext.KindFalse:
		return false, nil
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		if r.StackDepth() > MaxJSONDepth {
			return nil, BadRequest(InvalidSyntax, "The body nests deeper than %d levels.", MaxJSONDepth)
		}
		if tok.Kind() == jsontext.KindBeginArray {
			return r.list()
		}
		return r.object()
	default:
		return nil, nil
	}
}

// number keeps every digit: int64 where it fits, else the text.
func number(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	return json.Number(s)
}

func (r reader) list() (any, error) {
	l := []any{}
	for {
		if r.PeekKind() == jsontext.KindEndArray {
			_, err := r.ReadToken()
			return l, err
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
}

// manyMembers is from where on a map finds duplicates faster than looking at each member, and bounds what hostile bodies cost.
const manyMembers = 16

func (r reader) object() (any, error) {
	o := NewObject()
	if err := r.fill(o, nil); err != nil {
		return nil, err
	}
	return o, nil
}

// fill reads the members of an object that was begun into o. member reads the value of the member of that name; nil is value.
func (r reader) fill(o *Object, member func(name string) (any, error)) error {
	var seen map[string]bool
	for {
		tok, err := r.ReadToken()
		if err != nil {
			return r.fail(err)
		}
		if tok.Kind() == jsontext.KindEndObject {
			return nil
		}
		name := tok.String()
		twice := false
		if o.Len() < manyMembers {
			twice = o.index(name) >= 0
		} else {
			if seen == nil {
				seen = make(map[string]bool)
				for n := range o.All() {
					seen[lowerName(n)] = true
				}
			}
			twice = seen[lowerName(name)]
			seen[lowerName(name)] = true
		}
		if twice {
			return BadRequest(InvalidSyntax, "The member %q stands twice in one JSON object (names have no case in SCIM).", short(name))
		}
		var v any
		if member == nil {
			v, err = r.value()
		} else {
			v, err = member(name)
		}
		if err != nil {
			return err
		}
		o.members = append(o.members, pair{name, v})
	}
}

// fail turns what the decoder says into a sentence for the client.
func (r reader) fail(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax) && errors.Is(err, io.ErrUnexpectedEOF):
		return BadRequest(InvalidSyntax, "The body ends in the middle of the JSON object.")
	case errors.As(err, &syntax):
		return BadRequest(InvalidSyntax, "The body is not valid JSON: %s at byte %d.", syntax.Err, syntax.ByteOffset+1)
	default:
		// Also what stopped the reading of a body that comes from a network: whoever reads it there finds out by the cause.
		return BadRequest(InvalidSyntax, "The body is not valid JSON: it ends at byte %d.", r.InputOffset()+1).Wrap(err)
	}
}
