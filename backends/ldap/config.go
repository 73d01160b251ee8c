package ldap

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/configs"
)

// Config is a section of `backends` in the configuration file.
type Config struct {
	Kind         string           `config:"kind"`
	URL          string           `config:"url"` // ldap://host:port, ldaps://host:port, ldapi://%2Fpath
	BindDN       string           `config:"bind_dn"`
	BindPassword configs.Secret   `config:"bind_password"`
	StartTLS     bool             `config:"start_tls"`
	CAFile       string           `config:"ca_file"`              // PEM; unset: the system's
	Insecure     bool             `config:"insecure_skip_verify"` // warned
	ServerName   string           `config:"server_name"`          // the name in the certificate, when it is not the host of the URL
	Timeout      configs.Duration `config:"timeout"`              // of each operation
	Connections  int              `config:"connections"`          // shared ones; each walk has its own beside them
	PageSize     int              `config:"page_size"`            // entries a page of a walk, RFC 2696
}

// Defaults is the configuration of which a file says only what differs.
func Defaults() Config {
	return Config{Kind: "ldap", Timeout: 10 * time.Second, Connections: 4, PageSize: 500}
}

// Options are what a directory needs beside its configuration.
type Options struct {
	Name   string       // as `backends` names it, for the log
	Logger *slog.Logger // nil: slog.Default
	Now    func() time.Time
}

// Open checks the configuration and makes the directory. It does no I/O beyond reading ca_file; a server that is away is met, said once
// and retried by the first operation.
func Open(node configs.Node, opts Options) (*Directory, configs.Faults) {
	cfg := Defaults()
	faults := node.Decode(&cfg)
	// A key that did not decode has its fault already; what Validate would say of its default helps nobody.
	if len(faults) > 0 {
		return nil, faults
	}
	for _, f := range cfg.Validate() {
		placed := node.Get(f.Path).Fault(f.Remedy, "%s", f.Message)
		faults = append(faults, placed)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return New(cfg, opts)
}

// Validate gives every fault of the configuration, without touching the network.
func (c Config) Validate() configs.Faults {
	var faults configs.Faults
	fault := func(path, remedy, format string, args ...any) {
		faults = append(faults, configs.Fault{Path: path, Remedy: remedy, Message: fmt.Sprintf(format, args...)})
	}
	at, err := parseURL(c.URL)
	if err != nil {
		fault("url", "write ldap://host:389, ldaps://host:636 or ldapi://%2Fpath%2Fof%2Fsocket", "%s", err)
	}
	if c.StartTLS && at.tls {
		fault("start_tls", "leave it out, or use ldap:// in url", "an ldaps:// connection is encrypted from its first byte")
	}
	if c.StartTLS && at.network == "unix" {
		fault("start_tls", "leave it out", "a socket on this machine is not encrypted")
	}
	if c.BindDN != "" {
		if _, ok := canonicalDN(c.BindDN); !ok {
			fault("bind_dn", "write a DN such as cn=scim,ou=services,dc=example,dc=org", "is not a DN")
		}
	}
	// RFC 4513 §5.1.2: a bind with a name and no password succeeds as nobody. It must never be sent.
	switch {
	case c.BindDN != "" && c.BindPassword.IsZero():
		fault("bind_password", "give the password of bind_dn, for example ${file:/run/secrets/ldap}", "is empty, and a bind without a password is anonymous")
	case c.BindDN == "" && !c.BindPassword.IsZero():
		fault("bind_dn", "say whose password it is", "is missing, but bind_password is set")
	}
	if c.CAFile != "" {
		if _, err := readCA(c.CAFile); err != nil {
			fault("ca_file", "name a readable file of PEM certificates", "%s", err)
		}
	}
	faults = append(faults, c.validateNumbers()...)
	return faults
}

func (c Config) validateNumbers() configs.Faults {
	var faults configs.Faults
	between := func(path string, n, least, most int, unit string) {
		if n < least || n > most {
			faults = append(faults, configs.Fault{
				Path: path, Message: fmt.Sprintf("%d is out of range", n), Remedy: fmt.Sprintf("give %d to %d%s", least, most, unit),
			})
		}
	}
	between("connections", c.Connections, 1, 256, "")
	between("page_size", c.PageSize, 1, 100_000, " entries")
	if c.Timeout < 100*time.Millisecond || c.Timeout > 10*time.Minute {
		faults = append(faults, configs.Fault{Path: "timeout", Message: c.Timeout.String() + " is out of range", Remedy: "give 0.1 to 600 seconds"})
	}
	return faults
}

// address is where a URL points.
type address struct {
	network, host, addr string
	tls                 bool
}

func parseURL(text string) (address, error) {
	if text == "" {
		return address{}, fmt.Errorf("is missing")
	}
	if rest, ok := strings.CutPrefix(text, "ldapi://"); ok {
		path, err := url.PathUnescape(strings.TrimSuffix(rest, "/"))
		if err != nil || !strings.HasPrefix(path, "/") {
			return address{}, fmt.Errorf("ldapi:// needs the path of a socket, its slashes written %%2F")
		}
		return address{network: "unix", addr: path, host: "localhost"}, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return address{}, fmt.Errorf("is not a URL")
	}
	switch {
	case u.Scheme != "ldap" && u.Scheme != "ldaps":
		return address{}, fmt.Errorf("has the scheme %q", u.Scheme)
	case u.Hostname() == "":
		return address{}, fmt.Errorf("names no host")
	case u.User != nil:
		return address{}, fmt.Errorf("carries a user; that is what bind_dn and bind_password are for")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return address{}, fmt.Errorf("carries a base or a filter; these belong to a mapping")
	}
	a := address{network: "tcp", host: u.Hostname(), tls: u.Scheme == "ldaps"}
	port := u.Port()
	switch {
	case port == "" && a.tls:
		port = goldap.DefaultLdapsPort
	case port == "":
		port = goldap.DefaultLdapPort
	}
	a.addr = net.JoinHostPort(a.host, port)
	return a, nil
}

func readCA(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("holds no PEM certificate")
	}
	return pool, nil
}

// tlsConfig verifies the server's certificate unless the configuration says otherwise.
func (c Config) tlsConfig(host string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, InsecureSkipVerify: c.Insecure} //nolint:gosec // asked for by name, and warned
	if c.ServerName != "" {
		t.ServerName = c.ServerName
	}
	if c.CAFile != "" {
		pool, err := readCA(c.CAFile)
		if err != nil {
			return nil, err
		}
		t.RootCAs = pool
	}
	return t, nil
}
