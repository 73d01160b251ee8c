package pgjournal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// What is selected of an event: the columns of its row, what its intent says in clear, its outcome, and its keys.
const eventColumns = `%[1]s.id, %[1]s."timestamp", coalesce(%[1]s.tenant_id, ''), coalesce(%[1]s.user_id, ''), %[1]s.resource_type, %[1]s.action, coalesce(host(%[1]s.ip_address), ''),
	coalesce(%[1]s.user_agent, ''), %[2]s, coalesce(%[3]s.resource_id, ''), e.details, coalesce(e.resource_id, ''),
	ARRAY(SELECT k.key FROM audit.keys k WHERE k.entry_id = %[1]s.id AND k."timestamp" = %[1]s."timestamp")`

var (
	// selectWrites gives intents with what came of them, selectNotes events that were no writes, and selectSettled both in so far as they have an outcome.
	selectWrites = "SELECT " + fmt.Sprintf(eventColumns, "i", "i.details, i.deadline", "i") +
		` FROM audit.intents i LEFT JOIN audit.events e ON e.id = i.id AND e."timestamp" = i."timestamp" AND e.kind = 'writes' WHERE true`
	selectNotes = "SELECT " + fmt.Sprintf(eventColumns, "e", "NULL::jsonb, NULL::timestamptz", "e") +
		" FROM audit.events e WHERE e.details ? 'noted'"
	selectSettled = "SELECT " + fmt.Sprintf(eventColumns, "e", "i.details, i.deadline", "i") +
		`, e.tx::text, e.seq FROM audit.events e LEFT JOIN audit.intents i ON i.id = e.id AND i."timestamp" = e."timestamp" WHERE e.writer IS NOT NULL`
)

// found is an event as the database has it.
type found struct {
	row           row
	intent        []byte // what the intent has in details; nil: the event was noted
	outcome       []byte // nil: open
	outcomeID     string
	keys          [][]byte
	clear, closed details
}

func scanFound(r pgx.Row, more ...any) (found, error) {
	var f found
	var id pgUUID
	var address string
	var deadline *time.Time
	into := []any{
		&id, &f.row.time, &f.row.tenant, &f.row.user, &f.row.resourceType, &f.row.action, &address, &f.row.userAgent, &f.intent, &deadline, &f.row.resourceID,
		&f.outcome, &f.outcomeID, &f.keys,
	}
	if err := r.Scan(append(into, more...)...); err != nil {
		return f, err
	}
	f.row.id, f.row.time = uuid.UUID(id), f.row.time.UTC()
	if deadline != nil {
		f.row.deadline = deadline.UTC()
	}
	f.row.address, _ = netip.ParseAddr(address)
	for _, part := range []struct {
		text []byte
		into *details
	}{{f.intent, &f.clear}, {f.outcome, &f.closed}} {
		if part.text == nil {
			continue
		}
		if err := json.Unmarshal(part.text, part.into); err != nil {
			return f, fmt.Errorf("the details of entry %s: %w", f.row.id, err)
		}
	}
	return f, nil
}

// event opens what is sealed. What cannot be opened any more is told as far as it stands in clear.
func (f found) event() journal.Event {
	if f.intent == nil {
		return f.note()
	}
	var e journal.Event
	if !f.open(tableIntents, f.clear, &e.Intent) {
		e.Intent, e.Forgotten = f.row.intent(f.clear), true
	}
	if f.outcome == nil {
		return e
	}
	e.Outcome = &journal.Outcome{}
	if !f.open(tableEvents, f.closed, e.Outcome) {
		*e.Outcome, e.Forgotten = f.told(), true
	}
	return e
}

func (f found) note() journal.Event {
	var w whole
	if f.open(tableEvents, f.closed, &w) {
		return journal.Event{Intent: w.Intent, Outcome: &w.Outcome}
	}
	out := f.told()
	return journal.Event{Intent: f.row.intent(f.closed), Outcome: &out, Forgotten: true}
}

func (f found) open(table string, d details, into any) bool {
	r := row{table: table, id: f.row.id}
	for _, key := range f.keys {
		if r.unseal(key, d, into) == nil {
			return true
		}
	}
	return false
}

// intent is what of an intent stands in clear.
func (r row) intent(d details) journal.Intent {
	in := journal.Intent{
		ID: journal.ID(r.id.String()), Time: r.time, Deadline: r.deadline, Writer: d.Process, RequestID: d.RequestID, Tenant: r.tenant, Client: d.Client,
		Subject: d.Subject, UserAgent: r.userAgent, Action: r.action, ResourceType: r.resourceType, ResourceID: r.resourceID, Undoes: journal.ID(d.Undoes), Noted: d.Noted,
	}
	if r.address.IsValid() {
		in.Address = r.address.String()
	}
	for _, s := range d.Steps {
		in.Steps = append(in.Steps, journal.Step{Backend: s.Backend, Op: s.Op, Key: backends.Key(s.Key)})
	}
	return in
}

// told is what of the outcome stands in clear.
func (f found) told() journal.Outcome {
	out := journal.Outcome{Status: f.closed.Status, ResourceID: f.outcomeID, Version: f.closed.Version}
	if f.closed.Ended != nil {
		out.Time = *f.closed.Ended
	}
	for _, s := range f.closed.Steps {
		out.Steps = append(out.Steps, journal.StepOutcome{Status: s.Status})
	}
	return out
}

// Lookup gives one event.
func (j *Journal) Lookup(ctx context.Context, id journal.ID) (journal.Event, error) {
	u, err := uuidOf(id)
	if err != nil {
		return journal.Event{}, fmt.Errorf("%w: %q", journal.ErrNoIntent, id)
	}
	f, err := j.find(ctx, u)
	if err != nil {
		return journal.Event{}, err
	}
	e := f.event()
	if e.Forgotten {
		e.Unsaid, err = j.unsaid(ctx, e)
	}
	return e, unread(err)
}

// find reads one event, whichever it is.
func (j *Journal) find(ctx context.Context, id uuid.UUID) (found, error) {
	var f found
	var there bool
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		there = false
		one := func(r pgx.Row) error {
			got, err := scanFound(r)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			f, there = got, true
			return err
		}
		b := &pgx.Batch{}
		b.Queue(selectNotes+" AND e.id = $1", pgUUID(id)).QueryRow(one)
		b.Queue(selectWrites+" AND i.id = $1", pgUUID(id)).QueryRow(one)
		return conn.SendBatch(ctx, b).Close()
	})
	if err == nil && !there {
		err = fmt.Errorf("%w: %q", journal.ErrNoIntent, id)
	}
	return f, unread(err)
}

// unread says what a role lacks that may not read the journal.
func unread(err error) error {
	if e, ok := errors.AsType[*backends.Error](err); ok && hiddenFrom(err) {
		return &backends.Error{Kind: e.Kind, Detail: "The role of the journal's database may not read it: make it a member of scim_audit.", Cause: e.Cause}
	}
	return err
}

// pgUUID is how pgx takes ids without knowing anybody's type for them.
type pgUUID = [16]byte

// keysOf are the keys of an entry.
func keysOf(ctx context.Context, conn *pgxpool.Conn, id uuid.UUID, at time.Time) ([][]byte, error) {
	rows, err := conn.Query(ctx, `SELECT key FROM audit.keys WHERE entry_id = $1 AND "timestamp" = $2`, pgUUID(id), at)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}

// recall reads back what Finish needs of an intent that is not in memory. A role that may not read it knows its id, tenant and time: the outcome gets a key of its
// own then, and its row says no more than what came of it.
func (j *Journal) recall(ctx context.Context, id uuid.UUID) (intent, error) {
	f, err := j.find(ctx, id)
	switch {
	case err == nil && f.intent == nil:
		return intent{}, fmt.Errorf("%w: %q was noted", journal.ErrNoIntent, id)
	case err == nil && len(f.keys) > 0:
		return intent{row: f.row, clear: f.clear, key: f.keys[0], begun: true, stored: true}, nil
	case err == nil:
		key, err := j.newKey()
		return intent{row: f.row, clear: f.clear, key: key, begun: true}, err
	case !hiddenFrom(err):
		return intent{}, err
	}
	key, err := j.newKey()
	if err != nil {
		return intent{}, err
	}
	in := intent{row: row{id: id}, key: key, begun: true}
	err = j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		const known = `SELECT "timestamp", coalesce(tenant_id, '') FROM audit.intents WHERE id = $1`
		return conn.QueryRow(ctx, known, pgUUID(id)).Scan(&in.row.time, &in.row.tenant)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return in, fmt.Errorf("%w: %q", journal.ErrNoIntent, id)
	}
	in.row.time = in.row.time.UTC()
	return in, err
}
