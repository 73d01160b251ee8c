package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/export"
)

// subjectRun is `audit export --subject` at work: what is kept of a person, for the person.
type subjectRun struct {
	*exportRun
	subject string   // User/ID
	actors  []string // clients or subjects that the person was

	tenant, typ string
	look        sought
	counts      subjectCounts
	to          *json.Encoder
}

// subjectHead is the first line: what this is, and what is not in it.
type subjectHead struct {
	What     string    `json:"what"`
	Subject  string    `json:"subject"`
	Tenant   string    `json:"tenant"`
	Made     time.Time `json:"made"`
	By       string    `json:"by,omitempty"`
	IDs      []string  `json:"ids"`             // under which it is, or was, known
	Names    []string  `json:"names,omitempty"` // that others may name it by
	Actors   []string  `json:"actors,omitempty"`
	Lines    []string  `json:"lines"` // what follows
	Missing  []string  `json:"not_searched"`
	Failures []string  `json:"failures,omitempty"`
}

// subjectLine is what was found, a line each.
type subjectLine struct {
	Found    string        `json:"found"`             // event, snapshot, overlay
	Because  []string      `json:"because,omitempty"` // of an event: subject, value, actor
	Values   []mention     `json:"values,omitempty"`  // where another's event names the person
	Event    *export.Entry `json:"event,omitempty"`
	Snapshot *backup.Held  `json:"snapshot,omitempty"`
	Overlay  *journal.Kept `json:"overlay,omitempty"`
}

// subjectCounts is the last line; a file without it is not whole.
type subjectCounts struct {
	Found        string `json:"found"` // end
	AsSubject    int    `json:"events_as_subject"`
	AsValue      int    `json:"events_as_value"`
	AsActor      int    `json:"events_as_actor"`
	Snapshots    int    `json:"snapshot_records"`
	Overlay      int    `json:"overlay_values"`
	Destroyed    int    `json:"destroyed"`    // of the events and snapshot records above: their values are destroyed
	Unsearchable int    `json:"unsearchable"` // events of others whose values are destroyed: whether they named the person nobody can tell
}

var subjectLines = []string{
	"event, because subject: the event was about this resource, under whichever id, or changed its record; with all that the journal has of it",
	"event, because value: the event of another resource has this one among its values (a member, a manager); values says where, and what it says of others is left out",
	"event, because actor: this person did it, under a name of actors; what it says of others is left out",
	"event with forgotten: true: the values were destroyed (audit forget, or the end of retention), and what stands in clear is all there is",
	"snapshot: the record as snapshots have it, each distinct content once; destroyed: true where only the list of a snapshot still has its key",
	"overlay: what a client kept of it that the directory has no place for",
	"end: the last line, with counts; without it the export is not whole",
}

var subjectMissing = []string{
	"the directory itself: read the resource over SCIM",
	"records of others in snapshots, such as groups with this one as a member",
	"searches that found this one, or asked for a value of it; events of others that name it in another way than ids, names and attributes that mappings refer by",
	"what was dropped at the end of its retention, logs, SIEMs, webhooks, and backups of the database",
}

// refuseFilters: a request for data is about all that there is.
func (s *subjectRun) refuseFilters(cmd *cobra.Command) error {
	for _, name := range []string{"since", "until", "actor", "type", "id", "action", "status", "request-id", "reads", "to", "address", "url", "token-file", "values"} {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s does not go with --subject, which looks through everything", name)}
		}
	}
	if s.output != "jsonl" {
		return usageError{fmt.Errorf("--subject is written as JSON lines, and not as %s", s.output)}
	}
	var id string
	if s.typ, id, _ = strings.Cut(s.subject, "/"); s.typ == "" || id == "" {
		return usageError{fmt.Errorf("%q is no resource: write its type and id, such as User/0b0eb98e-7de4-4c7a-a5e4-5a1a2b4d6b6f", s.subject)}
	}
	s.look.ids = []string{id}
	return nil
}

func (s *subjectRun) export(ctx context.Context) error {
	s.tenant = s.filter.Tenant
	if s.tenant == "" {
		s.tenant = s.file.MultiTenant.DefaultTenant
	}
	store, ok := s.store.(journal.Subjects)
	if !ok {
		return errors.New("this journal cannot say what it keeps of a resource")
	}
	s.to = json.NewEncoder(s.out)
	s.to.SetEscapeHTML(false)
	also, err := store.KnownAs(ctx, s.tenant, s.typ, s.look.ids[0])
	if err != nil {
		return err
	}
	s.look.ids = append(s.look.ids, also...)
	held, err := s.snapshots(ctx)
	if err != nil {
		return err
	}
	failures, err := s.learn(ctx, held)
	if err != nil {
		return err
	}
	if err := s.head(failures); err != nil {
		return err
	}
	if err := s.beside(ctx, store, held); err != nil {
		return err
	}
	if err := s.events(ctx); err != nil {
		return fmt.Errorf("the export is not whole: %w", err)
	}
	s.counts.Found = "end"
	c := s.counts
	fmt.Fprintf(s.err, "%d events about it, %d that name it, %d of its own, %d records of snapshots, %d overlay values\n", c.AsSubject, c.AsValue, c.AsActor, c.Snapshots, c.Overlay)
	return s.to.Encode(c)
}

// snapshots are the records that snapshots have of it.
func (s *subjectRun) snapshots(ctx context.Context) (held []backup.Held, err error) {
	if s.file.Database.URL.IsZero() {
		return nil, nil
	}
	store, err := backup.Open(ctx, s.file.Database)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	for h, err := range store.Of(ctx, s.tenant, s.typ, s.look.ids) {
		if err != nil {
			return nil, err
		}
		held = append(held, h)
	}
	return held, nil
}

// learn finds out by which names others may refer to it: from its events and snapshots, and from the directory, where that is there. What could not be asked is told.
func (s *subjectRun) learn(ctx context.Context, held []backup.Held) (failures []string, err error) {
	p, err := load(s.config, quiet)
	if err != nil {
		return nil, err
	}
	defer p.close()
	s.look.begin(s.typ, p.mappings.All())
	for _, h := range held {
		if h.Record != nil {
			s.look.record(h.Record.Name, h.Record.Attrs)
		}
	}
	for _, id := range s.look.ids {
		for e, err := range s.store.Events(ctx, journal.Filter{Tenant: s.tenant, ResourceType: s.typ, ResourceID: id, Except: auditReads}) {
			if err != nil {
				return nil, err
			}
			s.look.event(e)
		}
	}
	if err := s.look.directory(ctx, p.mappings.All()); err != nil {
		failures = append(failures, fmt.Sprintf("the directory could not be asked by which names others refer to it now; those of the journal and of snapshots were looked for: %v", err))
	}
	return failures, nil
}

func (s *subjectRun) head(failures []string) error {
	return s.to.Encode(subjectHead{
		What: "what scim-adapter keeps of a resource (GDPR, article 15), as JSON lines: this one, what was found, and the end", Subject: s.subject, Tenant: s.tenant, Made: time.Now().UTC(),
		By: operator(), IDs: s.look.ids, Names: s.look.known(), Actors: s.actors, Lines: subjectLines, Missing: subjectMissing, Failures: failures,
	})
}

// beside writes what is kept beside events.
func (s *subjectRun) beside(ctx context.Context, store journal.Subjects, held []backup.Held) error {
	for i := range held {
		s.counts.Snapshots++
		if held[i].Destroyed {
			s.counts.Destroyed++
		}
		if err := s.to.Encode(subjectLine{Found: "snapshot", Snapshot: &held[i]}); err != nil {
			return err
		}
	}
	kept, err := store.Kept(ctx, s.tenant, s.typ, s.look.ids)
	if err != nil {
		return err
	}
	for i := range kept {
		s.counts.Overlay++
		if err := s.to.Encode(subjectLine{Found: "overlay", Overlay: &kept[i]}); err != nil {
			return err
		}
	}
	return nil
}

// events looks through the whole journal: what is sealed cannot be searched in any other way.
func (s *subjectRun) events(ctx context.Context) error {
	s.watch()
	defer func() { _ = s.bar.Finish() }() // it is only shown
	for e, err := range s.store.Events(ctx, journal.Filter{Tenant: s.tenant}) {
		if err != nil {
			return err
		}
		_ = s.bar.Add(1) // it is only shown
		line := s.line(e)
		if line.Because == nil {
			continue
		}
		if err := s.to.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func (s *subjectRun) line(e journal.Event) subjectLine {
	line := subjectLine{Found: "event"}
	about := s.look.isAbout(e)
	if about {
		line.Because = append(line.Because, "subject")
		s.counts.AsSubject++
	} else if line.Values = s.look.mentions(e); len(line.Values) > 0 {
		line.Because = append(line.Because, "value")
		s.counts.AsValue++
	} else if e.Forgotten {
		s.counts.Unsearchable++
	}
	if slices.Contains(s.actors, e.Intent.Client) || slices.Contains(s.actors, e.Intent.Subject) {
		line.Because = append(line.Because, "actor")
		s.counts.AsActor++
	}
	if line.Because != nil && e.Forgotten {
		s.counts.Destroyed++
	}
	entry := export.Of(e, about)
	if about && (entry.ResourceType != s.typ || !slices.Contains(s.look.ids, entry.ResourceID)) { // another's event that also changed its record
		entry = s.look.own(entry, export.Of(e, false))
	}
	line.Event = &entry
	return line
}

// subjectFlags adds those of a request for data.
func (s *subjectRun) subjectFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.subject, "subject", "", "everything that is kept of this resource, for who has a right to know: User/ID")
	cmd.Flags().StringArrayVar(&s.actors, "as-actor", nil, "with --subject: also what this client, or subject, did; may be repeated")
}
