package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends"
)

// grace is how much later than the server's own the adapter's time for a statement ends, so that the server says first that it is over.
const grace = time.Second

var (
	errLate   = &backends.Error{Kind: backends.ErrUnavailable, Detail: "The database did not answer in time."}
	errBusy   = &backends.Error{Kind: backends.ErrUnavailable, Detail: "All connections to the database are in use."}
	errEnough = errors.New("no more rows are wanted")
)

// read makes a statement and runs it, in a transaction of its own that knows its tenant. each gets every row. A connection that turns out to be dead, and
// a catalog that turns out to be of yesterday, are made good once, unless rows have been seen already.
func (d *Directory) read(ctx context.Context, c *class, build func(s *shape, st *statement) error, each func(pgx.Rows) error) error {
	return d.reading(ctx, c, reading{limit: d.cfg.Timeout}, build, each)
}

// reading is how a statement is run.
type reading struct {
	limit  time.Duration // 0: it may take as long as it wants to, as long as rows keep coming
	search bool          // it has a condition of its caller's, and so max_scan_rows is for it
	much   bool          // its caller could ask for less: it has such a condition, or an order
}

// reading is read with a choice of how.
func (d *Directory) reading(ctx context.Context, c *class, how reading, build func(s *shape, st *statement) error, each func(pgx.Rows) error) error {
	for try, renewed := 1, false; ; try++ {
		s, err := c.shape(ctx)
		if err != nil {
			return err
		}
		if how.search && d.cfg.MaxScanRows > 0 {
			if err := c.admitSearch(ctx, s, build); err != nil {
				return err
			}
		}
		st := &statement{}
		if err := build(s, st); err != nil {
			return err
		}
		seen := false
		err = d.withConn(ctx, s, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
			err := d.run(ctx, conn, c.tenant, how.limit, st, func(rows pgx.Rows) error {
				seen = true
				return each(rows)
			})
			return seen, err
		})
		switch {
		case err == nil || seen:
			return unread(err, how.much)
		case outdated(err) && !renewed:
			c.forgetAll()
			renewed = true
		case !inTheWay(err) || try >= tries || !rested(ctx, try):
			return unread(err, how.much)
		}
	}
}

// rested waits a moment before what others got in the way of is tried again; false: nobody waits for it any more.
func rested(ctx context.Context, try int) bool {
	pause := time.Duration(try*10) * time.Millisecond
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // nobody is to guess it
		return true
	}
}

// outdated says that a statement names what the database does not have (any more), or has otherwise.
func outdated(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch answer.Code {
	case "42703", "42P01", "42804", "42883", "3F000": // no such column, table; another type; no such operator, schema
		return true
	}
	return stalePlan(answer)
}

// withConn does something on a connection, and once more on a fresh one when the first turns out to be dead and begun is false. Its error is translated; s
// may be nil.
func (d *Directory) withConn(ctx context.Context, s *shape, do func(context.Context, *pgxpool.Conn) (begun bool, err error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(d.life, func() { cancel(errClosed) })()
	for again := false; ; again = true {
		conn, err := d.acquire(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, errBusy) {
				d.lost.Add(1) // the server is away, and may be another when it is back
			}
			return d.failed(ctx, err, s)
		}
		begun, err := do(ctx, conn)
		if !begun && unprepared(err) && conn.Conn().DeallocateAll(ctx) == nil {
			unsettle(conn.Conn())
			begun, err = do(ctx, conn)
		}
		dead := err != nil && ctx.Err() == nil && gone(conn, err)
		if dead {
			d.dead()
		}
		mixed := mixedUp(err)
		if mixed {
			d.prepareNothing()
		}
		conn.Release()
		if !dead && !mixed || begun || again {
			return d.failed(ctx, err, s)
		}
	}
}

// acquire takes a connection from the pool, or makes one.
func (d *Directory) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	pool, err := d.connections()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d.cfg.ConnectionTimeout+grace, errBusy)
	defer cancel()
	conn, err := pool.Acquire(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, errors.Join(context.Cause(ctx), err)
	}
	return conn, err
}

// unprepared says that the server has lost what was prepared on a connection, as with DISCARD ALL or a pooler in between: all of it is prepared anew.
func unprepared(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code == codeNoPreparedStmt
}

// mixedUp says that what is prepared on a connection is another's: a pooler in between gives each transaction one of the server's connections, and those have
// what others have prepared there, and lack what was prepared elsewhere.
func mixedUp(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (answer.Code == codePreparedTwice || answer.Code == codeNoPreparedStmt)
}

// gone says that an error is the end of the connection, and neither a fault of what was asked nor this side's own doing. A server that only reads may have
// been the primary: where url says that it wants one, the next connection finds it.
func gone(conn *pgxpool.Conn, err error) bool {
	_, own := errors.AsType[*backends.Error](err)
	_, here := errors.AsType[*illegibleError](err)
	if own || here || errors.Is(err, errEnough) {
		return false
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch answer.Code {
		case "57P01", "57P02", "57P03", "57P05", codeReadOnly: // the server stops, crashed, starts; it lay idle for too long; it was no standby before
			return true
		}
	}
	return conn.Conn().IsClosed()
}

// dead tells everybody that a connection is: those that lie idle are as old, and are not waited for one by one. What the catalog said may have changed
// meanwhile.
func (d *Directory) dead() {
	d.lost.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pool != nil {
		d.pool.Reset()
	}
}

// failed is translate for what may also have been given up on this side.
func (d *Directory) failed(ctx context.Context, err error, s *shape) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		if e, ok := errors.AsType[*backends.Error](cause); ok {
			return &backends.Error{Kind: e.Kind, Detail: e.Detail, Cause: err}
		}
		return d.translate(errors.Join(cause, err), s)
	}
	return d.translate(err, s)
}

// run sends a statement, in one round trip, after a word on whose request it is: the two are one transaction.
func (d *Directory) run(ctx context.Context, conn *pgxpool.Conn, tenant string, limit time.Duration, st *statement, each func(pgx.Rows) error) error {
	patience := d.cfg.Timeout
	if limit > 0 {
		patience = limit + grace
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	late := time.AfterFunc(patience, func() { stop(errLate) })
	defer late.Stop()
	batch := &pgx.Batch{}
	d.introduce(batch, conn.Conn(), tenant, limit)
	batch.Queue(st.String(), st.args...)
	results := conn.SendBatch(ctx, batch)
	err := func() error {
		if _, err := results.Exec(); err != nil {
			return err
		}
		rows, err := results.Query()
		if err != nil {
			return err
		}
		for rows.Next() {
			if limit == 0 {
				late.Stop() // the time that each takes is not the server's
			}
			if err := each(rows); err != nil {
				leave(rows, func() { stop(errEnough) })
				return err
			}
			if limit == 0 {
				late.Reset(patience)
			}
		}
		rows.Close()
		return rows.Err()
	}()
	if closed := results.Close(); err == nil {
		err = closed
	}
	if errors.Is(context.Cause(ctx), errLate) {
		return &backends.Error{Kind: errLate.Kind, Detail: errLate.Detail, Cause: err}
	}
	return err
}

// leave ends a statement of which no more rows are wanted. A small rest is read, so that its connection is of use to others; a large one is not: it ends.
func leave(rows pgx.Rows, end func()) {
	defer time.AfterFunc(restTime, end).Stop()
	for n := 0; rows.Next(); n++ {
		if n == pageful {
			end()
		}
	}
}

// restTime is for how long the rest of a statement is read that nobody wants.
const restTime = 50 * time.Millisecond

// sessionSQL tells the database, for one transaction, whose request it is (row-level security asks), and how long a statement may take: a little less where
// it waits for a lock, so that waiting can be told from working. Statements are not compiled: what is asked of documents looks costly to the planner, and
// compiling it takes longer than a hundred such answers. How bytes in arrays are shown is said here, too, for poolers do not take that from whoever connects.
const sessionSQL = "SELECT set_config($1, $2, true), set_config('statement_timeout', $3, true), set_config('lock_timeout', ($3::bigint * 9 / 10)::text, true), " +
	"set_config('jit', 'off', true), set_config('bytea_output', 'hex', true)"

// tenantSQL is sessionSQL where a connection was told the rest when it was made.
const tenantSQL = "SELECT set_config($1, $2, true)"

// settleSQL tells a connection for all its transactions what sessionSQL would tell each, if it leads to the server itself: a pooler, which gives each transaction
// another connection of those that many share, has numbers of its own for the processes.
const settleSQL = "SELECT CASE WHEN pg_backend_pid() = $1::bigint THEN set_config('statement_timeout', $2, false) || set_config('lock_timeout', ($2::bigint * 9 / 10)::text, false) || " +
	"set_config('jit', 'off', false) || set_config('bytea_output', 'hex', false) END IS NOT NULL"

// settledMark is what a connection has in its CustomData that was settled.
const settledMark = "settled"

// settle is for each new connection.
func (d *Directory) settle(ctx context.Context, conn *pgx.Conn) error {
	settled := false
	pid := strconv.FormatUint(uint64(conn.PgConn().PID()), 10)
	if err := conn.QueryRow(ctx, settleSQL, pgx.QueryExecModeExec, pid, milliseconds(d.cfg.Timeout)).Scan(&settled); err != nil {
		return err
	}
	conn.PgConn().CustomData()[settledMark] = settled
	return nil
}

// unsettle says of a connection that the server has forgotten what it was told.
func unsettle(conn *pgx.Conn) { delete(conn.PgConn().CustomData(), settledMark) }

// introduce begins a batch, which is one transaction, with a word on whose request it is, and how long each statement may take.
func (d *Directory) introduce(batch *pgx.Batch, conn *pgx.Conn, tenant string, limit time.Duration) {
	if settled, _ := conn.PgConn().CustomData()[settledMark].(bool); settled && limit == d.cfg.Timeout {
		batch.Queue(tenantSQL, d.cfg.TenantSetting, tenant)
		return
	}
	batch.Queue(sessionSQL, d.cfg.TenantSetting, tenant, milliseconds(limit))
}

// milliseconds are a time as statement_timeout has it; 0: no limit.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
