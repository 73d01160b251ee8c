package spool

import (
	"context"
	"strings"
	"time"
	"unicode"
)

const (
	// stallAgain is how often the log is told of the same cause.
	stallAgain = time.Minute
	// mostCauses is how many are told apart; what comes beyond them counts as one.
	mostCauses = 16
)

// stall is what the log has been told of why the spool does not drain. Whoever drains has it for himself.
type stall struct {
	told map[string]time.Time // when, by cause
	open bool                 // it was not said since that it goes on
}

// news says whether the log is to hear of a cause: it is another, or a minute has passed. Numbers make no other cause: those of ports differ with each attempt.
func (s *stall) news(err error, now time.Time) bool {
	cause := strings.Map(func(c rune) rune {
		if unicode.IsDigit(c) {
			return -1
		}
		return c
	}, err.Error())
	last, known := s.told[cause]
	if !known && len(s.told) >= mostCauses {
		cause = ""
		last, known = s.told[cause]
	}
	if known && now.Sub(last) < stallAgain {
		return false
	}
	if s.told == nil {
		s.told = map[string]time.Time{}
	}
	s.told[cause], s.open = now, true
	return true
}

// stalled tells the log why the spool does not drain, how much waits and since when.
func (j *Journal) stalled(ctx context.Context, err error) {
	if ctx.Err() != nil || !j.stall.news(err, j.o.Now()) {
		return
	}
	args := []any{"error", err}
	if n, since, _, unread := j.o.File.Waiting(ctx); unread != nil {
		args = append(args, "spool", unread)
	} else if args = append(args, "entries", n); n > 0 {
		args = append(args, "since", since.UTC())
	}
	j.o.Logger.Warn("what is spooled cannot be taken to the journal's database yet", args...)
}

// goesOn tells the log, if it was told that the spool does not drain, that it does.
func (j *Journal) goesOn(taken int) {
	if j.stall.open && taken > 0 {
		j.stall.open = false
		j.o.Logger.Info("what is spooled is being taken to the journal's database again")
	}
}
