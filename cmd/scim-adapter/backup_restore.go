package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// backupRestore is `backup restore` at work.
type backupRestore struct {
	backupRun
	undoRun // how plans are shown and confirmed

	all, others bool
	typ, filter string
}

func backupRestoreCommand() *cobra.Command {
	b := backupRestore{backupRun: backupRun{needs: []pgjournal.Need{toReadSnapshots, toWriteJournal}}}
	cmd := b.command("restore --config FILE SNAPSHOT… (--all | TYPE/ID… | --filter FILTER)", "Put records back as a snapshot has them", cobra.MinimumNArgs(1), nil)
	cmd.Long = `Restore makes records again that are gone, and gives those that are there the attributes that they had: all of them, also what nothing maps. First it says
what it would do. A snapshot is of one type; name one for each type, or say "latest": the newest of each. People come back before the groups that they are in.
Members come and go one by one; who is no longer there is not put back. What the directory keeps itself cannot be put back; passwords only
with backup.secrets: encrypted and the key, of records that are made again.
Each record is a write of its own in the journal (action restore), and can be taken back by undo. What clients kept of it beside the directory (overlay) they have again.

  scim-adapter backup restore --config scim.yaml latest --all --dry-run
  scim-adapter backup restore --config scim.yaml SNAPSHOT User/5c0b7d4e-…
  scim-adapter backup restore --config scim.yaml SNAPSHOT --type User --filter 'department eq "Sales"'

Exit code 0: all is as the snapshot has it; 1: something was skipped or failed; 2: the command line or the configuration is wrong.`
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		b.in = cmd.InOrStdin()
		return b.backupRun.run(cmd, func(ctx context.Context) error { return b.inWorld(ctx, func() error { return b.restore(ctx, args) }) })
	}
	flags := cmd.Flags()
	flags.BoolVar(&b.all, "all", false, "everything in the snapshots")
	flags.StringVar(&b.typ, "type", "", "only of this resource type: User, Group")
	flags.StringVar(&b.filter, "filter", "", "only what this SCIM filter is true of, as the snapshot has it")
	flags.BoolVar(&b.others, "delete-others", false, "with --all: delete what the snapshots do not have")
	flags.BoolVar(&b.dryRun, "dry-run", false, "only print what would be done, as LDIF or SQL")
	flags.BoolVarP(&b.yes, "yes", "y", false, "do not ask")
	return cmd
}

// inWorld builds the world that serve would serve, for the time of a command.
func (b *backupRestore) inWorld(ctx context.Context, do func() error) error {
	meeting, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	b.p.config.Journal.OnUnavailable = configs.UnavailableRefuse // the spool is of who serves
	if err := b.p.meet(meeting); err != nil {
		return err
	}
	if !b.dryRun {
		if err := mayWriteJournal(meeting, b.p.config, b.needs...); err != nil {
			return err
		}
	}
	w, err := build(ctx, b.p)
	if err != nil {
		return err
	}
	defer w.closeJournal() // the rest is closed where it was opened
	b.w = w
	return do()
}

// say is where results and messages of both halves go.
func (b *backupRestore) say() {
	if b.undoRun.out == nil {
		b.undoRun.out, b.undoRun.err = b.backupRun.out, b.backupRun.err
	}
}

// restore plans, asks and does.
func (b *backupRestore) restore(ctx context.Context, args []string) error {
	b.say()
	past, o, err := b.chosen(ctx, args)
	if err != nil {
		return err
	}
	if b.w.config.Journal.Kind == configs.JournalNone {
		fmt.Fprintln(b.undoRun.err, "journal.kind is none: what is put back now cannot be taken back")
	}
	fmt.Fprintln(b.undoRun.out, past.describe())
	if !b.yes || b.dryRun {
		o.DryRun, o.Plan = true, adapter.NewPutBackPlan()
		sum, err := b.putBack(ctx, o, "planning")
		if err != nil || b.dryRun || sum.work() == 0 {
			return firstError(err, sum.verdict())
		}
		if err := b.confirm(); err != nil {
			return err
		}
	}
	o.DryRun = false
	sum, err := b.putBack(ctx, o, "putting back")
	return firstError(err, sum.verdict())
}

// chosen reads the snapshots, and finds what is to be put back.
func (b *backupRestore) chosen(ctx context.Context, args []string) (*past, adapter.PutBackOptions, error) {
	var o adapter.PutBackOptions
	names, records, err := b.arguments(args)
	if err != nil {
		return nil, o, err
	}
	past, err := b.look(ctx, names)
	if err != nil {
		return nil, o, err
	}
	for typ, view := range past.views {
		view.Open = func(key backends.Key, attrs backends.Attributes) backends.Attributes {
			return b.p.discretion.FromSnapshot(b.tenant, typ, key, attrs)
		}
	}
	o = adapter.PutBackOptions{Past: past.classes(), Keys: map[string][]backends.Key{}, Others: b.others, Gone: past.gone()}
	o.Beside = func(typ string, key backends.Key) (journal.Beside, error) {
		beside, err := past.views[typ].Beside(key)
		return b.p.discretion.BesideFromSnapshot(b.tenant, typ, key, beside), err
	}
	if limit := b.p.config.Backup.Rate; limit > 0 {
		o.Pace = rate.NewLimiter(rate.Limit(limit), 1).Wait
	}
	types, err := past.types(b.typ)
	if err != nil {
		return nil, o, err
	}
	switch {
	case b.all:
		for _, typ := range types {
			o.Keys[typ] = past.views[typ].Keys()
		}
	case b.filter != "":
		if len(types) != 1 {
			return nil, o, usageError{errors.New("--type TYPE says of which type the filter is: there are snapshots of several")}
		}
		o.Keys[types[0]], err = past.matching(ctx, b.caller(), types[0], b.filter)
	default:
		err = b.find(ctx, past, records, o.Keys)
	}
	if err == nil && b.others {
		err = past.mayDelete(types)
	}
	return past, o, err
}

// arguments tells snapshots from records.
func (b *backupRestore) arguments(args []string) (snapshots, records []string, err error) {
	for _, arg := range args {
		if strings.Contains(arg, "/") {
			records = append(records, arg)
		} else {
			snapshots = append(snapshots, arg)
		}
	}
	ways := 0
	for _, said := range []bool{b.all, b.filter != "", len(records) > 0} {
		if said {
			ways++
		}
	}
	switch {
	case len(snapshots) == 0:
		err = errors.New("name a snapshot, or say latest (backup list shows them)")
	case ways != 1:
		err = errors.New("say what to put back: --all, or --filter FILTER, or records as TYPE/ID")
	case b.others && !b.all:
		err = errors.New("--delete-others goes with --all: of some records nobody can say which the others are")
	}
	if err != nil {
		err = usageError{err}
	}
	return snapshots, records, err
}

// find finds records by their ids.
func (b *backupRestore) find(ctx context.Context, past *past, records []string, keys map[string][]backends.Key) error {
	for _, one := range records {
		typ, id, _ := strings.Cut(one, "/")
		types, err := past.types(typ)
		if err != nil {
			return err
		}
		key, typ := backends.Key(id), types[0]
		has := func() bool {
			recs, err := past.views[typ].Fetch(ctx, []backends.Key{key}, nil)
			return err == nil && len(recs) == 1
		}
		if !has() && b.w.store != nil { // it may have been made again before the snapshot
			known, err := b.w.store.AliasKeys(ctx, b.tenant, typ, []backends.Key{key})
			if err != nil {
				return err
			}
			key = known[key]
		}
		if !has() {
			if key, err = past.views[typ].Known(backends.Key(id)); err != nil {
				return err
			}
		}
		if !has() && slices.Contains(past.views[typ].Gone(), cmp.Or(key, backends.Key(id))) {
			return fmt.Errorf("what the snapshot had of %s is gone, and cannot be put back: backup verify says whether it was forgotten", one)
		}
		if !has() {
			return fmt.Errorf("the snapshot has no %s", one)
		}
		keys[typ] = append(keys[typ], key)
	}
	return nil
}

// putBack does it, or says what it would do.
func (b *backupRestore) putBack(ctx context.Context, o adapter.PutBackOptions, what string) (*putBackSum, error) {
	sum := &putBackSum{dry: o.DryRun, counts: map[string]int{}, kept: map[string]int{}, lost: map[string]int{}}
	n := 0
	for _, keys := range o.Keys {
		n += len(keys)
	}
	step := func() {}
	if file, ok := b.undoRun.err.(*os.File); ok && n >= 10 && isTerminal(file) {
		bar := progressbar.NewOptions(n, progressbar.OptionSetWriter(b.undoRun.err), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		step = func() { _ = bar.Add(1) }
		defer func() { _ = bar.Finish() }()
	}
	o.Progress = func(x adapter.PutBack) {
		step()
		sum.add(x)
		if x.Result != adapter.UndoNothing || len(x.Why) > 0 || len(x.Lost) > 0 {
			b.print([]adapter.Undone{x.Undone}, b.dryRun)
		}
	}
	err := b.w.service.PutBack(ctx, b.caller(), o)
	fmt.Fprint(b.undoRun.err, sum.text())
	return sum, err
}

// putBackSum counts.
type putBackSum struct {
	dry        bool
	counts     map[string]int // by what is done, and of the others by the result
	left, n    int
	kept, lost map[string]int // records, by attributes
}

func (s *putBackSum) add(x adapter.PutBack) {
	s.n++
	switch {
	case !x.OK():
		s.left++
		s.counts[x.Result]++
	default:
		s.counts[x.Does]++
	}
	for _, attr := range x.Kept {
		s.kept[attr]++
	}
	for _, attr := range x.Lost {
		s.lost[attr]++
	}
}

// work is how much there is to do.
func (s *putBackSum) work() int {
	return s.counts[adapter.PutMake] + s.counts[adapter.PutChange] + s.counts[adapter.PutDelete]
}

func (s *putBackSum) text() string {
	var out strings.Builder
	words := map[string]string{adapter.PutMake: "made again", adapter.PutChange: "changed", adapter.PutNothing: "unchanged", adapter.PutDelete: "deleted, which the snapshot does not have", adapter.PutLeave: "left alone, of which the snapshot's content is gone"}
	if s.dry {
		words = map[string]string{adapter.PutMake: "to make again", adapter.PutChange: "to change", adapter.PutNothing: "unchanged", adapter.PutDelete: "to delete, which the snapshot does not have", adapter.PutLeave: "to leave alone, of which the snapshot's content is gone"}
	}
	var parts []string
	for _, what := range []string{adapter.PutMake, adapter.PutChange, adapter.PutNothing, adapter.PutDelete, adapter.PutLeave} {
		if n := s.counts[what]; n > 0 || what != adapter.PutDelete && what != adapter.PutLeave {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[what]))
		}
	}
	for _, result := range []string{adapter.UndoSkipped, adapter.UndoFailed} {
		if n := s.counts[result]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, result))
		}
	}
	fmt.Fprintln(&out, strings.Join(parts, ", "))
	if len(s.lost) > 0 {
		fmt.Fprintln(&out, "cannot be put back: "+inCounts(s.lost))
	}
	if len(s.kept) > 0 && s.dry {
		fmt.Fprintln(&out, "the directory keeps these itself, and may give records that are made again new ones: "+inCounts(s.kept))
	}
	return out.String()
}

func inCounts(counts map[string]int) string {
	var parts []string
	for _, attr := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s (of %d)", attr, counts[attr]))
	}
	return strings.Join(parts, ", ")
}

func (s *putBackSum) verdict() error {
	if s.left > 0 {
		return fmt.Errorf("%d of %d were skipped or failed", s.left, s.n)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// matching finds the records of a type that a filter is true of, as the snapshot has them.
func (p *past) matching(ctx context.Context, caller scim.Caller, typ, text string) ([]backends.Key, error) {
	expr, err := filter.Parse(text)
	if err != nil {
		return nil, usageError{fmt.Errorf("--filter: %w", err)}
	}
	rt, err := p.resourceType(typ)
	if err != nil {
		return nil, err
	}
	only, err := rt.ParseProjection("id", "")
	if err != nil {
		return nil, err
	}
	var keys []backends.Key
	for {
		page, err := p.service().List(ctx, scim.Request{Caller: caller, Type: rt, Projection: only}, scim.ListQuery{Filter: expr, StartIndex: 1 + len(keys), Count: math.MaxInt32})
		if err != nil {
			return nil, usageError{fmt.Errorf("--filter: %w", err)}
		}
		for _, res := range page.Resources {
			id, _ := res.Get("id")
			keys = append(keys, backends.Key(fmt.Sprint(id)))
		}
		if len(page.Resources) == 0 || len(keys) >= page.TotalResults {
			return keys, nil
		}
	}
}

// emptyOverlay is what a snapshot has of it.
type emptyOverlay struct{}

var _ journal.Overlay = emptyOverlay{}

func (emptyOverlay) Load(context.Context, journal.Scope, []backends.Key) (map[backends.Key]journal.Extra, error) {
	return nil, nil
}

func (emptyOverlay) LoadAll(context.Context, string, string, backends.Key) (map[string]map[string]string, error) {
	return nil, nil
}

func (emptyOverlay) Save(context.Context, journal.Scope, backends.Key, map[string]string, []string) error {
	return nil
}

func (emptyOverlay) Forget(context.Context, string, string, backends.Key) error { return nil }

func (emptyOverlay) Find(context.Context, journal.Scope, string, *string) ([]backends.Key, error) {
	return nil, nil
}
