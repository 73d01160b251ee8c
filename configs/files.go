package configs

import (
	"path/filepath"
	"slices"
	"strings"
)

// readNamedFiles reads the files that an element `file: path` names, by path or glob, relative to the file that it
// stands in. what is what they should hold, for faults; parse makes nodes of one of them.
func readNamedFiles(item Node, what string, parse func(path string, text []byte) ([]Node, Faults)) ([]Node, Faults) {
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
		return nil, append(faults, named.Fault("write the path of a file of "+what, "names no file"))
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
		inFile, f := parse(path, []byte(text))
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
