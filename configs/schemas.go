package configs

import (
	"path/filepath"
	"strings"
)

// readSchemas makes one node each of the schemas of the section (RFC 7643 §7): one that is written in place, or
// `file:` with the path or glob of files that hold one or more, in JSON as /Schemas shows them or in YAML. What stands
// in a schema is the mapping compiler's business.
func readSchemas(section Node) ([]Node, Faults) {
	var schemas []Node
	var faults Faults
	for _, item := range section.Items() {
		switch {
		case item.Kind() != Map:
			faults = append(faults, item.Fault("write `- file: path`, or a schema", "must be a schema or name a file of schemas"))
		case item.Get("file").Kind() != Missing:
			more, f := readNamedFiles(item, "schemas", parseSchemas)
			schemas, faults = append(schemas, more...), append(faults, f...)
		default:
			schemas = append(schemas, item)
		}
	}
	return schemas, faults
}

// parseSchemas reads a file of schemas: one, a list of them, or the answer of a server to GET /Schemas (a ListResponse,
// RFC 7644 §3.4.2); in YAML also several documents.
func parseSchemas(path string, text []byte) ([]Node, Faults) {
	docs, faults := []Node(nil), Faults(nil)
	if strings.EqualFold(filepath.Ext(path), ".json") {
		var doc Node
		if doc, faults = ParseJSON(path, text); doc.Kind() != Missing {
			docs = []Node{doc}
		}
	} else {
		docs, faults = ParseDocuments(path, text)
	}
	if len(docs) == 0 && len(faults) == 0 {
		faults = Faults{{File: path, Message: "the file holds no schema", Remedy: "write one into it, or do not name it"}}
	}
	var schemas []Node
	for _, doc := range docs {
		switch resources := doc.Get("Resources"); {
		case doc.Kind() == List:
			schemas = append(schemas, doc.Items()...)
		case resources.Kind() != Missing:
			faults = append(faults, doc.Only("schemas", "id", "totalResults", "itemsPerPage", "startIndex", "Resources")...)
			if resources.Kind() != List {
				faults = append(faults, resources.wrongKind(List))
			}
			schemas = append(schemas, resources.Items()...)
		default:
			schemas = append(schemas, doc)
		}
	}
	return schemas, faults
}
