package adapter

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Of what stands there somebody is the writer. Where those who came later, or whoever looks now, see just what an intent was to write, and nobody else has written the
// same, it was this one, whatever others have begun and not ended. The opposite is not true: what nobody has seen may have been written and written over. And whoever has
// seen for good that it is otherwise is to be believed: what stands there after that somebody else has written, with tools that the journal does not know.

// seenLater says that somebody who began later saw what is looked for, or that it stands there now, and that nobody else can have written it. saw and wrote are of a touch:
// saw says whether it saw what is looked for, and whether it looked there at all.
func seenLater(in journal.Intent, later []touch, now bool, saw func(touch) (it, looked bool), wrote func(touch) bool) bool {
	for _, t := range later {
		it, _ := saw(t)
		backAgain := !t.in.Time.After(in.Time) && it // by whoever takes back what he has begun
		if t.step.Op == opCreate || t.step.Op == opRestore || backAgain || wrote(t) {
			return false
		}
	}
	for _, t := range later {
		if it, looked := saw(t); it && t.in.Time.After(in.Time) || looked && t.firm(in) {
			return it
		}
	}
	return now
}

// valuesSeen says it of all values of an attribute; is are those that it has now.
func valuesSeen(in journal.Intent, later []touch, rule backends.Rule, change backends.Change, is backends.Values) bool {
	return seenLater(in, later, sameValues(rule, is, change.Values), func(t touch) (it, looked bool) {
		values, whole, touches := t.saw(change.Attr)
		return touches && whole && sameValues(rule, values, change.Values), touches
	}, func(t touch) bool {
		return slices.ContainsFunc(t.step.Changes, func(other backends.Change) bool {
			return strings.EqualFold(other.Attr, change.Attr) && (isListed(other) || blank(other.Values) || sameValues(rule, other.Values, change.Values))
		})
	})
}

// nameSeen says it of the name of a record; is is the one that it has now.
func nameSeen(in journal.Intent, later []touch, name, is string) bool {
	same := func(other string) bool {
		return other != "" && backends.Normalize(backends.NameRule, other) == backends.Normalize(backends.NameRule, name)
	}
	return seenLater(in, later, same(is), func(t touch) (it, looked bool) {
		return t.step.Op != opOverlay && same(t.step.Name), t.step.Op != opOverlay && t.step.Name != ""
	}, func(t touch) bool {
		return t.step.Op == opMove && (len(t.step.Changes) == 0 || len(t.step.Changes[0].Values) == 0 || same(t.step.Changes[0].Values[0].Text()))
	})
}

// besideSeen says it of what a client keeps beside the directory; is is what it keeps now.
func besideSeen(in journal.Intent, later []touch, client, attr, want, is string) bool {
	return seenLater(in, later, is == want, func(t touch) (it, looked bool) {
		_, of := besides([]touch{t}, client, attr)
		return of && attrsAsExtras(t.step.Before)[attr] == want && !blank(t.step.Before.Get(attr)), of
	}, func(t touch) bool {
		_, of := besides([]touch{t}, client, attr)
		return of && slices.ContainsFunc(t.step.Changes, func(c backends.Change) bool {
			return c.Attr == attr && (blank(c.Values) || attrsAsExtras(backends.Attributes{attr: c.Values})[attr] == want)
		})
	})
}
