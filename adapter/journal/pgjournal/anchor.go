package pgjournal

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Anchor stands for rows of a writer that are no longer kept: a run of numbers without a gap, and the links that join it to what was written before and after.
type Anchor struct {
	Writer      string
	First, Last int64  // seq
	Before      []byte // the link of the number before First; 32 zero bytes where First is 1
	FirstLink   []byte
	LastLink    []byte
	Kind        string
	Month       time.Time
	Dropped     time.Time
	KeyID       string
	Signature   []byte
}

// Message is what its signature is over.
func (a Anchor) Message() []byte {
	text, err := json.Marshal([]any{
		"scim-adapter anchor", a.Writer, a.First, a.Last, hex.EncodeToString(a.Before), hex.EncodeToString(a.FirstLink), hex.EncodeToString(a.LastLink),
		a.Kind, a.Month.UTC().Format("2006-01"), stamp(a.Dropped).Format(time.RFC3339Nano),
	})
	if err != nil {
		panic(err) // texts and numbers
	}
	return text
}

// anchorsAtOnce bounds how many runs are held in memory, and rowsAtOnce how many rows come in one piece. A test needs more than both and waits for each.
const (
	anchorsAtOnce = 1000
	rowsAtOnce    = 2000
)

// BrokenError is that the rows of a month are not those that were written: it is kept, for whoever looks into it.
type BrokenError struct {
	Parts  []string
	Writer string
	Seq    int64
	What   string
}

func (b *BrokenError) Error() string {
	return fmt.Sprintf("row %d of writer %s in %s %s, so nothing of that month is dropped; scim-adapter audit verify says more", b.Seq, b.Writer, strings.Join(b.Parts, " or "), b.What)
}

// anchoring walks the rows of a month in the order of their chains.
type anchoring struct {
	tx    pgx.Tx
	parts []string // tables of audit with a chain
	like  Anchor   // kind, month and time
	sign  func(message []byte) (keyID string, signature []byte, err error)

	run  Anchor // that the last row belongs to; First 0: there is none yet
	runs []Anchor
	// firsts are the table and digest of the first row of each of runs, and of run: it is held against the link before as soon as that is known.
	firsts []chained
	first  chained
}

// chained is what of a row is in the chain.
type chained struct {
	Writer string
	Seq    int64
	Table  string
	Digest []byte
	Link   []byte
}

// anchor leaves an anchor for each run of rows in these tables. It fails with a *BrokenError where a link is not what its row and the one before make of it, or where
// the one before is gone without an anchor.
func (a *anchoring) anchor(ctx context.Context) error {
	var each []string
	for _, part := range a.parts {
		table := tableEvents
		if strings.HasPrefix(part, tableIntents) {
			table = tableIntents
		}
		each = append(each, "SELECT writer, seq, '"+table+"', digest, link FROM audit."+part+" WHERE writer IS NOT NULL")
	}
	if _, err := a.tx.Exec(ctx, "DECLARE chained NO SCROLL CURSOR FOR "+strings.Join(each, " UNION ALL ")+" ORDER BY 1, 2"); err != nil {
		return err
	}
	for {
		rows, err := a.tx.Query(ctx, fmt.Sprintf("FETCH %d FROM chained", rowsAtOnce))
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[chained])
		if err != nil {
			return err
		}
		for _, row := range list {
			if err := a.add(ctx, row); err != nil {
				return err
			}
		}
		if len(list) < rowsAtOnce {
			break
		}
	}
	a.end()
	if err := a.flush(ctx); err != nil {
		return err
	}
	_, err := a.tx.Exec(ctx, "CLOSE chained")
	return err
}

// add takes the next row.
func (a *anchoring) add(ctx context.Context, row chained) error {
	if a.run.First > 0 && a.run.Writer == row.Writer && a.run.Last+1 == row.Seq {
		if !follows(a.run.LastLink, row) {
			return a.broken(row, "does not fit to the one before")
		}
		a.run.Last, a.run.LastLink = row.Seq, row.Link
		return nil
	}
	if a.run.First > 0 && a.run.Writer == row.Writer && a.run.Last == row.Seq {
		return a.broken(row, "is there twice")
	}
	a.end()
	if len(a.runs) >= anchorsAtOnce {
		if err := a.flush(ctx); err != nil {
			return err
		}
	}
	a.run, a.first = a.like, row
	a.run.Writer, a.run.First, a.run.Last, a.run.FirstLink, a.run.LastLink = row.Writer, row.Seq, row.Seq, row.Link, row.Link
	return nil
}

// end closes a run.
func (a *anchoring) end() {
	if a.run.First > 0 {
		a.runs, a.firsts = append(a.runs, a.run), append(a.firsts, a.first)
	}
	a.run.First = 0
}

func follows(before []byte, row chained) bool {
	return bytes.Equal(next(before, row.Writer, row.Seq, row.Table, row.Digest), row.Link)
}

func (a *anchoring) broken(row chained, what string) error {
	return &BrokenError{Parts: slices.Clone(a.parts), Writer: row.Writer, Seq: row.Seq, What: what}
}

// beforeSQL gives the links of rows, which may be there or lie at the end of an anchor.
const beforeSQL = `WITH asked AS (SELECT * FROM unnest($1::text[], $2::bigint[]) AS a (writer, seq))
	SELECT a.writer, a.seq, r.link FROM asked a JOIN audit.intents r USING (writer, seq)
	UNION ALL SELECT a.writer, a.seq, r.link FROM asked a JOIN audit.events r USING (writer, seq)
	UNION ALL SELECT a.writer, a.seq, r.last_link FROM asked a JOIN audit.anchors r ON r.writer = a.writer AND r.last_seq = a.seq`

// flush finds what came before each run, signs, and writes the anchors.
func (a *anchoring) flush(ctx context.Context) error {
	type place struct {
		writer string
		seq    int64
	}
	var writers []string
	var seqs []int64
	for _, run := range a.runs {
		writers, seqs = append(writers, run.Writer), append(seqs, run.First-1)
	}
	rows, err := a.tx.Query(ctx, beforeSQL, writers, seqs)
	if err != nil {
		return err
	}
	before := map[place][]byte{}
	var at place
	var link []byte
	if _, err := pgx.ForEachRow(rows, []any{&at.writer, &at.seq, &link}, func() error {
		before[at] = slices.Clone(link)
		return nil
	}); err != nil {
		return err
	}
	for i, run := range a.runs {
		run.Before = before[place{run.Writer, run.First - 1}]
		if run.First == 1 {
			run.Before = make([]byte, 32)
		}
		switch {
		case run.Before == nil:
			return a.broken(a.firsts[i], "comes after one that is gone")
		case !follows(run.Before, a.firsts[i]):
			return a.broken(a.firsts[i], "does not fit to the one before")
		}
		if run.KeyID, run.Signature, err = a.sign(run.Message()); err != nil {
			return fmt.Errorf("signing: %w", err)
		}
		a.runs[i] = run
	}
	if err := insertAnchors(ctx, a.tx, a.runs); err != nil {
		return err
	}
	a.runs, a.firsts = a.runs[:0], a.firsts[:0]
	return nil
}

func insertAnchors(ctx context.Context, tx pgx.Tx, anchors []Anchor) error {
	columns := []string{"writer", "first_seq", "last_seq", "link_before", "first_link", "last_link", "kind", "month", "dropped", "key_id", "signature"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"audit", "anchors"}, columns, pgx.CopyFromSlice(len(anchors), func(i int) ([]any, error) {
		a := anchors[i]
		return []any{a.Writer, a.First, a.Last, a.Before, a.FirstLink, a.LastLink, a.Kind, a.Month, a.Dropped, a.KeyID, a.Signature}, nil
	}))
	return err
}

// Anchors gives those of one writer, in the order of their numbers; writer "" gives all, writer by writer.
func Anchors(ctx context.Context, conn querier, writer string) ([]Anchor, error) {
	rows, err := conn.Query(ctx, `SELECT writer, first_seq, last_seq, link_before, first_link, last_link, kind, month, dropped, key_id, signature
		FROM audit.anchors WHERE $1 IN ('', writer) ORDER BY writer, first_seq`, writer)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Anchor])
}

var errUnsigned = errors.New("there is no key to sign with what a dropped month had")
