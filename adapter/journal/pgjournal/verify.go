package pgjournal

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/configs"
)

// Verification is what Verify needs to know.
type Verification struct {
	Database configs.Secret // the URL of a role in scim_audit
	Since    time.Time      // rows before it are not looked at; zero: all
	Keys     map[string]ed25519.PublicKey
	Logged   []Checkpoint // those that a log has; read before this begins
	Found    func(Finding)
	Progress func(rows int64) // now and then; nil: nobody wants to know
}

// What can be wrong.
const (
	FoundChanged  = "changed"  // a row is not what was written
	FoundRemoved  = "removed"  // rows are gone
	FoundInserted = "inserted" // a row has no place in its chain
	FoundCut      = "cut off"  // the end of a chain is gone
	FoundForged   = "forged"   // a signature is not that of its key
	FoundOrphan   = "orphan"   // an event has no intent
	// FoundDestroyed: the key of a row's values is gone, and nothing was forgotten and nothing expired that it belongs to.
	FoundDestroyed = "destroyed"
	// FoundUnknownKey: there are signatures of a key of which nobody has said whose it is.
	FoundUnknownKey = "unknown key"
)

// Finding is one thing that is wrong, and where.
type Finding struct {
	Kind        string
	Writer      string
	First, Last int64  // numbers in the writer's chain; 0: it has none
	Table, ID   string // of a row
	Time        time.Time
	What        string
}

func (f Finding) String() string {
	text := f.Kind + ": "
	if f.ID != "" {
		text += fmt.Sprintf("%s %s of %s", f.Table, f.ID, f.Time.UTC().Format(time.RFC3339Nano))
	}
	if f.Writer != "" {
		if f.ID != "" {
			text += ", "
		}
		switch {
		case f.First == 0 && f.Last == 0:
			text += "writer " + f.Writer
		case f.First == f.Last:
			text += fmt.Sprintf("number %d of writer %s", f.First, f.Writer)
		default:
			text += fmt.Sprintf("numbers %d to %d of writer %s", f.First, f.Last, f.Writer)
		}
	}
	return text + ": " + f.What
}

// Verified is what was looked at.
type Verified struct {
	Rows, Unsigned       int64 // rows with a place in a chain, and those of them behind the last checkpoint of their writer
	Before               int64 // rows without one, from before there were chains
	Writers              int
	From, To             time.Time // of the rows
	Checkpoints, Anchors int64
	Logged               int   // checkpoints of the log
	Erased               int64 // rows whose values can no longer be read, as an event says
	Untold               int64 // those of which nobody can tell any more: what would say so was dropped with its month
	Destroyed            int64 // those of which no event says it
	Findings             int
}

// Verify walks the chains of all writers and holds each row against its digest, each link against the one before, and each signed head against the row that it is
// over. It holds a page of rows at a time, and sees the journal as it is when it begins.
func Verify(ctx context.Context, v Verification) (done Verified, err error) {
	db, err := openForDDL(v.Database, func(string) {})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return within(ctx, db, func(conn *pgx.Conn) (Verified, error) {
		if err := mayVerify(ctx, conn); err != nil {
			return Verified{}, err
		}
		w := &verifying{Verification: v}
		err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			w.tx = tx
			return w.run(ctx)
		})
		return w.done, err
	})
}

// mayVerify says what the database or its role lacks.
func mayVerify(ctx context.Context, conn querier) error {
	missing, err := Pending(ctx, conn)
	switch {
	case err != nil:
		return fmt.Errorf("asking what the database has: %w", err)
	case len(missing) > 0:
		return fmt.Errorf("the database lacks %v: run scim-adapter migrate first", missing)
	}
	rows, err := conn.Query(ctx, "SELECT format('to read the journal: GRANT scim_audit TO %I', current_user) WHERE NOT has_table_privilege('audit.events', 'SELECT')")
	if err != nil {
		return err
	}
	lacks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(lacks) > 0 {
		err = &LackedRights{lacks}
	}
	return err
}

// verifying is a walk under way.
type verifying struct {
	Verification
	tx       pgx.Tx
	done     Verified
	logged   map[string][]Checkpoint // by writer, by number
	erasures erasures
	missing  []month // tables
}

func (v *verifying) found(f Finding) {
	v.done.Findings++
	if v.Found != nil {
		v.Found(f)
	}
}

// row counts one that was looked at.
func (v *verifying) row(at time.Time) {
	v.done.Rows++
	if !at.IsZero() && (v.done.From.IsZero() || at.Before(v.done.From)) {
		v.done.From = at
	}
	if at.After(v.done.To) {
		v.done.To = at
	}
	if v.done.Rows%1000 == 0 && v.Progress != nil {
		v.Progress(v.done.Rows)
	}
}

func (v *verifying) run(ctx context.Context) error {
	v.logged = map[string][]Checkpoint{}
	for _, c := range v.Logged {
		v.logged[c.Writer] = append(v.logged[c.Writer], c)
	}
	v.done.Logged = len(v.Logged)
	for _, list := range v.logged {
		slices.SortStableFunc(list, func(a, b Checkpoint) int { return int(min(1, max(-1, a.Seq-b.Seq))) })
	}
	var err error
	if v.erasures, err = readErasures(ctx, v.tx); err != nil {
		return err
	}
	if v.missing, err = readMissing(ctx, v.tx); err != nil {
		return err
	}
	starts, err := v.starts(ctx)
	if err != nil {
		return err
	}
	v.done.Writers = len(starts)
	for _, s := range starts {
		if err := v.chain(ctx, s); err != nil {
			return err
		}
	}
	if err := v.unchained(ctx); err != nil {
		return err
	}
	return v.orphans(ctx)
}

// start is where the chain of a writer is entered.
type start struct {
	Writer string
	Seq    int64
}

// startsSQL gives each writer that anything is known of. With $1, the first number that any row, checkpoint or anchor since then has; an anchor is taken whole.
const startsSQL = `SELECT writer, CASE WHEN $1::timestamptz IS NULL THEN 1 ELSE min(seq) END FROM (
		SELECT writer, min(seq) AS seq FROM audit.intents WHERE $1::timestamptz IS NULL OR "timestamp" >= $1 GROUP BY writer
		UNION ALL SELECT writer, min(seq) FROM audit.events WHERE writer IS NOT NULL AND ($1::timestamptz IS NULL OR "timestamp" >= $1) GROUP BY writer
		UNION ALL SELECT writer, min(seq) FROM audit.checkpoints WHERE $1::timestamptz IS NULL OR time >= $1 GROUP BY writer
		UNION ALL SELECT writer, min(first_seq) FROM audit.anchors WHERE $1::timestamptz IS NULL OR month >= date_trunc('month', $1) GROUP BY writer
	) AS s GROUP BY writer`

func (v *verifying) starts(ctx context.Context) ([]start, error) {
	var since *time.Time
	if !v.Since.IsZero() {
		since = &v.Since
	}
	rows, err := v.tx.Query(ctx, startsSQL, since)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[start])
	if err != nil {
		return nil, err
	}
	known := map[string]int{}
	for i := range list {
		list[i].Seq = max(1, list[i].Seq)
		known[list[i].Writer] = i
	}
	for writer, logged := range v.logged { // of which the database may have nothing any more
		for _, c := range logged {
			if c.Time.Before(v.Since) {
				continue
			}
			first := max(1, c.Seq)
			if since == nil {
				first = 1
			}
			if i, there := known[writer]; !there {
				known[writer] = len(list)
				list = append(list, start{writer, first})
			} else {
				list[i].Seq = min(list[i].Seq, first)
			}
		}
	}
	slices.SortFunc(list, func(a, b start) int {
		if a.Writer < b.Writer {
			return -1
		}
		return 1
	})
	return list, nil
}

// unchained counts the rows from before there were chains, and names those without a writer that came later.
func (v *verifying) unchained(ctx context.Context) error {
	const late = `(tx IS NOT NULL OR "timestamp" >= (SELECT min("timestamp") FROM audit.intents))`
	if err := v.tx.QueryRow(ctx, "SELECT count(*) FROM audit.events WHERE writer IS NULL AND NOT coalesce("+late+", false)").Scan(&v.done.Before); err != nil {
		return err
	}
	rows, err := v.tx.Query(ctx, `SELECT id::text, `+finiteTime+` FROM audit.events WHERE writer IS NULL AND `+late+` ORDER BY "timestamp", id`)
	if err != nil {
		return err
	}
	f := Finding{Kind: FoundInserted, Table: tableEvents, What: "it has no place in any chain, and came when there were chains"}
	_, err = pgx.ForEachRow(rows, []any{&f.ID, &f.Time}, func() error {
		v.found(f)
		return nil
	})
	return err
}

// finiteTime is a row's time as Go can hold it.
const finiteTime = `CASE WHEN isfinite("timestamp") THEN "timestamp" ELSE '0001-01-01 00:00:00+00' END`

// orphans names the events that close an intent which is not there. The two lie in the same month, and are dropped together.
func (v *verifying) orphans(ctx context.Context) error {
	var since *time.Time
	if !v.Since.IsZero() {
		since = &v.Since
	}
	rows, err := v.tx.Query(ctx, `SELECT e.id::text, `+finiteTime+`, e.writer, e.seq FROM audit.events e
		WHERE e.kind = 'writes' AND e.writer IS NOT NULL AND NOT coalesce(e.details ? 'noted', false) AND ($1::timestamptz IS NULL OR e."timestamp" >= $1)
		AND NOT EXISTS (SELECT FROM audit.intents i WHERE i.id = e.id AND i."timestamp" = e."timestamp") ORDER BY e.writer, e.seq`, since)
	if err != nil {
		return err
	}
	f := Finding{Kind: FoundOrphan, Table: tableEvents, What: "it closes an intent that is not there"}
	var many bunch
	_, err = pgx.ForEachRow(rows, []any{&f.ID, &f.Time, &f.Writer, &f.First}, func() error {
		f.Last = f.First
		var missing []string
		for _, m := range v.missing {
			if m.Family == tableIntents && !m.Month.After(f.Time) && m.Month.AddDate(0, 1, 0).After(f.Time) {
				missing = []string{m.part()}
			}
		}
		if !many.add(f, 1, missing) {
			many.tell(v.found, manyOrphans)
			many.add(f, 1, missing)
		}
		return nil
	})
	many.tell(v.found, manyOrphans)
	return err
}
