package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// patience is how long a hostile request may keep the server busy. What is quadratic takes minutes; a busy machine under the race detector is
// the reason that it is not shorter.
const patience = 5 * time.Second

// hostile is one request as bytes on the wire. head is the request line and headers without the token; %s in it is the id
// of a user.
type hostile struct {
	claim, head, body string
	length            int  // Content-Length, when it is not the body's
	cut               bool // the client closes its side after the body
	bare              bool // head is sent as it is, without Host and Authorization
	status            []int
	closed            bool // a close without an answer is as good: HTTP itself is broken
}

func get(claim, path string, status ...int) hostile {
	return hostile{claim: claim, head: "GET /scim/v2" + path + " HTTP/1.1", status: status}
}

func filtered(claim, filter string, status ...int) hostile {
	return get(claim, "/Users?filter="+url.QueryEscape(filter), status...)
}

func post(claim, body string, status ...int) hostile {
	return hostile{claim: claim, head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json", body: body, status: status}
}

func patching(claim, body string, status ...int) hostile {
	return hostile{claim: claim, head: "PATCH /scim/v2/Users/%s HTTP/1.1\r\nContent-Type: application/scim+json", body: body, status: status}
}

// manyOps is a PATCH of n times the same operation.
func manyOps(n int, operation string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + strings.TrimSuffix(strings.Repeat(operation+",", n), ",") + `]}`
}

func hostileBodies() []hostile {
	deep, long := 100_000, strings.Repeat("x", 1_000_000)
	return []hostile{
		post("objects 100,000 deep", strings.Repeat(`{"a":`, deep)+"1"+strings.Repeat("}", deep), 400),
		post("arrays 100,000 deep", `{"userName":`+strings.Repeat("[", deep)+strings.Repeat("]", deep)+"}", 400),
		post("arrays 100,000 deep that nothing closes", `{"emails":`+strings.Repeat("[", deep), 400),
		post("a name twice", `{"userName":"hostile","userName":"b"}`, 400),
		post("a name twice in another case", `{"userName":"hostile","USERNAME":"b"}`, 400),
		post("a name twice, escaped once", `{"userName":"hostile","user\u004eame":"b"}`, 400),
		post("a name twice, further down", `{"userName":"hostile","name":{"givenName":"a","givenName":"b"}}`, 400),
		post("bytes that are no UTF-8", "{\"userName\":\"hostile\xff\xfe\"}", 400),
		post("half a surrogate pair", `{"userName":"hostile\ud800"}`, 400),
		post("UTF-16", "\xff\xfe{\x00\"\x00a\x00\"\x00:\x001\x00}\x00", 400),
		post("a raw NUL", "{\"userName\":\"hostile\x00\"}", 400),
		post("a number that overflows", `{"userName":"hostile","active":1e999999}`, 400),
		post("a number for text that overflows", `{"userName":`+strings.Repeat("9", 100_000)+`}`, 400),
		post("a list of what is one", `{"userName":["hostile","b"]}`, 400),
		post("an object of what is a text", `{"userName":{"$gt":""}}`, 400),
		post("text behind the object", `{"userName":"hostile"} {"userName":"b"}`, 400),
		post("a userName of a million bytes", `{"userName":"`+long+`"}`, 400, 413),
		post("a million blanks and nothing", strings.Repeat(" ", 1_000_000), 400),
		post("100,000 unknown names and no userName", "{"+numbered(`"k%d":1`, 60_000)+"}", 400),
		patching("a PATCH that ends in a fault after 2,000 operations", manyOps(2000, `{"op":"replace","path":"title","value":"x"},{"op":"add","path":"emails[type eq \"work\"].value","value":"a@b"}`)[:90_000], 400),
		patching("a PATCH of 2,000 unknown paths", manyOps(2000, `{"op":"replace","path":"shoeSize","value":"x"}`), 400),
		patching("a PATCH of 2,000 operations, the last of which is wrong", strings.Replace(manyOps(2000, `{"op":"replace","path":"title","value":"x"}`), `]}`, `,{"op":"replace","path":"id","value":"x"}]}`, 1), 400),
		patching("a PATCH path of a nesting filter", manyOps(1, `{"op":"remove","path":"emails[`+strings.Repeat("(", 5000)+`type eq 1"}`), 400),
		patching("a PATCH path of a million bytes", manyOps(1, `{"op":"remove","path":"`+long[:900_000]+`"}`), 400),
		{claim: "half a body", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json", body: `{"userName":"hostile"}`, length: 500, cut: true, status: []int{400}, closed: true},
		{claim: "a body longer than it says", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json", body: `{"userName":"hostile"}`, length: 10, status: []int{400}},
		{claim: "chunk garbage", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json\r\nTransfer-Encoding: chunked", body: "zz\r\n{\"userName\":\"hostile\"}\r\n0\r\n\r\n", length: -1, status: []int{400}},
		{claim: "a chunk that ends early", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json\r\nTransfer-Encoding: chunked", body: "16\r\n{\"userName\":\"hostile\"}\r\n", length: -1, cut: true, status: []int{400}, closed: true},
		{claim: "chunks and a length", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked", body: "0\r\n\r\n", length: 5, status: []int{400, 415}},
		{claim: "two lengths", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Length: 3", body: "{}", status: []int{400}},
		{claim: "an unknown transfer coding", head: "POST /scim/v2/Users HTTP/1.1\r\nTransfer-Encoding: gzip", length: -1, status: []int{501, 400}},
		{claim: "a negative length", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Length: -1", length: -1, status: []int{400}},
		{claim: "a body of 2 GB announced", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json", body: "{", length: 2_000_000_000, status: []int{413}},
	}
}

// numbered is n texts with a number each, separated by commas.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func hostileQueries() []hostile {
	return []hostile{
		filtered("a filter with NUL", "userName eq \"a\x00b\"", 200, 400),
		filtered("a filter with an escaped NUL", `userName eq "a\u0000b"`, 200, 400),
		filtered("a filter that is no UTF-8", "userName eq \"\xff\"", 400),
		filtered("a filter of 60 KiB in one value", `userName eq "`+strings.Repeat("x", 60_000)+`"`, 400, 200, 431),
		filtered("a filter of 3,000 terms", strings.TrimSuffix(strings.Repeat(`id pr or `, 3000), " or "), 200, 400),
		filtered("a filter of 10,000 terms", strings.TrimSuffix(strings.Repeat(`id pr or `, 10_000), " or "), 400, 431),
		filtered("a filter nested 10,000 deep", strings.Repeat("(", 10_000)+"id pr"+strings.Repeat(")", 10_000), 400, 431),
		filtered("a filter of 5,000 nots", strings.Repeat("not (", 3000)+"id pr"+strings.Repeat(")", 3000), 400, 431),
		filtered("a filter with a huge number", `meta.version eq `+strings.Repeat("9", 10_000), 400),
		filtered("a filter with an LDAP filter", `userName eq "*)(uid=*"`, 200),
		filtered("a filter with a huge exponent", `userName eq 1e999999999`, 400),
		get("10,000 attributes", "/Users?attributes="+strings.Repeat("userName,", 6000), 200, 400, 431),
		get("10,000 unknown attributes", "/Users?attributes="+numbered("a%d", 8000), 200, 400, 431),
		get("a broken escape in the query", "/Users?filter=%zz", 400),
		get("a semicolon in the query", "/Users?count=1;filter=x", 400, 200),
		get("a filter twice", "/Users?filter=id+pr&filter=userName+pr", 400),
		get("a count that overflows", "/Users?count=99999999999999999999999", 400, 200),
		get("a start that overflows", "/Users?startIndex=9223372036854775807&count=1000", 200, 400),
		get("a negative start and count", "/Users?startIndex=-9223372036854775808&count=-9223372036854775808", 200),
		get("%2F in an id", "/Users/..%2F..%2Fetc%2Fpasswd", 404),
		get("dots", "/Users/../Groups", 404),
		get("encoded dots", "/Users/%2e%2e", 404),
		get("%00 in an id", "/Users/a%00b", 404),
		get("a DN as an id", "/Users/"+url.PathEscape("uid=x,ou=people,"+suffix), 404),
		get("a broken escape in an id", "/Users/%zz", 400, 404),
		get("an id that is no UTF-8", "/Users/%ff%fe", 404),
		get("an id of 50,000 bytes", "/Users/"+strings.Repeat("a", 50_000), 404, 431),
		get("an id of slashes", "/Users/////", 200, 404),
		get("an id in another case and with braces", "/Users/{%s}", 404),
	}
}

func hostileHeads() []hostile {
	return []hostile{
		{claim: "10,000 headers", head: "GET /scim/v2/Users HTTP/1.1\r\n" + strings.TrimSuffix(strings.Repeat("X-A: b\r\n", 10_000), "\r\n"), status: []int{431, 200}},
		{claim: "a header of 2 MB", head: "GET /scim/v2/Users HTTP/1.1\r\nX-A: " + strings.Repeat("x", 2<<20), status: []int{431}, closed: true},
		{claim: "two tokens", head: "GET /scim/v2/Users HTTP/1.1\r\nAuthorization: Bearer other", status: []int{401}},
		{claim: "a token of 60 KB", head: "GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + strings.Repeat("x", 60_000), bare: true, status: []int{401, 431}},
		{claim: "HTTP/1.0", head: "GET /scim/v2/Users?count=0 HTTP/1.0", status: []int{200}},
		{claim: "HTTP/1.0 without anything", head: "GET /scim/v2/Users HTTP/1.0", bare: true, status: []int{401}},
		{claim: "HTTP/1.1 without a Host", head: "GET /scim/v2/Users HTTP/1.1", bare: true, status: []int{400}},
		{claim: "a Host that is a header injection", head: "GET /scim/v2/Users HTTP/1.1\r\nHost: a b<script>", bare: true, status: []int{400}},
		{claim: "HTTP/9.9", head: "GET /scim/v2/Users HTTP/9.9", status: []int{505}},
		{claim: "no HTTP at all", head: "\x16\x03\x01\x02\x00\x01\x00\x01", bare: true, status: []int{400}},
		{claim: "an absolute URL", head: "GET http://other.example/scim/v2/Users?count=0 HTTP/1.1", status: []int{200}},
		{claim: "an absolute URL without a token", head: "GET http://other.example/scim/v2/Users HTTP/1.1\r\nHost: x", bare: true, status: []int{401}},
		{claim: "OPTIONS *", head: "OPTIONS * HTTP/1.1", status: []int{200, 404, 405}},
		{claim: "OPTIONS", head: "OPTIONS /scim/v2/Users HTTP/1.1", status: []int{405}},
		{claim: "TRACE", head: "TRACE /scim/v2/Users HTTP/1.1\r\nX-Secret: s", status: []int{405}},
		{claim: "CONNECT", head: "CONNECT other.example:443 HTTP/1.1", status: []int{404, 405}},
		{claim: "a method of 10,000 letters", head: strings.Repeat("A", 10_000) + " /scim/v2/Users HTTP/1.1", status: []int{405, 400}},
		{claim: "a header without a colon", head: "GET /scim/v2/Users HTTP/1.1\r\nnonsense", status: []int{400}},
		{claim: "a folded header", head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\nX-A: a\r\n b", status: []int{400, 200}},
		{claim: "a request id with line ends", head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\nX-Request-Id: a\x0bb", status: []int{400, 200}},
		{claim: "an upgrade", head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c", status: []int{200}},
		{claim: "If-Match of 50,000 tags", head: "DELETE /scim/v2/Users/%s HTTP/1.1\r\nIf-Match: " + strings.Repeat(`"x",`, 12_000), status: []int{412, 431}},
	}
}

func TestHostileRequestsAreRefusedAndChangeNothing(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	user := h.user("victim", "title", "Unharmed")
	h.group("victims", user.id())
	root, err := url.Parse(h.serveForReal(t))
	if err != nil {
		t.Fatal(err)
	}
	before := h.snapshot(t)
	var was, is runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&was)
	for _, group := range [][]hostile{hostileBodies(), hostileQueries(), hostileHeads()} {
		for _, c := range group {
			t.Run(c.claim, func(t *testing.T) {
				c.send(t, root.Host, h.token, user.id())
				if after := h.snapshot(t); after != before {
					t.Errorf("the directory has changed:\n%s\nit was\n%s", after, before)
					before = after // the next one is blamed for its own changes only
				}
			})
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&is)
	if grown := int64(is.HeapAlloc) - int64(was.HeapAlloc); grown > 32<<20 {
		t.Errorf("%d MB of memory stay behind", grown>>20)
	}
	if a := h.do("GET", "/Users/"+user.id(), nil).want(t, 200); a.text("title") != "Unharmed" {
		t.Errorf("%s", a.raw)
	}
}

// A NUL is a character like any other in LDAP (RFC 4514 §2.4 writes it \00): what is given is what is kept and found, no more and no less.
func TestANULIsRefusedAndIsNoEndOfAText(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	h.user("nul")
	h.do("POST", "/Users", map[string]any{"userName": "nul\x00l"}).wantError(t, 400, "invalidValue")
	h.do("POST", "/Users", map[string]any{"userName": "other", "displayName": "a\x00b"}).wantError(t, 400, "invalidValue")
	h.finds(t, "/Users", `userName eq "nul"`, "nul")
	if found, total := h.list("/Users", `userName eq "nul\u0000l"`); total != 0 {
		t.Errorf("a filter with a NUL finds %v", found)
	}
}

// serveForReal serves the house with the server that `serve` makes, limits and time-outs and all.
func (h *house) serveForReal(t *testing.T) string {
	t.Helper()
	server, listener, err := h.world.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// snapshot is all that the house's subtree holds, versions too.
func (h *house) snapshot(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, e := range h.search(t, h.base, ldap.ScopeWholeSubtree, "(objectClass=*)") {
		fmt.Fprintln(&b, e.DN, e.GetAttributeValue("entryCSN"))
	}
	return b.String()
}

// send sends the request and holds the answer to what was promised: a status of those named, in time, a SCIM error where it is
// the adapter that answers.
func (c hostile) send(t *testing.T, host, token, id string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", host, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	head := strings.Replace(c.head, "%s", id, 1)
	if !c.bare {
		head += "\r\nHost: " + host + "\r\nAuthorization: Bearer " + token
	}
	switch {
	case c.length > 0:
		head += fmt.Sprintf("\r\nContent-Length: %d", c.length)
	case c.length == 0 && c.body != "":
		head += fmt.Sprintf("\r\nContent-Length: %d", len(c.body))
	}
	started := time.Now()
	go func() { // the server may answer, and stop reading, before all is sent
		_, _ = io.WriteString(conn, head+"\r\n\r\n"+c.body)
		if tcp, ok := conn.(*net.TCPConn); ok && c.cut {
			_ = tcp.CloseWrite()
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: strings.SplitN(head, " ", 2)[0]})
	if took := time.Since(started); took > patience {
		t.Errorf("it took %s", took)
	}
	if err != nil {
		if !c.closed {
			t.Fatalf("no answer: %v", err)
		}
		return
	}
	defer resp.Body.Close()
	c.check(t, resp)
}

func (c hostile) check(t *testing.T, resp *http.Response) {
	t.Helper()
	var raw []byte
	if resp.ContentLength >= 0 {
		raw = make([]byte, resp.ContentLength)
		if _, err := io.ReadFull(resp.Body, raw); err != nil {
			t.Logf("the body: %v", err)
		}
	} else if b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err == nil {
		raw = b
	}
	wanted := false
	for _, status := range c.status {
		wanted = wanted || resp.StatusCode == status
	}
	if !wanted {
		t.Errorf("status %d, want %v: %.300s", resp.StatusCode, c.status, raw)
	}
	if resp.StatusCode < 400 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/") {
		return // what net/http refuses itself never reached the adapter
	}
	var body map[string]any
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&body); err != nil || body["status"] != fmt.Sprint(resp.StatusCode) || body["detail"] == nil {
		t.Errorf("no SCIM error: %v %.300s", err, raw)
	}
	if len(raw) > 4096 {
		t.Errorf("the error has %d bytes", len(raw))
	}
}
