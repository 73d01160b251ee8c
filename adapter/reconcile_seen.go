package adapter

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Of what stands there somebody is the writer. Where those who came later, or whoever looks now, see just what an intent was to write, and nobody else has written the
// same, it was this one, whatever others have begun and not ended. The opposite is not true: what nobody has seen may have been written and written over.

// seenLater says that somebody who began later saw what is looked for, or that it stands there now, and that nobody else can have written it. seen and wrote are of a touch.
func seenLater(in journal.Intent, later []touch, now bool, seen, wrote func(touch) bool) bool {
	others := slices.ContainsFunc(later, func(t touch) bool {
		backAgain := !t.in.Time.After(in.Time) && seen(t) // by whoever takes back what he has begun
		return t.step.Op == opCreate || t.step.Op == opRestore || backAgain || wrote(t)
	})
	return !others && (now || slices.ContainsFunc(later, func(t touch) bool { return t.in.Time.After(in.Time) && seen(t) }))
}

// valuesSeen says it of all values of an attribute; is are those that it has now.
func valuesSeen(in journal.Intent, later []touch, rule backends.Rule, change backends.Change, is backends.Values) bool {
	return seenLater(in, later, sameValues(rule, is, change.Values), func(t touch) bool {
		values, whole, touches := t.saw(change.Attr)
		return touches && whole && sameValues(rule, values, change.Values)
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
	return seenLater(in, later, same(is), func(t touch) bool { return t.step.Op != opOverlay && same(t.step.Name) }, func(t touch) bool {
		return t.step.Op == opMove && (len(t.step.Changes) == 0 || len(t.step.Changes[0].Values) == 0 || same(t.step.Changes[0].Values[0].Text()))
	})
}

// besideSeen says it of what a client keeps beside the directory; is is what it keeps now.
func besideSeen(in journal.Intent, later []touch, client, attr, want, is string) bool {
	kept := func(t touch, attrs backends.Attributes) bool {
		_, of := besides([]touch{t}, client, attr)
		return of && attrsAsExtras(attrs)[attr] == want
	}
	return seenLater(in, later, is == want, func(t touch) bool { return kept(t, t.step.Before) && !blank(t.step.Before.Get(attr)) }, func(t touch) bool {
		_, of := besides([]touch{t}, client, attr)
		return of && slices.ContainsFunc(t.step.Changes, func(c backends.Change) bool {
			return c.Attr == attr && (blank(c.Values) || attrsAsExtras(backends.Attributes{attr: c.Values})[attr] == want)
		})
	})
}
