package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
)

// token is a piece of a source: a word, a quoted string or one of the marks | ( ) , =.
type token struct {
	kind tokenKind
	text string
}

type tokenKind uint8

const (
	word tokenKind = iota + 1
	quoted
	mark
	end
)

// call is `name(args)` in a source; name alone has no args.
type call struct {
	name  string
	args  []string
	exact bool // the name stood in quotes, so that it is an attribute's, whatever else it would mean
}

// syntaxError is a fault in the text of a source, with what to write instead.
type syntaxError struct{ message, remedy string }

func (e *syntaxError) Error() string { return e.message }

func syntaxf(remedy, format string, args ...any) *syntaxError {
	return &syntaxError{fmt.Sprintf(format, args...), remedy}
}

const quoteRemedy = `quote this value: a pipeline with a comma, a bracket or a colon stands in quotes, as in "employeeType | enum(E=Employee, C=Contractor)"`

// wordByte reports the bytes of a bare word. `;` is there for attribute options (cn;lang-de).
func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.@:+-/;$#", c) >= 0
}

func tokens(s string) ([]token, *syntaxError) {
	var out []token
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case strings.IndexByte("|(),=", c) >= 0:
			out = append(out, token{mark, string(c)})
			i++
		case c == '"':
			text, n, err := quotedString(s[i:])
			if err != nil {
				return nil, err
			}
			out = append(out, token{quoted, text})
			i += n
		case wordByte(c):
			n := i
			for n < len(s) && wordByte(s[n]) {
				n++
			}
			out = append(out, token{word, s[i:n]})
			i = n
		default:
			return nil, syntaxf(`an argument is a bare word of letters, digits and _.@:+-/, or stands in double quotes: lens("…")`,
				"%q cannot stand in a pipeline", []rune(s[i:])[0])
		}
	}
	return append(out, token{kind: end}), nil
}

// pipelineCalls reads `attribute | lens | lens(args)`: the first call is the attribute.
func pipelineCalls(s string) ([]call, *syntaxError) {
	toks, err := tokens(s)
	if err != nil {
		return nil, err
	}
	var calls []call
	for i := 0; ; {
		c, n, err := readCall(toks[i:])
		if i == 0 && toks[0].kind == quoted && toks[0].text != "" {
			c, n, err = call{name: toks[0].text, exact: true}, 1, nil
		}
		if err != nil {
			return nil, err
		}
		calls = append(calls, c)
		i += n
		switch t := toks[i]; {
		case t.kind == end:
			return calls, nil
		case t.kind == mark && t.text == "|":
			i++
		case t.kind == mark && (t.text == ")" || t.text == ","):
			return nil, syntaxf(quoteRemedy, "%q without its opening bracket", t.text)
		default:
			return nil, syntaxf(`write attribute | lens | lens(args); a name with a blank or another mark in it stands in quotes: '"Order By" | lens'`, "%q follows %q without a | between them", t.text, c.name)
		}
	}
}

// readCall reads a name and its arguments, and says how many tokens they were.
func readCall(toks []token) (call, int, *syntaxError) {
	if toks[0].kind != word {
		what := "the end"
		if toks[0].kind != end {
			what = fmt.Sprintf("%q", toks[0].text)
		}
		return call{}, 0, syntaxf("write attribute | lens | lens(args)", "a name is missing before %s", what)
	}
	c := call{name: toks[0].text}
	if toks[1].kind != mark || toks[1].text != "(" {
		return c, 1, nil
	}
	var arg strings.Builder
	open := false // an argument has begun
	for i := 2; ; i++ {
		switch t := toks[i]; {
		case t.kind == end:
			return call{}, 0, syntaxf(quoteRemedy, "the bracket after %s is never closed", c.name)
		case t.kind == word || t.kind == quoted || t.text == "=":
			arg.WriteString(t.text)
			open = true
		case t.text == "," || t.text == ")":
			if !open && (t.text == "," || len(c.args) > 0) {
				return call{}, 0, syntaxf(`write the argument, or "" for an empty one`, "%s has an empty argument", c.name)
			}
			if open {
				c.args = append(c.args, arg.String())
			}
			arg.Reset()
			open = false
			if t.text == ")" {
				return c, i + 1, nil
			}
		default:
			return call{}, 0, syntaxf(quoteRemedy, "%q stands inside the brackets of %s", t.text, c.name)
		}
	}
}

// quotedString reads the JSON string that s begins with.
func quotedString(s string) (text string, n int, fault *syntaxError) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			if err := json.Unmarshal([]byte(s[:i+1]), &text); err != nil {
				return "", 0, syntaxf(`write it as in JSON: \" for a quote, \\ for a backslash`, "%s is not a quoted string", s[:i+1])
			}
			return text, i + 1, nil
		}
	}
	return "", 0, syntaxf(`close it with "`, "the quote before %q is never closed", s[1:])
}
