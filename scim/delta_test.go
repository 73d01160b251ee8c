package scim

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnreadSets(t *testing.T) {
	type delta struct{ Add, Remove []string }
	for claim, c := range map[string]struct {
		ops  string
		want *delta // nil: the set must be read
	}{
		"a patch of something else":       {`{"op":"replace","path":"displayName","value":"x"}`, &delta{}},
		"an add":                          {`{"op":"add","path":"members","value":[{"value":"c"},{"value":"d"}]}`, &delta{Add: []string{"c", "d"}}},
		"an add without path":             {`{"op":"add","value":{"members":["c"]}}`, &delta{Add: []string{"c"}}},
		"a remove in brackets":            {`{"op":"remove","path":"members[value eq \"c\"]"}`, &delta{Remove: []string{"c"}}},
		"a remove of several in brackets": {`{"op":"remove","path":"members[value eq \"c\" or value eq \"d\"]"}`, &delta{Remove: []string{"c", "d"}}},
		"a remove of a list":              {`{"op":"remove","path":"members","value":[{"value":"c"}]}`, &delta{Remove: []string{"c"}}},
		"a remove of an empty list":       {`{"op":"remove","path":"members","value":[]}`, &delta{}},
		"the last operation wins":         {`{"op":"add","path":"members","value":["c","d"]},{"op":"remove","path":"members","value":["C"]},{"op":"remove","path":"members","value":["e"]},{"op":"add","path":"members","value":["e"]}`, &delta{Add: []string{"d", "e"}, Remove: []string{"C"}}},
		"a replace":                       {`{"op":"replace","path":"members","value":["c"]}`, nil},
		"a remove of all":                 {`{"op":"remove","path":"members"}`, nil},
		"a remove by another operator":    {`{"op":"remove","path":"members[value sw \"c\"]"}`, nil},
		"a remove by another part":        {`{"op":"remove","path":"members[type eq \"c\"]"}`, nil},
		"a remove by a conjunction":       {`{"op":"remove","path":"members[value eq \"c\" and type eq \"User\"]"}`, nil},
		"an edit of an element":           {`{"op":"replace","path":"members[value eq \"c\"].type","value":"User"}`, nil},
		"an add and then a replace":       {`{"op":"add","path":"members","value":["c"]},{"op":"replace","path":"members","value":["c"]}`, nil},
	} {
		t.Run(claim, func(t *testing.T) {
			rt := groupType()
			p, _, err := rt.DecodePatch(parse(t, `{"Operations":[`+c.ops+`]}`), Profile{})
			if err != nil {
				t.Fatal(err)
			}
			unread := p.Unread([]string{"members"})
			before := parse(t, `{"id":"9","displayName":"Tour Guides"}`)
			after, deltas, err := p.Apply(rt, before, []string{"members"})
			if c.want == nil {
				if len(unread) > 0 || err == nil {
					t.Errorf("unread %v, error %v, deltas %v; the set must be read", unread, err, deltas)
				}
				return
			}
			if len(unread) != 1 || err != nil {
				t.Fatalf("unread %v, error %v", unread, err)
			}
			if _, ok := after.Get("members"); ok {
				t.Errorf("members appear in what was not read: %s", after)
			}
			var got delta
			for _, d := range deltas {
				if d.Attr != "members" || len(d.Elements) != len(d.Add) {
					t.Errorf("delta %+v", d)
				}
				got = delta{d.Add, d.Remove}
			}
			if d := cmp.Diff(*c.want, got); d != "" {
				t.Error(d)
			}
			if err := rt.Validate(after, before); err != nil {
				t.Error(err)
			}
		})
	}
}

// Emails are known by more than their value, so even a listed add needs the others.
func TestOnlyKeyedSetsGoUnread(t *testing.T) {
	p, _, err := userType().DecodePatch(parse(t, `{"Operations":[{"op":"add","path":"emails","value":["x"]}]}`), Profile{})
	if err != nil {
		t.Fatal(err)
	}
	if unread := p.Unread([]string{"emails", "roles"}); len(unread) != 1 || unread[0] != "roles" {
		t.Error(unread)
	}
}

func TestPatchOfALargeGroup(t *testing.T) {
	members := make([]any, 0, 50_000)
	var ops []any
	for i := range cap(members) {
		m := NewObject()
		m.Set("value", fmt.Sprint("user-", i))
		members = append(members, m)
	}
	for i := range MaxOperations {
		op := NewObject()
		op.Set("op", "remove")
		op.Set("path", fmt.Sprintf(`members[value eq "user-%d"]`, i))
		ops = append(ops, op)
	}
	before := NewObject()
	before.Set("displayName", "large")
	before.Set("members", members)
	body := NewObject()
	body.Set("Operations", ops)
	rt := groupType()
	p, _, err := rt.DecodePatch(body, Profile{})
	if err != nil {
		t.Fatal(err)
	}
	after, _, err := p.Apply(rt, before, nil)
	if err != nil {
		t.Fatal(err)
	}
	list, _ := after.Get("members")
	if got, want := len(list.([]any)), cap(members)-MaxOperations; got != want {
		t.Errorf("%d members are left, want %d", got, want)
	}
}
