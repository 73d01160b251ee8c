package schema

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed standard.schema
var standardText string

// Standard is the schema that is written down in standard.schema.
func Standard() *Schema { return standard() }

var standard = sync.OnceValue(func() *Schema {
	s, err := Read(standardText)
	if err != nil {
		panic("standard.schema: " + err.Error()) // shipped with the binary and parsed by a test
	}
	return s
})

// Read parses a subschema written as text: `attributeTypes: ( … )`, continued by lines that begin with a blank, comments after #.
func Read(text string) (*Schema, error) {
	entry := map[string][]string{}
	var attr string
	for n, line := range strings.Split(text, "\n") {
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			values := entry[attr]
			if len(values) == 0 {
				return nil, fmt.Errorf("line %d continues nothing", n+1)
			}
			values[len(values)-1] += " " + strings.TrimSpace(line)
		default:
			name, value, found := strings.Cut(line, ":")
			if !found {
				return nil, fmt.Errorf("line %d has no colon", n+1)
			}
			attr = strings.TrimSpace(name)
			entry[attr] = append(entry[attr], strings.TrimSpace(value))
		}
	}
	return Parse(entry)
}
