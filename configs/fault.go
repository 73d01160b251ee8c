package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong in a configuration: where, what, and what to write instead.
type Fault struct {
	File         string
	Line, Column int    // from 1; 0: not known
	Path         string // server.port
	Message      string
	Remedy       string
}

func newFault(remedy, format string, args ...any) Fault {
	return Fault{Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Error prints `file:line:col: path: message; remedy`, leaving out what is not known.
func (f Fault) Error() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		for _, n := range []int{f.Line, f.Column} {
			if n == 0 {
				break
			}
			fmt.Fprintf(&b, ":%d", n)
		}
		b.WriteString(": ")
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	if f.Remedy != "" {
		b.WriteString("; " + f.Remedy)
	}
	return b.String()
}

// Faults is all that is wrong, or nothing. As an error it prints one line for each.
type Faults []Fault

// Error prints one line for each fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is the faults as an error, nil when there are none: a Faults without elements in an error variable would not be.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// Sort puts the faults into the order of the files.
func (fs Faults) Sort() {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// locate gives positions to faults that know only their path, as those of the sections' Validate do. Path is that of
// the section within root.
func (fs Faults) locate(root Node, path string) Faults {
	for i, f := range fs {
		f.Path = strings.TrimSuffix(join(path, f.Path), ".")
		f.File, f.Line, f.Column = root.find(f.Path).Position()
		fs[i] = f
	}
	return fs
}

// then is the faults with those of a later step, but for what follows from a fault that is known: one at the same
// path, or above it.
func (fs Faults) then(later Faults) Faults {
	all := slices.Clip(fs)
	for _, f := range later {
		known := func(before Fault) bool {
			rest, under := strings.CutPrefix(f.Path, before.Path)
			return before.File == f.File && before.Path != "" && under && (rest == "" || rest[0] == '.' || rest[0] == '[')
		}
		if !slices.ContainsFunc(fs, known) {
			all = append(all, f)
		}
	}
	return all
}
