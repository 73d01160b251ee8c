package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A dialogue is a file of what a client sends, what it must get, and what the directory holds afterwards:
//
//	# Anything behind a hash is for the reader: who sends this, and why.
//	rows: 8 9                   the rows of the table of clients that it is about
//	profile: entra              the client's profile; without this line it is strict
//	needs: departments          what a directory must have a place for, or the dialogue is not played there
//
//	## A claim                  begins a situation; those of a file follow one another over the same directory
//	> POST /Users               a request: headers, if any, then the body as it is sent
//	{"userName": "ada"}
//	< 201                       its answer: the status, of an error the scimType too (`< 409 uniqueness`), headers, then JSON
//	{"id": "{{ada}}", "title": "(absent)"}
//	>> POST /Users              requests one after the other with two signs are sent at the same time
//	= uid=ada,{{people}}        an entry, read over LDAP: each attribute that is named has these values and no others
//	sn: -
//	!title                      it does not have this one
//	= uid=bob,{{people}} is gone
//
// Members that the JSON of an answer names are compared, and lists whole and in order. "(absent)" is a member that must not be
// there, "*" any value, "(contains) x" a text with x in it; a list that begins with "(any order)" may be in any, one that
// begins with "(among others)" may have more, and an object with "(only)": true has no other members. {{name}} takes the value
// in where it first stands in an answer, and stands for it afterwards. {{base}} is the URL of the service, {{people}} and
// {{groups}} are the directory's branches.
//
// "(narrow) " before >, =, a line of an entry, or the name of a member of an answer says that it is so only where that is true of the directory, "(not narrow) " that it
// is so only elsewhere; before ## it is said of the whole situation. The words are those of traits.
//
// Blanks, quotes and letters beyond ASCII in the path of a request are escaped on sending; nothing else is. The lines from
// `@each 1-5` to `@end` are there five times, with # as the number; `@list 1-5 x#` is a list of x1 to x5 without its brackets.
type dialogue struct {
	rows       []int
	profile    string
	needs      []string
	situations []situation
}

type situation struct {
	only  string // a trait, as it stands in brackets; "" for everywhere
	claim string
	steps []step
}

// step is a request with its answer, or an entry to be read.
type step struct {
	line                 int
	only                 string // a trait, as it stands in brackets; "" for everywhere
	request              string // "POST /Users"; "" for an entry
	together             bool   // it is sent at the same time as those beside it that are so, too
	headers, wantHeaders [][2]string
	body                 string
	status               int
	scimType             string
	want                 any // JSON of the answer; nil: not compared
	dn                   string
	gone                 bool
	attrs                []string // in the order of the file
	values               map[string][]string
	answered             bool // while parsing
}

// traits are the words that directories are told apart with, and what they say of one.
var traits = map[string]string{
	"narrow":      "only what is mapped by name has a place",
	"derived":     "elements have the types of the mapping, and which one is primary follows from them",
	"entries":     "an entry has a class, a cn and an sn, whatever a client says",
	"departments": "have any name",
	"userTypes":   "are any words, and so are the types of addresses",
	"phones":      "one of them may be called primary",
	"passwords":   "are kept",
	"nesting":     "groups are members of groups",
	"texts":       "are of any length",
}

var conditional = regexp.MustCompile(`^\(((?:not )?[A-Za-z]+)\) (.+)$`)

// condition takes the trait off the beginning of a line or of a name; "" where there is none.
func condition(text string) (only, rest string) {
	if m := conditional.FindStringSubmatch(text); m != nil && traits[strings.TrimPrefix(m[1], "not ")] != "" {
		return m[1], m[2]
	}
	return "", text
}

var (
	headerLine = regexp.MustCompile(`^([A-Z][A-Za-z-]*): ?(.*)$`)
	variable   = regexp.MustCompile(`\{\{(\w+)\}\}`)
	eachLine   = regexp.MustCompile(`^@(each|list) (\d+)-(\d+) ?(.*)$`)
)

// parser reads a dialogue line by line.
type dialogueParser struct {
	d    dialogue
	json strings.Builder // of the body or the answer that is being read
	line int
}

func parseDialogue(text string) (dialogue, error) {
	text, err := expandLines(text)
	if err != nil {
		return dialogue{}, err
	}
	var p dialogueParser
	for i, line := range strings.Split(text, "\n") {
		p.line = i + 1
		if err := p.take(line); err != nil {
			return dialogue{}, fmt.Errorf("line %d: %w", p.line, err)
		}
	}
	if err := p.close(); err != nil {
		return dialogue{}, err
	}
	return p.d, p.d.check(text)
}

// expandLines writes out what @each and @list say shortly.
func expandLines(text string) (string, error) {
	var out []string
	var each []string
	from, to := 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		m := eachLine.FindStringSubmatch(line)
		switch {
		case m != nil:
			a, _ := strconv.Atoi(m[2])
			b, _ := strconv.Atoi(m[3])
			if each != nil || m[1] == "each" && m[4] != "" {
				return "", fmt.Errorf("%q: neither stands within @each, which has a line to itself", line)
			}
			if m[1] == "each" {
				each, from, to = []string{}, a, b
				continue
			}
			var items []string
			for n := a; n <= b; n++ {
				items = append(items, strings.ReplaceAll(m[4], "#", strconv.Itoa(n)))
			}
			out = append(out, strings.Join(items, ",\n"))
		case line == "@end" && each != nil:
			for n := from; n <= to; n++ {
				out = append(out, strings.ReplaceAll(strings.Join(each, "\n"), "#", strconv.Itoa(n)))
			}
			each = nil
		case each != nil:
			each = append(each, line)
		default:
			out = append(out, line)
		}
	}
	if each != nil {
		return "", fmt.Errorf("@each without @end")
	}
	return strings.Join(out, "\n"), nil
}

// current is the step that is being read; nil before the first of a situation.
func (p *dialogueParser) current() *step {
	if len(p.d.situations) == 0 {
		return nil
	}
	steps := p.d.situations[len(p.d.situations)-1].steps
	if len(steps) == 0 {
		return nil
	}
	return &steps[len(steps)-1]
}

func (p *dialogueParser) take(line string) error {
	only, said := condition(line)
	sign, rest, _ := strings.Cut(said, " ")
	switch sign {
	case "##", ">", ">>", "<", "=":
		if err := p.close(); err != nil {
			return err
		}
		return p.begin(only, sign, strings.TrimSpace(rest))
	}
	s := p.current()
	switch {
	case strings.HasPrefix(line, "#"):
		return nil
	case s == nil && line == "":
		return nil
	case s == nil:
		return p.setting(line)
	case s.request == "":
		return s.attribute(line)
	}
	if m := headerLine.FindStringSubmatch(line); m != nil && p.json.Len() == 0 {
		if s.answered {
			s.wantHeaders = append(s.wantHeaders, [2]string{m[1], m[2]})
		} else {
			s.headers = append(s.headers, [2]string{m[1], m[2]})
		}
		return nil
	}
	if line != "" || p.json.Len() > 0 {
		p.json.WriteString(line + "\n")
	}
	return nil
}

// setting is a line before the first situation.
func (p *dialogueParser) setting(line string) error {
	name, value, _ := strings.Cut(line, ":")
	switch {
	case len(p.d.situations) > 0:
	case name == "rows":
		for word := range strings.FieldsSeq(value) {
			n, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			p.d.rows = append(p.d.rows, n)
		}
		return nil
	case name == "profile":
		p.d.profile = strings.TrimSpace(value)
		return nil
	case name == "needs":
		p.d.needs = strings.Fields(value)
		return nil
	}
	return fmt.Errorf("%q is no directive", line)
}

func (p *dialogueParser) begin(only, sign, rest string) error {
	s := p.current()
	switch {
	case rest == "":
		return fmt.Errorf("nothing behind %s", sign)
	case sign == "##":
		p.d.situations = append(p.d.situations, situation{only: only, claim: rest})
		return nil
	case len(p.d.situations) == 0:
		return fmt.Errorf("%s before the first ##", sign)
	case sign == "<":
		if only != "" || s == nil || s.request == "" || s.answered {
			return fmt.Errorf("an answer to nothing")
		}
		s.answered = true
		status, scimType, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(status)
		s.status, s.scimType = n, scimType
		return err
	case s != nil && s.request != "" && !s.answered:
		return fmt.Errorf("the request before has no answer")
	}
	fresh := step{line: p.line, only: only}
	if sign != "=" {
		fresh.together = sign == ">>"
		if method, path, _ := strings.Cut(rest, " "); method != strings.ToUpper(method) || !strings.HasPrefix(path, "/") {
			return fmt.Errorf("%q is no request", rest)
		}
		fresh.request = rest
	} else {
		fresh.dn, fresh.gone = strings.CutSuffix(rest, " is gone")
		fresh.values = map[string][]string{}
	}
	last := &p.d.situations[len(p.d.situations)-1]
	last.steps = append(last.steps, fresh)
	return nil
}

// attribute is a line below an entry.
func (s *step) attribute(line string) error {
	if line == "" {
		return nil
	}
	only, said := condition(line)
	name, value, ok := strings.Cut(said, ": ")
	absent := said[0] == '!'
	if absent {
		name, ok = said[1:], true
	}
	if only != "" {
		name = "(" + only + ") " + name
	}
	known := slices.Contains(s.attrs, name)
	if !ok || name == "" || s.gone || known && (absent || len(s.values[name]) == 0) {
		return fmt.Errorf("%q is neither `attribute: value` nor `!attribute`, or contradicts a line before", line)
	}
	if !absent {
		s.values[name] = append(s.values[name], value)
	}
	if !known {
		s.attrs = append(s.attrs, name)
	}
	return nil
}

// close ends what was being read, a body or the JSON of an answer.
func (p *dialogueParser) close() error {
	text := strings.TrimSpace(p.json.String())
	p.json.Reset()
	s := p.current()
	switch {
	case text == "":
		return nil
	case !s.answered:
		s.body = text
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&s.want); err != nil {
		return fmt.Errorf("the answer of line %d: %w", s.line, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("the answer of line %d has more than one value", s.line)
	}
	return nil
}

// given are the variables that every dialogue has.
var given = []string{"base", "people", "groups"}

// check refuses what would pass without proving anything.
func (d dialogue) check(text string) error {
	if len(d.rows) == 0 || len(d.situations) == 0 {
		return fmt.Errorf("it names no rows, or has no situation")
	}
	for _, need := range d.needs {
		if traits[need] == "" {
			return fmt.Errorf("nobody knows what %s are", need)
		}
	}
	for _, s := range d.situations {
		if len(s.steps) == 0 || s.steps[0].request == "" {
			return fmt.Errorf("%s: it does not begin with a request", s.claim)
		}
		for i, st := range s.steps {
			last := i == len(s.steps)-1
			switch {
			case st.request != "" && !st.answered:
				return fmt.Errorf("line %d: the request has no answer", st.line)
			case st.request != "" && last && (st.status == 200 || st.status == 201) && st.want == nil && st.wantHeaders == nil:
				return fmt.Errorf("line %d: the answer is not compared with anything, and nothing comes after it", st.line)
			case st.together && (i == 0 || !s.steps[i-1].together) && (last || !s.steps[i+1].together):
				return fmt.Errorf("line %d: the request is sent together with no other", st.line)
			case st.request == "" && len(st.attrs) == 0 && !st.gone:
				return fmt.Errorf("line %d: nothing is said of the entry", st.line)
			}
		}
	}
	times := map[string]int{}
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		times[m[1]]++
	}
	for name, n := range times {
		if n == 1 && !slices.Contains(given, name) {
			return fmt.Errorf("{{%s}} is used once only: write \"*\"", name)
		}
	}
	return nil
}
