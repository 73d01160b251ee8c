package pgjournal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// Forgetting is what Forget needs to know.
type Forgetting struct {
	Database             configs.Secret // the URL of a role in scim_owner
	Tenant, Type, ID, By string
	DryRun               bool // only count
	Sign                 func(message []byte) (keyID string, signature []byte, err error)
	Now                  func() time.Time // nil: time.Now
}

// Forgotten is what was forgotten of a resource, or would be.
type Forgotten struct {
	IDs     []string // under which it was known
	Events  int64    // whose values were readable
	Keys    int64    // of them
	Overlay int64    // values that clients kept
	Aliases int64
	Records int64 // in snapshots
}

// Forget destroys the keys of all events about a resource, and what else is kept of it. No row of the journal is changed: the chain stays whole. That it was done is
// an event of its own, in the same transaction, by a writer that writes no other. A role that may not gets a *LackedRights.
func Forget(ctx context.Context, f Forgetting) (gone Forgotten, err error) {
	if f.Now == nil {
		f.Now = time.Now
	}
	db, err := openForDDL(f.Database, func(string) {})
	if err != nil {
		return gone, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return within(ctx, db, func(conn *pgx.Conn) (Forgotten, error) {
		missing, err := Pending(ctx, conn)
		switch {
		case err != nil:
			return gone, fmt.Errorf("asking what the database has: %w", err)
		case len(missing) > 0:
			return gone, fmt.Errorf("the database lacks %v: run scim-adapter migrate first", missing)
		}
		if err := MayMaintain(ctx, conn); err != nil {
			return gone, err
		}
		tx, err := conn.Begin(ctx)
		if err != nil {
			return gone, err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // where it does not come to its end
		if gone, err = f.forget(ctx, tx); err != nil || f.DryRun {
			return gone, err // what was deleted is there again
		}
		if err := f.note(ctx, tx, gone); err != nil {
			return gone, fmt.Errorf("noting it in the journal, so that nothing was forgotten: %w", err)
		}
		return gone, tx.Commit(ctx)
	})
}

// eventsOf gives the events about resources ($1: tenant, $2: type, $3: ids), save that they were forgotten. One that made a resource has its id in the outcome.
const eventsOf = `SELECT id, "timestamp" FROM audit.intents WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = ANY ($3)
	UNION SELECT id, "timestamp" FROM audit.events WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = ANY ($3) AND action <> 'forget'`

func (f Forgetting) forget(ctx context.Context, tx pgx.Tx) (Forgotten, error) {
	gone := Forgotten{IDs: []string{f.ID}}
	rows, err := tx.Query(ctx, `SELECT id FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2 AND $3 IN (id, key)
		UNION SELECT key FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2 AND $3 IN (id, key)`, f.Tenant, f.Type, f.ID)
	if err != nil {
		return gone, err
	}
	also, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return gone, err
	}
	slices.Sort(also)
	for _, id := range also {
		if id != f.ID {
			gone.IDs = append(gone.IDs, id)
		}
	}
	short := make([]string, len(gone.IDs)) // as a row has them
	for i, id := range gone.IDs {
		short[i] = fitting(id, 255)
	}
	err = tx.QueryRow(ctx, "WITH about AS ("+eventsOf+`), gone AS (DELETE FROM audit.keys k USING about a WHERE k.entry_id = a.id AND k."timestamp" = a."timestamp" RETURNING k.entry_id)
		SELECT count(DISTINCT entry_id), count(*) FROM gone`, fitting(f.Tenant, 255), fitting(f.Type, 50), short).Scan(&gone.Events, &gone.Keys)
	if err != nil {
		return gone, err
	}
	for _, table := range []struct {
		sql   string
		count *int64
	}{
		{"DELETE FROM overlay.attributes WHERE tenant_id = $1 AND resource_type = $2 AND key = ANY ($3)", &gone.Overlay},
		{"DELETE FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2 AND (id = ANY ($3) OR key = ANY ($3))", &gone.Aliases},
		{"DELETE FROM backup.records WHERE tenant_id = $1 AND resource_type = $2 AND key = ANY ($3)", &gone.Records},
	} {
		tag, err := tx.Exec(ctx, table.sql, f.Tenant, f.Type, gone.IDs)
		if err != nil {
			return gone, err
		}
		*table.count = tag.RowsAffected()
	}
	return gone, nil
}

// note writes that it was done, and by whom: the only row of a chain of its own, which is closed at once.
func (f Forgetting) note(ctx context.Context, tx pgx.Tx, gone Forgotten) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	writer, err := uuid.NewV7()
	if err != nil {
		return err
	}
	key := make([]byte, keySize)
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return err
	}
	now := f.Now()
	in := journal.Intent{
		ID: journal.ID(id.String()), Time: now, Deadline: now, Tenant: f.Tenant, Subject: f.By, Action: journal.ActionForget, ResourceType: f.Type, ResourceID: f.ID, Noted: true,
	}
	counts, err := json.Marshal(map[string]int64{"events": gone.Events, "overlay": gone.Overlay, "aliases": gone.Aliases, "records": gone.Records})
	if err != nil {
		return err
	}
	in.Diff = []journal.Change{{Path: "forgotten", After: counts}}
	out := journal.Outcome{Time: now, Status: journal.StatusDone, ResourceID: f.ID}
	r, err := noteRow(in, out, key)
	if err != nil {
		return err
	}
	r.writer, r.seq = writer.String(), 1
	r.link = next(make([]byte, 32), r.writer, r.seq, r.table, r.digest)
	b := &pgx.Batch{}
	queueRows(b, []*call{{row: r, key: key}})
	if f.Sign != nil {
		c := Checkpoint{Writer: r.writer, Seq: 1, Link: r.link, Time: stamp(now), Final: true}
		if c.KeyID, c.Signature, err = f.Sign(c.Message()); err != nil {
			return err
		}
		b.Queue(insertCheckpoint, c.Writer, c.Seq, c.Link, c.Time, c.Final, c.KeyID, c.Signature)
	}
	return tx.SendBatch(ctx, b).Close()
}
