package adapter

import (
	"context"
	"log/slog"
	"net/url"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Get reads one resource.
func (s *Service) Get(ctx context.Context, req scim.Request, id string) (*scim.Result, error) {
	s, ctx = s.acting(ctx, req)
	c, err := s.class(req)
	if err != nil {
		return nil, err
	}
	want := c.wants(req.Projection)
	rec, err := s.fetchThis(ctx, c, backends.Key(id), s.readsJoined(c, want))
	if err != nil {
		return nil, s.translate(err, c, false)
	}
	res, err := s.show(ctx, c, req, rec, want, c.insists(req.Projection))
	return res, s.translate(err, c, false)
}

// fetchOne reads a record with what is wanted of it. A key that cannot be one costs the backend no query.
func (s *Service) fetchOne(ctx context.Context, c *class, key backends.Key, want func(scim.Ref) bool) (backends.Record, error) {
	return s.fetchThis(ctx, c, key, c.reads(want))
}

// fetchThis is fetchOne for who knows what to read.
func (s *Service) fetchThis(ctx context.Context, c *class, key backends.Key, attrs []string) (backends.Record, error) {
	recs, err := c.Backend().Fetch(ctx, []backends.Key{key}, attrs)
	if err == nil {
		recs, err = s.versioned(ctx, c, recs)
	}
	if err != nil {
		return backends.Record{}, err
	}
	// An id compares exactly (RFC 7643 §3.1): one in other letter case is not this resource's.
	if len(recs) == 0 || recs[0].Key != key {
		return backends.Record{}, &backends.Error{Kind: backends.ErrNotFound}
	}
	return recs[0], nil
}

// show makes one record the answer to a request. want is what is looked at; what the client then sees is the projection's business.
// overlay says that there is no answer without the overlay.
func (s *Service) show(ctx context.Context, c *class, req scim.Request, rec backends.Record, want func(scim.Ref) bool, overlay bool) (*scim.Result, error) {
	recs, err := s.versioned(ctx, c, []backends.Record{rec})
	if err != nil {
		return nil, err
	}
	if len(recs) == 0 {
		return nil, &backends.Error{Kind: backends.ErrNotFound}
	}
	dressed, err := s.dress(ctx, c, req, recs, want, overlay)
	if err != nil {
		return nil, err
	}
	d := dressed[0]
	return &scim.Result{Resource: c.rt.Project(d.res, req.Projection), ID: string(rec.Key), Version: d.version, Location: d.location}, nil
}

// dressed is a record as a resource, before projection.
type dressed struct {
	res      *scim.Object
	links    links
	extras   map[string]string
	version  string // "" when the overlay, which is a part of it, cannot be read
	location string
}

// dress makes resources of records: what the mapping shows of each, its overlay, its references both ways, and its meta. Whatever needs
// asking is asked once for all of them.
func (s *Service) dress(ctx context.Context, c *class, req scim.Request, recs []backends.Record, want func(scim.Ref) bool, overlay bool) ([]dressed, error) {
	all, err := s.link(ctx, c, req, recs, want)
	if err != nil {
		return nil, err
	}
	return all, s.finishDress(ctx, c, req, recs, overlay, all)
}

// link makes resources of records as far as the directories know them.
func (s *Service) link(ctx context.Context, c *class, req scim.Request, recs []backends.Record, want func(scim.Ref) bool) ([]dressed, error) {
	direct, turned, err := s.split(ctx, c, want)
	if err != nil {
		return nil, err
	}
	all := make([]dressed, len(recs))
	resources := make([]*scim.Object, len(recs))
	for i, rec := range recs {
		resources[i] = s.get(ctx, c, rec, want)
	}
	linked, err := s.resolve(ctx, req.Base, direct, resources)
	if err != nil {
		return nil, err
	}
	for _, r := range direct {
		if r.Nested && r.wanted(want, "type") {
			if err := s.kinds(ctx, c, r, recs, resources); err != nil {
				return nil, err
			}
		}
	}
	for _, r := range turned {
		if err := s.turn(ctx, c, r, req.Base, recs, resources); err != nil {
			return nil, err
		}
	}
	for i := range recs {
		all[i] = dressed{res: resources[i], links: linked[i]}
	}
	return all, nil
}

// get is Mapping.Get with its problems told to the log: an attribute that cannot be shown fails nobody's page.
func (s *Service) get(ctx context.Context, c *class, rec backends.Record, want func(scim.Ref) bool) *scim.Object {
	res, problems := c.Get(rec, want)
	for _, p := range problems {
		s.report(ctx, c, rec, p)
	}
	return res
}

func (s *Service) report(ctx context.Context, c *class, rec backends.Record, p mapping.Problem) {
	s.stats.problems.Add(1)
	s.log.LogAttrs(ctx, slog.LevelWarn, "attribute left out", slog.String("type", c.Name()), slog.String("id", string(rec.Key)),
		slog.String("path", p.Path), slog.String("native", p.Attr), slog.String("error", p.Err.Error()))
}

// wantsMeta says whether something is wanted that the adapter itself says of a resource.
func (c *class) wantsMeta(want func(scim.Ref) bool, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		ref, ok := c.rt.Resolve(filter.Path{Attr: "meta", Sub: name})
		return ok && want(ref)
	})
}

// wantsDress says whether something is wanted that is not the directory's: the overlay, or what the adapter says of a resource.
func (c *class) wantsDress(want func(scim.Ref) bool) bool {
	return c.wantsExtras(want) || c.wantsMeta(want, "version", "location")
}

// finishDress adds what is kept beside the directory, the version that it is a part of, and where the resource is. Where the overlay cannot be read, and is not
// needed, both are left out.
func (s *Service) finishDress(ctx context.Context, c *class, req scim.Request, recs []backends.Record, overlay bool, all []dressed) error {
	keys := make([]backends.Key, len(recs))
	for i, rec := range recs {
		keys[i] = rec.Key
	}
	extras, known, err := s.shownExtras(ctx, c, req, keys, overlay)
	if err != nil {
		return err
	}
	for i, rec := range recs {
		d := &all[i]
		// The overlay is a part of the version, so without it there is none.
		if known {
			extra := extras[rec.Key]
			d.extras, d.version = extra.Attrs, c.etag(rec, extra.Version)
			c.putExtras(d.res, extra.Attrs)
		}
		d.location = req.Base + c.rt.Endpoint + "/" + url.PathEscape(string(rec.Key))
		meta, ok := objectAt(d.res, "meta")
		if !ok {
			meta = scim.NewObject()
			meta.Set("resourceType", c.rt.Name)
		}
		meta.Set("location", d.location)
		if d.version != "" {
			meta.Set("version", d.version)
		}
		d.res.Set("meta", meta)
	}
	return nil
}
