package ldap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

func TestConfigFaults(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "not.pem")
	if err := os.WriteFile(notPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	const account = "bind_dn: 'cn=scim,dc=example', bind_password: x"
	for claim, tc := range map[string]struct{ yaml, want string }{
		"no URL":                          {"{" + account + "}", "url: is missing"},
		"a URL of something else":         {"{url: 'http://h', " + account + "}", `url: has the scheme "http"`},
		"a URL without a host":            {"{url: 'ldap://', " + account + "}", "url: names no host"},
		"a URL with a base":               {"{url: 'ldap://h/dc=x', " + account + "}", "url: carries a base"},
		"a URL with a password":           {"{url: 'ldap://me:pw@h', " + account + "}", "url: carries a user"},
		"a socket without a path":         {"{url: 'ldapi://', " + account + "}", "url: ldapi:// needs the path"},
		"an empty password":               {"{url: 'ldap://h', bind_dn: 'cn=scim', bind_password: ''}", "bind_password: is empty, and a bind without a password is anonymous"},
		"no password":                     {"{url: 'ldap://h', bind_dn: 'cn=scim'}", "bind_password: is empty"},
		"a password of nobody":            {"{url: 'ldap://h', bind_password: x}", "bind_dn: is missing"},
		"a bind_dn that is no DN":         {"{url: 'ldap://h', bind_dn: scim, bind_password: x}", "bind_dn: is not a DN"},
		"encryption twice":                {"{url: 'ldaps://h', start_tls: true, " + account + "}", "start_tls: an ldaps:// connection is encrypted"},
		"encryption on a socket":          {"{url: 'ldapi://%2Frun%2Fldapi', start_tls: true, " + account + "}", "start_tls: a socket on this machine"},
		"a CA file that is not there":     {"{url: 'ldaps://h', ca_file: /nowhere.pem, " + account + "}", "ca_file: cannot be read"},
		"a CA file without a certificate": {"{url: 'ldaps://h', ca_file: '" + notPEM + "', " + account + "}", "ca_file: holds no PEM certificate"},
		"no connections":                  {"{url: 'ldap://h', connections: 0, " + account + "}", "connections: 0 is out of range"},
		"an endless page":                 {"{url: 'ldap://h', page_size: 1000000, " + account + "}", "page_size: 1000000 is out of range"},
		"no time":                         {"{url: 'ldap://h', timeout: 0, " + account + "}", "timeout: 0s is out of range"},
		"an unknown key":                  {"{url: 'ldap://h', bind_pasword: x}", "bind_pasword"},
	} {
		d, faults := Open(parse(t, tc.yaml), Options{})
		if d != nil || !strings.Contains(faults.Error(), tc.want) {
			t.Errorf("%s: got %q, want %q", claim, faults.Error(), tc.want)
		}
	}
}

func TestConfigIsOpenedWithoutTouchingTheNetwork(t *testing.T) {
	for _, url := range []string{"ldap://192.0.2.1", "ldaps://[2001:db8::1]:1636", "ldapi://%2Frun%2Fslapd%2Fldapi", "ldap://host:3389/"} {
		d, faults := Open(parse(t, "{kind: ldap, url: '"+url+"', bind_dn: 'cn=scim', bind_password: x, timeout: 5}"), Options{Logger: (&logBook{}).logger()})
		if len(faults) > 0 {
			t.Errorf("%s: %v", url, faults)
			continue
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWarnings(t *testing.T) {
	for claim, tc := range map[string]struct {
		yaml, want string
		warned     bool
	}{
		"certificates are not verified":     {"{url: 'ldaps://h', insecure_skip_verify: true, bind_dn: 'cn=scim', bind_password: x}", "insecure_skip_verify", true},
		"a password in the clear":           {"{url: 'ldap://h', bind_dn: 'cn=scim', bind_password: x}", "unencrypted", true},
		"a password on this machine":        {"{url: 'ldap://127.0.0.1', bind_dn: 'cn=scim', bind_password: x}", "unencrypted", false},
		"a password under StartTLS is well": {"{url: 'ldap://h', start_tls: true, bind_dn: 'cn=scim', bind_password: x}", "unencrypted", false},
	} {
		book := &logBook{}
		d, faults := Open(parse(t, tc.yaml), Options{Logger: book.logger()})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if got := book.count(tc.want) > 0; got != tc.warned {
			t.Errorf("%s: warned %t:\n%s", claim, got, book)
		}
		_ = d.Close()
	}
}

func TestClassFaults(t *testing.T) {
	d, _ := openDirectory(t, "ldap://127.0.0.1:1", nil)
	for claim, tc := range map[string]struct{ at, protect, want string }{
		"no base":                      {"{filter: '(uid=*)'}", "(uid=x)", "base: is no DN"},
		"a base that is no DN":         {"{base: people}", "(uid=x)", "base: is no DN"},
		"a filter without parentheses": {"{base: 'dc=x', filter: uid=x}", "(uid=x)", "filter: is not an LDAP filter"},
		"two filters":                  {"{base: 'dc=x', filter: '(uid=x)(uid=y)'}", "(uid=x)", "filter: is not an LDAP filter"},
		"a scope that is none":         {"{base: 'dc=x', scope: base}", "(uid=x)", `scope: "base" is no scope`},
		"a key that is no attribute":   {"{base: 'dc=x', key: '(x'}", "(uid=x)", "key: "},
		"a version that is none":       {"{base: 'dc=x', version: 'a b'}", "(uid=x)", "version: "},
		"a broken protection":          {"{base: 'dc=x'}", "(uid=x", "is not an LDAP filter"},
		"an unknown key":               {"{base: 'dc=x', fliter: '(uid=x)'}", "(uid=x)", "fliter"},
	} {
		_, err := d.Open(backends.Open{At: parse(t, tc.at), Protect: nodes(t, tc.protect)})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", claim, err, tc.want)
		}
	}
}

func TestASchemaThatLacksWhatTheClassNamesIsSaidOnce(t *testing.T) {
	b := newBranch(t, servers.plain)
	b.open(t, "(noSuchAttribute=x)", "(memberOf=cn=admins)")
	for range 2 {
		if err := b.dir.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.log.count("lacks noSuchAttribute"); n != 1 {
		t.Errorf("said %d times:\n%s", n, b.log)
	}
}

func TestTLS(t *testing.T) {
	s := ownSlapd(t)
	ca := filepath.Join(s.dir, "cert.pem")
	for claim, tc := range map[string]struct {
		edit  func(*Config)
		works bool
	}{
		"StartTLS with the CA":           {func(c *Config) { c.StartTLS, c.CAFile = true, ca }, true},
		"StartTLS without it":            {func(c *Config) { c.StartTLS = true }, false},
		"StartTLS unverified":            {func(c *Config) { c.StartTLS, c.Insecure = true, true }, true},
		"StartTLS under another name":    {func(c *Config) { c.StartTLS, c.CAFile, c.ServerName = true, ca, "other.example" }, false},
		"LDAPS with the CA":              {func(c *Config) { c.URL, c.CAFile = s.secureURL(), ca }, true},
		"LDAPS without it":               {func(c *Config) { c.URL = s.secureURL() }, false},
		"LDAPS where plain LDAP listens": {func(c *Config) { c.URL = strings.Replace(s.url(), "ldap:", "ldaps:", 1) }, false},
	} {
		d, book := openDirectory(t, s.url(), tc.edit)
		err := d.Ping(t.Context())
		if (err == nil) != tc.works {
			t.Errorf("%s: %v", claim, err)
		}
		if book.count(password) > 0 {
			t.Errorf("%s: the password is in the log", claim)
		}
	}
}

func TestAWrongPasswordIsNotTriedAgainSoon(t *testing.T) {
	server := startEmbedded(t, nil)
	binds := 0
	inject(t, server, countBinds(&binds))
	d, book := openDirectory(t, "ldap://"+server.Addr(), func(c *Config) { c.BindPassword = secretOf("wrong") })
	for range 20 {
		if err := d.Ping(t.Context()); err == nil {
			t.Fatal("the wrong password works")
		}
		pause()
	}
	if binds > 1 || book.count("directory is away") != 1 {
		t.Errorf("%d binds:\n%s", binds, book)
	}
}

// The password was changed in the directory while connections made with the old one live on.
func TestWalksDoNotTryAWrongPasswordAgainSoon(t *testing.T) {
	server := startEmbedded(t, nil)
	b := newBranch(t, "ldap://"+server.Addr())
	key := b.person(t, "p", nil)
	d, _ := openDirectory(t, b.url, nil)
	c := openClass(t, d, b.base, "")
	if err := d.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	binds := 0
	inject(t, server, countBinds(&binds))
	refuse := inject(t, server, embedded.Fault{Op: embedded.Bind, Code: embedded.InvalidCredentials})
	for range 5 {
		if _, _, err := c.Count(t.Context(), nil, 0); !errors.Is(err, backends.ErrUnavailable) {
			t.Errorf("a walk that cannot bind: %v", err)
		}
	}
	if binds != 1 {
		t.Errorf("%d binds, want 1", binds)
	}
	if found, err := c.Fetch(t.Context(), []backends.Key{key}, nil); err != nil || len(found) != 1 {
		t.Errorf("on the connection there is: %v, %v", found, err)
	}
	refuse()
	server.CloseConnections()
	eventually(t, 2*time.Second, func() bool { _, _, err := c.Count(t.Context(), nil, 0); return err == nil })
}
