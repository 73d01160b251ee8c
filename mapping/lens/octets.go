package lens

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func octets() []mapping.Spec {
	return []mapping.Spec{
		{
			Name: "guid", Usage: "guid", Type: scim.TypeString, Ops: onState, Exact: true,
			Doc: "The 16 bytes of an `objectGUID` in Active Directory's order (the first three groups are little-endian) ⇄ the usual text of a UUID, in lower case.",
			New: noArgs(code{decode: guidText, encode: guidBytes}.lens()),
			Examples: []mapping.Example{
				{Native: []string{"\xf8\x1d\x4f\xae\x7d\xec\x11\xd0\xa7\x65\x00\xa0\xc9\x1e\x6b\xf6"}, Scim: []any{"ae4f1df8-ec7d-d011-a765-00a0c91e6bf6"}},
			},
		},
		{
			Name: "sid", Usage: "sid", Type: scim.TypeString, Ops: onState, Exact: true,
			Doc: "A Windows security identifier as bytes ⇄ its text, `S-1-5-21-…`.",
			New: noArgs(code{decode: sidText, encode: sidBytes}.lens()),
			Examples: []mapping.Example{
				{Native: []string{"\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00\x20\x02\x00\x00"}, Scim: []any{"S-1-5-32-544"}},
			},
		},
		{
			Name: "base64", Usage: "base64", Type: scim.TypeBinary, Ops: onState, Exact: true,
			Doc: "Bytes, such as a `jpegPhoto` ⇄ base64 (RFC 4648 §4). In a filter it compares with case, whatever the attribute says.",
			New: noArgs(code{decode: base64Text, encode: base64Bytes, caseful: true}.lens()),
			Examples: []mapping.Example{
				{Native: []string{"\xff\xd8\xff"}, Scim: []any{"/9j/"}},
			},
		},
	}
}

// code is a text form of bytes. decode(encode(s)) is the normal form of s.
type code struct {
	decode  func(raw string) (string, error)
	encode  func(text string) ([]byte, error)
	caseful bool // texts that differ in case are different values
}

func (c code) lens() each { return each{show: c.show, write: c.write, where: c.where} }

func (c code) show(v backends.Value) (any, bool, error) {
	text, err := c.decode(v.Text())
	if text == "" {
		return nil, err == nil, err
	}
	return text, false, err
}

func (c code) write(v any, _ backends.Kind) (backends.Value, error) {
	s, err := asText(v)
	if err != nil {
		return backends.Value{}, err
	}
	raw, err := c.encode(s)
	return backends.Bytes(raw), err
}

// where looks for the bytes of a literal that is the text of some bytes. pr takes it that the attribute holds nothing else.
func (c code) where(t mapping.Test) (backends.Predicate, bool) {
	switch t.Op {
	case filter.Pr:
		return next(t, filter.Pr, nil)
	case filter.Eq:
	default:
		return nil, false
	}
	if c.caseful && t.Fold {
		return nil, false // several byte strings would do
	}
	want, isText := t.Value.(string)
	if !isText {
		return nil, false
	}
	raw, err := c.encode(want)
	if err != nil {
		return backends.False{}, true
	}
	text, err := c.decode(string(raw))
	if err != nil || text == "" || !fulfils(filter.Eq, text, want, t.Fold) {
		return backends.False{}, true // such a text is never shown
	}
	return next(t, filter.Eq, raw)
}

// guidOrder is where each byte of the text stands in the directory's value (MS-DTYP §2.3.4).
var guidOrder = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

func guidText(raw string) (string, error) {
	if len(raw) != len(guidOrder) {
		return "", fmt.Errorf("a GUID has 16 bytes, not %d", len(raw))
	}
	var b [16]byte
	for i, from := range guidOrder {
		b[i] = raw[from]
	}
	s := hex.EncodeToString(b[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-"), nil
}

var guidForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func guidBytes(text string) ([]byte, error) {
	if !guidForm.MatchString(text) {
		return nil, fmt.Errorf("must be a UUID such as ae4f1df8-ec7d-d011-a765-00a0c91e6bf6, not %s", clip(text))
	}
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	raw := make([]byte, len(guidOrder))
	for i, to := range guidOrder {
		raw[to] = b[i]
	}
	return raw, err
}

// A SID is a revision, a count, six bytes of authority (big-endian), and so many sub-authorities (little-endian): MS-DTYP §2.4.2.
const (
	sidRevision = 1
	sidHead     = 8
	sidMost     = 15
)

func sidText(raw string) (string, error) {
	if len(raw) < sidHead || raw[0] != sidRevision || raw[1] > sidMost || len(raw) != sidHead+4*int(raw[1]) {
		return "", fmt.Errorf("%d bytes that are no SID", len(raw))
	}
	authority := binary.BigEndian.Uint64([]byte("\x00\x00" + raw[2:sidHead]))
	var b strings.Builder
	b.WriteString("S-1-")
	if authority < 1<<32 {
		b.WriteString(strconv.FormatUint(authority, 10))
	} else {
		fmt.Fprintf(&b, "0x%012X", authority) // MS-DTYP §2.4.2.1
	}
	for i := sidHead; i < len(raw); i += 4 {
		b.WriteByte('-')
		b.WriteString(strconv.FormatUint(uint64(binary.LittleEndian.Uint32([]byte(raw[i:i+4]))), 10))
	}
	return b.String(), nil
}

var sidForm = regexp.MustCompile(`^[Ss]-1-([0-9]{1,10}|0[xX][0-9A-Fa-f]{12})((?:-[0-9]{1,10}){0,15})$`)

func sidBytes(text string) ([]byte, error) {
	fault := fmt.Errorf("must be a security identifier such as S-1-5-32-544, not %s", clip(text))
	m := sidForm.FindStringSubmatch(text)
	if m == nil {
		return nil, fault
	}
	base, digits := 10, m[1]
	if strings.HasPrefix(strings.ToLower(digits), "0x") {
		base, digits = 16, digits[2:]
	}
	authority, err := strconv.ParseUint(digits, base, 48)
	if err != nil {
		return nil, fault
	}
	parts := strings.Split(m[2], "-")[1:]
	raw := binary.BigEndian.AppendUint64(nil, authority)
	raw[0], raw[1] = sidRevision, byte(len(parts))
	for _, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return nil, fault
		}
		raw = binary.LittleEndian.AppendUint32(raw, uint32(n))
	}
	return raw, nil
}

func base64Text(raw string) (string, error) {
	return base64.StdEncoding.EncodeToString([]byte(raw)), nil
}

func base64Bytes(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 {
		return nil, fmt.Errorf("must be base64 (RFC 4648 §4) of at least one byte")
	}
	return raw, nil
}
