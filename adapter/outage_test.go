package adapter

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func (o *faultyOverlay) Find(ctx context.Context, s journal.Scope, name string, value *string) ([]backends.Key, error) {
	if o.load != nil {
		return nil, o.load
	}
	return o.Overlay.Find(ctx, s, name, value)
}

// orderBy is a list of all users in an order.
func (h *house) orderBy(attribute string) (*scim.List, error) {
	h.t.Helper()
	path, err := filter.ParsePath(attribute)
	if err != nil {
		h.t.Fatal(err)
	}
	ref, ok := h.byName["User"].rt.Resolve(path)
	if !ok {
		h.t.Fatalf("User has no %s", attribute)
	}
	return h.List(h.t.Context(), h.req("User"), scim.ListQuery{StartIndex: 1, Count: 10, Sort: &scim.Sort{By: ref}})
}

func TestReadsGoOnWhileTheOverlayIsAway(t *testing.T) {
	var log bytes.Buffer
	h := newHouse(t, edit{options: func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) }})
	u := h.create("User", `{"userName":"a","externalId":"00u1","title":"x"}`)
	g := h.group("g", u.ID)
	h.extra.load = &backends.Error{Kind: journal.ErrAway}
	for range 2 {
		res := h.get("User", u.ID)
		if res.Version != "" || at(res.Resource, "meta", "version") != nil || at(res.Resource, "externalId") != nil || at(res.Resource, "title") != "x" {
			t.Errorf("%q %s", res.Version, res.Resource.AppendJSON(nil))
		}
		if at(res.Resource, "meta", "location") != u.Location {
			t.Errorf("it is at %v", at(res.Resource, "meta", "location"))
		}
		h.get("Group", g.ID)
		page := h.list("User", `title eq "x"`, 1, 10)
		if len(page.Resources) != 1 || at(page.Resources[0], "externalId") != nil {
			t.Errorf("%d on the page", len(page.Resources))
		}
		if page, err := h.orderBy("title"); err != nil || len(page.Resources) != 1 {
			t.Errorf("in an order of the directory's: %v", err)
		}
		h.clock.advance(time.Minute)
	}
	if n := strings.Count(log.String(), "cannot be read: resources are shown without it"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, log.String())
	}
	h.extra.load = nil
	if res := h.get("User", u.ID); res.Version != u.Version || at(res.Resource, "externalId") != "00u1" || !strings.Contains(log.String(), "can be read again") {
		t.Errorf("when it is back: %q %s\n%s", res.Version, res.Resource.AppendJSON(nil), log.String())
	}
}

func TestWhoNamesAnOverlayAttributeIsToldThatItIsAway(t *testing.T) {
	h := newHouse(t, edit{user: func(s string) string { return s + "  locale: overlay\n" }})
	u := h.create("User", `{"userName":"a","externalId":"00u1"}`)
	version := u.Version
	h.extra.load = &backends.Error{Kind: journal.ErrAway}
	told := func(what string, err error) {
		t.Helper()
		var said *scim.Error
		if !errors.As(err, &said) || said.Status != 503 || said.RetryAfter == 0 || !strings.HasPrefix(said.Detail, "The journal's database") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := h.Get(t.Context(), h.shows("User", "userName,externalId"), u.ID)
	told("attributes=externalId", err)
	_, err = h.tryList(h.shows("User", "externalId"), "", 1, 10)
	told("attributes=externalId of a page", err)
	for _, text := range []string{`externalId co "0"`, `not (locale pr)`, `meta.version eq "` + strings.ReplaceAll(version, `"`, `\"`) + `"`} {
		_, err = h.tryList(h.req("User"), text, 1, 10)
		told(text, err)
	}
	for _, attribute := range []string{"externalId", "meta.version"} {
		_, err = h.orderBy(attribute)
		told("sortBy="+attribute, err)
	}
	_, err = h.tryPatch(h.req("User"), u.ID, `{"op":"replace","path":"externalId","value":"x"}`)
	told("a change", err)
	told("a delete", h.Delete(t.Context(), h.req("User"), u.ID))
	if got := h.native(u.ID); got.Key == "" {
		t.Errorf("the record is %v", got)
	}
}

func TestAnOverlayThatIsAwayIsNotAskedByEveryReader(t *testing.T) {
	h := newHouse(t)
	u := h.create("User", `{"userName":"a","externalId":"00u1"}`)
	h.extra.load = &backends.Error{Kind: journal.ErrAway}
	h.get("User", u.ID)
	h.extra.load = nil
	if res := h.get("User", u.ID); res.Version != "" {
		t.Error("it is asked again at once")
	}
	if res, err := h.Get(t.Context(), h.shows("User", "externalId"), u.ID); err != nil || at(res.Resource, "externalId") != "00u1" {
		t.Errorf("who must know does not ask: %v", err)
	}
	h.extra.load = &backends.Error{Kind: journal.ErrAway}
	h.clock.advance(overlayPause)
	h.get("User", u.ID)
	h.extra.load = nil
	h.clock.advance(overlayPause)
	if res := h.get("User", u.ID); res.Version != u.Version {
		t.Error("it is never asked again")
	}
}

func TestAWriteToAProtectedRecordIsRefusedOnce(t *testing.T) {
	h := newHouse(t)
	u := h.create("User", `{"userName":"a","title":"x"}`)
	protected := &backends.Error{Kind: backends.ErrProtected, Detail: "The entry is protected by the mapping."}
	h.users.modify = func([]backends.Change) (error, bool) { return protected, true }
	h.users.remove = func() (error, bool) { return protected, true }
	for what, write := range map[string]func() error{
		"a change": func() error {
			_, err := h.tryPatch(h.req("User"), u.ID, `{"op":"replace","path":"title","value":"y"}`)
			return err
		},
		"a delete": func() error { return h.Delete(t.Context(), h.req("User"), u.ID) },
	} {
		before := len(h.events())
		err := write()
		wantStatus(t, err, 403, "")
		if !strings.Contains(err.Error(), "protect") {
			t.Errorf("%s: %v", what, err)
		}
		events := h.events()[before:]
		if len(events) != 1 || events[0].Status() != journal.StatusRefused {
			t.Errorf("%s: %d events, the last of them %s", what, len(events), h.lastEvent().Status())
		}
	}
}
