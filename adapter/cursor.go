package adapter

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// walkID tells one walk by cursor from others of the same search.
type walkID [16]byte

// cursor is where a walk goes on (RFC 9865): behind the resource that was last on a page, or before the one that was first. It carries that
// resource's key and place in the order, and so needs nothing that a replica keeps.
type cursor struct {
	walk walkID
	made time.Time
	back bool         // the page that ends before the key, not the one that begins behind it
	key  backends.Key // "": the walk has yet to begin
	by   scim.SortKey // "" without sortBy

	own bool             // the walk is one of a directory that seeks in its own order of these resources
	at  backends.SortKey // where the resource stood in that
	far bool             // the value there is too long to be carried: at is without it, and the record is looked at again

	counted int // how many there were in all at the beginning of the walk; -1 when that is not carried along
}

// A cursor on the wire is base64url of version, walk, nonce, and the rest encrypted: AES-256-GCM under a key of the walk's own, so that the random
// nonces of all walks together need not be fewer than GCM allows one key. Whose cursor it is and of which search is authenticated with it.
const (
	cursorVersion = 2 // 1 could not say where a resource stands in a directory's own order
	nonceSize     = 12
	cursorHead    = 1 + len(walkID{}) + nonceSize
	cursorInfo    = "scim-adapter cursor"

	cursorBack    = 1 // a flag: of cursor.back
	cursorCounted = 2 // a flag: cursor.counted follows
	cursorOwn     = 4 // a flag: of cursor.own
	cursorValued  = 8 // a flag: the value of cursor.at follows the key

	cursorFar = 16 // a flag: of cursor.far

	longestPlace = 1 << 10 // bytes of a value that is carried, as a part of a URL
)

// seal writes a cursor for the search that has this lease.
func (s *Service) seal(l lease, c cursor) (string, error) {
	aead, err := s.sealer(c.walk)
	if err != nil {
		return "", err
	}
	text := append(make([]byte, 0, 256), cursorVersion)
	text = append(text, c.walk[:]...)
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	text = append(text, nonce...)

	inside := binary.BigEndian.AppendUint64(nil, uint64(c.made.Unix())) //nolint:gosec // its bits are meant
	flags := byte(0)
	if c.back {
		flags |= cursorBack
	}
	if c.counted >= 0 {
		flags |= cursorCounted
	}
	value, valued := c.at.Value()
	if c.own {
		flags |= cursorOwn
	}
	if c.far {
		flags |= cursorFar
	}
	if c.own && valued {
		flags |= cursorValued
	}
	if inside = append(inside, flags); c.counted >= 0 {
		inside = binary.AppendUvarint(inside, uint64(c.counted))
	}
	inside = append(binary.AppendUvarint(inside, uint64(len(c.key))), c.key...)
	if c.own && valued {
		inside = append(binary.AppendUvarint(inside, uint64(len(value))), value...)
	}
	inside = append(inside, c.by...)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(text, nonce, inside, l.bound())), nil
}

// open reads a cursor that was sealed for the search with this lease, here or on another replica, and is not too old.
func (s *Service) open(l lease, text string) (cursor, error) {
	foreign := scim.BadRequest(scim.InvalidCursor, "This cursor is none of ours, or belongs to another search, order or client: begin again without a value for cursor.")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	switch {
	case err != nil || len(raw) < cursorHead || raw[0] == 0 || raw[0] > cursorVersion:
		return cursor{}, foreign
	case raw[0] < cursorVersion:
		return cursor{}, scim.BadRequest(scim.InvalidCursor, "This cursor is of an earlier version of the server: begin again without a value for cursor.")
	}
	c := cursor{walk: walkID(raw[1:])}
	aead, err := s.sealer(c.walk)
	if err != nil {
		return cursor{}, err
	}
	inside, err := aead.Open(nil, raw[cursorHead-nonceSize:cursorHead], raw[cursorHead:], l.bound())
	if err != nil || !c.read(inside) {
		return cursor{}, foreign.Wrap(err)
	}
	if s.o.Now().Sub(c.made) > s.o.CursorTTL {
		return cursor{}, scim.BadRequest(scim.ExpiredCursor, "This cursor is older than %s: begin again without a value for cursor.", s.o.CursorTTL)
	}
	return c, nil
}

// read takes apart what was encrypted.
func (c *cursor) read(inside []byte) (whole bool) {
	if len(inside) < 9 {
		return false
	}
	c.made = time.Unix(int64(binary.BigEndian.Uint64(inside)), 0) //nolint:gosec // its bits are meant
	flags, rest, whole := inside[8], inside[9:], true
	number := func() uint64 {
		v, n := binary.Uvarint(rest)
		rest, whole = rest[max(0, n):], whole && n > 0
		return v
	}
	text := func() string {
		size := number()
		if whole = whole && size <= uint64(len(rest)); !whole {
			return ""
		}
		piece := string(rest[:size])
		rest = rest[size:]
		return piece
	}
	c.back, c.own, c.counted = flags&cursorBack != 0, flags&cursorOwn != 0, -1
	c.far = flags&cursorFar != 0
	if flags&cursorCounted != 0 {
		c.counted = int(number()) //nolint:gosec // it was an int
	}
	c.key = backends.Key(text())
	if flags&cursorValued != 0 {
		c.at = backends.PlaceOf(text())
	}
	c.by = scim.SortKey(rest)
	return whole
}

func (s *Service) sealer(walk walkID) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s.secret, walk[:], cursorInfo, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// bound is what a cursor is good for: everything of a lease but the walk, which the key is made of.
func (l lease) bound() []byte {
	var text []byte
	for _, part := range [...]string{l.tenant, l.client, l.subject, l.typ, l.filter, l.sort, l.part} {
		text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
	}
	return text
}

func newWalk() (id walkID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}
