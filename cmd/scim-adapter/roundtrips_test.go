package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// countingServer stands before a Postgres and counts how often somebody waits for it: with each Sync, and each simple query, a client says that it does.
func countingServer(t *testing.T, behind string) (at string, waits *atomic.Int64) {
	t.Helper()
	u, err := url.Parse(behind)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // on loopback
	if err != nil {
		t.Fatal(err)
	}
	host := u.Host
	waits = &atomic.Int64{}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _ = listener.Close() })
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", host) //nolint:noctx // on loopback
			if err != nil {
				t.Error(err)
				_ = client.Close()
				continue
			}
			wg.Go(func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			})
			wg.Go(func() {
				countWaits(server, client, waits)
				_ = server.Close()
			})
		}
	})
	u.Host = listener.Addr().String()
	query := u.Query()
	query.Set("sslmode", "disable")
	u.RawQuery = query.Encode()
	return u.String(), waits
}

// countWaits passes on what a client says. The first message has no type, all others have a letter; a length follows.
func countWaits(to io.Writer, from io.Reader, waits *atomic.Int64) {
	for typed := false; ; typed = true {
		head := make([]byte, 4)
		if typed {
			head = make([]byte, 5)
		}
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		if typed && (head[0] == 'S' || head[0] == 'Q') {
			waits.Add(1)
		}
		if _, err := to.Write(head); err != nil {
			return
		}
		rest := int64(binary.BigEndian.Uint32(head[len(head)-4:])) - 4
		if _, err := io.CopyN(to, from, rest); err != nil {
			return
		}
	}
}

func TestWhatIsReadOfTablesCostsOneRoundTrip(t *testing.T) {
	schema, err := os.ReadFile("../../deploy/scripts/init-db.sql")
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.Database(t, string(schema))
	pgtest.Exec(t, db.Admin, fmt.Sprintf(benchPeople, 1, 2500))
	at, waits := countingServer(t, db.URL)
	path := filepath.Join(t.TempDir(), "scim.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, benchConfig, at), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := load(path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	w, err := build(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	server := httptest.NewServer(w.handler)
	defer server.Close()
	get := func(path string) string {
		t.Helper()
		resp, err := http.Get(server.URL + "/scim/v2" + path) //nolint:noctx,gosec // a test on loopback
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %v %s", resp.StatusCode, err, body)
		}
		return string(body)
	}
	_, rest, _ := strings.Cut(get("/Users?count=1&attributes=userName"), `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	for _, c := range []struct {
		path, shows string
		want        int64
	}{
		{"/Users/" + id, `"display":"group`, 1},
		{"/Users/" + id + "?attributes=userName", `"userName":"user`, 1},
		{"/Users/" + id + "?excludedAttributes=groups", `"userName":"user`, 1},
		{"/Users?filter=userName%20eq%20%22user00000007%22", `"display":"group0"`, 1},
		{"/Users?count=100", `"display":"group`, 2}, // the second counts
		{"/Users?count=100&cursor", `"display":"group`, 2},
		{"/Users?sortBy=userName&count=10", `"display":"group`, 2},
	} {
		if body := get(c.path); !strings.Contains(body, c.shows) { // what the catalog has, and statements, are prepared once
			t.Errorf("%s shows %.500s", c.path, body)
		}
		get(c.path)
		before := waits.Load()
		get(c.path)
		if n := waits.Load() - before; n != c.want {
			t.Errorf("%s waited %d times for the database, want %d", c.path, n, c.want)
		}
	}
}
