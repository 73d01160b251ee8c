package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// backupDiff is `backup diff` at work.
type backupDiff struct {
	backupRun
	asJSON, operational bool

	kept                 func(attr string) bool // by the directory itself
	told, apart, forgone int                    // records: told, that differ in what the directory keeps only, whose content was destroyed
}

func backupDiffCommand() *cobra.Command {
	b := backupDiff{backupRun: backupRun{needs: []pgjournal.Need{toReadSnapshots}}}
	cmd := b.command("diff --config FILE SNAPSHOT [SNAPSHOT] [--type TYPE]", "Say what differs between two snapshots, or between one and what the directory has now", cobra.RangeArgs(1, 2),
		func(ctx context.Context, args []string) error { return b.diff(ctx, args) })
	cmd.Long = `Diff has a line for each record that is new (+), gone (-) or changed (~), with the attributes that differ. What the directory keeps itself is left out, such as
entryCSN, modifyTimestamp or memberOf: records that differ in nothing else are counted at the end. --operational shows them, too.
SNAPSHOT may be latest: the newest of the type of the other one, or that --type names; it may be left out where there are snapshots of one type only.`
	b.typeFlag(cmd)
	cmd.Flags().BoolVar(&b.asJSON, "json", false, "as JSON, one a line, with the values")
	cmd.Flags().BoolVar(&b.operational, "operational", false, "also what the directory keeps itself, as entryCSN and modifyTimestamp")
	return cmd
}

// operationalOf says of an attribute of a type that the directory keeps it itself, as the directory's schema and the mapping say. While the directory is away, the
// usual names are known.
func (b *backupRun) operationalOf(ctx context.Context, typ string) func(attr string) bool {
	meeting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	away := b.p.meet(meeting)
	if away != nil {
		fmt.Fprintf(b.err, "the directory's schema is not known; only the usual names are taken for what it keeps itself: %v\n", away)
	}
	service := adapter.New(adapter.Options{Mappings: b.p.mappings, Journal: journal.None{}, Overlay: emptyOverlay{}, NewID: newID, Logger: b.p.log})
	return func(attr string) bool {
		return service.KeptByDirectory(typ, attr) || away != nil && slices.ContainsFunc(usuallyKept, func(name string) bool { return strings.EqualFold(name, attr) })
	}
}

// usuallyKept are operational attributes of RFC 4512, 4530 and 5020, and of the directories that there are, which they do not let be written.
var usuallyKept = []string{
	"createTimestamp", "creatorsName", "modifyTimestamp", "modifiersName", "structuralObjectClass", "governingStructureRule", "subschemaSubentry", "entryDN", "entryUUID",
	"entryCSN", "contextCSN", "hasSubordinates", "numSubordinates", "memberOf", "pwdChangedTime", "pwdFailureTime", "pwdHistory", "pwdGraceUseTime", "pwdLastSuccess",
	"nsUniqueId", "entryId", "parentId", "entryUSN", "objectGUID", "objectSid", "whenCreated", "whenChanged", "uSNCreated", "uSNChanged", "distinguishedName", "instanceType",
}

func (b *backupDiff) diff(ctx context.Context, ids []string) error {
	only := b.only
	if len(ids) == 2 && ids[0] == latest && ids[1] != latest {
		other, err := b.snapshot(ctx, ids[1], only)
		if err != nil {
			return err
		}
		only = other.Type
	}
	was, err := b.snapshot(ctx, ids[0], only)
	if err != nil {
		return err
	}
	b.kept = b.operationalOf(ctx, was.Type)
	var all iter.Seq2[backup.Difference, error]
	if len(ids) == 2 {
		if ids[1] == latest {
			only = was.Type
		}
		is, err := b.snapshot(ctx, ids[1], only)
		if err != nil {
			return err
		}
		if is.Type != was.Type {
			return usageError{fmt.Errorf("one snapshot is of %s, the other of %s", was.Type, is.Type)}
		}
		all = b.store.Diff(ctx, was, is)
	} else {
		types, err := b.types(was.Type)
		if err != nil {
			return err
		}
		now, done, err := b.source(ctx, types[0])
		if err != nil {
			return err
		}
		defer done()
		all = b.store.DiffNow(ctx, was, now)
	}
	for d, err := range all {
		if err == nil {
			err = b.tell(d)
		}
		if err != nil {
			return err
		}
	}
	sums := b.out
	if b.asJSON {
		sums = b.err
	}
	if b.apart > 0 {
		fmt.Fprintf(sums, "%s only in what the directory keeps itself (--operational shows it)\n", recordsDiffer(b.apart))
	}
	if b.forgone > 0 {
		fmt.Fprintf(sums, "%s left out: what a snapshot had of them is gone (backup verify says whether it was forgotten)\n", recordsAre(b.forgone))
	}
	if !b.asJSON && b.told+b.apart+b.forgone == 0 {
		fmt.Fprintln(b.out, "nothing differs")
	}
	return nil
}

func recordsDiffer(n int) string {
	if n == 1 {
		return "1 record differs"
	}
	return count(n, "record") + " differ"
}

func recordsAre(n int) string {
	if n == 1 {
		return "1 record is"
	}
	return count(n, "record") + " are"
}

// tell tells of a record that differs, or counts it.
func (b *backupDiff) tell(d backup.Difference) error {
	if d.Gone {
		b.forgone++
		return nil
	}
	attrs, kept := changedAttrs(d, b.kept)
	if d.Was != nil && d.Is != nil && d.Was.Name == d.Is.Name && len(attrs) == 0 && len(kept) > 0 && !b.operational {
		b.apart++
		return nil
	}
	b.told++
	if b.asJSON {
		return json.NewEncoder(b.out).Encode(d)
	}
	if b.operational {
		attrs = slices.Sorted(slices.Values(append(attrs, kept...)))
	}
	_, err := fmt.Fprintln(b.out, differenceLine(d, attrs))
	return err
}

// changedAttrs are the attributes that differ, and those of them that the directory keeps itself.
func changedAttrs(d backup.Difference, keeps func(attr string) bool) (attrs, kept []string) {
	if d.Was == nil || d.Is == nil {
		return nil, nil
	}
	was, is := backends.Record{Attrs: d.Was.Attrs}, backends.Record{Attrs: d.Is.Attrs}
	secret := func(attr string) bool { // that it is there on both sides is all that is known
		both := append(was.Attrs[attr].Clone(), is.Attrs[attr]...)
		return len(was.Attrs[attr]) == len(is.Attrs[attr]) && !slices.ContainsFunc(both, func(v backends.Value) bool { return v.Kind() != backends.KindSecret })
	}
	changed := map[string]bool{}
	for _, attr := range append(backends.Lost(was, is), backends.Lost(is, was)...) {
		if !secret(attr) {
			changed[attr] = true
		}
	}
	attrs = besideDiffers(d.Was.Beside, d.Is.Beside)
	for _, attr := range slices.Sorted(maps.Keys(changed)) {
		if keeps(attr) {
			kept = append(kept, attr)
		} else {
			attrs = append(attrs, attr)
		}
	}
	return attrs, kept
}

// besideDiffers names what differs of what clients keep, and of whose.
func besideDiffers(was, is *journal.Beside) (names []string) {
	before, after := cmp.Or(was, &journal.Beside{}), cmp.Or(is, &journal.Beside{})
	clients := slices.Concat(slices.Collect(maps.Keys(before.Kept)), slices.Collect(maps.Keys(after.Kept)))
	slices.Sort(clients)
	for _, client := range slices.Compact(clients) {
		a, b := backends.Record{Attrs: before.Kept[client]}, backends.Record{Attrs: after.Kept[client]}
		attrs := append(backends.Lost(a, b), backends.Lost(b, a)...)
		slices.Sort(attrs)
		for _, attr := range slices.Compact(attrs) {
			names = append(names, attr+" (kept for "+client+")")
		}
	}
	if before.ID != after.ID {
		names = append(names, "its id")
	}
	return names
}

// differenceLine says in a line what became of a record.
func differenceLine(d backup.Difference, attrs []string) string {
	name := func(r *backup.Record) string {
		if r.Name == "" || r.Name == string(d.Key) {
			return string(d.Key)
		}
		return string(d.Key) + " " + r.Name
	}
	switch {
	case d.Was == nil:
		return "+ " + name(d.Is)
	case d.Is == nil:
		return "- " + name(d.Was)
	case d.Was.Name != d.Is.Name:
		attrs = append([]string{"its name, which was " + d.Was.Name}, attrs...)
	}
	return "~ " + name(d.Is) + ": " + strings.Join(attrs, ", ")
}
