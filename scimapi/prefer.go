package scimapi

import "strings"

// preference is one element of the header Prefer (RFC 7240 §2): a name, perhaps with a value, and parameters behind semicolons.
type preference struct {
	text        string
	readable    bool
	name, value string
	words       []string // every name and value of it, those of parameters too
}

// preferences reads the header, which may be there several times and hold several with commas.
func preferences(headers []string) []preference {
	var all []preference
	for rest := strings.Join(headers, ","); rest != ""; {
		var p preference
		if p, rest = readPreference(rest); p.text != "" {
			all = append(all, p)
		}
	}
	return all
}

// readPreference reads one element, up to its comma. One that cannot be read is all that comes: where it ends, nobody can say.
func readPreference(s string) (p preference, rest string) {
	s = strings.TrimLeft(s, ", \t")
	p, whole := preference{readable: true}, s
	for first := true; s != ""; first = false {
		name, after := cutToken(s)
		value := ""
		if after = skipBlanks(after); strings.HasPrefix(after, "=") {
			var ok bool
			if value, after, ok = cutWord(skipBlanks(after[1:])); !ok {
				return preference{text: whole}, ""
			}
			after = skipBlanks(after)
		}
		if name == "" && value != "" || first && name == "" {
			return preference{text: whole}, ""
		}
		if p.words = append(p.words, name, value); first {
			p.name, p.value = name, value
		}
		switch s = after; {
		case s == "":
		case s[0] == ',':
			p.text = whole[:len(whole)-len(s)]
			return p, s[1:]
		case s[0] == ';':
			s = skipBlanks(s[1:])
		default:
			return preference{text: whole}, ""
		}
	}
	p.text = whole
	return p, ""
}

func skipBlanks(s string) string { return strings.TrimLeft(s, " \t") }

// cutToken takes the longest token that s begins with (RFC 9110 §5.6.2).
func cutToken(s string) (token, rest string) {
	rest = strings.TrimLeftFunc(s, func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
	return s[:len(s)-len(rest)], rest
}

// cutWord takes a token, or a text in quotes.
func cutWord(s string) (word, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		word, rest = cutToken(s)
		return word, rest, word != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
