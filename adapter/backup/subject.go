package backup

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
)

// Held is a record as some snapshots have it; Record nil: its content was destroyed, and they only list it.
type Held struct {
	Key       string      `json:"key"`
	Record    *Record     `json:"record,omitempty"`
	Destroyed bool        `json:"destroyed,omitempty"`
	Snapshots []string    `json:"snapshots"`
	Started   []time.Time `json:"started"` // of each of them
}

// Of yields what the snapshots of a type have under these keys, each distinct content once, the oldest first. After an error it stops.
func (s *Store) Of(ctx context.Context, tenant, typ string, keys []string) iter.Seq2[Held, error] {
	return func(yield func(Held, error) bool) {
		rows, err := s.pool.Query(ctx, `SELECT e.key, r.body, array_agg(s.id::text ORDER BY s.started, s.id), array_agg(s.started ORDER BY s.started, s.id)
			FROM backup.snapshots s JOIN backup.entries e ON e.snapshot_id = s.id LEFT JOIN backup.records r ON r.digest = e.digest
			WHERE s.tenant_id = $1 AND s.resource_type = $2 AND e.key = ANY ($3) GROUP BY e.key, e.digest, r.digest ORDER BY min(s.started), e.key, e.digest`, tenant, typ, keys)
		if err != nil {
			yield(Held{}, fmt.Errorf("reading snapshots: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			held, err := holding(rows)
			if !yield(held, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Held{}, fmt.Errorf("reading snapshots: %w", err))
		}
	}
}

func holding(rows pgx.Rows) (held Held, err error) {
	var body []byte
	if err := rows.Scan(&held.Key, &body, &held.Snapshots, &held.Started); err != nil {
		return held, fmt.Errorf("reading snapshots: %w", err)
	}
	if held.Destroyed = body == nil; held.Destroyed {
		return held, nil
	}
	rec, err := decode(body)
	if err != nil {
		return held, fmt.Errorf("the record %s of the snapshots %v: %w", held.Key, held.Snapshots, err)
	}
	held.Record = &rec
	return held, nil
}
