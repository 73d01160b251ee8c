package configs

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// Decode fills the struct that into points to, by its tags `config:"key"`. It is strict: unknown keys and values of
// the wrong type are faults. A field keeps what it held, its default, when the key is missing; so does a map, list or
// struct whose key is there without a value. Fields without the tag are left alone.
//
// Fields are string, bool, any int or uint, float64, [Duration], [Size], [Secret], netip.Prefix, [Node], structs and
// pointers to these, lists of these, and maps from string to these. A list may be written as a single value, and as
// comma-separated text when that value is one ${…} and nothing else.
func (n Node) Decode(into any) Faults {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic("configs: Decode wants a pointer to a struct") // a mistake of the programmer, not of the file
	}
	if n.Kind() == Missing {
		return nil
	}
	return n.decode(v.Elem())
}

var (
	nodeType     = reflect.TypeFor[Node]()
	secretType   = reflect.TypeFor[Secret]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	durationType = reflect.TypeFor[Duration]()
	sizeType     = reflect.TypeFor[Size]()
)

func (n Node) decode(v reflect.Value) Faults {
	switch {
	case v.Type() == nodeType:
		v.Set(reflect.ValueOf(n))
		return nil
	case v.Type() == secretType, v.Type() == prefixType:
		return n.decodeScalar(v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		}
		faults := n.decode(fresh.Elem())
		v.Set(fresh)
		return faults
	case reflect.Struct:
		return n.decodeStruct(v)
	case reflect.Map:
		return n.decodeMap(v)
	case reflect.Slice:
		return n.decodeList(v)
	default:
		return n.decodeScalar(v)
	}
}

func (n Node) decodeStruct(v reflect.Value) Faults {
	if n.Kind() != Map {
		return n.empty(Map)
	}
	fields := map[string]reflect.Value{}
	known := keysOf(v.Type())
	for i, key := range known {
		if key != "" {
			fields[key] = v.Field(i)
		}
	}
	faults := n.Only(slices.DeleteFunc(known, func(key string) bool { return key == "" })...)
	for key, value := range n.Pairs() {
		if field, ok := fields[key.Text()]; ok {
			faults = append(faults, value.decode(field)...)
		}
	}
	return faults
}

// keysOf are the keys of a struct's fields, by field number; "" for those that no key fills.
func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("config")
	}
	return keys
}

func (n Node) decodeMap(v reflect.Value) Faults {
	if n.Kind() != Map {
		return n.empty(Map)
	}
	var faults Faults
	filled := reflect.MakeMap(v.Type())
	for key, value := range n.Pairs() {
		element := reflect.New(v.Type().Elem()).Elem()
		faults = append(faults, value.decode(element)...)
		filled.SetMapIndex(reflect.ValueOf(key.Text()).Convert(v.Type().Key()), element)
	}
	v.Set(filled)
	return faults
}

// defaulter is an element of a list that has defaults of its own.
type defaulter interface{ setDefaults() }

func (n Node) decodeList(v reflect.Value) Faults {
	items := n.Items()
	switch {
	case n.Kind() == Scalar && n.impl.reference:
		items = n.split()
	case n.Kind() == Scalar, n.Kind() == List:
	default:
		return n.empty(List)
	}
	var faults Faults
	filled := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if d, ok := reflect.TypeAssert[defaulter](filled.Index(i).Addr()); ok {
			d.setDefaults()
		}
		faults = append(faults, item.decode(filled.Index(i))...)
	}
	v.Set(filled)
	return faults
}

// split is the comma-separated text of one reference as elements; blanks around them and empty ones do not count.
func (n Node) split() []Node {
	var items []Node
	for part := range strings.SplitSeq(n.Text(), ",") {
		if part = strings.TrimSpace(part); part != "" {
			item := *n.impl
			item.text = NewSecret(part)
			items = append(items, Node{&item})
		}
	}
	return items
}

// empty accepts a section that was left empty, and nothing else in its place.
func (n Node) empty(want NodeKind) Faults {
	if n.Kind() == Missing || n.Kind() == Null {
		return nil
	}
	return Faults{n.wrongKind(want)}
}
