package pgjournal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// Keys are destroyed in two ways, and each writes an event that says in clear, and in the chain, which they were: those of entries by their ids (audit forget), or
// those of everything of a tenant and kind that began before a time (retention of a tenant). A row that no key opens, and no such event speaks of, is a finding.

// erased is what such an event says of the keys that were destroyed with it.
type erased struct {
	Entries []string   `json:"entries,omitempty"`
	Records []string   `json:"records,omitempty"` // keys whose records in snapshots were destroyed as well
	Kind    string     `json:"kind,omitempty"`    // with Before
	Before  *time.Time `json:"before,omitempty"`  // everything of the event's tenant and this kind that began before it
}

// entriesAtOnce is how many entries one event speaks of: about 40 kB.
const entriesAtOnce = 1000

// erasure is an event to be: what was done, and what of the keys.
type erasure struct {
	action, tenant, typ, id, by string
	change                      journal.Change // what it came to, for who reads it
	what                        erased
}

// noteErasures writes them down, in the transaction that destroys the keys: rows of a chain of their own, which is closed at once. sign nil: the next checkpoint of
// whoever serves is over it.
func noteErasures(ctx context.Context, tx pgx.Tx, list []erasure, now time.Time, sign func([]byte) (string, []byte, error)) error {
	writer, err := uuid.NewV7()
	if err != nil {
		return err
	}
	link, calls := make([]byte, 32), make([]*call, len(list))
	for i, e := range list {
		key := make([]byte, keySize)
		if _, err := io.ReadFull(rand.Reader, key); err != nil {
			return err
		}
		r, err := e.row(now, key)
		if err != nil {
			return err
		}
		r.writer, r.seq = writer.String(), int64(i+1)
		r.link = next(link, r.writer, r.seq, r.table, r.digest)
		link, calls[i] = r.link, &call{row: r, key: key}
	}
	b := &pgx.Batch{}
	queueRows(b, calls)
	if sign != nil {
		c := Checkpoint{Writer: writer.String(), Seq: int64(len(list)), Link: link, Time: stamp(now), Final: true}
		if c.KeyID, c.Signature, err = sign(c.Message()); err != nil {
			return err
		}
		b.Queue(insertCheckpoint, c.Writer, c.Seq, c.Link, c.Time, c.Final, c.KeyID, c.Signature)
	}
	return tx.SendBatch(ctx, b).Close()
}

func (e erasure) row(now time.Time, key []byte) (row, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return row{}, err
	}
	client := ""
	if e.by != "" {
		client = journal.Operator
	}
	in := journal.Intent{
		ID: journal.ID(id.String()), Client: client, Time: now, Deadline: now, Tenant: e.tenant, Subject: e.by, Action: e.action, ResourceType: e.typ, ResourceID: e.id, Noted: true,
		Diff: []journal.Change{e.change},
	}
	out := journal.Outcome{Time: now, Status: journal.StatusDone, ResourceID: e.id}
	r, d, err := commonRow(in)
	if err != nil {
		return row{}, err
	}
	r.table, r.kind, d.Erased = tableEvents, kindWrites, &e.what
	return r.close(d, out, key, whole{in, out})
}

// erasures are what the journal says was destroyed.
type erasures struct {
	entries [][16]byte // in their order
	before  map[[2]string]time.Time
	// whole are the resources that were forgotten when events of that named no entries: what was there by then, and is about them, is told.
	whole map[aboutOne]time.Time
	// told is since when the journal has all that it ever said: what was written down before, of older rows, went with months that were dropped.
	told time.Time
}

// aboutOne names a resource as rows do.
type aboutOne struct{ tenant, typ, id string }

func readErasures(ctx context.Context, tx pgx.Tx) (erasures, error) {
	all := erasures{before: map[[2]string]time.Time{}, whole: map[aboutOne]time.Time{}}
	var dropped *time.Time
	if err := tx.QueryRow(ctx, "SELECT max(month)::timestamp AT TIME ZONE 'UTC' FROM audit.anchors WHERE kind = $1", kindWrites).Scan(&dropped); err != nil {
		return all, err
	}
	if dropped != nil {
		all.told = dropped.UTC().AddDate(0, 1, 0)
	}
	rows, err := tx.Query(ctx, `SELECT coalesce(tenant_id, ''), details->'erased', resource_type, coalesce(resource_id, ''), `+finiteTime+` FROM audit.events
		WHERE kind = $1 AND action = ANY ($2) AND writer IS NOT NULL`, kindWrites, []string{journal.ActionForget, journal.ActionExpire})
	if err != nil {
		return all, err
	}
	var tenant, typ, id string
	var text []byte
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&tenant, &text, &typ, &id, &at}, func() error {
		var e erased
		if text == nil {
			if one := (aboutOne{tenant, typ, id}); id != "" && at.After(all.whole[one]) {
				all.whole[one] = at
			}
			return nil
		}
		if err := json.Unmarshal(text, &e); err != nil {
			return fmt.Errorf("what an event says was destroyed: %w", err)
		}
		for _, id := range e.Entries {
			if u, err := uuid.Parse(id); err == nil {
				all.entries = append(all.entries, u)
			}
		}
		if key := [2]string{tenant, e.Kind}; e.Before != nil && e.Before.After(all.before[key]) {
			all.before[key] = *e.Before
		}
		return nil
	})
	slices.SortFunc(all.entries, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	return all, err
}

// has says that the key of a row, which is about the resource with this id, was destroyed as an event says.
func (e *erasures) has(r stored, id string) bool {
	kind := r.kind
	if r.table == tableIntents {
		kind = kindWrites
	}
	if before, ok := e.before[[2]string{r.tenant, kind}]; ok && r.time.Before(before) {
		return true
	}
	if at, ok := e.whole[aboutOne{r.tenant, r.resourceType, id}]; ok && r.time.Before(at) {
		return true
	}
	_, found := slices.BinarySearchFunc(e.entries, [16]byte(r.id), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	return found
}

// saidSQL asks whether an event says that the keys of an entry were destroyed ($1: its id, $2: time, $3: tenant, $4: kind, $5, $6: resource), or whether such an event
// may have gone with its month.
const saidSQL = `SELECT EXISTS (SELECT FROM audit.anchors WHERE kind = 'writes' AND (month + interval '1 month')::timestamp AT TIME ZONE 'UTC' > $2)
	OR EXISTS (SELECT FROM audit.events WHERE tenant_id = $3 AND "timestamp" >= $2 AND kind = 'writes' AND action = ANY ($7) AND writer IS NOT NULL AND (
		details->'erased'->'entries' ? $1
		OR details->'erased'->>'kind' = $4 AND (details->'erased'->>'before')::timestamptz > $2
		OR NOT details ? 'erased' AND resource_type = $5 AND resource_id = $6))`

// unsaid says of an event that cannot be read that nobody has said why.
func (j *Journal) unsaid(ctx context.Context, e journal.Event) (bool, error) {
	said := false
	kind := kindWrites
	if e.Intent.Noted {
		kind = kindOf(e.Intent.Action)
	}
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return conn.QueryRow(ctx, saidSQL, string(e.Intent.ID), e.Intent.Time, e.Intent.Tenant, kind, e.Intent.ResourceType, e.ResourceID(),
			[]string{journal.ActionForget, journal.ActionExpire}).Scan(&said)
	})
	return err == nil && !said, err
}
