package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	// batch is how many events are sent at once.
	batch = 200
	// poll is how often a journal is asked for more.
	poll = time.Second
	// rest is how long a destination is left alone that has refused.
	rest = 30 * time.Second
	// patience is how long one of several processes tries to send a batch before another may.
	patience = 30 * time.Second
	// lastTry is how long a feed that is told to stop may still send what was settled before.
	lastTry = 3 * time.Second
)

// Feed gives a sink what is settled in a journal, from where it was, or from the time when it ran first.
type Feed struct {
	Reader journal.Reader
	Kind   string // of the journal: a place is one of this journal only
	Sink   Sink
	File   string // where the place is kept
	Turns  Turns  // of several processes; nil: this one is alone
	Log    *slog.Logger
}

// Turns are a journal that several processes have together: it keeps the places, and one process at a time feeds a destination.
type Turns interface {
	// TakeFeed gives how far a destination is, whether anybody has begun, and whether it is this process that goes on.
	TakeFeed(ctx context.Context, name string) (place journal.Place, known, mine bool, err error)
	// KeepFeed writes down how far it is; false: another process goes on with it by now.
	KeepFeed(ctx context.Context, name string, place journal.Place) (bool, error)
	// GiveFeed lets another process go on.
	GiveFeed(ctx context.Context, name string) error
}

// FileOf is where the place of a destination is kept, below a directory: one for each, whatever its URL holds.
func FileOf(dir string, to configs.AuditExport) string {
	sum := sha256.Sum256([]byte(to.Address + "\n" + to.URL.Reveal()))
	return filepath.Join(dir, "export", to.To+"-"+hex.EncodeToString(sum[:6])+".json")
}

// kept is what stands in the file.
type kept struct {
	Journal string        `json:"journal"`
	Place   journal.Place `json:"place"`
}

// Run feeds until ctx is over, and then tries once more for a moment. Its error is that the file cannot be read or written when it starts. Of several processes one
// feeds; the others look every second whether it is their turn: when that one has stopped, cannot send, or says nothing any more.
func (f *Feed) Run(ctx context.Context) error {
	place, known, err := f.start()
	if err != nil && f.Turns == nil {
		return err
	}
	said := false
	for {
		place, known, err = f.round(ctx, place, known)
		if err != nil && ctx.Err() == nil && !said {
			f.Log.Warn("events are not exported; trying again until they are", "to", f.Sink.String(), "error", err)
		}
		if err == nil && said {
			f.Log.Info("events are exported again", "to", f.Sink.String())
		}
		said = err != nil
		select {
		case <-ctx.Done():
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTry)
			defer cancel()
			if _, _, err := f.round(late, place, known); err != nil {
				f.Log.Warn("some events are exported at the next start", "to", f.Sink.String(), "error", err)
			}
			f.give(late)
			return nil
		case <-time.After(pause(err)):
		}
	}
}

// rejected is that a destination does not want what it is sent, which is not likely to change soon.
type rejected struct{ error }

func (r rejected) Unwrap() error { return r.error }

// pause is how long to wait after a round.
func pause(err error) time.Duration {
	if _, ok := errors.AsType[rejected](err); ok {
		return rest
	}
	return poll
}

// start reads the place of an earlier run, and sees to it that a later one can be kept.
func (f *Feed) start() (place journal.Place, known bool, err error) {
	if err := os.MkdirAll(filepath.Dir(f.File), 0o700); err != nil {
		return "", false, err
	}
	text, err := os.ReadFile(f.File)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return "", false, fmt.Errorf("%s: %w (remove it to begin with what happens from then on)", f.File, err)
	}
	if k.Journal != f.Kind {
		f.Log.Warn("the journal is another one than before: what happens from now on is exported", "to", f.Sink.String(), "before", k.Journal, "now", f.Kind)
		return "", false, nil
	}
	return k.Place, true, nil
}

// round sends everything that is settled, and gives the place behind what was sent.
func (f *Feed) round(ctx context.Context, place journal.Place, known bool) (journal.Place, bool, error) {
	if f.Turns != nil {
		kept, begun, mine, err := f.Turns.TakeFeed(ctx, f.name())
		if err != nil || !mine {
			return place, known, err
		}
		if !begun && known { // this process has fed alone before
			_, err := f.keep(ctx, place)
			return place, known, err
		}
		place, known = kept, begun
	}
	if !known {
		end, err := f.Reader.End(ctx)
		if err == nil {
			_, err = f.keep(ctx, end)
		}
		return end, err == nil, err
	}
	for {
		events, next, err := f.Reader.Follow(ctx, place, batch)
		if err != nil || len(events) == 0 {
			return place, true, err
		}
		entries := make([]Entry, len(events))
		for i, e := range events {
			entries[i] = Of(e, false)
		}
		said := false
		tries := time.Duration(0)
		if f.Turns != nil {
			tries = patience
		}
		err = Deliver(ctx, f.Sink, entries, tries, func(err error, next time.Duration) {
			if !said {
				f.Log.Warn("events cannot be exported; trying again until they can", "to", f.Sink.String(), "error", err, "next", next.String())
			}
			said = true
		})
		if err != nil {
			f.give(ctx)
			return place, true, rejected{err}
		}
		if said {
			f.Log.Info("events are exported again", "to", f.Sink.String())
		}
		place = next
		if mine, err := f.keep(ctx, place); err != nil || !mine {
			return place, true, err
		}
		if len(events) < batch {
			return place, true, nil
		}
	}
}

// name is that of the destination, for all processes.
func (f *Feed) name() string { return strings.TrimSuffix(filepath.Base(f.File), ".json") }

// give lets another process try.
func (f *Feed) give(ctx context.Context) {
	if f.Turns == nil {
		return
	}
	if err := f.Turns.GiveFeed(ctx, f.name()); err != nil {
		f.Log.Debug("another process waits for a while before it exports", "to", f.Sink.String(), "error", err)
	}
}

// keep writes the place down; false: another process is at it.
func (f *Feed) keep(ctx context.Context, place journal.Place) (mine bool, err error) {
	if f.Turns != nil {
		return f.Turns.KeepFeed(ctx, f.name(), place)
	}
	return true, f.keepFile(place)
}

// keepFile writes the place down, whole or not at all.
func (f *Feed) keepFile(place journal.Place) error {
	text, err := json.Marshal(kept{f.Kind, place})
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(f.File), filepath.Base(f.File)+".*") // only its owner may read it
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // it has its name by then
	_, err = file.Write(append(text, '\n'))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), f.File)
}
