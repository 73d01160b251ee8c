package configs

import "iter"

// Contract (owner: configs helper; yaml.v3 is imported nowhere else).

// Node is a positioned piece of YAML. The zero Node is "missing" and answers every question about itself.
type Node struct{ impl *node }
type node struct{}

type NodeKind uint8

const (
	Missing NodeKind = iota
	Null
	Scalar
	List
	Map
)

func (n Node) Kind() NodeKind                         { panic("contract") }
func (n Node) Text() string                           { panic("contract") } // a scalar as it was written (quotes removed), ${…} expanded
func (n Node) Get(key string) Node                    { panic("contract") } // member of a map; missing when not there
func (n Node) Pairs() iter.Seq2[Node, Node]           { panic("contract") } // key node, value node, in file order
func (n Node) Items() []Node                          { panic("contract") } // elements of a list; a scalar is a list of itself; missing and null: none
func (n Node) Path() string                           { panic("contract") } // mappings[0].attributes.userName
func (n Node) Position() (file string, line, col int) { panic("contract") }

// Fault makes a fault at this node: what is wrong, and what to write instead.
func (n Node) Fault(remedy, format string, args ...any) Fault { panic("contract") }

// Only gives a fault for each key that is not in known (did you mean …), and for a node that is not a map.
func (n Node) Only(known ...string) Faults { panic("contract") }

// Decode fills a struct (tags `config:"base_url"`; string, bool, int, []string, Duration as seconds or "30s", Size, Secret, nested structs, map[string]T, Node) strictly: unknown keys, wrong types are faults; fields keep what they held when the key is missing.
func (n Node) Decode(into any) Faults { panic("contract") }

// ParseNode parses one YAML document from memory (tests, presets).
func ParseNode(file string, text []byte) (Node, Faults) { panic("contract") }

// Merge lays over on base, key by key; a null takes the key away; lists and scalars are replaced. Positions stay those of where each piece was written.
func Merge(base, over Node) Node { panic("contract") }

// Fault is one thing wrong in a configuration.
type Fault struct {
	File         string
	Line, Column int
	Path         string
	Message      string
	Remedy       string
}

// Faults is all that is wrong; as an error it prints one line each: `file:line:col: path: message; remedy`.
type Faults []Fault

// Secret is text that prints as blanks and marshals as blanks.
type Secret struct{ text string }

func (s Secret) Reveal() string { return s.text }

// Config is the typed configuration file; sections as NAMES.md has them. Sections owned by others stay Nodes: Backends (name → node with `kind:`), Mappings.
// (owner fills in the typed sections: Server, Database, Auth, Clients, Security, Logging, Monitoring, MultiTenant, Cache, Journal …)
//   func Load(path string) (*Config, Faults)
//   func Preset(name string) (Node, bool); func PresetNames() []string
