package pgjournal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
)

// seal encrypts plain with AES-256-GCM and binds it to about. The nonce is made of what is sealed (HMAC-SHA256 under the key): the same twice is the same bytes, so
// that a row sent again can be told from another by its digest, and two texts never share a nonce.
func seal(key, plain, about []byte) ([]byte, error) {
	gcm, err := gcmOf(key)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(about)
	mac.Write([]byte{0})
	mac.Write(plain)
	nonce := mac.Sum(nil)[:gcm.NonceSize()]
	return gcm.Seal(nonce, nonce, plain, about), nil
}

var errSealed = errors.New("what is sealed does not open with this key")

func open(key, sealed, about []byte) ([]byte, error) {
	gcm, err := gcmOf(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errSealed
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], about)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

func gcmOf(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("a key of the journal: %w", err)
	}
	return cipher.NewGCM(block)
}
