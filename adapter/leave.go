package adapter

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// A mapping may say that what is deleted moves to another place of the directory (delete: move), which is mostly one where the mapping does not look. That place is the
// only one outside a mapping's scope that anything is ever read or written at: a delete moves a record there, and an undo looks for it there, by its key, and moves it back.

// beyondScope is a backend that can look for records which were moved out of its scope, at the one place that it is told.
type beyondScope interface {
	Beyond(place string) (backends.Reader, bool)
}

// beyond is the place outside the scope that the mapping moves what is deleted to, if one of the names is below it; otherwise "".
func (c *class) beyond(names ...string) string {
	del := c.OnDelete()
	if del.Policy != "move" {
		return ""
	}
	place := "," + backends.Normalize(backends.NameRule, del.To)
	for _, name := range names {
		if strings.HasSuffix(backends.Normalize(backends.NameRule, name), place) {
			return del.To
		}
	}
	return ""
}

// gone reads a record of which a delete has moved to where the mapping moves what is deleted; nil where it is not there. It can do so only if asks.
func (c *class) gone(ctx context.Context, key backends.Key, attrs []string) (rec *backends.Record, asks bool, err error) {
	directory, ok := realBackend(c.Backend()).(beyondScope)
	if !ok || c.OnDelete().Policy != "move" {
		return nil, false, nil
	}
	reader, ok := directory.Beyond(c.OnDelete().To)
	if !ok {
		return nil, false, nil
	}
	if a, ok := c.backend.(*aliased); ok {
		t, err := a.a.get(ctx)
		if err != nil {
			return nil, true, err
		}
		key = t.key(key)
	}
	recs, err := reader.Fetch(ctx, []backends.Key{key}, attrs)
	if err != nil || len(recs) == 0 {
		return nil, true, err
	}
	return &recs[0], true, nil
}

// settleBeyond looks for a record that is not in scope where a move may have put it, or may have left it.
func (c *class) settleBeyond(ctx context.Context, step journal.Step, beyond string) (verdict, error) {
	rec, asks, err := c.gone(ctx, step.Key, nil)
	switch {
	case err != nil:
		return undecided, err
	case !asks && c.beyond(step.Name) == "":
		return happened, nil // it has left the scope, and nobody can look further
	case rec == nil:
		return undecided, nil // somebody else has taken it away, before or after
	case c.beyond(step.Name) == beyond:
		return didNot, nil
	}
	return happened, nil
}

// leave moves the record to where the mapping puts what is deleted. The client has named neither the place nor the name there.
func (w *work) leave(name backends.Template) *operation {
	op := w.move(name, true, w.c.OnDelete().To)
	move := op.do
	op.do = func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		effective, err := move(ctx, step)
		switch {
		case errors.Is(err, backends.ErrInvalid):
			err = &scim.Error{Status: http.StatusInternalServerError, Cause: err, Detail: "The mapping of " + w.c.Name() + " moves what is deleted, and the directory does not take it where the mapping says (delete.to); nothing was changed."}
		case errors.Is(err, backends.ErrExists):
			err = &scim.Error{Status: http.StatusConflict, Cause: err, Detail: "The mapping of " + w.c.Name() + " moves what is deleted, and where it says (delete.to) there is an entry of the same name; nothing was changed."}
		}
		return effective, err
	}
	return op
}

// follow says what a record will be called that is moved away.
func follow(list []holder, name string) {
	for i := range list {
		if list[i].ref.By == "" {
			list[i].later = name
		}
	}
}

// lettingGo are the ways in which records may point at one that an undo moves away again, which they are not to do when that is done.
func (s *Service) lettingGo(ctx context.Context, w *work) ([]holder, error) {
	if w.away == "" {
		return nil, nil
	}
	list, err := s.holdersOf(ctx, w.c, w.rec)
	follow(list, w.away)
	return append(list, afterwards(list)...), err
}

// afterwards are the ways of pointing at a record under the name that it gets when it is moved away: a directory may itself have changed what points at it.
func afterwards(list []holder) (more []holder) {
	for _, h := range list {
		if h.later != "" {
			h.name, h.later = h.later, ""
			more = append(more, h)
		}
	}
	return more
}

// letFollow takes a record that was moved away out of one that points at it under its new name: the directory was faster than who unlinks it, and has followed the move.
// The step is told as one that the directory has done, so that who takes it back puts the old name in.
func (s *Service) letFollow(ctx context.Context, h holder, key backends.Key) error {
	h.name, h.later = h.later, ""
	_, err := s.unlink(h, key).do(ctx, nil)
	return err
}
