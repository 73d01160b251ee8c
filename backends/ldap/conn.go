package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// connectLimit bounds the making of a connection when the time-out of operations is longer: a server that comes back must be noticed, and
// an unanswered SYN is only repeated after 1, 3 and 7 seconds.
const connectLimit = 3 * time.Second

// conn is one bound LDAP connection. Many operations may run on it at once. When it is in doubt it is never used again.
type conn struct {
	ldap *goldap.Conn
	sock *socket
	ops  sync.WaitGroup // operations whose callers may have gone

	mu      sync.Mutex
	active  int  // operations under way
	retired bool // takes no new operation, and is closed when the last one ends
	closed  bool // nothing is begun on it any more, so that the last operation can be waited for
	used    time.Time
}

// socket is a net.Conn whose writes have a deadline, which go-ldap does not give them: its one writing goroutine would hang for ever on a
// peer that does not read, and with it every operation of the connection.
type socket struct {
	net.Conn
	timeout time.Duration
}

func (s *socket) Write(b []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(b)
	if err != nil {
		_ = s.Close() // half a message went out: nothing after it would be understood
	}
	return n, err
}

// dialer makes connections.
type dialer struct {
	at       address
	tls      *tls.Config // for ldaps and StartTLS
	startTLS bool
	bindDN   string
	password func() string
	timeout  time.Duration
}

// dial connects, encrypts and binds, or leaves nothing behind.
func (d *dialer) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, min(d.timeout, connectLimit))
	defer cancel()
	raw, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, d.at.network, d.at.addr)
	if err != nil {
		return nil, err
	}
	sock := &socket{Conn: raw, timeout: d.timeout}
	// go-ldap's StartTLS and Bind know no context: closing the socket is what ends them.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	lc, err := d.establish(ctx, sock)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = raw.Close()
		if lc != nil {
			_ = lc.Close()
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, fmt.Errorf("%w: %w", cause, err)
		}
		return nil, err
	}
	return &conn{ldap: lc, sock: sock, used: time.Now()}, nil
}

func (d *dialer) establish(ctx context.Context, sock *socket) (*goldap.Conn, error) {
	var wire net.Conn = sock
	if d.at.tls {
		encrypted := tls.Client(sock, d.tls)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		wire = encrypted
	}
	lc := goldap.NewConn(wire, d.at.tls)
	lc.Start()
	if d.startTLS {
		if err := lc.StartTLS(d.tls); err != nil {
			return lc, fmt.Errorf("StartTLS: %w", err)
		}
	}
	if d.bindDN == "" {
		return lc, nil
	}
	// A bind without a password would succeed as nobody (RFC 4513 §5.1.2). Validate has refused it; this is the last door.
	password := d.password()
	if password == "" {
		return lc, errors.New("the bind password is empty")
	}
	if err := lc.Bind(d.bindDN, password); err != nil {
		return lc, &bindError{err}
	}
	return lc, nil
}

// bindError says that the server was there and would not have us. Asking again soon could lock the account.
type bindError struct{ error }

func (e *bindError) Unwrap() error { return e.error }

// run does one operation and gives it up when ctx is done; the operation's goroutine then ends with the connection at the latest.
func run[T any](ctx context.Context, c *conn, op func(context.Context, *goldap.Conn) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	begun := c.spawn(func() {
		value, err := op(ctx, c.ldap)
		done <- outcome{value, err}
	})
	if !begun {
		var none T
		return none, errNotSent
	}
	select {
	case out := <-done:
		return out.value, out.err
	case <-ctx.Done():
		select {
		case out := <-done: // both at once: the answer counts
			return out.value, out.err
		default:
		}
		var none T
		return none, context.Cause(ctx)
	}
}

// errNotSent is what go-ldap says too of an operation on a connection that was closed before; see notSent.
var errNotSent = goldap.NewError(goldap.ErrorNetwork, errors.New("ldap: connection closed"))

// spawn starts an operation's goroutine; false when the connection is closed, and somebody may be waiting for the last of them to end.
func (c *conn) spawn(op func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.ops.Go(op)
	return true
}

// alive says that the connection may be given another operation.
func (c *conn) alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.retired && !c.ldap.IsClosing()
}

func (c *conn) load() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active
}

// begin counts an operation in; false when the connection takes no more. idle is how long it had nothing to do.
func (c *conn) begin(now time.Time) (idle time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired || c.ldap.IsClosing() {
		return 0, false
	}
	if c.active == 0 {
		idle = now.Sub(c.used)
	}
	c.active++
	return idle, true
}

// end counts an operation out.
func (c *conn) end(now time.Time) {
	c.mu.Lock()
	c.active--
	c.used = now
	last := c.retired && c.active == 0
	c.mu.Unlock()
	if last {
		c.close()
	}
}

// retire lets the operations under way finish and takes no new ones.
func (c *conn) retire() {
	c.mu.Lock()
	c.retired = true
	last := c.active == 0
	c.mu.Unlock()
	if last {
		c.close()
	}
}

// close ends the connection and everything on it. The socket goes first: go-ldap's own Close waits for its goroutines, which may be
// blocked on it.
func (c *conn) close() {
	c.mu.Lock()
	c.retired, c.closed = true, true
	c.mu.Unlock()
	_ = c.sock.Close()
	_ = c.ldap.Close()
}
