package scimapi

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

// FuzzBulk sends anything as a bulk request. Whatever it is, there is an answer in SCIM; each operation is begun once at most, a POST creates one resource at
// most, and what is answered 201 is there.
func FuzzBulk(f *testing.F) {
	for _, body := range []string{
		bulkBody("", postUser("a", "ann", `,"manager":"bulkId:a"`), postGroup("g", "G", "bulkId:h", "bulkId:a"), postGroup("h", "H", "bulkId:g"), `{"method":"DELETE","path":"/Users/bulkId:a"}`),
		bulkBody(`"failOnErrors":1,`, postGroup("g", "bulkId:h"), postGroup("h", "bulkId:g"), `{"method":"PUT","path":"/Groups/bulkId:g","version":"W/\"1\"","data":{"displayName":"X"}}`),
		bulkBody("", postGroup("g", "G"), `{"method":"PATCH","path":"/Groups/bulkId:g","data":[{"op":"add","path":"members[value eq \"bulkId:g\"].display","value":"bulkId:g"}]}`),
		bulkBody("", postUser("a", "a", ""), postUser("a", "b", ""), `5`, `{"method":"GET"}`),
		`{"Operations":[{"method":"POST","path":"/Users?x","bulkId":"\ud83d\ude00","data":{"a":[[[{}]]]}}]}`,
		`{"Operations":[`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s, k := bulkStage(t)
		r := httptest.NewRequest("POST", "/scim/v2/Bulk", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer good")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var a struct {
			Schemas    []string
			Operations []struct{ Method, Location, Status string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || len(a.Schemas) != 1 {
			t.Fatalf("%v: %s", err, w.Body)
		}
		if w.Code != 200 {
			if len(k.calls) > 0 || a.Schemas[0] != scim.ErrorURN || w.Code >= 500 {
				t.Errorf("%d after %q: %s", w.Code, k.calls, w.Body)
			}
			return
		}
		if len(a.Operations) > 10 || len(k.calls) > 2*len(a.Operations) || k.made > len(a.Operations) {
			t.Errorf("%d operations, %q", len(a.Operations), k.calls)
		}
		created := 0
		for _, op := range a.Operations {
			if status, err := strconv.Atoi(op.Status); err != nil || status < 200 || status >= 500 {
				t.Errorf("status %q: %s", op.Status, w.Body)
			}
			if op.Status == "201" {
				created++
			}
		}
		if created > k.made {
			t.Errorf("%d created, %d made: %s", created, k.made, w.Body)
		}
	})
}
