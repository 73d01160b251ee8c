package adapter

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

func newTestVault(t *testing.T, fill ...byte) *Vault {
	t.Helper()
	var keys [][]byte
	for _, b := range fill {
		keys = append(keys, bytes.Repeat([]byte{b}, 32))
	}
	v, err := NewVault(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAVaultGivesBackWhatWasPutIn(t *testing.T) {
	t.Parallel()
	v := newTestVault(t, 1)
	for _, want := range []backends.Value{
		backends.Secret("hush"), backends.Secret("\x00\xff"), backends.String("Clerk"), backends.String("\xff"), backends.Bytes([]byte{0, 255}), backends.Int(7), backends.Bool(true),
		backends.Decimal("1.50"), backends.Time(time.Unix(1, 5)), backends.Row(backends.Attributes{"a": backends.Strings("b")}),
	} {
		box, err := v.sealed(want, "here", "now")
		if err != nil || box.Kind() != backends.KindSecret || box.Reveal() != "" || bytes.Contains(box.Box(), []byte("hush")) {
			t.Fatalf("%v: %v", box, err)
		}
		got, err := v.open(box.Box(), "here", "now")
		if err != nil || got.value() != want {
			t.Errorf("%v came back as %v, %v", want, got.value(), err)
		}
		again, err := v.sealed(want, "here", "now")
		if err != nil || again != box {
			t.Errorf("the same in the same place is another box: %v", err)
		}
		if elsewhere, err := v.sealed(want, "here", "later"); err != nil || bytes.Equal(elsewhere.Box()[9:21], box.Box()[9:21]) {
			t.Errorf("two places have one nonce: %v", err)
		}
	}
}

func TestABoxOpensInItsPlaceAndWithItsKeyOnly(t *testing.T) {
	t.Parallel()
	old, both := newTestVault(t, 1), newTestVault(t, 2, 1)
	box, err := old.sealed(backends.Secret("hush"), "ab", "c")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := both.open(box.Box(), "ab", "c"); err != nil || got.value().Reveal() != "hush" {
		t.Errorf("behind a change of keys: %v", err)
	}
	if _, err := newTestVault(t, 2).open(box.Box(), "ab", "c"); !errors.Is(err, errNoKey) {
		t.Errorf("without its key: %v", err)
	}
	if _, err := both.open(box.Box(), "a", "bc"); err == nil {
		t.Error("in another place it opens")
	}
	fresh, err := both.sealed(backends.Secret("hush"), "ab", "c")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.open(fresh.Box(), "ab", "c"); !errors.Is(err, errNoKey) {
		t.Errorf("the first key does not seal: %v", err)
	}
	for i := range box.Box() {
		bad := box.Box()
		bad[i] ^= 1
		if _, err := old.open(bad, "ab", "c"); err == nil {
			t.Errorf("with byte %d altered it opens", i)
		}
		if _, err := old.open(box.Box()[:i], "ab", "c"); err == nil {
			t.Errorf("of %d bytes it opens", i)
		}
	}
	if _, err := NewVault([]byte("short")); err == nil {
		t.Error("a short key is taken")
	}
}
