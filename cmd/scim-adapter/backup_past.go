package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/mapping/lens"
	"github.com/scim-adapter/scim-adapter/scim"
)

// past is what snapshots have, read through the mappings.
type past struct {
	set       *mapping.Set
	views     map[string]*backup.View // by type; one that no snapshot is of is not in it
	snapshots map[string]backup.Snapshot
	named     map[string]bool // types whose snapshots were asked for; the others are there for what points from one type to another
	served    *adapter.Service
}

// look reads the snapshots that are named ("latest": the newest of each type), and of the other types those that were made at nearly the same time.
func (b *backupRun) look(ctx context.Context, names []string) (*past, error) {
	p := &past{views: map[string]*backup.View{}, snapshots: map[string]backup.Snapshot{}, named: map[string]bool{}}
	all, err := b.store.List(ctx, b.tenant, "")
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(one backup.Snapshot) bool { return one.Status == backup.Running })
	var when time.Time
	for _, name := range names {
		found := slices.DeleteFunc(slices.Clone(all), func(one backup.Snapshot) bool {
			return one.ID != strings.ToLower(name) && (name != latest || one.Status != backup.Complete)
		})
		if len(found) == 0 {
			return nil, fmt.Errorf("%w: %s", backup.ErrNone, name)
		}
		for _, one := range found {
			if other, twice := p.snapshots[one.Type]; !twice {
				p.snapshots[one.Type], p.named[one.Type], when = one, true, one.Started
			} else if name != latest {
				return nil, usageError{fmt.Errorf("%s and %s are both of %s: name one", other.ID, one.ID, one.Type)}
			}
		}
	}
	for _, one := range all {
		if p.named[one.Type] || one.Status != backup.Complete {
			continue
		}
		if other, ok := p.snapshots[one.Type]; !ok || one.Started.Sub(when).Abs() < other.Started.Sub(when).Abs() {
			p.snapshots[one.Type] = one
		}
	}
	return p, b.read(ctx, p)
}

// read compiles the mappings over views of the snapshots.
func (b *backupRun) read(ctx context.Context, p *past) error {
	set, faults := b.p.over(func(class backends.Backend) backends.Backend { return backup.NewView(class) })
	if len(faults) > 0 {
		return faults
	}
	p.set = set
	for _, m := range set.All() {
		one, ok := p.snapshots[m.Name()]
		view, is := m.Backend().(*backup.View)
		if !ok || !is {
			delete(p.named, m.Name())
			continue
		}
		if err := view.Fill(ctx, b.store, one); err != nil {
			return err
		}
		p.views[m.Name()] = view
	}
	for typ := range p.snapshots {
		if p.views[typ] == nil && p.named[typ] {
			return fmt.Errorf("the snapshot %s is of %s, which nothing maps any more", p.snapshots[typ].ID, typ)
		}
	}
	return nil
}

// over compiles the mappings once more, over something in front of their classes, or in their place.
func (p *plan) over(wrap func(backends.Backend) backends.Backend) (*mapping.Set, configs.Faults) {
	types, faults := mapping.CompileTypes(p.config.Schemas, p.config.ResourceTypes)
	if len(faults) > 0 {
		return nil, faults
	}
	return mapping.Compile(p.config.Mappings, lens.Table(), types, func(backend configs.Node, o backends.Open) (backends.Backend, error) {
		class, err := p.open(backend, o)
		if err != nil {
			return nil, err
		}
		return wrap(class), nil
	})
}

// gone are the keys of records whose content was destroyed, by type.
func (p *past) gone() map[string][]backends.Key {
	all := map[string][]backends.Key{}
	for typ, view := range p.views {
		all[typ] = view.Gone()
	}
	return all
}

// classes are the views, as the adapter takes them.
func (p *past) classes() map[string]backends.Backend {
	all := make(map[string]backends.Backend, len(p.views))
	for typ, view := range p.views {
		all[typ] = view
	}
	return all
}

// types are those that were named, or the one of them that is meant, in the order of the configuration.
func (p *past) types(only string) ([]string, error) {
	var all []string
	for _, m := range p.set.All() {
		if p.named[m.Name()] && (only == "" || strings.EqualFold(only, m.Name())) {
			all = append(all, m.Name())
		}
	}
	if len(all) == 0 {
		return nil, usageError{fmt.Errorf("no snapshot that was named is of %s", only)}
	}
	return all, nil
}

// resourceType is what the snapshot's resources are.
func (p *past) resourceType(typ string) (*scim.ResourceType, error) {
	for _, rt := range p.service().ResourceTypes() {
		if rt.Name == typ {
			return rt, nil
		}
	}
	return nil, fmt.Errorf("there is no resource type %s", typ)
}

// service shows resources as clients saw them.
func (p *past) service() *adapter.Service {
	if p.served == nil {
		p.served = adapter.New(adapter.Options{Mappings: p.set, Journal: journal.None{}, Overlay: emptyOverlay{}, NewID: newID, MaxCount: math.MaxInt32, SnapshotBytes: math.MaxInt32})
	}
	return p.served
}

// describe says which snapshots are used, in comments of LDIF.
func (p *past) describe() string {
	var lines []string
	for _, m := range p.set.All() {
		one, ok := p.snapshots[m.Name()]
		what := "records"
		if !p.named[m.Name()] {
			what = "memberships and other references"
		}
		line := fmt.Sprintf("# %s: %s from snapshot %s of %s", m.Name(), what, one.ID, one.Started.UTC().Format(time.RFC3339))
		if !ok {
			line = fmt.Sprintf("# %s: there is no snapshot; memberships and other references there do not come back", m.Name())
		} else if one.Status != backup.Complete {
			line += ", which is " + one.Status + ", and not all there was"
		}
		if view := p.views[m.Name()]; view != nil && len(view.Gone()) > 0 {
			line += fmt.Sprintf("; what it had of %s is gone (backup verify says whether it was forgotten)", count(len(view.Gone()), "record"))
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// mayDelete says that what the snapshots do not have may be deleted.
func (p *past) mayDelete(types []string) error {
	for _, typ := range types {
		m, _ := p.set.Get(typ)
		switch one := p.snapshots[typ]; {
		case one.Status != backup.Complete:
			return fmt.Errorf("the snapshot %s is %s: of what it does not have nobody can say that it was not there", one.ID, one.Status)
		case m.OnDelete().Policy != "remove":
			return usageError{errors.New("--delete-others: the mapping of " + typ + " does not delete its records (delete: " + m.OnDelete().Policy + ")")}
		}
	}
	return nil
}
