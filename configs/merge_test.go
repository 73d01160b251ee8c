package configs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestMergeLaysOneDocumentOverAnother(t *testing.T) {
	for sentence, c := range map[string]struct{ base, over, want string }{
		"keys of both":                         {"{a: 1}", "{b: 2}", "{a: 1, b: 2}"},
		"a scalar replaces":                    {"{a: 1}", "{a: 2}", "{a: 2}"},
		"maps merge all the way down":          {"{at: {filter: x, key: y}}", "{at: {filter: z}}", "{at: {filter: z, key: y}}"},
		"lists are replaced":                   {"{a: [1, 2]}", "{a: [3]}", "{a: [3]}"},
		"a null takes away":                    {"{a: {b: 1, c: 2}}", "{a: {b: null}}", "{a: {c: 2}}"},
		"a null for what is not there":         {"{a: 1}", "{b: null, c: {d: ~}}", "{a: 1, c: {}}"},
		"a map in place of a scalar":           {"{a: uid}", "{a: {from: uid, access: readOnly}}", "{a: {from: uid, access: readOnly}}"},
		"a scalar in place of a map":           {"{a: {from: uid}}", "{a: uid}", "{a: uid}"},
		"nothing over something":               {"{a: 1}", "", "{a: 1}"},
		"something over nothing":               {"", "{a: 1}", "{a: 1}"},
		"a quoted null is a value like others": {"{a: 1}", "{a: 'null'}", "{a: 'null'}"},
	} {
		t.Run(sentence, func(t *testing.T) {
			got := Merge(parse(t, c.base), parse(t, c.over))
			if diff := cmp.Diff(render(parse(t, c.want)), render(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEachPieceOfAMergeKeepsItsPlace(t *testing.T) {
	base, _ := ParseNode("preset.yaml", []byte("mapping: User\nat:\n  key: entryUUID\n  filter: x\n"))
	over, _ := ParseNode("mine.yaml", []byte("at: {filter: y}\n"))
	merged := Merge(base, over)
	for key, want := range map[string]string{"key": "preset.yaml", "filter": "mine.yaml"} {
		if file, _, _ := merged.Get("at").Get(key).Position(); file != want {
			t.Errorf("%s stands in %s, expected %s", key, file, want)
		}
	}
	if file, _, _ := merged.Position(); file != "mine.yaml" {
		t.Errorf("the whole stands in %s", file)
	}
	if base.Get("at").Get("filter").Text() != "x" {
		t.Error("the base was changed")
	}
	var order []string
	for key := range merged.Pairs() {
		order = append(order, key.Text())
	}
	if !cmp.Equal(order, []string{"mapping", "at"}) {
		t.Errorf("the order is %v", order)
	}
}

func TestMergeLaws(t *testing.T) {
	draw := func(t *rapid.T, name string) Node {
		n := Node{&node{kind: Map}}
		for i := range rapid.IntRange(0, 3).Draw(t, name) {
			key := string(rune('a' + i))
			var value Node
			switch rapid.IntRange(0, 2).Draw(t, name+"."+key) {
			case 0:
				value = Node{&node{kind: Scalar, text: NewSecret(name)}}
			case 1:
				value = Node{&node{kind: Map, pairs: []pair{{Node{&node{kind: Scalar, text: NewSecret(name)}}, Node{&node{kind: Scalar}}}}}}
			case 2:
				value = Node{&node{kind: List, items: []Node{{&node{kind: Scalar, text: NewSecret(name)}}}}}
			}
			n.impl.pairs = append(n.impl.pairs, pair{Node{&node{kind: Scalar, text: NewSecret(key)}}, value})
		}
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := draw(t, "x"), draw(t, "y"), draw(t, "z")
		same := func(law string, x, y Node) {
			if diff := cmp.Diff(render(x), render(y)); diff != "" {
				t.Fatalf("%s:\n%s", law, diff)
			}
		}
		same("a over a is a", Merge(a, a), a)
		same("laying over twice is once", Merge(Merge(a, b), b), Merge(a, b))
		same("nothing changes nothing", Merge(a, Node{}), a)
		// Where scalars and maps replace one another, the last written wins in either order of merging.
		if shape(a, b) && shape(b, c) && shape(a, c) {
			same("merging is associative", Merge(Merge(a, b), c), Merge(a, Merge(b, c)))
		}
	})
}

// shape says whether two nodes have maps in the same places.
func shape(a, b Node) bool {
	for key, value := range a.Pairs() {
		if other := b.member(key.Text()); other.Kind() != Missing && (value.Kind() == Map) != (other.Kind() == Map) {
			return false
		}
	}
	return true
}
