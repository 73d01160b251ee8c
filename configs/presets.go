package configs

import (
	"embed"
	"path"
	"strings"
)

//go:embed presets/*.yaml
var presetFiles embed.FS

// Preset is the shipped mapping of this name for a resource type: a mapping without backend, base and the names of
// new records, over which a mapping lays what is its own with [Merge].
func Preset(name, resourceType string) (Node, bool) {
	file := "presets/" + name + ".yaml"
	text, err := presetFiles.ReadFile(file)
	if err != nil {
		return Node{}, false
	}
	docs, faults := ParseDocuments(file, text)
	if len(faults) > 0 {
		panic("configs: a shipped preset is broken: " + faults.Error()) // a test reads them all
	}
	for _, doc := range docs {
		if doc.Get("mapping").Text() == resourceType {
			return doc, true
		}
	}
	return Node{}, false
}

// PresetNames are the names that Preset knows, sorted.
func PresetNames() []string {
	entries, err := presetFiles.ReadDir("presets")
	if err != nil {
		panic(err) // it is in the binary
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), path.Ext(e.Name()))
	}
	return names
}
