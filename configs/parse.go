package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits of one file. They are far above what people write and far below what hurts.
const (
	maxFile  = 1 << 20 // bytes
	maxDepth = 64      // maps and lists within one another
)

// ParseNode parses one YAML document from memory; name is what faults call the file. Nothing at all is a missing node.
func ParseNode(name string, text []byte) (Node, Faults) {
	docs, faults := ParseDocuments(name, text)
	if len(docs) > 1 {
		faults = append(faults, docs[1].Fault("take the line `---` away, or split the file", "a second document begins here, and only one is read"))
	}
	if len(docs) == 0 {
		return Node{}, faults
	}
	return docs[0], faults
}

// ParseDocuments parses all YAML documents of a text, those that `---` separates, leaving out empty ones.
func ParseDocuments(name string, text []byte) ([]Node, Faults) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	p := parser{file: name, lines: strings.Split(string(text), "\n")}
	if len(text) > maxFile {
		p.fault(Fault{File: name, Message: fmt.Sprintf("the file is larger than %d bytes", maxFile), Remedy: "split it"})
		return nil, p.faults
	}
	trees, err := parseYAML(text)
	if err != nil {
		return nil, Faults{syntaxFault(name, text, err)}
	}
	var docs []Node
	for _, tree := range trees {
		if doc := p.node(tree, place{}, 0); doc.Kind() != Null && doc.Kind() != Missing {
			docs = append(docs, doc)
		}
	}
	return docs, p.faults
}

// parseYAML is the one call of the YAML library. It is known to panic on some malformed input; that too is a
// syntax error.
func parseYAML(text []byte) (trees []*yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("yaml: this cannot be read")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		doc := new(yaml.Node)
		if err := dec.Decode(doc); errors.Is(err, io.EOF) {
			return trees, nil
		} else if err != nil {
			return nil, err
		}
		trees = append(trees, doc.Content...)
	}
}

var yamlPrefix = regexp.MustCompile(`^yaml: (?:line \d+: )?`)

// syntaxFault says what the YAML library found, and on which line: the first one with which the text fails in this way. Its own line
// numbers are those of the beginning of the construct, or one too low.
func syntaxFault(file string, text []byte, err error) Fault {
	what := func(err error) string { return yamlPrefix.ReplaceAllString(err.Error(), "") }
	lines := bytes.SplitAfter(text, []byte("\n"))
	low, high := 1, len(lines) // the answer lies in [low, high]
	for low < high {
		middle := (low + high) / 2
		if _, e := parseYAML(bytes.Join(lines[:middle], nil)); e != nil && what(e) == what(err) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	message, remedy := explainSyntax(what(err), string(lines[low-1]))
	return Fault{File: file, Line: low, Message: message, Remedy: remedy}
}

// explainSyntax puts the commonest errors into the words of somebody who writes a mapping. No message repeats a part
// of the text, which may be a secret.
func explainSyntax(what, line string) (message, remedy string) {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(what, p) })
	}
	switch {
	case has("mapping values are not allowed"):
		return "a value holds `: `, which begins a new key", "quote this value"
	case has("unknown anchor"):
		return "a value begins with `*`, which is an alias, and aliases are not used here", "write the value out, or quote it"
	case has("tab character"), has("cannot start any token") && strings.Contains(indentation(line), "\t"):
		return "the line is indented with a tab", "indent with blanks"
	case has("cannot start any token"):
		return "a value begins with a character that YAML reserves (`@`, `%` or a backquote)", "quote this value"
	case has("expected ',' or"):
		return "the text between brackets is not separated by commas, or a bracket is never closed", "close the bracket, or quote this value, as every ${…} between brackets is"
	case has("end of stream"):
		return "a quotation mark is never closed", "close it"
	case has("unknown escape", "escape code", "hexadecimal"):
		return "an unknown escape stands in double quotes", "write the backslash twice, or use single quotes"
	case has("control characters", "UTF-8", "UTF-16", "surrogate"):
		return "the file holds characters that no text has", "save it as UTF-8"
	case has("depth"):
		return "maps and lists stand too deep within one another", "make it flatter"
	case has("expected key", "could not find expected ':'", "'-' indicator", "sequence entries"):
		return "this line does not fit the ones above it", "write `key: value`, with as many blanks before it as before its neighbours"
	}
	return "this is not YAML: " + what, "mend it"
}

func indentation(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// parser turns YAML trees into nodes, collecting faults.
type parser struct {
	file   string
	lines  []string
	faults Faults
}

func (p *parser) fault(f Fault) { p.faults = append(p.faults, f) }

// place is where a tree stands: its path, and whether a flow map or list is around it.
type place struct {
	path string
	flow bool
}

// node converts a tree. Whatever is wrong with it, it becomes some node, so that the faults below it are found as well.
func (p *parser) node(y *yaml.Node, at place, depth int) Node {
	n := &node{path: at.path, file: p.file, line: y.Line, col: y.Column}
	if depth > maxDepth {
		p.fault(Node{n}.Fault("make it flatter", "maps and lists stand more than %d deep within one another", maxDepth))
		return Node{n}
	}
	p.refuse(y, Node{n})
	at.flow = at.flow || y.Style&yaml.FlowStyle != 0
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = Map
		p.members(n, y, at, depth)
	case yaml.SequenceNode:
		n.kind = List
		for i, item := range y.Content {
			n.items = append(n.items, p.node(item, place{index(at.path, i), at.flow}, depth+1))
		}
	case yaml.ScalarNode:
		p.scalar(n, y, at)
	case yaml.AliasNode, yaml.DocumentNode: // an alias has been refused; documents do not stand in documents
	}
	return Node{n}
}

// refuse is the part of YAML that mappings do without.
func (p *parser) refuse(y *yaml.Node, n Node) {
	switch {
	case y.Kind == yaml.AliasNode:
		p.fault(n.Fault("write the value out, or quote it", "a value begins with `*`, which is an alias, and aliases are not used here"))
	case y.Anchor != "":
		p.fault(n.Fault("take the anchor away, or quote the value", "a value begins with `&`, which is an anchor, and anchors are not used here"))
	case y.Style&yaml.TaggedStyle != 0, p.written(y.Line, y.Column) == '!': // the library forgets a lone `!`
		p.fault(n.Fault("take the tag away, or quote the value", "a value begins with `!`, which is a tag, and tags are not used here"))
	}
}

// written is the character in which a node begins; 0 when there is none.
func (p *parser) written(line, col int) rune {
	if line < 1 || line > len(p.lines) {
		return 0
	}
	for _, c := range p.lines[line-1] {
		if col--; col == 0 {
			return c
		}
	}
	return 0
}

func (p *parser) members(n *node, y *yaml.Node, at place, depth int) {
	first := map[string]int{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		path := join(at.path, k.Value)
		key := Node{&node{kind: Scalar, text: NewSecret(k.Value), written: k.Value, path: path, file: p.file, line: k.Line, col: k.Column}}
		p.key(k, key)
		if line, twice := first[k.Value]; twice {
			p.fault(key.Fault("keep one of the two", "the key %q is written twice: on line %d and on line %d", k.Value, line, k.Line))
			continue
		}
		first[k.Value] = k.Line
		value := p.node(v, place{path, at.flow}, depth+1)
		if y.Style&yaml.FlowStyle != 0 && v.Kind == yaml.ScalarNode && v.Value == "" && plainScalar(v) {
			p.fault(key.Fault("quote this value: a comma, a bracket or a `: ` inside ends it", "the key has no value"))
			continue
		}
		n.pairs = append(n.pairs, pair{key, value})
	}
}

func (p *parser) key(k *yaml.Node, key Node) {
	p.refuse(k, key)
	switch {
	case k.Kind == yaml.ScalarNode && k.Tag == "!!merge" && plainScalar(k):
		p.fault(key.Fault("write the keys out", "`<<` is a merge key, and merge keys are not used here"))
	case k.Kind == yaml.ScalarNode && k.Value == "":
		p.fault(key.Fault("write a name before the colon", "a key has no name"))
	case k.Kind == yaml.MappingNode, k.Kind == yaml.SequenceNode:
		p.fault(key.Fault("write a name before the colon", "a key is a list or a map"))
	case strings.Contains(k.Value, "${"):
		p.fault(key.Fault("write the key out", "`${…}` stands in a key, and only values are expanded"))
	}
}

func (p *parser) scalar(n *node, y *yaml.Node, at place) {
	plain := plainScalar(y)
	if plain && (y.Value == "" || y.Value == "~" || y.Value == "null") {
		n.kind = Null
		return
	}
	n.kind, n.written = Scalar, y.Value
	// ` #` ends a plain value in the middle as a comma does between brackets. Elsewhere unbalanced parentheses are the value's own affair.
	if plain && (at.flow || y.LineComment != "") && !balanced(y.Value) {
		p.fault(Node{n}.Fault("quote this value", "the parentheses are not balanced"))
	}
	if !utf8.ValidString(y.Value) {
		p.fault(Node{n}.Fault("write text in UTF-8", "the value is not text"))
	}
	p.expand(n)
}

func plainScalar(y *yaml.Node) bool {
	return y.Kind == yaml.ScalarNode && y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

func balanced(s string) bool {
	open := 0
	for _, c := range s {
		switch c {
		case '(':
			open++
		case ')':
			open--
		}
		if open < 0 {
			return false
		}
	}
	return open == 0
}
