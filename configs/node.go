package configs

import (
	"iter"
	"strconv"
	"strings"
)

// NodeKind says what a node is.
type NodeKind uint8

// The kinds of node. Null is only what was written as null, as ~ or as nothing at all.
const (
	Missing NodeKind = iota
	Null
	Scalar
	List
	Map
)

// String names the kind as a fault does.
func (k NodeKind) String() string {
	switch k {
	case Missing:
		return "missing"
	case Null:
		return "empty"
	case Scalar:
		return "a single value"
	case List:
		return "a list"
	case Map:
		return "a map"
	}
	return "unknown"
}

// Node is a positioned piece of YAML. The zero Node is missing and answers every question about itself. Nodes are
// never changed once they are made, so they may be shared.
type Node struct{ impl *node }

type node struct {
	kind      NodeKind
	text      Secret // scalar: quotes removed, ${…} expanded
	written   string // scalar: quotes removed, ${…} as it stands in the file
	reference bool   // scalar: one ${…} and nothing else
	pairs     []pair
	items     []Node

	path      string
	file      string
	line, col int
}

type pair struct{ key, value Node }

// Kind says what the node is.
func (n Node) Kind() NodeKind {
	if n.impl == nil {
		return Missing
	}
	return n.impl.kind
}

// Text is a scalar as it was written, quotes removed and ${…} expanded; "" for everything else. It may be a secret:
// a message shows [Node.String] instead.
func (n Node) Text() string {
	if n.impl == nil {
		return ""
	}
	return n.impl.text.Reveal()
}

// String is a scalar as the file has it, ${…} not expanded, so that it can stand in a message without giving away
// what came from outside; other nodes are named by their kind.
func (n Node) String() string {
	if n.Kind() != Scalar {
		return n.Kind().String()
	}
	return n.impl.written
}

// Get is the member of a map with this key. What is not there is a missing node that still knows its path and the
// position of the map, so that a fault about it has a place.
func (n Node) Get(key string) Node {
	if n.impl == nil {
		return Node{}
	}
	for _, p := range n.impl.pairs {
		if p.key.Text() == key {
			return p.value
		}
	}
	at := *n.impl
	return Node{&node{path: join(at.path, key), file: at.file, line: at.line, col: at.col}}
}

// Pairs yields key node and value node of a map, in the order of the file.
func (n Node) Pairs() iter.Seq2[Node, Node] {
	return func(yield func(Node, Node) bool) {
		if n.impl == nil {
			return
		}
		for _, p := range n.impl.pairs {
			if !yield(p.key, p.value) {
				return
			}
		}
	}
}

// Items are the elements of a list. A scalar is a list of itself; what is missing, null or a map has none.
func (n Node) Items() []Node {
	switch n.Kind() {
	case Scalar:
		return []Node{n}
	case List:
		return append([]Node(nil), n.impl.items...)
	default:
		return nil
	}
}

// Path says where in its document the node stands: mappings[0].attributes.userName.
func (n Node) Path() string {
	if n.impl == nil {
		return ""
	}
	return n.impl.path
}

// Position is where the node was written; line and column count from 1, and are 0 when nobody wrote it.
func (n Node) Position() (file string, line, col int) {
	if n.impl == nil {
		return "", 0, 0
	}
	return n.impl.file, n.impl.line, n.impl.col
}

// Fault makes a fault at this node: what is wrong, and what to write instead.
func (n Node) Fault(remedy, format string, args ...any) Fault {
	f := newFault(remedy, format, args...)
	f.Path = n.Path()
	f.File, f.Line, f.Column = n.Position()
	return f
}

// Only gives a fault for each key that is not in known, with the key that was probably meant, and one for a node
// that is not a map. What is missing or null has no keys.
func (n Node) Only(known ...string) Faults {
	switch n.Kind() {
	case Missing, Null:
		return nil
	case Map:
	default:
		return Faults{n.wrongKind(Map)}
	}
	var faults Faults
	for key := range n.Pairs() {
		if f, bad := key.unknown(known); bad {
			faults = append(faults, f)
		}
	}
	return faults
}

// unknown is the fault of a key that is not in known.
func (n Node) unknown(known []string) (Fault, bool) {
	for _, k := range known {
		if n.Text() == k {
			return Fault{}, false
		}
	}
	if meant, ok := Suggest(n.Text(), known); ok {
		return n.Fault("write "+meant, "unknown key %q", n.Text()), true
	}
	remedy := "take it away"
	if len(known) > 0 {
		remedy += "; the keys here are " + strings.Join(known, ", ")
	}
	return n.Fault(remedy, "unknown key %q", n.Text()), true
}

func (n Node) wrongKind(want NodeKind) Fault {
	remedy := "write one value"
	switch want {
	case Map:
		remedy = "write `key: value` lines below it"
	case List:
		remedy = "write a list: [first, second]"
	case Missing, Null, Scalar:
	}
	return n.Fault(remedy, "must be %s, and is %s", want, n.Kind())
}

// find is the node at path, or the nearest one above it that exists.
func (n Node) find(path string) Node {
	under := func(at string) bool {
		rest, ok := strings.CutPrefix(path, at)
		return ok && at != "" && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	for _, value := range n.Pairs() {
		if under(value.Path()) {
			return value.find(path)
		}
	}
	if n.Kind() == List {
		for _, item := range n.impl.items {
			if under(item.Path()) {
				return item.find(path)
			}
		}
	}
	return n
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
