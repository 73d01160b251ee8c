package configs

import (
	"path/filepath"
	"slices"
	"strings"
)

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
			more, f := readMappingFiles(item)
			docs, faults = append(docs, more...), append(faults, f...)
		default:
			docs = append(docs, item)
		}
	}
	return docs, faults
}

func readMappingFiles(item Node) ([]Node, Faults) {
	faults := item.Only("file")
	named := item.Get("file")
	pattern := named.Text()
	if !filepath.IsAbs(pattern) {
		from, _, _ := named.Position()
		pattern = filepath.Join(filepath.Dir(from), pattern)
	}
	paths, err := []string{pattern}, error(nil)
	if strings.ContainsAny(named.Text(), "*?[") {
		paths, err = filepath.Glob(pattern)
	}
	switch {
	case named.Kind() != Scalar || named.Text() == "":
		return nil, append(faults, named.Fault("write the path of a file of mappings", "names no file"))
	case err != nil:
		return nil, append(faults, named.Fault("close the bracket, or put a backslash before it", "the pattern is malformed"))
	case len(paths) == 0:
		return nil, append(faults, named.Fault("write the path of an existing file", "no file is called %s", named))
	}
	slices.Sort(paths)
	var docs []Node
	for _, path := range paths {
		shown := path
		if named.String() != named.Text() {
			shown = named.String() // what came from outside may be a secret in the wrong place
		}
		text, fault, ok := readText(path, shown, maxFile)
		if !ok {
			faults = append(faults, named.Fault(fault.Remedy, "%s", fault.Message))
			continue
		}
		inFile, f := ParseDocuments(path, []byte(text))
		faults = append(faults, f...)
		for _, doc := range inFile {
			if doc.Kind() != Map {
				faults = append(faults, doc.wrongKind(Map))
				continue
			}
			docs = append(docs, doc)
		}
	}
	return docs, faults
}
