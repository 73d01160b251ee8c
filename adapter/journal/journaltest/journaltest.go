// Package journaltest is what every journal must pass, wherever it keeps its entries.
//
// A Place is a journal that can be opened, closed and opened again; if the kind allows, by several at a time, and it can be looked at as a killed process would
// have left it. Run writes intents, outcomes, notes, overlay attributes and aliases there and demands them back, follows what is settled while many write, and
// holds the journal to the limits of the guard.
package journaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Store is all that an embedded or shared journal can do.
type Store interface {
	journal.Journal
	journal.Reader
	journal.Overlay
	journal.Aliases
	journal.Guard
	journal.Keeper
	journal.Subjects
	Close() error
}

// Place is where one journal lives.
type Place struct {
	// Open opens the journal there, with these limits; a second time it finds what the first has written.
	Open func(ctx context.Context, limits ...journal.Limit) (Store, error)
	// Apart: what is written is kept and counted apart from the rest, which is asked for everything else: who writes knows neither approvals nor what others have begun.
	Apart bool
	// Several: it can be open more than once at a time.
	Several bool
	// Crash gives the place as it would be if the machine stopped now, while the journal is open.
	Crash func(t testing.TB) Place
	// Stored is every byte that is kept there.
	Stored func(t testing.TB) []byte
}

// Run runs the suite; empty gives a journal without entries for each test.
func Run(t *testing.T, empty func(t testing.TB) Place) {
	t.Helper()
	for _, c := range []struct {
		claim string
		test  func(*testing.T, Place)
	}{
		{"an intent is read back as it was written", testReadBack},
		{"what was written is there after closing and opening", testReopen},
		{"what Begin and Finish have promised survives a crash", testCrash},
		{"the same entry twice is one entry, another under its id is refused", testIdempotence},
		{"an outcome needs an intent", testUnknownIntent},
		{"events come in the order in which they began", testOrder},
		{"what the caller changes afterwards is not changed in the journal", testEntriesAreValues},
		{"secrets are never stored", testSecrets},
		{"many write at once, and one who gives up disturbs nobody", testConcurrency},
		{"a closed journal says so", testClosed},
		{"what was noted is an event with its outcome", testNote},
		{"a filter chooses by each of its fields", testFilter},
		{"a reader sees the journal as it was when he began", testReaderSeesOneMoment},
		{"whoever follows misses nothing and hears nothing twice while many write", testFollow},
		{"the end is behind all that is settled", testEnd},
		{"a limit stops what would pass it, and stores nothing of that", testLimit},
		{"a limit of all clients counts them together", testLimitOfAll},
		{"a share is of as many as there are", testLimitInPercent},
		{"an intent that one limit refuses takes nothing of another", testTwoLimits},
		{"what left the window no longer counts", testWindow},
		{"an intent begun twice is counted once", testCountedOnce},
		{"what nothing came of is given back to the limits, once", testGivenBack},
		{"tenants have limits of their own, which outlive the process", testLimitsOfTenants},
		{"an approval lets more happen until it ends", testApproval},
		{"after a reset it is counted anew", testReset},
		{"uses are shown by limit and client", testUses},
		{"of many at a time exactly as many get through as the limit allows", testGuardRace},
		{"what another journal was told is taken over once, and what cannot be is named", testKeep},
		{"what is taken over keeps its order", testKeepInOrder},
		{"what is taken over is counted and not refused", testKeptIsCounted},
		{"an id leads to the key that it was given last", testAliases},
		{"overlay attributes are kept, replaced and taken away", testOverlay},
		{"an overlay belongs to its tenant, client and type", testOverlayScopes},
		{"what all clients keep of many records is read at once", testKept},
		{"a unique overlay value is held by one", testOverlayUnique},
		{"of many who want one unique value exactly one gets it", testOverlayRace},
	} {
		t.Run(c.claim, func(t *testing.T) { c.test(t, empty(t)) })
	}
}

// open opens a journal for the time of a test.
func open(t *testing.T, p Place, limits ...journal.Limit) Store {
	t.Helper()
	s, err := p.Open(t.Context(), limits...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

func shut(t *testing.T, s Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// id is the id that a name stands for in these tests: ids are UUIDs.
func id(name string) journal.ID {
	if name == "" {
		return ""
	}
	return journal.ID(uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)).String())
}

// moment is when everything in these tests happens.
var moment = time.Date(2026, 11, 23, 10, 17, 0, 123456789, time.UTC)

// intent is one with something in every field.
func intent(name string) journal.Intent {
	return journal.Intent{
		ID: id(name), Time: moment, Deadline: moment.Add(time.Minute), Writer: "host/1234", RequestID: "r-1", Tenant: "default", Client: "okta",
		Subject: "subject", Address: "192.0.2.1", UserAgent: "curl", Action: "patch", ResourceType: "User", ResourceID: "k1", Dropped: []string{"nickName"},
		Undoes: id("undone"),
		Diff: []journal.Change{
			{Path: "emails", Before: json.RawMessage(`[{"value":"b@example.org"}]`), After: json.RawMessage(`[{"value":"<名前>"}]`)},
			{Path: "title", Before: json.RawMessage(`"Manager"`)},
			{Path: "active", After: json.RawMessage(`false`)},
		},
		Weights: []journal.Weight{{Kind: journal.GuardDisable, Count: 1, Of: 4000}, {Kind: journal.GuardRemoveMember, Count: 12}},
		Steps: []journal.Step{{
			Backend: "User", Op: "modify", Key: "k1", Name: "uid=bjensen,dc=example",
			Changes: []backends.Change{
				{Op: backends.Add, Attr: "mail", Values: backends.Strings("a@example.org", `"<&>' 名前`)},
				{Op: backends.Remove, Attr: "jpegPhoto", Values: backends.Values{backends.Bytes([]byte{0, 0xff})}},
				{Op: backends.Replace, Attr: "title"},
			},
			Attrs: backends.Attributes{
				"number": {backends.Int(1 << 62), backends.Decimal("1.10")}, "flag": {backends.Bool(true), backends.Bool(false)},
				"since": {backends.Time(moment)}, "odd": {backends.String("\xff")},
				"emails": {row("a@example.org", 1), row("\xff\"'<&>", 1<<62), backends.Row(nil)},
			},
			Before: backends.Attributes{"title": backends.Strings("Manager"), "gone": nil, "emails": {row("b@example.org", -1)}},
		}},
	}
}

// row is a value with parts of several kinds.
func row(address string, rank int64) backends.Value {
	return backends.Row(backends.Attributes{
		"address": backends.Strings(address), "rank": {backends.Int(rank)}, "main": {backends.Bool(rank > 0)}, "since": {backends.Time(moment)},
		"key": {backends.Bytes([]byte{0, 0xff})}, "tags": backends.Strings("b", "a"),
	})
}

func outcome() journal.Outcome {
	return journal.Outcome{
		Time: moment.Add(time.Second), Status: "undone", ResourceID: "k1", Version: "v2", Error: "the second step failed",
		Steps: []journal.StepOutcome{
			{Status: "undone", Effective: []backends.Change{
				{Op: backends.Add, Attr: "mail", Values: backends.Strings("a@example.org")}, {Op: backends.Remove, Attr: "emails", Values: backends.Values{row("a@example.org", 0)}},
			}},
			{Status: "failed", Error: "refused"},
		},
	}
}

// values compares Values by what they hold, and JSON by what it means: <, > and & have two spellings there.
var values = cmp.Options{
	cmp.Comparer(func(a, b backends.Value) bool { return a == b }),
	cmp.Transformer("JSON", func(text json.RawMessage) (meaning any) {
		if err := json.Unmarshal(text, &meaning); len(text) > 0 && err != nil {
			return err
		}
		return meaning
	}),
}

// expect fails unless the journal has this event.
func expect(t *testing.T, s Store, in journal.Intent, out *journal.Outcome) {
	t.Helper()
	got, err := s.Lookup(t.Context(), in.ID)
	if err != nil {
		t.Fatalf("Lookup(%q): %v", in.ID, err)
	}
	if diff := cmp.Diff(journal.Event{Intent: in, Outcome: out}, got, values); diff != "" {
		t.Errorf("event %q (-written +read):\n%s", in.ID, diff)
	}
}

func begin(t *testing.T, s Store, in journal.Intent) {
	t.Helper()
	if err := s.Begin(t.Context(), in); err != nil {
		t.Fatalf("Begin(%q): %v", in.ID, err)
	}
}

func finish(t *testing.T, s Store, name string, out journal.Outcome) {
	t.Helper()
	if err := s.Finish(t.Context(), id(name), out); err != nil {
		t.Fatalf("Finish(%q): %v", name, err)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// ids lists the events of a journal that a filter chooses, in order.
func ids(ctx context.Context, s Store, f journal.Filter) ([]journal.ID, error) {
	var list []journal.ID
	for event, err := range s.Events(ctx, f) {
		if err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		list = append(list, event.Intent.ID)
	}
	return list, nil
}
