package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// waiting fails unless so many entries wait.
func waiting(t *testing.T, j *Journal, want int) {
	t.Helper()
	s, err := j.State(t.Context())
	if err != nil || s.Waiting != want || s.Spooling != (want > 0) || s.Since.IsZero() != (want == 0) {
		t.Errorf("%+v, %v; want %d entries", s, err, want)
	}
}

func drain(t *testing.T, j *Journal) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = j.Drain(t.Context()); err == nil {
			return
		}
	}
	t.Fatalf("the spool does not drain: %v", err)
}

// write begins and finishes.
func write(t *testing.T, j *Journal, name string) {
	t.Helper()
	in := change(name)
	must(t, j.Begin(t.Context(), in))
	must(t, j.Finish(t.Context(), in.ID, done()))
}

func TestEntriesGoWhereTheyCanAndKeepTheirOrder(t *testing.T) {
	g := newGround(t)
	j := g.open(nil)
	write(t, j, "a")
	begun := change("b")
	must(t, j.Begin(t.Context(), begun)) // in the database; what comes of it is not
	waiting(t, j, 0)
	g.line.cut()
	if err := j.Ping(t.Context()); !errors.Is(err, journal.ErrSpooling) {
		t.Errorf("Ping: %v", err)
	}
	must(t, j.Finish(t.Context(), begun.ID, done()))
	write(t, j, "c")
	open := change("d")
	must(t, j.Begin(t.Context(), open)) // in the spool; what comes of it is in the database
	must(t, j.Note(t.Context(), change("n"), done()))
	waiting(t, j, 5)
	if got := g.rows(); got != "ia ea ib" {
		t.Errorf("in the database: %s", got)
	}
	if err := j.Drain(t.Context()); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("Drain while the database is away: %v", err)
	}
	g.line.mend()
	write(t, j, "e") // it is there again, and nobody overtakes what waits
	waiting(t, j, 7)
	if err := j.Ping(t.Context()); !errors.Is(err, journal.ErrSpooling) {
		t.Errorf("Ping before it is drained: %v", err)
	}
	drain(t, j)
	waiting(t, j, 0)
	must(t, j.Ping(t.Context()))
	must(t, j.Finish(t.Context(), open.ID, done()))
	write(t, j, "f")
	if got, want := g.rows(), "ia ea ib eb ic ec id en ie ee ed if ef"; got != want {
		t.Errorf("in the database:\n%s, want\n%s", got, want)
	}
}

// Run drains by itself, also while many write, and many times.
func TestADatabaseThatComesAndGoes(t *testing.T) {
	g := newGround(t)
	j := g.open(nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		j.Run(ctx)
		close(ended)
	}()
	go func() {
		for ctx.Err() == nil {
			time.Sleep(150 * time.Millisecond)
			g.line.cut()
			time.Sleep(100 * time.Millisecond)
			g.line.mend()
		}
	}()
	const writers, each = 8, 60
	failed := make(chan error, writers)
	for w := range writers {
		go func() {
			var err error
			for i := range each {
				in := change(fmt.Sprintf("w%02d-%03d", w, i))
				err = errors.Join(err, j.Begin(ctx, in), j.Finish(ctx, in.ID, done()))
				time.Sleep(10 * time.Millisecond)
			}
			failed <- err
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	stop()
	<-ended
	time.Sleep(300 * time.Millisecond) // whoever cuts has left
	g.line.mend()
	drain(t, j)
	rows := strings.Fields(g.rows())
	seen := map[string]int{}
	last := map[string]string{}
	for i, row := range rows {
		if _, twice := seen[row]; twice {
			t.Errorf("%s is there twice", row)
		}
		seen[row] = i
		if kind, writer := row[:1], row[1:4]; last[kind+writer] > row {
			t.Errorf("%s comes after %s", row, last[kind+writer])
		} else {
			last[kind+writer] = row
		}
		if _, begun := seen["i"+row[1:]]; !begun {
			t.Errorf("%s comes before its intent", row)
		}
	}
	if len(rows) != 2*writers*each {
		t.Errorf("%d rows, want %d", len(rows), 2*writers*each)
	}
}

// An intent whose COMMIT is not answered goes into the file as well, and is in the database once.
func TestAnAnswerThatIsLost(t *testing.T) {
	g := newGround(t)
	j := g.open(nil, func(o *Options) { o.Patience = time.Second })
	write(t, j, "a")
	g.line.deaf.Store(true)
	in := change("b")
	must(t, j.Begin(t.Context(), in))
	must(t, j.Finish(t.Context(), in.ID, done()))
	waiting(t, j, 2)
	if got := g.rows(); got != "ia ea ib" {
		t.Errorf("the database has not heard of it, or has heard too much: %s", got)
	}
	g.line.cut()
	g.line.mend()
	drain(t, j)
	if got := g.rows(); got != "ia ea ib eb" {
		t.Errorf("in the database: %s", got)
	}
}

// Who dies while the database is away, or between taking a page there and dropping it here, leaves a file with which the next one goes on.
func TestTheNextProcessGoesOn(t *testing.T) {
	g := newGround(t)
	g.line.cut()
	first := g.open(nil)
	write(t, first, "a")
	write(t, first, "b")
	left := copyOf(t, g.path)
	g.line.mend()
	entries, _, err := first.o.File.Peek(t.Context(), 3)
	must(t, err)
	if unfit, err := first.Keep(t.Context(), entries); err != nil || len(unfit) > 0 {
		t.Fatalf("%v, %v", unfit, err)
	}
	must(t, first.Close())

	g.path = left
	second := g.open(nil)
	write(t, second, "c") // behind what was left
	waiting(t, second, 6)
	drain(t, second)
	if got := g.rows(); !strings.HasSuffix(got, "eb ic ec") || strings.Count(got, " ") != 5 {
		t.Errorf("in the database: %s", got)
	}
	if _, err := litejournal.OpenSpool(t.Context(), g.path, 1<<20); !errors.Is(err, litejournal.ErrInUse) {
		t.Errorf("a second process: %v", err)
	}
}

// copyOf is the file as a process that is killed now would leave it.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "spool.sqlite")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		must(t, err)
		must(t, os.WriteFile(to+suffix, b, 0o600))
	}
	return to
}

func TestAFullSpoolSaysSoAndLosesNothing(t *testing.T) {
	g := newGround(t)
	g.line.cut()
	shared, err := g.shared(t.Context())
	must(t, err)
	file, err := litejournal.OpenSpool(t.Context(), g.path, 1<<20)
	must(t, err)
	j, err := Open(t.Context(), Options{Shared: shared, File: file})
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	taken := 0
	for ; err == nil && taken < 100; taken++ {
		in := change(fmt.Sprint(taken))
		in.UserAgent = strings.Repeat("x", 64<<10)
		err = j.Begin(t.Context(), in)
	}
	taken--
	var e *backends.Error
	if !errors.As(err, &e) || !errors.Is(err, backends.ErrUnavailable) || !strings.Contains(e.Detail, "no room left") || taken < 5 {
		t.Fatalf("after %d: %v", taken, err)
	}
	waiting(t, j, taken)
	g.line.mend()
	drain(t, j)
	if got := len(strings.Fields(g.rows())); got != taken {
		t.Errorf("%d rows, want %d", got, taken)
	}
	write(t, j, "again")
	g.line.cut()
	write(t, j, "and while it is away")
	waiting(t, j, 2)
}

// Somebody else has reconciled an intent whose outcome was waiting: the first word holds, and the other is kept aside.
func TestWhatTheDatabaseWillNotTakeIsPutAside(t *testing.T) {
	g := newGround(t)
	j := g.open(nil)
	in := change("a")
	must(t, j.Begin(t.Context(), in))
	g.line.cut()
	must(t, j.Finish(t.Context(), in.ID, done()))
	write(t, j, "b")
	g.line.mend()
	other, err := g.shared(t.Context())
	must(t, err)
	t.Cleanup(func() { _ = other.Close() })
	unknown := done()
	unknown.Status = journal.StatusUnknown
	must(t, other.Finish(t.Context(), in.ID, unknown))
	drain(t, j)
	waiting(t, j, 0)
	if s, err := j.State(t.Context()); err != nil || s.Aside != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if e, err := j.Lookup(t.Context(), in.ID); err != nil || e.Status() != journal.StatusUnknown {
		t.Errorf("%+v, %v", e, err)
	}
	if n := g.ask("SELECT count(*)::text FROM audit.events"); n != "2" {
		t.Errorf("%s events", n)
	}
}

// Whoever looks for what nobody has closed must not be shown what waits in a file.
func TestNobodyLooksForOpenIntentsWhileOutcomesMayWait(t *testing.T) {
	g := newGround(t)
	now := time.Now()
	j := g.open(nil, func(o *Options) { o.Now = func() time.Time { return now } })
	look := func() error {
		for _, err := range j.Events(t.Context(), journal.Filter{Overdue: now}) {
			return err
		}
		return nil
	}
	must(t, look())
	g.line.cut()
	write(t, j, "a")
	g.line.mend()
	if err := look(); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("while it spools: %v", err)
	}
	drain(t, j)
	if err := look(); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("right after it was drained, when others may not be: %v", err)
	}
	now = now.Add(time.Minute)
	must(t, look())
	if err := j.Finish(t.Context(), newID(), done()); !errors.Is(err, journal.ErrNoIntent) {
		t.Errorf("Finish of nothing: %v", err)
	}
}

func TestNothingOfTheSpoolIsLeftInItsFile(t *testing.T) {
	g := newGround(t)
	g.line.cut()
	j := g.open(nil)
	in := change("a")
	in.Steps[0].Changes = append(in.Steps[0].Changes, backends.Change{Op: backends.SetPassword, Attr: "userPassword", Values: backends.Values{backends.Secret("correct-horse")}})
	in.Steps[0].Before = backends.Attributes{"title": backends.Strings("Countess of Lovelace")}
	must(t, j.Begin(t.Context(), in))
	holds := func(text string) bool {
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(g.path + suffix)
			must(t, err)
			if strings.Contains(string(b), text) {
				return true
			}
		}
		return false
	}
	if !holds("Countess of Lovelace") || holds("correct-horse") {
		t.Error("what waits is not in the file, or a secret is")
	}
	g.line.mend()
	drain(t, j)
	if holds("Countess of Lovelace") {
		t.Error("what was taken to the database is still in the file")
	}
	if info, err := os.Stat(g.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestTheOverlayForgetsWhatWasDeletedWhileItWasAway(t *testing.T) {
	g := newGround(t)
	j := g.open(nil)
	okta := journal.Scope{Tenant: "default", Client: "okta", ResourceType: "User"}
	entra := journal.Scope{Tenant: "default", Client: "entra", ResourceType: "User"}
	for _, key := range []backends.Key{"k1", "k2", "k3"} {
		must(t, j.Save(t.Context(), okta, key, map[string]string{"externalId": "o" + string(key)}, nil))
		must(t, j.Save(t.Context(), entra, key, map[string]string{"externalId": "e" + string(key)}, nil))
	}
	left := func() string {
		return g.ask("SELECT coalesce(string_agg(client || ' ' || key, ', ' ORDER BY client, key), '') FROM overlay.attributes")
	}
	must(t, j.ForgetLater(t.Context(), "default", "User", "k3"))
	waiting(t, j, 0)
	if got := left(); got != "entra k1, entra k2, okta k1, okta k2" {
		t.Errorf("while it is there: %s", got)
	}
	g.line.cut()
	if _, err := j.Load(t.Context(), okta, []backends.Key{"k1"}); !errors.Is(err, journal.ErrAway) {
		t.Errorf("Load: %v", err)
	}
	write(t, j, "a")
	must(t, j.ForgetLater(t.Context(), "default", "User", "k1"))
	must(t, j.ForgetLater(t.Context(), "default", "User", "k1")) // twice is once
	write(t, j, "b")
	waiting(t, j, 6)
	must(t, j.Close())
	g.line.mend()
	j = g.open(nil) // the next process knows
	drain(t, j)
	waiting(t, j, 0)
	if got := left(); got != "entra k2, okta k2" {
		t.Errorf("afterwards: %s", got)
	}
	if got := g.rows(); got != "ia ea ib eb" {
		t.Errorf("the journal has %s", got)
	}
}
