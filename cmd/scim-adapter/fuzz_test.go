package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	errorURN  = "urn:ietf:params:scim:api:messages:2.0:Error"
	fuzzToken = "a-token-of-the-tests"
)

// fuzzSeeds are a method, a URL below the base path, a header and a body. {user} and {group} stand for ids that exist.
var fuzzSeeds = [][4]string{
	{"GET", "/Users", "", ""},
	{"HEAD", "/Users/{user}", `If-None-Match: W/"x"`, ""},
	{"GET", `/Users?filter=userName+eq+"fuzz"+and+(emails[type+eq+"work"+and+primary+eq+true]+or+not+(active+eq+false))&attributes=userName,emails.value`, "", ""},
	{"GET", "/Users?sortBy=name.familyName&sortOrder=descending&startIndex=2&count=1&excludedAttributes=groups", "", ""},
	{"GET", "/Users?cursor&count=1", "", ""},
	{"GET", "/Users?cursor=AAAA&count=-1", "", ""},
	{"GET", "/Groups?filter=members.value+eq+\"{user}\"&aadOptscim062020", "Accept: application/json", ""},
	{"GET", "/Groups/{group}?attributes=members.display", "X-Forwarded-Host: a, b", ""},
	{"GET", "/Me", "", ""},
	{"PATCH", "/Me", "", `{"Operations":[{"op":"replace","path":"title","value":"x"}]}`},
	{"GET", "/", "", ""},
	{"GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", "", ""},
	{"GET", "/ResourceTypes/User?filter=id+pr", "", ""},
	{"GET", "/ServiceProviderConfig/", "Accept: text/html", ""},
	{"POST", "/Users?attributes=userName", "Content-Type: application/scim+json", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"new","emails":[{"value":"a@x","type":"work","primary":true}],"active":"False","externalId":"e","password":"secret123"}`},
	{"POST", "/Users", "If-None-Match: *", `{"userName":"fuzz"}`},
	{"POST", "/Groups", "Content-Type: application/json; charset=utf-8", `{"displayName":"g","members":[{"value":"{user}"},{"value":"{group}","type":"Group"}]}`},
	{"PUT", "/Users/{user}", `If-Match: W/"x"`, `{"userName":"fuzz","name":{"givenName":"G","familyName":""},"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"{user}"}}}`},
	{"PATCH", "/Users/{user}", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Add","path":"emails[type eq \"work\"].value","value":"b@x"},{"op":"remove","path":"name"},{"op":"replace","value":{"active":false,"userName":"fuzz"}}]}`},
	{"PATCH", "/Groups/{group}", "", `{"Operations":[{"op":"remove","path":"members[value eq \"{user}\"]"},{"op":"add","path":"members","value":["{user}"]}]}`},
	{"DELETE", "/Users/{user}", `If-Match: W/"x", W/"y"`, ""},
	{"POST", "/.search", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName sw \"f\" or displayName pr","startIndex":1,"count":10,"sortBy":"id"}`},
	{"POST", "/Users/.search", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"attributes":["userName"],"cursor":"","count":0}`},
	{"POST", "/Bulk", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"bulk"}},{"method":"POST","path":"/Groups","bulkId":"b","data":{"displayName":"bg","members":[{"value":"bulkId:a"}]}},{"method":"PATCH","path":"/Groups/{group}","version":"W/\"x\"","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:a"}]}]}},{"method":"DELETE","path":"/Users/bulkId:a"}]}`},
	{"POST", "/Bulk", "", `{"Operations":[{"method":"POST","path":"/Groups","bulkId":"a","data":{"displayName":"x","members":[{"value":"bulkId:b"}]}},{"method":"POST","path":"/Groups","bulkId":"b","data":{"displayName":"y","members":[{"value":"bulkId:a"}]}}]}`},
	{"POST", "/Users", "Transfer-Encoding: chunked", "5\r\n{\"use\r\n0\r\n\r\n"},
}

// FuzzRequest sends whole requests to a whole adapter over the embedded directory, and holds the answers to their form: never 500, a SCIM error on
// every 4xx and 5xx with its status as a text, JSON wherever there is a body, and none where there must not be one (RFC 7644 §3.12).
func FuzzRequest(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s[0], s[1], s[2], []byte(s[3]))
	}
	h := newFuzzHouse(f)
	f.Fuzz(func(t *testing.T, method, target, header string, body []byte) {
		ids := strings.NewReplacer("{user}", h.user, "{group}", h.group)
		body = []byte(ids.Replace(string(body)))
		head := method + " /scim/v2" + ids.Replace(target) + " HTTP/1.1\r\nHost: scim.example.org\r\nAuthorization: Bearer " + fuzzToken + "\r\n"
		if !strings.Contains(strings.ToLower(header), "transfer-encoding") {
			head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
		}
		if header != "" {
			head += header + "\r\n"
		}
		r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head+"\r\n"), bytes.NewReader(body))))
		if err != nil {
			return // net/http refuses it before it comes to us
		}
		w := h.ask(r)
		h.checkForm(t, method, w)
		if method != http.MethodGet && method != http.MethodHead && w.Code < 400 {
			h.tidy(t) // what was refused has changed nothing, which the next tidying up relies on
		}
	})
}

// fuzzHouse is an adapter that is asked without a network, with a user and a group that are always there.
type fuzzHouse struct {
	handler     http.Handler
	log         *bytes.Buffer // warnings and errors since it was last emptied
	user, group string
}

func newFuzzHouse(f *testing.F) *fuzzHouse {
	f.Helper()
	server, err := embedded.Start(embedded.Config{
		Suffix: suffix, AdminDN: adminDN, AdminPassword: adminPassword, Entries: embedded.Generate(0, 0), MemberOf: true, RefInt: true,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { server.Close() })
	for name, value := range map[string]string{
		"LDAP_URL": server.URL(), "LDAP_BASE": suffix, "LDAP_BIND_DN": adminDN, "LDAP_BIND_PASSWORD": adminPassword,
		"SCIM_LISTEN": "127.0.0.1:0", "SCIM_TOKEN": fuzzToken, "SCIM_METRICS_PORT": "0", "SCIM_JOURNAL": filepath.Join(f.TempDir(), "journal"),
	} {
		f.Setenv(name, value)
	}
	example, err := os.ReadFile(exampleConfig)
	if err != nil {
		f.Fatal(err)
	}
	file := filepath.Join(f.TempDir(), "fuzz.yaml")
	text := strings.Replace(string(example), "  provisioning:\n", "  provisioning:\n    subject: fuzz\n", 1) + "\nscim: {me: userName, bulk_max_operations: 20}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	h := &fuzzHouse{log: &bytes.Buffer{}}
	p, err := load(file, func(configs.Logging) *slog.Logger {
		return slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	if err != nil {
		f.Fatal(err)
	}
	w, err := build(f.Context(), p)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(w.close)
	h.handler = w.handler
	h.tidy(f)
	return h
}

func (h *fuzzHouse) ask(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// must asks what has to be answered with the status, and gives the answer's body.
func (h *fuzzHouse) must(t testing.TB, status int, method, path, body string) map[string]any {
	t.Helper()
	r := httptest.NewRequest(method, "/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+fuzzToken)
	w := h.ask(r)
	if w.Code != status {
		t.Fatalf("%s %s: %d, want %d: %s\n%s", method, path, w.Code, status, w.Body, h.log)
	}
	var answer map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
	}
	return answer
}

// tidy puts the directory back to one user and one group, new ones. Otherwise it grows with every request, and an input that fails does not
// fail again.
func (h *fuzzHouse) tidy(t testing.TB) {
	t.Helper()
	for _, endpoint := range []string{"/Groups", "/Users"} {
		list := h.must(t, 200, "GET", endpoint+"?count=1000&attributes=id", "")
		found, _ := list["Resources"].([]any)
		for _, v := range found {
			h.must(t, 204, "DELETE", endpoint+"/"+fmt.Sprint(at(v, "id")), "")
		}
	}
	h.user = fmt.Sprint(h.must(t, 201, "POST", "/Users", `{"userName":"fuzz","name":{"givenName":"F","familyName":"Z"},"emails":[{"value":"a@x","type":"work"}],"externalId":"e1"}`)["id"])
	h.group = fmt.Sprint(h.must(t, 201, "POST", "/Groups", `{"displayName":"fuzzers","members":[{"value":"`+h.user+`"}]}`)["id"])
	h.log.Reset()
}

// checkForm holds an answer to what every answer must be.
func (h *fuzzHouse) checkForm(t *testing.T, method string, w *httptest.ResponseRecorder) {
	t.Helper()
	body, kind := w.Body.Bytes(), w.Header().Get("Content-Type")
	if w.Code == 500 || w.Code == 503 || w.Code < 200 || w.Code > 599 || strings.Contains(h.log.String(), "panic") {
		t.Fatalf("%d: %s\n%s", w.Code, body, h.log)
	}
	if method == http.MethodHead {
		return
	}
	if w.Code == http.StatusNoContent || w.Code == http.StatusNotModified {
		if len(body) > 0 {
			t.Fatalf("%d with a body: %s", w.Code, body)
		}
		return
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil || !strings.HasPrefix(kind, "application/scim+json") && !strings.HasPrefix(kind, "application/json") {
		t.Fatalf("%d is no JSON object of type %s: %v: %s", w.Code, kind, err, body)
	}
	schemas, _ := answer["schemas"].([]any)
	if len(schemas) == 0 {
		t.Fatalf("%d without schemas: %s", w.Code, body)
	}
	if w.Code >= 400 {
		detail, _ := answer["detail"].(string)
		if schemas[0] != errorURN || answer["status"] != fmt.Sprint(w.Code) || len(detail) < 10 || len(body) > 4096 {
			t.Fatalf("%d is no SCIM error: %s", w.Code, body)
		}
		return
	}
	if w.Code == http.StatusCreated && w.Header().Get("Location") == "" {
		t.Fatalf("201 without a Location: %s", body)
	}
}
