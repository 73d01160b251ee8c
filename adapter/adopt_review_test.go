package adapter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

const byReview = "  - {match: [enterprise:employeeNumber], then: review}\n"

// waits wants a resource to be held back, and gives what the client is told.
func (h *house) waits(body string) string {
	h.t.Helper()
	_, err := h.tryCreate("User", body)
	said := wantStatus(h.t, err, 409, "uniqueness")
	if !strings.Contains(said.Detail, "scim-adapter adopt list") {
		h.t.Fatalf("told %s", said.Detail)
	}
	return said.Detail
}

// listed is the list, as lines.
func (h *house) listed() (lines []string, all []Review) {
	h.t.Helper()
	all, err := Reviews(h.t.Context(), h.lite, journal.Filter{Tenant: "default"})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s/%s %s=%s %s=%s %s", r.State, r.Client, r.Type, r.ID, r.Match[0].Path, r.Match[0].After, r.Called.Path, r.Called.After, r.By))
	}
	return lines, all
}

// decide says a word about the newest line of the list.
func (h *house) decide(state string) Review {
	h.t.Helper()
	_, all := h.listed()
	if len(all) == 0 {
		h.t.Fatal("nothing is on the list")
	}
	r, err := all[0].Decide(h.t.Context(), h.lite, journal.ID(h.o.NewID()), state, "root@host", "test", h.clock.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func TestAnAccountWaitsForItsReviewAndIsLinkedOnceItIsApproved(t *testing.T) {
	h, ada := adopting(t, byReview)
	body := person("alovelace", "1815", `"externalId":"o-1"`)
	before := h.snapshot()
	if said := h.waits(body); !strings.Contains(said, ada) || h.snapshot() != before {
		t.Errorf("%s\n%s", said, h.snapshot())
	}
	for range 3 { // the client tries again and again
		h.clock.advance(time.Hour)
		h.waits(body)
	}
	number := `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber`
	want := "waiting okta User/" + ada + " " + number[1:] + `=["1815"] userName="alovelace" `
	lines, all := h.listed()
	if len(lines) != 1 || lines[0] != want || len(h.events()) != 1 {
		t.Errorf("%d events, the list: %q", len(h.events()), lines)
	}
	if e := h.lastEvent(); e.Intent.Action != journal.ActionReview || !e.Intent.Noted || e.Status() != journal.StatusRefused || e.Intent.Client != "okta" || e.Intent.RequestID != "r1" || all[0].Event != e.Intent.ID {
		t.Errorf("%+v", e)
	}

	h.decide(ReviewApproved)
	if lines, _ := h.listed(); len(lines) != 1 || lines[0] != strings.Replace(want, "waiting", "approved", 1)+"root@host" {
		t.Errorf("the list: %q", lines)
	}
	if res := h.create("User", body); res.ID != ada || h.everybody() != 1 {
		t.Errorf("it became %s", res.ID)
	}
	if res := h.create("User", body); res.ID != ada {
		t.Errorf("once more it became %s", res.ID)
	}
	_, err := h.tryCreate("User", person("augusta", "1815", `"externalId":"o-2"`))
	if said := wantStatus(t, err, 409, "uniqueness"); !strings.Contains(said.Detail, "another externalId") {
		t.Error(said.Detail)
	}
}

func TestARejectedAccountIsSomebodyElse(t *testing.T) {
	h, ada := adopting(t, byReview+"  - {match: [emails.value], then: link}\n")
	body := person("alovelace", "1815", `"emails":[{"type":"work","value":"ada@example.org"}]`)
	h.waits(body)
	h.decide(ReviewRejected)
	res := h.create("User", body) // by no rule that follows is it her either
	if res.ID == ada || h.everybody() != 2 {
		t.Errorf("it became %s of %d", res.ID, h.everybody())
	}
	if len(h.native(ada, "uid").Attrs.Get("uid")) != 1 || h.native(ada, "uid").Attrs.Get("uid")[0].Text() != "ada" {
		t.Error("she was written to")
	}
	_, err := h.tryCreate("User", body) // two have it now, and one of them is not meant
	wantStatus(t, err, 409, "uniqueness")
}

func TestTheLastWordHoldsAndIsAboutOneClientAndOneValue(t *testing.T) {
	h, ada := adopting(t, byReview)
	h.waits(person("alovelace", "1815"))
	h.decide(ReviewRejected)
	h.decide(ReviewApproved) // by the same clock
	if lines, _ := h.listed(); len(lines) != 1 || !strings.HasPrefix(lines[0], "approved") {
		t.Errorf("the list: %q", lines)
	}
	other := h.req("User")
	other.Caller.Client = "entra"
	_, err := h.Create(t.Context(), other, h.body("User", person("alovelace", "1815")))
	if said := wantStatus(t, err, 409, "uniqueness"); !strings.Contains(said.Detail, "adopt list") {
		t.Errorf("what okta may, entra may not: %s", said.Detail)
	}
	change := []backends.Change{{Op: backends.Replace, Attr: "employeeNumber", Values: backends.Strings("1816")}}
	if _, err := h.users.Backend.Modify(t.Context(), backends.Key(ada), change, backends.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	h.waits(person("other", "1816"))
	if lines, _ := h.listed(); len(lines) != 3 {
		t.Errorf("the list: %q", lines)
	}
	if res := h.create("User", person("alovelace", "1815")); res.ID == ada {
		t.Error("the number is no longer hers")
	}
}

func TestWhatIsKnownUnderAnotherExternalIDDoesNotWait(t *testing.T) {
	h, ada := adopting(t, byReview)
	h.patch("User", ada, `{"op":"add","path":"externalId","value":"o-1"}`)
	events := len(h.events())
	_, err := h.tryCreate("User", person("x", "1815", `"externalId":"o-2"`))
	if said := wantStatus(t, err, 409, "uniqueness"); !strings.Contains(said.Detail, "another externalId") || len(h.events()) != events {
		t.Errorf("%s; %d events", said.Detail, len(h.events()))
	}
}

func TestWithoutTheJournalNothingIsMade(t *testing.T) {
	h, _ := adopting(t, byReview)
	for name, err := range map[string]error{
		"away":              &backends.Error{Kind: backends.ErrUnavailable},
		"not for this role": &backends.Error{Kind: backends.ErrRefused, Detail: "The role may not read."},
	} {
		h.o.Events = blindReader{h.lite, err}
		_, got := h.tryCreate("User", person("x", "1815"))
		if said := wantStatus(t, got, 503, ""); !strings.Contains(said.Detail, "The journal, which knows whether") || said.RetryAfter == 0 {
			t.Errorf("%s: %s", name, said.Detail)
		}
		if _, err := h.tryCreate("User", person("free"+strings.ReplaceAll(name, " ", ""), "9"+name[:1])); err != nil {
			t.Errorf("%s: whom no rule finds needs nobody's word: %v", name, err)
		}
	}
	h.o.Events, h.o.Journal = h.lite, silent{h.lite}
	_, err := h.tryCreate("User", person("x", "1815"))
	if said := wantStatus(t, err, 503, ""); !strings.Contains(said.Detail, "cannot be written") {
		t.Error(said.Detail)
	}
}

// blindReader cannot read.
type blindReader struct {
	journal.Reader
	err error
}

func (b blindReader) Events(context.Context, journal.Filter) iter.Seq2[journal.Event, error] {
	return func(yield func(journal.Event, error) bool) { yield(journal.Event{}, b.err) }
}

// silent cannot be told anything but writes.
type silent struct{ journal.Journal }

func (silent) Note(context.Context, journal.Intent, journal.Outcome) error { return errors.New("full") }

func TestWhatIsSensitiveIsNotOnTheListAndIsReviewedAllTheSame(t *testing.T) {
	h, ada := adopting(t, byReview, edit{options: func(o *Options) {
		o.Journal = Redact(o.Journal, NewDiscretion(o.Mappings, []string{"employeeNumber", "userName"}, nil))
	}})
	h.waits(person("alovelace", "1815"))
	h.waits(person("alovelace", "1815"))
	if lines, _ := h.listed(); len(lines) != 1 || strings.Contains(lines[0], "1815") || strings.Contains(lines[0], "alovelace") {
		t.Errorf("the list: %q", lines)
	}
	h.decide(ReviewApproved)
	if res := h.create("User", person("alovelace", "1815")); res.ID != ada {
		t.Errorf("it became %s", res.ID)
	}
}

func TestWhatWasForgottenIsDecidedAnew(t *testing.T) {
	e := journal.Event{Intent: journal.Intent{Action: journal.ActionReview, Noted: true, Client: "okta", ResourceType: "User", ResourceID: "1"}, Forgotten: true}
	if r, ok := ReviewOf(e); !ok || !r.Expired || r.State != "" {
		t.Errorf("%+v", r)
	}
	for name, in := range map[string]journal.Intent{
		"another action": {Action: journal.ActionGuard, Noted: true}, "a write": {Action: journal.ActionReview},
	} {
		if _, ok := ReviewOf(journal.Event{Intent: in}); ok {
			t.Error(name)
		}
	}
}

// Who has approved that two are one person has not approved that he who left meanwhile comes back.
func TestAnApprovalIsNotOneToEnable(t *testing.T) {
	h, ada := adopting(t, byReview)
	body := person("alovelace", "1815", `"externalId":"o-1"`, `"active":true`)
	h.waits(body)
	if r := h.decide(ReviewApproved); r.Enables() {
		t.Errorf("%+v", r)
	}
	if res := h.create("User", body); res.ID != ada {
		t.Fatalf("it became %s", res.ID)
	}
	h.disable(ada)
	h.waits(body)
	h.waits(body)
	_, all := h.listed()
	if len(all) != 2 || !all[0].Enables() || all[0].State != ReviewWaiting || all[1].Enables() {
		t.Fatalf("the list: %+v", all)
	}
	h.decide(ReviewApproved)
	if res := h.create("User", body); res.ID != ada || at(res.Resource, "active") != true {
		t.Errorf("it became %s, %s", res.ID, res.Resource.AppendJSON(nil))
	}
}

// A shadow answers as if, and who looks at the list would decide about what nobody has done.
func TestAShadowPutsNothingOnTheList(t *testing.T) {
	h, ada := adopting(t, byReview, edit{options: func(o *Options) { o.Shadow = true }})
	if said := h.waits(person("alovelace", "1815")); !strings.Contains(said, ada) {
		t.Error(said)
	}
	if lines, _ := h.listed(); len(lines) > 0 || len(h.events()) > 0 {
		t.Errorf("the list: %q, and %d events", lines, len(h.events()))
	}
}
