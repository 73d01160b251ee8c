package backends

import (
	"encoding/binary"
	"maps"
	"slices"
)

// A Row's parts lie in its text as bytes that are quickly written and read, for every group of every person of a page is one: name after name in their order,
// each as its length and itself, how many values it has, and the values: a byte for the kind, and a number, or a length and the text. Equal rows are equal
// texts.

// rowText writes parts, without what has no values and what cannot be printed.
func rowText(parts Attributes) string {
	size := 0
	for name, values := range parts {
		size += len(name) + 2*binary.MaxVarintLen16
		for _, v := range values {
			size += len(v.text) + binary.MaxVarintLen64
		}
	}
	b := make([]byte, 0, size)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		n := 0
		for _, v := range parts[name] {
			if v.partOfRow() {
				n++
			}
		}
		if n == 0 {
			continue
		}
		b = appendText(b, name)
		b = binary.AppendUvarint(b, uint64(n)) //nolint:gosec // a length
		for _, v := range parts[name] {
			if v.partOfRow() {
				b = v.appendTo(b)
			}
		}
	}
	return string(b)
}

func (v Value) partOfRow() bool { return v.kind != KindSecret && v.kind != KindRow && v.kind != 0 }

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func (v Value) appendTo(b []byte) []byte {
	b = append(b, byte(v.kind))
	switch v.kind {
	case KindInt, KindBool:
		return binary.AppendVarint(b, v.num)
	case KindTime:
		return binary.AppendVarint(binary.AppendVarint(b, v.num), int64(v.nsec))
	case KindString, KindBytes, KindDecimal, KindSecret, KindRow:
	}
	return appendText(b, v.text)
}

// rowReader reads what rowText wrote, and nothing else.
type rowReader struct{ rest string }

func (r *rowReader) length() int {
	n := uint64(0)
	for shift := 0; ; shift += 7 {
		b := r.rest[0]
		r.rest = r.rest[1:]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return int(n) //nolint:gosec // a length that rowText wrote
		}
	}
}

func (r *rowReader) number() int64 {
	n := uint64(r.length()) //nolint:gosec // the bits, zigzag
	return int64(n>>1) ^ -int64(n&1)
}

func (r *rowReader) text() string {
	n := r.length()
	text := r.rest[:n]
	r.rest = r.rest[n:]
	return text
}

func (r *rowReader) value() Value {
	v := Value{kind: Kind(r.rest[0])}
	r.rest = r.rest[1:]
	switch v.kind {
	case KindInt, KindBool:
		v.num = r.number()
	case KindTime:
		v.num, v.nsec = r.number(), int32(r.number()) //nolint:gosec // as it was written
	case KindString, KindBytes, KindDecimal, KindSecret, KindRow:
		v.text = r.text()
	}
	return v
}

// parts are all of a row.
func (r *rowReader) parts() Attributes {
	parts := Attributes{}
	for r.rest != "" {
		name := r.text()
		values := make(Values, r.length())
		for i := range values {
			values[i] = r.value()
		}
		parts[name] = values
	}
	return parts
}
