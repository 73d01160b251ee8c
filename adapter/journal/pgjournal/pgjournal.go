// Package pgjournal keeps the journal and the overlay in PostgreSQL, for any number of processes. How it lies there and why is
// docs/decisions/0014-the-journal-in-postgres.md.
//
// Begin, Finish and Note write their entry down at once, as a row whose values are sealed under a key of its own (row.go), and queue it. One goroutine
// (writer.go) takes whatever has queued up while the last commit was under way, links the rows into the chain of this process (chain.go), and sends them in
// one transaction and one round trip (send.go), so that thirty-two writers cost about as many flushes as one. Each hears only when the commit is answered.
// When the answer is lost, nothing else is written before it is known whether the rows are there.
//
// Opening needs no server: one that is away, or has not been migrated, is met by the first operation, and every operation fails with
// backends.ErrUnavailable until it is back.
package pgjournal

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// Options are what a journal is made of. Database is required; what is zero has a default.
type Options struct {
	Database configs.Database
	Limits   []journal.Limit // that Begin holds weights against
	Reading  bool            // events are read, and nothing else is done: the database need not be as new as this program
	Timeout  time.Duration   // of each statement; 10 seconds
	Writer   string          // names the chain of this process: nobody may ever have had the same; a random one
	Now      func() time.Time
	Random   io.Reader // for keys; crypto/rand
	Logger   *slog.Logger
	// Sign signs the heads of the chains, every CheckpointInterval (a minute) and at the end; nil: nobody does.
	Sign               func(message []byte) (keyID string, signature []byte, err error)
	CheckpointInterval time.Duration
}

// Journal is a journal in PostgreSQL.
type Journal struct {
	o     Options
	pool  *pgxpool.Pool
	walks chan struct{} // places for those who read for long: a connection is left for whoever writes
	known *memory

	ready atomic.Bool  // the schema has been found to be as new as this program needs
	down  atomic.Value // of fault: why nothing could be written the last time

	queue   chan *call
	history chan []*call  // what Keep takes over: each is a batch of its own
	stopped chan struct{} // closed when the writing goroutine is done
	signed  chan struct{} // closed when nothing is signed any more
	mu      sync.RWMutex  // held to send on queue; exclusively to close it
	closed  bool
	life    context.Context //nolint:containedctx // it is the journal's own: ends when Close has waited long enough
	end     context.CancelFunc

	headMu sync.Mutex
	top    head
	// lost are the calls of a commit that was not answered, since lostAt; only the writing goroutine touches them.
	lost   []*call
	lostAt time.Time
}

// head is where the chain of this process ends.
type head struct {
	seq  int64
	link []byte
}

// fault is an error in an atomic.Value.
type fault struct{ err error }

var (
	_ journal.Journal = (*Journal)(nil)
	_ journal.Reader  = (*Journal)(nil)
	_ journal.Overlay = (*Journal)(nil)
	_ journal.Aliases = (*Journal)(nil)
	_ journal.Keeper  = (*Journal)(nil)
)

var errClosed = errors.New("the journal is closed")

// Open opens the journal. It waits for no server.
func Open(ctx context.Context, o Options) (*Journal, error) {
	cfg, err := configs.ParsePostgres(o.Database.URL)
	if err != nil {
		return nil, fmt.Errorf("database.url %w", err)
	}
	cfg.MaxConns, cfg.MinConns = int32(o.Database.MaxConnections), int32(o.Database.MinConnections) //nolint:gosec // configs has them between 0 and 10,000
	cfg.MaxConnIdleTime, cfg.ConnConfig.ConnectTimeout = o.Database.IdleTimeout, o.Database.ConnectionTimeout
	params := cfg.ConnConfig.RuntimeParams
	params["timezone"], params["client_encoding"] = "UTC", "UTF8"
	params["application_name"] = cmp.Or(params["application_name"], "scim-adapter")
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error { // for whoever has statements sent without asking what their values are
		conn.TypeMap().RegisterDefaultPgType(pgUUID{}, "uuid")
		conn.TypeMap().RegisterDefaultPgType([]pgUUID{}, "_uuid")
		return nil
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CheckpointInterval <= 0 {
		o.CheckpointInterval = time.Minute
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Writer == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("journal: a name for its chain: %w", err)
		}
		o.Writer = id.String()
	}
	o.Logger = o.Logger.With("journal_writer", o.Writer)
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), cfg)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{
		o: o, pool: pool, walks: make(chan struct{}, max(1, o.Database.MaxConnections/2)), known: newMemory(), top: head{link: make([]byte, 32)},
		queue: make(chan *call, maxBatch), history: make(chan []*call), stopped: make(chan struct{}), signed: make(chan struct{}),
	}
	j.life, j.end = context.WithCancel(context.WithoutCancel(ctx))
	go j.run()
	go j.signing()
	return j, nil
}

// lastMoments is how long Close waits for a server that does not answer.
const lastMoments = 5 * time.Second

// Close writes what has been queued, signs where the chain ends, and ends all connections. What comes later is refused.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	close(j.queue)
	j.mu.Unlock()
	late := time.AfterFunc(lastMoments, j.end)
	defer late.Stop()
	<-j.stopped
	<-j.signed
	j.end()
	j.pool.Close()
	return nil
}

// Writer names the chain of this process.
func (j *Journal) Writer() string { return j.o.Writer }

// head is the number and the link of the last row that this process has written.
func (j *Journal) head() head {
	j.headMu.Lock()
	defer j.headMu.Unlock()
	return j.top
}

// Stats are the connections at work and the most there can be.
func (j *Journal) Stats() backends.Stats {
	s := j.pool.Stat()
	return backends.Stats{Active: int(s.AcquiredConns()), Max: int(s.MaxConns())}
}

// Ping says whether the journal can be written: the server is there, takes writes, and has the tables that this program needs.
func (j *Journal) Ping(ctx context.Context) error {
	return j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var standby bool
		if err := conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
			return err
		}
		if standby {
			return errStandby
		}
		return nil
	})
}
