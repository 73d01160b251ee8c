package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends"
)

const (
	// tries is how often a transaction is tried that others got in the way of.
	tries = 5
	// looks is how often a row that cannot be locked is looked at: somebody may have made it in between.
	looks = 3
	// beginSQL does not leave the level to what the role or the database is set up with: under READ COMMITTED a statement that has waited for another writer
	// of its row sees what that one wrote.
	beginSQL = "BEGIN ISOLATION LEVEL READ COMMITTED"
	// parting is how long a COMMIT that was sent is waited for when nobody waits for the operation any more.
	parting = time.Second
)

// transaction is one under way. It begins with the first statements that are sent, in their round trip.
type transaction struct {
	c     *class
	s     *shape
	conn  *pgxpool.Conn
	begun bool
}

// step is a statement of a transaction.
type step struct {
	st   *statement
	attr string                    // that a fault of the statement is blamed on when the database does not say better
	each func(rows pgx.Rows) error // gets every row; nil: there are none, or they do not matter
	done func(rows int64) error    // gets the number of rows that were written, or read
}

// transact does something in one transaction, which happens whole or not at all. What others got in the way of is done again from the start, so do must
// not keep anything of its first attempt. Until COMMIT is sent every failure means that nothing was changed. A COMMIT that is not answered is ErrUnknown.
func (d *Directory) transact(ctx context.Context, c *class, do func(ctx context.Context, tx *transaction) error) error {
	for try, renewed := 1, false; ; try++ {
		s, err := c.shape(ctx)
		if err != nil {
			return err
		}
		err = d.withConn(ctx, s, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
			tx := &transaction{c: c, s: s, conn: conn}
			err := do(ctx, tx)
			if err == nil {
				return true, tx.commit(ctx)
			}
			tx.rollback(ctx)
			return false, err
		})
		old := outdated(err) && !errors.Is(err, backends.ErrUnknown)
		early := errors.Is(err, errPolicy) && try < looks
		if !old && !early && !inTheWay(err) || old && renewed || try == tries || ctx.Err() != nil {
			return unwritten(err)
		}
		if old {
			c.forget()
			renewed = true
		}
		pause := time.Duration(try*10) * time.Millisecond
		select {
		case <-ctx.Done():
			return unwritten(err)
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // nobody is to guess it
		}
	}
}

// inTheWay says that the transaction may well succeed when it is done again, and that it has left nothing behind.
func inTheWay(err error) bool {
	if err == nil || errors.Is(err, backends.ErrUnknown) {
		return false
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (answer.Code == codeSerialization || answer.Code == codeDeadlock)
}

// unwritten: a time limit tells a reader that he asks for too much. A writer has waited for others, and nothing was changed.
func unwritten(err error) error {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || answer.Code != codeCancelled || !errors.Is(err, backends.ErrTooMany) {
		return err
	}
	return &backends.Error{Kind: backends.ErrUnavailable, Detail: "The database did not make the change in time, and nothing was changed.", Cause: err}
}

// run sends statements in one round trip. Each sees what those before it wrote, and what others have committed before it began.
func (tx *transaction) run(ctx context.Context, steps ...step) error {
	if len(steps) == 0 {
		return nil
	}
	d := tx.c.d
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	late := time.AfterFunc(d.cfg.Timeout+grace, func() { stop(errLate) })
	defer late.Stop()
	batch := &pgx.Batch{}
	first := 0
	if !tx.begun {
		batch.Queue(beginSQL)
		d.introduce(batch, tx.conn.Conn(), tx.c.tenant, d.cfg.Timeout)
		first, tx.begun = 2, true
	}
	for _, s := range steps {
		batch.Queue(s.st.String(), s.st.args...)
	}
	results := tx.conn.SendBatch(ctx, batch)
	err := func() error {
		for range first {
			if _, err := results.Exec(); err != nil {
				return err
			}
		}
		for _, s := range steps {
			if err := s.take(results); err != nil {
				return tx.blame(err, s.attr)
			}
			late.Reset(d.cfg.Timeout + grace)
		}
		return nil
	}()
	if closed := results.Close(); err == nil {
		err = closed
	}
	if errors.Is(context.Cause(ctx), errLate) {
		return &backends.Error{Kind: errLate.Kind, Detail: errLate.Detail, Cause: err}
	}
	return err
}

// take reads the answer to a statement.
func (s step) take(results pgx.BatchResults) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if s.each == nil {
			continue
		}
		if err := s.each(rows); err != nil {
			return err
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil || s.done == nil {
		return err
	}
	return s.done(rows.CommandTag().RowsAffected())
}

// blame gives what is the fault of a value the attribute that the statement was about, if it was about one only.
func (tx *transaction) blame(err error, attr string) error {
	if _, ok := errors.AsType[*pgconn.PgError](err); !ok {
		return err
	}
	said, ok := errors.AsType[*backends.Error](tx.c.d.translate(err, tx.s))
	if !ok || attr == "" || !errors.Is(said, backends.ErrInvalid) && !errors.Is(said, backends.ErrExists) {
		return err
	}
	said.Attr = attr
	return said
}

// commit ends the transaction. A caller who has left before has changed nothing; one who leaves meanwhile is not waited for for long.
func (tx *transaction) commit(ctx context.Context) error {
	if !tx.begun {
		return nil
	}
	if err := ctx.Err(); err != nil {
		tx.rollback(ctx)
		return err
	}
	asked, stop := context.WithTimeout(context.WithoutCancel(ctx), tx.c.d.cfg.Timeout+grace)
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(parting, stop) })()
	tag, err := tx.conn.Exec(asked, "COMMIT", pgx.QueryExecModeSimpleProtocol)
	switch {
	case err == nil && tag.String() == "COMMIT":
		return nil
	case err == nil:
		return &backends.Error{Kind: backends.ErrUnavailable, Detail: "The database took the change back, and nothing was changed."}
	case refused(err):
		return err
	}
	_ = tx.conn.Conn().Close(asked)
	tx.c.d.log.Warn("a write got no answer, and whether it was done is not known", "error", err)
	return &backends.Error{Kind: backends.ErrUnknown, Detail: "The database did not say whether it made the change.", Cause: err}
}

// refused says that the answer to COMMIT is that nothing was changed: a deferred constraint, say. When the server ends the connection, it may have
// committed before.
func refused(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.SeverityUnlocalized == "ERROR"
}

// rollback ends the transaction so that the connection can be used again. If it fails the connection is closed, which does the same.
func (tx *transaction) rollback(ctx context.Context) {
	if !tx.begun || tx.conn.Conn().IsClosed() {
		return
	}
	asked, stop := context.WithTimeout(context.WithoutCancel(ctx), parting)
	defer stop()
	if _, err := tx.conn.Exec(asked, "ROLLBACK", pgx.QueryExecModeSimpleProtocol); err != nil {
		_ = tx.conn.Conn().Close(asked)
	}
}
