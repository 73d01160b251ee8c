// Package backup makes snapshots of the records of a directory, in schema backup of the journal's database (docs/decisions/0014).
//
// Create walks a class of records at a bounded rate. Each record becomes JSON, without its version and its secrets, and is known by the digest of tenant, type,
// key and that JSON. What the database has under a digest is not stored again, so that a snapshot costs a line for each record and the content of those that
// have changed. Diff, Verify and Export read it; Prune takes snapshots away, and with them what no other one has. One process at a time works on the snapshots
// of a type: it holds an advisory lock, and what an earlier one left unfinished is then nobody's, and marked as failed.
//
// Putting records back from a snapshot is the adapter's, which journals it.
package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/configs"
)

// The states of a snapshot.
const (
	Running  = "running"
	Complete = "complete"
	Failed   = "failed"
)

var (
	// ErrBusy is that another process is at the snapshots of this type.
	ErrBusy = errors.New("another process is making or pruning snapshots of this type")
	// ErrMade is that there is a snapshot for this time of the schedule already.
	ErrMade = errors.New("there is a snapshot for this time of the schedule")
	// ErrNone is that there is no such snapshot.
	ErrNone = errors.New("no such snapshot")
)

// Snapshot is one, as `backup list` shows it.
type Snapshot struct {
	ID       string    `json:"id"`
	Tenant   string    `json:"tenant"`
	Type     string    `json:"type"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	Records  int64     `json:"records"`
	Bytes    int64     `json:"bytes"` // that it added to the database
	Status   string    `json:"status"`
	Note     string    `json:"note,omitempty"`
	Slot     time.Time `json:"slot,omitzero"` // the time of the schedule that it was made for; zero: it was made by hand
}

// Store has the snapshots.
type Store struct {
	pool *pgxpool.Pool
	Now  func() time.Time // the clock
}

// Open connects to the journal's database.
func Open(ctx context.Context, database configs.Database) (*Store, error) {
	cfg, err := configs.ParsePostgres(database.URL)
	if err != nil {
		return nil, fmt.Errorf("database.url %w", err)
	}
	cfg.MaxConns = 4 // one holds the lock, one writes, one reads
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("the database of the snapshots: %w", err)
	}
	return &Store{pool: pool, Now: time.Now}, nil
}

// Close gives the connections back.
func (s *Store) Close() { s.pool.Close() }

const columns = `id::text, tenant_id, resource_type, started, coalesce(finished, 'epoch'), records, bytes, status, coalesce(note, ''), coalesce(slot, 'epoch')`

func scan(row pgx.CollectableRow) (Snapshot, error) {
	var one Snapshot
	err := row.Scan(&one.ID, &one.Tenant, &one.Type, &one.Started, &one.Finished, &one.Records, &one.Bytes, &one.Status, &one.Note, &one.Slot)
	for _, unset := range []*time.Time{&one.Finished, &one.Slot} {
		if unset.Unix() == 0 {
			*unset = time.Time{}
		}
	}
	return one, err
}

// List gives the snapshots of a tenant, those of one type or, with "", of all, the newest first.
func (s *Store) List(ctx context.Context, tenant, typ string) ([]Snapshot, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+columns+" FROM backup.snapshots WHERE tenant_id = $1 AND ($2 = '' OR resource_type = $2) ORDER BY started DESC, id", tenant, typ)
	if err != nil {
		return nil, fmt.Errorf("listing snapshots: %w", err)
	}
	return pgx.CollectRows(rows, scan)
}

// Get gives one snapshot.
func (s *Store) Get(ctx context.Context, tenant, id string) (Snapshot, error) {
	if _, err := uuid.Parse(id); err != nil {
		return Snapshot{}, fmt.Errorf("%w: %s", ErrNone, id)
	}
	rows, err := s.pool.Query(ctx, "SELECT "+columns+" FROM backup.snapshots WHERE tenant_id = $1 AND id = $2", tenant, id)
	if err != nil {
		return Snapshot{}, fmt.Errorf("reading a snapshot: %w", err)
	}
	one, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("%w: %s", ErrNone, id)
	}
	return one, err
}

// alone does something while nobody else is at the snapshots of a type. What is not finished then was left by somebody who is gone. The lock is a
// transaction's, because behind a pooler that shares sessions a session's would stay with one of the pooler's connections. still says whether it is ours yet:
// whose connection was cut is no longer alone.
func (s *Store) alone(ctx context.Context, tenant, typ string, do func(still func(context.Context) error) error) (err error) {
	lock, err := s.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("the database of the snapshots: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = lock.Rollback(ctx) // if not, the connection is closed, which gives the lock back, too
	}()
	name := "scim-adapter backup\x1f" + tenant + "\x1f" + typ
	var ours bool
	const take = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) FROM set_config('idle_in_transaction_session_timeout', '0', true)"
	if err := lock.QueryRow(ctx, take, name).Scan(&ours); err != nil {
		return fmt.Errorf("the lock of the snapshots: %w", err)
	}
	if !ours {
		return ErrBusy
	}
	const left = "UPDATE backup.snapshots SET status = $3, note = 'interrupted', finished = $4 WHERE tenant_id = $1 AND resource_type = $2 AND status = $5"
	if _, err := s.pool.Exec(ctx, left, tenant, typ, Failed, s.Now(), Running); err != nil {
		return fmt.Errorf("marking what was interrupted: %w", err)
	}
	return do(func(ctx context.Context) error {
		if _, err := lock.Exec(ctx, "SELECT"); err != nil {
			return fmt.Errorf("the lock of the snapshots is lost: %w", err)
		}
		return nil
	})
}

// Last gives the newest snapshot of a type that is complete; ErrNone where there is none.
func (s *Store) Last(ctx context.Context, tenant, typ string) (Snapshot, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+columns+" FROM backup.snapshots WHERE tenant_id = $1 AND resource_type = $2 AND status = $3 ORDER BY started DESC, id LIMIT 1", tenant, typ, Complete)
	if err != nil {
		return Snapshot{}, fmt.Errorf("looking for the last snapshot: %w", err)
	}
	one, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("%w of %s", ErrNone, typ)
	}
	return one, err
}

// Prune takes away the snapshots of a type but for the newest so many that are complete, and what only they had. It gives how many went. The role must own the
// schema.
func (s *Store) Prune(ctx context.Context, tenant, typ string, keep int) (gone int64, err error) {
	return s.prune(ctx, tenant, typ, keep, "")
}

// PruneSlots is Prune of what was made for the schedule, or was to be. What was made by hand stays, and is not counted.
func (s *Store) PruneSlots(ctx context.Context, tenant, typ string, keep int) (gone int64, err error) {
	return s.prune(ctx, tenant, typ, keep, " AND slot IS NOT NULL")
}

// prune takes away some of those that a condition is true of.
func (s *Store) prune(ctx context.Context, tenant, typ string, keep int, condition string) (gone int64, err error) {
	err = s.alone(ctx, tenant, typ, func(func(context.Context) error) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, `DELETE FROM backup.snapshots WHERE tenant_id = $1 AND resource_type = $2`+condition+` AND id NOT IN (
				SELECT id FROM backup.snapshots WHERE tenant_id = $1 AND resource_type = $2 AND status = $3`+condition+` ORDER BY started DESC, id LIMIT $4)`, tenant, typ, Complete, keep)
			if err != nil {
				return fmt.Errorf("taking snapshots away: %w", err)
			}
			gone = tag.RowsAffected()
			_, err = tx.Exec(ctx, `DELETE FROM backup.records r WHERE tenant_id = $1 AND resource_type = $2
				AND NOT EXISTS (SELECT FROM backup.entries e WHERE e.digest = r.digest)`, tenant, typ)
			if err != nil {
				return fmt.Errorf("taking away what no snapshot has: %w", err)
			}
			return nil
		})
	})
	return gone, err
}
