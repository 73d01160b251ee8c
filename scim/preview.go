package scim

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// PreviewURN is the schema of what a dry run is answered with.
const PreviewURN = "urn:scim-adapter:api:messages:1.0:DryRun"

// Preview is what a write would come to. A Request that has one is only planned: nothing is written, and whoever plans it fills this.
type Preview struct {
	Changes  []PreviewChange
	Steps    []PreviewStep
	Warnings []string
}

// PreviewChange is what would happen to one attribute of the resource: its path, and its values before and after; nil where there are none, or nobody may see them.
type PreviewChange struct {
	Path          string
	Before, After any
}

// PreviewStep is one operation of a directory.
type PreviewStep struct {
	Type    string // of the resource
	Backend string // the directory's name in the configuration
	Op      string
	ID      string   // of the resource; "" of one that would be made
	Script  []string // in the directory's own language, a line each
}

// Object is the answer to a dry run: the status that the write would be answered with, and the resource as that answer would show it, if it would show one.
func (p *Preview) Object(status int, resource *Object) *Object {
	o := NewObject()
	o.Set("schemas", []any{PreviewURN})
	o.Set("status", strconv.Itoa(status))
	if resource != nil {
		o.Set("resource", resource)
	}
	changes, steps, warnings := []any{}, []any{}, []any{}
	for _, c := range p.Changes {
		change := NewObject()
		change.Set("path", c.Path)
		if c.Before != nil {
			change.Set("before", c.Before)
		}
		if c.After != nil {
			change.Set("after", c.After)
		}
		changes = append(changes, change)
	}
	for _, s := range p.Steps {
		step, script := NewObject(), []any{}
		for _, line := range s.Script {
			script = append(script, line)
		}
		step.Set("resourceType", s.Type)
		step.Set("backend", s.Backend)
		step.Set("op", s.Op)
		if s.ID != "" {
			step.Set("id", s.ID)
		}
		step.Set("script", script)
		steps = append(steps, step)
	}
	for _, w := range p.Warnings {
		warnings = append(warnings, w)
	}
	o.Set("changes", changes)
	o.Set("steps", steps)
	o.Set("warnings", warnings)
	return o
}

// The letters of the question, and those that say no less.
const (
	dryRun  = "dryrun"
	runDry  = "rundry"
	justDry = "dry"
)

// SpellsDryRun says that a name, or a word, could be meant to ask for a dry run, however it is written: its letters have dryrun in them, with whatever else between and around,
// percent-escaped as often as one likes, in full width or with accents, or they are dry and no more. The cost is linear.
func SpellsDryRun(word string) bool {
	word = plainly(word)
	return holdsDryRun(word) || squeeze(word).is(justDry)
}

// ResemblesDryRun says the same also of a word that is meant so, but for a slip of the hand.
func ResemblesDryRun(word string) bool {
	word = plainly(word)
	return holdsDryRun(word) || squeeze(word).meansDryRun()
}

// MeansDryRun says that the letters of a word are the question and no more: dryrun, perhaps with a slip of the hand in it, rundry, or dry.
func MeansDryRun(word string) bool { return squeeze(plainly(word)).meansDryRun() }

// plainly is a word without percent-escapes, and with each letter that has a plain form in that form.
func plainly(word string) string {
	if strings.IndexByte(word, '%') >= 0 {
		word = Unescaped(word)
	}
	for i := range len(word) {
		if word[i] >= utf8.RuneSelf {
			return norm.NFKD.String(word)
		}
	}
	return word
}

// holdsDryRun looks for the letters one after the other; what is no letter does not count.
func holdsDryRun(word string) bool {
	met := 0
	for i := range len(word) {
		c := word[i] | 0x20
		if c < 'a' || c > 'z' {
			continue
		}
		switch c {
		case dryRun[met]:
			met++
		case dryRun[0]:
			met = 1
		default:
			met = 0
		}
		if met == len(dryRun) {
			return true
		}
	}
	return false
}

// squeezed is the letters of a word, in small ones and without the X- in front, as far as they tell which of a few short words it is.
type squeezed struct {
	letters [12]byte
	n       int // of them; beyond their number: it is longer
}

func squeeze(word string) (s squeezed) {
	for i := range len(word) {
		c := word[i] | 0x20
		if c < 'a' || c > 'z' || s.n == 0 && c == 'x' {
			continue
		}
		if s.n < len(s.letters) {
			s.letters[s.n] = c
		}
		if s.n++; s.n > len(s.letters) {
			break
		}
	}
	return s
}

func (s squeezed) is(word string) bool {
	return s.n == len(word) && string(s.letters[:s.n]) == word
}

func (s squeezed) meansDryRun() bool {
	return s.n <= len(dryRun)+1 && (s.is(justDry) || s.is(runDry) || oneSlip(string(s.letters[:s.n]), dryRun))
}

// oneSlip says that a word is the one sought, or would be with one letter more, one less, another one, or two neighbours exchanged.
func oneSlip(word, sought string) bool {
	n := 0
	for n < len(word) && n < len(sought) && word[n] == sought[n] {
		n++
	}
	word, sought = word[n:], sought[n:]
	switch len(word) - len(sought) {
	case 1:
		return word[1:] == sought
	case -1:
		return word == sought[1:]
	case 0:
		return word == "" || word[1:] == sought[1:] || len(word) > 1 && word[0] == sought[1] && word[1] == sought[0] && word[2:] == sought[2:]
	}
	return false
}

// Unescaped takes the percent-escapes from a text, also those that come of taking others, each as soon as it stands there: so it is done in one pass.
func Unescaped(text string) string {
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		out = append(out, text[i])
		for n := len(out); n >= 3 && out[n-3] == '%'; n = len(out) {
			c, err := strconv.ParseUint(string(out[n-2:]), 16, 8)
			if err != nil {
				break
			}
			out = append(out[:n-3], byte(c))
		}
	}
	return string(out)
}

// MisspelledDryRun refuses what reads like the question for a dry run and is none. Done, it would have written for somebody who believes that nothing is.
func MisspelledDryRun() *Error {
	return BadRequest(InvalidValue, "This reads like the question for a dry run, which is asked with the header Prefer: dry-run or with the parameter dryRun=true, once. Nothing was written.")
}
