package main

import (
	"slices"
	"strings"
	"testing"
)

// TestAStrangerOfTheSameNameGetsNothingThatTheDeadHaveHad: who is hired under the name of somebody who left, or is renamed to it, is not put into his groups.
func TestAStrangerOfTheSameNameGetsNothingThatTheDeadHaveHad(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		member := func(group, user string) bool {
			return slices.ContainsFunc(h.values(t, group, "member"), func(name string) bool { return strings.HasPrefix(name, "uid="+user+",") })
		}
		ada, bob, eve := h.user("ada").id(), h.user("bob").id(), h.user("eve").id()
		team, alone, gone := h.group("team", ada, bob).id(), h.group("alone", ada).id(), h.group("gone", ada, bob).id()
		empty := h.group("empty", ada).id()
		var events []string
		for _, group := range []string{team, alone} {
			h.do("PATCH", "/Groups/"+group, patch(op("remove", `members[value eq "`+ada+`"]`, nil))).want(t, 204)
			events = append(events, h.lastID(t))
		}
		for _, group := range []string{gone, empty} {
			h.do("DELETE", "/Groups/"+group, nil).want(t, 204)
			events = append(events, h.lastID(t))
		}
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		h.user("ada", "displayName", "Another")
		for _, event := range events {
			h.takenBack(t, undoRun{}, []string{event}, true, `"uid=ada,`, "is somebody else by now, User/")
		}
		for _, group := range []string{team, alone, gone, empty} {
			if member(group, "ada") {
				t.Errorf("the stranger is a member: %q", h.values(t, group, "member"))
			}
		}
		if !member(team, "bob") || !member(gone, "bob") {
			t.Error("who is no stranger is no member")
		}
		h.do("PATCH", "/Groups/"+team, patch(op("remove", `members[value eq "`+bob+`"]`, nil))).want(t, 204)
		event := h.lastID(t)
		h.do("PATCH", "/Users/"+bob, patch(op("replace", "userName", "bob2"))).want(t, 200)
		h.do("PATCH", "/Users/"+eve, patch(op("replace", "userName", "bob"))).want(t, 200)
		h.takenBack(t, undoRun{}, []string{event}, true, "User/"+eve)
		if member(team, "bob") {
			t.Error("who has got the name since is a member")
		}
	})
}

// TestAWindowKnowsWhoIsAStrangerAndWhoComesBack: the stranger goes before he who had the name comes back.
func TestAWindowKnowsWhoIsAStrangerAndWhoComesBack(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		ada := h.user("ada").id()
		team := h.group("team", ada).id()
		since := between()
		h.do("PATCH", "/Groups/"+team, patch(op("remove", `members[value eq "`+ada+`"]`, nil))).want(t, 204)
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		h.user("ada", "displayName", "Another")
		for _, dry := range []bool{true, false} {
			h.takenBack(t, undoRun{since: since, dryRun: dry}, nil, true, "not somebody else", "not nobody any more")
		}
		if got := h.values(t, team, "member"); len(got) != 1 || !strings.HasPrefix(got[0], "uid=ada,") || h.byID(t, ada) == nil {
			t.Errorf("the members are %q", got)
		}
	})
}
