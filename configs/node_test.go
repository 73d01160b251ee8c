package configs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// parse parses a text that has no faults.
func parse(t testing.TB, text string) Node {
	t.Helper()
	n, faults := ParseNode("test.yaml", []byte(text))
	if len(faults) > 0 {
		t.Fatalf("%s\n%v", text, faults)
	}
	return n
}

// plain is a node as Go values, for comparing.
func render(n Node) any {
	switch n.Kind() {
	case Map:
		m := map[string]any{}
		for key, value := range n.Pairs() {
			m[key.Text()] = render(value)
		}
		return m
	case List:
		var l []any
		for _, item := range n.Items() {
			l = append(l, render(item))
		}
		return l
	case Scalar:
		return n.Text()
	default:
		return nil
	}
}

func TestTheZeroNodeAnswersEverythingAboutItself(t *testing.T) {
	var n Node
	if n.Kind() != Missing || n.Text() != "" || n.Path() != "" || n.Items() != nil || n.Get("a").Get("b").Kind() != Missing {
		t.Error("the zero node is not missing in every way")
	}
	for range n.Pairs() {
		t.Error("the zero node has members")
	}
	if file, line, col := n.Position(); file != "" || line != 0 || col != 0 {
		t.Error("the zero node stands somewhere")
	}
	if got := n.Fault("r", "m").Error(); got != "m; r" {
		t.Errorf("a fault at nowhere is %q", got)
	}
	var into struct {
		A string `config:"a"`
	}
	if faults := n.Decode(&into); faults != nil || n.Only() != nil {
		t.Errorf("the zero node has faults: %v", faults)
	}
}

func TestANodeKnowsItsPathAndPlace(t *testing.T) {
	root := parse(t, "mappings:\n  - mapping: User\n    attributes:\n      name.givenName: givenName\n      groups: [memberOf, x]\n")
	cases := map[string]struct {
		node Node
		want string
	}{
		"a key with a dot":                          {root.Get("mappings").Items()[0].Get("attributes").Get("name.givenName"), "test.yaml:4:23 mappings[0].attributes.name.givenName"},
		"an element of a list":                      {root.Get("mappings").Items()[0].Get("attributes").Get("groups").Items()[1], "test.yaml:5:26 mappings[0].attributes.groups[1]"},
		"what is missing stands where its map does": {root.Get("mappings").Items()[0].Get("preset"), "test.yaml:2:5 mappings[0].preset"},
		"what is missing in what is missing":        {root.Get("server").Get("port"), "test.yaml:1:1 server.port"},
		"the document":                              {root, "test.yaml:1:1 "},
	}
	for sentence, c := range cases {
		t.Run(sentence, func(t *testing.T) {
			file, line, col := c.node.Position()
			if got := fmt.Sprintf("%s:%d:%d %s", file, line, col, c.node.Path()); got != c.want {
				t.Errorf("%s, expected %s", got, c.want)
			}
		})
	}
}

func TestItemsOfAScalarIsTheScalar(t *testing.T) {
	root := parse(t, "one: a\nmany: [a, b]\nnone:\nmap: {a: b}\n")
	for key, want := range map[string]int{"one": 1, "many": 2, "none": 0, "map": 0, "missing": 0} {
		if got := len(root.Get(key).Items()); got != want {
			t.Errorf("%s has %d items, expected %d", key, got, want)
		}
	}
	items := root.Get("many").Items()
	items[0] = Node{}
	if root.Get("many").Items()[0].Text() != "a" {
		t.Error("changing what Items gave changed the node")
	}
}

func TestPairsKeepTheOrderOfTheFileAndStopWhenAsked(t *testing.T) {
	root := parse(t, "z: 1\na: 2\nm: 3\n")
	var keys []string
	for key := range root.Pairs() {
		keys = append(keys, key.Text())
		if key.Text() == "a" {
			break
		}
	}
	if !slices.Equal(keys, []string{"z", "a"}) {
		t.Errorf("keys are %v", keys)
	}
}

func TestANodeInAMessageShowsWhatTheFileSays(t *testing.T) {
	t.Setenv("LDAP_BIND_PASSWORD", "hunter2")
	root := parse(t, `password: "${LDAP_BIND_PASSWORD}"`)
	n := root.Get("password")
	if n.Text() != "hunter2" {
		t.Fatalf("the password is %q", n.Text())
	}
	for _, format := range []string{"%v", "%+v", "%s", "%q", "%#v"} {
		for _, node := range []any{n, root, struct{ n Node }{n}, []Node{n}} {
			if got := fmt.Sprintf(format, node); strings.Contains(got, "hunter2") {
				t.Errorf("%s of %T prints %s", format, node, got)
			}
		}
	}
	if got := fmt.Sprintf("%v %v", n, root); got != "${LDAP_BIND_PASSWORD} a map" {
		t.Errorf("in a message it is %q", got)
	}
}

func TestOnlyNamesEachUnknownKey(t *testing.T) {
	faults := parse(t, "base: a\nfilter: b\nfliter: c\ncolour: d\n").Only("base", "filter")
	want := []string{
		`test.yaml:3:1: fliter: unknown key "fliter"; write filter`,
		`test.yaml:4:1: colour: unknown key "colour"; take it away; the keys here are base, filter`,
	}
	if got := strings.Split(faults.Error(), "\n"); !slices.Equal(got, want) {
		t.Errorf("faults are %q", got)
	}
	if faults := parse(t, "at: corp").Get("at").Only("base"); len(faults) != 1 {
		t.Errorf("a value in place of a map has the faults %v", faults)
	}
	if faults := parse(t, "at:").Get("at").Only("base"); faults != nil {
		t.Errorf("an empty section has the faults %v", faults)
	}
}

func TestSuggestionsAreWhatWasMeant(t *testing.T) {
	known := []string{"host", "port", "public_url", "read_timeout", "trusted_proxies", "url"}
	for word, want := range map[string]string{
		"prot": "port", "hosts": "host", "publicUrl": "public_url", "public-url": "public_url", "PORT": "port", "read_timout": "read_timeout",
		"trusted_proxy": "trusted_proxies", "uri": "url", "colour": "", "x": "", "": "", "timeout": "",
	} {
		if got, _ := Suggest(word, known); got != want {
			t.Errorf("%q suggests %q, expected %q", word, got, want)
		}
	}
}

func TestFaultsPrintWhatTheyKnowAndSort(t *testing.T) {
	faults := Faults{
		{File: "b.yaml", Line: 1, Column: 2, Path: "a", Message: "m", Remedy: "r"},
		{File: "a.yaml", Line: 10, Message: "m", Remedy: "r"},
		{File: "a.yaml", Line: 9, Column: 1, Message: "m"},
		{File: "a.yaml", Message: "m"},
	}
	faults.Sort()
	const want = "a.yaml: m\na.yaml:9:1: m\na.yaml:10: m; r\nb.yaml:1:2: a: m; r"
	if got := faults.Error(); got != want {
		t.Errorf("faults are\n%s\nexpected\n%s", got, want)
	}
	if Faults(nil).Err() != nil || faults.Err() == nil {
		t.Error("Err does not say whether there are faults")
	}
}

func TestWhatFollowsFromAKnownFaultIsNotSaid(t *testing.T) {
	known := Faults{{File: "f", Path: "clients.ci"}}
	later := Faults{{File: "f", Path: "clients.ci"}, {File: "f", Path: "clients.ci.tokens[0]"}, {File: "f", Path: "clients.cii"}, {File: "f", Path: "clients"}, {File: "g", Path: "clients.ci"}}
	var paths []string
	for _, f := range known.then(later) {
		paths = append(paths, f.File+":"+f.Path)
	}
	if want := []string{"f:clients.ci", "f:clients.cii", "f:clients", "g:clients.ci"}; !slices.Equal(paths, want) {
		t.Errorf("what is said is %v", paths)
	}
}
