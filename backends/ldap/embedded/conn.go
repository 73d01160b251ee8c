package embedded

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// conn is a client's connection. Requests run beside one another, but for bind and StartTLS, which wait until the others are done and let
// none begin (RFC 4511 §4.2.1, §4.14.1).
type conn struct {
	srv    *Server
	ctx    context.Context //nolint:containedctx // the connection's own life, which its requests share
	cancel context.CancelFunc
	ops    sync.WaitGroup

	mu      sync.Mutex // guards what follows
	net     net.Conn
	running map[int64]context.CancelFunc
	who     identity
	page    *pageState

	write sync.Mutex // one message at a time
}

// identity is who a connection is bound as; the zero value is nobody.
type identity struct {
	dn    string // as it was given
	ndn   string
	admin bool
}

func newConn(srv *Server, nc net.Conn) *conn {
	ctx, cancel := context.WithCancel(context.Background())
	return &conn{srv: srv, ctx: ctx, cancel: cancel, net: nc, running: map[int64]context.CancelFunc{}}
}

// drop ends the connection without a word.
func (c *conn) drop() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.net.Close() // there is nobody to tell
}

func (c *conn) identity() identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.who
}

// serve reads requests until the client goes, and returns when all of them have ended.
func (c *conn) serve() {
	defer c.ops.Wait()
	defer c.drop()
	in := bufio.NewReader(c.net)
	for {
		p, err := ber.ReadPacket(in)
		if err != nil {
			return
		}
		m, err := decodeMessage(p)
		if err != nil {
			c.send(disconnection(err))
			return
		}
		switch m.op.Tag {
		case tagUnbindRequest:
			return
		case tagAbandonRequest:
			c.abandon(m)
		case tagBindRequest:
			c.ops.Wait()
			c.abandonPage()
			c.handle(c.ctx, m)
		case tagExtendedRequest:
			if c.extended(m) {
				in = bufio.NewReader(c.net)
			}
		default:
			c.spawn(m)
		}
	}
}

// extended runs an extended request. StartTLS puts another stream below the connection, which the answer is the last thing to precede.
func (c *conn) extended(m message) (upgraded bool) {
	if oid, _ := extendedName(m.op); oid != oidStartTLS || c.srv.config.TLS == nil {
		c.spawn(m)
		return false
	}
	c.ops.Wait()
	if !c.handle(c.ctx, m) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.net = tls.Server(c.net, c.srv.config.TLS)
	return true
}

func (c *conn) encrypted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.net.(*tls.Conn)
	return ok
}

// disconnection is the notice that ends a session whose messages make no sense (RFC 4511 §4.4.1).
func disconnection(err error) []byte {
	return reply{result: resultOf(err), name: "1.3.6.1.4.1.1466.20036"}.encode(0, tagExtendedResponse)
}

func (c *conn) spawn(m message) {
	ctx, cancel := context.WithCancel(c.ctx)
	c.mu.Lock()
	c.running[m.id] = cancel
	c.mu.Unlock()
	c.ops.Go(func() {
		defer func() {
			cancel()
			c.mu.Lock()
			delete(c.running, m.id)
			c.mu.Unlock()
		}()
		c.handle(ctx, m)
	})
}

// abandon stops a request, which then has no answer.
func (c *conn) abandon(m message) {
	var id int64
	for _, b := range []byte(text(m.op)) {
		id = id<<8 | int64(b)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel, ok := c.running[id]; ok {
		cancel()
	}
}

// handle answers one request: through the gate, past the faults, to the operation. It says whether the request succeeded.
func (c *conn) handle(ctx context.Context, m message) bool {
	if !c.srv.gate.pass(ctx) {
		return false
	}
	tag, known := responseTags[m.op.Tag]
	if !known {
		c.send(disconnection(errMessage))
		c.drop()
		return false
	}
	fault, struck := c.srv.faults.take(func() Request { return requestOf(m) })
	m.unsorted = struck && fault.Unsorted
	var r reply
	if !struck || fault.After || !fault.decides() {
		if struck && !fault.After && !pause(ctx, fault.Delay) {
			return false
		}
		r = c.operate(ctx, m)
	}
	if struck && (fault.After || fault.decides()) && !c.strike(ctx, fault, &r) {
		return false
	}
	if ctx.Err() != nil {
		return false
	}
	c.send(r.encode(m.id, tag))
	return r.result.code == Success
}

// decides says whether a fault does more than delay.
func (f Fault) decides() bool { return f.Silent || f.Drop || f.Code != Success }

// strike does what a fault says; false means that there is no answer.
func (c *conn) strike(ctx context.Context, f Fault, r *reply) bool {
	if !pause(ctx, f.Delay) {
		return false
	}
	switch {
	case f.Silent:
		return false
	case f.Drop:
		c.drop()
		return false
	case f.Code != Success:
		*r = reply{result: resultError{code: f.Code, text: f.Message, referral: f.Referral}}
	}
	return true
}

// pause waits; false: the client went away first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// operate runs the operation itself.
func (c *conn) operate(ctx context.Context, m message) reply {
	var r reply
	var err error
	switch m.op.Tag {
	case tagBindRequest:
		err = c.bind(m)
	case tagSearchRequest:
		r, err = c.search(ctx, m)
	case tagCompareRequest:
		err = c.compare(m)
	case tagExtendedRequest:
		r, err = c.extend(m)
	default:
		r, err = c.change(m)
	}
	r.result = resultOf(err)
	return r
}

// sendTimeout bounds a write to a client that does not read.
const sendTimeout = 30 * time.Second

// send writes one or more whole messages. A failure shows when the connection is read next.
func (c *conn) send(b []byte) {
	c.mu.Lock()
	nc := c.net
	c.mu.Unlock()
	c.write.Lock()
	defer c.write.Unlock()
	_ = nc.SetWriteDeadline(time.Now().Add(sendTimeout)) // a closed connection says so below
	if _, err := nc.Write(b); err != nil {
		_ = nc.Close() // half a message may be out: nothing that follows could be read
	}
}

// requestOf describes a request to the faults. What cannot be read is left out.
func requestOf(m message) Request {
	r := Request{}
	child := func(i int) string {
		if i < len(m.op.Children) {
			return text(m.op.Children[i])
		}
		return ""
	}
	switch m.op.Tag {
	case tagBindRequest:
		r.Op, r.DN = Bind, child(1)
	case tagSearchRequest:
		r.Op, r.DN = Search, child(0)
		if len(m.op.Children) > 6 {
			r.Filter, _ = ldap.DecompileFilter(m.op.Children[6])
		}
		for _, control := range m.controls {
			if page, err := control.page(); control.oid == controlPaged && err == nil {
				r.Paged, r.Cookie = true, page.cookie != ""
			}
			r.Sorted = r.Sorted || control.oid == controlSort
		}
	case tagCompareRequest:
		r.Op, r.DN = Compare, child(0)
	case tagAddRequest:
		r.Op, r.DN = AddOp, child(0)
	case tagModifyRequest:
		r.Op, r.DN = Modify, child(0)
	case tagModifyDNRequest:
		r.Op, r.DN = ModifyDN, child(0)
	case tagDeleteRequest:
		r.Op, r.DN = Delete, text(m.op)
	case tagExtendedRequest:
		r.Op = Extended
	}
	return r
}
