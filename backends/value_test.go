package backends

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyValue draws values of every kind.
func anyValue() *rapid.Generator[Value] {
	return rapid.Custom(func(t *rapid.T) Value {
		switch Kind(rapid.IntRange(int(KindString), int(KindSecret)).Draw(t, "kind")) {
		case KindString:
			return String(rapid.String().Draw(t, "text"))
		case KindBytes:
			return Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		case KindInt:
			return Int(rapid.Int64().Draw(t, "int"))
		case KindDecimal:
			return Decimal(rapid.StringMatching(`-?[0-9]{1,30}(\.[0-9]{1,5})?`).Draw(t, "digits"))
		case KindBool:
			return Bool(rapid.Bool().Draw(t, "bool"))
		case KindTime:
			return Time(time.Unix(rapid.Int64Range(0, 250_000_000_000).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")))
		default:
			return Secret("")
		}
	})
}

func TestValuesSurviveTheJournal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyValue().Draw(t, "value")
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Value
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got != want {
			t.Fatalf("%#v became %s became %#v", want, text, got)
		}
	})
}

func TestValueForms(t *testing.T) {
	noon := time.Date(2024, 1, 31, 12, 0, 0, 5, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		value               Value
		text, printed, json string
	}{
		"a text":                      {String("a\"b"), "a\"b", "a\"b", `{"string":"a\"b"}`},
		"an empty text":               {String(""), "", "", `{"string":""}`},
		"a text that is not UTF-8":    {String("a\xff"), "a\xff", "a\xff", `{"string64":"Yf8="}`},
		"bytes":                       {Bytes([]byte{0, 'a', 0xff}), "\x00a\xff", `"\x00a\xff"`, `{"bytes":"AGH/"}`},
		"no bytes":                    {Bytes(nil), "", `""`, `{"bytes":""}`},
		"the least number":            {Int(math.MinInt64), "-9223372036854775808", "-9223372036854775808", `{"int":-9223372036854775808}`},
		"a number beyond a float":     {Int(1<<53 + 1), "9007199254740993", "9007199254740993", `{"int":9007199254740993}`},
		"digits kept as written":      {Decimal("1.50"), "1.50", "1.50", `{"decimal":"1.50"}`},
		"true":                        {Bool(true), "true", "true", `{"bool":true}`},
		"false":                       {Bool(false), "false", "false", `{"bool":false}`},
		"an instant, in UTC":          {Time(noon), "2024-01-31T11:00:00.000000005Z", "2024-01-31T11:00:00.000000005Z", `{"time":"2024-01-31T11:00:00.000000005Z"}`},
		"a secret":                    {Secret("hunter2"), "", blanks, `{"secret":true}`},
		"a secret that is empty":      {Secret(""), "", blanks, `{"secret":true}`},
		"no value":                    {Value{}, "", "", `null`},
		"a secret made of the zero 1": {Value{kind: KindSecret}, "", blanks, `{"secret":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(c.value)
			if c.value.Text() != c.text || string(c.value.Bytes()) != c.text || c.value.String() != c.printed || string(text) != c.json || err != nil {
				t.Errorf("got text %q, printed %q, JSON %s (%v)", c.value.Text(), c.value, text, err)
			}
		})
	}
}

func TestStoredValuesOfNoKindAreRefused(t *testing.T) {
	for _, text := range []string{`{}`, `{"number":1}`, `[]`, `"a"`, `1`, `{"int":"1"}`, `{"int":1.5}`, `{"bytes":"!"}`, `{"time":"noon"}`} {
		var v Value
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("%s became %#v", text, v)
		}
	}
}

// carrier has a Value where fmt cannot call its methods.
type carrier struct {
	Open   Value
	hidden Value
	many   Values
	nested map[string]Values
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const password = "hunter2"
	secret := Secret(password)
	if secret.Reveal() != password || secret != Secret(password) || secret == Secret("other") || String(password).Reveal() != "" {
		t.Error("a secret is to be compared and revealed, and nothing else is")
	}
	c := carrier{secret, secret, Values{secret}, map[string]Values{"userPassword": {secret}}}
	change := Change{Op: SetPassword, Attr: "userPassword", Values: Strings(password)} // somebody forgot to say Secret
	record := Record{Attrs: Attributes{"userPassword": {secret}}}
	var log strings.Builder
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("x", "value", secret, "record", record, "carrier", c)
	}
	for _, marshalled := range []any{secret, change, record, c} {
		text, err := json.Marshal(marshalled)
		if err != nil {
			t.Fatal(err)
		}
		log.Write(text)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t", "%20v", "%-20s", "%.3v", "%w", "%!"} {
		fmt.Fprintf(&log, verb+verb+verb+verb, secret, c, &c, record)
		fmt.Fprintf(&log, verb, Eq{Attr: "userPassword", Value: secret})
	}
	log.WriteString(Describe(And{Eq{Attr: "userPassword", Value: secret}, Order{Attr: "x", Value: secret}}))
	log.WriteString((&Error{Kind: ErrInvalid, Cause: fmt.Errorf("value %v", secret)}).Error())
	for _, form := range []string{password, fmt.Sprintf("%x", password), fmt.Sprintf("%X", password), fmt.Sprintf("%d", []byte(password))} {
		if strings.Contains(log.String(), form) {
			t.Errorf("the secret can be read as %s in:\n%s", form, log.String())
		}
	}
	if !strings.Contains(log.String(), blanks) {
		t.Error("nothing was printed at all")
	}
}

func TestValuesPrintAsOneKnowsThem(t *testing.T) {
	for format, want := range map[string]string{"%v": "a b", "%s": "a b", "%q": `"a b"`, "%5v|": "  a b|", "%#v": `backends.String("a b")`} {
		if got := fmt.Sprintf(format, String("a b")); got != want {
			t.Errorf("%s prints %s, want %s", format, got, want)
		}
	}
	if got := fmt.Sprintf("%5v|%#v|%v", Int(7), Value{}, Values{Bool(true), String("x")}); got != "    7|backends.Value{}|[true x]" {
		t.Errorf("printed %s", got)
	}
}

func TestChangesSurviveTheJournal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Change{
			Op:     rapid.SampledFrom([]ChangeOp{Add, Remove, Replace, SetPassword}).Draw(t, "op"),
			Attr:   rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "attr"),
			Values: rapid.SliceOfN(anyValue(), 1, 3).Draw(t, "values"),
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Change
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got.Op != want.Op || got.Attr != want.Attr || len(got.Values) != len(want.Values) {
			t.Fatalf("%v became %s became %v", want, text, got)
		}
		for i, v := range got.Values {
			if want.Op == SetPassword && v != Secret("") || want.Op != SetPassword && v != want.Values[i] {
				t.Fatalf("%#v became %s became %#v", want, text, got)
			}
		}
	})
	if _, err := json.Marshal(Change{Op: 99}); err == nil {
		t.Error("a change of no kind was written down")
	}
	if err := json.Unmarshal([]byte(`{"op":"increment"}`), new(Change)); err == nil {
		t.Error("a change of no kind was read")
	}
}

func TestClonesShareNothing(t *testing.T) {
	original := Record{Key: "k", Attrs: Attributes{"cn": Strings("a", "b"), "none": nil}}
	clone := original.Clone()
	change := Change{Op: Add, Attr: "cn", Values: original.Attrs["cn"]}.Clone()
	original.Attrs["cn"][0] = String("changed")
	original.Attrs["sn"] = Strings("new")
	if got := clone.Attrs["cn"].Texts(); got[0] != "a" || len(clone.Attrs) != 2 || clone.Attrs["none"] != nil {
		t.Errorf("the clone became %v", clone)
	}
	if change.Values[0] != String("a") {
		t.Errorf("the clone of a change became %v", change)
	}
	if Attributes(nil).Clone() != nil || Values(nil).Clone() != nil || (Record{}).Clone().Attrs != nil {
		t.Error("nil is to stay nil")
	}
}

func TestAttributesAreFoundInAnyLetterCase(t *testing.T) {
	attrs := Attributes{"mail": Strings("exact"), "MAIL": Strings("loud"), "cn;lang-de": Strings("deutsch"), "sN": Strings("x"), "SN": Strings("least")}
	for name, want := range map[string]string{"mail": "exact", "MAIL": "loud", "Mail": "loud", "CN;LANG-DE": "deutsch", "cn": "", "sn": "least"} {
		if got := attrs.Get(name); len(got) > 1 || (len(got) == 1) != (want != "") || want != "" && got[0].Text() != want {
			t.Errorf("Get(%q) = %v, want %q", name, got, want)
		}
	}
	if Attributes(nil).Get("cn") != nil {
		t.Error("no attributes have a value")
	}
}

func TestErrorsTellTheLogMoreThanTheClient(t *testing.T) {
	cause := errors.New("LDAP 19: uid: not unique")
	err := error(&Error{Kind: ErrExists, Attr: "uid", Detail: "The name is taken.", Cause: cause})
	if got, want := err.Error(), "already exists: uid: The name is taken: LDAP 19: uid: not unique"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	empty := &Error{Kind: ErrExists, Detail: "The name is taken.", Cause: errors.New(`LDAP Result Code 68 "Entry Already Exists": `)}
	if got, want := empty.Error(), `already exists: The name is taken: LDAP Result Code 68 "Entry Already Exists"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	wrapped := fmt.Errorf("create: %w", err)
	var e *Error
	if !errors.Is(wrapped, ErrExists) || !errors.Is(wrapped, cause) || errors.Is(wrapped, ErrInvalid) || !errors.As(wrapped, &e) || e.Attr != "uid" {
		t.Errorf("%v is not found for what it is", wrapped)
	}
	if (&Error{}).Error() == "" || errors.Is(&Error{}, ErrExists) {
		t.Error("an empty error is to be nothing in particular, and to say something")
	}
}

func TestReadOnlyRefusesEveryWrite(t *testing.T) {
	var w Writer = ReadOnly{}
	_, create := w.Create(t.Context(), nil, nil, nil)
	_, modify := w.Modify(t.Context(), "", nil, Condition{}, nil)
	for what, err := range map[string]error{
		"Create": create, "Modify": modify, "Move": w.Move(t.Context(), "", nil, Condition{}), "Delete": w.Delete(t.Context(), "", Condition{}),
	} {
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestRow(t *testing.T) {
	row := Row(Attributes{"kind": Strings("work"), "address": Strings("b@x"), "main": {Bool(true)}, "none": {}, "pin": {Secret("1234")}})
	same := Row(Attributes{"main": {Bool(true)}, "address": Strings("b@x"), "kind": Strings("work")})
	if row != same {
		t.Errorf("%v and %v are different rows", row, same)
	}
	if parts := row.Row(); len(parts) != 3 || parts.Get("kind").Texts()[0] != "work" || !parts.Get("main")[0].Bool() {
		t.Errorf("its parts are %v", parts)
	}
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	var back Value
	if err := json.Unmarshal(text, &back); err != nil || back != row {
		t.Errorf("%s came back as %v, %v", text, back, err)
	}
	if strings.Contains(fmt.Sprintf("%v %#v %s", row, row, text), "1234") {
		t.Errorf("%s shows a secret", text)
	}
	if len(String("{}").Row()) != 0 {
		t.Error("a text has parts")
	}
}
