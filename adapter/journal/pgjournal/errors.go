package pgjournal

import (
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

var (
	errStandby = errors.New("the server only takes reads: it is a standby")
	errBusy    = errors.New("all connections to the journal's database are in use")
	// errTaken is that a row has the place of another, or is there already.
	errTaken = errors.New("there is an entry under this id")
	// errLost is that a commit was not answered.
	errLost = errors.New("the answer to a commit was lost")
)

// away is the one error for a journal that cannot be used; the cause is for the log.
func away(cause error) error {
	return &backends.Error{Kind: journal.ErrAway, Cause: cause}
}

// translate is what a caller hears of an error of the server.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*backends.Error](err); ok {
		return e
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		return away(err)
	case answer.Code == "42501":
		return &backends.Error{Kind: journal.ErrDenied, Detail: "The role of the journal's database may not do this.", Cause: err}
	case oneRow(err):
		return &backends.Error{Kind: backends.ErrInvalid, Detail: "The journal cannot hold this entry.", Cause: err}
	}
	return away(err)
}

// oneRow says that an error is the fault of a single row, and others of its batch may do without it.
func oneRow(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch class := answer.Code[:min(2, len(answer.Code))]; class {
	case "22", "54": // a value that does not fit, or is too large
		return true
	case "23": // a constraint; a month for which no table has been made is the database's fault
		return answer.Code != "23514" || answer.ConstraintName != ""
	}
	return false
}

// taken says that a row is there already.
func taken(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code == "23505"
}

// hiddenFrom says that the role may not read or do something.
func hiddenFrom(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code == "42501"
}

// unprepared says that the server has lost what was prepared on a connection, as with DISCARD ALL or a pooler in between.
func unprepared(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code == "26000"
}

// gone says that an error is the end of a connection.
func gone(conn *pgxpool.Conn, err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return conn.Conn().IsClosed() || ok && slices.Contains([]string{"57P01", "57P02", "57P03", "57P05", "25006"}, answer.Code) || errors.Is(err, errStandby)
}

// undone says of a failed transaction that certainly nothing of it happened: the server itself said no, and went on, or it was never sent.
func undone(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return pgconn.SafeToRetry(err)
	}
	severity := answer.SeverityUnlocalized
	if severity == "" {
		severity = answer.Severity
	}
	return !strings.EqualFold(severity, "FATAL") && !strings.EqualFold(severity, "PANIC")
}
