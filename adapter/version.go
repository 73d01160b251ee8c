package adapter

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// etag is the version of a resource as a client sees it: of its record, and of what is kept of it beside the directory. A record without a
// version is known by all its mapped attributes, which have been read then. It never depends on what the client wants to see.
func (c *class) etag(rec backends.Record, overlay string) string {
	h := sha256.New()
	// Lengths keep ("a", "bc") and ("ab", "c") apart.
	put := func(text string) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(text)))
		h.Write(size[:])
		h.Write([]byte(text))
	}
	put(rec.Version)
	put(overlay)
	if rec.Version == "" {
		for _, name := range slices.Sorted(slices.Values(c.Reads(nil))) {
			put(name)
			for _, text := range slices.Sorted(slices.Values(rec.Attrs.Get(name).Texts())) {
				put(text)
			}
		}
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15]) + `"`
}

// hashed says that the directory has no versions: all mapped attributes are read and hashed instead, whatever is to be shown.
func (c *class) hashed() bool { return !c.Backend().Capabilities().Versioned }

// reads lists the native attributes to read for what is wanted.
func (c *class) reads(want func(scim.Ref) bool) []string {
	if c.hashed() {
		return c.Reads(nil)
	}
	return c.Reads(want)
}

// versioned makes sure that records without a version have all that is hashed in its place. Where no record has one, they were read so. Where records
// have versions, and these have none, they are read again; those that are gone by now are left out.
func (s *Service) versioned(ctx context.Context, c *class, recs []backends.Record) ([]backends.Record, error) {
	var bare []backends.Key
	for _, rec := range recs {
		if rec.Version == "" {
			bare = append(bare, rec.Key)
		}
	}
	if c.hashed() || len(bare) == 0 {
		return recs, nil
	}
	whole, err := c.Backend().Fetch(ctx, bare, c.Reads(nil))
	if err != nil {
		return nil, err
	}
	read := make(map[backends.Key]backends.Record, len(whole))
	for _, rec := range whole {
		read[rec.Key] = rec
	}
	there := make([]backends.Record, 0, len(recs))
	for _, rec := range recs {
		again, found := read[rec.Key]
		switch {
		case rec.Version != "":
			there = append(there, rec)
		case found:
			there = append(there, again)
		}
	}
	return there, nil
}

// asRead is the condition that a record still is as it was read: by its version, or else by all that its version is made of.
func (c *class) asRead(rec backends.Record) backends.Condition {
	if rec.Version != "" {
		return backends.Condition{Version: rec.Version}
	}
	var all []backends.Change
	for _, attr := range c.Reads(nil) {
		all = append(all, backends.Change{Op: backends.Replace, Attr: attr})
	}
	return backends.Condition{Assert: replaced(c, all, rec.Attrs)}
}

// checkConditions is RFC 7644 §3.14: a write with If-Match happens only to a version that the client names, one with If-None-Match only to another
// (RFC 9110 §13.1.2). They are looked at anew whenever the resource is read anew.
func checkConditions(req scim.Request, version string) error {
	switch {
	case len(req.IfMatch) > 0 && !scim.MatchesVersion(req.IfMatch, version):
		return &scim.Error{Status: http.StatusPreconditionFailed, Detail: "The resource has changed since the version in If-Match."}
	case scim.MatchesVersion(req.IfNoneMatch, version):
		return &scim.Error{Status: http.StatusPreconditionFailed, Detail: "The resource has a version that If-None-Match excludes; nothing was changed."}
	}
	return nil
}

// guarded says that the client has named the version that it means to write; "*" asks only that the resource exists. Once that version is gone there is
// nothing to try again.
func guarded(req scim.Request) bool {
	return len(req.IfMatch) > 0 && !slices.Contains(req.IfMatch, "*")
}

// pinned says that a write may happen only to the very version that was read, because the client has a condition on versions. With If-None-Match
// alone the next version may do as well.
func pinned(req scim.Request) bool { return guarded(req) || len(req.IfNoneMatch) > 0 }
