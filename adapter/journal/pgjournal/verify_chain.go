package pgjournal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// chainWalk goes along the chain of one writer, from number to number.
type chainWalk struct {
	v      *verifying
	p      *chainPages
	writer string
	logged []Checkpoint

	next int64 // the number that comes
	// links are what the link of the number before may be: one where all is well, several behind a row that is not what it should be, so that only the rows that are
	// wrong are named; none where it is not known.
	links [][]byte
	// last is the row before; its table is "" where there is none.
	last stored
	// spans are the number and link of what has just been passed, which a checkpoint may be over: one of a row, two of an anchor.
	spans []span
	// signed is the number up to which a checkpoint says that all is well; closed, behind which its writer said that nothing comes.
	signed, closed int64
	torn           bool // a checkpoint did not fit: those that follow do not either
	// inTable is the highest number that a checkpoint of the database is over, and logHead the last checkpoint of the log that is over a row which is there.
	inTable int64
	logHead Checkpoint

	removed, destroyed bunch
	strangers          map[string]*stranger // by the id of the key
}

// stranger is a key that is not known, and what it has signed.
type stranger struct {
	what        string // the first
	first, last int64
	n           int
}

type span struct {
	seq  int64
	link []byte
}

// chain verifies that of one writer.
func (v *verifying) chain(ctx context.Context, s start) error {
	p, err := openChain(ctx, v.tx, s)
	if err != nil {
		return err
	}
	w := &chainWalk{v: v, p: p, writer: s.Writer, next: s.Seq, signed: s.Seq - 1, strangers: map[string]*stranger{}}
	for _, c := range v.logged[s.Writer] {
		if c.Seq >= s.Seq {
			w.logged = append(w.logged, c)
		}
	}
	if err := w.enter(ctx, s.Seq); err != nil {
		return err
	}
	if err := w.walk(ctx); err != nil {
		return err
	}
	w.tell()
	return closeChain(ctx, v.tx)
}

// enter finds the link before the first number.
func (w *chainWalk) enter(ctx context.Context, first int64) error {
	if first == 1 {
		w.links = [][]byte{make([]byte, 32)}
		return nil
	}
	rows, err := w.v.tx.Query(ctx, beforeSQL, []string{w.writer}, []int64{first - 1})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var writer string
		var seq int64
		var link []byte
		if err := rows.Scan(&writer, &seq, &link); err != nil {
			return err
		}
		w.links = append(w.links, link)
	}
	return rows.Err()
}

func (w *chainWalk) walk(ctx context.Context) error {
	group, err := w.p.rows(ctx)
	if err != nil {
		return err
	}
	for {
		anchor, err := w.p.anchors.peek(ctx)
		if err != nil {
			return err
		}
		w.spans = w.spans[:0]
		switch {
		case anchor != nil && (len(group) == 0 || anchor.First <= group[0].seq):
			if err := w.reach(ctx, anchor.First, anchor.Month); err != nil {
				return err
			}
			w.bridge(w.p.anchors.pop())
		case len(group) > 0:
			if err := w.reach(ctx, group[0].seq, group[0].time); err != nil {
				return err
			}
			if err := w.rows(ctx, group); err != nil {
				return err
			}
			if group, err = w.p.rows(ctx); err != nil {
				return err
			}
		default:
			return w.end(ctx)
		}
		if err := w.hold(ctx); err != nil {
			return err
		}
	}
}

// tell hands on what was gathered.
func (w *chainWalk) tell() {
	w.removed.tell(w.v.found, manyRemoved)
	w.destroyed.tell(w.v.found, manyDestroyed)
}

// gather takes a finding that may be one of many.
func (w *chainWalk) gather(into *bunch, f Finding, rows int64, missing []string) {
	if !into.add(f, rows, missing) {
		w.tell()
		into.add(f, rows, missing)
	}
}

func (w *chainWalk) found(kind string, first, last int64, what string, args ...any) {
	w.tell()
	w.v.found(Finding{Kind: kind, Writer: w.writer, First: first, Last: last, What: fmt.Sprintf(what, args...)})
}

func (w *chainWalk) wrong(kind string, r stored, what string, args ...any) {
	w.tell()
	w.v.found(w.about(kind, r, fmt.Sprintf(what, args...)))
}

// about is a finding about a row.
func (w *chainWalk) about(kind string, r stored, what string) Finding {
	return Finding{Kind: kind, Writer: w.writer, First: r.seq, Last: r.seq, Table: r.table, ID: r.id.String(), Time: r.time, What: what}
}

// reach goes to a number, of something of that time: those between are gone. A checkpoint over the last of them has its link.
func (w *chainWalk) reach(ctx context.Context, seq int64, at time.Time) error {
	if seq <= w.next {
		return nil
	}
	f := Finding{Kind: FoundRemoved, Writer: w.writer, First: w.next, Last: seq - 1, What: "the row is gone"}
	if w.next < seq-1 {
		f.What = fmt.Sprintf("%d rows are gone", seq-w.next)
	}
	w.gather(&w.removed, f, seq-w.next, w.v.missingBetween(w.last.time, at))
	w.next, w.links, w.last = seq, nil, stored{}
	return w.checkpoints(ctx, func(c Checkpoint) {
		if c.Seq == seq-1 {
			w.links = [][]byte{c.Link}
		}
	})
}

// bridge takes an anchor for the rows that it stands for.
func (w *chainWalk) bridge(a Anchor) {
	w.v.done.Anchors++
	what := fmt.Sprintf("the anchor of %s of %s", a.Kind, a.Month.Format("2006-01"))
	w.signature(what, a.First, a.Last, a.KeyID, a.Message(), a.Signature)
	if a.First < w.next {
		w.found(FoundForged, a.First, a.Last, "%s stands for numbers that are there, or for which another stands", what)
		if a.Last < w.next {
			return
		}
	} else if len(w.links) > 0 && !w.known(a.Before) {
		w.found(FoundChanged, a.First, a.Last, "%s does not follow on what is before it", what)
	}
	w.spans = append(w.spans, span{a.First, a.FirstLink}, span{a.Last, a.LastLink})
	w.next, w.links, w.last = a.Last+1, [][]byte{a.LastLink}, stored{}
}

func (w *chainWalk) known(link []byte) bool {
	return slices.ContainsFunc(w.links, func(l []byte) bool { return bytes.Equal(l, link) })
}

// fits says that a row with this digest, and its link, follow on what is before.
func (w *chainWalk) fits(r stored, digest []byte) bool {
	return slices.ContainsFunc(w.links, func(l []byte) bool { return bytes.Equal(next(l, w.writer, r.seq, r.table, digest), r.link) })
}

// rows takes those that have the same number, of which one is in its place.
func (w *chainWalk) rows(ctx context.Context, group []stored) error {
	for _, r := range group {
		w.v.row(r.time)
	}
	if group[0].seq < w.next {
		for _, r := range group {
			w.wrong(FoundInserted, r, "nothing that was written and is kept has this number")
		}
		return nil
	}
	best := slices.IndexFunc(group, func(r stored) bool { return w.fits(r, r.digest) && r.sound() })
	for _, good := range []func(stored) bool{func(r stored) bool { return w.fits(r, r.digest) }, stored.sound} {
		if best < 0 {
			best = slices.IndexFunc(group, good)
		}
	}
	best = max(best, 0)
	for i, r := range group {
		if i != best {
			w.wrong(FoundInserted, r, "its number is that of %s %s", group[best].table, group[best].id)
		}
	}
	return w.row(ctx, group[best])
}

// mostLinks bounds how many links are tried for a row behind others that are wrong.
const mostLinks = 16

// row takes the row of the next number.
func (w *chainWalk) row(ctx context.Context, r stored) error {
	if w.closed > 0 && r.seq > w.closed {
		w.wrong(FoundInserted, r, "its writer had closed its chain with number %d", w.closed)
		w.next, w.links, w.last = r.seq+1, nil, r
		return nil
	}
	known := len(w.links) > 0
	switch {
	case !known && r.sound(), known && r.sound() && w.fits(r, r.digest):
		w.links = [][]byte{r.link}
	case !r.sound() && (!known || w.fits(r, r.digest)):
		w.wrong(FoundChanged, r, "%s", oddity(r))
		w.links = [][]byte{r.link}
	case r.odd == "" && w.fits(r, r.wanted):
		w.wrong(FoundChanged, r, "its digest is not that of its columns")
		w.links = [][]byte{r.link}
	default:
		if r.sound() {
			w.wrong(FoundInserted, r, "its link is not that of this place%s", w.orTheOther())
		} else {
			w.wrong(FoundChanged, r, "%s, nor is its link", oddity(r))
		}
		// The true link may be this one, or that which the row's digest has here.
		links := [][]byte{r.link}
		for _, l := range w.links {
			links = append(links, next(l, w.writer, r.seq, r.table, r.digest), l)
		}
		w.links = links[:min(len(links), mostLinks)]
	}
	w.spans = append(w.spans, span{r.seq, r.link})
	w.next, w.last = r.seq+1, r
	return w.values(ctx, r)
}

// values says what became of the values of a row that is what was written: they can be read, or their key was destroyed as the journal says.
func (w *chainWalk) values(ctx context.Context, r stored) error {
	if !r.sealed || r.opens {
		return nil
	}
	done, id := &w.v.done, r.resourceID
	if id == "" && len(w.v.erasures.whole) > 0 { // the intent of one that was made then: its event has the id
		err := w.v.tx.QueryRow(ctx, `SELECT coalesce(max(resource_id), '') FROM audit.events WHERE id = $1 AND "timestamp" = $2`, pgUUID(r.id), r.time).Scan(&id)
		if err != nil {
			return err
		}
	}
	switch {
	case w.v.erasures.has(r, id):
		done.Erased++
	case r.time.Before(w.v.erasures.told):
		done.Untold++
	case r.keys > 0:
		done.Destroyed++
		w.gather(&w.destroyed, w.about(FoundDestroyed, r, "what is sealed in it opens with no key that it has: its own was changed or destroyed, and no event says so"), 1, nil)
	default:
		done.Destroyed++
		w.gather(&w.destroyed, w.about(FoundDestroyed, r, "its values cannot be read: their key is gone, and no event says that it was destroyed"), 1, w.v.missingKeys(r))
	}
	return nil
}

// oddity is what can be said of columns that are not those of the digest.
func oddity(r stored) string { return cmp.Or(r.odd, "its columns are not those that were written") }

// orTheOther names the row before one that does not follow on it: it may be that which is wrong.
func (w *chainWalk) orTheOther() string {
	if w.last.table == "" {
		return ""
	}
	return fmt.Sprintf(": it, or number %d before it (%s %s), is not what was written there", w.last.seq, w.last.table, w.last.id)
}

// checkpoints takes those over numbers that have been passed. Of one whose signature is wrong nothing is believed.
func (w *chainWalk) checkpoints(ctx context.Context, take func(Checkpoint)) error {
	for {
		c, err := w.p.checkpoints.peek(ctx)
		if err != nil {
			return err
		}
		if c == nil || c.Seq >= w.next {
			break
		}
		w.v.done.Checkpoints++
		w.inTable = max(w.inTable, c.Seq)
		if w.signature(told(*c), c.Seq, c.Seq, c.KeyID, c.Message(), c.Signature) {
			take(*c)
		}
		w.p.checkpoints.pop()
	}
	for len(w.logged) > 0 && w.logged[0].Seq < w.next {
		c := w.logged[0]
		w.logged = w.logged[1:]
		if w.signature(told(c), c.Seq, c.Seq, c.KeyID, c.Message(), c.Signature) {
			take(c)
		}
	}
	return nil
}

func told(c Checkpoint) string {
	text := "the checkpoint of " + c.Time.UTC().Format(time.RFC3339)
	if c.logged {
		text += " in the log"
	}
	return text
}

// signature says whether one is good.
func (w *chainWalk) signature(what string, first, last int64, keyID string, message, signature []byte) bool {
	key, there := w.v.Keys[keyID]
	switch {
	case !there:
		if w.strangers[keyID] == nil {
			w.strangers[keyID] = &stranger{what: what, first: first}
		}
		s := w.strangers[keyID]
		s.first, s.last, s.n = min(s.first, first), max(s.last, last), s.n+1
	case !ed25519.Verify(key, message, signature):
		w.found(FoundForged, first, last, "%s has a signature that its key has not made", what)
	default:
		return true
	}
	return false
}

// hold compares the checkpoints over what has just been passed.
func (w *chainWalk) hold(ctx context.Context) error {
	return w.checkpoints(ctx, func(c Checkpoint) {
		if c.Final {
			w.closed = c.Seq
		}
		if len(w.spans) == 1 && w.spans[0].seq == c.Seq && c.logged {
			w.logHead = c
		}
		for _, s := range w.spans {
			switch {
			case s.seq != c.Seq:
			case bytes.Equal(s.link, c.Link):
				w.signed, w.torn = c.Seq, false
			case !w.torn:
				w.torn = true
				w.found(FoundChanged, w.signed+1, c.Seq, "%s has another link for number %d: what stands there now is not what was written", told(c), c.Seq)
			}
		}
	})
}

// end names what signatures know of, and is not there, and signatures of which nobody knows whose they are.
func (w *chainWalk) end(ctx context.Context) error {
	first := w.next
	w.v.done.Unsigned += max(0, first-1-w.signed)
	w.next = math.MaxInt64
	var beyond *Checkpoint
	err := w.checkpoints(ctx, func(c Checkpoint) {
		if c.Seq >= first && (beyond == nil || c.Seq > beyond.Seq) {
			beyond = &c
		}
	})
	if err != nil {
		return err
	}
	if beyond != nil {
		w.found(FoundCut, first, beyond.Seq, "the end of the chain is gone: %s is over number %d", told(*beyond), beyond.Seq)
	}
	// Who logs a checkpoint has put it into the database before, and there it is kept as long as any row that it is over.
	if w.logHead.Seq > w.inTable {
		w.found(FoundRemoved, w.logHead.Seq, w.logHead.Seq, "the database has no checkpoint over this number any more, and %s is", told(w.logHead))
	}
	for _, id := range slices.Sorted(maps.Keys(w.strangers)) {
		s := w.strangers[id]
		if s.n > 1 {
			s.what += fmt.Sprintf(", and %d more,", s.n-1)
		}
		w.found(FoundUnknownKey, s.first, s.last, "%s: signed with the key %q, which is not known here (--public-key names further ones). It may be that of a process with a key of its own; "+
			"until it is known, nothing tells these rows from others that somebody wrote in their place", s.what, id)
	}
	return nil
}
