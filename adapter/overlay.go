package adapter

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// overlayAttr is an attribute that the directory has no place for. It is kept under its path, per client.
type overlayAttr struct {
	scim.Ref
	name string
}

func (a overlayAttr) leaf() *scim.Attribute {
	if a.Sub != nil {
		return a.Sub
	}
	return a.Attr
}

// plain values are kept as they are; others as JSON under one member, because the overlay keeps text.
func (a overlayAttr) plain() bool {
	leaf := a.leaf()
	switch leaf.Type {
	case scim.TypeString, scim.TypeReference, scim.TypeDateTime, scim.TypeBinary:
		return !leaf.MultiValued
	default:
		return false
	}
}

const jsonMember = "v"

// take removes the attribute from a resource and gives it as text.
func (a overlayAttr) take(res *scim.Object) (text string, there bool) {
	holder := holderOf(res, a.URI, false)
	parent := holder
	name := a.Attr.Name
	if a.Sub != nil && holder != nil {
		parent, _ = objectAt(holder, a.Attr.Name)
		name = a.Sub.Name
	}
	if parent == nil {
		return "", false
	}
	v, ok := parent.Get(name)
	if !ok {
		return "", false
	}
	parent.Delete(name)
	if parent.Len() == 0 && a.Sub != nil {
		holder.Delete(a.Attr.Name)
	}
	dropEmpty(res, a.URI)
	if s, isText := v.(string); isText && a.plain() {
		return s, true
	}
	wrapped := scim.NewObject()
	wrapped.Set(jsonMember, v)
	return string(wrapped.AppendJSON(nil)), true
}

// put shows what is kept of the attribute in a resource.
func (a overlayAttr) put(res *scim.Object, text string) {
	var v any = text
	if !a.plain() {
		wrapped, err := scim.ParseObject([]byte(text))
		if err != nil {
			return // kept when the attribute had another type
		}
		if v, _ = wrapped.Get(jsonMember); v == nil {
			return
		}
	}
	holder := holderOf(res, a.URI, true)
	if a.Sub == nil {
		holder.Set(a.Attr.Name, v)
		return
	}
	parent, ok := objectAt(holder, a.Attr.Name)
	if !ok {
		parent = scim.NewObject()
		holder.Set(a.Attr.Name, parent)
	}
	parent.Set(a.Sub.Name, v)
}

// holderOf is the object that attributes of a schema stand in: the resource, or the extension's member of it.
func holderOf(res *scim.Object, uri string, make bool) *scim.Object {
	if uri == "" {
		return res
	}
	ext, ok := objectAt(res, uri)
	if !ok && make {
		ext = scim.NewObject()
		res.Set(uri, ext)
		listSchema(res, uri)
	}
	return ext
}

// listSchema adds an extension to `schemas` (RFC 7643 §3.1).
func listSchema(res *scim.Object, uri string) {
	v, _ := res.Get("schemas")
	list, _ := v.([]any)
	if !slices.Contains(list, any(uri)) {
		res.Set("schemas", append(slices.Clip(list), any(uri)))
	}
}

// dropEmpty takes an extension without attributes away.
func dropEmpty(res *scim.Object, uri string) {
	if ext, ok := objectAt(res, uri); ok && uri != "" && ext.Len() == 0 {
		res.Delete(uri)
		v, _ := res.Get("schemas")
		if list, isList := v.([]any); isList {
			res.Set("schemas", slices.DeleteFunc(slices.Clone(list), func(s any) bool { return s == any(uri) }))
		}
	}
}

func objectAt(res *scim.Object, name string) (*scim.Object, bool) {
	v, _ := res.Get(name)
	o, ok := v.(*scim.Object)
	return o, ok
}

// takeExtras removes the overlay attributes from a resource and gives what they hold.
func (c *class) takeExtras(res *scim.Object) map[string]string {
	extras := map[string]string{}
	for _, a := range c.extras {
		if text, ok := a.take(res); ok {
			extras[a.name] = text
		}
	}
	return extras
}

func (c *class) putExtras(res *scim.Object, extras map[string]string) {
	for _, a := range c.extras {
		if text, ok := extras[a.name]; ok {
			a.put(res, text)
		}
	}
}

func (c *class) wantsExtras(want func(scim.Ref) bool) bool {
	return slices.ContainsFunc(c.extras, func(a overlayAttr) bool { return want == nil || want(a.Ref) })
}

// uniqueExtras are the overlay attributes of which a client may use each value once: externalId, because it is the client's own key for the
// resource (RFC 7643 §3.1), and whatever the mapping calls unique.
func (c *class) uniqueExtras() []string {
	var names []string
	for _, a := range c.extras {
		if u := a.leaf().Uniqueness; strings.EqualFold(a.name, "externalId") || u == scim.UniqueServer || u == scim.UniqueGlobal {
			names = append(names, a.name)
		}
	}
	return names
}

func (s *Service) scope(c *class, req scim.Request) journal.Scope {
	return journal.Scope{Tenant: req.Caller.Tenant, Client: req.Caller.Client, ResourceType: c.Name()}
}

// loadExtras reads the overlay of these records, in one query.
func (s *Service) loadExtras(ctx context.Context, c *class, req scim.Request, keys []backends.Key) (map[backends.Key]journal.Extra, error) {
	if len(c.extras) == 0 || len(keys) == 0 {
		return nil, nil
	}
	return s.o.Overlay.Load(ctx, s.scope(c, req), keys)
}

// overlayPause is how long nobody but who must knocks at an overlay that was found to be away: each may have to wait for the answer.
const overlayPause = 500 * time.Millisecond

// outage remembers that the overlay cannot be read, so that it is said once.
type outage struct {
	mu   sync.Mutex
	away bool
	last time.Time // when somebody knocked the last time
}

// resting says that the overlay was away a moment ago. Who hears that it is not knocks for all others, who need not wait for the answer.
func (o *outage) resting(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.away || now.Sub(o.last) < overlayPause {
		return o.away
	}
	o.last = now
	return false
}

// is notes what was found, and says whether it is news.
func (o *outage) is(away bool, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	news := o.away != away
	o.away, o.last = away, now
	return news
}

// shownExtras is loadExtras for who reads: resources are shown without what is kept beside the directory while that cannot be read, unless it is needed. known is
// false then.
func (s *Service) shownExtras(ctx context.Context, c *class, req scim.Request, keys []backends.Key, need bool) (extras map[backends.Key]journal.Extra, known bool, err error) {
	if !need && len(c.extras) > 0 && s.outage.resting(s.o.Now()) {
		return nil, false, nil
	}
	extras, err = s.loadExtras(ctx, c, req, keys)
	switch news := ctx.Err() == nil && len(c.extras) > 0 && len(keys) > 0 && s.outage.is(err != nil, s.o.Now()); {
	case news && err != nil:
		s.log.LogAttrs(ctx, slog.LevelWarn, "what is kept beside the directory cannot be read: resources are shown without it, and without versions, until it can", slog.String("error", err.Error()))
	case news:
		s.log.LogAttrs(ctx, slog.LevelInfo, "what is kept beside the directory can be read again")
	}
	if err != nil && !need {
		return nil, false, nil
	}
	return extras, err == nil, err
}

// insists says that a client has named an overlay attribute that it wants to see, and has not only left out which ones.
func (c *class) insists(p scim.Projection) bool { return p.Explicit() && c.wantsExtras(p.Wants) }

// dependsOnExtras says whether a condition or an order cannot be told without the overlay, which is a part of the version too.
func (c *class) dependsOnExtras(want func(scim.Ref) bool) bool {
	return len(c.extras) > 0 && (c.wantsExtras(want) || c.wantsMeta(want, "version"))
}

// errUnread is what a write is told that must know what the overlay holds, or change it, while that is away.
var errUnread = &backends.Error{Kind: journal.ErrAway, Detail: "What the overlay holds of the resource is not known."}

// needsExtras says that a change cannot be made without knowing what is kept beside the directory: because that is a part of what it replaces, touches, depends on or
// wants to see.
func (c *class) needsExtras(req scim.Request, ch change) bool {
	if ch.action != journal.ActionPatch && ch.action != journal.ActionDelete || pinned(req) || c.insists(req.Projection) {
		return true
	}
	return slices.ContainsFunc(c.extras, func(a overlayAttr) bool {
		return a.Attr.Required || a.leaf().Required || slices.ContainsFunc(ch.touched, func(path string) bool { return strings.EqualFold(path, topPath(a.Ref)) })
	})
}

// postpones says that the overlay will forget a record also when it is away.
func (s *Service) postpones() bool {
	kept := s.o.Overlay
	if p, ok := kept.(*plannedOverlay); ok {
		kept = p.Overlay
	}
	_, ok := kept.(journal.Postponer)
	return ok
}

// dropExtras ends what every client kept of a record that is gone; where the overlay is away, as soon as it is there again.
func (s *Service) dropExtras(ctx context.Context, tenant string, c *class, key backends.Key) error {
	if p, ok := s.o.Overlay.(journal.Postponer); ok {
		return p.ForgetLater(ctx, tenant, c.Name(), key)
	}
	return s.o.Overlay.Forget(ctx, tenant, c.Name(), key)
}

// unreadExtras is what the journal is told of an overlay that nobody could read: any of it may have been there, and went.
func (c *class) unreadExtras() (before backends.Attributes, changes []backends.Change) {
	before = backends.Attributes{}
	for _, a := range c.extras {
		before[a.name] = backends.Values{backends.Secret("")}
		changes = append(changes, backends.Change{Op: backends.Replace, Attr: a.name})
	}
	return before, changes
}

// checkExtras refuses a value that another resource of this client has. What is kept of resources that the directory no longer has is
// forgotten on the way: somebody removed them there, and their externalId must not stay taken for ever.
func (s *Service) checkExtras(ctx context.Context, c *class, req scim.Request, own backends.Key, extras map[string]string) error {
	for _, name := range c.uniqueExtras() {
		value, ok := extras[name]
		if !ok {
			continue
		}
		holders, err := s.o.Overlay.Find(ctx, s.scope(c, req), name, &value)
		if err != nil {
			return err
		}
		holders = slices.DeleteFunc(holders, func(key backends.Key) bool { return key == own })
		if len(holders) == 0 {
			continue
		}
		alive, err := c.Backend().Fetch(ctx, holders, nil)
		if err != nil {
			return err
		}
		if len(alive) > 0 {
			return taken(name, nil)
		}
		for _, key := range holders {
			if err := s.o.Overlay.Forget(ctx, req.Caller.Tenant, c.Name(), key); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveExtras replaces what is kept of a resource.
func (s *Service) saveExtras(ctx context.Context, c *class, req scim.Request, key backends.Key, extras map[string]string) error {
	err := s.o.Overlay.Save(ctx, s.scope(c, req), key, extras, c.uniqueExtras())
	if errors.Is(err, backends.ErrExists) {
		for _, name := range c.uniqueExtras() {
			if _, ok := extras[name]; ok {
				return taken(name, err)
			}
		}
	}
	return err
}

// extrasAsAttrs is how the journal keeps overlay attributes.
func extrasAsAttrs(extras map[string]string) backends.Attributes {
	attrs := backends.Attributes{}
	for name, text := range extras {
		attrs[name] = backends.Strings(text)
	}
	return attrs
}

func attrsAsExtras(attrs backends.Attributes) map[string]string {
	extras := map[string]string{}
	for name, values := range attrs {
		if len(values) > 0 {
			extras[name] = values[0].Text()
		}
	}
	return extras
}

func extrasAsChanges(before, after map[string]string) []backends.Change {
	var changes []backends.Change
	names := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		switch was, is := before[name], after[name]; {
		case was == is:
		case is == "":
			changes = append(changes, backends.Change{Op: backends.Replace, Attr: name})
		default:
			changes = append(changes, backends.Change{Op: backends.Replace, Attr: name, Values: backends.Strings(is)})
		}
	}
	return changes
}

// noOverlay stands where none is configured.
type noOverlay struct{}

var errNoOverlay = &backends.Error{Kind: journal.ErrAway, Detail: "No overlay store is configured."}

func (noOverlay) Load(context.Context, journal.Scope, []backends.Key) (map[backends.Key]journal.Extra, error) {
	return nil, errNoOverlay
}

func (noOverlay) Save(context.Context, journal.Scope, backends.Key, map[string]string, []string) error {
	return errNoOverlay
}

func (noOverlay) Forget(context.Context, string, string, backends.Key) error { return errNoOverlay }

func (noOverlay) Find(context.Context, journal.Scope, string, *string) ([]backends.Key, error) {
	return nil, errNoOverlay
}
