package embedded

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // {SSHA} is what directories store
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// lockedForever is the pwdAccountLockedTime of an account that an administrator has closed (draft-behera-ldap-password-policy §5.3.3).
const lockedForever = "000001010000Z"

// bind is a simple bind. Whether the name or the password is wrong is not said (49).
func (c *conn) bind(m message) error {
	c.become(identity{}) // whoever it was, a failed bind leaves nobody (RFC 4513 §4)
	if len(m.op.Children) != 3 {
		return errMessage
	}
	if version, ok := m.op.Children[0].Value.(int64); !ok || version != 3 {
		return refuse(ProtocolError, "requested protocol version not supported")
	}
	credentials := m.op.Children[2]
	if credentials.ClassType != ber.ClassContext || credentials.Tag != 0 {
		return refuse(AuthMethodNotSupported, "only simple binds are understood")
	}
	name, password := text(m.op.Children[1]), text(credentials)
	_, ndn, err := c.srv.store.parseDN(name)
	switch {
	case err != nil:
		return err
	case ndn == "" && password == "":
		return nil
	case password == "":
		return refuse(UnwillingToPerform, "unauthenticated bind (DN with no password) disallowed")
	case !c.srv.authentic(ndn, password):
		return refuse(InvalidCredentials, "")
	}
	c.become(identity{dn: name, ndn: ndn, admin: ndn == c.srv.admin})
	return nil
}

func (c *conn) become(who identity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.who = who
}

func (s *Server) authentic(ndn, password string) bool {
	if want := s.config.AdminPassword; ndn == s.admin && want != "" {
		return subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
	}
	e, ok := s.store.get(ndn)
	if !ok {
		return false
	}
	locked, _ := s.store.schema.Attribute("pwdAccountLockedTime")
	if slices.Contains(e.values(locked), lockedForever) {
		return false
	}
	stored, _ := s.store.schema.Attribute("userPassword")
	for _, v := range e.values(stored) {
		if passwordFits(v, password) {
			return true
		}
	}
	return false
}

// passwordFits compares a password with what is stored: {SSHA}, {SHA}, or as it was given. Other schemes fit nothing.
func passwordFits(stored, password string) bool {
	scheme, rest, found := strings.Cut(stored, "}")
	if !found || !strings.HasPrefix(scheme, "{") {
		return subtle.ConstantTimeCompare([]byte(stored), []byte(password)) == 1
	}
	if scheme = strings.ToUpper(scheme[1:]); scheme != "SSHA" && scheme != "SHA" {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || len(b) < sha1.Size {
		return false
	}
	sum := sha1.Sum(append([]byte(password), b[sha1.Size:]...)) //nolint:gosec // see above
	return subtle.ConstantTimeCompare(sum[:], b[:sha1.Size]) == 1
}

// hashPassword is {SSHA} with a fresh salt.
func hashPassword(password string) string {
	salt := make([]byte, 8)
	_, _ = rand.Read(salt)                             // never fails
	sum := sha1.Sum(append([]byte(password), salt...)) //nolint:gosec // see above
	return "{SSHA}" + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}

// mayRead refuses those who are not bound, unless they may read (slapd's `require authc`).
func (c *conn) mayRead() error {
	if c.srv.config.Anonymous || c.identity().ndn != "" {
		return nil
	}
	return refuse(StrongerAuthRequired, "authentication required")
}

// mayWrite lets the administrator.
func (c *conn) mayWrite() error {
	switch who := c.identity(); {
	case who.admin:
		return nil
	case who.ndn == "":
		return refuse(StrongerAuthRequired, "modifications require authentication")
	default:
		return refuse(InsufficientAccessRights, "")
	}
}
