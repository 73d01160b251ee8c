package configs

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// blanks is what is seen of every secret, whatever its length.
const blanks = "********"

// Secret is text that prints and marshals as blanks: in fmt with every verb, in JSON, YAML and slog. The text stands
// behind a pointer because fmt cannot call methods on unexported fields and would print a plain string there.
type Secret struct{ text *string }

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal is the text, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero says whether the text is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// keyLength is how long a key is, in bytes.
const keyLength = 32

// Key is the text as a key of 32 bytes: what openssl rand prints with -hex 32 or -base64 32.
func (s Secret) Key() ([]byte, error) {
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString} {
		if key, err := decode(s.Reveal()); err == nil && len(key) == keyLength {
			return key, nil
		}
	}
	return nil, fmt.Errorf("is not a key of %d bytes in hex or base64", keyLength)
}

// Equal compares in a time that does not depend on where the texts differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String prints blanks.
func (Secret) String() string { return blanks }

// Format prints blanks for every verb, %#v and %x included.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, blanks) }

// MarshalText writes blanks; JSON and YAML use it.
func (Secret) MarshalText() ([]byte, error) { return []byte(blanks), nil }

// LogValue logs blanks.
func (Secret) LogValue() slog.Value { return slog.StringValue(blanks) }
