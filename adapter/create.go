package adapter

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Create makes a resource (RFC 7644 §3.3) and answers with what the directory has stored. Where the mapping has rules for it, a resource that is there already becomes
// the new one (adopt.go).
func (s *Service) Create(ctx context.Context, req scim.Request, body *scim.Object) (*scim.Result, error) {
	s, ctx = s.acting(ctx, req)
	c, err := s.class(req)
	if err != nil {
		return nil, err
	}
	if err := s.mayWrite(); err != nil {
		return nil, err
	}
	d := &draft{res: c.rt.Created(body)}
	if err := c.rt.Validate(d.res, nil); err != nil {
		return nil, s.translate(err, c, false)
	}
	res, err := s.orAdopt(ctx, c, req, d.res, func() (*scim.Result, error) {
		d.diff = c.difference(nil, d.res, nil)
		d.extras = c.takeExtras(d.res)
		d.uniques = c.uniques(d.res)
		return s.create(ctx, c, req, d)
	})
	return res, s.translate(err, c, false)
}

// draft is a resource that is to be made.
type draft struct {
	res     *scim.Object
	extras  map[string]string
	uniques []uniqueValue
	diff    []journal.Change
}

func (s *Service) create(ctx context.Context, c *class, req scim.Request, d *draft) (*scim.Result, error) {
	refs := c.writable()
	for _, r := range c.refs {
		if r.ReadOnly {
			r.clear(d.res)
		}
	}
	_, said, err := s.name(ctx, refs, d.res, nil, links{})
	if err != nil {
		return nil, err
	}
	made, err := c.Create(d.res)
	if err != nil {
		return nil, err
	}
	release, err := s.reserve(ctx, c, req, "", d.uniques, d.extras)
	if err != nil {
		return nil, err
	}
	defer release()
	w := s.creation(c, req, d, made)
	if err := w.run(ctx); err != nil {
		return nil, c.nameTaken(err, d.res, made.Name)
	}
	s.recheck(ctx, w, w.marked(said))
	want := c.wants(req.Projection)
	res, err := s.answer(ctx, w, want)
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a new resource is shown without what could not be read of it",
			slog.String("type", c.Name()), slog.String("id", string(w.key)), slog.String("error", err.Error()))
		res, err = s.asMade(ctx, w, want)
	}
	return res, err
}

// creation is the work of making a record: the record, what must follow in a step of its own, what is kept beside the directory.
func (s *Service) creation(c *class, req scim.Request, d *draft, made mapping.Creation) *work {
	w := &work{s: s, c: c, req: req, action: "create", diff: d.diff, dropped: append(append([]string(nil), req.Dropped...), made.Dropped...)}
	want := c.reads(c.wants(req.Projection))
	if c.transactional() {
		made = whole(made)
	}
	w.ops = append(w.ops, w.create(made, want))
	if len(d.extras) > 0 {
		w.ops = append(w.ops, w.overlay(nil, d.extras))
	}
	if len(made.Then) > 0 {
		w.ops = append(w.ops, w.modify(made.Then, nil, backends.Condition{}, want))
	}
	if len(made.Again) > 0 {
		w.ops = append(w.ops, w.modify(made.Again, nil, backends.Condition{}, want))
	}
	return w
}

// whole puts the password into the record that is made, where that is one operation. Nothing is left to be done again then.
func whole(made mapping.Creation) mapping.Creation {
	then := made.Then
	made.Attrs, made.Then, made.Again = made.Attrs.Clone(), nil, nil
	for _, change := range then {
		if change.Op == backends.SetPassword {
			made.Attrs[change.Attr] = change.Values
		} else {
			made.Then = append(made.Then, change)
		}
	}
	return made
}

// nameTaken names the attribute that the name is made of, where the directory only said that the name exists.
func (c *class) nameTaken(err error, res *scim.Object, name backends.Template) error {
	var native *backends.Error
	var half *stranded
	if !errors.Is(err, backends.ErrExists) || errors.As(err, &half) || errors.As(err, &native) && native.Attr != "" {
		return err
	}
	var known *scim.Error
	if path := c.namedBy(res, name); path != "" && !errors.As(err, &known) {
		return taken(path, err)
	}
	return err
}

// answer reads back what stands after a write. What is kept beside the directory is missing while it cannot be read, unless the write was about it.
func (s *Service) answer(ctx context.Context, w *work, want func(scim.Ref) bool) (*scim.Result, error) {
	rec, err := w.rec, error(nil)
	if !w.fresh {
		rec, err = s.fetchOne(ctx, w.c, w.key, want)
	}
	var res *scim.Result
	if err == nil {
		about := slices.ContainsFunc(w.ops, func(op *operation) bool { return op.step.Op == opOverlay })
		res, err = s.show(ctx, w.c, w.req, rec, want, about && w.c.wantsExtras(want) || w.c.insists(w.req.Projection))
	}
	if err != nil {
		return nil, s.away(err, http.StatusServiceUnavailable, "The change was made, but reading it back failed. Read the resource again.")
	}
	res.Dropped = w.dropped
	w.asPlanned(res)
	return res, nil
}

// asMade shows a record that was just made, without asking anybody who might be away: without what it refers to, and without what is kept beside the directory. It
// was made all the same, and who heard otherwise would make it again (RFC 7644 §3.3: 201, and its representation if possible). A PUT or PATCH that cannot be
// read back is told so instead (answer): it may be sent again, and then the answer is whole.
func (s *Service) asMade(ctx context.Context, w *work, want func(scim.Ref) bool) (*scim.Result, error) {
	known := func(ref scim.Ref) bool {
		_, extra := w.c.extraOf(ref)
		return want(ref) && !extra
	}
	made := []dressed{{res: s.get(ctx, w.c, w.rec, known)}}
	for _, r := range w.c.refs {
		r.clear(made[0].res)
	}
	if err := s.finishDress(ctx, w.c, w.req, []backends.Record{w.rec}, false, made); err != nil {
		return nil, err
	}
	d := made[0]
	if !w.fresh { // a later step may have given it another version
		d.version = ""
		if meta, ok := objectAt(d.res, "meta"); ok {
			meta.Delete("version")
		}
	}
	return &scim.Result{Resource: w.c.rt.Project(d.res, w.req.Projection), ID: string(w.key), Version: d.version, Location: d.location, Dropped: w.dropped}, nil
}
