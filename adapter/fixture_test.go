package adapter

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/mapping/lens"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

const userMapping = `
mapping: User
at: {backend: corp, base: "ou=people,dc=example,dc=org"}
create:
  name: uid={userName},ou=people,dc=example,dc=org
  set: {objectClass: [inetOrgPerson]}
rename: follow
delete: remove
scan: 50
attributes:
  userName: uid
  externalId: overlay
  name.givenName: givenName
  name.familyName: {from: sn, placeholder: "-"}
  name.formatted: {from: cn, onCreate: "{userName}"}
  title: title
  emails[type=work]: mail
  active: pwdAccountLockedTime | locked
  password: {from: userPassword, by: passwordModify}
  groups: [memberOf | ref(Group), reverse(Group.members)]
  enterprise:employeeNumber: employeeNumber
  enterprise:manager: manager | ref(User)
  nickName: {read: "first(givenName) + '!'"}
`

const groupMapping = `
mapping: Group
at: {backend: corp, base: "ou=groups,dc=example,dc=org"}
create:
  name: cn={displayName},ou=groups,dc=example,dc=org
  set: {objectClass: [groupOfNames]}
rename: follow
delete: remove
attributes:
  displayName: cn
  members: {from: "member | ref(User, Group)", placeholder: cn=nobody}
`

const base = "https://example.org/scim/v2"

// house is a Service over a directory in memory and a journal on disk, with hooks for faults.
type house struct {
	*Service
	t      *testing.T
	memory *backendtest.Memory
	teams  *backendtest.Memory // where the groups are; nil: where the users are
	users  *faults
	groups *faults
	lite   *litejournal.Journal
	book   *faultyJournal
	extra  *faultyOverlay
	clock  *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// edit changes the text of the mappings, or the options, before the house is built.
type edit struct {
	user, group func(string) string
	options     func(*Options)
	memory      func(*backendtest.Memory)
	teams       func(*backendtest.Memory) // the groups live in a directory of their own
}

// rowsOf tells the records of one table from those of another.
var rowsOf = map[string]backends.Predicate{"people": backends.Present{Attr: "uid"}, "team": backends.Present{Attr: "cn"}}

func newHouse(t *testing.T, edits ...edit) *house {
	t.Helper()
	h := &house{t: t, memory: backendtest.NewMemory(), clock: &clock{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}}
	user, group := userMapping, groupMapping
	for _, e := range edits {
		if e.memory != nil {
			e.memory(h.memory)
		}
		if e.teams != nil {
			h.teams = backendtest.NewMemory()
			e.teams(h.teams)
		}
		if e.user != nil {
			user = e.user(user)
		}
		if e.group != nil {
			group = e.group(group)
		}
	}
	docs, bad := configs.ParseDocuments("test.yaml", []byte(user+"---\n"+group))
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	set, bad := mapping.Compile(docs, lens.Table(), nil, func(_ configs.Node, o backends.Open) (backends.Backend, error) {
		base, home := o.At.Get("base").Text(), h.memory
		if h.teams != nil && o.At.Get("backend").Text() == "teams" {
			home = h.teams
		}
		f := &faults{Backend: home.Class(backendtest.Class{Base: base, Where: rowsOf[o.At.Get("table").Text()]})}
		if strings.Contains(base, "people") || strings.Contains(o.At.Get("table").Text(), "people") {
			h.users = f
		} else {
			h.groups = f
		}
		return f, nil
	})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	var err error
	if h.lite, err = litejournal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.lite.Close(); err != nil {
			t.Error(err)
		}
	})
	h.book, h.extra = &faultyJournal{Journal: h.lite}, &faultyOverlay{Overlay: h.lite}
	serial := 0
	var mu sync.Mutex
	o := Options{
		Mappings: set, Journal: h.book, Overlay: h.extra, Now: h.clock.Now, Writer: "test", SettleDelay: time.Millisecond,
		NewID: func() string {
			mu.Lock()
			defer mu.Unlock()
			serial++
			return fmt.Sprintf("00000000-0000-7000-8000-%012d", serial)
		},
	}
	for _, e := range edits {
		if e.options != nil {
			e.options(&o)
		}
	}
	h.Service = New(o)
	return h
}

// faults is a backend with hooks in front of some operations. A hook that says false lets the operation through.
type faults struct {
	backends.Backend
	mu     sync.Mutex
	create func() (error, bool)
	modify func(changes []backends.Change) (error, bool)
	move   func() (error, bool)
	remove func() (error, bool)
	fetch  func(keys []backends.Key, attrs []string) (error, bool)
	calls  map[string]int
	after  func(op string) // when an operation has been done

	uncounted error         // of Count
	counting  chan struct{} // closed when Count goes on
}

func (f *faults) count(op string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[op]++
}

func (f *faults) done(op string) {
	if f.after != nil {
		f.after(op)
	}
}

func (f *faults) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	f.count("fetch")
	if f.fetch != nil {
		if err, stop := f.fetch(keys, attrs); stop {
			return nil, err
		}
	}
	recs, err := f.Backend.Fetch(ctx, keys, attrs)
	f.done("fetch")
	return recs, err
}

func (f *faults) Create(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
	f.count("create")
	if f.create != nil {
		if err, stop := f.create(); stop {
			return backends.Record{}, err
		}
	}
	rec, err := f.Backend.Create(ctx, name, attrs, want)
	f.done("create")
	return rec, err
}

func (f *faults) Modify(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
	f.count("modify")
	if f.modify != nil {
		if err, stop := f.modify(changes); stop {
			return backends.Record{}, err
		}
	}
	rec, err := f.Backend.Modify(ctx, key, changes, cond, want)
	f.done("modify")
	return rec, err
}

func (f *faults) Move(ctx context.Context, key backends.Key, name backends.Template, cond backends.Condition) error {
	f.count("move")
	if f.move != nil {
		if err, stop := f.move(); stop {
			return err
		}
	}
	return f.Backend.Move(ctx, key, name, cond)
}

// Beyond is beyondScope's.
func (f *faults) Beyond(place string) (backends.Reader, bool) {
	return f.Backend.(beyondScope).Beyond(place)
}

func (f *faults) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	f.count("delete")
	if f.remove != nil {
		if err, stop := f.remove(); stop {
			return err
		}
	}
	err := f.Backend.Delete(ctx, key, cond, bare(release)...)
	f.done("delete")
	return err
}

type faultyJournal struct {
	journal.Journal
	begin, finish error
}

func (j *faultyJournal) Begin(ctx context.Context, in journal.Intent) error {
	if j.begin != nil {
		return j.begin
	}
	return j.Journal.Begin(ctx, in)
}

func (j *faultyJournal) Finish(ctx context.Context, id journal.ID, out journal.Outcome) error {
	if j.finish != nil {
		return j.finish
	}
	return j.Journal.Finish(ctx, id, out)
}

type faultyOverlay struct {
	journal.Overlay
	load, save error
}

func (o *faultyOverlay) Load(ctx context.Context, s journal.Scope, keys []backends.Key) (map[backends.Key]journal.Extra, error) {
	if o.load != nil {
		return nil, o.load
	}
	return o.Overlay.Load(ctx, s, keys)
}

func (o *faultyOverlay) Save(ctx context.Context, s journal.Scope, key backends.Key, attrs map[string]string, unique []string) error {
	if o.save != nil {
		return o.save
	}
	return o.Overlay.Save(ctx, s, key, attrs, unique)
}

// Asking the house.

func (h *house) req(typ string) scim.Request {
	return scim.Request{Caller: scim.Caller{Tenant: "default", Client: "okta", RequestID: "r1"}, Type: h.byName[typ].rt, Base: base}
}

func (h *house) shows(typ, attributes string) scim.Request {
	h.t.Helper()
	r := h.req(typ)
	var err error
	if r.Projection, err = r.Type.ParseProjection(attributes, ""); err != nil {
		h.t.Fatal(err)
	}
	return r
}

func object(t testing.TB, text string) *scim.Object {
	t.Helper()
	o, err := scim.ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (h *house) body(typ, text string) *scim.Object {
	h.t.Helper()
	res, _, err := h.byName[typ].rt.Decode(object(h.t, text))
	if err != nil {
		h.t.Fatal(err)
	}
	return res
}

func (h *house) tryCreate(typ, text string) (*scim.Result, error) {
	h.t.Helper()
	return h.Create(h.t.Context(), h.req(typ), h.body(typ, text))
}

func (h *house) create(typ, text string) *scim.Result {
	h.t.Helper()
	res, err := h.tryCreate(typ, text)
	if err != nil {
		h.t.Fatalf("create %s: %v", text, err)
	}
	return res
}

func (h *house) user(name string) *scim.Result {
	h.t.Helper()
	return h.create("User", `{"userName":"`+name+`"}`)
}

func (h *house) group(name string, members ...string) *scim.Result {
	h.t.Helper()
	return h.create("Group", `{"displayName":"`+name+`","members":[`+elements(members...)+`]}`)
}

func elements(ids ...string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = `{"value":"` + id + `"}`
	}
	return strings.Join(list, ",")
}

func (h *house) tryPatch(req scim.Request, id, operations string) (*scim.Result, error) {
	h.t.Helper()
	p, _, err := req.Type.DecodePatch(object(h.t, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+operations+`]}`), req.Caller.Profile)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Patch(h.t.Context(), req, id, p)
}

func (h *house) patch(typ, id, operations string) *scim.Result {
	h.t.Helper()
	res, err := h.tryPatch(h.req(typ), id, operations)
	if err != nil {
		h.t.Fatalf("patch %s: %v", operations, err)
	}
	return res
}

func (h *house) get(typ, id string) *scim.Result {
	h.t.Helper()
	res, err := h.Get(h.t.Context(), h.req(typ), id)
	if err != nil {
		h.t.Fatalf("get %s: %v", id, err)
	}
	return res
}

func (h *house) tryList(req scim.Request, text string, start, count int) (*scim.List, error) {
	h.t.Helper()
	q := scim.ListQuery{StartIndex: start, Count: count}
	if text != "" {
		var err error
		if q.Filter, err = filter.Parse(text); err != nil {
			h.t.Fatal(err)
		}
	}
	return h.List(h.t.Context(), req, q)
}

func (h *house) list(typ, text string, start, count int) *scim.List {
	h.t.Helper()
	page, err := h.tryList(h.req(typ), text, start, count)
	if err != nil {
		h.t.Fatalf("list %s: %v", text, err)
	}
	return page
}

// events are the journal's, in order.
func (h *house) events() []journal.Event {
	h.t.Helper()
	var all []journal.Event
	for e, err := range h.lite.Events(h.t.Context(), journal.Filter{}) {
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func (h *house) lastEvent() journal.Event {
	h.t.Helper()
	all := h.events()
	if len(all) == 0 {
		h.t.Fatal("nothing is journaled")
	}
	return all[len(all)-1]
}

// native reads the record itself.
func (h *house) native(id string, attrs ...string) backends.Record {
	h.t.Helper()
	recs, err := h.memory.Class(backendtest.Class{}).Fetch(h.t.Context(), []backends.Key{backends.Key(id)}, attrs)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(recs) == 0 {
		return backends.Record{}
	}
	return recs[0]
}

// at reads a path such as name.familyName or members.0.value.
func at(o *scim.Object, path ...any) any {
	var v any = o
	for _, step := range path {
		switch step := step.(type) {
		case string:
			in, ok := v.(*scim.Object)
			if !ok {
				return nil
			}
			v, _ = in.Get(step)
		case int:
			list, ok := v.([]any)
			if !ok || step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func values(o *scim.Object, attr string) []string {
	var ids []string
	v, _ := o.Get(attr)
	list, _ := v.([]any)
	for _, e := range list {
		text, _, _ := pointer(e)
		ids = append(ids, text)
	}
	return ids
}

func wantStatus(t testing.TB, err error, status int, typ string) scim.Error {
	t.Helper()
	e, ok := err.(*scim.Error) //nolint:errorlint // the service's own contract: nothing is wrapped around it
	if !ok {
		t.Fatalf("error %v (%T), want status %d", err, err, status)
	}
	if e.Status != status || e.Type != typ {
		t.Fatalf("error %v, want status %d, type %q", err, status, typ)
	}
	return *e
}
