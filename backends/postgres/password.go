package postgres

import (
	"golang.org/x/crypto/bcrypt"

	"github.com/scim-adapter/scim-adapter/backends"
)

// longestPassword is how many bytes bcrypt looks at. More would count for nothing, and so are not taken.
const longestPassword = 72

// hashed is what is stored of a password: its hash, unless the database makes that itself.
func (c *class) hashed(attr string, password backends.Value) (backends.Value, error) {
	plain := password.Reveal()
	if password.Kind() != backends.KindSecret {
		plain = password.Text()
	}
	if plain == "" {
		return backends.Value{}, invalid(attr, "An empty password is never set.")
	}
	if c.at.Hash == "plain" {
		return backends.String(plain), nil
	}
	if len(plain) > longestPassword {
		return backends.Value{}, invalid(attr, "A password has at most 72 bytes here.")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(plain), bcrypt.DefaultCost)
	if err != nil {
		return backends.Value{}, err
	}
	return backends.String(string(hash)), nil
}
