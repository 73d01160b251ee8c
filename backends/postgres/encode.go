package postgres

import (
	"encoding/hex"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Values reach the database as texts that it casts to the column's type, which it can do for every type there is. Each is read here first, so that
// one that cannot be is blamed on its attribute and not on the statement.

// invalid is a value that its attribute cannot have.
func invalid(attr, detail string) error {
	return &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: detail}
}

// encode is a value as the text that the column's type reads.
func (c *column) encode(attr string, v backends.Value) (string, error) {
	if v.Kind() == backends.KindRow || v.Kind() == backends.KindSecret || v.IsZero() {
		return "", invalid(attr, "The column "+c.name+" holds single values that can be read.")
	}
	out, ok := c.text(v)
	if !ok {
		return "", invalid(attr, "The value of "+attr+" is not of the type of its column, "+c.typ+".")
	}
	if strings.ContainsRune(out, 0) || !utf8.ValidString(out) {
		return "", invalid(attr, "The database cannot hold the value of "+attr+": a text is UTF-8 without NUL.")
	}
	if c.length > 0 && utf8.RuneCountInString(out) > c.length {
		return "", invalid(attr, "The database cannot hold the value of "+attr+": it is longer than "+strconv.Itoa(c.length)+" characters.")
	}
	if why := c.rounds(out); c.family == decimal && why != "" {
		return "", invalid(attr, "The database cannot hold the value of "+attr+": "+why+".")
	}
	return out, nil
}

// text is the canonical text of a value of the column's type.
func (c *column) text(v backends.Value) (string, bool) {
	said := v.Text()
	if v.Kind() == backends.KindBytes && c.family != bytes && !utf8.Valid(v.Bytes()) {
		return "", false
	}
	switch c.family {
	case integer:
		return encodeInteger(c.typ, said)
	case decimal:
		return said, decimalShape.MatchString(said)
	case boolean:
		canonical, ok := backends.Canonical(backends.BooleanRule, said)
		return strings.ToLower(canonical), ok
	case instant:
		t, ok := instantOf(v)
		return t.Format("2006-01-02T15:04:05.999999999Z07:00"), ok && t.Year() >= 1 && t.Year() <= 9999
	case date:
		return encodeDate(v)
	case uuid:
		lower := strings.ToLower(said)
		return lower, uuidLetters.MatchString(lower)
	case bytes:
		return `\x` + hex.EncodeToString(v.Bytes()), true
	case address:
		_, err := netip.ParsePrefix(said)
		if err != nil {
			_, err = netip.ParseAddr(said)
		}
		return said, err == nil && !strings.Contains(said, "%")
	case document:
		text, err := jsonValue(v)
		return text, err == nil
	case foreign, text, citext, enum:
	}
	return said, true
}

var decimalShape = regexp.MustCompile(`^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?$`)

// encodeInteger: what a bigint cannot hold no narrower type can either; those have their own bounds.
func encodeInteger(typ, said string) (string, bool) {
	bits := 64
	switch typ {
	case "smallint":
		bits = 16
	case "integer":
		bits = 32
	}
	n, err := strconv.ParseInt(said, 10, bits)
	return strconv.FormatInt(n, 10), err == nil
}

func instantOf(v backends.Value) (time.Time, bool) {
	if v.Kind() == backends.KindTime {
		return v.Time(), true
	}
	return backends.ParseTime(v.Text())
}

// encodeDate is a day, or the day of an instant in UTC.
func encodeDate(v backends.Value) (string, bool) {
	t, err := time.Parse(time.DateOnly, v.Text())
	ok := err == nil
	if !ok {
		t, ok = instantOf(v)
	}
	return t.Format(time.DateOnly), ok && t.Year() >= 1 && t.Year() <= 9999
}

var uuidLetters = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// sameForm gives equal texts for encoded values that the column's own = takes for equal.
func (c *column) sameForm(encoded string) string {
	switch c.family {
	case citext:
		return backends.Normalize(backends.CaseIgnore, encoded)
	case decimal:
		if len(encoded) < 60 { // an exponent of four digits makes long numbers
			if r, ok := new(big.Rat).SetString(encoded); ok {
				return r.RatString()
			}
		}
	case address:
		if p, err := netip.ParsePrefix(encoded); err == nil {
			return p.String()
		}
		if a, err := netip.ParseAddr(encoded); err == nil {
			return netip.PrefixFrom(a, a.BitLen()).String()
		}
	case instant:
		t, ok := backends.ParseTime(encoded)
		if !ok { // infinity, or a year that no calendar here has
			return encoded
		}
		return t.Round(time.Microsecond).Format(time.RFC3339Nano)
	case foreign, text, integer, boolean, date, uuid, bytes, enum, document:
	}
	return encoded
}

// empty says that a value is none: an empty text.
func empty(v backends.Value) bool {
	switch v.Kind() {
	case backends.KindString, backends.KindBytes, backends.KindDecimal:
		return v.Text() == ""
	case backends.KindInt, backends.KindBool, backends.KindTime, backends.KindSecret:
		return false
	case backends.KindRow:
		return len(v.Row()) == 0
	}
	return true
}

// assigned adds an encoded value, or NULL, as the right side of an assignment to the column.
func (st *statement) assigned(c *column, encoded *string) {
	if encoded == nil {
		st.sql("NULL")
		return
	}
	st.arg(*encoded, "text").sql("::", c.typ)
}

// assignedAll is assigned for an array column.
func (st *statement) assignedAll(c *column, encoded []*string) {
	if len(encoded) == 0 && !c.notNull {
		st.sql("NULL")
		return
	}
	if encoded == nil {
		encoded = []*string{}
	}
	st.arg(encoded, "text[]").sql("::", c.typ, "[]")
}
