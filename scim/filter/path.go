package filter

import "strings"

// path reads [URN:]attr[[filter]][.sub]. A URN may hold dots (…:2.0:User), so the name is what stands behind the last colon.
func (p *parser) path() (Path, error) {
	start := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) {
		p.pos++
	}
	text := p.text[start:p.pos]
	if text == "" {
		return Path{}, p.fail("an attribute")
	}
	var path Path
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		path.URI = text[:i]
		if path.URI == "" || strings.HasSuffix(path.URI, ":") {
			p.pos = start + max(i-1, 0)
			return Path{}, p.fail("a schema URN before `:`")
		}
		text = text[i+1:]
	}
	bad, ok := path.name(text)
	if !ok {
		if path.URI != "" && text != "" && !p.at('[') && strings.Contains(path.URI, ":") {
			// Not an attribute's name: all of it is a URN, like urn:example:hr:2.0.
			return Path{URI: path.URI + ":" + text}, nil
		}
		p.pos -= len(text) - bad
		return Path{}, p.fail("an attribute's name (a letter, then letters, digits, `-`, `_` or `$`)")
	}
	if !p.at('[') {
		return path, nil
	}
	return p.valuePath(path)
}

// name fills in attr or attr.sub, or says at which byte it is neither.
func (p *Path) name(text string) (bad int, ok bool) {
	attr, sub, dotted := strings.Cut(text, ".")
	if n := nameLen(attr); n < len(attr) || n == 0 {
		return n, false
	}
	if n := nameLen(sub); dotted && (n < len(sub) || n == 0) {
		return len(attr) + 1 + n, false
	}
	p.Attr, p.Sub = attr, sub
	return 0, true
}

// valuePath reads `[filter]` and perhaps `.sub` behind an attribute.
func (p *parser) valuePath(path Path) (Path, error) {
	if p.bracket {
		return Path{}, p.fail("no `[` within `[ ]`")
	}
	if path.Sub != "" {
		return Path{}, p.fail("no `[` behind a sub-attribute")
	}
	p.bracket = true
	if err := p.enter(); err != nil {
		return Path{}, err
	}
	e, err := p.or()
	if err != nil {
		return Path{}, err
	}
	if !p.at(']') {
		return Path{}, p.fail("`and`, `or` or `]`")
	}
	p.pos++
	p.depth--
	p.bracket = false
	path.Filter = e
	if !p.at('.') {
		if p.pos < len(p.text) && isWord(p.text[p.pos]) {
			return Path{}, p.fail("`.`, a blank or the end after `]`")
		}
		return path, nil
	}
	p.pos++
	start := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) {
		p.pos++
	}
	path.Sub = p.text[start:p.pos]
	if n := nameLen(path.Sub); n == 0 || n < len(path.Sub) {
		p.pos = start + n
		return Path{}, p.fail("a sub-attribute's name")
	}
	return path, nil
}

// nameLen is how many bytes at the start of s are an attribute's name (RFC 7643 §2.1, and `$ref`; a leading `_` is met in custom schemas).
func nameLen(s string) int {
	for i := range len(s) {
		c := s[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '$', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-'):
		default:
			return i
		}
	}
	return len(s)
}

// isWord is true of what may stand in a path, its URN included (RFC 8141, without what filters need for themselves).
func isWord(c byte) bool {
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9':
		return true
	}
	switch c {
	case '-', '_', '$', ':', '.', '%', '/', '+', '@', '~', '#', '*':
		return true
	}
	return false
}
