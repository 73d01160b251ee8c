package embedded

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

func TestPasswordFits(t *testing.T) {
	for sentence, k := range map[string]struct {
		stored, given string
		want          bool
	}{
		"as it was given":                       {"secret", "secret", true},
		"another":                               {"secret", "Secret", false},
		"hashed with salt":                      {hashPassword("secret"), "secret", true},
		"hashed with salt, another":             {hashPassword("secret"), "secret ", false},
		"hashed without":                        {"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret", true},
		"a scheme that is not known":            {"{CRYPT}secret", "{CRYPT}secret", false},
		"a hash that is broken":                 {"{SSHA}!", "secret", false},
		"a hash that is too short":              {"{SSHA}c2VjcmV0", "secret", false},
		"a password that looks like a scheme's": {"{x", "{x", true},
	} {
		t.Run(sentence, func(t *testing.T) {
			if got := passwordFits(k.stored, k.given); got != k.want {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestLockedAccounts(t *testing.T) {
	c := client(t, start(t, Config{Entries: family()}))
	bind := func() error { return c.Bind(annDN, "ann's") }
	lock := func(m *ldap.ModifyRequest) { m.Replace("pwdAccountLockedTime", []string{lockedForever}) }
	must(t, first(c, modify(annDN, lock)))
	wantCode(t, bind(), InvalidCredentials)
	wantCode(t, remove(bobDN)(c), StrongerAuthRequired) // a failed bind leaves nobody bound
	must(t, c.Bind("cn=admin,dc=example,dc=org", secret))
	must(t, modify(annDN, func(m *ldap.ModifyRequest) { m.Delete("pwdAccountLockedTime", nil) })(c))
	must(t, bind())
}

func TestPasswordModify(t *testing.T) {
	for _, hash := range []bool{false, true} {
		s := start(t, Config{Entries: family(), HashPasswords: hash})
		c := client(t, s)
		_, err := c.PasswordModify(ldap.NewPasswordModifyRequest(bobDN, "", "bob's"))
		must(t, err)
		stored := read(t, c, bobDN, "userPassword")
		if hashed := strings.HasPrefix(stored[0], "userPassword={SSHA}"); hashed != hash {
			t.Errorf("stored %v", stored)
		}
		must(t, c.Bind(bobDN, "bob's"))

		made, err := c.PasswordModify(ldap.NewPasswordModifyRequest("", "bob's", ""))
		must(t, err)
		must(t, c.Bind(bobDN, made.GeneratedPassword))
		_, err = c.PasswordModify(ldap.NewPasswordModifyRequest(annDN, "", "x"))
		wantCode(t, err, InsufficientAccessRights)
		_, err = client(t, s).PasswordModify(ldap.NewPasswordModifyRequest(newDN, "", ""))
		wantCode(t, err, NoSuchObject)
		_, err = c.PasswordModify(ldap.NewPasswordModifyRequest("", "wrong", "x"))
		wantCode(t, err, UnwillingToPerform)
		_, err = stranger(t, s).PasswordModify(ldap.NewPasswordModifyRequest(annDN, "", "x"))
		wantCode(t, err, StrongerAuthRequired)
	}
}

func TestWhoAmI(t *testing.T) {
	c := stranger(t, start(t, Config{Entries: family()}))
	ask := func(want string) {
		t.Helper()
		r, err := c.WhoAmI(nil)
		must(t, err)
		if r.AuthzID != want {
			t.Errorf("%q, want %q", r.AuthzID, want)
		}
	}
	ask("")
	must(t, c.Bind(annDN, "ann's"))
	ask("dn:" + annDN)
	wantCode(t, c.Bind(annDN, "wrong"), InvalidCredentials)
	ask("")
}

// certificate is for 127.0.0.1, with the pool that trusts it.
func certificate(t *testing.T) (*tls.Config, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

func TestTLS(t *testing.T) {
	server, trust := certificate(t)
	t.Run("StartTLS", func(t *testing.T) {
		s := start(t, Config{Entries: family(), TLS: server})
		c := stranger(t, s)
		if !slices.Contains(read(t, c, "", "supportedExtension"), "supportedExtension="+oidStartTLS) {
			t.Error("it is not offered")
		}
		must(t, c.StartTLS(trust))
		must(t, c.Bind(annDN, "ann's"))
		if got := read(t, c, annDN, "uid"); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})
	t.Run("LDAPS", func(t *testing.T) {
		s := start(t, Config{Entries: family(), TLS: server, LDAPS: true})
		c, err := ldap.DialURL(s.URL(), ldap.DialWithTLSConfig(trust))
		must(t, err)
		defer func() { must(t, c.Close()) }()
		must(t, c.Bind(annDN, "ann's"))
	})
	t.Run("a client that does not trust the server goes away", func(t *testing.T) {
		s := start(t, Config{TLS: server, LDAPS: true})
		if _, err := ldap.DialURL(s.URL(), ldap.DialWithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12})); err == nil {
			t.Error("it connected")
		}
	})
	t.Run("without a certificate StartTLS is refused", func(t *testing.T) {
		wantCode(t, stranger(t, start(t, Config{})).StartTLS(trust), ProtocolError)
	})
	t.Run("LDAPS needs one", func(t *testing.T) {
		if _, err := Start(Config{LDAPS: true}); err == nil {
			t.Error("it started")
		}
	})
}
