package pgjournal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

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
	Known   bool  // the journal has, or had, something of it: events, or one that says that it was forgotten

	entries []string // whose keys they were
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

// knownIDs are the further ids and keys that a resource has, or had: it may have been made again more than once.
func knownIDs(ctx context.Context, conn querier, tenant, typ, id string) ([]string, error) {
	rows, err := conn.Query(ctx, `WITH RECURSIVE pairs AS (SELECT id, key FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2
			UNION SELECT id, key FROM overlay.former_keys WHERE tenant_id = $1 AND resource_type = $2),
		known (id) AS (VALUES ($3::text COLLATE "C") UNION SELECT CASE WHEN p.id = k.id THEN p.key ELSE p.id END FROM known k JOIN pairs p ON k.id IN (p.id, p.key))
		SELECT id FROM known WHERE id <> $3 ORDER BY id`, tenant, typ, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (f Forgetting) forget(ctx context.Context, tx pgx.Tx) (Forgotten, error) {
	gone := Forgotten{IDs: []string{f.ID}}
	also, err := knownIDs(ctx, tx, f.Tenant, f.Type, f.ID)
	if err != nil {
		return gone, err
	}
	gone.IDs = append(gone.IDs, also...)
	const known = `SELECT EXISTS (SELECT FROM audit.intents WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3)
		OR EXISTS (SELECT FROM audit.events WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3)
		OR EXISTS (SELECT FROM backup.records WHERE tenant_id = $1 AND resource_type = $2 AND key = $3)`
	if err := tx.QueryRow(ctx, known, fitting(f.Tenant, 255), fitting(f.Type, 50), fitting(f.ID, 255)).Scan(&gone.Known); err != nil {
		return gone, err
	}
	gone.Known = gone.Known || len(also) > 0
	short := make([]string, len(gone.IDs)) // as a row has them
	for i, id := range gone.IDs {
		short[i] = fitting(id, 255)
	}
	rows, err := tx.Query(ctx, "WITH about AS ("+eventsOf+`), gone AS (DELETE FROM audit.keys k USING about a WHERE k.entry_id = a.id AND k."timestamp" = a."timestamp" RETURNING k.entry_id)
		SELECT entry_id::text, count(*) FROM gone GROUP BY entry_id ORDER BY entry_id`, fitting(f.Tenant, 255), fitting(f.Type, 50), short)
	if err != nil {
		return gone, err
	}
	var entry string
	var keys int64
	if _, err := pgx.ForEachRow(rows, []any{&entry, &keys}, func() error {
		gone.entries, gone.Events, gone.Keys = append(gone.entries, entry), gone.Events+1, gone.Keys+keys
		return nil
	}); err != nil {
		return gone, err
	}
	for _, table := range []struct {
		sql   string
		count *int64
	}{
		{"DELETE FROM overlay.attributes WHERE tenant_id = $1 AND resource_type = $2 AND key = ANY ($3)", &gone.Overlay},
		{"DELETE FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2 AND (id = ANY ($3) OR key = ANY ($3))", &gone.Aliases},
		{"DELETE FROM overlay.former_keys WHERE tenant_id = $1 AND resource_type = $2 AND (id = ANY ($3) OR key = ANY ($3))", new(int64)},
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

// note writes that it was done, and by whom.
func (f Forgetting) note(ctx context.Context, tx pgx.Tx, gone Forgotten) error {
	counts, err := json.Marshal(map[string]int64{"events": gone.Events, "overlay": gone.Overlay, "aliases": gone.Aliases, "records": gone.Records})
	if err != nil {
		return err
	}
	one := erasure{action: journal.ActionForget, tenant: f.Tenant, typ: f.Type, id: f.ID, by: f.By, change: journal.Change{Path: "forgotten", After: counts}}
	if gone.Records > 0 {
		one.what.Records = gone.IDs // backup verify asks for it
	}
	list := []erasure{one}
	one.what.Records = nil
	for part := range slices.Chunk(gone.entries, entriesAtOnce) {
		if list[len(list)-1].what.Entries != nil {
			list = append(list, one)
		}
		list[len(list)-1].what.Entries = part
	}
	return noteErasures(ctx, tx, list, f.Now(), f.Sign)
}
