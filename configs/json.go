package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseJSON makes a positioned node of a JSON document (RFC 8259): objects are maps, arrays lists, and text counts as
// it was written. Nothing in it is expanded, because it comes from elsewhere. name is what faults call the file.
func ParseJSON(name string, text []byte) (Node, Faults) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	p := jsonParser{file: name, text: text, dec: jsontext.NewDecoder(bytes.NewBuffer(text))}
	for i, c := range text {
		if c == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return Node{}, nil
	}
	n, fault := p.node("", 0)
	if fault == nil {
		at := p.next()
		if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
			fault = p.fault(at, "write one document, or a list: […]", "something follows the end of the JSON document")
		}
	}
	if fault != nil {
		return Node{}, Faults{*fault}
	}
	return n, nil
}

// jsonParser reads one document. The first fault ends it: what comes after broken JSON cannot be told.
type jsonParser struct {
	file  string
	text  []byte
	lines []int // where each line but the first begins
	dec   *jsontext.Decoder
}

// next is where the next token begins, as an offset in the text.
func (p *jsonParser) next() int {
	at := int(p.dec.InputOffset())
	for at < len(p.text) && bytes.IndexByte([]byte(" \t\r\n,:"), p.text[at]) >= 0 {
		at++
	}
	return at
}

// position is an offset as line and column, from 1.
func (p *jsonParser) position(offset int) (line, col int) {
	offset = min(offset, len(p.text))
	line = sort.SearchInts(p.lines, offset+1)
	start := 0
	if line > 0 {
		start = p.lines[line-1]
	}
	return line + 1, utf8.RuneCount(p.text[start:offset]) + 1
}

func (p *jsonParser) fault(offset int, remedy, message string) *Fault {
	line, col := p.position(offset)
	return &Fault{File: p.file, Line: line, Column: col, Message: message, Remedy: remedy}
}

// token reads the next token, and makes a node of its place.
func (p *jsonParser) token(path string) (jsontext.Token, *node, *Fault) {
	at := p.next()
	n := &node{path: path, file: p.file}
	n.line, n.col = p.position(at)
	tok, err := p.dec.ReadToken()
	if err == nil {
		return tok, n, nil
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return tok, n, p.fault(at, "keep one of the two", "a name is written twice in one object")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return tok, n, p.fault(len(p.text), "close what is open, and see that the file is whole", "the JSON document ends in the middle")
	}
	if syntactic := (*jsontext.SyntacticError)(nil); errors.As(err, &syntactic) {
		at = int(syntactic.ByteOffset)
	}
	return tok, n, p.fault(at, "mend it: names and texts stand in double quotes, with a comma between two members and none behind the last", "this is not JSON")
}

// node reads one value.
func (p *jsonParser) node(path string, depth int) (Node, *Fault) {
	tok, n, fault := p.token(path)
	if fault != nil {
		return Node{}, fault
	}
	if depth > maxDepth {
		f := newFault("make it flatter", "objects and arrays stand more than %d deep within one another", maxDepth)
		f.File, f.Line, f.Column = n.file, n.line, n.col
		return Node{}, &f
	}
	switch tok.Kind() {
	case jsontext.KindNull:
		n.kind = Null
	case jsontext.KindBeginObject:
		n.kind = Map
		for p.dec.PeekKind() != jsontext.KindEndObject {
			name, key, fault := p.token("")
			if fault != nil {
				return Node{}, fault
			}
			key.kind, key.written, key.path = Scalar, name.String(), join(path, name.String())
			key.text = NewSecret(key.written)
			value, fault := p.node(key.path, depth+1)
			if fault != nil {
				return Node{}, fault
			}
			n.pairs = append(n.pairs, pair{Node{key}, value})
		}
		_, _, fault = p.token(path)
	case jsontext.KindBeginArray:
		n.kind = List
		for p.dec.PeekKind() != jsontext.KindEndArray {
			item, fault := p.node(index(path, len(n.items)), depth+1)
			if fault != nil {
				return Node{}, fault
			}
			n.items = append(n.items, item)
		}
		_, _, fault = p.token(path)
	default:
		n.kind, n.written = Scalar, fmt.Sprint(tok)
		n.text = NewSecret(n.written)
	}
	if fault != nil {
		return Node{}, fault
	}
	return Node{n}, nil
}
