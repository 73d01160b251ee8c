package pgjournal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"
)

// digestOf is SHA-256 of a row's columns as canonical JSON: members in alphabetical order, details among them as JSON and not as text, because jsonb gives its
// members back in an order of its own. The columns of the chain are not in it.
func digestOf(r row) ([]byte, error) {
	var clear any
	in := json.NewDecoder(bytes.NewReader(r.details))
	in.UseNumber() // as it is written
	if err := in.Decode(&clear); err != nil {
		return nil, fmt.Errorf("the details of entry %s: %w", r.id, err)
	}
	address := ""
	if r.address.IsValid() {
		address = r.address.String()
	}
	columns := map[string]any{
		"id": r.id.String(), "tenant_id": r.tenant, "user_id": r.user, "resource_type": r.resourceType, "resource_id": r.resourceID, "action": r.action,
		"details": clear, "ip_address": address, "user_agent": r.userAgent, "timestamp": r.time.UTC().Format(time.RFC3339Nano),
	}
	if r.table == tableIntents {
		columns["deadline"] = r.deadline.UTC().Format(time.RFC3339Nano)
	} else {
		columns["kind"] = r.kind
	}
	text, err := json.Marshal(columns)
	if err != nil {
		return nil, fmt.Errorf("the columns of entry %s: %w", r.id, err)
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

// next is the link of a row: it stands for the row, its place, and everything that its writer wrote before.
func next(previous []byte, writer string, seq int64, table string, digest []byte) []byte {
	h := sha256.New()
	h.Write(previous)
	part := func(b []byte) { // with its length, so that no two lists of parts are the same bytes
		_ = binary.Write(h, binary.BigEndian, uint64(len(b)))
		h.Write(b)
	}
	part([]byte(writer))
	_ = binary.Write(h, binary.BigEndian, seq)
	part([]byte(table))
	part(digest)
	return h.Sum(nil)
}
