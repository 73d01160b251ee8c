package ldap

import (
	"context"
	"errors"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"
)

// found is what a search found. limited says that the size limit, ours or the server's, cut it short.
type found struct {
	entries  []*goldap.Entry
	referred int // continuation references: parts of the tree that other servers hold
	controls []goldap.Control
	limited  bool
}

// search does one search and stops waiting for it when ctx is done. Entries that came before a size limit was met are kept.
func search(ctx context.Context, lc *goldap.Conn, req *goldap.SearchRequest) (found, error) {
	var f found
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := lc.SearchAsync(ctx, req, 64)
	for r.Next() {
		if e := r.Entry(); e != nil {
			f.entries = append(f.entries, e)
		}
		if r.Referral() != "" {
			f.referred++
		}
		f.controls = append(f.controls, r.Controls()...)
	}
	if cause := context.Cause(ctx); cause != nil {
		return f, cause // SearchAsync calls a search that was given up a success
	}
	err := r.Err()
	if err == nil && lc.IsClosing() {
		// SearchAsync calls a search a success that it did not send because the connection was closing: an empty list for a directory that
		// is away. A search that was answered in that very moment is asked again, which does no harm.
		return f, goldap.NewError(goldap.ErrorNetwork, errUnasked)
	}
	if goldap.IsErrorWithCode(err, goldap.LDAPResultSizeLimitExceeded) {
		f.limited = true
		return f, nil
	}
	return f, err
}

var errUnasked = errors.New("the connection closed before the search was answered")

// broken says that an operation failed because the connection did, not because the server refused it: its outcome is unknown.
func broken(err error) bool {
	if err == nil {
		return false
	}
	var answer *goldap.Error
	if !errors.As(err, &answer) {
		return true
	}
	// The codes from 200 on are go-ldap's own. A filter that does not compile was never sent.
	return answer.ResultCode >= goldap.ErrorNetwork && answer.ResultCode != goldap.ErrorFilterCompile
}

// notSent says that go-ldap refused to send because the connection was closed already: nothing happened. It has no other sign than its text,
// which a test holds it to.
func notSent(err error) bool {
	var answer *goldap.Error
	return errors.As(err, &answer) && answer.ResultCode == goldap.ErrorNetwork && answer.Err != nil &&
		strings.HasSuffix(answer.Err.Error(), "ldap: connection closed")
}

// errLate is the cause when an operation took longer than `timeout`.
var errLate = errors.New("no answer within the time-out")

// read does an operation that changes nothing on a shared connection. When the connection breaks it is tried again on another one, as often
// as there may be shared ones: after a restart of the server each of them is dead, and none knows.
func read[T any](ctx context.Context, d *Directory, op func(context.Context, *goldap.Conn) (T, error)) (T, error) {
	var none T
	for tries := 0; ; tries++ {
		c, err := d.pool.acquire(ctx)
		if err != nil {
			return none, d.away(ctx, err)
		}
		value, err := readOn(ctx, d, c, op)
		c.end(d.now())
		switch {
		case err == nil:
			return value, nil
		case ctx.Err() != nil || errors.Is(err, errLate):
			return none, d.away(ctx, err)
		case !broken(err):
			return none, translate(err)
		case tries == d.pool.size:
			return none, d.away(ctx, err)
		}
	}
}

// readOn does one operation on c under the time-out. A connection that broke is closed; one that did not answer takes no new operation, but
// those that others have on it may finish.
func readOn[T any](ctx context.Context, d *Directory, c *conn, op func(context.Context, *goldap.Conn) (T, error)) (T, error) {
	limited, cancel := context.WithTimeoutCause(ctx, d.cfg.Timeout, errLate)
	defer cancel()
	value, err := run(limited, c, op)
	switch {
	case err == nil:
	case ctx.Err() != nil: // the caller left; the connection is well
	case limited.Err() != nil:
		c.retire()
	case broken(err):
		c.close()
	}
	return value, err
}

// doubt is the error of a write whose outcome is not known.
type doubt struct{ cause error }

func (e *doubt) Error() string { return "outcome unknown: " + e.cause.Error() }
func (e *doubt) Unwrap() error { return e.cause }

// change does an operation that writes. When its answer does not come, because of the time-out, the caller's context or the connection, the
// connection is closed, so that the server may give it up too, and the error is a *doubt.
func change[T any](ctx context.Context, d *Directory, op func(context.Context, *goldap.Conn) (T, error)) (T, error) {
	var none T
	for again := false; ; again = true {
		c, err := d.pool.acquire(ctx)
		if err != nil {
			return none, d.away(ctx, err)
		}
		limited, cancel := context.WithTimeoutCause(ctx, d.cfg.Timeout, errLate)
		value, err := run(limited, c, op)
		late := limited.Err() != nil
		cancel()
		inDoubt := err != nil && (broken(err) || (late && !answered(err)))
		if inDoubt {
			c.close()
		}
		c.end(d.now())
		switch {
		case err == nil:
			return value, nil
		case !inDoubt:
			return value, translate(err)
		case notSent(err) && !again:
		default:
			return none, &doubt{err}
		}
	}
}

// answered says that the server itself said no.
func answered(err error) bool {
	var answer *goldap.Error
	return errors.As(err, &answer) && !broken(err)
}

// failed is the error of an operation that read.
func (d *Directory) failed(ctx context.Context, err error) error {
	if answered(err) {
		return translate(err)
	}
	return d.away(ctx, err)
}
