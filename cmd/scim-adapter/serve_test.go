package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/configs"
)

// running is an adapter as `serve` runs it, in this process.
type running struct {
	root  string // http://address
	world *world
	stop  context.CancelFunc
	ended chan error
}

// startServing runs a world and waits until it listens.
func startServing(t *testing.T, path string) *running {
	t.Helper()
	w := loadWorld(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r := &running{world: w, stop: cancel, ended: make(chan error, 1)}
	address := make(chan string, 1)
	go func() { r.ended <- w.run(ctx, func(a string) { address <- a }) }()
	select {
	case a := <-address:
		r.root = "http://" + a
	case err := <-r.ended:
		t.Fatalf("it ended before it listened: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("it does not listen")
	}
	return r
}

func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
		return nil
	}
}

// ready asks /ready over a connection of its own, as a load balancer does.
func (r *running) ready(t *testing.T) (status int, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get(r.root + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// inFlight is the number of requests being answered.
func (r *running) inFlight(t *testing.T) float64 {
	t.Helper()
	families, err := r.world.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "scim_requests_in_flight" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("nobody counts the requests in flight")
	return 0
}

func TestAShutdownFinishesWhatWasBegun(t *testing.T) {
	directory := startEmbedded(t)
	before := goleak.IgnoreCurrent()
	r := startServing(t, writeConfig(t, directory.URL(), ""))
	if status, body := r.ready(t); status != 200 {
		t.Fatalf("ready is %d %s", status, body)
	}

	// A request whose body is still on its way.
	body, writer := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, r.root+"/scim/v2/Users", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer a-token-of-the-tests")
	req.Header.Set("Content-Type", "application/scim+json")
	answered := make(chan int, 1)
	client := &http.Client{Transport: &http.Transport{}}
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	if _, err := io.WriteString(writer, `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], `); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request is in flight", func() bool { return r.inFlight(t) == 1 })

	r.stop()
	eventually(t, "/ready says draining while the port is still open", func() bool {
		status, body := r.ready(t)
		return status == 503 && strings.Contains(body, "draining")
	})
	address := strings.TrimPrefix(r.root, "http://")
	eventually(t, "the port is closed", func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-r.ended:
		t.Fatalf("it did not wait for the request: %v", err)
	default:
	}

	if _, err := io.WriteString(writer, `"userName": "last", "name": {"familyName": "Comer"}}`); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if status := <-answered; status != 201 {
		t.Errorf("the request in flight was answered %d", status)
	}
	if err := r.wait(t); err != nil {
		t.Errorf("it ended with %v", err)
	}
	client.CloseIdleConnections()
	r.world.close()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// later starts a directory where one was missing.
func later(t *testing.T, address string) {
	t.Helper()
	server, err := embedded.Start(embedded.Config{
		Addr: address, Suffix: suffix, AdminDN: adminDN, AdminPassword: adminPassword, Entries: embedded.Generate(1, 1), MemberOf: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
}

func TestADirectoryThatIsAwayAtStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	nowhere, err := unusedAddress()
	if err != nil {
		t.Fatal(err)
	}
	r := startServing(t, writeConfig(t, "ldap://"+nowhere, ""))
	if status, body := r.ready(t); status != 503 || !strings.Contains(body, "unavailable") {
		t.Errorf("ready is %d %s", status, body)
	}
	later(t, nowhere)
	back := time.Now()
	eventuallyWithin(t, 5*time.Second, "/ready turns by itself", func() bool {
		status, _ := r.ready(t)
		return status == 200
	})
	t.Logf("ready after %s", time.Since(back))
	r.stop()
	if err := r.wait(t); err != nil {
		t.Error(err)
	}
}

func TestAMappingThatDoesNotFitEndsTheServerAlsoWhenTheDirectoryComesLate(t *testing.T) {
	t.Parallel()
	nowhere, err := unusedAddress()
	if err != nil {
		t.Fatal(err)
	}
	r := startServing(t, writeConfig(t, "ldap://"+nowhere, "    attributes: {externalId: acmeNumber}\n"))
	later(t, nowhere)
	var faults configs.Faults
	if err := r.wait(t); !errors.As(err, &faults) || !strings.Contains(err.Error(), "acmeNumber") || !strings.Contains(err.Error(), "scim.yaml:") {
		t.Errorf("it ended with %v", err)
	}
}

func TestAStopWhileWaitingForTheDirectoryIsNoError(t *testing.T) {
	t.Parallel()
	nowhere, err := unusedAddress()
	if err != nil {
		t.Fatal(err)
	}
	w := loadWorld(t, writeConfig(t, "ldap://"+nowhere, ""))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	if err := w.run(ctx, func(string) { t.Error("it listened") }); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("it took %s to stop", took)
	}
}

// eventuallyWithin is eventually with a time of its own.
func eventuallyWithin(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %s: %s", limit, what)
}
