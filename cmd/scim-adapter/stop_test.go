package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/scim"
)

// A bulk request that a stop overtakes is answered, with what was done and what was not, long before its connection would be closed.
func TestABulkRequestThatAStopOvertakesIsAnswered(t *testing.T) {
	directory := startEmbedded(t)
	h := openHouse(t, directory.URL())
	h.world.config.Server.ShutdownTimeout = 5 * time.Second
	server, listener, err := h.world.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	client := scimClient{t: t, base: "http://" + listener.Addr().String() + "/scim/v2", token: h.token}
	directory.Inject(embedded.Fault{Op: embedded.AddOp, Delay: 300 * time.Millisecond})
	const n = 40 // 12 s
	ops := make([]string, n)
	for i := range ops {
		ops[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"%[1]d","data":{"userName":"stop%[1]d"}}`, i)
	}
	type result struct {
		answer
		err error
	}
	answered := make(chan result, 1)
	go func() {
		a, err := client.try("POST", "/Bulk", `{"Operations":[`+strings.Join(ops, ",")+`]}`)
		answered <- result{a, err}
	}()
	eventually(t, "the first was made", func() bool { return len(h.search(t, h.people, 1, "(uid=stop0)")) == 1 })
	if err := h.world.shutdown(server); err != nil {
		t.Errorf("it ended with %v", err)
	}
	var a result
	select {
	case a = <-answered:
	default:
		t.Fatal("it stopped before the answer was there")
	}
	if a.err != nil || a.status != 200 || a.header.Get("Retry-After") == "" {
		t.Fatalf("%d %v %.300s: %v", a.status, a.header, a.raw, a.err)
	}
	statuses := map[string]int{}
	for i := range n {
		statuses[a.text(fmt.Sprintf("Operations.%d.status", i))]++
	}
	if made := len(h.search(t, h.people, 1, "(uid=stop*)")); made == 0 || statuses["201"] != made || statuses["503"] != n-made {
		t.Errorf("%d were made, and it says %v", made, statuses)
	}
}

// A request that is not finished in time loses its connection. The directories and the journal are there until it has come to its end all the same.
func TestWhatARequestUsesIsClosedBehindIt(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	h.world.config.Server.ShutdownTimeout = 100 * time.Millisecond
	begun, ended := make(chan struct{}), make(chan []scim.Health, 1)
	h.world.gate.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		time.Sleep(300 * time.Millisecond)
		ended <- h.world.service.Ready(t.Context())
	})
	server, listener, err := h.world.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	go func() {
		if resp, err := http.Get("http://" + listener.Addr().String()); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}()
	<-begun
	if err := h.world.shutdown(server); err == nil || !strings.Contains(err.Error(), "not finished in time") {
		t.Errorf("it ended with %v", err)
	}
	h.world.close()
	select {
	case health := <-ended:
		for _, c := range health {
			if !c.OK {
				t.Errorf("%s was closed while a request used it: %s", c.Name, c.Error)
			}
		}
	default:
		t.Error("what the request uses was closed before it had come to its end")
	}
	if !h.world.gate.shut(time.Second) {
		t.Error("a second close waits for somebody")
	}
}
