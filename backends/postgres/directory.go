package postgres

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// Directory is one database.
type Directory struct {
	cfg   Config
	log   *slog.Logger
	now   func() time.Time
	walks chan struct{} // places for walks

	// life ends when the directory is closed, and with it every operation.
	life context.Context //nolint:containedctx // it is the directory's own
	end  context.CancelCauseFunc

	lost atomic.Int64 // how often a connection was lost: what the catalog said before is asked anew

	mu      sync.Mutex
	pool    *pgxpool.Pool // nil until somebody needs it: making it connects
	plain   bool          // nothing is prepared
	classes []*class
	said    map[string]bool
	folds   map[string]*folding // by the collations that were measured
	// foldsLost is lost when they were.
	foldsLost int64

	leaving sync.WaitGroup // pools that are used no more, until their last connection is
}

var errClosed = errors.New("the directory is closed")

// New makes a directory of a valid configuration. It does no I/O beyond reading certificates.
func New(cfg Config, opts Options) (*Directory, configs.Faults) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, faults
	}
	p, err := cfg.pool()
	if err != nil {
		return nil, configs.Faults{{Path: "url", Message: err.Error()}}
	}
	d := &Directory{cfg: cfg, log: opts.Logger, now: opts.Now, said: map[string]bool{}, walks: make(chan struct{}, max(1, cfg.MaxConnections/2))}
	if d.log == nil {
		d.log = slog.Default()
	}
	d.log = d.log.With("backend", opts.Name)
	if d.now == nil {
		d.now = time.Now
	}
	d.life, d.end = context.WithCancelCause(context.Background())
	if said := exposure(p); said != "" {
		d.log.Warn(said)
	}
	return d, nil
}

// connections is the pool, made when first needed.
func (d *Directory) connections() (*pgxpool.Pool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.life.Err() != nil {
		return nil, errClosed
	}
	if d.pool == nil {
		p, err := d.cfg.pool()
		if err != nil {
			return nil, err
		}
		if d.plain {
			p.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		}
		p.AfterConnect = d.settle
		if d.pool, err = pgxpool.NewWithConfig(d.life, p); err != nil {
			return nil, err
		}
	}
	return d.pool, nil
}

// prepareNothing is for poolers that give each transaction another connection: from now on no statement is prepared.
func (d *Directory) prepareNothing() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.plain || d.life.Err() != nil {
		return
	}
	d.plain = true
	d.log.Warn("statements are not prepared any more, because a pooler between the adapter and the database mixes them up; write default_query_exec_mode=exec in url, so " +
		"that none is from the start")
	if old := d.pool; old != nil {
		d.pool = nil
		d.leaving.Go(old.Close)
	}
}

// once says a warning the first time.
func (d *Directory) once(warning string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.said[warning] {
		d.said[warning] = true
		d.log.Warn(warning, args...)
	}
}

// Ping asks the server for nothing at all. It is an error, too, that a class once fitted the database and does so no more.
func (d *Directory) Ping(ctx context.Context) error {
	if err := d.reach(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	classes := slices.Clone(d.classes)
	d.mu.Unlock()
	for _, c := range classes {
		if c.known() == nil {
			continue // whether it fits is for Review to say
		}
		if _, err := c.shape(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) reach(ctx context.Context) error {
	return d.withConn(ctx, nil, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) { return false, conn.Ping(ctx) })
}

// Stats are the connections at work and the most there can be.
func (d *Directory) Stats() backends.Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := backends.Stats{Max: d.cfg.MaxConnections}
	if d.pool != nil {
		s.Active = int(d.pool.Stat().AcquiredConns())
	}
	return s
}

// Close ends all connections and waits until nothing is left of them. Operations under way end with an error.
func (d *Directory) Close() error {
	d.end(errClosed)
	d.mu.Lock()
	pool := d.pool
	d.mu.Unlock()
	if pool != nil {
		pool.Close()
	}
	d.leaving.Wait()
	return nil
}
