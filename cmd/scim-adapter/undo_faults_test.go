package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// overLDAP runs a test over each LDAP directory, with two clients and an attribute that is kept out of the journal.
func overLDAP(t *testing.T, f func(t *testing.T, h *house, other scimClient)) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouse(t, d.url(t))
			h.overlays = d.overlays
			f(t, h, h.again(func(text string) string {
				text = strings.Replace(text, "clients:\n", "clients:\n  entra:\n    tokens: [a-token-of-entra]\n", 1)
				text = strings.Replace(text, "      title: title\n", "      title: title\n      nickName: carLicense\n", 1)
				return text + "\naudit: {sensitive: [nickName]}\n"
			}))
		})
	}
}

// again serves the house from its configuration as edit makes it, with a journal of its own, and gives a second client.
func (h *house) again(edit func(text string) string) scimClient {
	h.t.Helper()
	text, err := os.ReadFile(exampleConfig)
	if err != nil {
		h.t.Fatal(err)
	}
	h.config = filepath.Join(h.t.TempDir(), "scim.yaml")
	if err := os.WriteFile(h.config, []byte(edit(string(text))), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.world.close()
	h.world = startWorld(h.t, h.config, h.url, h.base)
	server := httptest.NewServer(h.world.handler)
	h.t.Cleanup(server.Close)
	h.scimClient.base = server.URL + "/scim/v2"
	return scimClient{t: h.t, base: h.scimClient.base, token: "a-token-of-entra"}
}

// moment is a time between what was done before and what is done after.
func between() string {
	time.Sleep(2 * time.Millisecond)
	defer time.Sleep(2 * time.Millisecond)
	return time.Now().Format(time.RFC3339Nano)
}

// takenBack runs undo, and wants what it says and whether it is content.
func (h *house) takenBack(t *testing.T, u undoRun, events []string, content bool, says ...string) string {
	t.Helper()
	u.yes = true
	out, err := h.undoing(u, func(u *undoRun) error { return u.undo(t.Context(), events) })
	return said(t, out, err, content, says)
}

// putBack runs restore --at.
func (h *house) putBack(t *testing.T, u undoRun, id string, content bool, says ...string) string {
	t.Helper()
	u.yes = true
	out, err := h.undoing(u, func(u *undoRun) error { return u.restore(t.Context(), "User", id) })
	return said(t, out, err, content, says)
}

func said(t *testing.T, out string, err error, content bool, says []string) string {
	t.Helper()
	if (err == nil) != content {
		t.Errorf("it ends with %v:\n%s", err, out)
	}
	for _, want := range says {
		if missing, not := strings.CutPrefix(want, "not "); not == strings.Contains(out, missing) {
			t.Errorf("%q is wanted of\n%s", want, out)
		}
	}
	return out
}

// lastID is the id of the last event.
func (h *house) lastID(t *testing.T) string {
	t.Helper()
	for e, err := range h.world.store.Events(t.Context(), journal.Filter{Newest: true, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		return string(e.Intent.ID)
	}
	t.Fatal("there is no event")
	return ""
}

// native changes an entry past the adapter.
func (h *house) native(t *testing.T, id, attr string, values ...string) {
	t.Helper()
	req := ldap.NewModifyRequest(h.byID(t, id).DN, nil)
	req.Replace(attr, values)
	if err := h.ldap.Modify(req); err != nil {
		t.Fatal(err)
	}
}

// values are what an entry has of an attribute.
func (h *house) values(t *testing.T, id, attr string) []string {
	t.Helper()
	e := h.byID(t, id)
	if e == nil {
		t.Fatalf("%s is not there", id)
	}
	return e.GetEqualFoldAttributeValues(attr)
}

func (h *house) hash(t *testing.T, id string) string {
	t.Helper()
	res, err := h.ldap.Search(ldap.NewSearchRequest(h.people, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(entryUUID="+id+")", []string{"userPassword"}, nil))
	if err != nil || len(res.Entries) != 1 {
		t.Fatal(err, id)
	}
	return res.Entries[0].GetAttributeValue("userPassword")
}

func TestWhoWentAndCameBackKeepsWhatNobodyWroteDownWhenHeIsRestored(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		ada := h.user("ada", "nickName", "B-AD 1", "password", "the first secret", "displayName", "Ada").id()
		at := between()
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		h.takenBack(t, undoRun{}, []string{h.lastID(t)}, true, "cannot be put back: carLicense, userPassword", "not entryCSN, ")
		h.native(t, ada, "carLicense", "B-AD 2")
		h.native(t, ada, "userPassword", "{SSHA}abcdefgh")
		h.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "LATER"), op("replace", "displayName", "Countess"))).want(t, 200)
		plan, _ := h.undoing(undoRun{at: at, dryRun: true}, func(u *undoRun) error { return u.restore(t.Context(), "User", ada) })
		for _, word := range []string{"replace: title\n-", "replace: displayName\ndisplayName: Ada\n-"} {
			if !strings.Contains(plan, word) {
				t.Errorf("the plan lacks %q:\n%s", word, plan)
			}
		}
		for _, word := range []string{"userPassword: *", "replace: carLicense", "replace: sn", "replace: uid", "replace: cn", "replace: objectClass"} {
			if strings.Contains(plan, word) {
				t.Errorf("the plan has %q:\n%s", word, plan)
			}
		}
		h.putBack(t, undoRun{at: at}, ada, true, "cannot be put back: carLicense, userPassword")
		if got := h.hash(t, ada); got != "{SSHA}abcdefgh" {
			t.Errorf("the password is %q", got)
		}
		if got := h.values(t, ada, "carLicense"); !slices.Equal(got, []string{"B-AD 2"}) {
			t.Errorf("what is sensitive is %q", got)
		}
		if title, name := h.values(t, ada, "title"), h.values(t, ada, "displayName"); len(title) != 0 || !slices.Equal(name, []string{"Ada"}) {
			t.Errorf("the title is %q, the name %q", title, name)
		}
	})
}

func TestAForcedUndoGivesBackTheValuesThatThereWere(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		mail := func(address string) map[string]any {
			return patch(op("replace", "emails", []any{map[string]any{"type": "work", "value": address}}))
		}
		ada := h.user("ada", "emails", []any{map[string]any{"type": "work", "value": "a@example.org"}}).id()
		h.do("PATCH", "/Users/"+ada, mail("evil@example.org")).want(t, 200)
		evil := h.lastID(t)
		h.do("PATCH", "/Users/"+ada, mail("fixed@example.org")).want(t, 200)
		h.takenBack(t, undoRun{}, []string{evil}, false, "skipped: 1")
		h.takenBack(t, undoRun{force: true}, []string{evil}, true)
		if got := h.values(t, ada, "mail"); !slices.Equal(got, []string{"a@example.org"}) {
			t.Errorf("the addresses are %q", got)
		}
	})
}

func TestARestoreComesToTheSameHoweverOftenItRuns(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		ada := h.user("ada", "title", "T1").id()
		at := between()
		h.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "T2"), op("replace", "displayName", "Two"))).want(t, 200)
		h.native(t, ada, "title", "by-ldap")
		h.putBack(t, undoRun{at: at}, ada, false, `title: the event left "T2", now it is "by-ldap", and stays`)
		if title, name := h.values(t, ada, "title"), h.values(t, ada, "displayName"); !slices.Equal(title, []string{"by-ldap"}) || len(name) != 0 {
			t.Errorf("the title is %q, the name %q", title, name)
		}
		h.putBack(t, undoRun{at: at, force: true}, ada, true)
		for range 3 {
			h.putBack(t, undoRun{at: at}, ada, true, "nothing: 1")
			if title := h.values(t, ada, "title"); !slices.Equal(title, []string{"T1"}) {
				t.Fatalf("the title is %q", title)
			}
		}
		h.native(t, ada, "title", "once more")
		h.putBack(t, undoRun{at: at}, ada, false, `title: the event left "T1", now it is "once more", and stays`, "skipped: 1")
	})
}

func TestWhatEveryClientCalledAPersonComesBackWithHim(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, entra scimClient) {
		names := func(c scimClient, id string) string {
			return fmt.Sprint(c.do("GET", "/Users/"+id, nil).want(t, 200).at("externalId"))
		}
		ada := h.user("ada", "externalId", "okta-1").id()
		entra.do("PATCH", "/Users/"+ada, patch(op("add", "externalId", "entra-1"))).want(t, 200)
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		gone := h.lastID(t)
		h.takenBack(t, undoRun{}, []string{gone}, true, "not cannot be put back")
		if mine, theirs := names(h.scimClient, ada), names(entra, ada); mine != "okta-1" || theirs != "entra-1" {
			t.Errorf("she is %q and %q", mine, theirs)
		}
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		gone = h.lastID(t)
		entra.do("POST", "/Users", map[string]any{"userName": "bob", "externalId": "entra-1", "name": map[string]any{"familyName": "B"}}).want(t, 201)
		h.takenBack(t, undoRun{}, []string{gone}, true, "cannot be put back: externalId of entra", "what entra kept of it is not put back")
		if mine, theirs := names(h.scimClient, ada), names(entra, ada); mine != "okta-1" || theirs != "<nil>" {
			t.Errorf("she is %q and %q", mine, theirs)
		}
	})
}

func TestAPlanFindsTheConflictsThatTheUndoWouldFind(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ada, bob := h.user("ada").id(), h.user("bob").id()
		since := between()
		h.do("PATCH", "/Users/"+ada, patch(op("replace", "userName", "countess"))).want(t, 200)
		h.do("DELETE", "/Users/"+bob, nil).want(t, 204)
		window := undoRun{since: since, until: between()}
		h.user("ada", "displayName", "Another")
		h.user("bob", "displayName", "Another")
		before := h.everything(t)
		for _, dry := range []bool{true, false} {
			window.dryRun = dry
			out := h.takenBack(t, window, nil, false, "skipped: 2", "somebody else has its name, its key or a unique value by now: ", "not : \n")
			if diff := cmp.Diff(before, h.everything(t)); diff != "" {
				t.Errorf("dry run %t: (-before +after):\n%s\n%s", dry, diff, out)
			}
		}
		window.until = "" // with those who have the names now, it is no conflict
		window.dryRun = true
		h.takenBack(t, window, nil, true, "planned: 4")
		window.dryRun = false
		h.takenBack(t, window, nil, true, "done: 4")
	})
}

func TestMembersInAnotherSpellingAreNotLost(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		var ids []string
		for _, name := range []string{"a,b", "c<d>", `e"f`, "g+h", "i;j", "k=l", " m", "#n"} {
			h.add(t, "uid="+ldap.EscapeDN(name)+","+h.people, "objectClass", "inetOrgPerson", "cn", name, "sn", name)
			found, _ := h.list("/Users", `name.familyName eq "`+strings.ReplaceAll(name, `"`, `\"`)+`"`)
			if len(found) != 1 {
				t.Fatalf("%s: %d", name, len(found))
			}
			ids = append(ids, found[0]["id"].(string))
		}
		team := h.group("team, of", ids...).id()
		before := h.everything(t)
		h.do("DELETE", "/Groups/"+team, nil).want(t, 204)
		h.takenBack(t, undoRun{}, []string{h.lastID(t)}, true, "not cannot be put back", "The directory itself maintains, and sets anew, of what is made again: ")
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		back := h.lastID(t)
		e, err := h.world.store.Lookup(t.Context(), journal.ID(back))
		if err != nil {
			t.Fatal(err)
		}
		for _, attr := range []string{"entryCSN", "modifyTimestamp", "hasSubordinates", "subschemaSubentry"} {
			if got := e.Intent.Steps[0].Attrs.Get(attr); len(got) > 0 {
				t.Errorf("the journal says that %s came back: %v", attr, got)
			}
		}
	})
}

func TestWhatIsThereAgainIsNothingToTakeBack(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ada := h.user("ada").id()
		at := between()
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		gone := h.lastID(t)
		for _, force := range []bool{false, true} {
			h.takenBack(t, undoRun{force: force}, []string{gone}, true)
		}
		h.takenBack(t, undoRun{force: true}, []string{gone}, true, "nothing: 1", "it is there again already")
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		gone = h.lastID(t)
		h.putBack(t, undoRun{at: at}, ada, true, "done: 1")
		h.takenBack(t, undoRun{}, []string{gone}, true, "nothing: 1")
	})
}
