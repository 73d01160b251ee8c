// Package auth says who is asking. Here are static bearer tokens: several live ones for each client, so that a token can be
// rotated without a moment in which neither works. cmd hands Tokens.Authenticate to scimapi.
package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Tokens knows the live bearer tokens by their hashes. It is safe for concurrent use.
type Tokens struct{ live []token }

type token struct {
	hash   [sha256.Size]byte
	caller scim.Caller
}

// NewTokens takes the clients by their names.
func NewTokens(clients map[string]configs.Client) *Tokens {
	t := &Tokens{}
	for name, client := range clients {
		caller := scim.Caller{
			Tenant: scim.DefaultTenant, Client: name, Subject: client.Subject,
			Profile: scim.Profile{IgnoreUnknownPaths: client.IgnoresUnknownPaths()},
		}
		for _, secret := range client.Tokens {
			t.live = append(t.live, token{sha256.Sum256([]byte(secret.Reveal())), caller})
		}
	}
	return t
}

// Authenticate reads the Authorization header (RFC 6750 §2.1). Every live token is compared, in constant time, so that neither
// the place nor the length of a near miss can be measured. The error is a 401 *scim.Error.
func (t *Tokens) Authenticate(r *http.Request) (scim.Caller, error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return scim.Caller{}, refused("A bearer token is needed: Authorization: Bearer <token>.")
	}
	scheme, given, _ := strings.Cut(header[0], " ")
	given = strings.TrimSpace(given)
	if len(header) > 1 || !strings.EqualFold(scheme, "Bearer") || given == "" {
		return scim.Caller{}, refused("The Authorization header must be one bearer token: Authorization: Bearer <token>.")
	}
	hash := sha256.Sum256([]byte(given))
	caller, found := scim.Caller{}, 0
	for i := range t.live {
		same := subtle.ConstantTimeCompare(hash[:], t.live[i].hash[:])
		if same == 1 {
			caller = t.live[i].caller
		}
		found |= same
	}
	if found == 0 {
		return scim.Caller{}, refused("This bearer token is not known, or no longer.")
	}
	return caller, nil
}

// Anonymous lets everybody in, for a server that only its own machine can reach (auth.enabled: false).
func Anonymous(*http.Request) (scim.Caller, error) {
	return scim.Caller{Tenant: scim.DefaultTenant, Client: "anonymous"}, nil
}

func refused(detail string) error {
	return &scim.Error{Status: http.StatusUnauthorized, Detail: detail}
}
