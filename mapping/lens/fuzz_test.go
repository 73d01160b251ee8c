package lens

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// FuzzEveryLens throws anything a directory may hold, and anything a client may send, at every lens over text: nothing panics, and what
// could be written reads back in a form that stays what it is when it is written again.
func FuzzEveryLens(f *testing.F) {
	for _, seed := range [][2]string{
		{"20260102030405.5+0130", "2026-01-02T03:04:05.5+01:30"},
		{"cn=a\\2c b+sn=c,dc=x", " a,\"b\"\\ "},
		{"S-1-5-32-544", "s-1-0x0100000000FF-1"},
		{"a$b\\24\\5c$", "\\24$"},
		{"134117966450000000", "1601-01-01T00:00:00.0000001Z"},
		{"\x01\x01\x00\x00\x00\x00\x00\x05\x12\x00\x00\x00", "ae4f1df8-ec7d-d011-a765-00a0c91e6bf6"},
		{"AB ſ", "//4="},
	} {
		f.Add([]byte(seed[0]), seed[1])
	}
	var lenses []mapping.Lens
	var names []string
	for _, s := range subjects {
		if s.value == booleans || s.lens == "not" {
			continue
		}
		lenses, names = append(lenses, build(f, s.lens, s.args...)), append(names, s.String())
	}
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		native := backends.Bytes(raw)
		if utf8.Valid(raw) {
			native = backends.String(string(raw))
		}
		if !utf8.ValidString(text) {
			return // JSON has no such text
		}
		for i, l := range lenses {
			_, _ = l.Get(backends.Values{native}) // it may well be unreadable
			for _, before := range []backends.Values{nil, {native}} {
				checkWritten(t, names[i], l, before, text)
			}
		}
	})
}

func checkWritten(t *testing.T, name string, l mapping.Lens, before backends.Values, text string) {
	t.Helper()
	put, err := l.Put(before, []any{text})
	if err != nil {
		return
	}
	shown, err := l.Get(put)
	if err != nil || len(shown) == 0 {
		t.Fatalf("%s: Put(%q, %q) = %q shows as %v, %v", name, before, text, put, shown, err)
	}
	again, err := l.Put(put, shown)
	if err != nil {
		t.Fatalf("%s: %q shows as %v, which cannot be written: %v", name, put, shown, err)
	}
	if got, err := l.Get(again); err != nil || !cmp.Equal(got, shown) {
		t.Fatalf("%s: %q shows as %v, and written again as %v, %v", name, put, shown, got, err)
	}
}
