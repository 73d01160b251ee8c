package pgjournal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// pages is a cursor that is read a page at a time.
type pages[T any] struct {
	tx    pgx.Tx
	name  string
	scan  func(pgx.CollectableRow) (T, error)
	list  []T
	ended bool
}

// peek is the next one; nil when there is none any more.
func (p *pages[T]) peek(ctx context.Context) (*T, error) {
	if len(p.list) == 0 && !p.ended {
		rows, err := p.tx.Query(ctx, fmt.Sprintf("FETCH %d FROM %s", pageful, p.name))
		if err != nil {
			return nil, err
		}
		if p.list, err = pgx.CollectRows(rows, p.scan); err != nil {
			return nil, err
		}
		p.ended = len(p.list) < pageful
	}
	if len(p.list) == 0 {
		return nil, nil //nolint:nilnil // no more is an answer
	}
	return &p.list[0], nil
}

func (p *pages[T]) pop() T {
	first := p.list[0]
	p.list = p.list[1:]
	return first
}

// stored is a row as it stands in the database.
type stored struct {
	row
	odd    string // why it cannot be what was written, where the row cannot hold it
	wanted []byte // the digest that its columns have
	sealed bool   // it has values that are sealed
	opens  bool   // with one of its keys
	keys   int    // that it has
}

// sound says that its columns are those of its digest.
func (s stored) sound() bool { return s.odd == "" && bytes.Equal(s.wanted, s.digest) }

// The columns of a row with a place in a chain; the table says which is the last.
const storedColumns = `SELECT id, coalesce(tenant_id, ''), coalesce(user_id, ''), resource_type, coalesce(resource_id, ''), action, details, coalesce(ip_address::text, ''),
	coalesce(user_agent, ''), "timestamp", writer, seq, digest, link,
	ARRAY(SELECT k.key FROM audit.keys k WHERE k.entry_id = r.id AND k."timestamp" = r."timestamp" AND k.kind = %s), `

func scanStored(table string) func(pgx.CollectableRow) (stored, error) {
	return func(r pgx.CollectableRow) (stored, error) {
		s := stored{row: row{table: table}}
		var id pgUUID
		var address string
		var at, deadline pgtype.Timestamptz
		var keys [][]byte
		into := []any{
			&id, &s.tenant, &s.user, &s.resourceType, &s.resourceID, &s.action, &s.details, &address, &s.userAgent, &at, &s.writer, &s.seq, &s.digest, &s.link, &keys, &deadline,
		}
		if table == tableEvents {
			into[len(into)-1] = &s.kind
		}
		if err := r.Scan(into...); err != nil {
			return s, err
		}
		s.id, s.time, s.deadline = uuid.UUID(id), finite(at, &s.odd), finite(deadline, &s.odd)
		if address != "" {
			prefix, err := netip.ParsePrefix(address)
			if err != nil || !prefix.IsSingleIP() {
				s.odd = "its address is a network"
			}
			s.address = prefix.Addr()
		}
		var err error
		if s.wanted, err = digestOf(s.row); err != nil {
			s.odd = "its details cannot be read"
		}
		s.try(keys)
		s.details = nil // it is long
		return s, nil
	}
}

// try looks whether one of the keys opens what is sealed. Of a row that is not what was written it says nothing.
func (s *stored) try(keys [][]byte) {
	var d struct {
		Sealed []byte `json:"sealed"`
	}
	if !s.sound() || json.Unmarshal(s.details, &d) != nil {
		return
	}
	s.sealed, s.keys = d.Sealed != nil, len(keys)
	for _, key := range keys {
		_, err := open(key, d.Sealed, s.about())
		s.opens = s.opens || err == nil
	}
}

func finite(t pgtype.Timestamptz, odd *string) time.Time {
	if t.Valid && t.InfinityModifier != pgtype.Finite {
		*odd = "its time is no time"
		return time.Time{}
	}
	return t.Time.UTC()
}

// chainPages are what is known of the chain of a writer, each in the order of its numbers.
type chainPages struct {
	intents, events pages[stored]
	anchors         pages[Anchor]
	checkpoints     pages[Checkpoint]
}

// openChain declares the cursors of a writer.
func openChain(ctx context.Context, tx pgx.Tx, s start) (*chainPages, error) {
	b := &pgx.Batch{}
	declare := func(name, query string) {
		b.Queue("DECLARE "+name+" NO SCROLL CURSOR FOR "+query, s.Writer, s.Seq)
	}
	// Below the first number there is nothing that was written; what somebody put there is found from the beginning.
	const these = " WHERE writer = $1 AND (seq >= $2 OR $2 <= 1) ORDER BY "
	declare("v_intents", fmt.Sprintf(storedColumns, "'writes'")+"deadline FROM audit.intents r"+these+"seq")
	declare("v_events", fmt.Sprintf(storedColumns, "r.kind")+"kind FROM audit.events r"+these+"seq")
	declare("v_anchors", "SELECT writer, first_seq, last_seq, link_before, first_link, last_link, kind, month, dropped, key_id, signature FROM audit.anchors"+
		" WHERE writer = $1 AND last_seq >= $2 ORDER BY first_seq")
	declare("v_checkpoints", "SELECT writer, seq, link, time, final, key_id, signature FROM audit.checkpoints"+these+"seq, time")
	p := &chainPages{
		intents: pages[stored]{tx: tx, name: "v_intents", scan: scanStored(tableIntents)}, events: pages[stored]{tx: tx, name: "v_events", scan: scanStored(tableEvents)},
		anchors: pages[Anchor]{tx: tx, name: "v_anchors", scan: pgx.RowToStructByPos[Anchor]}, checkpoints: pages[Checkpoint]{tx: tx, name: "v_checkpoints", scan: pgx.RowToStructByPos[Checkpoint]},
	}
	return p, tx.SendBatch(ctx, b).Close()
}

func closeChain(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "CLOSE ALL")
	return err
}

// rows are those with the lowest number that is left: one, unless somebody has added others. None: there are no more.
func (p *chainPages) rows(ctx context.Context) ([]stored, error) {
	var group []stored
	for _, list := range []*pages[stored]{&p.intents, &p.events} {
		first, err := list.peek(ctx)
		if err != nil {
			return nil, err
		}
		if first != nil && (len(group) == 0 || first.seq < group[0].seq) {
			group = []stored{*first}
		}
	}
	if len(group) == 0 {
		return nil, nil
	}
	seq := group[0].seq
	group = nil
	for _, list := range []*pages[stored]{&p.intents, &p.events} {
		for {
			first, err := list.peek(ctx)
			if err != nil {
				return nil, err
			}
			if first == nil || first.seq != seq {
				break
			}
			group = append(group, list.pop())
		}
	}
	return group, nil
}
