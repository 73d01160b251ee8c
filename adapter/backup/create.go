package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/time/rate"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// most is how many records are written at a time.
const most = 500

// Source is what a snapshot is made of.
type Source struct {
	Tenant, Type string
	Records      backends.Reader
	// Beside gives what there is of some of them beside the directory; those of which there is nothing are left out. nil: there is nothing of any.
	Beside   func(ctx context.Context, keys []backends.Key) (map[backends.Key]journal.Beside, error)
	Rate     int         // records read a second at most; 0: no limit
	Progress func(n int) // is told how many have been written so far; may be nil
	Slot     time.Time   // the time of the schedule that it is made for: where there is a complete one since, it is ErrMade; zero: it is made anyway
}

// Create makes a snapshot. One that fails stays as such, with the reason, until it is pruned: it is never taken for all there is.
func (s *Store) Create(ctx context.Context, from Source) (made Snapshot, err error) {
	id, err := uuid.NewV7()
	if err != nil {
		return made, err
	}
	err = s.alone(ctx, from.Tenant, from.Type, func(still func(context.Context) error) error {
		var slot *time.Time
		if !from.Slot.IsZero() {
			slot = &from.Slot
			if last, err := s.Last(ctx, from.Tenant, from.Type); err == nil && !last.Started.Before(from.Slot) {
				return ErrMade
			} else if err != nil && !errors.Is(err, ErrNone) {
				return err
			}
		}
		const begin = "INSERT INTO backup.snapshots (id, tenant_id, resource_type, started, status, slot) VALUES ($1, $2, $3, $4, $5, $6)"
		if _, err := s.pool.Exec(ctx, begin, id, from.Tenant, from.Type, s.Now(), Running, slot); err != nil {
			return fmt.Errorf("beginning a snapshot: %w", err)
		}
		w := &writing{s: s, id: id, from: from, still: still}
		walked := w.walk(ctx)
		status, note := Complete, ""
		if walked != nil {
			status, note = Failed, walked.Error()
		}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		const end = "UPDATE backup.snapshots SET finished = $2, records = $3, bytes = $4, status = $5, note = nullif($6, '') WHERE id = $1 AND status = $7"
		tag, err := s.pool.Exec(ending, end, id, s.Now(), w.records, w.bytes, status, note, Running)
		switch {
		case err != nil:
			return errors.Join(walked, fmt.Errorf("ending a snapshot: %w", err))
		case tag.RowsAffected() == 0: // whoever came after us took us for dead, and has said so
			return errors.Join(walked, errors.New("another process has begun a snapshot of this type meanwhile, and this one is marked as interrupted"))
		}
		return walked
	})
	if err != nil {
		return made, err
	}
	return s.Get(ctx, from.Tenant, id.String())
}

// writing is a snapshot under way.
type writing struct {
	s       *Store
	id      uuid.UUID
	from    Source
	still   func(context.Context) error // fails when somebody else may be at it
	zip     *zstd.Encoder
	records int64
	bytes   int64

	keys     []string
	digests  [][]byte
	contents [][]byte
}

func (w *writing) walk(ctx context.Context) (err error) {
	if w.zip, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return err
	}
	for batch, err := range w.from.batches(ctx) {
		if err != nil {
			return err
		}
		for _, one := range batch {
			w.keys, w.digests, w.contents = append(w.keys, string(one.key)), append(w.digests, one.digest[:]), append(w.contents, one.content)
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// stored is a record as it is stored.
type stored struct {
	key     backends.Key
	content []byte
	digest  [sha256.Size]byte
}

// batches yields the records as they are stored, so many at a time as are asked for at once. After an error it stops.
func (from Source) batches(ctx context.Context) iter.Seq2[[]stored, error] {
	pace, n := rate.NewLimiter(rate.Inf, 1), most
	if from.Rate > 0 {
		n = min(most, from.Rate)
		pace = rate.NewLimiter(rate.Limit(from.Rate), 1)
	}
	return func(yield func([]stored, error) bool) {
		var recs []backends.Record
		for rec, err := range from.Records.Walk(ctx, backends.Query{Attrs: []string{"*", "+"}}) {
			if err != nil {
				yield(nil, fmt.Errorf("reading the records: %w", err))
				return
			}
			if err := pace.Wait(ctx); err != nil {
				yield(nil, err)
				return
			}
			if recs = append(recs, rec); len(recs) < n {
				continue
			}
			batch, err := from.encoded(ctx, recs)
			if !yield(batch, err) || err != nil {
				return
			}
			recs = recs[:0]
		}
		yield(from.encoded(ctx, recs))
	}
}

// encoded are records as they are stored, with what there is of them beside the directory.
func (from Source) encoded(ctx context.Context, recs []backends.Record) ([]stored, error) {
	var beside map[backends.Key]journal.Beside
	if from.Beside != nil && len(recs) > 0 {
		keys := make([]backends.Key, len(recs))
		for i, rec := range recs {
			keys[i] = rec.Key
		}
		var err error
		if beside, err = from.Beside(ctx, keys); err != nil {
			return nil, fmt.Errorf("reading what is kept beside the directory: %w", err)
		}
	}
	batch := make([]stored, len(recs))
	for i, rec := range recs {
		var also *journal.Beside
		if kept, ok := beside[rec.Key]; ok {
			also = &kept
		}
		var err error
		batch[i].key = rec.Key
		if batch[i].content, batch[i].digest, err = encode(from.Tenant, from.Type, rec, also); err != nil {
			return nil, err
		}
	}
	return batch, nil
}

// flush writes what has gathered: the content of records that are not there yet, and a line for each. A record that a walk gave twice, since it was moved
// meanwhile, counts once.
func (w *writing) flush(ctx context.Context) error {
	if err := w.still(ctx); err != nil || len(w.keys) == 0 {
		return err
	}
	rows, err := w.s.pool.Query(ctx, "SELECT digest FROM backup.records WHERE digest = ANY($1)", w.digests)
	if err != nil {
		return fmt.Errorf("writing a snapshot: %w", err)
	}
	there := map[string]bool{}
	known, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return fmt.Errorf("writing a snapshot: %w", err)
	}
	for _, digest := range known {
		there[string(digest)] = true
	}
	var digests, bodies [][]byte
	var keys []string
	var sizes, added []int64
	for i, digest := range w.digests {
		if there[string(digest)] {
			continue
		}
		there[string(digest)] = true
		body := w.zip.EncodeAll(w.contents[i], nil)
		digests, bodies, keys = append(digests, digest), append(bodies, body), append(keys, w.keys[i])
		sizes, added = append(sizes, int64(len(w.contents[i]))), append(added, int64(len(body)))
	}
	batch := &pgx.Batch{}
	if len(digests) > 0 {
		batch.Queue(`INSERT INTO backup.records (digest, tenant_id, resource_type, key, body, size)
			SELECT u.digest, $2, $3, u.key, u.body, u.size FROM unnest($1::bytea[], $4::text[], $5::bytea[], $6::bigint[]) AS u(digest, key, body, size)
			ON CONFLICT DO NOTHING`, digests, w.from.Tenant, w.from.Type, keys, bodies, sizes)
	}
	batch.Queue(`INSERT INTO backup.entries (snapshot_id, key, digest) SELECT $1, u.key, u.digest FROM unnest($2::text[], $3::bytea[]) AS u(key, digest)
		ON CONFLICT DO NOTHING`, w.id, w.keys, w.digests).Exec(func(tag pgconn.CommandTag) error {
		w.records += tag.RowsAffected()
		return nil
	})
	if err := w.s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("writing a snapshot: %w", err)
	}
	for _, n := range added {
		w.bytes += n
	}
	w.keys, w.digests, w.contents = w.keys[:0], w.digests[:0], w.contents[:0]
	if w.from.Progress != nil {
		w.from.Progress(int(w.records))
	}
	return nil
}
