package scim

import (
	"strconv"
	"strings"
)

// PreviewURN is the schema of what a dry run is answered with.
const PreviewURN = "urn:scim-adapter:api:messages:1.0:DryRun"

// Preview is what a write would come to. A Request that has one is only planned: nothing is written, and whoever plans it fills this.
type Preview struct {
	Changes  []PreviewChange
	Steps    []PreviewStep
	Warnings []string
}

// PreviewChange is what would happen to one attribute of the resource: its path, and its values before and after; nil where there are none, or nobody may see them.
type PreviewChange struct {
	Path          string
	Before, After any
}

// PreviewStep is one operation of a directory.
type PreviewStep struct {
	Type    string // of the resource
	Backend string // the directory's name in the configuration
	Op      string
	ID      string   // of the resource; "" of one that would be made
	Script  []string // in the directory's own language, a line each
}

// Object is the answer to a dry run: the status that the write would be answered with, and the resource as that answer would show it, if it would show one.
func (p *Preview) Object(status int, resource *Object) *Object {
	o := NewObject()
	o.Set("schemas", []any{PreviewURN})
	o.Set("status", strconv.Itoa(status))
	if resource != nil {
		o.Set("resource", resource)
	}
	changes, steps, warnings := []any{}, []any{}, []any{}
	for _, c := range p.Changes {
		change := NewObject()
		change.Set("path", c.Path)
		if c.Before != nil {
			change.Set("before", c.Before)
		}
		if c.After != nil {
			change.Set("after", c.After)
		}
		changes = append(changes, change)
	}
	for _, s := range p.Steps {
		step, script := NewObject(), []any{}
		for _, line := range s.Script {
			script = append(script, line)
		}
		step.Set("resourceType", s.Type)
		step.Set("backend", s.Backend)
		step.Set("op", s.Op)
		if s.ID != "" {
			step.Set("id", s.ID)
		}
		step.Set("script", script)
		steps = append(steps, step)
	}
	for _, w := range p.Warnings {
		warnings = append(warnings, w)
	}
	o.Set("changes", changes)
	o.Set("steps", steps)
	o.Set("warnings", warnings)
	return o
}

// SpellsDryRun says that a name, or a word, could be meant to ask for a dry run, however it is spelled: its letters have dryrun in them, with whatever else between and around,
// percent-escaped as often as one likes, or they are dry and no more. The cost is linear.
func SpellsDryRun(word string) bool {
	const sought = "dryrun"
	if strings.IndexByte(word, '%') >= 0 {
		word = Unescaped(word)
	}
	letters, met := 0, 0
	dry := true // all letters so far are those of dry, or of x-dry
	for i := range len(word) {
		c := word[i] | 0x20
		if c < 'a' || c > 'z' {
			continue
		}
		if letters == 0 && c == 'x' {
			continue // X-Dry-Run
		}
		letters++
		switch c {
		case sought[met]:
			met++
		case sought[0]:
			met = 1
		default:
			met = 0
		}
		if met == len(sought) {
			return true
		}
		dry = dry && met == letters
	}
	return dry && letters == len("dry")
}

// Unescaped takes the percent-escapes from a text, also those that come of taking others, each as soon as it stands there: so it is done in one pass.
func Unescaped(text string) string {
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		out = append(out, text[i])
		for n := len(out); n >= 3 && out[n-3] == '%'; n = len(out) {
			c, err := strconv.ParseUint(string(out[n-2:]), 16, 8)
			if err != nil {
				break
			}
			out = append(out[:n-3], byte(c))
		}
	}
	return string(out)
}

// MisspelledDryRun refuses what reads like the question for a dry run and is none. Done, it would have written for somebody who believes that nothing is.
func MisspelledDryRun() *Error {
	return BadRequest(InvalidValue, "This reads like the question for a dry run, which is asked with the header Prefer: dry-run or with the parameter dryRun=true, once. Nothing was written.")
}
