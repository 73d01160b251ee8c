package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/configs"
)

// trial is a value of the configuration that a column gets, and where the configuration says it.
type trial struct {
	node   configs.Node
	column *column
	text   string
}

// try notes a value to be tried against its column's type.
func (t *tailor) try(node configs.Node, c *column, text string) {
	switch {
	case c.array:
		t.fault(node, "name a column of one value", "the column %s holds several values, and this is one", c.name)
	case c.length > 0 && utf8.RuneCountInString(text) > c.length && strings.TrimSpace(text) != tenantSlot:
		t.fault(node, "write a shorter one", "the column %s holds %d characters, and %q is longer", c.name, c.length, text)
	default:
		t.trials = append(t.trials, trial{node, c, text})
	}
}

// values has the server read the values of the configuration as the columns will have them. Mostly all are good, which is one question.
func (t *tailor) values(ctx context.Context, conn *pgx.Conn) error {
	read := func(trials []trial) error {
		st := (&statement{}).sql("SELECT ")
		for i, one := range trials {
			if i > 0 {
				st.sql(", ")
			}
			st.given(one.column, one.text, t.c.tenant)
		}
		_, err := conn.Exec(ctx, st.String(), st.args...)
		return err
	}
	if len(t.trials) == 0 {
		return nil
	}
	err := read(t.trials)
	if !unfit(err) {
		return err
	}
	for _, one := range t.trials {
		err := read([]trial{one})
		answer, _ := errors.AsType[*pgconn.PgError](err)
		switch {
		case unfit(err):
			t.fault(one.node, "write a value of the column's type", "the column %s is of the type %s, and cannot have %q: %s", one.column.name, one.column.typ, one.text, answer.Message)
		case err != nil:
			return err
		}
	}
	return nil
}

// unfit says that a value is none of the type that it should be of, or that the role may not look.
func unfit(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{"22P02", "22007", "22008", "22003", "22001", "42846", "42804", "42501"}, answer.Code)
}
