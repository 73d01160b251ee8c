package adapter

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

func TestWhatIsCreatedIsRead(t *testing.T) {
	h := newHouse(t)
	boss := h.user("boss")
	res := h.create("User", `{"userName":"bjensen","externalId":"00u1","name":{"familyName":"Jensen"},"emails":[{"type":"work","value":"b@example.org"}],
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"`+boss.ID+`"}},"password":"t1meMa$heen"}`)
	if got := at(res.Resource, "userName"); got != "bjensen" {
		t.Errorf("userName %v", got)
	}
	if got := at(res.Resource, "externalId"); got != "00u1" {
		t.Errorf("externalId %v", got)
	}
	if got := at(res.Resource, scim.EnterpriseURN, "manager", "value"); got != boss.ID {
		t.Errorf("manager %v, want %s", got, boss.ID)
	}
	if got := at(res.Resource, scim.EnterpriseURN, "manager", "$ref"); got != base+"/Users/"+boss.ID {
		t.Errorf("manager.$ref %v", got)
	}
	if got := at(res.Resource, "meta", "location"); got != base+"/Users/"+res.ID || res.Location != got {
		t.Errorf("location %v and %v", got, res.Location)
	}
	if got := at(res.Resource, "meta", "version"); got != res.Version || !strings.HasPrefix(res.Version, `W/"`) {
		t.Errorf("version %v and %v", got, res.Version)
	}
	if _, there := res.Resource.Get("password"); there {
		t.Error("the password is shown")
	}
	if got := h.native(res.ID, "manager").Attrs.Get("manager").Texts(); !slices.Equal(got, []string{"uid=boss,ou=people,dc=example,dc=org"}) {
		t.Errorf("manager in the directory: %v", got)
	}
	again := h.get("User", res.ID)
	if !scim.Equal(again.Resource, res.Resource) {
		t.Errorf("read: %s\nanswered: %s", again.Resource.AppendJSON(nil), res.Resource.AppendJSON(nil))
	}
	e := h.lastEvent()
	if e.Outcome == nil || e.Outcome.Status != "done" || e.Outcome.ResourceID != res.ID || len(e.Intent.Steps) != 3 {
		t.Errorf("journal: %+v %+v", e.Intent, e.Outcome)
	}
	for _, s := range e.Outcome.Steps {
		if s.Status != "done" {
			t.Errorf("step %+v", s)
		}
	}
}

func TestIdsThatAreNobodys(t *testing.T) {
	h := newHouse(t)
	u, g := h.user("a"), h.group("g")
	for name, id := range map[string]string{
		"no key at all":         "nonsense",
		"empty":                 "",
		"a group under /Users":  g.ID,
		"in other letter case":  strings.ToUpper(strings.Replace(u.ID, "0", "a", 1)),
		"a key that was never ": "ffffffff-0000-4000-8000-000000000000",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Get(t.Context(), h.req("User"), id)
			wantStatus(t, err, 404, "")
			_, err = h.Replace(t.Context(), h.req("User"), id, h.body("User", `{"userName":"x"}`))
			wantStatus(t, err, 404, "")
			_, err = h.tryPatch(h.req("User"), id, `{"op":"replace","path":"title","value":"x"}`)
			wantStatus(t, err, 404, "")
			wantStatus(t, h.Delete(t.Context(), h.req("User"), id), 404, "")
		})
	}
	if n := len(h.events()); n != 2 {
		t.Errorf("%d events, want those of the two creates", n)
	}
}

func TestUniqueness(t *testing.T) {
	h := newHouse(t)
	h.create("User", `{"userName":"bjensen","externalId":"00u1"}`)
	other := h.create("User", `{"userName":"other","externalId":"00u2"}`)
	g := h.group("Tour Guides")
	for name, do := range map[string]func() error{
		"a second create":               func() error { _, err := h.tryCreate("User", `{"userName":"bjensen"}`); return err },
		"a second create in other case": func() error { _, err := h.tryCreate("User", `{"userName":"BJensen"}`); return err },
		"an externalId that is taken":   func() error { _, err := h.tryCreate("User", `{"userName":"new","externalId":"00u1"}`); return err },
		"a rename to a used name": func() error {
			_, err := h.tryPatch(h.req("User"), other.ID, `{"op":"replace","path":"userName","value":"BJENSEN"}`)
			return err
		},
		"a change to an externalId of others": func() error {
			_, err := h.tryPatch(h.req("User"), other.ID, `{"op":"replace","path":"externalId","value":"00u1"}`)
			return err
		},
		"a group of that name": func() error { _, err := h.tryCreate("Group", `{"displayName":"tour guides"}`); return err },
	} {
		t.Run(name, func(t *testing.T) {
			e := wantStatus(t, do(), 409, "uniqueness")
			if !strings.Contains(e.Detail, "userName") && !strings.Contains(e.Detail, "externalId") && !strings.Contains(e.Detail, "displayName") {
				t.Errorf("the sentence names no attribute: %s", e.Detail)
			}
		})
	}
	if n := len(h.events()); n != 3 {
		t.Errorf("%d events: a refusal was journaled as a write", n)
	}
	if got := h.native(other.ID).Name; got != "uid=other,ou=people,dc=example,dc=org" {
		t.Errorf("the record is called %s now", got)
	}
	h.create("User", `{"userName":"case","externalId":"00U1"}`) // externalId is exact
	h.user("Tour Guides")                                       // a user and a group of one name
	second := h.req("User")
	second.Caller.Client = "entra"
	if _, err := h.Create(t.Context(), second, h.body("User", `{"userName":"entra","externalId":"00u1"}`)); err != nil {
		t.Errorf("another client's externalId: %v", err)
	}
	h.patch("Group", g.ID, `{"op":"replace","path":"displayName","value":"TOUR GUIDES"}`) // its own name in other case
}

func TestOneOfTwoConcurrentCreatesWins(t *testing.T) {
	h := newHouse(t, edit{user: func(s string) string { // the name does not help: it is made of something else
		return strings.Replace(s, "uid={userName},ou", "cn={title},ou", 1)
	}})
	var wg sync.WaitGroup
	var mu sync.Mutex
	made, refused := 0, 0
	for i := range 8 {
		wg.Go(func() {
			body := h.body("User", `{"userName":"bjensen","title":"t`+string(rune('a'+i))+`"}`)
			_, err := h.Create(t.Context(), h.req("User"), body)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			} else if e, ok := err.(*scim.Error); ok && e.Status == 409 { //nolint:errorlint // the contract
				refused++
			}
		})
	}
	wg.Wait()
	if made != 1 || refused != 7 {
		t.Errorf("%d created, %d refused", made, refused)
	}
}

func TestUnknownReferences(t *testing.T) {
	h := newHouse(t)
	u, g := h.user("a"), h.group("g")
	const nobody = "ffffffff-0000-4000-8000-00000000dead"
	before := len(h.events())
	for name, do := range map[string]func() error{
		"a group with a member that is nobody": func() error {
			_, err := h.tryCreate("Group", `{"displayName":"x","members":[{"value":"`+nobody+`"}]}`)
			return err
		},
		"adding nobody": func() error {
			_, err := h.tryPatch(h.req("Group"), g.ID, `{"op":"add","path":"members","value":[{"value":"`+nobody+`"}]}`)
			return err
		},
		"replacing by nobody": func() error {
			_, err := h.tryPatch(h.req("Group"), g.ID, `{"op":"replace","path":"members","value":[{"value":"`+nobody+`"}]}`)
			return err
		},
		"a manager who is nobody": func() error {
			_, err := h.tryPatch(h.req("User"), u.ID, `{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":{"value":"`+nobody+`"}}`)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if e := wantStatus(t, do(), 400, "invalidValue"); !strings.Contains(e.Detail, nobody) {
				t.Errorf("the sentence does not name the id: %s", e.Detail)
			}
		})
	}
	h.patch("Group", g.ID, `{"op":"remove","path":"members[value eq \"`+nobody+`\"]"}`)
	if len(h.events()) != before {
		t.Error("something was journaled")
	}
}

func TestPutReplaces(t *testing.T) {
	h := newHouse(t)
	u := h.create("User", `{"userName":"bjensen","title":"Guide","externalId":"00u1","name":{"givenName":"Barbara"}}`)
	res, err := h.Replace(t.Context(), h.req("User"), u.ID, h.body("User", `{"userName":"bj","name":{"givenName":"Babs"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := h.native(u.ID, "uid", "title", "givenName"); got.Name != "uid=bj,ou=people,dc=example,dc=org" ||
		len(got.Attrs.Get("title")) > 0 || got.Attrs.Get("givenName")[0].Text() != "Babs" || got.Attrs.Get("uid")[0].Text() != "bj" {
		t.Errorf("the record: %+v", got)
	}
	if _, there := res.Resource.Get("externalId"); there || at(res.Resource, "userName") != "bj" || res.ID != u.ID {
		t.Errorf("the answer: %s", res.Resource.AppendJSON(nil))
	}
	before := len(h.events())
	if _, err := h.Replace(t.Context(), h.req("User"), u.ID, h.body("User", string(res.Resource.AppendJSON(nil)))); err != nil {
		t.Fatal(err)
	}
	if len(h.events()) != before || h.get("User", u.ID).Version != res.Version {
		t.Error("a PUT of what was read changed something")
	}
}

func TestVersions(t *testing.T) {
	h := newHouse(t)
	u := h.user("a")
	if got, err := h.Get(t.Context(), h.shows("User", "userName"), u.ID); err != nil || got.Version != u.Version {
		t.Errorf("the version depends on the projection: %s, %s, %v", got.Version, u.Version, err)
	}
	guarded := h.req("User")
	guarded.IfMatch = []string{strings.TrimPrefix(u.Version, "W/")} // weak comparison
	if _, err := h.tryPatch(guarded, u.ID, `{"op":"add","path":"title","value":"x"}`); err != nil {
		t.Fatal(err)
	}
	after := h.get("User", u.ID)
	if after.Version == u.Version {
		t.Error("a write did not change the version")
	}
	_, err := h.tryPatch(guarded, u.ID, `{"op":"add","path":"title","value":"y"}`)
	wantStatus(t, err, 412, "")
	_, err = h.Replace(t.Context(), guarded, u.ID, h.body("User", `{"userName":"a"}`))
	wantStatus(t, err, 412, "")
	wantStatus(t, h.Delete(t.Context(), guarded, u.ID), 412, "")
	h.patch("User", u.ID, `{"op":"add","path":"externalId","value":"00u1"}`)
	if h.get("User", u.ID).Version == after.Version {
		t.Error("a change of the overlay did not change the version")
	}
	guarded.IfMatch = []string{"*"}
	if err := h.Delete(t.Context(), guarded, u.ID); err != nil {
		t.Error(err)
	}
}

func TestVersionsWithoutADirectorysOwn(t *testing.T) {
	h := newHouse(t)
	u := h.user("a")
	rec := h.native(u.ID, h.byName["User"].Reads(nil)...)
	rec.Version = ""
	first := h.byName["User"].etag(rec, "")
	rec.Attrs["title"] = backends.Strings("x")
	if h.byName["User"].etag(rec, "") == first {
		t.Error("another title has the same version")
	}
}

// unversioned is a backend whose records have no versions; only these, if any are named.
type unversioned struct {
	backends.Backend
	only []string
}

func (u unversioned) Capabilities() backends.Capabilities {
	can := u.Backend.Capabilities()
	can.Versioned = len(u.only) > 0
	return can
}

func (u unversioned) without(rec backends.Record) backends.Record {
	if len(u.only) == 0 || slices.Contains(u.only, string(rec.Key)) {
		rec.Version = ""
	}
	return rec
}

func (u unversioned) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	recs, err := u.Backend.Fetch(ctx, keys, attrs)
	for i := range recs {
		recs[i] = u.without(recs[i])
	}
	return recs, err
}

func (u unversioned) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		for rec, err := range u.Backend.Walk(ctx, q) {
			if !yield(u.without(rec), err) {
				return
			}
		}
	}
}

func (u unversioned) Create(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
	rec, err := u.Backend.Create(ctx, name, attrs, want)
	return u.without(rec), err
}

func (u unversioned) Modify(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
	rec, err := u.Backend.Modify(ctx, key, changes, cond, want)
	return u.without(rec), err
}

// TestVersionsNeverDependOnWhatIsShown: the first search of a process is answered as the last, whatever it shows, of one page or of many.
func TestVersionsNeverDependOnWhatIsShown(t *testing.T) {
	made := newHouse(t)
	ids := made.people(12)
	for name, only := range map[string][]string{"the directory has no versions": nil, "three records lack one": {ids[2], ids[3], ids[9]}} {
		made.users.Backend = unversioned{made.users.Backend, only}
		want := map[string]string{}
		for _, id := range ids {
			want[id] = made.get("User", id).Version
		}
		for _, a := range []asking{
			{count: 4},
			{count: 50},
			{count: 4, filter: `nickName ne "x"`},
			{count: 50, filter: `nickName ne "x"`},
			{count: 4, by: "title"},
			{count: 5, by: "meta.version"},
			{count: 4, filter: `nickName ne "x"`, by: "userName"},
			{count: 1, filter: `meta.version eq ` + strconv.Quote(want[ids[3]])},
		} {
			for start := 1; start < 12; start += a.count {
				h := made.replica(nil) // one that knows nothing yet
				a.start = start
				page, err := h.trySearch(h.shows("User", "title,meta"), a)
				if err != nil {
					t.Fatalf("%s, %+v: %v", name, a, err)
				}
				if len(page.Resources) == 0 && (a.count > 1 || start == 1) {
					t.Errorf("%s, %+v: nobody", name, a)
				}
				for _, res := range page.Resources {
					if id, _ := at(res, "id").(string); at(res, "meta", "version") != want[id] {
						t.Errorf("%s, %+v: %s has the version %v, want %s", name, a, id, at(res, "meta", "version"), want[id])
					}
				}
			}
		}
		made.users.Backend = made.users.Backend.(unversioned).Backend
	}
}

func TestIfMatchHoldsWithoutADirectorysOwnVersions(t *testing.T) {
	writes := map[string]func(h *house, req scim.Request, id string) error{
		"a delete": func(h *house, req scim.Request, id string) error { return h.Delete(t.Context(), req, id) },
		"a rename": func(h *house, req scim.Request, id string) error {
			_, err := h.tryPatch(req, id, `{"op":"replace","path":"userName","value":"b"}`)
			return err
		},
		"a change of something else": func(h *house, req scim.Request, id string) error {
			_, err := h.tryPatch(req, id, `{"op":"replace","path":"title","value":"x"}`)
			return err
		},
	}
	for name, write := range writes {
		for _, raced := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, raced %v", name, raced), func(t *testing.T) {
				h := newHouse(t)
				inner := h.users.Backend
				h.users.Backend = unversioned{Backend: inner}
				u := h.create("User", `{"userName":"a","externalId":"00u1"}`)
				if raced {
					h.users.after = func(string) {
						h.users.after = nil
						change := []backends.Change{{Op: backends.Replace, Attr: "employeeNumber", Values: backends.Strings("7")}}
						if _, err := inner.Modify(t.Context(), backends.Key(u.ID), change, backends.Condition{}, nil); err != nil {
							t.Error(err)
						}
					}
				}
				req := h.req("User")
				req.IfMatch = []string{u.Version}
				switch err := write(h, req, u.ID); {
				case raced:
					wantStatus(t, err, 412, "")
				case err != nil:
					t.Error(err)
				}
			})
		}
	}
}

func TestDisabling(t *testing.T) {
	h := newHouse(t)
	u := h.user("a")
	g := h.group("g", u.ID)
	h.patch("User", u.ID, `{"op":"replace","value":{"active":false}}`)
	if got := at(h.get("User", u.ID).Resource, "active"); got != false {
		t.Errorf("active %v", got)
	}
	if got := values(h.get("Group", g.ID).Resource, "members"); !slices.Equal(got, []string{u.ID}) {
		t.Errorf("members %v", got)
	}
	if page := h.list("User", `active eq false`, 1, 10); page.TotalResults != 1 {
		t.Errorf("found %d", page.TotalResults)
	}
}

func TestDeletePolicies(t *testing.T) {
	t.Run("refuse", func(t *testing.T) {
		h := newHouse(t, edit{user: func(s string) string { return strings.Replace(s, "delete: remove", "delete: refuse", 1) }})
		u := h.user("a")
		wantStatus(t, h.Delete(t.Context(), h.req("User"), u.ID), 403, "")
		h.get("User", u.ID)
	})
	t.Run("disable", func(t *testing.T) {
		h := newHouse(t, edit{user: func(s string) string { return strings.Replace(s, "delete: remove", "delete: disable", 1) }})
		u := h.user("a")
		if err := h.Delete(t.Context(), h.req("User"), u.ID); err != nil {
			t.Fatal(err)
		}
		if got := at(h.get("User", u.ID).Resource, "active"); got != false {
			t.Errorf("active %v", got)
		}
	})
	t.Run("move", func(t *testing.T) {
		h := newHouse(t, edit{user: func(s string) string {
			return strings.Replace(s, "delete: remove", "delete: move\nto: ou=leavers,dc=example,dc=org", 1)
		}})
		u := h.create("User", `{"userName":"a","externalId":"00u1"}`)
		g := h.group("g", u.ID, h.user("b").ID)
		if err := h.Delete(t.Context(), h.req("User"), u.ID); err != nil {
			t.Fatal(err)
		}
		if got := h.native(u.ID).Name; got != "uid=a,ou=leavers,dc=example,dc=org" {
			t.Errorf("the record is called %q", got)
		}
		_, err := h.Get(t.Context(), h.req("User"), u.ID)
		wantStatus(t, err, 404, "")
		if got := h.native(g.ID, "member").Attrs.Get("member"); len(got) != 1 {
			t.Errorf("member %v", got)
		}
		h.create("User", `{"userName":"a","externalId":"00u1"}`)
	})
}

func TestDeletedTwice(t *testing.T) {
	h := newHouse(t)
	u := h.create("User", `{"userName":"a","externalId":"00u1"}`)
	if err := h.Delete(t.Context(), h.req("User"), u.ID); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, h.Delete(t.Context(), h.req("User"), u.ID), 404, "")
	_, err := h.Get(t.Context(), h.req("User"), u.ID)
	wantStatus(t, err, 404, "")
	if again := h.create("User", `{"userName":"a","externalId":"00u1"}`); again.ID == u.ID {
		t.Error("an id was given again")
	}
}

func TestReady(t *testing.T) {
	h := newHouse(t)
	health := h.Ready(t.Context())
	if len(health) != 2 || health[0].Name != "corp" || !health[0].OK || health[1].Name != "journal" || !health[1].OK {
		t.Fatalf("%+v", health)
	}
	h.memory.SetAway(true)
	health = h.Ready(t.Context())
	if health[0].OK || health[0].Error != "unavailable" || !health[1].OK {
		t.Fatalf("%+v", health)
	}
}

func TestADirectoryThatIsAwayIsNotAnEmptyOne(t *testing.T) {
	h := newHouse(t)
	u := h.user("a")
	h.memory.SetAway(true)
	_, err := h.Get(t.Context(), h.req("User"), u.ID)
	if e := wantStatus(t, err, 503, ""); e.RetryAfter == 0 {
		t.Error("no Retry-After")
	}
	_, err = h.tryList(h.req("User"), "", 1, 10)
	wantStatus(t, err, 503, "")
	_, err = h.tryCreate("User", `{"userName":"b"}`)
	wantStatus(t, err, 503, "")
	wantStatus(t, h.Delete(t.Context(), h.req("User"), u.ID), 503, "")
	h.memory.SetAway(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = h.Get(ctx, h.req("User"), u.ID)
	wantStatus(t, err, 503, "")
}
