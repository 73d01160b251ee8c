// Package export tells others of the journal's events: a SIEM by syslog or by a webhook, or whoever reads the process's output.
//
// An Entry is how an event is shown outside. What leaves the house unasked says who did what to which resource, when, from where and with what result, and which
// attributes it was about, but none of their values: a person who is forgotten in the journal could not be forgotten there.
//
// A Sink takes entries; a Feed follows a journal, gives a sink what was settled, and remembers how far it is. Every event is sent at least once.
package export

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Entry is an event as it is shown outside.
type Entry struct {
	Event        journal.ID       `json:"event"`
	Time         time.Time        `json:"time"`
	Finished     *time.Time       `json:"finished,omitempty"`
	Tenant       string           `json:"tenant"`
	Client       string           `json:"client,omitempty"`
	Subject      string           `json:"subject,omitempty"`
	Address      string           `json:"address,omitempty"`
	UserAgent    string           `json:"user_agent,omitempty"`
	RequestID    string           `json:"request_id,omitempty"`
	Action       string           `json:"action"`
	ResourceType string           `json:"resource_type"`
	ResourceID   string           `json:"resource_id,omitempty"`
	Status       string           `json:"status"`
	Version      string           `json:"version,omitempty"`
	Changed      []string         `json:"changed,omitempty"` // names of attributes: of the resource where they are known, else of the directory
	Dropped      []string         `json:"dropped,omitempty"`
	Undoes       journal.ID       `json:"undoes,omitempty"`
	Noted        bool             `json:"noted,omitempty"`
	Forgotten    bool             `json:"forgotten,omitempty"`
	Unsaid       bool             `json:"key_missing,omitempty"` // forgotten, and no event says why
	Writer       string           `json:"writer,omitempty"`
	Weights      []journal.Weight `json:"weights,omitempty"`
	Steps        []Step           `json:"steps,omitempty"`

	// What may hold values.
	Query   string           `json:"query,omitempty"` // of a search or a read: what its URL asked
	Refused string           `json:"refused,omitempty"`
	Error   string           `json:"error,omitempty"`
	Diff    []journal.Change `json:"diff,omitempty"`
}

// Step is one step of an entry.
type Step struct {
	Backend    string       `json:"backend"`
	Op         string       `json:"op"`
	Key        backends.Key `json:"key,omitempty"`
	Status     string       `json:"status,omitempty"`
	Attributes []string     `json:"attributes,omitempty"`

	// What may hold values.
	Name      string              `json:"name,omitempty"`
	Error     string              `json:"error,omitempty"`
	Changes   []backends.Change   `json:"changes,omitempty"`
	Attrs     backends.Attributes `json:"attrs,omitempty"`
	Before    backends.Attributes `json:"before,omitempty"`
	Effective []backends.Change   `json:"effective,omitempty"`
}

// Of is an event as it is shown outside; values: with all that the journal has of it.
func Of(e journal.Event, values bool) Entry {
	in := e.Intent
	entry := Entry{
		Event: in.ID, Time: in.Time.UTC(), Tenant: in.Tenant, Client: in.Client, Subject: in.Subject, Address: in.Address, UserAgent: in.UserAgent, RequestID: in.RequestID,
		Action: in.Action, ResourceType: in.ResourceType, ResourceID: e.ResourceID(), Status: e.Status(), Changed: Changed(e), Dropped: in.Dropped, Undoes: in.Undoes,
		Noted: in.Noted, Forgotten: e.Forgotten, Unsaid: e.Unsaid, Writer: in.Writer, Weights: in.Weights,
	}
	if e.Outcome != nil {
		finished := e.Outcome.Time.UTC()
		entry.Finished, entry.Version = &finished, e.Outcome.Version
	}
	if values {
		entry.Query, entry.Refused, entry.Diff = in.Query, in.Refused, in.Diff
		if e.Outcome != nil && e.Outcome.Error != in.Refused { // not twice
			entry.Error = e.Outcome.Error
		}
	}
	for i, s := range in.Steps {
		step := Step{Backend: s.Backend, Op: s.Op, Key: s.Key, Attributes: touched(s)}
		if values {
			step.Name, step.Changes, step.Attrs, step.Before = s.Name, s.Changes, s.Attrs, s.Before
		}
		if e.Outcome != nil && i < len(e.Outcome.Steps) {
			out := e.Outcome.Steps[i]
			step.Status = out.Status
			if values {
				step.Error, step.Effective = out.Error, out.Effective
			}
		}
		entry.Steps = append(entry.Steps, step)
	}
	return entry
}

// Who is the client of an entry, with the subject where there is one.
func (e Entry) Who() string {
	if e.Client != "" && e.Subject != "" && e.Client != e.Subject {
		return e.Client + "/" + e.Subject
	}
	return cmp.Or(e.Client, e.Subject)
}

// Resource names the resource of an entry as commands take it.
func (e Entry) Resource() string {
	if e.ResourceID == "" {
		return e.ResourceType
	}
	return e.ResourceType + "/" + e.ResourceID
}

// NameOf is what people call the resource of an event: as clients see it, where that is among what changes, else as the directory calls its record.
func NameOf(e journal.Event) string {
	for _, path := range []string{"userName", "displayName"} {
		for _, c := range e.Intent.Diff {
			var name string
			if c.Path == path && json.Unmarshal([]byte(cmp.Or(string(c.After), string(c.Before))), &name) == nil && name != "" {
				return name
			}
		}
	}
	for _, s := range e.Intent.Steps {
		if s.Name != "" && s.Backend == e.Intent.ResourceType {
			return s.Name
		}
	}
	return ""
}

// Changed names the attributes that an event changes: those of the resource, where the journal has them, else those of the directory.
func Changed(e journal.Event) []string {
	names := map[string]bool{}
	for _, c := range e.Intent.Diff {
		name, _, _ := strings.Cut(c.Path, "[") // a value may stand behind
		names[name] = true
	}
	if len(names) == 0 {
		for _, s := range e.Intent.Steps {
			for _, name := range touched(s) {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// touched names the attributes that a step changes.
func touched(s journal.Step) []string {
	names := map[string]bool{}
	for _, c := range s.Changes {
		names[c.Attr] = true
	}
	for name := range s.Attrs {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
