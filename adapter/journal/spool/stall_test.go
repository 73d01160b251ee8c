package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// heard is a log that is read while it is written.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

// lines are those that say something of how the spool drains, each cut to its level and its words.
func (h *heard) lines() (lines []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for line := range strings.Lines(h.text.String()) {
		if strings.Contains(line, "spooled") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// until waits for a line.
func (h *heard) until(t *testing.T, want string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, line := range h.lines() {
			if strings.Contains(line, want) {
				return line
			}
		}
	}
	t.Fatalf("nobody says %q: %q", want, h.lines())
	return ""
}

func TestTheLogSaysWhyTheSpoolDoesNotDrainAndWhenItDoes(t *testing.T) {
	g, log := newGround(t), &heard{}
	j := g.open(nil, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		j.Run(ctx)
		close(ended)
	}()
	g.line.cut()
	write(t, j, "a")
	first := log.until(t, "cannot be taken")
	if !strings.Contains(first, "level=WARN") || !strings.Contains(first, "error=") || !strings.Contains(first, "entries=") {
		t.Errorf("%s", first)
	}
	time.Sleep(20 * j.o.Pause) // as many attempts
	if said := strings.Count(strings.Join(log.lines(), "\n"), "cannot be taken"); said > 2 {
		t.Errorf("it is said %d times: %q", said, log.lines())
	}
	pgtest.Exec(t, g.db.Admin, "REVOKE INSERT ON audit.events FROM scim_app")
	g.line.mend()
	if denied := log.until(t, "permission denied"); !strings.Contains(denied, "level=WARN") || !strings.Contains(denied, "entries=2") || !strings.Contains(denied, "since=2") {
		t.Errorf("%s", denied)
	}
	pgtest.Exec(t, g.db.Admin, "GRANT INSERT ON audit.events TO scim_app")
	if on := log.until(t, "is being taken"); !strings.Contains(on, "level=INFO") {
		t.Errorf("%s", on)
	}
	if end := log.until(t, "has all that was spooled"); !strings.Contains(end, "level=INFO") || !strings.Contains(end, "entries=2") {
		t.Errorf("%s", end)
	}
	stop()
	<-ended
	if said := len(log.lines()); said > 7 {
		t.Errorf("%d lines: %q", said, log.lines())
	}
}

func TestACauseIsToldAgainEachMinuteAndAnotherAtOnce(t *testing.T) {
	var s stall
	now := time.Now()
	tell := func(after time.Duration, cause string) bool {
		now = now.Add(after)
		return s.news(errors.New(cause), now)
	}
	for i, c := range []struct {
		after time.Duration
		cause string
		want  bool
	}{
		{0, "read 127.0.0.1:4711: reset", true},
		{time.Second, "read 127.0.0.1:4712: reset", false},
		{time.Second, "denied", true},
		{time.Second, "denied", false},
		{57 * time.Second, "reset", true},
		{time.Second, "read 127.0.0.1:4711: reset", true},
		{0, "denied", false},
		{time.Second, "denied", true},
	} {
		if got := tell(c.after, c.cause); got != c.want {
			t.Errorf("%d, %s: %t", i, c.cause, got)
		}
	}
	told := 0
	for i := range 1000 {
		if tell(0, strings.Repeat("x", i)) {
			told++
		}
	}
	if told > mostCauses || len(s.told) > mostCauses+1 {
		t.Errorf("%d lines, and %d causes are kept", told, len(s.told))
	}
}

func TestWhoWantsTheWholeIsSentAwayWhileSomeOfItIsInAFile(t *testing.T) {
	g := newGround(t)
	for _, among := range []int{1, 2} {
		now := time.Now()
		j := g.open(nil, func(o *Options) { o.Among, o.Now = among, func() time.Time { return now } })
		in := change(fmt.Sprint("noted by one of ", among))
		look := func() (found bool, err error) {
			for e, err := range j.Events(t.Context(), journal.Filter{RequestID: in.RequestID, Whole: true}) {
				return e.Intent.ID == in.ID, err
			}
			return false, nil
		}
		if _, err := look(); err != nil {
			t.Error(err)
		}
		g.line.cut()
		must(t, j.Note(t.Context(), in, done()))
		if _, err := look(); !errors.Is(err, backends.ErrUnavailable) {
			t.Errorf("while the database is away: %v", err)
		}
		g.line.mend() // it can be read, and what waits is not in it
		if _, err := look(); !errors.Is(err, backends.ErrUnavailable) {
			t.Errorf("while it waits: %v", err)
		}
		drain(t, j)
		if found, err := look(); among > 1 && !errors.Is(err, backends.ErrUnavailable) || among == 1 && (err != nil || !found) {
			t.Errorf("drained, one of %d: %t, %v", among, found, err)
		}
		now = now.Add(2 * time.Minute)
		if found, err := look(); err != nil || !found {
			t.Errorf("settled: %t, %v", found, err)
		}
		must(t, j.Close())
	}
}
