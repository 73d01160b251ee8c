package scimapi

import (
	"io"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

// meter is a body that looks at the heap while it is read.
type meter struct {
	io.Reader
	base, peak, reads uint64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.reads++; m.reads%32 == 1 {
		m.look()
	}
	return m.Reader.Read(p)
}

// look counts what is alive: nothing else runs meanwhile, so that what it frees is all that is garbage.
func (m *meter) look() {
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	if m.base == 0 {
		m.base = now.HeapAlloc
	}
	m.peak = max(m.peak, now.HeapAlloc)
}

// The largest body takes a few times its size while it is read and done, also when it is made of what takes the most room once it is parsed: operations stay
// bytes, and are parsed one at a time.
func TestTheMemoryOfABulkRequestIsBounded(t *testing.T) {
	const most = 2_000_000
	cases := map[string]struct {
		element string // of a list in each operation's data
		each    int    // bytes of an operation's data
		factor  int    // of the body's size
	}{
		"many operations of empty objects": {"{}", 10_000, 2},
		"many operations of references":    {`"bulkId:0"`, 10_000, 2},
		"many operations of members":       {`{"value":"0123456789abcdef"}`, 10_000, 2},
		"one operation of empty objects":   {"{}", most - 1000, 40},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			s, k := bulkStage(t, func(o *Options) { o.Bulk = Bulk{MaxOperations: 1000, MaxPayload: most} })
			list := `,"shoes":[` + strings.TrimSuffix(strings.Repeat(c.element+",", c.each/(len(c.element)+1)), ",") + `]`
			var operations []string
			for size := 0; size+c.each < most && len(operations) < 195; size += c.each + 200 {
				operations = append(operations, postUser(strconv.Itoa(len(operations)), "ann", list))
			}
			text := bulkBody("", operations...)
			m := &meter{Reader: strings.NewReader(text)}
			seen := 0
			create := s.service.create
			s.service.create = func(r scim.Request, o *scim.Object) (*scim.Result, error) {
				if seen++; seen%50 == 1 {
					m.look()
				}
				return create(r, o)
			}
			r := httptest.NewRequest("POST", "/scim/v2/Bulk", m)
			r.ContentLength = int64(len(text))
			r.Header.Set("Authorization", "Bearer good")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if readBulkAnswer(t, w); k.made == 0 || len(text) > most || len(text) < most*9/10 {
				t.Fatalf("%d made of %d bytes", k.made, len(text))
			}
			grown := int(m.peak - m.base)
			t.Logf("%d operations, %d bytes, the heap grew by %d", strings.Count(text, "POST"), len(text), grown)
			if grown > c.factor*len(text) {
				t.Errorf("the heap grew by %d bytes for a body of %d", grown, len(text))
			}
		})
	}
}
