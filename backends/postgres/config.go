package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/configs"
)

// Config is a section of `backends` in the configuration file. url is whatever pgx takes: several hosts, target_session_attrs and all of TLS
// (sslmode, sslrootcert, sslcert, sslkey) stand in it.
type Config struct {
	Kind              string           `config:"kind"`
	URL               configs.Secret   `config:"url"`      // postgres://user@host:5432/db?sslmode=verify-full, or host=… user=…
	Password          configs.Secret   `config:"password"` // instead of one in url
	MaxConnections    int              `config:"max_connections"`
	MinConnections    int              `config:"min_connections"`
	ConnectionTimeout configs.Duration `config:"connection_timeout"` // until a connection is there
	IdleTimeout       configs.Duration `config:"idle_timeout"`       // after which a connection that nobody uses is closed
	Timeout           configs.Duration `config:"timeout"`            // of each statement
	MaxScanRows       int              `config:"max_scan_rows"`      // a search that has to read more rows than these one by one is refused; 0: none is
	TenantSetting     string           `config:"tenant_setting"`     // what row-level security asks for the tenant
}

// Defaults is the configuration of which a file says only what differs.
func Defaults() Config {
	return Config{
		Kind: "postgres", MaxConnections: 20, MinConnections: 2, ConnectionTimeout: 30 * time.Second, IdleTimeout: 10 * time.Minute,
		Timeout: 10 * time.Second, TenantSetting: "scim.tenant_id",
	}
}

// Options are what a directory needs beside its configuration.
type Options struct {
	Name   string       // as `backends` names it, for the log
	Logger *slog.Logger // nil: slog.Default
	Now    func() time.Time
}

// Open checks the configuration and makes the directory. It does no I/O beyond reading the certificates that url names; a server that is away is met by
// the first operation.
func Open(node configs.Node, opts Options) (*Directory, configs.Faults) {
	cfg := Defaults()
	faults := node.Decode(&cfg)
	// A key that did not decode has its fault already; what Validate would say of its default helps nobody.
	if len(faults) > 0 {
		return nil, faults
	}
	for _, f := range cfg.Validate() {
		faults = append(faults, node.Get(f.Path).Fault(f.Remedy, "%s", f.Message))
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return New(cfg, opts)
}

// setting is what a setting of an application is called: it has a prefix, so that it is none of the server's own.
var setting = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$`)

// Validate gives every fault of the configuration, without touching the network.
func (c Config) Validate() configs.Faults {
	var faults configs.Faults
	fault := func(path, remedy, format string, args ...any) {
		faults = append(faults, configs.Fault{Path: path, Remedy: remedy, Message: fmt.Sprintf(format, args...)})
	}
	switch _, err := c.pool(); {
	case errors.Is(err, configs.ErrSimpleProtocol):
		fault("url", "write default_query_exec_mode=exec, which prepares nothing either, or leave it out", "%s", err)
	case err != nil:
		fault("url", "write postgres://user@host:5432/database?sslmode=verify-full, or host=… user=… dbname=…", "%s", err)
	}
	if !setting.MatchString(c.TenantSetting) {
		fault("tenant_setting", "write a name with a prefix, such as scim.tenant_id", "%q is no setting of an application", c.TenantSetting)
	}
	between := func(path string, n, least, most int) {
		if n < least || n > most {
			fault(path, fmt.Sprintf("give %d to %d", least, most), "%d is out of range", n)
		}
	}
	// One connection is for whoever walks, the other for what he asks meanwhile.
	between("max_connections", c.MaxConnections, 2, 10_000)
	between("min_connections", c.MinConnections, 0, 10_000)
	between("max_scan_rows", c.MaxScanRows, 0, 1<<40)
	if c.MinConnections > c.MaxConnections && c.MaxConnections >= 2 {
		fault("min_connections", "give no more than max_connections", "%d is more than max_connections, %d", c.MinConnections, c.MaxConnections)
	}
	within := func(path string, d, least, most time.Duration) {
		if d < least || d > most {
			fault(path, fmt.Sprintf("give %g to %g seconds", least.Seconds(), most.Seconds()), "%s is out of range", d)
		}
	}
	within("connection_timeout", c.ConnectionTimeout, 100*time.Millisecond, 10*time.Minute)
	within("idle_timeout", c.IdleTimeout, time.Second, 24*time.Hour)
	within("timeout", c.Timeout, 100*time.Millisecond, time.Hour)
	return faults
}

// pool is what the pool is made with.
func (c Config) pool() (*pgxpool.Config, error) {
	p, err := configs.ParsePostgres(c.URL)
	if err != nil {
		return nil, err
	}
	p.MaxConns, p.MinConns = int32(min(c.MaxConnections, 10_000)), int32(min(c.MinConnections, 10_000)) //nolint:gosec // at most 10,000
	p.MaxConnIdleTime = c.IdleTimeout
	conn := p.ConnConfig
	conn.ConnectTimeout = c.ConnectionTimeout
	if !c.Password.IsZero() {
		conn.Password = c.Password.Reveal()
	}
	// What a value looks like as text must not depend on how the role or the database is set up.
	params := conn.RuntimeParams
	params["datestyle"], params["timezone"], params["client_encoding"] = "ISO, YMD", "UTC", "UTF8"
	if params["application_name"] == "" {
		params["application_name"] = "scim-adapter"
	}
	return p, nil
}

// local says that what goes to a host stays on this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "localhost" || (ip != nil && ip.IsLoopback())
}

// exposure says what the configuration gives up on the way to the server; "" for nothing.
func exposure(p *pgxpool.Config) string {
	type way struct {
		host                string
		encrypted, verified bool
	}
	conn := p.ConnConfig
	ways := make([]way, 0, 1+len(conn.Fallbacks))
	add := func(host string, encrypted, verified bool) { ways = append(ways, way{host, encrypted, verified}) }
	add(conn.Host, conn.TLSConfig != nil, conn.TLSConfig != nil && (!conn.TLSConfig.InsecureSkipVerify || conn.TLSConfig.VerifyPeerCertificate != nil))
	for _, f := range conn.Fallbacks {
		add(f.Host, f.TLSConfig != nil, f.TLSConfig != nil && (!f.TLSConfig.InsecureSkipVerify || f.TLSConfig.VerifyPeerCertificate != nil))
	}
	unverified := false
	for _, w := range ways {
		switch {
		case local(w.host):
		case !w.encrypted && conn.Password != "":
			return "the password may cross the network unencrypted; write sslmode=verify-full in url"
		case !w.verified:
			unverified = true
		}
	}
	if unverified {
		return "the server's certificate is not verified; anybody in between can read and change everything: write sslmode=verify-full in url"
	}
	return ""
}
