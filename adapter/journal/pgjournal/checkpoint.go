package pgjournal

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Checkpoint says, signed, where the chain of a writer stood at a time.
type Checkpoint struct {
	Writer    string
	Seq       int64
	Link      []byte
	Time      time.Time
	Final     bool // the writer itself has closed its chain: nothing comes behind it
	KeyID     string
	Signature []byte

	logged bool // it was read from a log
	kept   bool // the database has a signature of as much already
}

// Message is what its signature is over.
func (c Checkpoint) Message() []byte {
	text, err := json.Marshal([]any{
		"scim-adapter checkpoint", c.Writer, c.Seq, hex.EncodeToString(c.Link), stamp(c.Time).Format(time.RFC3339Nano), c.Final,
	})
	if err != nil {
		panic(err) // texts and numbers
	}
	return text
}

// signing signs the heads of all chains now and then, and that of this process when nothing is written any more.
func (j *Journal) signing() {
	defer close(j.signed)
	if j.o.Sign == nil {
		return
	}
	s := newSigner(j)
	every := time.NewTicker(j.o.CheckpointInterval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			s.sign(j.life, false)
		case <-j.stopped:
			s.sign(j.life, true)
			return
		}
	}
}

// signer makes checkpoints. Each process signs and logs the heads of all writers, also of those that another has signed already: the log of one that goes on is then over
// what commands wrote (undo, restore, forget), which log nothing themselves, and over the chains of replicas. Only what the database has no signature of goes into it.
type signer struct {
	j       *Journal
	own     int64            // how far the chain of this process is signed
	others  map[string]int64 // how far those of others are signed by this process, of the writers that it saw the last time
	looks   int              // how often they were looked for from long ago on; firstLooks: no more
	failing bool
}

func newSigner(j *Journal) *signer { return &signer{j: j, others: map[string]int64{}} }

// firstLook is how long ago something may have been written of which nobody who goes on may have told: the first time, it is signed and logged too.
const (
	firstLook  = 62 * 24 * time.Hour
	firstLooks = 3 // until one has come to its end: none may keep the others from being signed
)

// headsSQL gives the heads of the other writers that have written since $1, and whether the database has a signature of as much. It walks the indexes from writer to writer,
// and reads one row of each.
const headsSQL = `WITH RECURSIVE w (writer) AS (
	SELECT ''
	UNION ALL
	SELECT (SELECT min(m.writer) FROM (
		(SELECT writer FROM audit.intents WHERE writer > w.writer AND "timestamp" >= $1 ORDER BY writer LIMIT 1) UNION ALL
		(SELECT writer FROM audit.events WHERE writer > w.writer AND "timestamp" >= $1 ORDER BY writer LIMIT 1)) AS m) FROM w WHERE w.writer IS NOT NULL
)
SELECT w.writer, h.seq, h.link, EXISTS (SELECT FROM audit.checkpoints c WHERE c.writer = w.writer AND c.seq >= h.seq) FROM w CROSS JOIN LATERAL (SELECT b.seq, b.link FROM (
		(SELECT seq, link FROM audit.intents i WHERE i.writer = w.writer AND "timestamp" >= $1 ORDER BY seq DESC LIMIT 1) UNION ALL
		(SELECT seq, link FROM audit.events e WHERE e.writer = w.writer AND "timestamp" >= $1 ORDER BY seq DESC LIMIT 1)) AS b ORDER BY b.seq DESC LIMIT 1) AS h
	WHERE w.writer <> $2`

const insertCheckpoint = "INSERT INTO audit.checkpoints (writer, seq, link, time, final, key_id, signature) VALUES ($1, $2, $3, $4, $5, $6, $7)"

// sign makes a checkpoint of each chain that has grown; final: the last one of this process. What fails is tried again the next time.
func (s *signer) sign(ctx context.Context, final bool) {
	made, err := s.make(ctx, final)
	log := s.j.o.Logger
	switch {
	case err != nil && !s.failing:
		log.Warn("the heads of the journal's chains could not be signed", "error", err)
	case err == nil && s.failing:
		log.Info("the heads of the journal's chains are signed again")
	}
	s.failing = err != nil
	for _, c := range made {
		// The same outside the database, for whoever asks whether the database still has it.
		log.Info(checkpointLine, "writer", c.Writer, "seq", c.Seq, "link", hex.EncodeToString(c.Link), "signed", c.Time.Format(time.RFC3339Nano), "final", c.Final,
			"key_id", c.KeyID, "signature", base64.StdEncoding.EncodeToString(c.Signature))
	}
}

func (s *signer) make(ctx context.Context, final bool) (made []Checkpoint, err error) {
	own, now := s.j.head(), stamp(s.j.o.Now())
	if final && own.seq == 0 { // it has only looked
		return nil, nil
	}
	var seen map[string]int64
	err = s.j.with(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		made = nil
		if own.seq > s.own || final {
			made = append(made, Checkpoint{Writer: s.j.o.Writer, Seq: own.seq, Link: own.link, Final: final})
		}
		heads, err := s.heads(ctx, conn, now)
		if err != nil {
			return err
		}
		seen = make(map[string]int64, len(heads))
		for _, c := range heads {
			if seen[c.Writer] = c.Seq; c.Seq > s.others[c.Writer] {
				made = append(made, c)
			}
		}
		if len(made) == 0 {
			return nil
		}
		b := &pgx.Batch{}
		for i := range made {
			c := &made[i]
			c.Time = now
			if c.KeyID, c.Signature, err = s.j.o.Sign(c.Message()); err != nil {
				return err
			}
			if !c.kept {
				b.Queue(insertCheckpoint, c.Writer, c.Seq, c.Link, c.Time, c.Final, c.KeyID, c.Signature)
			}
		}
		if b.Len() == 0 {
			return nil
		}
		return conn.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return nil, err
	}
	s.own, s.others, s.looks = own.seq, seen, firstLooks
	return made, nil
}

// heads are those of the other writers.
func (s *signer) heads(ctx context.Context, conn *pgxpool.Conn, now time.Time) ([]Checkpoint, error) {
	// Whoever has written nothing for a day, and nothing in this month, has been signed before.
	day := now.AddDate(0, 0, -1)
	since := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	if s.looks < firstLooks {
		s.looks++
		since = now.Add(-firstLook)
	}
	rows, err := conn.Query(ctx, headsSQL, since, s.j.o.Writer)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (c Checkpoint, err error) {
		return c, r.Scan(&c.Writer, &c.Seq, &c.Link, &c.kept)
	})
}
