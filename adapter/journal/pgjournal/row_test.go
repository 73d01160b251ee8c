package pgjournal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
)

// Rows that lie in databases are verified and opened with what was computed when they were written: whoever changes these values must keep the old way beside the new.
func TestWhatLiesInDatabasesStaysVerifiable(t *testing.T) {
	r := row{
		table: tableIntents, id: uuid.MustParse("01a209ee-ffdf-773d-bda7-4c35ff83c300"), time: stamp(moment), deadline: stamp(moment.Add(time.Minute)), tenant: "default",
		user: "ann", resourceType: "User", resourceID: "k1", action: "patch", address: netip.MustParseAddr("2001:db8::1"), userAgent: "curl/8 <é>",
		details: []byte(`{"steps": [{"op": "modify", "attrs": ["mail"]}], "client": "okta", "latency_ms": 12, "sealed": "AP8="}`),
	}
	closed := r
	closed.table, closed.kind = tableEvents, kindWrites
	for _, r := range []*row{&r, &closed} {
		var err error
		r.digest, err = digestOf(*r)
		must(t, err)
	}
	link := next(make([]byte, 32), "writer", 1, r.table, r.digest)
	for what, c := range map[string]struct {
		got  []byte
		want string
	}{
		"the digest of an intent": {r.digest, "03cf7062b908320acda4bc28c447e2254c4611dc635cc48b993445d00afdb181"}, "the digest of an event": {closed.digest, "3566be9f8b7d48a527a7ab26b7725a042c0b2edd0c6771bf1b744012d7bbf06b"}, "the first link": {link, "0c93f10058be9285d70d300a44277ac404880135d230ef4e3a2dc8e5e64eaff3"},
		"the second link": {next(link, "writer", 2, closed.table, closed.digest), "13cfb83de57eb5ff462e295b879f33d015e53021a895d4fea3cbbbb3c744bb82"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s is %s, want %s", what, got, c.want)
		}
	}
}

func TestASealedBodyOpensInItsPlaceOnly(t *testing.T) {
	key, plain, about := bytes.Repeat([]byte{7}, keySize), []byte("text"), []byte("intents/1")
	sealed, err := seal(key, plain, about)
	must(t, err)
	again, err := seal(key, plain, about)
	must(t, err)
	other, err := seal(key, []byte("texT"), about)
	must(t, err)
	if !bytes.Equal(sealed, again) || bytes.Equal(sealed[:12], other[:12]) {
		t.Error("the same twice is to be the same, and two texts are not to share a nonce")
	}
	if got, err := open(key, sealed, about); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("it opens as %q, %v", got, err)
	}
	spoilt := bytes.Clone(sealed)
	spoilt[len(spoilt)-1]++
	for what, try := range map[string]func() ([]byte, error){
		"another key":   func() ([]byte, error) { return open(bytes.Repeat([]byte{8}, keySize), sealed, about) },
		"another place": func() ([]byte, error) { return open(key, sealed, []byte("events/1")) },
		"a changed bit": func() ([]byte, error) { return open(key, spoilt, about) },
		"nothing":       func() ([]byte, error) { return open(key, nil, about) },
	} {
		if got, err := try(); !errors.Is(err, errSealed) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}
