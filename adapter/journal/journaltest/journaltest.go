// Package journaltest is what every journal must pass, wherever it keeps its entries.
//
// A Place is a journal that can be opened, closed and opened again; if the kind allows, it can also be looked at as a killed process would have
// left it. Run writes intents, outcomes and overlay attributes there and demands them back.
package journaltest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Store is all that an embedded or shared journal can do.
type Store interface {
	journal.Journal
	journal.Reader
	journal.Overlay
	Close() error
}

// Place is where one journal lives.
type Place struct {
	// Open opens the journal there; a second time it finds what the first has written.
	Open func(ctx context.Context) (Store, error)
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
		{"overlay attributes are kept, replaced and taken away", testOverlay},
		{"an overlay belongs to its tenant, client and type", testOverlayScopes},
		{"a unique overlay value is held by one", testOverlayUnique},
		{"of many who want one unique value exactly one gets it", testOverlayRace},
	} {
		t.Run(c.claim, func(t *testing.T) { c.test(t, empty(t)) })
	}
}

// open opens a journal for the time of a test.
func open(t *testing.T, p Place) Store {
	t.Helper()
	s, err := p.Open(t.Context())
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

// moment is when everything in these tests happens.
var moment = time.Date(2026, 11, 23, 10, 17, 0, 123456789, time.UTC)

// intent is one with something in every field.
func intent(id string) journal.Intent {
	return journal.Intent{
		ID: journal.ID(id), Time: moment, Deadline: moment.Add(time.Minute), Writer: "host/1234", RequestID: "r-1", Tenant: "default", Client: "okta",
		Subject: "subject", Address: "192.0.2.1", UserAgent: "curl", Action: "patch", ResourceType: "User", ResourceID: "k1", Dropped: []string{"nickName"},
		Refused: "",
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

// values compares Values by what they hold.
var values = cmp.Comparer(func(a, b backends.Value) bool { return a == b })

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

func finish(t *testing.T, s Store, id journal.ID, out journal.Outcome) {
	t.Helper()
	if err := s.Finish(t.Context(), id, out); err != nil {
		t.Fatalf("Finish(%q): %v", id, err)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// ids lists the events of a journal in order.
func ids(ctx context.Context, s Store) ([]journal.ID, error) {
	var list []journal.ID
	for event, err := range s.Events(ctx, journal.Filter{}) {
		if err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		list = append(list, event.Intent.ID)
	}
	return list, nil
}
