package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// scratch is where a snapshot is put back to see whether it can be: a directory that is empty, and is not the one that is served.
type scratch struct {
	*plan
	where string
	close func()
}

// verifyScratch puts snapshots back into a scratch directory, and compares what stands there with what they say.
func (b *backupRun) verifyScratch(ctx context.Context, ids []string, into string) error {
	past, err := b.look(ctx, ids)
	if err != nil {
		return err
	}
	var s *scratch
	if into == "" {
		s, err = b.embeddedScratch(ctx, past)
	} else {
		s, err = b.scratchOf(ctx, past, into)
	}
	if err != nil {
		return err
	}
	defer s.close()
	service := adapter.New(adapter.Options{Mappings: s.mappings, Journal: journal.None{}, Overlay: emptyOverlay{}, NewID: newID, Logger: s.log})
	o := adapter.PutBackOptions{Past: past.classes(), Keys: map[string][]backends.Key{}, Anyone: true}
	for typ, view := range past.views { // of all types: they point at one another
		o.Keys[typ] = view.Keys()
	}
	wrong := 0
	o.Progress = func(x adapter.PutBack) {
		if !x.OK() {
			wrong++
			fmt.Fprintf(b.out, "%s could not be put back: %s\n", x.Resource, strings.Join(x.Why, "; "))
		}
	}
	if err := service.PutBack(ctx, scim.Caller{Tenant: b.tenant, Client: "operator"}, o); err != nil {
		return fmt.Errorf("putting the snapshot into %s: %w", s.where, err)
	}
	n, gone := 0, 0
	types, err := past.types("")
	if err != nil {
		return err
	}
	for _, typ := range types {
		n, gone = n+len(past.views[typ].Keys()), gone+len(past.views[typ].Gone())
		found, err := b.compare(ctx, service, s, past, typ)
		if err != nil {
			return err
		}
		wrong += found
	}
	if gone > 0 {
		fmt.Fprintf(b.out, "%s left out: what the snapshot had of them is gone (backup verify says whether it was forgotten)\n", recordsAre(gone))
	}
	if wrong > 0 {
		return fmt.Errorf("%s: not everything came back as it is in the snapshot", count(wrong, "fault"))
	}
	fmt.Fprintf(b.out, "%s came back in %s as the snapshot has them\n", count(n, "record"), s.where)
	return nil
}

// compare tells what is not as the snapshot has it, and gives how much that is.
func (b *backupRun) compare(ctx context.Context, service *adapter.Service, s *scratch, past *past, typ string) (wrong int, err error) {
	m, ok := s.mappings.Get(typ)
	if !ok {
		return 0, fmt.Errorf("%s does not map %s", s.where, typ)
	}
	name := func(rec backends.Record) string {
		if m.Backend().Capabilities().Rename {
			return backends.Normalize(backends.NameRule, rec.Name)
		}
		return string(rec.Key)
	}
	is := map[string]backends.Record{}
	for rec, err := range m.Backend().Walk(ctx, backends.Query{Attrs: []string{"*", "+"}}) {
		if err != nil {
			return wrong, fmt.Errorf("reading %s: %w", s.where, err)
		}
		is[name(rec)] = rec
	}
	tell := func(rec backends.Record, what string) {
		wrong++
		fmt.Fprintf(b.out, "%s/%s %s: %s\n", typ, rec.Key, rec.Name, what)
	}
	for was, err := range past.views[typ].Walk(ctx, backends.Query{Attrs: []string{"*", "+"}}) {
		if err != nil {
			return wrong, err
		}
		now, there := is[name(was)]
		delete(is, name(was))
		if !there {
			tell(was, "it is not there")
		} else if differs := service.Differs(typ, was, now); len(differs) > 0 {
			tell(was, "not as it was: "+strings.Join(differs, ", "))
		}
	}
	for _, more := range is {
		tell(more, "the snapshot does not have it")
	}
	return wrong, nil
}

// scratchOf opens the directories of another configuration. They must be empty, and not those that are served.
func (b *backupRun) scratchOf(ctx context.Context, past *past, into string) (*scratch, error) {
	p, err := load(into, quiet)
	if err != nil {
		return nil, err
	}
	s := &scratch{plan: p, where: into, close: p.close}
	if err := b.mayFill(ctx, past, s); err != nil {
		s.close()
		return nil, err
	}
	moved := false
	for typ := range past.views {
		from, to := baseOf(b.p.config, typ), baseOf(p.config, typ)
		moved = moved || from != "" && to != "" && from != to
	}
	for _, view := range past.views {
		if moved {
			view.Elsewhere(renaming(past, b.p.config, p.config))
		}
	}
	return s, nil
}

// mayFill says that a scratch directory is one.
func (b *backupRun) mayFill(ctx context.Context, past *past, s *scratch) error {
	meeting, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := s.meet(meeting); err != nil {
		return err
	}
	for _, typ := range slices.Sorted(maps.Keys(past.views)) {
		m, ok := s.mappings.Get(typ)
		if !ok {
			return usageError{fmt.Errorf("%s maps no %s: a scratch directory takes all types that the snapshots have", s.where, typ)}
		}
		if place(b.p.config, typ) == place(s.config, typ) {
			return usageError{fmt.Errorf("%s has %s in the same place as %s: that is no scratch directory", s.where, typ, b.config)}
		}
		n, _, err := m.Backend().Count(ctx, nil, 1)
		if err != nil {
			return fmt.Errorf("%s: %w", s.where, err)
		}
		if n > 0 {
			return fmt.Errorf("%s: there are records of %s already: a scratch directory is empty", s.where, typ)
		}
		served, ok := b.p.mappings.Get(typ)
		if !ok || len(past.views[typ].Keys()) == 0 {
			continue
		}
		if n, _, err := served.Backend().Count(ctx, nil, 1); err != nil || n == 0 {
			return errors.Join(fmt.Errorf("the directory that is served shows no %s, so nobody can tell that %s is another one", typ, s.where), err)
		}
	}
	return nil
}

// place is where the records of a type are, as far as the configuration says it.
func place(config *configs.Config, typ string) string {
	at := atOf(config, typ)
	parts := []string{config.Backends[at.Get("backend").Text()].Get("url").Text()}
	for key, value := range at.Pairs() {
		if key.Text() != "backend" {
			parts = append(parts, key.Text()+": "+strings.ToLower(value.Text()))
		}
	}
	return strings.Join(parts, "\n")
}

func atOf(config *configs.Config, typ string) configs.Node {
	for _, doc := range config.Mappings {
		if doc.Get("mapping").Text() == typ {
			return doc.Get("at")
		}
	}
	return configs.Node{}
}

func baseOf(config *configs.Config, typ string) string { return atOf(config, typ).Get("base").Text() }

// renaming gives names below the bases of one configuration those that they have below the bases of another.
func renaming(past *past, from, to *configs.Config) func(string) string {
	return func(name string) string {
		for typ := range past.views {
			old, now := rdns(baseOf(from, typ)), baseOf(to, typ)
			parts := rdns(name)
			if len(old) == 0 || now == "" || len(parts) <= len(old) {
				continue
			}
			at := len(parts) - len(old)
			if backends.Normalize(backends.NameRule, strings.Join(parts[at:], ",")) == backends.Normalize(backends.NameRule, strings.Join(old, ",")) {
				return strings.Join(append(parts[:at:at], now), ",")
			}
		}
		return name
	}
}

// rdns are the parts of a distinguished name.
func rdns(name string) []string {
	var parts []string
	start := 0
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case ',':
			parts = append(parts, name[start:i])
			start = i + 1
		}
	}
	if name == "" {
		return nil
	}
	return append(parts, name[start:])
}

// embeddedScratch starts an LDAP directory in this process that has the schema of the one that is served.
func (b *backupRun) embeddedScratch(ctx context.Context, past *past) (*scratch, error) {
	meeting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := b.p.meet(meeting); err != nil {
		fmt.Fprintf(b.err, "the directory's schema is not known, and the usual one is taken: %v\n", err)
	}
	var known *schema.Schema
	for _, m := range b.p.mappings.All() {
		if kind := m.Backend().Capabilities().Kind; kind != "ldap" {
			return nil, usageError{fmt.Errorf("%s is not in an LDAP directory but in %s: name a scratch one with --into CONFIG, such as a database with the same tables, and nothing in them", m.Name(), kind)}
		}
		if d, ok := b.p.directories[m.BackendName()].(interface{ Schema() *schema.Schema }); ok {
			known = d.Schema()
		}
	}
	suffix, entries, err := tree(ctx, b.p.config, past)
	if err != nil {
		return nil, err
	}
	admin, password := "cn=scratch,"+suffix, rand.Text()
	server, err := embedded.Start(embedded.Config{Suffix: suffix, AdminDN: admin, AdminPassword: password, Entries: entries, Schema: known})
	if err != nil {
		return nil, fmt.Errorf("the scratch directory: %w", err)
	}
	s := &scratch{plan: &plan{config: b.p.config, directories: map[string]backends.Directory{}, log: b.p.log}, where: "a directory in this process"}
	s.close = func() {
		s.plan.close()
		_ = server.Close() // it goes with the process
	}
	for name := range b.p.directories {
		node, faults := configs.ParseNode("scratch", fmt.Appendf(nil, "kind: ldap\nurl: %q\nbind_dn: %q\nbind_password: %q\n", server.URL(), admin, password))
		if len(faults) == 0 {
			s.directories[name], faults = openDirectory(name, node, b.p.log)
		}
		if len(faults) > 0 {
			s.close()
			return nil, faults
		}
	}
	set, faults := s.over(func(class backends.Backend) backends.Backend { return class })
	if len(faults) > 0 {
		s.close()
		return nil, faults
	}
	s.mappings = set
	return s, s.meet(ctx)
}

// tree is what the records of snapshots stand below: the part that their bases have in common, and the entries on the way.
func tree(ctx context.Context, config *configs.Config, past *past) (suffix string, entries []embedded.Entry, err error) {
	var common []string
	records, below := map[string]bool{}, map[string][]string{}
	normal := func(parts []string) string { return backends.Normalize(backends.NameRule, strings.Join(parts, ",")) }
	for _, m := range past.set.All() {
		base := rdns(baseOf(config, m.Name()))
		below[normal(base)] = base
		if common == nil {
			common = base
		}
		n := 0
		for n < min(len(common), len(base)) && normal(common[len(common)-1-n:]) == normal(base[len(base)-1-n:]) {
			n++
		}
		if common = common[len(common)-n:]; n == 0 {
			return "", nil, usageError{errors.New("the mappings' bases have nothing in common: name a scratch directory with --into CONFIG")}
		}
	}
	for _, view := range past.views {
		for rec, err := range view.Walk(ctx, backends.Query{}) {
			if err != nil {
				return "", nil, err
			}
			parts := rdns(rec.Name)
			records[normal(parts)] = true
			below[normal(parts[1:])] = parts[1:]
		}
	}
	made := map[string]bool{}
	var add func(parts []string)
	add = func(parts []string) {
		at := normal(parts)
		if made[at] || records[at] || len(parts) < len(common) {
			return
		}
		made[at] = true
		add(parts[1:])
		entries = append(entries, container(parts))
	}
	for _, at := range slices.Sorted(maps.Keys(below)) {
		add(below[at])
	}
	return strings.Join(common, ","), entries, nil
}

// containers are object classes for the entries that others stand below, by what these are named with.
var containers = map[string]string{"dc": "domain", "o": "organization", "ou": "organizationalUnit", "c": "country", "l": "locality", "cn": "organizationalRole", "uid": "account"}

func container(parts []string) embedded.Entry {
	attr, value, _ := strings.Cut(parts[0], "=")
	attr = strings.ToLower(strings.TrimSpace(attr))
	class := containers[attr]
	if class == "" {
		class = "extensibleObject"
	}
	return embedded.Entry{DN: strings.Join(parts, ","), Attrs: []embedded.Attr{{Name: "objectClass", Values: []string{class}}, {Name: attr, Values: []string{strings.TrimSpace(value)}}}}
}
