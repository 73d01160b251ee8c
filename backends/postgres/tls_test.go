package postgres

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// authority signs certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a.cert, a.key = a.make(template)
	a.file = filepath.Join(t.TempDir(), "ca.pem")
	a.write(a.file, a.pem())
	return a
}

// make signs a certificate; the first is the authority's own.
func (a *authority) make(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	template.SerialNumber = new(big.Int).SetBytes([]byte(rand.Text()))
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func (a *authority) write(path, text string) {
	a.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// pair is a certificate and its key, as PEM.
func (a *authority) pair(template *x509.Certificate) (cert, key string) {
	a.t.Helper()
	c, k := a.make(template)
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// server is a server's certificate for a name and for addresses.
func (a *authority) server(name string, addresses ...net.IP) (cert, key string) {
	return a.pair(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: addresses, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// client is the part of a URL that names a client's certificate.
func (a *authority) client(role string) url.Values {
	cert, key := a.pair(&x509.Certificate{Subject: pkix.Name{CommonName: role}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	dir := a.t.TempDir()
	files := url.Values{"sslcert": {filepath.Join(dir, "client.pem")}, "sslkey": {filepath.Join(dir, "client.key")}}
	a.write(files.Get("sslcert"), cert)
	a.write(files.Get("sslkey"), key)
	return files
}

// encrypted starts a server with a certificate for localhost. Who is not its superuser gets in as rules say, lines of pg_hba.conf.
func encrypted(t testing.TB, a *authority, rules ...string) *pgtest.Server {
	t.Helper()
	s := pgtest.StartServer(t)
	cert, key := a.server("localhost")
	rules = append([]string{"host all postgres 127.0.0.1/32 scram-sha-256"}, rules...)
	s.Configure(map[string]string{"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key", "ssl_ca_file": "ca.crt"}, map[string]string{
		"server.crt": cert, "server.key": key, "ca.crt": a.pem(), "pg_hba.conf": strings.Join(rules, "\n") + "\n",
	})
	return s
}

// addressed is the URL of a database at a host, with other parameters.
func addressed(t testing.TB, raw, host string, params ...url.Values) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		u.Host = net.JoinHostPort(host, u.Port())
	}
	all := url.Values{}
	for _, p := range params {
		maps.Copy(all, p)
	}
	u.RawQuery = all.Encode()
	return u.String()
}

func tlsMode(mode string, ca *authority) url.Values {
	v := url.Values{"sslmode": {mode}}
	if ca != nil {
		v.Set("sslrootcert", ca.file)
	}
	return v
}

// unreachable fails unless a database cannot be reached, for a reason that the log and `check --live` tell and clients are not told.
func unreachable(t testing.TB, name, to, detail, reason string) {
	t.Helper()
	d, _ := openDirectory(t, to, func(c *Config) { c.MinConnections = 0 })
	_, _, err := d.Review(t.Context())
	said, ok := errors.AsType[*backends.Error](err)
	if !ok || !errors.Is(err, backends.ErrUnavailable) || said.Detail != detail || !strings.Contains(err.Error(), reason) {
		t.Errorf("%s: the error is %v, want %q because of %q", name, err, detail, reason)
	}
}

const (
	notReached = "The database cannot be reached."
	notLetIn   = "The database does not let the adapter in."
)

func TestTheServersCertificateIsVerified(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	s := encrypted(t, ours, "hostssl all all 127.0.0.1/32 scram-sha-256")
	db := s.Database(t, tenants)
	for name, to := range map[string]string{
		"verify-full": addressed(t, db.URL, "localhost", tlsMode("verify-full", ours)), "verify-ca by its address": addressed(t, db.URL, "127.0.0.1", tlsMode("verify-ca", ours)),
		"require": addressed(t, db.URL, "127.0.0.1", tlsMode("require", nil)),
	} {
		d, _ := openDirectory(t, to, nil)
		g := &ground{t: t, db: db, d: d}
		fetch(t, g.class("{table: person, key: id}"), "1")
		if got := g.ask("SELECT (count(*) > 0 AND bool_and(ssl))::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = $1", db.Role); got != "true" {
			t.Errorf("%s: not every connection is encrypted", name)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, c := range map[string]struct{ to, detail, reason string }{
		"another authority":      {addressed(t, db.URL, "localhost", tlsMode("verify-full", others)), notReached, "certificate signed by unknown authority"},
		"verify-ca of another":   {addressed(t, db.URL, "127.0.0.1", tlsMode("verify-ca", others)), notReached, "certificate signed by unknown authority"},
		"the system's":           {addressed(t, db.URL, "localhost", tlsMode("verify-full", nil)), notReached, "certificate signed by unknown authority"},
		"another name":           {addressed(t, db.URL, "127.0.0.1", tlsMode("verify-full", ours)), notReached, "cannot validate certificate for 127.0.0.1"},
		"nothing is encrypted":   {addressed(t, db.URL, "localhost", tlsMode("disable", nil)), notLetIn, "no encryption"},
		"the server has no TLS":  {addressed(t, pgtest.StartServer(t).URL, "localhost", tlsMode("verify-full", ours)), notReached, "server refused TLS connection"},
		"the password is of old": {strings.Replace(addressed(t, db.URL, "localhost", tlsMode("verify-full", ours)), "@", "old@", 1), notLetIn, "password authentication failed"},
	} {
		unreachable(t, name, c.to, c.detail, c.reason)
	}
}

func TestACertificateThatIsNoneIsAFault(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	junk := filepath.Join(t.TempDir(), "junk.pem")
	newAuthority(t).write(junk, "no certificate")
	for params, want := range map[string]string{
		"sslmode=verify-full&sslrootcert=" + none:                    "failed to configure TLS (unable to read CA file",
		"sslmode=verify-full&sslrootcert=" + junk:                    "failed to configure TLS (unable to add CA to cert pool",
		"sslmode=verify-full&sslcert=" + none + "&sslkey=" + none:    "failed to configure TLS (unable to read sslkey",
		"sslmode=verify-full&sslcert=" + junk:                        `failed to configure TLS (both "sslcert" and "sslkey" are required`,
		"sslmode=strict":                                             "failed to configure TLS (sslmode is invalid",
		"sslmode=verify-full&target_session_attrs=read-mostly-write": "unknown target_session_attrs",
	} {
		cfg := Defaults()
		cfg.URL = configs.NewSecret("postgres://scim:s3cret@localhost/hr?" + params)
		_, faults := New(cfg, Options{})
		if len(faults) != 1 || faults[0].Path != "url" || !strings.Contains(faults[0].Message, want) || strings.Contains(faults[0].Message, "s3cret") {
			t.Errorf("%s: %v, want %q", params, faults, want)
		}
	}
}

func TestWhoHasACertificateNeedsNoPassword(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	s := encrypted(t, ours, "hostssl all all 127.0.0.1/32 cert")
	db := s.Database(t, tenants)
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(db.Role)
	full := tlsMode("verify-full", ours)
	d, _ := openDirectory(t, addressed(t, u.String(), "localhost", full, ours.client(db.Role)), nil)
	g := &ground{t: t, db: db, d: d}
	fetch(t, g.class("{table: person, key: id}"), "1")
	for name, c := range map[string]struct{ to, detail, reason string }{
		"none":            {addressed(t, db.URL, "localhost", full), notLetIn, "requires a valid client certificate"},
		"somebody else's": {addressed(t, db.URL, "localhost", full, ours.client("somebody")), notLetIn, "certificate authentication failed"},
		// The server ends the connection, sometimes before the adapter has read why.
		"another's client": {addressed(t, db.URL, "localhost", full, others.client(db.Role)), notReached, "failed to"},
	} {
		unreachable(t, name, c.to, c.detail, c.reason)
	}
}
