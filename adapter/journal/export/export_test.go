package export

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

var moment = time.Date(2026, 11, 23, 10, 17, 0, 123456789, time.UTC)

// secretValue stands wherever a value of a person may stand in an event.
const secretValue = "Lovelace"

// anEvent has everything that an event can have.
func anEvent(n int) journal.Event {
	values := backends.Strings(secretValue)
	return journal.Event{
		Intent: journal.Intent{
			ID: journal.ID(uuid.NewSHA1(uuid.Nil, []byte(strconv.Itoa(n))).String()), Time: moment, Writer: "host/1", RequestID: "r1", Tenant: "default", Client: "okta", Subject: "s",
			Address: "192.0.2.1", UserAgent: "curl", Action: journal.ActionPatch, ResourceType: "User", ResourceID: "k1", Refused: secretValue,
			Diff:  []journal.Change{{Path: `emails[value eq "` + secretValue + `"].type`, After: json.RawMessage(`"` + secretValue + `"`)}},
			Steps: []journal.Step{{Backend: "User", Op: "modify", Key: "k1", Name: "cn=" + secretValue, Changes: []backends.Change{{Op: backends.Replace, Attr: "sn", Values: values}}, Before: backends.Attributes{"sn": values}}},
		},
		Outcome: &journal.Outcome{
			Time: moment.Add(time.Second), Status: journal.StatusDone, Version: "v2", Error: "no " + secretValue,
			Steps: []journal.StepOutcome{{Status: journal.StatusDone, Error: secretValue, Effective: []backends.Change{{Op: backends.Replace, Attr: "sn", Values: values}}}},
		},
	}
}

func entries(from, n int) []Entry {
	list := make([]Entry, n)
	for i := range list {
		list[i] = Of(anEvent(from+i), false)
	}
	return list
}

func TestWhatLeavesTheHouseHasNamesAndNoValues(t *testing.T) {
	text, err := JSONLines(entries(1, 1))
	if err != nil || strings.Contains(string(text), secretValue) {
		t.Errorf("%v: %s", err, text)
	}
	for _, want := range []string{`"changed":["emails"]`, `"attributes":["sn"]`, `"status":"done"`, `"time":"2026-11-23T10:17:00.123456789Z"`, `"client":"okta"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if text, err = JSONLines([]Entry{Of(anEvent(1), true)}); err != nil || strings.Count(string(text), secretValue) != 9 {
		t.Errorf("with values: %v, %d: %s", err, strings.Count(string(text), secretValue), text)
	}
}

func TestSyslogMessages(t *testing.T) {
	s := newSyslog("tcp://127.0.0.1:1")
	s.host, s.process = "box", "7"
	e := entries(1, 1)[0]
	e.Client, e.Subject = `a"b]c\d`, "line\nbreak\x1b[31m"
	got, err := s.message(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `<110>1 2026-11-23T10:17:00.123456Z box scim-adapter 7 patch [scim-adapter@32473 event="` + string(e.Event) + `" tenant="default" client="a\"b\]c\\d" subject="line` + "\ufffdbreak\ufffd" +
		`[31m" address="192.0.2.1" requestId="r1" action="patch" resourceType="User" resourceId="k1" status="done"] ` + "\ufeff" + `{"event":"`
	if !strings.HasPrefix(string(got), want) {
		t.Errorf("message is\n%s\nwant\n%s", got, want)
	}
	for _, c := range []struct {
		status string
		pri    string
	}{{"done", "<110>"}, {"refused", "<109>"}, {"failed", "<108>"}, {"unknown", "<108>"}, {"open", "<109>"}} {
		e.Status = c.status
		if got, err := s.message(e); err != nil || !strings.HasPrefix(string(got), c.pri+"1 ") {
			t.Errorf("%s: %.10s, %v", c.status, got, err)
		}
	}
}

func TestSyslogMessagesAreBounded(t *testing.T) {
	for scheme, most := range map[string]int{"udp": 2048, "tcp": 8192} {
		s := newSyslog(scheme + "://127.0.0.1:1")
		e := entries(1, 1)[0]
		long := strings.Repeat("ü]", 5000)
		for i := range 400 {
			e.Steps = append(e.Steps, Step{Backend: "User", Op: "modify", Attributes: []string{fmt.Sprint("attribute", i)}})
		}
		got, err := s.message(e)
		if err != nil || len(got) > most || !strings.Contains(string(got), "\ufeff{") || !json.Valid([]byte(strings.SplitN(string(got), "\ufeff", 2)[1])) {
			t.Errorf("%s with many steps: %v, %d bytes", scheme, err, len(got))
		}
		e.Tenant, e.Client, e.Subject, e.Address, e.RequestID, e.ResourceID, e.UserAgent = long, long, long, long, long, long, long
		e.ResourceType, e.Action = long, long
		if got, err = s.message(e); scheme == "udp" && err == nil && len(got) > most || scheme == "tcp" && (err != nil || len(got) > most) {
			t.Errorf("%s, all of it long: %v, %d bytes", scheme, err, len(got))
		}
	}
}

// syslogServer takes messages of a stream until it has had `hangUp` of one connection (0: all).
type syslogServer struct {
	net.Listener
	mu   sync.Mutex
	seen map[string]int
	bad  error
}

func startSyslog(t *testing.T, l net.Listener, hangUp int) *syslogServer {
	t.Helper()
	s := &syslogServer{Listener: l, seen: map[string]int{}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.read(conn, hangUp)
		}
	}()
	return s
}

func (s *syslogServer) read(conn net.Conn, hangUp int) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for n := 0; hangUp == 0 || n < hangUp; n++ {
		length, err := in.ReadString(' ')
		if err != nil {
			return
		}
		size, err := strconv.Atoi(strings.TrimSpace(length))
		text := make([]byte, max(size, 0))
		if err == nil {
			_, err = io.ReadFull(in, text)
		}
		s.mu.Lock()
		if _, after, ok := strings.Cut(string(text), `event="`); ok && err == nil {
			s.seen[after[:36]]++
		} else {
			s.bad = fmt.Errorf("no message: %q: %w", text, err)
		}
		s.mu.Unlock()
	}
}

func (s *syslogServer) has(list []Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range list {
		if s.seen[string(e.Event)] == 0 {
			return false
		}
	}
	return s.bad == nil
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("not within fifteen seconds: " + what)
}

func TestSyslogOverTCPAndTLS(t *testing.T) {
	trusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer trusted.Close()
	for _, scheme := range []string{"tcp", "tls"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := newSyslog(scheme + "://" + l.Addr().String())
		if scheme == "tls" {
			l = newTLSListener(l, trusted)
			s.roots = clientTLS(trusted)
		}
		server := startSyslog(t, l, 0)
		all := entries(0, 500)
		if err := Deliver(t.Context(), s, all, time.Minute, nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all messages are there: "+scheme, func() bool { return server.has(all) })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A server that hangs up loses nothing that was sent before the last batch, and that one is sent again.
func TestASyslogServerThatHangsUpMissesNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := startSyslog(t, l, 15)
	s := newSyslog("tcp://" + l.Addr().String())
	for i := range 20 {
		if err := Deliver(t.Context(), s, entries(10*i, 10), time.Minute, nil); err != nil {
			t.Fatal(err)
		}
		if i > 0 { // every batch but the first is cut off in its middle
			eventually(t, "the server has hung up", s.broken)
		}
	}
	if err := Deliver(t.Context(), s, entries(200, 1), time.Minute, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all messages are there", func() bool { return server.has(entries(0, 201)) })
}

func TestSyslogOverUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := newSyslog("udp://" + conn.LocalAddr().String())
	defer s.Close()
	if err := s.Send(t.Context(), entries(1, 2)); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries(1, 2) {
		buffer := make([]byte, 4096)
		n, _, err := conn.ReadFrom(buffer)
		if err != nil || !strings.HasPrefix(string(buffer[:n]), "<110>1 ") || !strings.Contains(string(buffer[:n]), string(e.Event)) {
			t.Errorf("%v: %s", err, buffer[:n])
		}
	}
}

// hook is a webhook that answers as it is told, and then takes everything.
type hook struct {
	mu      sync.Mutex
	answers []func(w http.ResponseWriter)
	tries   int
	lines   []string
	limit   int
	auth    string
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tries++
	h.auth = r.Header.Get("Authorization")
	body, err := io.ReadAll(r.Body)
	if len(h.answers) > 0 {
		next := h.answers[0]
		h.answers = h.answers[1:]
		next(w)
		return
	}
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-ndjson" || h.limit > 0 && len(lines) > h.limit {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	h.lines = append(h.lines, lines...)
}

func status(code int, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "not\nnow")
	}
}

func TestAWebhookThatFailsTwiceHasEverythingOnce(t *testing.T) {
	h := &hook{answers: []func(http.ResponseWriter){status(503, "Retry-After", "1"), status(500)}}
	server := httptest.NewServer(h)
	defer server.Close()
	w := newWebhook(configs.NewSecret(server.URL+"/in?key=very-secret"), configs.NewSecret("abc"))
	defer w.Close()
	var waits []time.Duration
	began := time.Now()
	err := Deliver(t.Context(), w, entries(1, 30), time.Minute, func(err error, next time.Duration) {
		if !strings.Contains(err.Error(), "not now") {
			t.Errorf("the reason is not told: %v", err)
		}
		waits = append(waits, next)
	})
	if err != nil || h.tries != 3 || len(h.lines) != 30 || h.auth != "Bearer abc" {
		t.Errorf("%v, %d tries, %d lines, %q", err, h.tries, len(h.lines), h.auth)
	}
	if len(waits) != 2 || waits[0] != time.Second || time.Since(began) < time.Second {
		t.Errorf("it waited %v", waits)
	}
}

func TestAWebhookThatTakesLittleAtOnceHasItInParts(t *testing.T) {
	h := &hook{limit: 4}
	server := httptest.NewServer(h)
	defer server.Close()
	if err := newWebhook(configs.NewSecret(server.URL), configs.Secret{}).Send(t.Context(), entries(1, 30)); err != nil || len(h.lines) != 30 {
		t.Errorf("%v, %d lines", err, len(h.lines))
	}
	h.limit, h.answers = 0, []func(http.ResponseWriter){status(413)}
	if err := Deliver(t.Context(), newWebhook(configs.NewSecret(server.URL), configs.Secret{}), entries(1, 1), time.Minute, nil); !errors.Is(err, errTooLarge) {
		t.Errorf("one that is too large by itself: %v", err)
	}
}

func TestWhatAWebhookRefusesIsNotTriedAgain(t *testing.T) {
	for code, header := range map[int]string{401: "", 400: "", 302: "/elsewhere"} {
		h := &hook{answers: []func(http.ResponseWriter){status(code, "Location", header)}}
		server := httptest.NewServer(h)
		err := Deliver(t.Context(), newWebhook(configs.NewSecret(server.URL+"/very-secret"), configs.Secret{}), entries(1, 1), time.Minute, nil)
		if err == nil || h.tries != 1 || !strings.Contains(err.Error(), strconv.Itoa(code)) || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%d: %v after %d tries", code, err, h.tries)
		}
		server.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err = newWebhook(configs.NewSecret(server.URL+"/very-secret"), configs.Secret{}).Send(ctx, entries(1, 1))
		if err == nil || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("nobody listens: %v", err)
		}
		cancel()
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	w := newWebhook(configs.NewSecret("http://127.0.0.1"), configs.Secret{})
	w.now = func() time.Time { return moment.Truncate(time.Second) }
	for text, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": time.Second, "999999": time.Hour, "": -1, "soon": -1, "-1": -1,
		"Mon, 23 Nov 2026 10:17:30 GMT": 30 * time.Second, "Mon, 23 Nov 2026 10:00:00 GMT": time.Second,
	} {
		got, ok := w.retryAfter(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
