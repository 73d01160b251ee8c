package ldap

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

const (
	// staleAfter is how long a connection may have been idle before it is asked whether it still works. A firewall that forgot it says
	// nothing, and the next operation would wait for its whole time-out.
	staleAfter = time.Minute
	// probeLimit bounds that question.
	probeLimit = 2 * time.Second
	// streamsPerShared bounds the walks: so many times the shared connections may walk at once.
	streamsPerShared = 16
	// growPause is how long to be content with the connections there are, when the server would not give another.
	growPause = 5 * time.Second
	// refusedPause is how long not to bind again after the server refused it: asking faster may lock the account.
	refusedPause = 30 * time.Second
)

var errClosed = errors.New("the directory is closed here")

// pool keeps the connections of one directory: a few shared ones on which short operations are multiplexed, and one for each walk, because
// RFC 2696 cursors belong to a connection on some servers and a slow reader must hold up nobody else.
//
// While the server is away (no shared connection and the last attempt failed) every operation fails at once, and one goroutine tries
// again with growing pauses of at most a second.
type pool struct {
	connect func(ctx context.Context, first bool) (*conn, error) // first: none of the shared ones lives, look at the server anew
	size    int
	timeout time.Duration
	log     *slog.Logger
	now     func() time.Time

	life context.Context // ends with close
	stop context.CancelFunc
	wg   sync.WaitGroup // attempts and probes

	mu      sync.Mutex
	shared  []*conn
	idle    []*conn // of walks that ended
	lent    []*conn // to walks
	attempt *attempt
	away    error // why there is no server; nil: there is, or nobody has looked
	since   time.Time
	noMore  time.Time // do not grow before
	refusal error     // why the last bind for a walk was refused
	noWalks time.Time // and before when not to try again
	streams chan struct{}
	closed  bool
}

// attempt is one try to connect, which many may wait for.
type attempt struct {
	done chan struct{}
	err  error
}

func newPool(size int, timeout time.Duration, log *slog.Logger, now func() time.Time, connect func(context.Context, bool) (*conn, error)) *pool {
	life, stop := context.WithCancel(context.Background())
	return &pool{
		connect: connect, size: size, timeout: timeout, log: log, now: now,
		life: life, stop: stop, streams: make(chan struct{}, size*streamsPerShared),
	}
}

// acquire gives a shared connection; the caller calls end on it. It waits for a connection that is being made, as long as ctx lets it.
func (p *pool) acquire(ctx context.Context) (*conn, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		c, wait, err := p.pick()
		switch {
		case err != nil:
			return nil, err
		case c != nil:
			if idle, ok := c.begin(p.now()); ok {
				if idle < staleAfter || p.probe(ctx, c) {
					return c, nil
				}
				c.end(p.now())
			}
			continue
		}
		select {
		case <-wait.done:
			if wait.err != nil {
				return nil, wait.err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// pick gives the least busy shared connection, or an attempt to wait for.
func (p *pool) pick() (*conn, *attempt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errClosed
	}
	p.shared = slices.DeleteFunc(p.shared, func(c *conn) bool { return !c.alive() })
	var best *conn
	least := 0
	for _, c := range p.shared {
		if load := c.load(); best == nil || load < least {
			best, least = c, load
		}
	}
	switch {
	case best == nil && p.away != nil:
		return nil, nil, p.away
	case best == nil:
		return nil, p.try(), nil
	case least > 0 && len(p.shared) < p.size && p.now().After(p.noMore):
		p.try() // one more for those who come after
	}
	return best, nil, nil
}

// try starts an attempt to make a shared connection, unless one is under way. p.mu is held.
func (p *pool) try() *attempt {
	if p.attempt != nil {
		return p.attempt
	}
	a := &attempt{done: make(chan struct{})}
	p.attempt = a
	first := len(p.shared) == 0
	p.wg.Go(func() {
		c, err := p.connect(p.life, first)
		p.settle(a, c, err)
	})
	return a
}

// settle records what came of an attempt and tells those who wait.
func (p *pool) settle(a *attempt, c *conn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempt = nil
	switch {
	case err != nil && len(p.shared) > 0:
		p.noMore = p.now().Add(pauseAfter(err, growPause))
	case err != nil:
		p.lose(err)
	case p.closed:
		err = errClosed
		c.close()
	default:
		p.shared = append(p.shared, c)
		p.found()
	}
	a.err = err
	close(a.done)
}

// lose notes that the server is away, says so once, and starts asking for it. p.mu is held.
func (p *pool) lose(err error) {
	if p.closed {
		return
	}
	said := p.away != nil
	p.away = err
	if said {
		return
	}
	p.since = p.now()
	p.log.Warn("directory is away, will keep trying", "error", err)
	p.wg.Go(func() {
		p.seek()
	})
}

// found notes that the server is there. p.mu is held.
func (p *pool) found() {
	if p.away != nil {
		p.log.Info("directory is back", "after", p.now().Sub(p.since).Round(time.Millisecond))
	}
	p.away, p.refusal, p.noWalks = nil, nil, time.Time{}
}

// seek tries until the server is back.
func (p *pool) seek() {
	pause := 100 * time.Millisecond
	for {
		p.mu.Lock()
		away := p.away
		p.mu.Unlock()
		if away == nil {
			return
		}
		wait := pauseAfter(away, pause-rand.N(pause/5)) // not to the same beat as other replicas
		select {
		case <-p.life.Done():
			return
		case <-time.After(wait):
		}
		pause = min(pause*3/2, time.Second)
		p.mu.Lock()
		a := p.try()
		p.mu.Unlock()
		<-a.done
	}
}

// pauseAfter is refusedPause if the server was there and would not have us, else the usual pause.
func pauseAfter(err error, usual time.Duration) time.Duration {
	var refused *bindError
	if errors.As(err, &refused) && !unavailable(refused) {
		return refusedPause
	}
	return usual
}

// unavailable says that a refusal is about the server's state and not about us.
func unavailable(err error) bool {
	return broken(err) || goldap.IsErrorAnyOf(err, goldap.LDAPResultBusy, goldap.LDAPResultUnavailable, goldap.LDAPResultOther)
}

// probe asks a connection that was idle for long whether it still works.
func (p *pool) probe(ctx context.Context, c *conn) bool {
	ctx, cancel := context.WithTimeout(ctx, min(probeLimit, p.timeout))
	defer cancel()
	_, err := run(ctx, c, func(ctx context.Context, lc *goldap.Conn) (struct{}, error) {
		_, err := search(ctx, lc, rootSearch("1.1"))
		return struct{}{}, err
	})
	if err != nil {
		c.retire()
		return false
	}
	return true
}

// stream gives a connection that is the caller's own until giveBack.
func (p *pool) stream(ctx context.Context) (*conn, error) {
	select {
	case p.streams <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-p.life.Done():
		return nil, errClosed
	}
	for {
		c, err := p.takeIdle()
		if err == nil && c == nil {
			c, err = p.dialStream(ctx)
		}
		if err != nil {
			<-p.streams
			return nil, err
		}
		idle, ok := c.begin(p.now())
		if ok && (idle < staleAfter || p.probe(ctx, c)) && p.lend(c) {
			return c, nil
		}
		if ok {
			c.end(p.now())
		}
		c.close()
	}
}

func (p *pool) takeIdle() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool { return !c.alive() })
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return c, nil
	}
	p.shared = slices.DeleteFunc(p.shared, func(c *conn) bool { return !c.alive() })
	if len(p.shared) == 0 && p.away != nil {
		return nil, p.away
	}
	return nil, nil
}

func (p *pool) dialStream(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	// Where no shared connection lives either, the directory may be another by now.
	refusal, quiet := p.refusal, p.now().Before(p.noWalks) && slices.ContainsFunc(p.shared, (*conn).alive)
	p.mu.Unlock()
	if quiet {
		return nil, refusal
	}
	c, err := p.connect(ctx, false)
	if err == nil {
		return c, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusal, p.noWalks = err, p.now().Add(pauseAfter(err, 0))
	if context.Cause(ctx) == nil && !slices.ContainsFunc(p.shared, (*conn).alive) {
		p.lose(err)
	}
	return nil, err
}

func (p *pool) lend(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.lent = append(p.lent, c)
	return true
}

// giveBack takes a walk's connection back; clean says that nothing of the walk is left on it.
func (p *pool) giveBack(c *conn, clean bool) {
	c.end(p.now())
	p.mu.Lock()
	p.lent = slices.DeleteFunc(p.lent, func(other *conn) bool { return other == c })
	keep := clean && !p.closed && c.alive() && len(p.idle) < p.size
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		c.close()
	}
	<-p.streams
}

// figures are the connections at work and the most there can be.
func (p *pool) figures() (active, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	active = len(p.lent)
	for _, c := range p.shared {
		if c.load() > 0 {
			active++
		}
	}
	return active, p.size + cap(p.streams)
}

// close ends everything and waits for it.
func (p *pool) close() {
	p.mu.Lock()
	already := p.closed
	p.closed = true
	all := slices.Concat(p.shared, p.idle, p.lent)
	p.shared, p.idle = nil, nil
	p.mu.Unlock()
	if already {
		return
	}
	p.stop()
	for _, c := range all {
		c.close()
		c.ops.Wait()
	}
	p.wg.Wait()
}
