package expr

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// jensen is the record of the tests.
func jensen(attr string) []string {
	return map[string][]string{
		"givenName":  {"Barbara"},
		"sn":         {"Jensen"},
		"mail":       {"b@example.org", "babs@example.com"},
		"cn;lang-de": {"Bärbel"},
		"type":       {"E"},
	}[attr]
}

func TestReadMakesAValueOfARecord(t *testing.T) {
	tests := map[string]struct {
		text  string
		want  any
		reads []string
	}{
		"two names become one":                      {"first(givenName) + ' ' + first(sn)", "Barbara Jensen", []string{"givenName", "sn"}},
		"an attribute with options is named":        {`first(record["cn;lang-de"])`, "Bärbel", []string{"cn;lang-de"}},
		"an attribute may stand behind a dot":       {"first(record.sn)", "Jensen", []string{"sn"}},
		"first of nothing is empty":                 {"first([])", "", nil},
		"an attribute that is missing is empty":     {"first(title)", "", []string{"title"}},
		"a missing attribute with options is empty": {`record["x;y"]`, []any{}, []string{"x;y"}},
		"a missing attribute has no values":         {"size(title) == 0", true, []string{"title"}},
		"an attribute may be called like a type":    {"first(type)", "E", []string{"type"}},
		"join takes all values":                     {"join(mail, ', ')", "b@example.org, babs@example.com", []string{"mail"}},
		"functions may stand behind their argument": {"givenName.first().lower().upper().trim()", "BARBARA", []string{"givenName"}},
		"split makes a list":                        {"split(first(mail), '@')", []any{"b", "example.org"}, []string{"mail"}},
		"split of nothing is nothing":               {"split('', '@')", []any{}, nil},
		"replace takes its text as it stands":       {"replace(first(mail), '.', '-')", "b@example-org", []string{"mail"}},
		"replace of nothing stands between letters": {"replace('ab', '', '-')", "-a-b-", nil},
		"matches looks anywhere":                    {"mail.filter(m, m.matches('com$'))", []any{"babs@example.com"}, []string{"mail"}},
		"extract gives the first group":             {"extract(first(mail), '@(.*)$')", "example.org", []string{"mail"}},
		"extract without a group gives the match":   {"first(mail).extract('[a-z]+$')", "org", []string{"mail"}},
		"extract without a match is empty":          {"extract(first(sn), '[0-9]+')", "", []string{"sn"}},
		"rewrite knows groups":                      {"rewrite(first(mail), '(.*)@(.*)', '${2}:$1')", "example.org:b", []string{"mail"}},
		"rewrite leaves the rest alone":             {"rewrite('a-b-c', '-', '+')", "a+b+c", nil},
		"a loop's own name is no attribute":         {"mail.map(m, upper(m))", []any{"B@EXAMPLE.ORG", "BABS@EXAMPLE.COM"}, []string{"mail"}},
		"a loop's name hides an attribute":          {"mail.exists(sn, sn.endsWith('.com'))", true, []string{"mail"}},
		"an attribute beside a loop of its name":    {"mail.map(sn, sn.size()) == [] ? '' : first(sn)", "Jensen", []string{"mail", "sn"}},
		"a choice":                                  {"size(title) > 0 ? first(title) : first(sn)", "Jensen", []string{"title", "sn"}},
		"a number":                                  {"size(mail)", int64(2), []string{"mail"}},
		"an object":                                 {"{'value': first(mail), 'primary': true}", map[string]any{"value": "b@example.org", "primary": true}, []string{"mail"}},
		"null is no value":                          {"size(title) > 0 ? dyn(first(title)) : null", nil, []string{"title"}},
		"a time is RFC 3339":                        {"timestamp('2026-01-02T03:04:05.5+01:00')", "2026-01-02T02:04:05.5Z", nil},
		"a fraction is written without exponent":    {"2.5e3 * 2.0", json.Number("5000"), nil},
		"each attribute is listed once":             {"first(sn) + first(record.sn) + first(sn)", "JensenJensenJensen", []string{"sn"}},
		"several lines":                             {"first(givenName)\n  + ' '\n  + first(sn)", "Barbara Jensen", []string{"givenName", "sn"}},
		"a comment":                                 {"first(sn) // the surname", "Jensen", []string{"sn"}},
		"letters of any script":                     {"upper('été ω')", "ÉTÉ Ω", nil},
		"null in a list is left out":                {"[dyn('a'), null]", []any{"a"}, nil},
		"numbers of two kinds compare":              {"size(mail) > 1.5", true, []string{"mail"}},
		"an unsigned number that no int64 can hold": {"18446744073709551615u", json.Number("18446744073709551615"), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := Read(tt.text, Any)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Eval(t.Context(), jensen)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s gives (-want +got)\n%s", tt.text, diff)
			}
			if diff := cmp.Diff(tt.reads, r.Reads()); diff != "" {
				t.Errorf("%s reads (-want +got)\n%s", tt.text, diff)
			}
		})
	}
}

// TestFaults holds the sentences for the author of a mapping, and where they point.
func TestFaults(t *testing.T) {
	read := func(want Type) func(string) error {
		return func(text string) error { _, err := Read(text, want); return err }
	}
	write := func(value Type) func(string) error {
		return func(text string) error { _, err := Write(text, value); return err }
	}
	create := func(text string) error { _, err := OnCreate(text); return err }
	tests := map[string]struct {
		compile func(string) error
		text    string
		want    string
	}{
		"an end too early":                       {read(Any), "first(sn) +", "1:12: syntax error: mismatched input '<EOF>'"},
		"a fault on the second line":             {read(Any), "first(sn)\n + 1", "2:2: + does not take (string, int)"},
		"a function that is none":                {read(Any), "firstt(sn)", "1:7: there is no firstt here; the functions are first, join"},
		"a list where a text is wanted":          {read(String), "sn", "1:1: the expression gives list(string), and text is wanted: first(…) takes the first value"},
		"a number where a text is wanted":        {read(String), "size(sn)", "1:1: the expression gives int, and text is wanted"},
		"a text where a boolean is wanted":       {read(Bool), "first(sn)", "true or false is wanted"},
		"a text where an object is wanted":       {read(Object), "first(sn)", "an object {…} is wanted"},
		"a list that is added to a text":         {read(Any), "givenName + ' '", "1:11: + does not take (list(string), string); an attribute is a list of strings: first(…) is its first value"},
		"an attribute with a hyphen":             {read(Any), "x-foo", "- does not take (list(string), list(string))"},
		"an attribute that is not named":         {read(Any), "record[first(sn)]", `1:7: the attribute has to be named in quotes`},
		"the record as a whole":                  {read(Any), "size(record)", "1:6: record stands for one attribute at a time"},
		"the record in a loop":                   {read(Any), "record.all(k, true)", "1:1: record stands for one attribute at a time"},
		"a question whether an attribute is":     {read(Any), "has(record.sn)", "has() is always true here, an attribute that is missing is []: write size(record.sn) > 0"},
		"a pattern that is computed":             {read(Any), "first(sn).matches(first(cn))", "1:24: the regular expression of matches has to be written out in quotes"},
		"a pattern that is none":                 {read(Any), "extract(first(sn), '(')", `1:20: "(" is no regular expression`},
		"a pattern of the language's own":        {read(Any), "'a'.matches('[')", `1:13: "[" is no regular expression`},
		"a pattern that is missing":              {read(Any), "matches(first(sn))", "matches does not take (string)"},
		"two faults at once":                     {read(Any), "record[sn] + record[cn]", "1:20"},
		"a message of protobuf":                  {read(Any), "Foo{a: 1}", "makes a message"},
		"a reserved word":                        {read(Any), "first(if)", "if"},
		"a loop in a loop in a loop":             {read(Any), "mail.all(a, mail.all(b, mail.all(c, mail.all(d, a == b))))", "too expensive"},
		"text that multiplies itself":            {read(Any), strings.Repeat("replace(", 6) + "first(sn)" + strings.Repeat(", '', 'xxxxxxxx')", 6), "too expensive"},
		"a thousand brackets":                    {read(Any), strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000), "recursion"},
		"an expression as long as a book":        {read(Any), "'" + strings.Repeat("x", maxText) + "'", "size"},
		"nothing at all":                         {read(Any), "", "syntax error"},
		"an unknown name in a write":             {write(Any), "vlaue", "1:1: there is no vlaue here; an expression sees value and before"},
		"an attribute that is not behind before": {write(String), "first(sn)", "there is no sn here; an expression sees value and before (before.givenName)"},
		"a value of another type":                {write(Bool), "value + 'x'", "+ does not take (bool, string)"},
		"an object for the directory":            {write(Any), "{'a': 1}", "text, a number, true or false, or a list of these is wanted"},
		"an unknown name on creation":            {create, "userName", "there is no userName here; an expression sees resource (resource.userName)"},
		"a record on creation":                   {create, "record.sn", "there is no record here"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := tt.compile(tt.text)
			var all Errors
			if !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("%.60q compiles, or its error (%v) has no position", tt.text, err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%.60q: %v\nwant %s", tt.text, err, tt.want)
			}
			for _, e := range all {
				if e.Line < 1 || e.Column < 1 {
					t.Errorf("%v has no place", e)
				}
			}
		})
	}
}

func TestWantedTypesThatFit(t *testing.T) {
	for text, want := range map[string]Type{
		"first(sn)": String, "true": Bool, "size(sn)": Int, "1.5": Decimal, "size(mail)": Decimal, "sn": Strings, "[1, 2]": List,
		"{'value': 'x'}": Object, "dyn(sn)": Int, "null": String, "timestamp('2026-01-02T03:04:05Z')": String, "[]": Strings,
	} {
		if _, err := Read(text, want); err != nil {
			t.Errorf("%s is no %s: %v", text, want.wanted(), err)
		}
	}
}

func TestWriteMakesAttributesOfAValue(t *testing.T) {
	tests := map[string]struct {
		text  string
		typ   Type
		value any
		want  []any
		leave bool
		reads []string
	}{
		"a part of the value":            {"split(value, ' ')[0]", String, "Barbara Jensen", []any{"Barbara"}, false, nil},
		"a list":                         {"split(value, ' ')", String, "a b", []any{"a", "b"}, false, nil},
		"an empty list takes it away":    {"value ? ['TRUE'] : []", Bool, false, []any{}, false, nil},
		"null leaves it":                 {"value ? null : null", Bool, true, nil, true, nil},
		"what was there before":          {"before.cn.filter(c, c != value)", String, "x", []any{"y", "z"}, false, []string{"cn"}},
		"options before":                 {`before["cn;lang-de"] + [value]`, String, "x", []any{"Bärbel", "x"}, false, []string{"cn;lang-de"}},
		"a number":                       {"value + 1", Int, int64(4), []any{int64(5)}, false, nil},
		"a number as JSON has it":        {"value * 2", Int, json.Number("4"), []any{int64(8)}, false, nil},
		"a decimal":                      {"value * 2.0", Decimal, json.Number("1.25"), []any{json.Number("2.5")}, false, nil},
		"a boolean":                      {"!value", Bool, true, []any{false}, false, nil},
		"a complex value":                {"value.familyName", Object, map[string]any{"familyName": "Jensen"}, []any{"Jensen"}, false, nil},
		"a complex value's missing part": {"has(value.middleName) ? value.middleName : ''", Object, map[string]any{}, []any{""}, false, nil},
		"several values":                 {"value.map(v, v.value)", List, []any{map[string]any{"value": "a"}, map[string]any{"value": "b"}}, []any{"a", "b"}, false, nil},
		"texts":                          {"value.map(v, upper(v))", Strings, []any{"a"}, []any{"A"}, false, nil},
		"no value at all":                {"value == null ? [] : [string(value)]", Any, nil, []any{}, false, nil},
	}
	before := func(attr string) []string {
		if attr == "cn" {
			return []string{"x", "y", "z"}
		}
		return jensen(attr)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, err := Write(tt.text, tt.typ)
			if err != nil {
				t.Fatal(err)
			}
			got, leave, err := w.Eval(t.Context(), tt.value, before)
			if err != nil || leave != tt.leave {
				t.Fatalf("leave %v, %v; want %v", leave, err, tt.leave)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.reads, w.Reads()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOnCreateSeesTheResource(t *testing.T) {
	resource := map[string]any{"userName": "bjensen", "name": map[string]any{"familyName": "Jensen"}, "emails": []any{map[string]any{"value": "b@example.org"}}}
	for text, want := range map[string][]any{
		"'/home/' + resource.userName":                                 {"/home/bjensen"},
		"has(resource.title) ? [resource.title] : []":                  {},
		"resource.emails.map(e, extract(e.value, '@(.*)'))":            {"example.org"},
		"lower(resource.name.familyName) + '-' + resource['userName']": {"jensen-bjensen"},
		"null": nil,
		"500":  {int64(500)},
	} {
		m, err := OnCreate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := m.Eval(t.Context(), resource)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

func TestEvaluationFailsWithoutPanic(t *testing.T) {
	for text, want := range map[string]string{
		"title[0]":                       "index out of bounds",
		"timestamp(first(sn))":           "timestamp",
		"1 / (size(sn) - 1)":             "division by zero",
		"{1: 'x'}":                       "no text",
		"9223372036854775807 + size(sn)": "overflow",
		"duration('1s')":                 "no value of a resource",
		"1.0 / 0.0":                      "no number",
		"first(dyn([1]))":                "",
		"join([dyn(1), dyn('a')], '')":   "no such overload",
		"replace(join(long, ''), 'x', 'yyyyyyyyyyyyyyyy')":                                     "replace makes more than",
		"rewrite(join(long, ''), 'x', 'yyyyyyyyyyyyyyyy')":                                     "makes more than",
		"join(long + long + long + long + long + long + long + long + long + long + long, '')": "join makes more than",
	} {
		r, err := Read(text, Any)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		record := func(attr string) []string {
			if attr == "long" {
				return []string{strings.Repeat("x", 100_000)}
			}
			return jensen(attr)
		}
		got, err := r.Eval(t.Context(), record)
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s gives %.40v, %v; want an error with %q", text, got, err, want)
		}
	}
}

// TestCostIsBounded: what passes for a usual record stops on a monstrous one.
func TestCostIsBounded(t *testing.T) {
	r, err := Read("mail.filter(a, mail.exists(b, b + 'x' == a)).size()", Int)
	if err != nil {
		t.Fatal(err)
	}
	monster := make([]string, 20_000)
	for i := range monster {
		monster[i] = strings.Repeat("m", 20)
	}
	if _, err := r.Eval(t.Context(), func(string) []string { return monster }); !errors.Is(err, ErrCost) {
		t.Errorf("20,000 values against each other give %v; want ErrCost", err)
	}
	if got, err := r.Eval(t.Context(), jensen); err != nil || got != int64(0) {
		t.Errorf("two values give %v, %v", got, err)
	}
}

func TestEvaluationStopsWithItsContext(t *testing.T) {
	r, err := Read("mail.filter(a, mail.exists(b, b + 'x' == a)).size()", Int)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	values := make([]string, 1000)
	if _, err := r.Eval(ctx, func(string) []string { return values }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want the context's own error", err)
	}
}

// TestOneExpressionForManyGoroutines runs under the race detector.
func TestOneExpressionForManyGoroutines(t *testing.T) {
	r, err := Read("join(mail.map(m, extract(m, '^(.*)@')), '+') + first(sn)", String)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got, err := r.Eval(t.Context(), jensen); err != nil || got != "b+babsJensen" {
					t.Errorf("%v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzRead: whatever stands in a mapping, compiling and running it ends without panic, and only what Reads lists is asked for.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"first(givenName) + ' ' + first(sn)", `record["cn;lang-de"]`, "mail.map(m, m.matches('^a'))", "{'a': [1, 2.5, null]}", "has(record.x)", "rewrite(first(a), '(b)', '$1$1')", "a ? b : c", "-x.y[0]", "in", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read(text, Any)
		if err != nil {
			var all Errors
			if !errors.As(err, &all) || len(all) == 0 {
				t.Errorf("an error without a place: %v", err)
			}
			return
		}
		_, _ = r.Eval(t.Context(), func(attr string) []string { // it may well fail
			if slices.Contains(r.Reads(), attr) {
				return []string{"Barbara", ""}
			}
			t.Errorf("%q asks for %q, and says that it reads %q", text, attr, r.Reads())
			return nil
		})
	})
}

func BenchmarkRead(b *testing.B) {
	r, err := Read("first(givenName) + ' ' + first(sn)", String)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := r.Eval(b.Context(), jensen); err != nil {
			b.Fatal(err)
		}
	}
}
