package adapter

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// takeAway removes the record that a step has made, if nobody has changed it since.
func (r *rewind) takeAway(ctx context.Context, e journal.Event, st stood) error {
	b := r.own
	if r.singly {
		r.maker, r.gone = &st, true
		return nil
	}
	if err := b.read(ctx, r.c.everything(slices.Collect(maps.Keys(st.Attrs)))...); err != nil {
		return err
	}
	r.lost, r.removal, r.restored = nil, b.then.there, false
	if !b.then.there {
		r.conflicts, r.notes = nil, []string{"it is gone already"}
		return nil
	}
	if r.o.Force || b.now.version != "" && b.now.version == e.Outcome.Version {
		r.conflicts = nil
		return nil
	}
	r.untouched(st)
	return nil
}

// untouched looks for what somebody has done to a record since it was made.
func (r *rewind) untouched(st stood) {
	syntax := r.c.Backend().Syntax
	for _, name := range slices.Sorted(maps.Keys(st.Attrs)) {
		want, is := st.Attrs[name], r.own.then.attrs().Get(name)
		if !syntax(name).ReadOnly && !r.c.notPut(name) && !neverBack(st, name) && !blank(want) && !blank(is) && !r.pending(name) && !r.c.alike(name, is, want) && !r.c.alikeButForNames(name, is, want) && !r.namedBy(name, is, want) {
			r.conflict("%s: it was made with %s, now it is %s", name, r.inWords(name, want), r.inWords(name, is))
		}
	}
	for _, lower := range slices.Sorted(maps.Keys(r.own.then.whole)) {
		a := r.own.then.whole[lower]
		s := syntax(a.name)
		_, points := r.c.pointsWith(a.name)
		points = points || r.own.then.isPart(a.name) && len(st.Attrs.Get(r.c.Backend().Capabilities().Document)) > 0 // which was looked at as a whole
		if len(a.values) > 0 && a.name != r.c.Backend().Capabilities().Document && len(st.Attrs.Get(a.name)) == 0 && !s.ReadOnly && !s.Always && !r.c.notPut(a.name) && s.Known && !points && !blank(a.values) && !r.namedBy(a.name, a.values, nil) {
			r.conflict("%s: it was made without, now it is %s", a.name, r.inWords(a.name, a.values))
		}
	}
}

// alikeButForNames says that two documents are the same but for the records that they point at: those come and go by themselves.
func (c *class) alikeButForNames(attr string, is, was backends.Values) bool {
	if len(is) != 1 || len(was) != 1 || c.Backend().Syntax(attr).Equality != backends.NoRule {
		return false
	}
	var a, b any
	if json.Unmarshal([]byte(is[0].Text()), &a) != nil || json.Unmarshal([]byte(was[0].Text()), &b) != nil {
		return false
	}
	for _, ref := range c.writable() {
		if name, members, ok := backends.SplitPath(ref.Native); ok && len(members) > 0 && name == attr {
			cutOut(a, members)
			cutOut(b, members)
		}
	}
	return reflect.DeepEqual(a, b)
}

// cutOut takes a member out of a document, and the objects around it that are empty then.
func cutOut(doc any, members []string) (empty bool) {
	object, ok := doc.(map[string]any)
	if !ok {
		return false
	}
	if inner, there := object[members[0]]; there && (len(members) == 1 || cutOut(inner, members[1:])) {
		delete(object, members[0])
	}
	return len(object) == 0
}

// neverBack says that a record was made again without an attribute that it had.
func neverBack(st stood, attr string) bool {
	return st.Op == opRestore && slices.ContainsFunc(st.effective, func(change backends.Change) bool { return strings.EqualFold(change.Attr, attr) })
}

// pending says that an attribute holds names of records which a dry run of several events would have changed by now.
func (r *rewind) pending(attr string) bool {
	_, points := r.c.pointsWith(attr)
	return points && r.o.DryRun
}

// namedBy says that an attribute differs from what it was made with by no more than what the record's own name is made of.
func (r *rewind) namedBy(attr string, is, want backends.Values) bool {
	if b := r.own; b.now.name != b.then.name || b.stands != b.then.name { // it was moved in the same event, or was not moved yet because nothing is done
		return strings.HasPrefix(strings.ToLower(b.then.name), strings.ToLower(attr)+"=")
	}
	rdn := backends.Normalize(backends.NameRule, r.own.then.name) + ","
	rest := slices.DeleteFunc(is.Clone(), func(v backends.Value) bool {
		return strings.HasPrefix(rdn, backends.Normalize(backends.NameRule, attr+"="+backends.EscapeName(v.Text()))+",")
	})
	return len(rest) < len(is) && (len(rest) == 0 && len(want) == 0 || sameValues(r.c.Backend().Syntax(attr).Equality, rest, want))
}
