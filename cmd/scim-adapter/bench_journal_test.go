package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// benchJournalConfig is an adapter over a directory in memory, so that what the journal costs is as much of the whole as it can be.
const benchJournalConfig = `
server: {listen: "127.0.0.1:0"}
auth: {enabled: false}
logging: {level: error, access_log: false}
monitoring: {metrics_port: 0}
journal: {kind: %s}
database: {url: %q}
backends:
  corp: {kind: ldap, url: %q, bind_dn: %q, bind_password: %s}
mappings:
  - mapping: User
    preset: openldap
    at: {backend: corp, base: "ou=people,%s"}
    create: {name: "uid={userName},ou=people,%[6]s"}
    attributes: {externalId: carLicense}
  - mapping: Group
    preset: openldap
    at: {backend: corp, base: "ou=groups,%[6]s"}
    create: {name: "cn={displayName},ou=groups,%[6]s"}
    attributes: {externalId: businessCategory}
`

const (
	benchClients = 32
	benchEach    = 10 // requests of each client in a round
)

// BenchmarkJournal has 32 clients PATCH at once, an adapter without a journal and one with a journal in Postgres, one round after the other: whatever else the
// machine does falls on both. It gives the requests a second of each, and the percentage that is left with a journal. scripts/bench.sh runs it.
func BenchmarkJournal(b *testing.B) {
	db := pgtest.StartServer(b).Database(b, pgjournal.Script()) // whose commits are on the disk
	kinds := []string{"none", "postgres"}
	adapters, took := map[string]*benchAdapter{}, map[string]time.Duration{}
	for _, kind := range kinds {
		adapters[kind] = startBenchAdapter(b, kind, db.Admin)
		adapters[kind].round(b) // what the catalog has is read, connections are made, statements prepared
	}
	for n := 0; b.Loop(); n++ {
		for i := range kinds {
			kind := kinds[(i+n)%len(kinds)]
			begun := time.Now()
			adapters[kind].round(b)
			took[kind] += time.Since(begun)
		}
	}
	for _, kind := range kinds {
		b.ReportMetric(float64(b.N*benchClients*benchEach)/took[kind].Seconds(), kind+"/s")
	}
	b.ReportMetric(100*took["none"].Seconds()/took["postgres"].Seconds(), "percent")
}

// benchAdapter is an adapter with a person for each client.
type benchAdapter struct {
	client http.Client
	users  []string // their addresses
	n      int      // rounds so far
}

func startBenchAdapter(b *testing.B, kind, url string) *benchAdapter {
	b.Helper()
	directory, err := embedded.Start(embedded.Config{Suffix: suffix, AdminDN: adminDN, AdminPassword: adminPassword, Entries: embedded.Generate(0, 0)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { directory.Close() })
	path := filepath.Join(b.TempDir(), "scim.yaml")
	text := fmt.Sprintf(benchJournalConfig, kind, url, directory.URL(), adminDN, adminPassword, suffix)
	if kind == "none" {
		text = strings.Replace(text, fmt.Sprintf("database: {url: %q}\n", url), "", 1)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	p, err := load(path, quiet)
	if err != nil {
		b.Fatal(err)
	}
	w, err := build(b.Context(), p)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.close)
	server := httptest.NewServer(w.handler)
	b.Cleanup(server.Close)
	s := &benchAdapter{client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchClients}}}
	b.Cleanup(s.client.CloseIdleConnections)
	for n := range benchClients {
		made, err := s.send(b.Context(), http.MethodPost, server.URL+"/scim/v2/Users", fmt.Sprintf(`{"userName": "bench%d", "name": {"familyName": "Bench"}}`, n), http.StatusCreated)
		if err != nil {
			b.Fatal(err)
		}
		s.users = append(s.users, made)
	}
	return s
}

// round has each client change its person some times.
func (s *benchAdapter) round(b *testing.B) {
	b.Helper()
	s.n++
	var wg sync.WaitGroup
	for _, user := range s.users {
		wg.Go(func() {
			for n := range benchEach {
				patch := fmt.Sprintf(`{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": "Title %d of %d"}]}`, n, s.n)
				if _, err := s.send(b.Context(), http.MethodPatch, user, patch, http.StatusOK); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// send gives the address of what was made.
func (s *benchAdapter) send(ctx context.Context, method, url, body string, want int) (location string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != want {
		return "", fmt.Errorf("%s %s: %d %.300s", method, url, resp.StatusCode, answer)
	}
	return resp.Header.Get("Location"), nil
}
