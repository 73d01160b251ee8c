package export

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

func newTLSListener(l net.Listener, of *httptest.Server) net.Listener {
	return tls.NewListener(l, &tls.Config{Certificates: of.TLS.Certificates})
}

func clientTLS(of *httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(of.Certificate())
	return &tls.Config{RootCAs: roots}
}

// memory is a sink that can be told to fail.
type memory struct {
	mu   sync.Mutex
	seen map[journal.ID]int
	fail bool
}

func (m *memory) Send(_ context.Context, list []Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail {
		return errors.New("away")
	}
	for _, e := range list {
		m.seen[e.Event]++
	}
	return nil
}

func (*memory) Close() error   { return nil }
func (*memory) String() string { return "memory" }

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.seen)
}

// write journals n writes from eight sides.
func write(t *testing.T, j *litejournal.Journal, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for side := range 8 {
		wg.Go(func() {
			for i := side; i < n; i += 8 {
				e := anEvent(0)
				e.Intent.ID = journal.ID(uuid.Must(uuid.NewV7()).String())
				if err := errors.Join(j.Begin(t.Context(), e.Intent), j.Finish(t.Context(), e.Intent.ID, *e.Outcome)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAFeedSendsEverythingFromItsFirstStartOn(t *testing.T) {
	dir := t.TempDir()
	j, err := litejournal.Open(t.Context(), filepath.Join(dir, "journal.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	write(t, j, 10) // before there was a feed
	m := &memory{seen: map[journal.ID]int{}}
	file := FileOf(dir, configs.AuditExport{To: "webhook", URL: configs.NewSecret("https://example.org/very-secret")})
	run := func(kind string) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- (&Feed{Reader: j, Kind: kind, Sink: m, File: file, Log: quietLog()}).Run(ctx) }()
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	stop := run("embedded")
	eventually(t, "the feed has begun", func() bool { _, err := os.Stat(file); return err == nil })
	write(t, j, 1000)
	eventually(t, "everything is sent", func() bool { return m.count() == 1000 })
	m.mu.Lock()
	m.fail = true
	m.mu.Unlock()
	write(t, j, 30)
	stop()
	if n := m.count(); n != 1000 {
		t.Errorf("%d were sent", n)
	}
	m.fail = false
	write(t, j, 30) // nobody feeds
	stop = run("embedded")
	eventually(t, "what was left is sent", func() bool { return m.count() == 1060 })
	write(t, j, 5)
	stop() // at once: the last ones are sent before it ends
	if n := m.count(); n != 1065 {
		t.Errorf("%d were sent", n)
	}
	for id, n := range m.seen {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	write(t, j, 5)
	run("postgres")() // its places are not those of this journal
	if n := m.count(); n != 1065 {
		t.Errorf("%d were sent from another journal", n)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 || strings.Contains(file, "secret") {
		t.Errorf("%v, %v", info, err)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestAFeedThatCannotKeepItsPlaceDoesNotBegin(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "export", "x.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("{"), 0o600)); err != nil {
		t.Fatal(err)
	}
	f := Feed{File: file, Sink: &memory{}, Log: quietLog()}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := f.Run(ctx); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("with half a file: %v", err)
	}
}
