package backendtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Script says in words what a write does.
func (b *memoryClass) Script(w backends.Write) []string {
	name := w.Name
	if name == "" {
		name = string(w.Key)
	}
	lines := []string{w.Op + " " + name}
	for _, attr := range slices.Sorted(maps.Keys(w.Attrs)) {
		lines = append(lines, fmt.Sprintf("  %s: %s", attr, told(w.Attrs[attr])))
	}
	for _, change := range w.Changes {
		lines = append(lines, fmt.Sprintf("  %s %s: %s", change.Op, change.Attr, told(change.Values)))
	}
	return lines
}

func told(values backends.Values) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}
