package backends

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
	"unique"
)

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
	KindRow    // several named values that belong together: a child row, an object in a document
)

// blanks is what a Secret looks like wherever it is printed, whatever its length.
const blanks = "********"

// Value is one value of an attribute. It is comparable with ==. LDAP yields String for text, Bytes for what is not valid UTF-8 or has a
// binary syntax (octet string, JPEG …), Secret for passwords. The zero Value is no value at all.
type Value struct {
	kind Kind
	text string // string, bytes, decimal digits; a row as rowtext.go has it
	num  int64  // int, bool as 0/1, Unix seconds
	nsec int32
	// secret is a handle and not a string: fmt reads unexported fields by reflection, past every method that would print blanks.
	secret unique.Handle[string]
}

// String is a text value.
func String(s string) Value { return Value{kind: KindString, text: s} }

// Bytes is a binary value; b is copied.
func Bytes(b []byte) Value { return Value{kind: KindBytes, text: string(b)} }

// Int is an integer value.
func Int(n int64) Value { return Value{kind: KindInt, num: n} }

// Decimal is a number that is no int64, its digits kept as they are written.
func Decimal(digits string) Value { return Value{kind: KindDecimal, text: digits} }

// Secret is a password or key: it can be compared and sent, never printed.
func Secret(s string) Value { return Value{kind: KindSecret, secret: unique.Make(s)} }

// Sealed is a secret of which there is only a box that somebody else has the key of: like a Secret whose text nobody has, but the box can be kept.
func Sealed(box []byte) Value { return Value{kind: KindSecret, text: string(box)} }

// Bool is a truth value.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Time is an instant, to the nanosecond; its zone is not kept.
func Time(t time.Time) Value {
	return Value{kind: KindTime, num: t.Unix(), nsec: int32(t.Nanosecond())}
}

// Strings makes text values.
func Strings(texts ...string) Values {
	values := make(Values, len(texts))
	for i, s := range texts {
		values[i] = String(s)
	}
	return values
}

// Row is a value that has parts, by name. What has no values is left out, and so is what cannot be printed.
func Row(parts Attributes) Value { return Value{kind: KindRow, text: rowText(parts)} }

// Row are the parts of a Row, the caller's own.
func (v Value) Row() Attributes {
	if v.kind != KindRow {
		return Attributes{}
	}
	r := rowReader{rest: v.text}
	return r.parts()
}

// Kind says what v is; 0 for the zero Value.
func (v Value) Kind() Kind { return v.kind }

// IsZero says that v is no value at all.
func (v Value) IsZero() bool { return v.kind == 0 }

// Text is the text of a String or Decimal, the raw bytes of Bytes and the JSON of a Row; digits for an Int, "true" or "false" for a Bool (LDAP spells them
// otherwise), RFC 3339 in UTC for a Time; "" for a Secret.
func (v Value) Text() string {
	switch v.kind {
	case KindString, KindBytes, KindDecimal:
		return v.text
	case KindRow:
		text, _ := json.Marshal(v.Row()) // the names sorted. Nothing in it can fail
		return string(text)
	case KindInt:
		return strconv.FormatInt(v.num, 10)
	case KindBool:
		return strconv.FormatBool(v.num != 0)
	case KindTime:
		return v.Time().Format(time.RFC3339Nano)
	case KindSecret:
		return ""
	}
	return ""
}

// Bytes are the bytes of Text, the caller's own.
func (v Value) Bytes() []byte { return []byte(v.Text()) }

// Int is the number of an Int.
func (v Value) Int() int64 { return v.num }

// Bool is the truth of a Bool.
func (v Value) Bool() bool { return v.num != 0 }

// Time is the instant of a Time, in UTC.
func (v Value) Time() time.Time { return time.Unix(v.num, int64(v.nsec)).UTC() }

// Box is what Sealed was given; of anything else it is nil.
func (v Value) Box() []byte {
	if v.kind != KindSecret || v.text == "" {
		return nil
	}
	return []byte(v.text)
}

// Reveal is the text of a Secret, for the two places that need it: the one that sends it to the directory, and the one that seals it. Of anything else it is "".
func (v Value) Reveal() string {
	if v.kind != KindSecret || v.secret == (unique.Handle[string]{}) {
		return ""
	}
	return v.secret.Value()
}

// String is for logs: the text, quoted where it is binary, and blanks for a Secret.
func (v Value) String() string {
	switch v.kind {
	case KindSecret:
		return blanks
	case KindBytes:
		return strconv.QuoteToASCII(v.text)
	default:
		return v.Text()
	}
}

// GoString is what %#v prints. Like String it keeps a Secret to itself.
func (v Value) GoString() string {
	name := map[Kind]string{
		KindString: "String", KindBytes: "Bytes", KindInt: "Int", KindDecimal: "Decimal", KindBool: "Bool", KindTime: "Time", KindSecret: "Secret",
		KindRow: "Row",
	}[v.kind]
	if name == "" {
		return "backends.Value{}"
	}
	return fmt.Sprintf("backends.%s(%q)", name, v.String())
}

// Format answers every verb of fmt, so that %d, %x or a misprint cannot reach what String hides.
func (v Value) Format(f fmt.State, verb rune) {
	text := v.String()
	switch {
	case verb == 'v' && f.Flag('#'):
		text = v.GoString()
	case verb == 'q':
		text = strconv.Quote(text)
	}
	if width, ok := f.Width(); ok {
		text = fmt.Sprintf("%*s", width, text)
	}
	_, _ = f.Write([]byte(text)) // fmt.State never fails
}

// wire is a Value as the journal keeps it: one member, named after the kind.
type wire struct {
	String   *string     `json:"string,omitempty"`
	String64 []byte      `json:"string64,omitempty"` // a String that is not UTF-8, which JSON would mend silently
	Bytes    *[]byte     `json:"bytes,omitempty"`
	Int      *int64      `json:"int,omitempty"`
	Decimal  *string     `json:"decimal,omitempty"`
	Bool     *bool       `json:"bool,omitempty"`
	Time     *time.Time  `json:"time,omitempty"`
	Secret   *bool       `json:"secret,omitempty"`
	Sealed   []byte      `json:"sealed,omitempty"` // the box of a Secret
	Row      *Attributes `json:"row,omitempty"`
}

// MarshalJSON keeps the kind: {"int":7}. A Secret is {"secret":true}, its text is gone, if it does not lie in a box.
func (v Value) MarshalJSON() ([]byte, error) {
	var w wire
	switch v.kind {
	case KindString:
		if utf8.ValidString(v.text) {
			w.String = &v.text
		} else {
			w.String64 = []byte(v.text)
		}
	case KindBytes:
		b := []byte(v.text)
		w.Bytes = &b
	case KindInt:
		w.Int = &v.num
	case KindDecimal:
		w.Decimal = &v.text
	case KindBool:
		b := v.Bool()
		w.Bool = &b
	case KindTime:
		t := v.Time()
		w.Time = &t
	case KindSecret:
		yes := true
		w.Secret, w.Sealed = &yes, v.Box()
	case KindRow:
		parts := v.Row()
		w.Row = &parts
	default:
		return []byte("null"), nil
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote. A Secret comes back as a Secret without text, with its box.
func (v *Value) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("a stored value: %w", err)
	}
	switch {
	case w.String != nil:
		*v = String(*w.String)
	case w.String64 != nil:
		*v = String(string(w.String64))
	case w.Bytes != nil:
		*v = Bytes(*w.Bytes)
	case w.Int != nil:
		*v = Int(*w.Int)
	case w.Decimal != nil:
		*v = Decimal(*w.Decimal)
	case w.Bool != nil:
		*v = Bool(*w.Bool)
	case w.Time != nil:
		*v = Time(*w.Time)
	case w.Secret != nil:
		if *v = Secret(""); len(w.Sealed) > 0 {
			*v = Sealed(w.Sealed)
		}
	case w.Row != nil:
		*v = Row(*w.Row)
	case string(data) == "null":
		*v = Value{}
	default:
		return fmt.Errorf("a stored value of no known kind: %.40s", data)
	}
	return nil
}
