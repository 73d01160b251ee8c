package embedded

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// Config says what directory to start.
type Config struct {
	Addr          string // host:port to listen on; "": a free port of 127.0.0.1
	Suffix        string // "": dc=example,dc=org
	AdminDN       string // who may write; "": cn=admin under the suffix
	AdminPassword string // "": nobody can be the administrator
	Anonymous     bool   // those who are not bound may read, as far as others may

	Entries []Entry   // what the directory begins with
	LDIF    io.Reader // more of it

	MemberOf bool     // keeps memberOf of the members of groupOfNames, as the overlay memberof does
	RefInt   bool     // follows renamed and deleted entries in member, manager and the like, as refint does
	Nobody   string   // the DN that refint leaves in a group whose last member goes; "": the name of that member stays
	Unique   []string // attributes whose values only one entry may have, as the overlay unique does

	HashPasswords bool        // stores passwords as {SSHA}
	SizeLimit     int         // most entries of a search without paging, and of a page; 0: no limit. It holds for the administrator too
	NoSort        bool        // searches are not sorted, as on a server without RFC 2891
	TLS           *tls.Config // offers StartTLS
	LDAPS         bool        // TLS from the first byte
	Schema        *schema.Schema
	Clock         func() time.Time
}

// The names of the directory that is started when nothing else is said.
const (
	DefaultSuffix = "dc=example,dc=org"
	adminRDN      = "cn=admin,"
)

func (c Config) withDefaults() Config {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Suffix == "" {
		c.Suffix = DefaultSuffix
	}
	if c.AdminDN == "" {
		c.AdminDN = adminRDN + c.Suffix
	}
	if c.Schema == nil {
		c.Schema = schema.Standard()
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

// Server is a running directory. Its data outlives Stop and is gone with the process.
type Server struct {
	config Config
	store  *store
	admin  string // normalised DN
	faults faults
	gate   gate
	addr   string

	mu       sync.Mutex // guards what follows
	listener net.Listener
	conns    map[*conn]struct{}
	running  sync.WaitGroup // the accept loop and the connections
}

// Start loads the entries and listens.
func Start(config Config) (*Server, error) {
	config = config.withDefaults()
	s := &Server{config: config, conns: map[*conn]struct{}{}}
	for _, name := range []string{"objectClass", "cn", "member", "memberOf", "entryUUID", "entryDN"} {
		if _, ok := config.Schema.Attribute(name); !ok {
			return nil, fmt.Errorf("the schema lacks %s", name)
		}
	}
	suffix, err := schema.ParseDN(config.Suffix)
	if err != nil || len(suffix) == 0 {
		return nil, fmt.Errorf("the suffix %q is no DN", config.Suffix)
	}
	s.store = newStore(config.Schema, config.Schema.NormalizeDN(suffix), config.Clock)
	s.store.unsorted = config.NoSort
	if _, s.admin, err = s.store.parseDN(config.AdminDN); err != nil {
		return nil, fmt.Errorf("the administrator %q is no DN", config.AdminDN)
	}
	if config.LDAPS && config.TLS == nil {
		return nil, errors.New("LDAPS needs a TLS configuration")
	}
	if err := s.load(config.Entries); err != nil {
		return nil, err
	}
	if config.LDIF != nil {
		if err := s.LoadLDIF(config.LDIF); err != nil {
			return nil, err
		}
	}
	s.addr = config.Addr
	return s, s.Restart()
}

// Addr is the address it listens on; it stays the same over Stop and Restart.
func (s *Server) Addr() string { return s.addr }

// URL is ldap:// or ldaps:// and the address.
func (s *Server) URL() string {
	if s.config.LDAPS {
		return "ldaps://" + s.addr
	}
	return "ldap://" + s.addr
}

// Restart listens again after Stop, on the port it had.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return errors.New("it is running")
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", s.addr)
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	s.listener = l
	s.running.Add(1)
	go s.accept(l)
	return nil
}

// Stop ends all connections and listens no more, as a server that was killed; the data stays. It returns when every goroutine is gone.
func (s *Server) Stop() error {
	s.mu.Lock()
	l := s.listener
	s.listener = nil
	s.mu.Unlock()
	var err error
	if l != nil {
		err = l.Close()
	}
	s.CloseConnections()
	s.running.Wait()
	return err
}

// Close is Stop, for good.
func (s *Server) Close() error { return s.Stop() }

// CloseConnections drops every connection, in the middle of whatever it does; new ones are taken.
func (s *Server) CloseConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.drop()
	}
}

// Connections is the number of clients that are connected.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Pause makes the server take requests and answer none, as one that hangs; Resume lets it go on with those that wait.
func (s *Server) Pause() { s.gate.shut() }

// Resume ends a Pause.
func (s *Server) Resume() { s.gate.open() }

func (s *Server) accept(l net.Listener) {
	defer s.running.Done()
	for {
		nc, err := l.Accept()
		if err != nil {
			return // the listener was closed
		}
		if s.config.LDAPS {
			nc = tls.Server(nc, s.config.TLS)
		}
		c := newConn(s, nc)
		s.mu.Lock()
		if s.listener != l { // stopped meanwhile
			s.mu.Unlock()
			c.drop()
			continue
		}
		s.conns[c] = struct{}{}
		s.running.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.running.Done()
			c.serve()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		}()
	}
}

// gate lets requests through, or keeps them.
type gate struct {
	mu     sync.Mutex
	closed chan struct{} // nil while open
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil {
		g.closed = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		close(g.closed)
		g.closed = nil
	}
}

// pass waits until the gate is open; false: the client went away first.
func (g *gate) pass(ctx context.Context) bool {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed == nil {
		return true
	}
	select {
	case <-closed:
		return true
	case <-ctx.Done():
		return false
	}
}
