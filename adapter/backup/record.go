package backup

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Record is a record as a snapshot has it. What was secret says only that it was there.
type Record struct {
	Key    backends.Key        `json:"key"`
	Name   string              `json:"name,omitempty"`
	Attrs  backends.Attributes `json:"attrs"`
	Beside *journal.Beside     `json:"beside,omitempty"` // nil: there was nothing, or it was made when snapshots had no place for it
}

// Whole is the record that Restore takes.
func (r Record) Whole() backends.Record {
	return backends.Record{Key: r.Key, Name: r.Name, Attrs: r.Attrs.Clone()}
}

// encode gives a record's content, and its digest. The order of values means nothing, and so it is always the same; the version is of the write.
func encode(tenant, typ string, rec backends.Record, beside *journal.Beside) (content []byte, digest [sha256.Size]byte, err error) {
	attrs := rec.Attrs.Clone()
	for _, values := range attrs {
		slices.SortFunc(values, func(a, b backends.Value) int {
			return cmp.Or(cmp.Compare(a.Kind(), b.Kind()), cmp.Compare(a.Text(), b.Text()), bytes.Compare(a.Box(), b.Box()))
		})
	}
	content, err = json.Marshal(Record{Key: rec.Key, Name: rec.Name, Attrs: attrs, Beside: beside})
	if err != nil {
		return nil, digest, fmt.Errorf("the record %s: %w", rec.Key, err)
	}
	return content, digestOf(tenant, typ, string(rec.Key), content), nil
}

// digestOf is over tenant, type, key and content, each behind its length.
func digestOf(tenant, typ, key string, content []byte) [sha256.Size]byte {
	var all bytes.Buffer
	for _, part := range [][]byte{[]byte(tenant), []byte(typ), []byte(key), content} {
		_ = binary.Write(&all, binary.BigEndian, uint64(len(part))) // a Buffer takes everything
		all.Write(part)
	}
	return sha256.Sum256(all.Bytes())
}

// mostContent bounds what a stored record may grow to when it is read.
const mostContent = 256 << 20

// unzip reads one body at a time, however many ask.
var unzip = sync.OnceValues(func() (*zstd.Decoder, error) { return zstd.NewReader(nil, zstd.WithDecoderMaxMemory(mostContent)) })

func decompress(body []byte) ([]byte, error) {
	r, err := unzip()
	if err != nil {
		return nil, err
	}
	return r.DecodeAll(body, nil)
}

func decode(body []byte) (Record, error) {
	var rec Record
	content, err := decompress(body)
	if err == nil {
		err = json.Unmarshal(content, &rec)
	}
	return rec, err
}
