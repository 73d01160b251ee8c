package embedded

import (
	"errors"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/goleak"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "s3cret"

// start runs a server with the usual tree, whose administrator's password is secret, and holds it to giving everything back.
func start(t *testing.T, config Config) *Server {
	t.Helper()
	config.AdminPassword = secret
	if config.Entries == nil {
		config.Entries = Generate(0, 0)
	}
	s, err := Start(config)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// client is connected and bound as the administrator.
func client(t *testing.T, s *Server) *ldap.Conn {
	t.Helper()
	c := stranger(t, s)
	must(t, c.Bind("cn=admin,dc=example,dc=org", secret))
	return c
}

// stranger is connected and not bound.
func stranger(t *testing.T, s *Server) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL(s.URL())
	must(t, err)
	c.SetTimeout(5 * time.Second)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func plainStore(t *testing.T) *store {
	t.Helper()
	return newStore(schema.Standard(), DefaultSuffix, time.Now)
}

// noAnswer is what codeOf says of an error that no server sent.
const noAnswer Code = -1

// codeOf is the LDAP result code of an error, 0 for none.
func codeOf(err error) Code {
	var e *ldap.Error
	switch {
	case err == nil:
		return Success
	case errors.As(err, &e) && e.ResultCode < ldap.ErrorNetwork:
		return Code(e.ResultCode)
	default:
		return noAnswer
	}
}

func wantCode(t *testing.T, err error, want Code) {
	t.Helper()
	if got := codeOf(err); got != want {
		t.Errorf("result %d, want %d (%v)", got, want, err)
	}
}
