package pgjournal

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// month is a month of one of the tables that are cut by months.
type month struct {
	Family string
	Month  time.Time
}

// part is the name of its table.
func (m month) part() string { return m.Family + m.Month.Format("_2006_01") }

// wantedMonths are those for which there is no table yet: this one, some ahead, and those of which rows lie in the part for times without one.
func wantedMonths(ctx context.Context, conn querier) ([]month, error) {
	rows, err := conn.Query(ctx, "SELECT family::text, month FROM audit.wanted_months($1)", monthsAhead)
	if err != nil {
		return nil, fmt.Errorf("asking which months have no table: %w", err)
	}
	wanted, err := pgx.CollectRows(rows, pgx.RowToStructByPos[month])
	if err != nil {
		return nil, fmt.Errorf("asking which months have no table: %w", err)
	}
	return wanted, nil
}

// makeMonths makes their tables, each in a transaction of its own, and says what was done.
func makeMonths(ctx context.Context, conn *pgx.Conn, say func(string)) error {
	wanted, err := wantedMonths(ctx, conn)
	if err != nil {
		return err
	}
	for _, m := range wanted {
		if err := makeMonth(ctx, conn, m, say); err != nil {
			return err
		}
	}
	return nil
}

func makeMonth(ctx context.Context, conn *pgx.Conn, m month, say func(string)) error {
	err := patiently(ctx, conn, func(tx pgx.Tx) error {
		var moved *int64 // NULL: somebody else was quicker
		if err := tx.QueryRow(ctx, "SELECT audit.make_month($1::text::regclass, $2)", m.Family, m.Month).Scan(&moved); err != nil {
			return err
		}
		switch {
		case moved != nil && *moved > 0:
			say(fmt.Sprintf("%s is made, %d rows moved into it", m.part(), *moved))
		case moved != nil:
			say(m.part() + " is made")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("making %s: %w", m.part(), err)
	}
	return nil
}
