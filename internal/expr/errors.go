package expr

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
)

// Error is one thing wrong in the text of an expression. Line and Column count from 1, the column in characters.
type Error struct {
	Line, Column int
	Message      string
}

func (e Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message) }

// Errors is all that is wrong in an expression.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// faults makes Errors of what the parser and the type checker found.
func faults(issues *cel.Issues, s scope) Errors {
	var errs Errors
	for _, e := range issues.Errors() {
		line, col := max(e.Location.Line(), 1), max(e.Location.Column()+1, 1)
		errs = append(errs, Error{Line: line, Column: col, Message: plain(e.Message, s)})
	}
	return errs
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	expecting  = regexp.MustCompile(`^Syntax error: (.*?)(, | )expecting .*$`)
)

// plain rewrites a message of the checker for somebody who writes YAML and has not read the language's definition.
func plain(message string, s scope) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("there is no %s here; %s", strings.TrimPrefix(m[1], "."), s.names())
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		what := strings.Trim(m[1], "_@")
		text := fmt.Sprintf("%s does not take %s", what, m[2])
		if strings.Contains(m[2], "list(string)") {
			text += "; an attribute is a list of strings: first(…) is its first value, join(…, ' ') all of them"
		}
		return text
	}
	if m := expecting.FindStringSubmatch(message); m != nil {
		return "syntax error: " + m[1]
	}
	return strings.TrimPrefix(message, "Syntax error: ")
}

// names says what an expression sees.
func (s scope) names() string {
	switch {
	case s.bare:
		return "the functions are " + functionNames
	case s.record != "":
		return "an expression sees value and before (before.givenName); the functions are " + functionNames
	}
	return "an expression sees resource (resource.userName); the functions are " + functionNames
}
