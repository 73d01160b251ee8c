package ldap

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"go.uber.org/goleak"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// The tests run against real slapd servers: one with the usual overlays, one with none. They are taken from the environment, else started
// here, else, and where SCIM_TEST_SERVERS is none, the tests that need them are skipped.
const (
	suffix   = "dc=example,dc=org"
	admin    = "cn=admin," + suffix
	password = "secret"
)

// servers are the URLs of the two slapd processes; empty when there are none.
var servers struct{ overlays, plain string }

func TestMain(m *testing.M) {
	os.Exit(runMain(m))
}

func runMain(m *testing.M) int {
	if os.Getenv("SCIM_TEST_SERVERS") != "none" {
		servers.overlays, servers.plain = os.Getenv("SCIM_TEST_LDAP_URL"), os.Getenv("SCIM_TEST_LDAP_PLAIN_URL")
	}
	dir, err := os.MkdirTemp("", "slapd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, s := range []struct {
		url  *string
		kind string
	}{{&servers.overlays, "overlays"}, {&servers.plain, "plain"}} {
		if *s.url != "" || slapdPath() == "" {
			continue
		}
		server, err := newSlapd(filepath.Join(dir, s.kind), s.kind == "overlays")
		if err == nil {
			err = server.start()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "starting slapd:", err)
			return 1
		}
		defer server.stop()
		*s.url = server.url()
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func slapdPath() string {
	if os.Getenv("SCIM_TEST_SERVERS") == "none" {
		return ""
	}
	for _, path := range []string{"/usr/sbin/slapd", "/usr/libexec/slapd", "/usr/local/libexec/slapd"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// slapd is a server process of a test's own.
type slapd struct {
	dir          string
	port, secure int
	cmd          *exec.Cmd
}

func newSlapd(dir string, overlays bool) (*slapd, error) {
	if err := os.MkdirAll(filepath.Join(dir, "db"), 0o700); err != nil {
		return nil, err
	}
	s := &slapd{dir: dir}
	for _, port := range []*int{&s.port, &s.secure} {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = free.Close() }()
		*port = free.Addr().(*net.TCPAddr).Port
	}
	conf := strings.NewReplacer("DIR", dir, "SUFFIX", suffix, "ADMIN", admin, "PASSWORD", password).Replace(slapdConf)
	if overlays {
		conf += strings.ReplaceAll(slapdOverlays, "SUFFIX", suffix)
	}
	return s, os.WriteFile(filepath.Join(dir, "slapd.conf"), []byte(conf), 0o600)
}

const slapdConf = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload syncprov
moduleload unique
moduleload ppolicy
moduleload sssvlv
sizelimit unlimited
TLSCertificateFile DIR/cert.pem
TLSCertificateKeyFile DIR/key.pem
database mdb
suffix SUFFIX
rootdn ADMIN
rootpw PASSWORD
directory DIR/db
maxsize 1073741824
dbnosync
index objectClass,entryUUID,entryCSN eq
index uid,cn,mail,sn eq,pres,sub
index member eq
access to attrs=userPassword by self write by anonymous auth by * none
access to * by * read
`

const slapdOverlays = `
overlay syncprov
overlay memberof
memberof-refint TRUE
overlay refint
refint_attributes member manager owner seeAlso
overlay unique
unique_uri ldap:///ou=people,SUFFIX?uid?sub?(objectClass=inetOrgPerson)
unique_uri ldap:///ou=people,SUFFIX?mail?sub?(objectClass=inetOrgPerson)
overlay ppolicy
ppolicy_default cn=default,ou=policies,SUFFIX
ppolicy_hash_cleartext
overlay sssvlv
`

func (s *slapd) url() string       { return fmt.Sprintf("ldap://127.0.0.1:%d", s.port) }
func (s *slapd) secureURL() string { return fmt.Sprintf("ldaps://127.0.0.1:%d", s.secure) }

// start starts the process and waits until it answers.
func (s *slapd) start() error {
	if _, err := os.Stat(filepath.Join(s.dir, "cert.pem")); err != nil {
		if err := writeCertificate(s.dir); err != nil {
			return err
		}
	}
	s.cmd = exec.Command(slapdPath(), "-d", "0", "-h", s.url()+"/ "+s.secureURL()+"/", "-f", filepath.Join(s.dir, "slapd.conf"))
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for range 200 {
		lc, err := goldap.DialURL(s.url())
		if err == nil {
			err = lc.Bind(admin, password)
			_ = lc.Close()
			if err == nil {
				return nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.stop()
	return fmt.Errorf("no answer on %s", s.url())
}

// kill ends the process as a crash would.
func (s *slapd) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *slapd) stop() {
	if s.cmd == nil || s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		_ = s.cmd.Process.Kill()
		<-done
	}
}

// ownSlapd is a server that a test may kill.
func ownSlapd(t *testing.T) *slapd {
	t.Helper()
	if slapdPath() == "" {
		t.Skip("slapd is not installed")
	}
	s, err := newSlapd(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	lc := dialAdmin(t, s.url())
	seed(t, lc)
	return s
}

func dialAdmin(t testing.TB, url string) *goldap.Conn {
	t.Helper()
	if url == "" {
		t.Skip("no slapd: install it, or set SCIM_TEST_LDAP_URL and SCIM_TEST_LDAP_PLAIN_URL")
	}
	lc, err := goldap.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lc.Close() })
	if err := lc.Bind(admin, password); err != nil {
		t.Fatal(err)
	}
	return lc
}

// seed makes the tree that the tests hang their own branches on, unless it is there.
func seed(t testing.TB, lc *goldap.Conn) {
	t.Helper()
	ensure(t, lc, suffix, map[string][]string{"objectClass": {"dcObject", "organization"}, "dc": {"example"}, "o": {"Example"}})
	for _, ou := range []string{"people", "groups", "policies"} {
		ensure(t, lc, "ou="+ou+","+suffix, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {ou}})
	}
	ensure(t, lc, "cn=default,ou=policies,"+suffix, map[string][]string{
		"objectClass": {"device", "pwdPolicy"}, "cn": {"default"}, "pwdAttribute": {"userPassword"}, "pwdMinLength": {"6"}, "pwdCheckQuality": {"1"},
	})
}

func ensure(t testing.TB, lc *goldap.Conn, dn string, attrs map[string][]string) {
	t.Helper()
	req := goldap.NewAddRequest(dn, nil)
	for attr, values := range attrs {
		req.Attribute(attr, values)
	}
	err := lc.Add(req)
	if goldap.IsErrorAnyOf(err, goldap.LDAPResultEntryAlreadyExists, goldap.LDAPResultInvalidAttributeSyntax, goldap.LDAPResultUndefinedAttributeType) {
		return // there already; the plain server does not know password policies
	}
	if err != nil {
		t.Fatalf("adding %s: %v", dn, err)
	}
}

var branches atomic.Int64

// branch is a test's own part of the tree, and a directory that is connected to its server.
type branch struct {
	url  string
	base string
	lc   *goldap.Conn
	dir  *Directory
	log  *logBook
}

// onBoth runs a test against the server with overlays and the one without.
func onBoth(t *testing.T, f func(t *testing.T, b *branch)) {
	t.Helper()
	for _, kind := range []string{"overlays", "plain"} {
		t.Run(kind, func(t *testing.T) {
			url := servers.plain
			if kind == "overlays" {
				url = servers.overlays
			}
			f(t, newBranch(t, url))
		})
	}
}

func newBranch(t testing.TB, url string) *branch {
	t.Helper()
	lc := dialAdmin(t, url)
	seed(t, lc)
	ou := fmt.Sprintf("t%d-%d", os.Getpid(), branches.Add(1))
	b := &branch{url: url, base: "ou=" + ou + ",ou=people," + suffix, lc: lc}
	ensure(t, lc, b.base, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {ou}})
	b.dir, b.log = openDirectory(t, url, nil)
	t.Cleanup(func() { b.clear(t) })
	return b
}

func (b *branch) clear(t testing.TB) {
	t.Helper()
	found, err := b.lc.Search(goldap.NewSearchRequest(b.base, goldap.ScopeWholeSubtree, 0, 0, 0, false, "(objectClass=*)", []string{"1.1"}, nil))
	if err != nil {
		return // the server is gone with all it held
	}
	for _, v := range slices.Backward(found.Entries) {
		_ = b.lc.Del(goldap.NewDelRequest(v.DN, nil))
	}
}

// person adds a person below the branch and gives the key.
func (b *branch) person(t testing.TB, uid string, more map[string][]string) backends.Key {
	t.Helper()
	req := goldap.NewAddRequest("uid="+backends.EscapeName(uid)+","+b.base, nil)
	attrs := map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {uid}, "cn": {"Name of " + uid}, "sn": {"Person"}}
	maps.Copy(attrs, more)
	for attr, values := range attrs {
		req.Attribute(attr, values)
	}
	if err := b.lc.Add(req); err != nil {
		t.Fatalf("adding %q: %v", uid, err)
	}
	return b.keyOf(t, req.DN)
}

func (b *branch) keyOf(t testing.TB, dn string) backends.Key {
	t.Helper()
	return backends.Key(b.read(t, dn, "entryUUID").GetAttributeValue("entryUUID"))
}

// read is what the server shows of an entry to somebody else.
func (b *branch) read(t testing.TB, dn string, attrs ...string) *goldap.Entry {
	t.Helper()
	found, err := b.lc.Search(goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", attrs, nil))
	if err != nil {
		t.Fatalf("reading %s: %v", dn, err)
	}
	return found.Entries[0]
}

func (b *branch) gone(dn string) bool {
	_, err := b.lc.Search(goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", []string{"1.1"}, nil))
	return goldap.IsErrorWithCode(err, goldap.LDAPResultNoSuchObject)
}

// open makes a class of the branch.
func (b *branch) open(t *testing.T, filter string, protect ...string) *class {
	t.Helper()
	return openClass(t, b.dir, b.base, filter, protect...)
}

func openClass(t testing.TB, d *Directory, base, filter string, protect ...string) *class {
	t.Helper()
	opened, err := d.Open(backends.Open{
		At: parse(t, fmt.Sprintf("{base: %q, filter: %q}", base, filter)), Tenant: "default", Protect: nodes(t, protect...),
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened.(*class)
}

func parse(t testing.TB, yaml string) configs.Node {
	t.Helper()
	n, faults := configs.ParseNode("test.yaml", []byte(yaml))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return n
}

// nodes are filters as the configuration has them.
func nodes(t testing.TB, filters ...string) []configs.Node {
	t.Helper()
	var out []configs.Node
	for _, f := range filters {
		out = append(out, parse(t, fmt.Sprintf("%q", f)))
	}
	return out
}

func openDirectory(t testing.TB, url string, edit func(*Config)) (*Directory, *logBook) {
	t.Helper()
	cfg := Defaults()
	cfg.URL, cfg.BindDN, cfg.BindPassword = url, admin, configs.NewSecret(password)
	if edit != nil {
		edit(&cfg)
	}
	book := &logBook{}
	d, faults := New(cfg, Options{Name: "test", Logger: book.logger()})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, book
}

func uids(records []backends.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, r.Attrs["uid"].Texts()...)
	}
	return out
}

func walk(ctx context.Context, t *testing.T, c *class, q backends.Query) []backends.Record {
	t.Helper()
	var out []backends.Record
	for r, err := range c.Walk(ctx, q) {
		if err != nil {
			t.Fatalf("walking: %v", err)
		}
		out = append(out, r)
	}
	return out
}
