package pgjournal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A table that somebody has dropped is thousands of findings. Those of one kind that lie close together, or that the same missing table explains, are told one by one
// while they are few; of more, the range and how many.
const (
	fewFindings = 20
	closeBy     = 3 // numbers of a chain: intents and events come by turns
)

// bunch gathers findings of one kind and writer.
type bunch struct {
	list    []Finding // while they are few
	count   int64     // of rows
	n       int
	whole   Finding
	missing []string // tables
}

// add takes a finding about so many rows. False: it is not of this bunch, which is to be told first.
func (b *bunch) add(f Finding, rows int64, missing []string) bool {
	same := len(missing) > 0 && slices.Equal(b.missing, missing)
	if b.n > 0 && (b.whole.Writer != f.Writer || !same && (f.First-b.whole.Last > closeBy || !slices.Equal(b.missing, missing))) {
		return false
	}
	if b.n == 0 {
		b.whole, b.missing = Finding{Kind: f.Kind, Writer: f.Writer, First: f.First}, missing
	}
	if b.n < fewFindings {
		b.list = append(b.list, f)
	}
	b.n, b.count, b.whole.Last = b.n+1, b.count+rows, f.Last
	return true
}

// tell hands on what was gathered; what, with %d for the number of rows, is said of many.
func (b *bunch) tell(found func(Finding), what string) {
	because := ""
	switch len(b.missing) {
	case 0:
	case 1:
		because = "; there is no table audit." + b.missing[0]
	default:
		because = "; there are no tables audit." + strings.Join(b.missing, ", audit.")
	}
	if b.n > fewFindings {
		b.whole.What = fmt.Sprintf(what, b.count) + because
		b.list = []Finding{b.whole}
	} else {
		for i := range b.list {
			b.list[i].What += because
		}
	}
	for _, f := range b.list {
		found(f)
	}
	*b = bunch{}
}

// What is said of many.
const (
	manyRemoved   = "%d of these rows are gone"
	manyDestroyed = "the values of %d of these rows cannot be read: their keys are gone or were changed, and no event says so"
	manyOrphans   = "%d of these events close intents that are not there"
)

// families are the tables that are cut by months, with the rows of chains or their keys.
var families = []string{"intents", "events_writes", "events_reads", "events_refusals", "keys_writes", "keys_reads", "keys_refusals"}

// readMissing finds the months for which there is a table of some of the families and not of others, and no anchor that says that it was dropped.
func readMissing(ctx context.Context, tx pgx.Tx) ([]month, error) {
	rows, err := tx.Query(ctx, partsSQL, families)
	if err != nil {
		return nil, err
	}
	parts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[month])
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	rows, err = tx.Query(ctx, "SELECT DISTINCT kind, month FROM audit.anchors")
	if err != nil {
		return nil, err
	}
	dropped, err := pgx.CollectRows(rows, pgx.RowToStructByPos[month])
	if err != nil {
		return nil, err
	}
	var missing []month
	for at := parts[0].Month; !at.After(parts[len(parts)-1].Month); at = at.AddDate(0, 1, 0) {
		for _, family := range families {
			m := month{family, at}
			same := func(o month) bool { return o.Family == m.Family && o.Month.Equal(m.Month) }
			if !slices.ContainsFunc(parts, same) && !slices.ContainsFunc(dropped, func(o month) bool { return o.Family == kindOfFamily(family) && o.Month.Equal(at) }) {
				missing = append(missing, m)
			}
		}
	}
	return missing, nil
}

// kindOfFamily is the kind whose months go together with those of a table.
func kindOfFamily(family string) string {
	if _, kind, ok := strings.Cut(family, "_"); ok {
		return kind
	}
	return kindWrites
}

// missingBetween names the tables of rows that are missing for the months between two times, of which the first may not be known.
func (v *verifying) missingBetween(from, to time.Time) (names []string) {
	if from.IsZero() {
		from = to
	}
	for _, m := range v.missing {
		if !strings.HasPrefix(m.Family, "keys_") && m.Month.AddDate(0, 1, 0).After(from) && !m.Month.After(to) {
			names = append(names, m.part())
		}
	}
	return names
}

// missingKeys names the table in which the keys of a row should be, where it is missing.
func (v *verifying) missingKeys(r stored) []string {
	kind := r.kind
	if r.table == tableIntents {
		kind = kindWrites
	}
	for _, m := range v.missing {
		if m.Family == "keys_"+kind && !m.Month.After(r.time) && m.Month.AddDate(0, 1, 0).After(r.time) {
			return []string{m.part()}
		}
	}
	return nil
}
