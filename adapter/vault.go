package adapter

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Vault seals values that are to be kept and that nobody is to read who has only the database: AES-256-GCM under a key from outside of it. What a value is of (the
// event or the record, and the attribute) is sealed along with it, so that a box opens in its own place only. The first key seals, all of them open.
//
// The nonce is made of what is sealed and of its place, by HMAC under a key of its own. So the same value in the same place is the same box: an event that is written
// again is the same event, and a snapshot stores a record anew only when it has changed. All that a box tells is that it is the same as another one of its place.
type Vault struct {
	Closed bool // nothing more is put in; what is in comes out

	first *vaultKey
	byID  map[[keyIDLength]byte]*vaultKey
}

type vaultKey struct {
	id    [keyIDLength]byte
	aead  cipher.AEAD
	nonce []byte // what nonces are made with
}

const (
	keyIDLength = 8
	nonceLength = 12
	boxFormat   = 1 // the first byte of a box; the key's id, the nonce and the ciphertext follow
)

// NewVault makes one of keys of 32 bytes; nil without any.
func NewVault(keys ...[]byte) (*Vault, error) {
	if len(keys) == 0 {
		return nil, nil //nolint:nilnil // no vault is an answer
	}
	v := &Vault{byID: map[[keyIDLength]byte]*vaultKey{}}
	for _, secret := range keys {
		k, err := newVaultKey(secret)
		if err != nil {
			return nil, err
		}
		v.byID[k.id] = k
		if v.first == nil {
			v.first = k
		}
	}
	return v, nil
}

func newVaultKey(secret []byte) (*vaultKey, error) {
	if len(secret) != 32 {
		return nil, errors.New("a key of a vault has 32 bytes")
	}
	derived := map[string][]byte{"id": nil, "seal": nil, "nonce": nil}
	for use := range derived {
		key, err := hkdf.Key(sha256.New, secret, nil, "scim-adapter backup "+use, 32)
		if err != nil {
			return nil, err
		}
		derived[use] = key
	}
	block, err := aes.NewCipher(derived["seal"])
	if err != nil {
		return nil, err
	}
	k := &vaultKey{nonce: derived["nonce"], id: [keyIDLength]byte(derived["id"])}
	k.aead, err = cipher.NewGCM(block)
	return k, err
}

// sealedValue is what lies in a box.
type sealedValue struct {
	Secret   []byte          `json:"secret,omitempty"`   // the text of a Secret
	Value    *backends.Value `json:"value,omitempty"`    // any other
	Document string          `json:"document,omitempty"` // the whole document of which the value is a part
}

// placeOf is where a box belongs: each part behind its length.
func placeOf(about []string) []byte {
	var all []byte
	for _, part := range about {
		all = binary.BigEndian.AppendUint64(all, uint64(len(part)))
		all = append(all, part...)
	}
	return all
}

// seal puts a value into a box.
func (v *Vault) seal(what sealedValue, about ...string) (backends.Value, error) {
	text, err := json.Marshal(what)
	if err != nil {
		return backends.Value{}, err
	}
	place := placeOf(about)
	mac := hmac.New(sha256.New, v.first.nonce)
	mac.Write(placeOf([]string{string(place), string(text)}))
	nonce := mac.Sum(nil)[:nonceLength]
	box := append([]byte{boxFormat}, v.first.id[:]...)
	box = append(box, nonce...)
	return backends.Sealed(v.first.aead.Seal(box, nonce, text, place)), nil
}

// errNoKey is that a box was made with a key that is not there.
var errNoKey = errors.New("the key that it was sealed with is not there")

// open gives what is in a box.
func (v *Vault) open(box []byte, about ...string) (what sealedValue, err error) {
	const head = 1 + keyIDLength
	if len(box) < head+nonceLength || box[0] != boxFormat {
		return what, errors.New("it is no box of this program")
	}
	k := v.byID[[keyIDLength]byte(box[1:head])]
	if k == nil {
		return what, errNoKey
	}
	text, err := k.aead.Open(nil, box[head:head+nonceLength], box[head+nonceLength:], placeOf(about))
	if err != nil {
		return what, fmt.Errorf("it was altered, or is of another place: %w", err)
	}
	return what, json.Unmarshal(text, &what)
}

// sealed is a value in a box: a Secret with its text, anything else as it is.
func (v *Vault) sealed(value backends.Value, about ...string) (backends.Value, error) {
	if value.Kind() == backends.KindSecret {
		return v.seal(sealedValue{Secret: []byte(value.Reveal())}, about...)
	}
	return v.seal(sealedValue{Value: &value}, about...)
}

// value is what was put into a box.
func (s sealedValue) value() backends.Value {
	if s.Value != nil {
		return *s.Value
	}
	return backends.Secret(string(s.Secret))
}
