package pgjournal

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

var signing = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

const day = 24 * time.Hour

// maintenance is Maintain for a test, at a time; said are its words.
func (g *ground) maintain(at time.Time, kept configs.Retention, changes ...func(*Maintenance)) (said []string, err error) {
	g.t.Helper()
	m := Maintenance{
		Database: configs.NewSecret(g.role("scim_owner")), Retention: kept, Now: func() time.Time { return at }, Say: func(line string) { said = append(said, line) },
		Sign: func(message []byte) (string, []byte, error) { return "test", ed25519.Sign(signing, message), nil },
	}
	for _, c := range changes {
		c(&m)
	}
	return said, Maintain(context.Background(), m)
}

// month of a test: writes, reads and refusals of one process, one after the other, two at the seam to the next month.
func (g *ground) write(j *Journal, at time.Time, n int) {
	g.t.Helper()
	for i := range n {
		when := at.Add(time.Duration(i) * time.Minute)
		in := change(func(in *journal.Intent) { in.Time, in.Deadline = when, when.Add(time.Minute) })
		must(g.t, j.Begin(g.t.Context(), in))
		for _, action := range []string{journal.ActionRead, journal.ActionDeny} {
			note := change(func(in *journal.Intent) { in.Time, in.Action, in.Steps, in.Noted = when, action, nil, true })
			must(g.t, j.Note(g.t.Context(), note, done()))
		}
		must(g.t, j.Finish(g.t.Context(), in.ID, done()))
	}
}

// holds fails unless rows and anchors of a writer are one chain of this many numbers, from 1, each anchor signed and joined on both sides. It gives how many rows there are.
func (g *ground) holds(writer string, numbers int64) (rows int) {
	g.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, g.db.Admin)
	must(g.t, err)
	defer func() { _ = conn.Close(ctx) }()
	found, err := conn.Query(ctx, `SELECT writer, seq, tab, digest, link FROM (SELECT writer, seq, 'intents' AS tab, digest, link FROM audit.intents
		UNION ALL SELECT writer, seq, 'events', digest, link FROM audit.events) AS r WHERE writer = $1 ORDER BY seq`, writer)
	must(g.t, err)
	list, err := pgx.CollectRows(found, pgx.RowToStructByPos[chained])
	must(g.t, err)
	anchors, err := Anchors(ctx, conn, writer)
	must(g.t, err)
	last, link := int64(0), make([]byte, sha256.Size)
	for len(list) > 0 || len(anchors) > 0 {
		switch {
		case len(anchors) > 0 && anchors[0].First == last+1:
			a := anchors[0]
			anchors = anchors[1:]
			if !ed25519.Verify(signing.Public().(ed25519.PublicKey), a.Message(), a.Signature) || a.KeyID != "test" { //nolint:forcetypeassert // it is one
				g.t.Errorf("the anchor of %d to %d is not signed", a.First, a.Last)
			}
			if !slices.Equal(a.Before, link) {
				g.t.Errorf("the anchor of %d to %d does not follow", a.First, a.Last)
			}
			last, link = a.Last, a.LastLink
		case len(list) > 0 && list[0].Seq == last+1:
			if !follows(link, list[0]) {
				g.t.Errorf("row %d does not follow", list[0].Seq)
			}
			rows++
			last, link = list[0].Seq, list[0].Link
			list = list[1:]
		default:
			g.t.Fatalf("behind %d something is missing: %d rows and %d anchors are left", last, len(list), len(anchors))
		}
	}
	if last != numbers {
		g.t.Errorf("%d numbers, not %d", last, numbers)
	}
	return rows
}

var november = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestEachKindIsKeptForItsTime(t *testing.T) {
	g := newGround(t)
	j := g.open()
	g.write(j, time.Date(2026, 8, 31, 23, 58, 0, 0, time.UTC), 4) // two in August, two in September
	g.write(j, time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC), 2)
	pgtest.Exec(t, g.db.Admin, `INSERT INTO audit.events (resource_type, action, "timestamp") VALUES ('User', 'create', '2026-08-01')`) // the guide's: of no writer
	kept := configs.Retention{Writes: 60 * day, Reads: 30 * day, Refusals: 0}
	said, err := g.maintain(november, kept)
	must(t, err)
	text := strings.Join(said, "\n")
	for _, want := range []string{"intents_2026_08, keys_writes_2026_08 dropped", "events_reads_2026_08, keys_reads_2026_08 dropped", "events_reads_2026_09, keys_reads_2026_09 dropped"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	const left = `SELECT string_agg(line, ', ' ORDER BY line) FROM (SELECT kind || to_char("timestamp", ' MM ') || count(*) AS line FROM audit.events GROUP BY kind, to_char("timestamp", ' MM ')
		UNION ALL SELECT 'intents' || to_char("timestamp", ' MM ') || count(*) FROM audit.intents GROUP BY to_char("timestamp", ' MM ')) AS l`
	want := "intents 09 2, intents 10 2, reads 10 2, refusals 08 2, refusals 09 2, refusals 10 2, writes 09 2, writes 10 2"
	if got := g.ask(left); got != want {
		t.Errorf("left are %s", got)
	}
	if got := g.ask("SELECT string_agg(kind || ' ' || n, ', ' ORDER BY kind) FROM (SELECT kind, count(*) AS n FROM audit.keys GROUP BY kind) AS k"); got != "reads 2, refusals 6, writes 4" {
		t.Errorf("keys are left: %s", got)
	}
	if rows := g.holds(j.Writer(), 24); rows != 16 {
		t.Errorf("%d rows", rows)
	}
	if said, err := g.maintain(november, kept); err != nil || len(said) > 0 {
		t.Errorf("at once again it says %q, %v", said, err)
	}
	_, err = g.maintain(november.AddDate(1, 0, 0), configs.Retention{Writes: 60 * day, Reads: 30 * day, Refusals: 90 * day})
	must(t, err)
	if rows := g.holds(j.Writer(), 24); rows != 0 {
		t.Errorf("%d rows are left", rows)
	}
	if got := g.ask("SELECT concat_ws(' ', min(first_seq), max(last_seq), sum(last_seq - first_seq + 1)) FROM audit.anchors"); got != "1 24 24" {
		t.Errorf("the anchors are over %s", got)
	}
}

func TestWhatMaintainWouldDoIsSaidAndNotDone(t *testing.T) {
	g := newGround(t)
	j := g.open()
	g.write(j, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 1)
	migrate(t, g.db.Admin)
	pgtest.Exec(t, g.db.Admin, `INSERT INTO audit.events (resource_type, action, "timestamp") VALUES ('User', 'create', '2025-01-01')`)
	said, err := g.maintain(november, configs.Retention{Writes: 60 * day}, func(m *Maintenance) { m.DryRun = true })
	must(t, err)
	if want := []string{"audit.events_writes_2025_01 would be made", "events_writes_2026_03, intents_2026_03, keys_writes_2026_03 would be dropped"}; !slices.Equal(said, want) {
		t.Errorf("it says %q", said)
	}
	if rows := g.holds(j.Writer(), 4); rows != 4 || g.ask("SELECT count(*)::text FROM audit.events_default") != "1" {
		t.Errorf("%d rows are left", rows)
	}
}

func TestAMonthThatSomebodyHasAlteredIsKept(t *testing.T) {
	g := newGround(t)
	const doubled = `INSERT INTO audit.%[1]s SELECT gen_random_uuid(), tenant_id, user_id, resource_type, resource_id, action, details, ip_address, user_agent, "timestamp", writer, seq, digest, link,
		deadline FROM audit.%[1]s WHERE seq = 3`
	cases := []struct{ sql, want string }{ // intents are rows 1 and 3, events 2 and 4
		{"DELETE FROM audit.%s WHERE seq = 3", "row 4 of writer %s in events_writes_2026_01 or intents_2026_01 comes after one that is gone"},
		{"DELETE FROM audit.%s WHERE seq = 1", "row 2 of writer %s in events_writes_2026_02 or intents_2026_02 comes after one that is gone"},
		{"UPDATE audit.%s SET digest = '\\x00' WHERE seq = 3", "row 3 of writer %s in events_writes_2026_03 or intents_2026_03 does not fit to the one before"},
		{"UPDATE audit.%s SET link = '\\x00' WHERE seq = 1", "row 2 of writer %s in events_writes_2026_04 or intents_2026_04 does not fit to the one before"},
		{doubled, "row 3 of writer %s in events_writes_2026_05 or intents_2026_05 is there twice"},
		{"DELETE FROM audit.%s WHERE false", ""},
	}
	writers := make([]*Journal, len(cases))
	for i := range cases {
		writers[i] = g.open()
		for range 2 {
			at := time.Date(2026, time.Month(i+1), 1, 0, 0, 0, 0, time.UTC)
			in := change(func(in *journal.Intent) { in.Time, in.Deadline = at, at.Add(time.Minute) })
			must(t, writers[i].Begin(t.Context(), in))
			must(t, writers[i].Finish(t.Context(), in.ID, done()))
		}
	}
	migrate(t, g.db.Admin)
	for i, c := range cases {
		part := fmt.Sprintf("intents_2026_%02d", i+1)
		pgtest.Exec(t, g.db.Admin, "ALTER TABLE audit."+part+" DISABLE TRIGGER USER; "+fmt.Sprintf(c.sql, part)+"; ALTER TABLE audit."+part+" ENABLE TRIGGER USER")
	}
	_, err := g.maintain(november, configs.Retention{Writes: 60 * day})
	broken, ok := errors.AsType[*BrokenError](err)
	if !ok || !slices.Equal(broken.Parts, []string{"events_writes_2026_01", "intents_2026_01"}) {
		t.Fatalf("it says %v", err)
	}
	for i, c := range cases {
		if want := fmt.Sprintf(c.want, writers[i].Writer()); c.want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
	if got := g.ask("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ '^intents_2026_0.$'"); got != "intents_2026_01 intents_2026_02 intents_2026_03 intents_2026_04 intents_2026_05" {
		t.Errorf("there are still %s", got)
	}
	if got := g.ask("SELECT string_agg(concat_ws(' ', writer, first_seq, last_seq), ', ') FROM audit.anchors"); got != writers[5].Writer()+" 1 4" {
		t.Errorf("there are anchors of %s", got)
	}
}

func TestWithoutAKeyNothingIsDropped(t *testing.T) {
	g := newGround(t)
	g.write(g.open(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 1)
	for name, sign := range map[string]func([]byte) (string, []byte, error){"none": nil, "broken": func([]byte) (string, []byte, error) { return "", nil, errSealed }} {
		if _, err := g.maintain(november, configs.Retention{Writes: 60 * day}, func(m *Maintenance) { m.Sign = sign }); err == nil || !strings.Contains(err.Error(), "sign") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := g.ask("SELECT concat_ws(' ', count(*), (SELECT count(*) FROM audit.anchors)) FROM audit.intents_2026_03"); got != "1 0" {
		t.Errorf("rows and anchors: %s", got)
	}
}

func TestMaintainIsForOneAtATimeAndForWhoMay(t *testing.T) {
	g := newGround(t)
	conn, err := pgx.Connect(t.Context(), g.db.Admin)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "SELECT pg_advisory_lock($1)", migrationLock)
	must(t, err)
	if said, err := g.maintain(november, configs.Retention{}); err != nil || !slices.Equal(said, []string{"somebody else is at it"}) {
		t.Errorf("%q, %v", said, err)
	}
	_, err = g.maintain(november, configs.Retention{}, func(m *Maintenance) { m.Database = configs.NewSecret(g.url) })
	if lacks, ok := errors.AsType[*LackedRights](err); !ok || !strings.Contains(lacks.Error(), "GRANT scim_owner TO scim_test_") {
		t.Errorf("who may not hears %v", err)
	}
}

func TestWhatTheGuardCountedAndCheckpointsGoAsWell(t *testing.T) {
	g := newGround(t)
	pgtest.Exec(t, g.db.Admin, `INSERT INTO audit.guard_uses (tenant_id, kind, client, amount, "timestamp", intent_id) SELECT 'a', 'delete', 'c', 1, at, gen_random_uuid() FROM unnest('{2026-08-31,2026-09-30}'::timestamptz[]) AS at`,
		`INSERT INTO audit.checkpoints (writer, seq, link, time, key_id, signature) SELECT 'w', 1, '\x00', at, 'k', '\x00' FROM unnest('{2026-03-01,2026-08-01,2026-09-30}'::timestamptz[]) AS at`)
	if _, err := g.maintain(november, configs.Retention{Writes: 60 * day, Reads: 30 * day}); err != nil {
		t.Error(err)
	}
	if got := g.ask(`SELECT concat_ws(' ', (SELECT count(*) FROM audit.guard_uses), (SELECT count(*) FROM audit.checkpoints))`); got != "1 3" {
		t.Errorf("uses and checkpoints while refusals are kept for ever: %s", got)
	}
	if _, err := g.maintain(november, configs.Retention{Writes: 60 * day, Reads: 30 * day, Refusals: 90 * day}); err != nil {
		t.Error(err)
	}
	if got := g.ask(`SELECT string_agg(to_char(time, 'MM'), ' ' ORDER BY time) FROM audit.checkpoints`); got != "08 09" {
		t.Errorf("checkpoints of %s are left", got)
	}
}

func TestThousandsOfRowsBetweenOthersLeaveOneChain(t *testing.T) {
	g := newGround(t)
	const numbers = 2*rowsAtOnce + 200 // every second is a read
	var seqs []int64
	var kinds, actions []string
	var digests, links [][]byte
	link := make([]byte, sha256.Size)
	for seq := int64(1); seq <= numbers; seq++ {
		digest := sha256.Sum256(fmt.Append(nil, seq))
		link = next(link, "w", seq, tableEvents, digest[:])
		kind, action := kindWrites, journal.ActionPatch
		if seq%2 == 0 {
			kind, action = kindReads, journal.ActionRead
		}
		seqs, kinds, actions, digests, links = append(seqs, seq), append(kinds, kind), append(actions, action), append(digests, digest[:]), append(links, link)
	}
	conn, err := pgx.Connect(t.Context(), g.db.Admin)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), `INSERT INTO audit.events (resource_type, kind, action, "timestamp", writer, seq, digest, link)
		SELECT 'User', kind, action, '2026-03-01'::timestamptz + seq * interval '1 s', 'w', seq, digest, link
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS r (seq, kind, action, digest, link)`, seqs, kinds, actions, digests, links)
	must(t, err)
	_, err = g.maintain(november, configs.Retention{Reads: 30 * day})
	must(t, err)
	if rows := g.holds("w", numbers); rows != numbers/2 {
		t.Errorf("%d rows are left", rows)
	}
	if got := g.ask("SELECT count(*)::text FROM audit.anchors"); got != fmt.Sprint(numbers/2) {
		t.Errorf("%s anchors", got)
	}
	_, err = g.maintain(november, configs.Retention{Writes: 30 * day})
	must(t, err)
	if rows := g.holds("w", numbers); rows != 0 {
		t.Errorf("%d rows are left", rows)
	}
}

func TestAMonthIsDroppedWhenWhoReadsItIsThrough(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	g.write(g.open(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 1)
	migrate(t, g.db.Admin)
	conn, err := pgx.Connect(t.Context(), g.db.Admin)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "BEGIN; SELECT count(*) FROM audit.intents")
	must(t, err)
	ended := make(chan error)
	go func() {
		_, err := g.maintain(november, configs.Retention{Writes: 60 * day})
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(2500 * time.Millisecond): // longer than it waits at a time
	}
	_, err = conn.Exec(t.Context(), "COMMIT")
	must(t, err)
	must(t, <-ended)
	if got := g.ask("SELECT concat_ws(' ', count(*), (SELECT count(*) FROM audit.anchors)) FROM audit.intents"); got != "0 2" {
		t.Errorf("intents and anchors: %s", got)
	}
}
