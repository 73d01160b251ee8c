package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/export"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// sought is by what a resource can be found among the values of others: its ids, and the names that mappings let others refer to it by.
type sought struct {
	typ   string
	ids   []string
	names map[string]map[string]string // by which attribute, "" for the record's own name: as it compares, and as it is written
	refs  map[string][]mapping.Reference
}

// mention is a value of another's event that is, or names, this person.
type mention struct {
	Where     string          `json:"where"` // diff, or which part of which step
	Attribute string          `json:"attribute"`
	Op        string          `json:"op,omitempty"`
	Value     json.RawMessage `json:"value"`
}

// begin notes by what references of all mappings may point at a type.
func (p *sought) begin(typ string, all []*mapping.Mapping) {
	p.typ, p.names, p.refs = typ, map[string]map[string]string{}, map[string][]mapping.Reference{}
	for _, m := range all {
		for _, r := range m.References() {
			if r.Native != "" && (len(r.Types) == 0 || slices.Contains(r.Types, typ)) {
				p.refs[m.Name()] = append(p.refs[m.Name()], r)
				if p.names[r.By] == nil {
					p.names[r.By] = map[string]string{}
				}
			}
		}
	}
}

// comparable is a name as it compares. A case that means something is not kept: it finds too much rather than too little.
func comparable(by, text string) string {
	if by == "" {
		return backends.Normalize(backends.NameRule, text)
	}
	return backends.Normalize(backends.CaseIgnoreSpace, text)
}

// record learns from a picture of the record, or of parts of it.
func (p *sought) record(name string, attrs backends.Attributes) {
	for by, set := range p.names {
		if by == "" {
			if name != "" {
				set[comparable(by, name)] = name
			}
			continue
		}
		for _, v := range attrs.Get(by) {
			if text := v.Text(); text != "" {
				set[comparable(by, text)] = text
			}
		}
	}
}

// event learns from an event of the person's own.
func (p *sought) event(e journal.Event) {
	for _, s := range e.Intent.Steps {
		if s.Backend != p.typ || s.Key != "" && !slices.Contains(p.ids, string(s.Key)) {
			continue
		}
		p.record(s.Name, s.Attrs)
		p.record("", s.Before)
		for _, c := range s.Changes {
			p.record("", backends.Attributes{c.Attr: c.Values})
		}
	}
}

// directoryPatience is how long a directory is waited for that is asked for names.
const directoryPatience = 10 * time.Second

// directory learns from the record as it is now.
func (p *sought) directory(ctx context.Context, all []*mapping.Mapping) error {
	ctx, cancel := context.WithTimeout(ctx, directoryPatience)
	defer cancel()
	var errs []error
	for _, m := range all {
		if m.Name() != p.typ {
			continue
		}
		for by, set := range p.names {
			for _, id := range p.ids {
				names, err := m.Backend().Names(ctx, by, []backends.Key{backends.Key(id)})
				if err != nil && !errors.Is(err, backends.ErrNotFound) && !errors.Is(err, backends.ErrInvalid) {
					errs = append(errs, err)
				}
				for _, name := range names {
					set[comparable(by, name)] = name
				}
			}
		}
	}
	return errors.Join(errs...)
}

// known are the names, for people.
func (p *sought) known() []string {
	all := map[string]bool{}
	for _, set := range p.names {
		for _, name := range set {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// isAbout says that an event is of the person's own resource, or changes its record.
func (p *sought) isAbout(e journal.Event) bool {
	return e.Intent.ResourceType == p.typ && slices.Contains(p.ids, e.ResourceID()) ||
		slices.ContainsFunc(e.Intent.Steps, func(s journal.Step) bool { return p.owns(s.Backend, s.Key) })
}

func (p *sought) owns(backend string, key backends.Key) bool {
	return backend == p.typ && key != "" && slices.Contains(p.ids, string(key))
}

// own puts into an entry without values those of the steps that are of the person's record.
func (p *sought) own(whole, clear export.Entry) export.Entry {
	for i, s := range whole.Steps {
		if p.owns(s.Backend, s.Key) {
			clear.Steps[i] = s
		}
	}
	return clear
}

// mentions are the values of an event that are this person: ids in what changed of the resource, and names, or ids, in the attributes of records that refer to its type.
func (p *sought) mentions(e journal.Event) []mention {
	var found []mention
	for _, c := range e.Intent.Diff {
		found = append(found, p.inDiff("remove", c.Path, c.Before)...)
		found = append(found, p.inDiff("add", c.Path, c.After)...)
	}
	for i, s := range e.Intent.Steps {
		for _, r := range p.refs[s.Backend] {
			where := func(part string) string { return fmt.Sprintf("step %d, %s", i+1, part) }
			for _, c := range s.Changes {
				if strings.EqualFold(c.Attr, r.Native) {
					found = append(found, p.among(where("changes"), fmt.Sprint(c.Op), r, c.Values)...)
				}
			}
			found = append(found, p.among(where("attrs"), "", r, s.Attrs.Get(r.Native))...)
			found = append(found, p.among(where("before"), "", r, s.Before.Get(r.Native))...)
		}
	}
	return found
}

// inDiff looks for ids among the elements of a change.
func (p *sought) inDiff(op, path string, text json.RawMessage) []mention {
	if text == nil {
		return nil
	}
	var elements []json.RawMessage
	if json.Unmarshal(text, &elements) != nil {
		elements = []json.RawMessage{text}
	}
	var found []mention
	for _, e := range elements {
		var v any
		if json.Unmarshal(e, &v) == nil && p.isIn(v) {
			found = append(found, mention{Where: "diff", Attribute: path, Op: op, Value: e})
		}
	}
	return found
}

func (p *sought) isIn(v any) bool {
	switch v := v.(type) {
	case string:
		return slices.Contains(p.ids, v)
	case []any:
		return slices.ContainsFunc(v, p.isIn)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), p.isIn)
	}
	return false
}

// among gives those of the values of a reference that are this person.
func (p *sought) among(where, op string, r mapping.Reference, values backends.Values) []mention {
	var found []mention
	for _, v := range values {
		if !p.is(r.By, v) {
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			continue // a Secret is nobody's name
		}
		found = append(found, mention{Where: where, Attribute: r.Native, Op: op, Value: text})
	}
	return found
}

func (p *sought) is(by string, v backends.Value) bool {
	if v.Kind() == backends.KindSecret {
		return false
	}
	if v.Kind() == backends.KindRow {
		for _, values := range v.Row() {
			if slices.ContainsFunc(values, func(v backends.Value) bool { return p.is(by, v) }) {
				return true
			}
		}
		return false
	}
	_, named := p.names[by][comparable(by, v.Text())]
	return named || slices.Contains(p.ids, v.Text())
}
