package litejournal

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/journaltest"
	"github.com/scim-adapter/scim-adapter/backends"
)

func TestJournal(t *testing.T) {
	defer goleak.VerifyNone(t)
	journaltest.Run(t, func(t testing.TB) journaltest.Place { return place(filepath.Join(t.TempDir(), "journal.db")) })
}

// An administrator's commands write beside the process that serves, and neither disturbs the other.
func TestSeveralBesideEachOther(t *testing.T) {
	defer goleak.VerifyNone(t)
	journaltest.Run(t, func(t testing.TB) journaltest.Place {
		path := filepath.Join(t.TempDir(), "journal.db")
		j, err := Open(t.Context(), path) // who serves
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = j.Close() })
		return journaltest.Place{Several: true, Open: func(ctx context.Context, limits ...journal.Limit) (journaltest.Store, error) {
			j, err := Open(ctx, path, WithLimits(limits...), Beside())
			if err != nil {
				return nil, err
			}
			return j, nil
		}}
	})
}

func TestBesideNobodyThereIsNoJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "journal.db")
	if _, err := Open(t.Context(), path, Beside()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open: %v", err)
	}
	j := open(t, path)
	if _, err := j.write.ExecContext(t.Context(), "PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, Beside()); err == nil || !strings.Contains(err.Error(), "start the adapter of this version first") {
		t.Errorf("Open of an older file: %v", err)
	}
}

// A file of the first version, as it is out there, has what it had and can be searched.
func TestAnOlderFileIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"id":"i1","time":"2026-11-23T11:17:00.5+01:00","deadline":"2026-11-23T10:18:00Z","writer":"w","request_id":"r1","tenant":"default","action":"patch","resource_type":"User","resource_id":"k1"}`
	for _, statement := range []string{migrations[0], "INSERT INTO intents (id, body) VALUES ('i1', '" + body + "')", "PRAGMA user_version = 1"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	j := open(t, path)
	at := time.Date(2026, 11, 23, 10, 17, 0, 500_000_000, time.UTC)
	for claim, f := range map[string]journal.Filter{"time": {Since: at, Until: at.Add(time.Nanosecond)}, "resource": {ResourceID: "k1"}, "request": {RequestID: "r1"}} {
		n := 0
		for e, err := range j.Events(t.Context(), f) {
			if n++; err != nil || e.Intent.ID != "i1" {
				t.Errorf("%s: %v, %v", claim, e, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: found %d", claim, n)
		}
	}
}

func TestAFilterUsesAnIndex(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for index, f := range map[string]journal.Filter{
		"intents_by_time":     {Since: time.Unix(0, 0), Until: time.Unix(60, 0), Tenant: "default"},
		"intents_by_resource": {ResourceType: "User", ResourceID: "k1"},
		"intents_by_request":  {RequestID: "r1"},
		"intents_by_undone":   {Undoes: "i1"},
	} {
		where, args := conditions(f)
		plan := ""
		if err := j.query(t.Context(), func(rows *sql.Rows) error {
			var n int
			var line string
			err := rows.Scan(&n, &n, &n, &line)
			plan += line + "\n"
			return err
		}, "EXPLAIN QUERY PLAN "+selectEvents+where+" ORDER BY i.seq", args...); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, index) {
			t.Errorf("%s is not used:\n%s", index, plan)
		}
	}
}

// place is the journal in one file; a crash is a copy of what is on disk while it is open.
func place(path string) journaltest.Place {
	return journaltest.Place{
		Open: func(ctx context.Context, limits ...journal.Limit) (journaltest.Store, error) {
			j, err := Open(ctx, path, WithLimits(limits...))
			if err != nil {
				return nil, err // not a nil *Journal in an interface
			}
			return j, nil
		},
		Crash: func(t testing.TB) journaltest.Place {
			dir := t.TempDir()
			for _, suffix := range []string{"", "-wal"} {
				if err := os.WriteFile(filepath.Join(dir, "copy.db"+suffix), read(t, path+suffix), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return place(filepath.Join(dir, "copy.db"))
		},
		Stored: func(t testing.TB) []byte { return append(read(t, path), read(t, path+"-wal")...) },
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func begun(t *testing.T, j *Journal, id journal.ID) {
	t.Helper()
	if err := errors.Join(j.Begin(t.Context(), journal.Intent{ID: id}), j.Finish(t.Context(), id, journal.Outcome{Status: "done"})); err != nil {
		t.Fatal(err)
	}
}

func TestRowsCannotBeChangedWithAnyTool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	begun(t, j, "i1")
	// As a stranger would: a plain connection without any of our pragmas.
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, statement := range []string{
		"UPDATE intents SET body = '{}'", "DELETE FROM intents", "INSERT OR REPLACE INTO intents (id, body) VALUES ('i1', '{}')",
		"INSERT OR REPLACE INTO intents (seq, id, body) VALUES (1, 'i2', '{}')", "INSERT INTO intents (id, body) VALUES ('i1', '{}') ON CONFLICT DO UPDATE SET body = '{}'",
		"UPDATE outcomes SET body = '{}'", "DELETE FROM outcomes", "INSERT OR REPLACE INTO outcomes (id, body) VALUES ('i1', '{}')",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "only appended to") {
			t.Errorf("%s: %v, want a refusal", statement, err)
		}
	}
	event, err := j.Lookup(t.Context(), "i1")
	if err != nil || event.Outcome == nil || event.Outcome.Status != "done" {
		t.Errorf("after all that: %+v, %v", event, err)
	}
}

func TestOnlyItsOwnerReadsIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "for it")
	path := filepath.Join(dir, "what? 100%#1.db")
	j := open(t, path)
	begun(t, j, "i1")
	for name, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v (%v), want %v", name, info, err, want)
		}
	}
}

const childPath = "LITEJOURNAL_TEST_PATH"

func TestASecondProcessIsRefused(t *testing.T) {
	path := os.Getenv(childPath)
	if path != "" { // the second process
		_, err := Open(t.Context(), path)
		t.Skipf("answer: %v", err)
	}
	path = filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	second := func() string {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestASecondProcessIsRefused", "-test.v")
		cmd.Env = append(os.Environ(), childPath+"="+path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if out := second(); !strings.Contains(out, "is in use by another process") {
		t.Errorf("a second process was answered: %s", out)
	}
	if _, err := Open(t.Context(), path); err == nil {
		t.Error("the same process opened the journal twice")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if out := second(); !strings.Contains(out, "answer: <nil>") {
		t.Errorf("after the first has closed: %s", out)
	}
}

func TestAFileThatIsNoJournalOrANewerOneIsRefused(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), text); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("a text file: %v", err)
	}
	newer := filepath.Join(dir, "newer.db")
	j, err := Open(t.Context(), newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.write.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = Open(t.Context(), newer); err == nil || !strings.Contains(err.Error(), "a newer one wrote it") {
		t.Errorf("a newer file: %v", err)
	}
	// A failed Open holds no lock and no connection.
	if err := os.Remove(newer); err != nil {
		t.Fatal(err)
	}
	open(t, newer)
}

func TestAJournalWhoseFileIsGoneIsAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	begun(t, j, "i1")
	aside := path + ".aside"
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"Ping": j.Ping(t.Context()), "Begin": j.Begin(t.Context(), journal.Intent{ID: "i2"})} {
		if !errors.Is(err, backends.ErrUnavailable) {
			t.Errorf("%s without the file: %v, want %v", what, err, backends.ErrUnavailable)
		}
	}
	if err := os.Rename(aside, path); err != nil {
		t.Fatal(err)
	}
	begun(t, j, "i3")
	if _, err := j.Lookup(t.Context(), "i2"); !errors.Is(err, journal.ErrNoIntent) {
		t.Errorf("an intent that was refused is there: %v", err)
	}
}

// hold queues a job that stays in its transaction until leave is closed.
func hold(t *testing.T, j *Journal) (entered, leave chan struct{}, done chan error) {
	t.Helper()
	entered, leave, done = make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- j.do(t.Context(), func(context.Context, *sql.Conn) error {
			close(entered)
			<-leave
			return nil
		})
	}()
	return entered, leave, done
}

func waitForQueue(t *testing.T, j *Journal, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(j.queue) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d queued up", len(j.queue), n)
		}
	}
}

func TestWritersThatWaitTogetherShareOneTransaction(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	const many = 30
	entered, leave, done := hold(t, j)
	<-entered
	errs := make(chan error, many)
	for i := range many {
		go func() {
			if i == 7 { // fails, and alone
				errs <- j.Finish(t.Context(), "nobody", journal.Outcome{})
				return
			}
			errs <- j.Begin(t.Context(), journal.Intent{ID: journal.ID(strconv.Itoa(i))})
		}()
	}
	waitForQueue(t, j, many)
	ctx, giveUp := context.WithCancel(t.Context())
	impatient := make(chan error)
	go func() { impatient <- j.Begin(ctx, journal.Intent{ID: "given up"}) }()
	waitForQueue(t, j, many+1)
	giveUp()
	if err := <-impatient; !errors.Is(err, context.Canceled) {
		t.Errorf("Begin whose context is cancelled in the queue: %v", err)
	}
	// The last of the queue stays in its transaction: what those before it wrote must not be visible, nor promised to anybody.
	lastEntered, lastLeave, lastDone := hold(t, j)
	waitForQueue(t, j, many+2)
	close(leave)
	<-lastEntered
	if _, err := j.Lookup(t.Context(), "0"); !errors.Is(err, journal.ErrNoIntent) || len(errs) > 0 {
		t.Errorf("a writer was answered (%d) or its intent visible (%v) before the others of its batch were done", len(errs), err)
	}
	close(lastLeave)
	if err := errors.Join(<-done, <-lastDone); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range many {
		if err := <-errs; err != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d of %d failed, want only the one that is wrong", failed, many)
	}
	for id, want := range map[journal.ID]error{"0": nil, "29": nil, "given up": journal.ErrNoIntent} {
		if _, err := j.Lookup(t.Context(), id); !errors.Is(err, want) {
			t.Errorf("Lookup(%q): %v, want %v", id, err, want)
		}
	}
}

func BenchmarkBegin(b *testing.B) {
	j, err := Open(b.Context(), filepath.Join(b.TempDir(), "journal.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(16)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := j.Begin(b.Context(), journal.Intent{ID: journal.ID(strconv.FormatInt(n.Add(1), 10))}); err != nil {
				b.Error(err)
			}
		}
	})
	if err := j.Close(); err != nil {
		b.Error(err)
	}
}
