package adapter

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Redact gives a journal that is never told the values of some attributes: only that there were some, and how many. A name is a SCIM attribute of any of the types, which
// stands for whatever it is made of in the directory, or a native one. What was redacted cannot be taken back.
func Redact(j journal.Journal, mappings *mapping.Set, names []string) journal.Journal {
	if len(names) == 0 {
		return j
	}
	r := &redacting{Journal: j}
	for _, name := range names {
		r.paths = append(r.paths, name)
		path, err := filter.ParsePath(name)
		if err != nil {
			continue // a native name
		}
		for _, m := range mappings.All() {
			if ref, ok := m.ResourceType().Resolve(path); ok && ref.Attr != nil {
				r.paths = append(r.paths, ref.String())
				r.paths = append(r.paths, m.Natives(func(some scim.Ref) bool { return within(some.String(), ref.String()) })...)
			}
		}
	}
	slices.Sort(r.paths)
	r.paths = slices.Compact(r.paths)
	return r
}

// redacting is a journal in front of another.
type redacting struct {
	journal.Journal
	paths []string
}

// Begin is the journal's.
func (r *redacting) Begin(ctx context.Context, in journal.Intent) error {
	return r.Journal.Begin(ctx, r.intent(in))
}

// Finish is the journal's.
func (r *redacting) Finish(ctx context.Context, id journal.ID, out journal.Outcome) error {
	return r.Journal.Finish(ctx, id, r.outcome(out))
}

// Note is the journal's.
func (r *redacting) Note(ctx context.Context, in journal.Intent, out journal.Outcome) error {
	return r.Journal.Note(ctx, r.intent(in), r.outcome(out))
}

// hides says that an attribute is one of those, a part of one, or has one as a part. An option of it (title;lang-de) counts as the attribute, and so does all that lies
// behind its values.
func (r *redacting) hides(attr string) bool {
	attr, _, _ = strings.Cut(attr, ";")
	attr = strings.TrimSuffix(attr, backends.Path("", "*"))
	return slices.ContainsFunc(r.paths, func(path string) bool { return within(attr, path) || within(path, attr) })
}

// intent shares what is hidden with nobody: the adapter goes on with the one it has.
func (r *redacting) intent(in journal.Intent) journal.Intent {
	in.Steps = slices.Clone(in.Steps)
	for i := range in.Steps {
		s := &in.Steps[i]
		s.Changes, s.Attrs, s.Before = r.changes(s.Changes), r.attrs(s.Attrs), r.attrs(s.Before)
	}
	in.Diff = slices.Clone(in.Diff)
	for i := range in.Diff {
		if c := &in.Diff[i]; r.hides(c.Path) {
			c.Before, c.After = markOf(c.Before), markOf(c.After)
		}
	}
	in.Query = r.query(in.Query)
	return in
}

func (r *redacting) outcome(out journal.Outcome) journal.Outcome {
	out.Steps = slices.Clone(out.Steps)
	for i := range out.Steps {
		out.Steps[i].Effective = r.changes(out.Steps[i].Effective)
	}
	return out
}

func (r *redacting) changes(changes []backends.Change) []backends.Change {
	changes = slices.Clone(changes)
	for i, c := range changes {
		if r.hides(c.Attr) {
			changes[i].Values = marks(c.Values)
		}
	}
	return changes
}

func (r *redacting) attrs(attrs backends.Attributes) backends.Attributes {
	if attrs == nil {
		return nil
	}
	rest := make(backends.Attributes, len(attrs))
	for name, values := range attrs {
		if r.hides(name) {
			values = marks(values)
		}
		rest[name] = values
	}
	return rest
}

// redactedMark is what stands for a value in a diff and in a query.
const redactedMark = "********"

// query is what a search asked: where it names such an attribute, at all, nothing of it is kept.
func (r *redacting) query(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		plain = text
	}
	plain = strings.ToLower(plain)
	for _, path := range r.paths {
		last := path[strings.LastIndexAny(path, ".:")+1:]
		if strings.Contains(plain, strings.ToLower(last)) {
			return redactedMark
		}
	}
	return text
}

// marks say that there were so many values.
func marks(values backends.Values) backends.Values {
	if values == nil {
		return nil
	}
	blanks := make(backends.Values, len(values))
	for i := range blanks {
		blanks[i] = backends.Secret("")
	}
	return blanks
}

func markOf(value json.RawMessage) json.RawMessage {
	if value == nil {
		return nil
	}
	return json.RawMessage(`"` + redactedMark + `"`)
}
