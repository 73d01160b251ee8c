package backends

import "time"

// Kind is what a Value is.
type Kind uint8

// The kinds of a Value; the set is closed.
const (
	KindString Kind = iota + 1
	KindBytes
	KindInt
	KindDecimal
	KindBool
	KindTime
	KindSecret // cannot be printed or marshalled
)

// Value is one value of an attribute. It is comparable with ==. LDAP yields String for text, Bytes for what is not valid UTF-8 or has a binary syntax (octet string, JPEG …), Secret for passwords.
type Value struct {
	kind Kind
	text string // string, bytes, decimal digits, secret
	num  int64  // int, bool as 0/1, Unix seconds
	nsec int32
}

func String(s string) Value       { return Value{kind: KindString, text: s} }
func Bytes(b []byte) Value        { return Value{kind: KindBytes, text: string(b)} }
func Int(n int64) Value           { return Value{kind: KindInt, num: n} }
func Decimal(digits string) Value { return Value{kind: KindDecimal, text: digits} }
func Secret(s string) Value       { return Value{kind: KindSecret, text: s} }
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}
func Time(t time.Time) Value {
	return Value{kind: KindTime, num: t.Unix(), nsec: int32(t.Nanosecond())}
}

func (v Value) Kind() Kind   { return v.kind }
func (v Value) IsZero() bool { return v.kind == 0 }

// Text is the text of a String or Decimal; the raw bytes of Bytes; canonical text of the others; "" for a Secret.
func (v Value) Text() string    { panic("contract") }
func (v Value) Bytes() []byte   { panic("contract") }
func (v Value) Int() int64      { return v.num }
func (v Value) Bool() bool      { return v.num != 0 }
func (v Value) Time() time.Time { return time.Unix(v.num, int64(v.nsec)).UTC() }

// Reveal is the text of a Secret, for the one place that sends it to the directory.
func (v Value) Reveal() string { return v.text }
func (v Value) String() string { panic("contract") } // for logs; a Secret prints as blanks
// MarshalJSON / UnmarshalJSON: typed form for the journal; a Secret marshals as {"secret":true} without its text. (owner: backends helper)
