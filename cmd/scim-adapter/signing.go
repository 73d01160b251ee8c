package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/scim-adapter/scim-adapter/configs"
)

// signingFile is the key of checkpoints and anchors below journal.path, where the configuration has none.
const signingFile = "signing.key"

// signingKey is what checkpoints and anchors are signed with: journal.signing_key, else the one that is kept beside the journal. serve makes that one; who works for it
// elsewhere must not, because nobody would know the signatures of another key.
func signingKey(config *configs.Config, mayMake bool) (ed25519.PrivateKey, error) {
	if key := config.Journal.SigningKey; !key.IsZero() {
		seed, err := key.Key()
		if err != nil {
			return nil, fmt.Errorf("journal.signing_key %w", err)
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}
	path := filepath.Join(config.Journal.Path, signingFile)
	read := readKey
	if mayMake {
		read = keptKey
	}
	text, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("journal.signing_key is not set, and %s, which serve makes then, is not here", path)
	}
	if err != nil {
		return nil, fmt.Errorf("journal.signing_key: %w", err)
	}
	seed := sha256.Sum256(text)
	return ed25519.NewKeyFromSeed(seed[:]), nil
}

// keyID names a key to whoever verifies: the beginning of the digest of its public half.
func keyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// signer signs with a key.
func signer(key ed25519.PrivateKey) func(message []byte) (string, []byte, error) {
	id := keyID(key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is one
	return func(message []byte) (string, []byte, error) { return id, ed25519.Sign(key, message), nil }
}
