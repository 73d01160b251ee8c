package ldap

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
	"github.com/scim-adapter/scim-adapter/configs"
)

// Directory is one LDAP server with its connections and its schema.
type Directory struct {
	cfg  Config
	log  *slog.Logger
	now  func() time.Time
	dial *dialer
	pool *pool

	info atomic.Pointer[info] // what the server says of itself; the standard until it was reached
	met  atomic.Bool          // it was reached

	mu      sync.Mutex
	classes []*class
	problem string // last said of the schema
	said    map[string]bool
}

var _ backends.Directory = (*Directory)(nil)

// New makes a directory of a valid configuration. It does no I/O beyond reading ca_file.
func New(cfg Config, opts Options) (*Directory, configs.Faults) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, faults
	}
	at, err := parseURL(cfg.URL)
	if err != nil {
		return nil, configs.Faults{{Path: "url", Message: err.Error()}}
	}
	var secure *tls.Config
	if at.tls || cfg.StartTLS {
		if secure, err = cfg.tlsConfig(at.host); err != nil {
			return nil, configs.Faults{{Path: "ca_file", Message: err.Error()}}
		}
	}
	d := &Directory{cfg: cfg, log: opts.Logger, now: opts.Now, said: map[string]bool{}}
	if d.log == nil {
		d.log = slog.Default()
	}
	d.log = d.log.With("backend", opts.Name)
	if d.now == nil {
		d.now = time.Now
	}
	d.dial = &dialer{
		at: at, tls: secure, startTLS: cfg.StartTLS, bindDN: cfg.BindDN, password: cfg.BindPassword.Reveal, timeout: cfg.Timeout,
	}
	d.info.Store(standardInfo())
	d.pool = newPool(cfg.Connections, cfg.Timeout, d.log, d.now, d.connect)
	d.warn(at)
	return d, nil
}

// warn says what the configuration gives up.
func (d *Directory) warn(at address) {
	if d.cfg.Insecure {
		d.log.Warn("insecure_skip_verify: the directory's certificate is not verified; anybody in between can read and change everything")
	}
	ip := net.ParseIP(at.host)
	local := at.network == "unix" || at.host == "localhost" || (ip != nil && ip.IsLoopback())
	if !at.tls && !d.cfg.StartTLS && !local && d.cfg.BindDN != "" {
		d.log.Warn("the bind password crosses the network unencrypted; use ldaps:// or start_tls")
	}
}

// connect makes a connection; the first one also looks at the server.
func (d *Directory) connect(ctx context.Context, first bool) (*conn, error) {
	c, err := d.dial.dial(ctx)
	if err != nil || !first {
		return c, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, d.cfg.Timeout, errLate)
	defer cancel()
	type seen struct {
		in      *info
		problem error
	}
	s, err := run(limited, c, func(ctx context.Context, lc *goldap.Conn) (seen, error) {
		in, problem, err := inspect(ctx, lc)
		return seen{in, problem}, err
	})
	if err != nil {
		c.close()
		return nil, err
	}
	d.info.Store(s.in)
	d.met.Store(true)
	d.review(s.in, s.problem)
	return c, nil
}

// review says, once for each, what the server's schema and extensions mean for the classes.
func (d *Directory) review(in *info, problem error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if problem != nil && problem.Error() != d.problem {
		d.problem = problem.Error()
		d.log.Warn("reading the directory's schema", "problem", problem)
	}
	if !in.control(oidAssertion) {
		d.once("the directory lacks the assertion control (RFC 4528): a condition is checked by reading just before the write, and what changes in between is not seen")
	}
	for _, c := range d.classes {
		d.reviewClass(in, c)
	}
}

func (d *Directory) reviewClass(in *info, c *class) {
	if !in.live {
		return
	}
	for _, attr := range c.mentions() {
		if _, ok := in.schema.Attribute(attr); !ok {
			d.once(fmt.Sprintf("the directory's schema lacks %s, which the class under %s names: nothing will match it", attr, c.base))
		}
	}
}

// once says a warning the first time. d.mu is held.
func (d *Directory) once(warning string) {
	if !d.said[warning] {
		d.said[warning] = true
		d.log.Warn(warning)
	}
}

// contact gives what the server says of itself, having reached it at least once.
func (d *Directory) contact(ctx context.Context) (*info, error) {
	if !d.met.Load() {
		c, err := d.pool.acquire(ctx)
		if err != nil {
			return nil, d.away(ctx, err)
		}
		c.end(d.now())
	}
	return d.info.Load(), nil
}

// Ping asks the server for its root DSE.
func (d *Directory) Ping(ctx context.Context) error {
	_, err := read(ctx, d, func(ctx context.Context, lc *goldap.Conn) (found, error) {
		return search(ctx, lc, rootSearch("1.1"))
	})
	return err
}

// Review meets the server, and that is all: what is odd about it the log says when it is met, and what its schema lacks the mappings find out.
func (d *Directory) Review(ctx context.Context) (configs.Faults, []string, error) {
	_, err := d.contact(ctx)
	return nil, nil, err
}

// Schema is the server's, as far as it was read; that of most servers before it was reached.
func (d *Directory) Schema() *schema.Schema { return d.info.Load().schema }

// Stats are the connections at work and the most there can be.
func (d *Directory) Stats() backends.Stats {
	active, most := d.pool.figures()
	return backends.Stats{Active: active, Max: most}
}

// Close ends all connections and waits until nothing is left of them. Operations under way end with an error.
func (d *Directory) Close() error {
	d.pool.close()
	return nil
}
