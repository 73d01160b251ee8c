package scimapi

import (
	"strings"
	"testing"
)

// What a stopping process has begun it finishes, and says what it did and what not while there is still a connection to say it over.
func TestABulkRequestEndsEarlyWhereTheProcessStops(t *testing.T) {
	s, k := bulkStage(t)
	k.refuse = func(call string) error {
		if call == "POST /Groups C" {
			s.Drain()
		}
		return nil
	}
	// A and B are a circle, C and D another, of which the second half is never begun.
	w := s.do("POST", "/scim/v2/Bulk", bulkBody(`"failOnErrors":2,`, postGroup("a", "A", "bulkId:b"), postGroup("b", "B", "bulkId:a"),
		`{"method":"DELETE","path":"/Groups/bulkId:a"}`, postGroup("c", "C", "bulkId:d"), postGroup("d", "D", "bulkId:c"), postGroup("e", "E", "bulkId:d")))
	a := readBulkAnswer(t, w)
	if a.short() != "POST a 201, POST b 201, DELETE 204, POST c 409, POST d 503, POST e 503" || w.Header().Get("Retry-After") != "5" {
		t.Errorf("%s %v %q", a.short(), w.Header(), k.calls)
	}
	if !strings.Contains(a.detail(4), "stopping") || !strings.Contains(a.detail(3), "was created, but without") || a.Operations[3].Location == "" {
		t.Errorf("%q %q", a.detail(4), a.detail(3))
	}
	if log := s.log.String(); strings.Contains(log, "an operation of a bulk request failed") || !strings.Contains(log, `"done":6,"failed":3`) {
		t.Errorf("the log has faults, and there are none: %s", log)
	}
	calls := len(k.calls)
	if w := s.do("POST", "/scim/v2/Bulk", bulkBody("", postUser("late", "late", ""))); w.Code != 503 || w.Header().Get("Retry-After") != "5" || len(k.calls) != calls {
		t.Errorf("one that comes late: %d %q", w.Code, k.calls[calls:])
	}
}

// Whose second step is due when the process stops gets it.
func TestAStoppingProcessClosesTheCirclesThatItCan(t *testing.T) {
	s, k := bulkStage(t)
	k.refuse = func(call string) error {
		if call == "POST /Groups B" {
			s.Drain()
		}
		return nil
	}
	a := s.bulk(t, "", postGroup("a", "A", "bulkId:b"), postGroup("b", "B", "bulkId:a"), postGroup("c", "C", "bulkId:b"))
	if a.short() != "POST a 201, POST b 201, POST c 503" || k.members("id-A") != "id-B" {
		t.Errorf("%s, A has %q: %q", a.short(), k.members("id-A"), k.calls)
	}
}
