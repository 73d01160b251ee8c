package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// ledger is what the events of a journal come to: for each thing that an event can be about, what it may be now. It is one where all events about it are known, and more behind one
// that is unknown.
type ledger struct {
	t        *testing.T
	h        *house
	things   map[thing]map[string]bool
	owner    map[string]string // who has, or had, a name: no name is given twice
	dead     map[string]bool   // keys of those that may be gone
	done     map[string]int    // events that are done, by request
	unknown  map[string]int
	of       map[string][]string // what the events of a request say
	said     map[thing][]string  // by which event a thing became what
	statuses map[string]int
}

// thing is an attribute of a record, its name ("name"), whether it is there at all (""), or a member.
type thing struct{ key, attr string }

const (
	there   = "there"
	missing = "not there"
)

func newLedger(t *testing.T, h *house) *ledger {
	return &ledger{
		t: t, h: h, things: map[thing]map[string]bool{}, owner: map[string]string{}, dead: map[string]bool{}, done: map[string]int{}, unknown: map[string]int{},
		of: map[string][]string{}, said: map[thing][]string{}, statuses: map[string]int{},
	}
}

func lower(dn string) string { return backends.Normalize(backends.NameRule, dn) }

// enter takes in an event; they come in the order in which they began.
func (l *ledger) enter(e journal.Event) {
	if e.Intent.Noted {
		return
	}
	l.statuses[e.Status()]++
	mark := e.Intent.RequestID
	account := e.Intent.Action + " " + e.ResourceID() + " " + e.Status()
	if e.Outcome != nil {
		account += " " + e.Outcome.Error
	}
	l.of[mark] = append(l.of[mark], account)
	follows := len(e.Intent.Steps) > 0 && !slices.ContainsFunc(e.Intent.Steps, func(s journal.Step) bool {
		return s.Backend == e.Intent.ResourceType && (s.Key == "" || string(s.Key) == e.ResourceID())
	})
	switch status := e.Status(); {
	case status == journal.StatusOpen:
		l.t.Errorf("%s is still open", account)
		return
	case status == journal.StatusDone && !follows:
		l.done[mark]++
	case status == journal.StatusUnknown:
		l.unknown[mark]++
	}
	for i, step := range e.Intent.Steps {
		out := journal.StepOutcome{Status: journal.StatusUnknown}
		if i < len(e.Outcome.Steps) {
			out = e.Outcome.Steps[i]
		}
		if e.Status() == journal.StatusDone && out.Status != journal.StatusDone && !follows && i == 0 {
			l.t.Errorf("%s, but its first step is %s", account, out.Status)
		}
		l.step(e, step, out)
	}
}

// step takes in what came of a step.
func (l *ledger) step(e journal.Event, step journal.Step, out journal.StepOutcome) {
	key := string(step.Key)
	if key == "" {
		key = e.ResourceID()
	}
	if key == "" {
		key = "made as " + step.Name // nobody knows whether it was
	}
	become := func(attr, value string) {
		at := thing{key, attr}
		l.said[at] = append(l.said[at], fmt.Sprintf("%s: %q %s (%s of %s) %s %v", e.Intent.Time.Format("15:04:05.000"), value, out.Status, e.Intent.Action, e.Intent.RequestID, out.Error, step.Changes))
		switch out.Status {
		case journal.StatusDone:
			l.things[at] = map[string]bool{value: true}
		case journal.StatusUnknown:
			l.may(at)[value] = true
		}
	}
	switch step.Op {
	case "create":
		become("", there)
		become("name", lower(step.Name))
		l.owner[lower(step.Name)] = key
	case "delete":
		become("", missing)
		l.dead[key] = l.dead[key] || out.Status == journal.StatusDone || out.Status == journal.StatusUnknown
	case "move":
		name := step.Changes[0].Values[0].Text()
		become("name", lower(name))
		l.owner[lower(name)] = key
	case "overlay":
		for _, c := range step.Changes {
			become("beside: "+c.Attr, strings.Join(c.Values.Texts(), "|"))
		}
	case "modify":
		changes := out.Effective
		if out.Status == journal.StatusUnknown || out.Error != "" && step.Backend == e.Intent.ResourceType { // what was there before may not be known, but it stands
			changes = step.Changes
		}
		for _, c := range changes {
			l.change(key, step, out, c, become)
		}
	default:
		l.t.Errorf("a step is called %q", step.Op)
	}
}

// change takes in one change. What it found before must be what the events before have left.
func (l *ledger) change(key string, step journal.Step, out journal.StepOutcome, c backends.Change, become func(attr, value string)) {
	if c.Op != backends.Replace && strings.EqualFold(c.Attr, "member") {
		for _, v := range c.Values {
			if who := l.owner[lower(v.Text())]; who != "" {
				become("member "+who, map[bool]string{true: there, false: missing}[c.Op == backends.Add])
			}
		}
		return
	}
	at, was := thing{key, strings.ToLower(c.Attr)}, strings.Join(step.Before.Get(c.Attr).Texts(), "|")
	if may := l.may(at); out.Status == journal.StatusDone && !may[was] {
		l.t.Errorf("%s of %s was %q before it became %q, and by the events before it was %v", c.Attr, key, was, c.Values.Texts(), slices.Sorted(maps.Keys(may)))
	}
	become(strings.ToLower(c.Attr), strings.Join(c.Values.Texts(), "|"))
}

// may is what a thing may be; nothing was said of it: nothing.
func (l *ledger) may(at thing) map[string]bool {
	if l.things[at] == nil {
		l.things[at] = map[string]bool{map[bool]string{true: missing, false: ""}[at.attr == "" || strings.HasPrefix(at.attr, "member ")]: true}
	}
	return l.things[at]
}

// compare holds the events against the directory, and what is kept beside it.
func (l *ledger) compare(r *running) {
	l.t.Helper()
	is := map[thing]string{}
	entries := l.h.search(l.t, l.h.base, ldap.ScopeWholeSubtree, "(|(objectClass=inetOrgPerson)(objectClass=groupOfNames))")
	keys := map[string]string{}
	for _, e := range entries {
		key := e.GetAttributeValue("entryUUID")
		keys[lower(e.DN)] = key
		is[thing{key, ""}], is[thing{key, "name"}] = there, lower(e.DN)
		if unknown := "made as " + e.DN; l.things[thing{key, ""}] == nil && l.things[thing{unknown, ""}] == nil {
			l.t.Errorf("%s stands there, and no event has made it", e.DN)
		}
		for _, attr := range []string{"title", "givenName", "displayName"} {
			is[thing{key, strings.ToLower(attr)}] = strings.Join(e.GetAttributeValues(attr), "|")
		}
	}
	for _, e := range entries {
		for _, member := range e.GetAttributeValues("member") {
			if key, known := keys[lower(member)]; known {
				is[thing{e.GetAttributeValue("entryUUID"), "member " + key}] = there
			} else if member != "cn=nobody" {
				l.t.Errorf("%s has the member %s, who is nobody", e.DN, member)
			}
		}
	}
	l.beside(r, keys, is)
	open := 0
	for at, may := range l.things {
		if len(may) > 1 {
			open++
		}
		if at.attr != "" && is[thing{at.key, ""}] != there || strings.HasPrefix(at.attr, "member ") && is[thing{strings.TrimPrefix(at.attr, "member "), ""}] != there {
			continue // of whoever is gone
		}
		want := is[at]
		if want == "" && (at.attr == "" || strings.HasPrefix(at.attr, "member ")) {
			want = missing
		}
		if at.attr == "" && strings.HasPrefix(at.key, "made as ") && may[missing] {
			continue
		}
		if !may[want] {
			l.t.Errorf("%q of %s is %q, and by the events it is %v:\n  %s", at.attr, at.key, want, slices.Sorted(maps.Keys(may)), strings.Join(l.said[at], "\n  "))
		}
	}
	for at, value := range is {
		if strings.HasPrefix(at.attr, "member ") && value == there && !l.may(at)[there] {
			l.t.Errorf("%s of %s is there, and no event has put it there:\n  %s", at.attr, at.key, strings.Join(l.said[at], "\n  "))
		}
	}
	l.t.Logf("%d things were compared, of which %d are said to be unknown", len(l.things), open)
}

// beside reads what is kept beside the directory.
func (l *ledger) beside(r *running, keys map[string]string, is map[thing]string) {
	l.t.Helper()
	var all []backends.Key
	for _, key := range keys {
		all = append(all, backends.Key(key))
	}
	held, err := r.world.store.Load(l.t.Context(), journal.Scope{Tenant: "default", Client: "tests", ResourceType: "User"}, all)
	if err != nil {
		l.t.Fatal(err)
	}
	for key, extra := range held {
		for attr, text := range extra.Attrs {
			is[thing{string(key), "beside: " + attr}] = text
		}
	}
}
