package pgjournal

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// The columns that both tables have, and how each is made of an array with a value for each row: what is "" is NULL, where the column lets it.
	bothColumns = `id, tenant_id, user_id, resource_type, resource_id, action, details, ip_address, user_agent, "timestamp", writer, seq, digest, link`
	bothValues  = `id, tenant_id, nullif(user_id, ''), resource_type, nullif(resource_id, ''), action, details::jsonb, nullif(ip_address, '')::inet, nullif(user_agent, ''), at, $11::text, seq, digest, link`
	bothArrays  = `$1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $12::bigint[], $13::bytea[], $14::bytea[]`
	bothNames   = `id, tenant_id, user_id, resource_type, resource_id, action, details, ip_address, user_agent, at, seq, digest, link`

	insertIntents = "INSERT INTO audit.intents (" + bothColumns + ", deadline) SELECT " + bothValues + ", deadline FROM unnest(" + bothArrays + ", $15::timestamptz[]) AS r(" + bothNames + ", deadline)"
	insertEvents  = "INSERT INTO audit.events (" + bothColumns + ", kind) SELECT " + bothValues + ", kind FROM unnest(" + bothArrays + ", $15::text[]) AS r(" + bothNames + ", kind)"
	insertKeys    = `INSERT INTO audit.keys (entry_id, "timestamp", kind, key) SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bytea[])`
)

// rowArrays are rows turned by their side: an array for each column.
type rowArrays struct {
	id                                                                                []pgUUID
	tenant, user, resourceType, resourceID, action, details, address, userAgent, kind []string
	at, deadline                                                                      []time.Time
	seq                                                                               []int64
	digest, link                                                                      [][]byte
}

func (a *rowArrays) add(r row) {
	address := ""
	if r.address.IsValid() {
		address = r.address.String()
	}
	a.id, a.at, a.deadline, a.seq = append(a.id, r.id), append(a.at, r.time), append(a.deadline, r.deadline), append(a.seq, r.seq)
	a.tenant, a.user, a.resourceType = append(a.tenant, r.tenant), append(a.user, r.user), append(a.resourceType, r.resourceType)
	a.resourceID, a.action, a.details = append(a.resourceID, r.resourceID), append(a.action, r.action), append(a.details, string(r.details))
	a.address, a.userAgent, a.kind = append(a.address, address), append(a.userAgent, r.userAgent), append(a.kind, r.kind)
	a.digest, a.link = append(a.digest, r.digest), append(a.link, r.link)
}

func (a *rowArrays) arguments(writer string, last any) []any {
	return []any{
		a.id, a.tenant, a.user, a.resourceType, a.resourceID, a.action, a.details, a.address, a.userAgent, a.at, writer, a.seq, a.digest, a.link, last,
	}
}

// queueRows adds the statements that write a batch: one for each table.
func queueRows(b *pgx.Batch, batch []*call) {
	var intents, events rowArrays
	var keys struct {
		id   []pgUUID
		at   []time.Time
		kind []string
		key  [][]byte
	}
	for _, c := range batch {
		kind := kindWrites
		if c.row.table == tableIntents {
			intents.add(c.row)
		} else {
			events.add(c.row)
			kind = c.row.kind
		}
		if c.key != nil {
			keys.id, keys.at, keys.kind, keys.key = append(keys.id, c.row.id), append(keys.at, c.row.time), append(keys.kind, kind), append(keys.key, c.key)
		}
	}
	writer := batch[0].row.writer
	if len(intents.id) > 0 {
		b.Queue(insertIntents, intents.arguments(writer, intents.deadline)...)
	}
	if len(events.id) > 0 {
		b.Queue(insertEvents, events.arguments(writer, events.kind)...)
	}
	if len(keys.id) > 0 {
		b.Queue(insertKeys, keys.id, keys.at, keys.kind, keys.key)
	}
}

// queueKnown adds the statement that finds out which intents are there.
func queueKnown(b *pgx.Batch, of []*call, known map[uuid.UUID]bool) {
	ids, times := make([]pgUUID, len(of)), make([]time.Time, len(of))
	for i, c := range of {
		ids[i], times[i] = c.row.id, c.row.time
	}
	b.Queue(`SELECT i.id FROM unnest($1::uuid[], $2::timestamptz[]) AS w (id, at) JOIN audit.intents i ON i.id = w.id AND i."timestamp" = w.at`, ids, times).Query(func(rows pgx.Rows) error {
		var id pgUUID
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
			known[id] = true
			return nil
		})
		return err
	})
}
