package configs

// readMappings makes one document each of the section's elements: a mapping that is written in place, or `file:` with
// the path or glob of files that hold one or more. Paths are relative to the file that names them.
func readMappings(section Node) ([]Node, Faults) {
	var docs []Node
	var faults Faults
	for _, item := range section.Items() {
		switch {
		case item.Kind() != Map:
			faults = append(faults, item.Fault("write `- file: path`, or a mapping", "must be a mapping or name a file of mappings"))
		case item.Get("file").Kind() != Missing:
			more, f := readNamedFiles(item, "mappings", ParseDocuments)
			docs, faults = append(docs, more...), append(faults, f...)
		default:
			docs = append(docs, item)
		}
	}
	return docs, faults
}
