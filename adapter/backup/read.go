package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Records yields the records of a snapshot in the order of their keys. After an error it stops.
func (s *Store) Records(ctx context.Context, one Snapshot) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		rows, err := s.pool.Query(ctx, `SELECT e.key, r.body FROM backup.entries e LEFT JOIN backup.records r ON r.digest = e.digest
			WHERE e.snapshot_id = $1 ORDER BY e.key`, one.ID)
		if err != nil {
			yield(Record{}, fmt.Errorf("reading a snapshot: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var key string
			var body []byte
			var rec Record
			err := rows.Scan(&key, &body)
			if err == nil && body == nil {
				continue // it was destroyed, as somebody had a right to; Verify tells
			}
			if err == nil {
				rec, err = decode(body)
			}
			if err != nil {
				yield(rec, fmt.Errorf("the record %s of the snapshot: %w", key, err))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Record{}, fmt.Errorf("reading a snapshot: %w", err))
		}
	}
}

// Verified is what Verify found.
type Verified struct {
	Wrong     []string // a sentence for each that is wrong
	Forgotten int      // records whose content somebody had destroyed who may, as the journal says
	Untold    int      // records whose content is gone, and whose event may have gone with its month: months were dropped since the snapshot was begun
}

// Verify compares each record's content with its digest, and the number of them with what the snapshot says.
func (s *Store) Verify(ctx context.Context, one Snapshot) (found Verified, err error) {
	wrong, gone, err := s.verify(ctx, one)
	found.Wrong = wrong
	if err != nil || len(gone) == 0 {
		return found, err
	}
	forgotten, err := s.forgotten(ctx, one)
	if err != nil {
		return found, err
	}
	dropped, err := s.dropped(ctx, one)
	for _, key := range gone {
		switch {
		case forgotten[key]:
			found.Forgotten++
		case dropped:
			found.Untold++
		default:
			found.Wrong = append(found.Wrong, key+": its content is gone, and the journal does not say that it was forgotten")
		}
	}
	return found, err
}

// forgotten are the keys whose content was destroyed by right since a snapshot was begun: the journal has an event of each.
func (s *Store) forgotten(ctx context.Context, one Snapshot) (map[string]bool, error) {
	rows, err := s.pool.Query(ctx, `WITH f AS (SELECT resource_id, details #> '{erased,records}' AS records FROM audit.events
			WHERE kind = 'writes' AND action = 'forget' AND writer IS NOT NULL AND coalesce(tenant_id, '') = $1 AND resource_type = $2 AND "timestamp" >= $3)
		SELECT resource_id FROM f WHERE resource_id IS NOT NULL UNION SELECT jsonb_array_elements_text(records) FROM f WHERE jsonb_typeof(records) = 'array'`, one.Tenant, one.Type, one.Started)
	if err != nil {
		return nil, fmt.Errorf("asking the journal what was forgotten: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("asking the journal what was forgotten: %w", err)
	}
	known := make(map[string]bool, len(keys))
	for _, key := range keys {
		known[key] = true
	}
	return known, nil
}

// dropped says that a month of the journal is gone in which it may have been written that something was forgotten of a snapshot. Its anchors tell.
func (s *Store) dropped(ctx context.Context, one Snapshot) (gone bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM audit.anchors WHERE kind = 'writes' AND (month + interval '1 month')::timestamp AT TIME ZONE 'UTC' > $1)`, one.Started).Scan(&gone)
	if err != nil {
		return false, fmt.Errorf("asking the journal which months were dropped: %w", err)
	}
	return gone, nil
}

// LeftOut counts the records of a snapshot whose content is gone: Records, and what is made of it, does not have them.
func (s *Store) LeftOut(ctx context.Context, one Snapshot) (n int, err error) {
	err = s.pool.QueryRow(ctx, `SELECT count(*) FROM backup.entries e WHERE e.snapshot_id = $1 AND NOT EXISTS (SELECT FROM backup.records r WHERE r.digest = e.digest)`, one.ID).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("reading a snapshot: %w", err)
	}
	return n, nil
}

// verify is Verify, save that it gives the keys whose content is gone.
func (s *Store) verify(ctx context.Context, one Snapshot) (wrong, gone []string, err error) {
	rows, err := s.pool.Query(ctx, `SELECT e.key, e.digest, r.body FROM backup.entries e LEFT JOIN backup.records r ON r.digest = e.digest
		WHERE e.snapshot_id = $1 ORDER BY e.key`, one.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a snapshot: %w", err)
	}
	defer rows.Close()
	n := int64(0)
	for rows.Next() {
		var key string
		var digest, body []byte
		if err := rows.Scan(&key, &digest, &body); err != nil {
			return nil, nil, fmt.Errorf("reading a snapshot: %w", err)
		}
		n++
		content, err := decompress(body)
		got := digestOf(one.Tenant, one.Type, key, content)
		switch {
		case body == nil:
			gone = append(gone, key)
		case err != nil:
			wrong = append(wrong, key+": its content cannot be read: "+err.Error())
		case string(got[:]) != string(digest):
			wrong = append(wrong, key+": its content is not what was stored")
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("reading a snapshot: %w", err)
	}
	if one.Status == Complete && n != one.Records {
		wrong = append(wrong, fmt.Sprintf("it has %d records, and was made with %d", n, one.Records))
	}
	if one.Status != Complete {
		wrong = append(wrong, "it is "+one.Status+", and not all there was")
	}
	return wrong, gone, nil
}

// Difference is a record that is not the same on both sides; nil is where it is not, or where what a snapshot had of it is gone.
type Difference struct {
	Key  backends.Key `json:"key"`
	Was  *Record      `json:"was,omitempty"`
	Is   *Record      `json:"is,omitempty"`
	Gone bool         `json:"gone,omitempty"` // a side's content was destroyed: whether and how it differs nobody can say
}

// Diff yields the records that differ between two snapshots.
func (s *Store) Diff(ctx context.Context, was, is Snapshot) iter.Seq2[Difference, error] {
	return func(yield func(Difference, error) bool) {
		rows, err := s.pool.Query(ctx, `SELECT coalesce(a.key, b.key), ra.body, rb.body, a.digest IS NOT NULL AND ra.digest IS NULL OR b.digest IS NOT NULL AND rb.digest IS NULL
			FROM (SELECT * FROM backup.entries WHERE snapshot_id = $1) a FULL JOIN (SELECT * FROM backup.entries WHERE snapshot_id = $2) b ON b.key = a.key
			LEFT JOIN backup.records ra ON ra.digest = a.digest LEFT JOIN backup.records rb ON rb.digest = b.digest
			WHERE a.digest IS DISTINCT FROM b.digest ORDER BY 1`, was.ID, is.ID)
		if err != nil {
			yield(Difference{}, fmt.Errorf("comparing snapshots: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			d, err := difference(rows)
			if !yield(d, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Difference{}, fmt.Errorf("comparing snapshots: %w", err))
		}
	}
}

func difference(rows pgx.Rows) (Difference, error) {
	var d Difference
	var was, is []byte
	if err := rows.Scan(&d.Key, &was, &is, &d.Gone); err != nil {
		return d, fmt.Errorf("comparing snapshots: %w", err)
	}
	for _, side := range []struct {
		body []byte
		into **Record
	}{{was, &d.Was}, {is, &d.Is}} {
		if side.body == nil {
			continue
		}
		rec, err := decode(side.body)
		if err != nil {
			return d, fmt.Errorf("the record %s of the snapshot: %w", d.Key, err)
		}
		*side.into = &rec
	}
	return d, nil
}

// DiffNow yields the records that differ between a snapshot and what there is now. The keys and digests of the snapshot are held in memory.
func (s *Store) DiffNow(ctx context.Context, was Snapshot, now Source) iter.Seq2[Difference, error] {
	now.Tenant, now.Type = was.Tenant, was.Type
	return func(yield func(Difference, error) bool) {
		digests, err := s.digests(ctx, was)
		if err != nil {
			yield(Difference{}, err)
			return
		}
		for batch, err := range now.batches(ctx) {
			if err != nil {
				yield(Difference{}, err)
				return
			}
			for _, one := range batch {
				before, there := digests[string(one.key)]
				delete(digests, string(one.key))
				if there && before == string(one.digest[:]) {
					continue
				}
				d := Difference{Key: one.key, Is: &Record{}}
				err := json.Unmarshal(one.content, d.Is)
				if there && err == nil {
					d.Was, err = s.stored(ctx, before)
					d.Gone = d.Was == nil
				}
				if !yield(d, err) || err != nil {
					return
				}
			}
		}
		for key, digest := range digests {
			gone, err := s.stored(ctx, digest)
			if !yield(Difference{Key: backends.Key(key), Was: gone, Gone: gone == nil}, err) || err != nil {
				return
			}
		}
	}
}

// digests are those of a snapshot, by key.
func (s *Store) digests(ctx context.Context, one Snapshot) (map[string]string, error) {
	rows, err := s.pool.Query(ctx, "SELECT key, digest FROM backup.entries WHERE snapshot_id = $1", one.ID)
	if err != nil {
		return nil, fmt.Errorf("reading a snapshot: %w", err)
	}
	digests := make(map[string]string, one.Records)
	var key string
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &digest}, func() error {
		digests[key] = string(digest)
		return nil
	})
	return digests, err
}

// stored is the record of a digest; nil when its content is gone.
func (s *Store) stored(ctx context.Context, digest string) (*Record, error) {
	rows, err := s.pool.Query(ctx, "SELECT body FROM backup.records WHERE digest = $1", []byte(digest))
	if err != nil {
		return nil, fmt.Errorf("reading a snapshot: %w", err)
	}
	bodies, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || len(bodies) == 0 {
		return nil, err
	}
	rec, err := decode(bodies[0])
	return &rec, err
}
