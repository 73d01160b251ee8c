// Package litejournal keeps the journal, the overlay and what the guard counts in one SQLite file, for an installation of one process without a database of its own.
//
// All writes go through one goroutine. It takes whatever has queued up while the last commit waited for the disk and writes it in one
// transaction, so that thirty-two writers cost about as many flushes as one; each hears only when the flush is done. Reads have connections of
// their own and never wait for it (SQLite's WAL). Intents and outcomes are guarded by triggers: nobody changes or deletes them by accident,
// with any tool.
//
// A second process that serves from the same file is refused: replicas share a Postgres journal instead. An administrator's command may open it beside the one
// that serves (Beside): each write is a transaction that waits for those of others.
package litejournal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Journal is an open journal file.
type Journal struct {
	path  string
	lock  *lock
	file  os.FileInfo // what path named when it was opened
	write *sql.DB
	read  *sql.DB

	limits  []journal.Limit // that Begin holds weights against
	beside  bool            // whoever serves may have it open
	pragmas []string        // of the connection that writes

	queue   chan *job
	stopped chan struct{} // closed when the writing goroutine is done
	mu      sync.RWMutex  // held to send on queue; exclusively to close it
	closed  bool
}

var (
	_ journal.Journal = (*Journal)(nil)
	_ journal.Reader  = (*Journal)(nil)
	_ journal.Overlay = (*Journal)(nil)
	_ journal.Aliases = (*Journal)(nil)
	_ journal.Guard   = (*Journal)(nil)
	_ journal.Keeper  = (*Journal)(nil)
)

// Option is a choice about how a journal works.
type Option func(*Journal)

// WithLimits makes Begin hold what is written against the limits of the guard.
func WithLimits(limits ...journal.Limit) Option {
	return func(j *Journal) { j.limits = append(j.limits, limits...) }
}

// Beside opens a journal that is there already, also while another process serves from it.
func Beside() Option {
	return func(j *Journal) { j.beside = true }
}

// Open opens the journal file, making it and its directory when there is none. Only its owner may read them: before-images are personal data.
func Open(ctx context.Context, path string, options ...Option) (*Journal, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{path: path, queue: make(chan *job, maxBatch), stopped: make(chan struct{}), pragmas: []string{"synchronous(FULL)", "foreign_keys(1)", "recursive_triggers(1)"}}
	for _, choose := range options {
		choose(j)
	}
	if !j.beside {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("journal: making its directory: %w", err)
		}
		if j.lock, err = acquire(path); err != nil {
			return nil, err
		}
	}
	if err := j.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), j.shut())
	}
	go j.run()
	return j, nil
}

func (j *Journal) open(ctx context.Context) error {
	// SQLite would create the file with the umask's permissions; its -wal and -shm take over those of the file.
	flags := os.O_CREATE | os.O_RDWR
	if j.beside {
		flags = os.O_RDWR
	}
	f, err := os.OpenFile(j.path, flags, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if j.file, err = os.Stat(j.path); err != nil {
		return err
	}
	// FULL: in WAL mode a commit is on disk only then. One connection writes; there is hardly anybody for it to be busy with.
	if j.write, err = sql.Open("sqlite", j.source(j.pragmas...)); err != nil {
		return err
	}
	j.write.SetMaxOpenConns(1)
	if err := migrate(ctx, j.write, !j.beside); err != nil {
		return err
	}
	if j.read, err = sql.Open("sqlite", j.source("query_only(1)")); err != nil {
		return err
	}
	j.read.SetMaxOpenConns(4)
	return j.read.PingContext(ctx)
}

// source is the data source name of the file, with these pragmas on every connection.
func (j *Journal) source(pragmas ...string) string {
	query := url.Values{"_pragma": append([]string{"busy_timeout(5000)", "journal_mode(WAL)"}, pragmas...)}
	// As a URI, because a path may hold a question mark.
	return (&url.URL{Scheme: "file", Path: j.path, RawQuery: query.Encode()}).String()
}

// Close finishes what has been queued and closes the file. What comes later is refused.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	close(j.queue)
	j.mu.Unlock()
	<-j.stopped
	return j.shut()
}

func (j *Journal) shut() error {
	var errs []error
	for _, db := range []*sql.DB{j.read, j.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if j.lock != nil {
		errs = append(errs, j.lock.release())
	}
	return errors.Join(errs...)
}

// Ping says whether the journal can be written.
func (j *Journal) Ping(ctx context.Context) error {
	return j.do(ctx, func(context.Context, *sql.Conn) error { return nil })
}

// away is the one error for a journal that cannot be used; the cause is for the log.
func away(cause error) error {
	e := &backends.Error{Kind: journal.ErrAway, Cause: cause}
	if said, ok := errors.AsType[*sqlite.Error](cause); ok && said.Code()&0xff == sqlite3.SQLITE_FULL {
		e.Detail = "Its file has no room left."
	}
	return e
}
