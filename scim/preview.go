package scim

import "strconv"

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
