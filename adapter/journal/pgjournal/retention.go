package pgjournal

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// lockPatience is how long a change of tables waits for those who read: whoever comes after it waits for both.
	lockPatience = "2s"
	attempts     = 10
)

// patiently runs a transaction that locks whole tables. It does not wait long for a lock, and tries again a little later.
func patiently(ctx context.Context, conn *pgx.Conn, do func(pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SELECT set_config('lock_timeout', $1, true)", lockPatience); err != nil {
				return err
			}
			return do(tx)
		})
		answer, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || try == attempts || answer.Code != "55P03" && answer.Code != "40P01" {
			return err
		}
		select {
		case <-time.After(time.Duration(try) * 100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
