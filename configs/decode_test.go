package configs

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type inner struct {
	Name string `config:"name"`
	Deep struct {
		On bool `config:"on"`
	} `config:"deep"`
}

type outer struct {
	Text    string           `config:"text"`
	On      bool             `config:"on"`
	Count   int              `config:"count"`
	Small   uint8            `config:"small"`
	Share   float64          `config:"share"`
	Wait    Duration         `config:"wait"`
	Size    Size             `config:"size"`
	Secret  Secret           `config:"secret"`
	Net     netip.Prefix     `config:"net"`
	Words   []string         `config:"words"`
	Inners  []inner          `config:"inners"`
	Inner   inner            `config:"inner"`
	Pointer *inner           `config:"pointer"`
	Maybe   *int             `config:"maybe"`
	Named   map[string]inner `config:"named"`
	Free    Node             `config:"free"`
	Nodes   map[string]Node  `config:"nodes"`
	Ignored string
}

var comparing = cmp.Options{
	cmpopts.EquateComparable(netip.Prefix{}),
	cmp.Comparer(func(a, b Node) bool { return cmp.Equal(render(a), render(b)) }),
}

func TestDecodeFillsEveryTypeOntoItsDefault(t *testing.T) {
	t.Setenv("ORIGINS", "https://a.example, https://b.example,,")
	t.Setenv("ONE", "just one")
	four := 4
	for sentence, c := range map[string]struct {
		yaml string
		want outer
	}{
		"nothing":                           {"{}", outer{}},
		"texts that look like other things": {"{text: 00123}", outer{Text: "00123"}},
		"numbers":                           {"{count: -5, small: 255, share: 0.5}", outer{Count: -5, Small: 255, Share: 0.5}},
		"booleans in any case":              {"{on: TRUE}", outer{On: true}},
		"a plain number is seconds":         {"{wait: 30}", outer{Wait: 30 * time.Second}},
		"a fraction of a second":            {"{wait: 0.25}", outer{Wait: 250 * time.Millisecond}},
		"a duration with units":             {"{wait: 1h5m}", outer{Wait: 65 * time.Minute}},
		"sizes":                             {"{size: 1MB}", outer{Size: 1_000_000}},
		"a secret":                          {"{secret: hunter2}", outer{Secret: NewSecret("hunter2")}},
		"a network":                         {"{net: 10.1.2.3/8}", outer{Net: netip.MustParsePrefix("10.0.0.0/8")}},
		"an address is a network of one":    {"{net: '::1'}", outer{Net: netip.MustParsePrefix("::1/128")}},
		"a list":                            {"{words: [a, 'b, c']}", outer{Words: []string{"a", "b, c"}}},
		"a list of one without brackets":    {"words: a, b", outer{Words: []string{"a, b"}}},
		"an empty list":                     {"{words: []}", outer{Words: []string{}}},
		"a list from one reference":         {"words: ${ORIGINS}", outer{Words: []string{"https://a.example", "https://b.example"}}},
		"a list from a default":             {"words: ${NOT_SET:-a,b}", outer{Words: []string{"a", "b"}}},
		"a reference among others":          {"words: ['${ORIGINS}']", outer{Words: []string{"https://a.example, https://b.example,,"}}},
		"a reference with text around it":   {"words: x${ONE},y", outer{Words: []string{"xjust one,y"}}},
		"structs in lists": {"inners: [{name: a}, {name: b, deep: {on: true}}]", outer{Inners: []inner{{Name: "a"}, {Name: "b", Deep: struct {
			On bool `config:"on"`
		}{true}}}}},
		"structs in structs": {"inner: {deep: {on: true}}", outer{Inner: inner{Deep: struct {
			On bool `config:"on"`
		}{true}}}},
		"pointers are made when the key is there": {"pointer: {name: a}\nmaybe: 4", outer{Pointer: &inner{Name: "a"}, Maybe: &four}},
		"maps":                              {"named: {x: {name: a}, y: {}}", outer{Named: map[string]inner{"x": {Name: "a"}, "y": {}}}},
		"nodes stay nodes":                  {"free: {anything: [goes]}", outer{Free: parse(t, "{anything: [goes]}")}},
		"maps of nodes":                     {"nodes: {corp: {kind: ldap}}", outer{Nodes: map[string]Node{"corp": parse(t, "{kind: ldap}")}}},
		"empty sections keep their default": {"inner:\nnamed:\nwords:\ninners: ~\n", outer{}},
	} {
		t.Run(sentence, func(t *testing.T) {
			var got outer
			if faults := parse(t, c.yaml).Decode(&got); len(faults) > 0 {
				t.Fatal(faults)
			}
			if diff := cmp.Diff(c.want, got, comparing); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFieldKeepsItsDefaultWhenItsKeyIsMissingOrWrong(t *testing.T) {
	standard := func() outer {
		return outer{Text: "t", On: true, Count: 3, Wait: time.Second, Words: []string{"a"}, Inner: inner{Name: "n"}, Pointer: &inner{Name: "p"}, Ignored: "i"}
	}
	for sentence, c := range map[string]struct {
		yaml   string
		faults int
	}{
		"missing": {"inner: {deep: {on: false}}\npointer: {deep: {}}\n", 0},
		"wrong":   {"on: maybe\ncount: many\nwait: soon\nwords: {a: b}\ntext: [x]\ninner: text\n", 6},
	} {
		t.Run(sentence, func(t *testing.T) {
			got := standard()
			if faults := parse(t, c.yaml).Decode(&got); len(faults) != c.faults {
				t.Errorf("%d faults: %v", len(faults), faults)
			}
			if diff := cmp.Diff(standard(), got, comparing); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeFindsAllFaultsAtOnce(t *testing.T) {
	t.Setenv("PASSWORD", "hunter2")
	n := parse(t, `
on: yes
count: 1.5
small: 256
share: .inf
wait: -5
size: 1TB
secret: [a]
net: example.org
words: [[a]]
inners: [{nam: x}, y]
inner: {deep: {no: true, on: 1}}
maybe: ${PASSWORD}
text:
colour: blue
`)
	var into outer
	faults := n.Decode(&into)
	faults.Sort()
	want := strings.TrimSpace(`
test.yaml:2:5: on: "yes" is not a boolean; write true or false
test.yaml:3:8: count: "1.5" is not a whole number; write digits
test.yaml:4:8: small: "256" is not a whole number from 0; write digits
test.yaml:5:8: share: ".inf" is not a number; write digits
test.yaml:6:7: wait: "-5" is not a duration; write a number of seconds, or 30s or 5m
test.yaml:7:7: size: "1TB" is not a size; write 1MB, 512KiB or a number of bytes
test.yaml:8:9: secret: must be a single value, and is a list; write one value
test.yaml:9:6: net: "example.org" is not a network; write 10.0.0.0/8, or an address
test.yaml:10:9: words[0]: must be a single value, and is a list; write one value
test.yaml:11:11: inners[0].nam: unknown key "nam"; write name
test.yaml:11:20: inners[1]: must be a map, and is a single value; write ` + "`key: value`" + ` lines below it
test.yaml:12:16: inner.deep.no: unknown key "no"; take it away; the keys here are on
test.yaml:12:30: inner.deep.on: "1" is not a boolean; write true or false
test.yaml:13:8: maybe: what ${PASSWORD} stands for is not a whole number; let it be digits
test.yaml:14:6: text: has no value; write a value, or take the key away
test.yaml:15:1: colour: unknown key "colour"; take it away; the keys here are text, on, count, small, share, wait, size, secret, net, words, inners, inner, pointer, maybe, named, free, nodes
`)
	if diff := cmp.Diff(want, faults.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestSizesAndDurations(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "1": 1, "512": 512, "1B": 1, "1KB": 1000, "1kb": 1000, "1 MB": MB, "1GB": GB, "1KiB": 1024, "2mib": 2 * MiB, "1GiB": GiB, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q is %d bytes, %v; expected %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "B", "MB", "-1", "+1", "1.5MB", "1K", "1TB", "1 000", "0x10", "1MBB", "9223372036854775808", "9223372037GB", "１"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is %d bytes", text, got)
		}
	}
	for text, want := range map[string]Duration{
		"0": 0, "1": time.Second, "1.5": 1500 * time.Millisecond, "90m": 90 * time.Minute, "1h1s": time.Hour + time.Second, "250ms": 250 * time.Millisecond,
		"1d": 24 * time.Hour, "0d": 0, "90d": 90 * 24 * time.Hour, "7y": 7 * 365 * 24 * time.Hour, "1y1d1h30m": 366*24*time.Hour + 90*time.Minute, "106751d": 106751 * 24 * time.Hour,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; expected %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "s", "-1", "-1s", "1 s", "d", "1 d", "1.5d", "-1d", "1d-1h", "1h1d", "1d1y", "1d5", "1d1", "106752d", "293y", "292y300d", "99999999999d", "NaN", "Inf", "1e300", "10000000000", "９"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestDecodeWantsAPointer(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a struct was taken by value")
		}
	}()
	_ = parse(t, "a: b").Decode(outer{})
}
