package filter

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxLength is how long a filter or path may be, in bytes. 64 KiB hold some 1,500 terms over ids, more than fits the URL of most servers.
	MaxLength = 64 << 10
	// MaxDepth is how deep parentheses, `not (` and brackets may nest.
	MaxDepth = 128
)

const (
	wantTerm     = "an attribute, `not (` or `(`"
	wantOperator = "an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr)"
	wantValue    = "a value (a JSON string, a number, true, false or null)"
	wantMore     = "`and`, `or` or the end"
)

// Parse reads a filter. The error is a *SyntaxError.
func Parse(s string) (Expr, error) {
	p := parser{text: s}
	if err := p.admit(); err != nil {
		return nil, err
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.pos < len(s) {
		return nil, p.fail(wantMore)
	}
	return e, nil
}

// ParsePath reads a path: attr, attr.sub, attr[filter], attr[filter].sub, any of them behind a schema URN and a colon, or a URN alone (see Path.Whole).
func ParsePath(s string) (Path, error) {
	p := parser{text: s}
	if err := p.admit(); err != nil {
		return Path{}, err
	}
	path, err := p.path()
	if err != nil {
		return Path{}, err
	}
	if p.blanks(); p.pos < len(s) {
		return Path{}, p.fail("the end of the path")
	}
	return path, nil
}

// parser is a recursive descent over the text itself: there are no tokens, so a filter without escapes is parsed without copying any of it.
type parser struct {
	text    string
	pos     int
	depth   int
	bracket bool // within [ ]: RFC 7644 has no value path inside a value path
}

// admit refuses what is too long or not UTF-8, before anything is read.
func (p *parser) admit() error {
	if len(p.text) > MaxLength {
		return &SyntaxError{Input: p.text, Pos: MaxLength, Want: "at most " + strconv.Itoa(MaxLength) + " bytes", Found: "more"}
	}
	if !utf8.ValidString(p.text) {
		for i, r := range p.text {
			if _, size := utf8.DecodeRuneInString(p.text[i:]); r == utf8.RuneError && size == 1 {
				p.pos = i
				break
			}
		}
		return p.fail("UTF-8")
	}
	p.blanks()
	return nil
}

func (p *parser) fail(want string) error {
	return &SyntaxError{Input: p.text, Pos: p.pos, Want: want, Found: found(p.text, p.pos)}
}

// or reads terms joined by `or`, the loosest operator (RFC 7644 table 5).
func (p *parser) or() (Expr, error) {
	return p.chain("or", p.and, func(terms []Expr) Expr { return Or{terms} })
}

func (p *parser) and() (Expr, error) {
	return p.chain("and", p.term, func(terms []Expr) Expr { return And{terms} })
}

// chain reads one or more operands joined by word; a single one stands for itself.
func (p *parser) chain(word string, operand func() (Expr, error), join func([]Expr) Expr) (Expr, error) {
	first, err := operand()
	if err != nil {
		return nil, err
	}
	var terms []Expr
	for {
		if p.blanks(); !p.word(word) {
			break
		}
		p.blanks()
		next, err := operand()
		if err != nil {
			return nil, err
		}
		if terms == nil {
			terms = append(terms, first)
		}
		terms = append(terms, next)
	}
	if terms == nil {
		return first, nil
	}
	return join(terms), nil
}

// term reads a group, a negation, a comparison or a bare value path.
func (p *parser) term() (Expr, error) {
	if p.at('(') {
		return p.group()
	}
	start := p.pos
	if p.word("not") {
		if p.blanks(); !p.at('(') {
			return nil, p.fail("`(` after `not`")
		}
		e, err := p.group()
		if err != nil {
			return nil, err
		}
		return Not{e}, nil
	}
	if start >= len(p.text) || !isWord(p.text[start]) {
		return nil, p.fail(wantTerm)
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	return p.comparison(path, start)
}

// group reads `( filter )`.
func (p *parser) group() (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.at(')') {
		return nil, p.fail("`and`, `or` or `)`")
	}
	p.pos++
	p.depth--
	return e, nil
}

// enter steps over an opening character, one level deeper.
func (p *parser) enter() error {
	if p.depth++; p.depth > MaxDepth {
		return &SyntaxError{Input: p.text, Pos: p.pos, Want: "at most " + strconv.Itoa(MaxDepth) + " levels of nesting", Found: "more"}
	}
	p.pos++
	p.blanks()
	return nil
}

// comparison reads what follows a path: an operator and a value, `pr`, or nothing when the path is a condition itself.
func (p *parser) comparison(path Path, start int) (Expr, error) {
	after := p.pos
	p.blanks()
	from := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) {
		p.pos++
	}
	op, ok := operator(p.text[from:p.pos])
	switch {
	case ok && from == after:
		p.pos = from
		return nil, p.fail("a blank before the operator")
	case !ok && path.Filter != nil && path.Sub == "":
		p.pos = from
		return Has{Path: path, Pos: start}, nil
	case !ok:
		p.pos = from
		return nil, p.fail(wantOperator)
	case op == Pr:
		return Compare{Path: path, Op: op, Pos: start}, nil
	}
	end := p.pos
	if p.blanks(); p.pos == end && p.pos < len(p.text) {
		return nil, p.fail("a blank after the operator")
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	return Compare{Path: path, Op: op, Value: v, Pos: start}, nil
}

// operator finds the operator that a word is, in any case of letters.
func operator(w string) (Op, bool) {
	if len(w) != 2 {
		return "", false
	}
	switch [2]byte{w[0] | 0x20, w[1] | 0x20} {
	case [2]byte{'e', 'q'}:
		return Eq, true
	case [2]byte{'n', 'e'}:
		return Ne, true
	case [2]byte{'c', 'o'}:
		return Co, true
	case [2]byte{'s', 'w'}:
		return Sw, true
	case [2]byte{'e', 'w'}:
		return Ew, true
	case [2]byte{'g', 't'}:
		return Gt, true
	case [2]byte{'g', 'e'}:
		return Ge, true
	case [2]byte{'l', 't'}:
		return Lt, true
	case [2]byte{'l', 'e'}:
		return Le, true
	case [2]byte{'p', 'r'}:
		return Pr, true
	}
	return "", false
}

func (p *parser) at(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// word steps over w, in any case of letters, if it stands here as a whole word.
func (p *parser) word(w string) bool {
	end := p.pos + len(w)
	if end > len(p.text) || !strings.EqualFold(p.text[p.pos:end], w) || end < len(p.text) && isWord(p.text[end]) {
		return false
	}
	p.pos = end
	return true
}

func (p *parser) blanks() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}
