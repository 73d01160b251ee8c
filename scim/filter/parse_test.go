package filter

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var noPos = cmp.Options{cmpopts.IgnoreFields(Compare{}, "Pos"), cmpopts.IgnoreFields(Has{}, "Pos")}

func attr(name string) Path { return Path{Attr: name} }
func eq(name string, v any) Compare {
	return Compare{Path: attr(name), Op: Eq, Value: v}
}
func pr(name string) Compare { return Compare{Path: attr(name), Op: Pr} }

func TestParse(t *testing.T) {
	work := eq("type", "work")
	for claim, c := range map[string]struct {
		text string
		want Expr
	}{
		"a comparison":                      {`userName eq "bjensen"`, eq("userName", "bjensen")},
		"an operator in any case":           {`userName Eq "bjensen"`, eq("userName", "bjensen")},
		"presence":                          {`title PR`, pr("title")},
		"a sub-attribute":                   {`name.familyName co "O'Malley"`, Compare{Path: Path{Attr: "name", Sub: "familyName"}, Op: Co, Value: "O'Malley"}},
		"$ref and names with - and _":       {`a-b_c.$ref sw "x"`, Compare{Path: Path{Attr: "a-b_c", Sub: "$ref"}, Op: Sw, Value: "x"}},
		"an attribute called like a word":   {`notes eq "x" and order pr`, And{[]Expr{eq("notes", "x"), pr("order")}}},
		"a URN with a version":              {`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName ew "J"`, Compare{Path: Path{URI: "urn:ietf:params:scim:schemas:core:2.0:User", Attr: "name", Sub: "familyName"}, Op: Ew, Value: "J"}},
		"a prefix of a mapping":             {`enterprise:employeeNumber eq "7"`, Compare{Path: Path{URI: "enterprise", Attr: "employeeNumber"}, Op: Eq, Value: "7"}},
		"and binds tighter than or":         {`a pr or b pr and c pr`, Or{[]Expr{pr("a"), And{[]Expr{pr("b"), pr("c")}}}}},
		"parentheses group":                 {`(a pr or b pr) and c pr`, And{[]Expr{Or{[]Expr{pr("a"), pr("b")}}, pr("c")}}},
		"parentheses need no blanks":        {`(a pr)and(b pr)`, And{[]Expr{pr("a"), pr("b")}}},
		"superfluous parentheses":           {`((a pr))`, pr("a")},
		"a chain is flat":                   {`a pr and b pr and c pr`, And{[]Expr{pr("a"), pr("b"), pr("c")}}},
		"a grouped chain stays a group":     {`(a pr and b pr) and c pr`, And{[]Expr{And{[]Expr{pr("a"), pr("b")}}, pr("c")}}},
		"not binds tightest":                {`not (a pr) and b pr`, And{[]Expr{Not{pr("a")}, pr("b")}}},
		"not without a blank":               {`NOT(a pr or b pr)`, Not{Or{[]Expr{pr("a"), pr("b")}}}},
		"not of not":                        {`not (not (a pr))`, Not{Not{pr("a")}}},
		"words in any case":                 {`a pr AND b pr Or c pr`, Or{[]Expr{And{[]Expr{pr("a"), pr("b")}}, pr("c")}}},
		"a bare value path":                 {`emails[type eq "work"]`, Has{Path: Path{Attr: "emails", Filter: work}}},
		"a value path with a sub-attribute": {`emails[type eq "work"].value co "x"`, Compare{Path: Path{Attr: "emails", Filter: work, Sub: "value"}, Op: Co, Value: "x"}},
		"a value path with a comparison":    {`emails[type eq "work"] eq "x"`, Compare{Path: Path{Attr: "emails", Filter: work}, Op: Eq, Value: "x"}},
		"a value path in a chain":           {`emails[type eq "work"] and a pr`, And{[]Expr{Has{Path: Path{Attr: "emails", Filter: work}}, pr("a")}}},
		"a whole filter in brackets":        {`emails[ type eq "work" and not (primary eq true) ]`, Has{Path: Path{Attr: "emails", Filter: And{[]Expr{work, Not{eq("primary", true)}}}}}},
		"every escape":                      {`a eq "\"\\\/\b\f\n\r\t\u00e9"`, eq("a", "\"\\/\b\f\n\r\té")},
		"a surrogate pair is one character": {`a eq "x\ud83d\uDE00y"`, eq("a", "x😀y")},
		"a string of operators":             {`a eq ") or (b eq \"x\")"`, eq("a", `) or (b eq "x")`)},
		"an empty string":                   {`a eq ""`, eq("a", "")},
		"an integer above 2^53":             {`a eq 9007199254740993`, eq("a", json.Number("9007199254740993"))},
		"a decimal with an exponent":        {`a gt -1.50E+3`, Compare{Path: attr("a"), Op: Gt, Value: json.Number("-1.50E+3")}},
		"booleans as clients write them":    {`a eq True and b ne FALSE`, And{[]Expr{eq("a", true), Compare{Path: attr("b"), Op: Ne, Value: false}}}},
		"null":                              {`a eq null`, eq("a", nil)},
		"blanks of every kind":              {"\t a  eq\n\"x\" ", eq("a", "x")},
	} {
		t.Run(claim, func(t *testing.T) {
			got, err := Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, noPos); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.text, d)
			}
		})
	}
}

func TestParseRefusals(t *testing.T) {
	for claim, c := range map[string]struct{ text, want string }{
		"nothing":                           {``, "character 1: expected an attribute, `not (` or `(`, found the end"},
		"an operator that does not exist":   {`userName xx "y"`, `character 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr), found "xx"`},
		"no operator":                       {`userName`, `character 9: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr), found the end`},
		"no value":                          {`userName eq`, `character 12: expected a value (a JSON string, a number, true, false or null), found the end`},
		"a bare word as value":              {`userName eq bjensen`, `character 13: expected a value (a JSON string, a number, true, false or null), found "bjensen"`},
		"single quotes":                     {`userName eq 'b'`, `character 13: expected a value (a JSON string, a number, true, false or null), found "'"`},
		"a string that does not end":        {`userName eq "b`, "character 15: expected a closing `\"`, found the end"},
		"an escape that does not end":       {`userName eq "b\"`, "character 17: expected a closing `\"`, found the end"},
		"an unknown escape":                 {`a eq "\x"`, `character 7: expected an escape of JSON (\" \\ \/ \b \f \n \r \t \uXXXX), found "\\"`},
		"half a surrogate pair":             {`a eq "\ud83d!"`, `character 7: expected both halves of a surrogate pair, found "\\"`},
		"a low surrogate first":             {`a eq "\ude00\ud83d"`, `character 7: expected both halves of a surrogate pair, found "\\"`},
		"a control character":               {"a eq \"x\ny\"", `character 8: expected no control character in a string, other than escaped, found "\n"`},
		"characters are counted, not bytes": {`a eq "é" x`, "character 10: expected `and`, `or` or the end, found \"x\""},
		"bytes that are not UTF-8":          {"a eq \"\xff\"", "character 7: expected UTF-8, found a byte that is not UTF-8"},
		"not without parentheses":           {`not a pr`, "character 5: expected `(` after `not`, found \"a\""},
		"a group that does not end":         {`(a pr`, "character 6: expected `and`, `or` or `)`, found the end"},
		"a closing parenthesis too many":    {`a pr)`, "character 5: expected `and`, `or` or the end, found \")\""},
		"an empty group":                    {`()`, "character 2: expected an attribute, `not (` or `(`, found \")\""},
		"and at the end":                    {`a pr and`, "character 9: expected an attribute, `not (` or `(`, found the end"},
		"or at the start":                   {`or a pr`, `character 4: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr), found "a"`},
		"a bracket that does not end":       {`a[b pr`, "character 7: expected `and`, `or` or `]`, found the end"},
		"an empty bracket":                  {`a[]`, "character 3: expected an attribute, `not (` or `(`, found \"]\""},
		"brackets in brackets":              {`a[b[c pr]]`, "character 4: expected no `[` within `[ ]`, found \"[\""},
		"a bracket behind a sub-attribute":  {`a.b[c pr]`, "character 4: expected no `[` behind a sub-attribute, found \"[\""},
		"a parenthesis closed by a bracket": {`a[(b pr]`, "character 8: expected `and`, `or` or `)`, found \"]\""},
		"text behind a bracket":             {`a[b pr]c pr`, "character 8: expected `.`, a blank or the end after `]`, found \"c\""},
		"a sub-attribute of two names":      {`a[b pr].c.d pr`, `character 10: expected a sub-attribute's name, found ".d"`},
		"three names":                       {`a.b.c pr`, "character 4: expected an attribute's name (a letter, then letters, digits, `-`, `_` or `$`), found \".c\""},
		"a number as attribute":             {`1a pr`, "character 1: expected an attribute's name (a letter, then letters, digits, `-`, `_` or `$`), found \"1a\""},
		"a colon without a URN":             {`:a pr`, "character 1: expected a schema URN before `:`, found \":a\""},
		"leading zeros":                     {`a eq 007`, `character 7: expected a number as JSON has them, found "07"`},
		"a number with a tail":              {`a eq 1x`, `character 7: expected a number as JSON has them, found "x"`},
		"a lone minus":                      {`a eq -`, `character 7: expected a number as JSON has them, found the end`},
		"a value glued to the next word":    {`a eq "x"and b pr`, "character 9: expected a blank, `)`, `]` or the end after the value, found \"and\""},
		"an operator glued to its value":    {`a eq"x"`, `character 5: expected a blank after the operator, found "\""`},
		"two filters":                       {`a pr b pr`, "character 6: expected `and`, `or` or the end, found \"b\""},
		"pr with a value":                   {`a pr "x"`, "character 6: expected `and`, `or` or the end, found \"\\\"\""},
		"a long word is shortened":          {`a pr ` + strings.Repeat("x", 500), `character 6: expected ` + wantMore + `, found "` + strings.Repeat("x", 24) + `"…`},
	} {
		t.Run(claim, func(t *testing.T) {
			e, err := Parse(c.text)
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("Parse(%q) = %v, %v; want a SyntaxError", c.text, e, err)
			}
			if err.Error() != c.want {
				t.Errorf("Parse(%q)\n got %s\nwant %s", c.text, err, c.want)
			}
		})
	}
}

func TestPositionsPointIntoTheText(t *testing.T) {
	text := `a pr and (emails[type eq "é"] or c eq 1)`
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case Compare:
			if !strings.HasPrefix(text[e.Pos:], e.Path.String()) {
				t.Errorf("%s is not at %d", e.Path, e.Pos)
			}
		case Has:
			if !strings.HasPrefix(text[e.Pos:], e.Path.String()) {
				t.Errorf("%s is not at %d", e.Path, e.Pos)
			}
		}
		return true
	})
}

func TestLimits(t *testing.T) {
	deep := func(open, shut string, n int) string {
		return strings.Repeat(open, n) + "a pr" + strings.Repeat(shut, n)
	}
	for claim, c := range map[string]struct {
		text string
		ok   bool
	}{
		"nesting up to the limit":             {deep("(", ")", MaxDepth), true},
		"nesting beyond it":                   {deep("(", ")", MaxDepth+1), false},
		"100,000 parentheses":                 {deep("(", ")", 100_000), false},
		"60,000 parentheses that never close": {strings.Repeat("(", 60_000), false},
		"not up to the limit":                 {deep("not (", ")", MaxDepth), true},
		"not beyond it":                       {deep("not (", ")", 10_000), false},
		"brackets count too":                  {"a[" + deep("(", ")", MaxDepth) + "]", false},
		"groups side by side are not nested":  {strings.Repeat("(a pr) or ", 5000) + "(a pr)", true},
		"a chain of thousands":                {strings.Repeat("a pr or ", 8000) + "a pr", true},
		"a chain of and and or":               {strings.Repeat("a pr and b pr or ", 3000) + "a pr", true},
		"a long string":                       {`a eq "` + strings.Repeat("x", MaxLength-7) + `"`, true},
		"a text beyond the limit":             {`a eq "` + strings.Repeat("x", MaxLength) + `"`, false},
	} {
		t.Run(claim, func(t *testing.T) {
			e, err := Parse(c.text)
			if ok := err == nil; ok != c.ok {
				t.Fatalf("error %v, want ok %v", err, c.ok)
			}
			if err == nil && e.String() == "" {
				t.Error("does not print")
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the error repeats the text: %d bytes", len(err.Error()))
			}
		})
	}
}

func TestWalkStaysOutsideBrackets(t *testing.T) {
	e, err := Parse(`not (a pr) and emails[type eq "work"] or (b pr and c pr)`)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case Compare:
			seen = append(seen, e.Path.String())
		case Has:
			seen = append(seen, e.Path.Attr)
		case Not:
			return false
		}
		return true
	})
	if d := cmp.Diff([]string{"emails", "b", "c"}, seen); d != "" {
		t.Error(d)
	}
}
