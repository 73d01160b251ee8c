package adapter

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// adopting is a house whose users are adopted by these rules, with somebody in it whom no client has made.
func adopting(t *testing.T, rules string, edits ...edit) (h *house, ada string) {
	t.Helper()
	h = newHouse(t, append(edits, edit{
		user: func(text string) string {
			return strings.Replace(text, "rename: follow\n", "rename: follow\nadopt:\n"+rules, 1)
		},
		options: func(o *Options) { o.Events, _ = o.Overlay.(*faultyOverlay).Overlay.(journal.Reader) },
	})...)
	return h, h.stranger("ada", "sn", "Byron", "title", "Countess", "employeeNumber", "1815", "mail", "ada@example.org")
}

// stranger is a person whom somebody else has put there.
func (h *house) stranger(uid string, pairs ...string) string {
	h.t.Helper()
	attrs := backends.Attributes{"objectClass": backends.Strings("inetOrgPerson"), "uid": backends.Strings(uid), "cn": backends.Strings(uid), "sn": backends.Strings("-")}
	for i := 0; i+1 < len(pairs); i += 2 {
		attrs[pairs[i]] = backends.Strings(pairs[i+1])
	}
	rec, err := h.users.Backend.Create(h.t.Context(), backends.Template{{Text: "uid=" + uid + ",ou=people,dc=example,dc=org"}}, attrs, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(rec.Key)
}

func person(userName, number string, more ...string) string {
	text := fmt.Sprintf(`{"userName":%q,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":%q}`, userName, number)
	for _, m := range more {
		text += "," + m
	}
	return text + "}"
}

const byNumber = "  - {match: [enterprise:employeeNumber], then: link}\n"

func (h *house) everybody() int {
	h.t.Helper()
	return h.list("User", "", 1, 0).TotalResults
}

func TestANewResourceBecomesTheOneThatIsThere(t *testing.T) {
	h, ada := adopting(t, byNumber)
	before := h.snapshot()
	res := h.create("User", person("alovelace", "1815", `"externalId":"o-1"`, `"name":{"familyName":"Lovelace"}`, `"emails":[{"type":"work","value":"al@example.org"}]`, `"password":"made up"`))
	if res.ID != ada || h.everybody() != 1 || res.Location != base+"/Users/"+ada || res.Version == "" {
		t.Errorf("%s is linked to %s of %d at %s, version %q", ada, res.ID, h.everybody(), res.Location, res.Version)
	}
	for path, want := range map[string]any{"userName": "alovelace", "externalId": "o-1", "title": "Countess"} {
		if got := at(res.Resource, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	rec := h.native(ada, "*")
	for attr, want := range map[string]string{"sn": "Lovelace", "cn": "ada", "mail": "al@example.org", "title": "Countess", "userPassword": "", "uid": "alovelace"} {
		if got := strings.Join(rec.Attrs.Get(attr).Texts(), ","); got != want {
			t.Errorf("%s is %q, want %q", attr, got, want)
		}
	}
	if !strings.HasPrefix(rec.Name, "uid=alovelace,") || !slices.Contains(res.Dropped, "password") {
		t.Errorf("%s, without %v", rec.Name, res.Dropped)
	}
	e := h.lastEvent()
	if e.Intent.Action != journal.ActionAdopt || e.ResourceID() != ada || e.Status() != journal.StatusDone || !slices.Contains(e.Intent.Dropped, "password") || len(e.Intent.Diff) < 4 {
		t.Errorf("the event: %+v", e.Intent)
	}

	again := h.create("User", person("alovelace", "1815", `"externalId":"o-1"`))
	if again.ID != ada || h.everybody() != 1 {
		t.Errorf("the same once more is %s of %d", again.ID, h.everybody())
	}
	_, err := h.tryCreate("User", person("augusta", "1815", `"externalId":"o-2"`))
	if said := wantStatus(t, err, 409, "uniqueness"); !strings.Contains(said.Detail, "has another externalId already") || !strings.Contains(said.Detail, ada) {
		t.Error(said.Detail)
	}
	_, err = h.tryCreate("User", person("augusta", "1815")) // who says none does not take an account over that has one
	if said := wantStatus(t, err, 409, "uniqueness"); !strings.Contains(said.Detail, "is known by an externalId, and this one brings none") || !strings.Contains(said.Detail, ada) {
		t.Error(said.Detail)
	}

	h.undone()
	if after := h.snapshot(); after != before {
		t.Errorf("after undo:\n%s\nbefore:\n%s", after, before)
	}
}

func TestWhomNoRuleFindsIsMade(t *testing.T) {
	h, ada := adopting(t, byNumber)
	for _, body := range []string{person("grace", "1906"), `{"userName":"charles"}`} {
		if res := h.create("User", body); res.ID == ada {
			t.Errorf("%s is linked", body)
		}
	}
	if e := h.lastEvent(); e.Intent.Action != journal.ActionCreate || h.everybody() != 3 {
		t.Errorf("%s, %d people", e.Intent.Action, h.everybody())
	}
	_, err := h.tryCreate("User", person("ADA", "7")) // and what must be unique stays so
	wantStatus(t, err, 409, "uniqueness")
	_, err = h.tryCreate("User", person("Grace", "1815", `"externalId":"x"`)) // also of those who are linked
	wantStatus(t, err, 409, "uniqueness")
}

func TestRulesAreTriedInTheirOrder(t *testing.T) {
	h, ada := adopting(t, `  - {match: [enterprise:employeeNumber], then: link}
  - {match: [name.familyName, title], then: link}
  - {match: [emails.value], then: conflict}
`)
	if res := h.create("User", `{"userName":"a","externalId":"o-1","name":{"familyName":"BYRON"},"title":"countess"}`); res.ID != ada {
		t.Errorf("both attributes are hers, and it is %s", res.ID)
	}
	if res := h.create("User", person("al", "1815", `"externalId":"o-1"`, `"name":{"familyName":"King"}`, `"title":"x"`)); res.ID != ada || h.everybody() != 1 {
		t.Errorf("she is known by her number, and it is %s", res.ID)
	}
	if res := h.create("User", `{"userName":"b","name":{"familyName":"King"},"title":"other"}`); res.ID == ada {
		t.Error("one of two attributes is enough")
	}
	_, err := h.tryCreate("User", `{"userName":"c","emails":[{"type":"work","value":"ADA@example.org"}]}`)
	if said := wantStatus(t, err, 409, "uniqueness"); said.Detail != "Another resource has the same emails.value already: its id is "+ada+"." {
		t.Error(said.Detail)
	}
	_, err = h.tryCreate("User", `{"userName":"d","emails":[`+manyMails(mostLikenesses+1)+`]}`)
	wantStatus(t, err, 400, "invalidValue")
}

func manyMails(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"type":"work","value":"m%d@example.org"}`, i)
	}
	return strings.Join(list, ",")
}

func TestOfSeveralNobodyIsPicked(t *testing.T) {
	h, ada := adopting(t, byNumber)
	h.stranger("ada2", "employeeNumber", "1815")
	before := h.snapshot()
	_, err := h.tryCreate("User", person("alovelace", "1815"))
	if said := wantStatus(t, err, 409, "uniqueness"); !strings.Contains(said.Detail, "Several resources have the same") || strings.Contains(said.Detail, ada) {
		t.Error(said.Detail)
	}
	if h.snapshot() != before || len(h.events()) > 0 {
		t.Error("something was written")
	}
}

func TestALinkIsHeldToTheRulesOfAnUpdate(t *testing.T) {
	h, ada := adopting(t, byNumber, edit{options: func(o *Options) { o.Protected = []string{"title"} }})
	before := h.snapshot()
	_, err := h.tryCreate("User", person("ada", "1815", `"title":"Queen"`))
	wantStatus(t, err, 403, "")
	_, err = h.tryCreate("User", person("ada", "1815", `"urn:x":1`, `"name":{"familyName":"x"}`, `"title":"Countess"`, `"emails":[{"type":"home","value":"b@example.org"}]`))
	if err != nil {
		t.Errorf("what is protected stays as it is: %v", err)
	}
	h.undone()
	if h.snapshot() != before {
		t.Errorf("after all:\n%s\nbefore:\n%s", h.snapshot(), before)
	}
	if got := h.get("User", ada); at(got.Resource, "externalId") != nil {
		t.Error("she is linked")
	}

	h.o.ReadOnly = true
	_, err = h.tryCreate("User", person("ada", "1815"))
	wantStatus(t, err, 403, "")
}

// Whatever the others do, of two that are to become one account one does, and the other hears of it.
func TestOfManyAtOnceOneIsLinked(t *testing.T) {
	h, ada := adopting(t, byNumber)
	var wg sync.WaitGroup
	var mu sync.Mutex
	linked := map[string]int{}
	for i := range 12 {
		wg.Go(func() {
			external := fmt.Sprintf("o-%d", i%3)
			res, err := h.tryCreate("User", person("ada"+external, "1815", `"externalId":"`+external+`"`))
			if err != nil {
				if e, ok := err.(*scim.Error); !ok || e.Status != 409 || e.Type != "uniqueness" { //nolint:errorlint // the service's own contract
					t.Errorf("%v", err)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if linked[external]++; res.ID != ada {
				t.Errorf("%s became %s", external, res.ID)
			}
		})
	}
	wg.Wait()
	if len(linked) != 1 || h.everybody() != 1 {
		t.Errorf("linked: %v; %d people", linked, h.everybody())
	}
	for external, times := range linked {
		if times != 4 || at(h.get("User", ada).Resource, "externalId") != external {
			t.Errorf("%s was linked %d times", external, times)
		}
	}
	wg.Go(func() { _, _ = h.tryCreate("User", person("new1", "77")) })
	wg.Go(func() { _, _ = h.tryCreate("User", person("new2", "77")) })
	wg.Wait()
	if h.everybody() != 2 {
		t.Errorf("two that are one were made twice: %d people", h.everybody())
	}
}

func TestAnAccountThatChangesMeanwhileIsLookedForOnceMore(t *testing.T) {
	h, ada := adopting(t, byNumber)
	bob := h.stranger("bob")
	once := sync.OnceFunc(func() { // her number goes to somebody else between the search and the link
		for key, number := range map[string]string{ada: "1", bob: "1815"} {
			change := []backends.Change{{Op: backends.Replace, Attr: "employeeNumber", Values: backends.Strings(number)}}
			if _, err := h.users.Backend.Modify(t.Context(), backends.Key(key), change, backends.Condition{}, nil); err != nil {
				t.Error(err)
			}
		}
	})
	h.users.fetch = func([]backends.Key, []string) (error, bool) { once(); return nil, false }
	if res := h.create("User", person("alovelace", "1815")); res.ID != bob {
		t.Errorf("it became %s, want %s", res.ID, bob)
	}

	h.users.fetch = func(keys []backends.Key, _ []string) (error, bool) { // and she goes altogether
		h.users.fetch = nil
		return h.users.Backend.Delete(t.Context(), keys[0], backends.Condition{}), false
	}
	if res := h.create("User", person("carol", "1815")); res.ID == bob || h.everybody() != 2 {
		t.Errorf("it became %s of %d", res.ID, h.everybody())
	}
}

func TestNoRuleReadsEverybody(t *testing.T) {
	h, _ := adopting(t, "  - {match: [title], then: link}\n")
	counting := &countingWalks{Backend: h.users.Backend}
	h.users.Backend = counting
	h.create("User", `{"userName":"x","title":"Boss"}`)
	if counting.whole > 0 || counting.walks == 0 {
		t.Errorf("%d of %d searches were of everybody", counting.whole, counting.walks)
	}
}

type countingWalks struct {
	backends.Backend
	walks, whole int
}

func (b *countingWalks) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	b.walks++
	if _, everybody := q.Where.(backends.True); everybody {
		b.whole++
	}
	return b.Backend.Walk(ctx, q)
}

func TestAGroupIsAdoptedWithItsMembersWrittenOver(t *testing.T) {
	h := newHouse(t, edit{group: func(text string) string {
		return strings.Replace(text, "rename: follow\n", "rename: follow\nadopt:\n  - {match: [displayName], then: link}\n", 1)
	}})
	alice, bob := h.user("alice").ID, h.user("bob").ID
	staff := h.group("staff", alice).ID
	res := h.create("Group", `{"displayName":"STAFF","members":[{"value":"`+bob+`"}]}`)
	if res.ID != staff || !slices.Equal(values(res.Resource, "members"), []string{bob}) {
		t.Errorf("%s has %v", res.ID, values(res.Resource, "members"))
	}
	if got := h.create("Group", `{"displayName":"staff"}`); got.ID != staff || !slices.Equal(values(got.Resource, "members"), []string{bob}) {
		t.Errorf("whoever says nothing of members keeps them: %v", values(got.Resource, "members"))
	}
}

// A dry run takes the road of the write, so it shows the link; and what would wait is not put on the list.
func TestADryRunShowsWhatWouldBecomeOfAnAccount(t *testing.T) {
	h, ada := adopting(t, byNumber+"  - {match: [title], then: review}\n")
	before := h.snapshot()
	ask := func(body string) (*scim.Preview, *scim.Result, error) {
		req := h.req("User")
		req.Preview = &scim.Preview{}
		res, err := h.Create(t.Context(), req, h.body("User", body))
		return req.Preview, res, err
	}
	p, res, err := ask(person("ada", "1815", `"externalId":"o-1"`, `"title":"Queen"`))
	if err != nil || res.ID != ada || len(p.Steps) != 2 || p.Steps[0].Op != "modify" || p.Steps[0].ID != ada {
		t.Fatalf("%v %+v", err, p)
	}
	if !slices.ContainsFunc(p.Changes, func(c scim.PreviewChange) bool {
		return c.Path == "title" && c.Before == "Countess" && c.After == "Queen"
	}) {
		t.Errorf("%+v", p.Changes)
	}
	_, _, err = ask(person("x", "7", `"title":"Countess"`))
	wantStatus(t, err, 409, "uniqueness")
	if h.snapshot() != before || len(h.events()) > 0 {
		t.Errorf("%d events; now:\n%s", len(h.events()), h.snapshot())
	}
}

// Whoever was shut out is not let in again by a client that has not heard of it, unless the rule says so.
func TestADisabledAccountIsNotEnabledUnlessTheRuleSaysSo(t *testing.T) {
	const leaver = `{"userName":"leaver","active":false,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"7"}}`
	for name, tc := range map[string]struct {
		rule, more string
		active     any // what becomes of it; nil: 409
		says       string
	}{
		"unless said":                       {"link}", `"active":true`, nil, "is disabled, and this one would enable it. Nothing was changed."},
		"the rule says conflict":            {"link, disabled: conflict}", `"active":true`, nil, "is disabled"},
		"the rule says review":              {"link, disabled: review}", `"active":true`, nil, "scim-adapter adopt list"},
		"who is reviewed, unless said":      {"review}", `"active":true`, nil, "scim-adapter adopt list"},
		"who is reviewed, with a conflict":  {"review, disabled: conflict}", `"active":true`, nil, "is disabled"},
		"the rule says link":                {"link, disabled: link}", `"active":true`, true, ""},
		"the new one is disabled, too":      {"link}", `"active":false`, false, ""},
		"the new one says nothing of it":    {"link}", `"title":"x"`, false, ""},
		"a conflict is one in any case":     {"conflict}", `"active":true`, nil, "Another resource has the same"},
		"the new one is, and it is no link": {"conflict}", `"active":false`, nil, "Another resource has the same"},
	} {
		t.Run(name, func(t *testing.T) {
			h, ada := adopting(t, "  - {match: [enterprise:employeeNumber], then: "+tc.rule+"\n")
			id := h.create("User", leaver).ID
			before := h.snapshot()
			res, err := h.tryCreate("User", person("back", "7", tc.more))
			if tc.active == nil {
				if said := wantStatus(t, err, 409, "uniqueness"); !strings.Contains(said.Detail, tc.says) || !strings.Contains(said.Detail, id) || h.snapshot() != before {
					t.Errorf("told %s; there is\n%s", said.Detail, h.snapshot())
				}
			} else if err != nil || res.ID != id || at(res.Resource, "active") != tc.active || h.lastEvent().Intent.Action != journal.ActionAdopt {
				t.Errorf("%v: %+v", err, res)
			}
			if strings.HasPrefix(tc.rule, "link") { // others are linked as ever
				if res := h.create("User", person("alovelace", "1815", `"active":true`)); res.ID != ada {
					t.Errorf("an account that is enabled is not linked: %s", res.ID)
				}
			}
		})
	}
}

func TestAnAccountThatIsDisabledAfterItWasFoundIsNotEnabled(t *testing.T) {
	h, ada := adopting(t, byNumber)
	reads := 0
	h.users.fetch = func([]backends.Key, []string) (error, bool) {
		if reads++; reads == 2 { // the first is of whether it is
			h.users.fetch = nil
			h.disable(ada)
		}
		return nil, false
	}
	_, err := h.tryCreate("User", person("alovelace", "1815", `"active":true`))
	if said := wantStatus(t, err, 409, "uniqueness"); !strings.Contains(said.Detail, "is disabled") || at(h.get("User", ada).Resource, "active") != false || reads != 2 {
		t.Errorf("told %s, after %d reads", said.Detail, reads)
	}
}

// disable is somebody else's doing.
func (h *house) disable(id string) {
	h.t.Helper()
	other := h.another()
	other.patch("User", id, `{"op":"replace","path":"active","value":false}`)
}
