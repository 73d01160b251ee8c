package scim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var somebody = rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "A", "f"})

// drawMemberOps draws operations that list members, and says what they come to on a group of these members.
func drawMemberOps(t *rapid.T, members []string) (ops []string, left []string) {
	left = slices.Clone(members)
	is := func(who string) func(string) bool { return func(s string) bool { return strings.EqualFold(s, who) } }
	for range rapid.IntRange(1, 8).Draw(t, "operations") {
		who := rapid.SliceOfN(somebody, 1, 3).Draw(t, "who")
		quoted := `"` + strings.Join(who, `","`) + `"`
		switch k := rapid.IntRange(0, 3).Draw(t, "kind"); k {
		case 0, 1:
			ops = append(ops, []string{`{"op":"add","path":"members","value":[` + quoted + `]}`, `{"op":"add","value":{"members":[` + quoted + `]}}`}[k])
			for _, w := range who {
				if !slices.ContainsFunc(left, is(w)) {
					left = append(left, w)
				}
			}
			continue
		case 2:
			ops = append(ops, `{"op":"remove","path":"members","value":[`+quoted+`]}`)
		case 3:
			terms := make([]string, len(who))
			for i, w := range who {
				terms[i] = `value eq \"` + w + `\"`
			}
			ops = append(ops, `{"op":"remove","path":"members[`+strings.Join(terms, " or ")+`]"}`)
		}
		for _, w := range who {
			left = slices.DeleteFunc(left, is(w))
		}
	}
	return ops, left
}

func groupOf(members []string) *Object {
	o := NewObject()
	o.Set("displayName", "g")
	if len(members) > 0 {
		list := make([]any, len(members))
		for i, m := range members {
			e := NewObject()
			e.Set("value", m)
			list[i] = e
		}
		o.Set("members", list)
	}
	return o
}

func membersOf(o *Object) []string {
	v, _ := o.Get("members")
	list, _ := v.([]any)
	var names []string
	for _, e := range list {
		s, _ := member(e, "value").(string)
		names = append(names, strings.ToLower(s))
	}
	slices.Sort(names)
	return names
}

// Whether the members were read or not, all operations at once or one after the other: the group ends up the same.
func TestMembersEndUpTheSameHoweverTheyAreChanged(t *testing.T) {
	rt := groupType()
	apply := func(t *rapid.T, before *Object, unread []string, ops ...string) (*Object, []SetDelta) {
		body, err := ParseObject([]byte(`{"Operations":[` + strings.Join(ops, ",") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		p, _, err := rt.DecodePatch(body, Profile{})
		if err != nil {
			t.Fatal(err)
		}
		after, deltas, err := p.Apply(rt, before, unread)
		if err != nil {
			t.Fatal(err)
		}
		return after, deltas
	}
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SampledFrom([][]string{nil, {"a"}, {"b", "c", "g"}, {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"}}).Draw(t, "members")
		ops, left := drawMemberOps(t, members)
		want := membersOf(groupOf(left))

		whole, _ := apply(t, groupOf(members), nil, ops...)
		if got := membersOf(whole); !slices.Equal(got, want) {
			t.Fatalf("read: %s makes %v of %v, want %v", ops, got, members, want)
		}
		step := groupOf(members)
		for _, op := range ops {
			step, _ = apply(t, step, nil, op)
		}
		if got := membersOf(step); !slices.Equal(got, want) {
			t.Fatalf("one by one: %s makes %v of %v, want %v", ops, got, members, want)
		}
		_, deltas := apply(t, groupOf(nil), []string{"members"}, ops...)
		set := groupOf(members)
		for _, d := range deltas {
			if len(d.Add) != len(d.Elements) {
				t.Fatalf("%+v", d)
			}
			for _, v := range d.Remove {
				set, _ = apply(t, set, nil, `{"op":"remove","path":"members","value":["`+v+`"]}`)
			}
			for _, v := range d.Add {
				set, _ = apply(t, set, nil, `{"op":"add","path":"members","value":["`+v+`"]}`)
			}
		}
		if got := membersOf(set); !slices.Equal(got, want) {
			t.Fatalf("unread: %s makes %v of %v, want %v", ops, got, members, want)
		}
	})
}

// Bodies of a megabyte that look for the place where the cost grows with the square of the length.
func TestHostileBodiesAreCheapOrRefused(t *testing.T) {
	const n = 10_000
	list := func(element string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ","+element, i)
		}
		return "[" + b.String()[1:] + "]"
	}
	keys := func(key string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ","+key, i)
		}
		return b.String()[1:]
	}
	for claim, c := range map[string]struct{ body, fails string }{
		"many mail addresses":                       {`{"Operations":[{"op":"add","path":"emails","value":` + list(`{"value":"%d","primary":true}`) + `},{"op":"remove","path":"emails","value":` + list(`{"value":"%d"}`) + `}]}`, ""},
		"many postal addresses":                     {`{"Operations":[{"op":"add","path":"addresses","value":` + list(`{"formatted":"%d"}`) + `}]}`, ""},
		"a remove that lists many postal addresses": {`{"Operations":[{"op":"remove","path":"addresses","value":` + list(`{"formatted":"%d"}`) + `}]}`, InvalidValue},
		"many types of one address":                 {`{"Operations":[{"op":"add","path":"emails","value":` + list(`{"value":"x","type":"%d"}`) + `},{"op":"remove","path":"emails","value":` + list(`{"value":"x","type":"%d"}`) + `}]}`, ""},
		"a part of many mail addresses":             {`{"Operations":[{"op":"add","path":"emails","value":` + list(`{"value":"x","type":"%d"}`) + `},{"op":"remove","path":"emails.type"},{"op":"remove","path":"emails[value pr]"}]}`, ""},
		"many value paths as names":                 {`{"Operations":[{"op":"add","value":{` + keys(`"emails[type eq \"%d\"].value":"x"`) + `}}]}`, InvalidSyntax},
		"many unknown names":                        {`{"Operations":[{"op":"add","value":{` + keys(`"m%d":"x"`) + `}}]}`, ""},
	} {
		t.Run(claim, func(t *testing.T) {
			rt, body := userType(), parse(t, c.body)
			start := time.Now()
			p, dropped, err := rt.DecodePatch(body, Profile{})
			if err == nil {
				_, _, err = p.Apply(rt, parse(t, bjensen), nil)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if c.fails != "" {
				_ = wantError(t, err, c.fails)
			} else if err != nil {
				t.Error(err)
			}
			if len(dropped) > maxDropped+1 {
				t.Errorf("%d names are listed as dropped", len(dropped))
			}
		})
	}
}
