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
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

func TestHostileRequestsAreRefusedAndChangeNothing(t *testing.T) {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm") // a journal is synced to disk with every write, and how long that takes is not what is tested here
	}
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
	goroutines := runtime.NumGoroutine()
	for _, group := range [][]hostile{hostileBodies(), hostileQueries(), hostileHeads(), hostileBulks(), hostileSearches(), hostileTargets()} {
		for _, c := range group {
			t.Run(c.claim, func(t *testing.T) {
				for _, fault := range prompt(t, promptness, func() { c.send(t, root.Host, h.token, user.id()) }) {
					t.Error(fault)
				}
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
	// A few connections to the directory may have been opened on the way, each with a reader at either end.
	eventually(t, "the goroutines of the requests end", func() bool { return runtime.NumGoroutine() < goroutines+40 })
	if a := h.do("GET", "/Users/"+user.id(), nil).want(t, 200); a.text("title") != "Unharmed" {
		t.Errorf("%s", a.raw)
	}
}

// Requests that are sent without waiting for the answers are answered one by one, in their order.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	user := h.user("pipeline")
	root, err := url.Parse(h.serveForReal(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", root.Host, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	const n = 200
	var all strings.Builder
	for i := range n {
		id, body := user.id(), ""
		if i%2 == 1 {
			id, body = "nobody", `{"Operations":[]}`
		}
		fmt.Fprintf(&all, "%s /scim/v2/Users/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nX-Request-Id: r%d\r\n\r\n%s",
			[]string{"GET", "PATCH"}[i%2], id, h.token, len(body), i, body)
	}
	go func() { _, _ = io.WriteString(conn, all.String()) }()
	answers := bufio.NewReader(conn)
	for i := range n {
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if got := resp.Header.Get("X-Request-Id"); got != fmt.Sprintf("r%d", i) || (resp.StatusCode == 200) != (i%2 == 0) {
			t.Fatalf("answer %d is %d to %s", i, resp.StatusCode, got)
		}
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
	go func() { // the server may answer, and stop reading, before all is sent
		_, _ = io.WriteString(conn, head+"\r\n\r\n"+c.body)
		if tcp, ok := conn.(*net.TCPConn); ok && c.cut {
			_ = tcp.CloseWrite()
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: strings.SplitN(head, " ", 2)[0]})
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
	if !strings.Contains(string(raw), c.holds) {
		t.Errorf("the answer does not hold %s: %.300s", c.holds, raw)
	}
	if c.plain && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/") {
		t.Errorf("it has reached the adapter: %.300s", raw)
	}
	if c.plain || resp.StatusCode < 400 {
		return
	}
	var body map[string]any
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&body); err != nil || body["status"] != fmt.Sprint(resp.StatusCode) || body["detail"] == nil {
		t.Errorf("no SCIM error: %v %q %.300s", err, resp.Header.Get("Content-Type"), raw)
	}
	if len(raw) > 4096 {
		t.Errorf("the error has %d bytes", len(raw))
	}
}
