package backends

import "strings"

// Path names a place in a record's document, or in a column of documents: the attribute, then the member of each object on the way. It is
// written with dots, and a member that is not of letters, digits, _, - and $ in quotes: data.name.givenName, data."urn:x:y".department. Where an array
// stands on the way or at the end, the values are those of all its elements; objects at the end are Rows.
func Path(attr string, members ...string) string {
	var b strings.Builder
	b.WriteString(attr)
	for _, m := range members {
		b.WriteByte('.')
		if plainMember(m) {
			b.WriteString(m)
			continue
		}
		b.WriteString(`"` + strings.ReplaceAll(m, `"`, `""`) + `"`)
	}
	return b.String()
}

// SplitPath takes apart what Path made, or somebody wrote; ok is false for what is no path.
func SplitPath(path string) (attr string, members []string, ok bool) {
	attr, rest, more := strings.Cut(path, ".")
	ok = attr != ""
	for ok && more {
		var m string
		if strings.HasPrefix(rest, `"`) {
			m, rest, ok = cutQuoted(rest)
			rest, more = strings.CutPrefix(rest, ".")
			ok = ok && (more || rest == "")
		} else {
			m, rest, more = strings.Cut(rest, ".")
			ok = plainMember(m)
		}
		members = append(members, m)
	}
	return attr, members, ok
}

// cutQuoted reads "…" at the beginning of s; a quote inside is doubled.
func cutQuoted(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			return b.String(), s[i+1:], b.Len() > 0
		}
	}
	return "", "", false
}

func plainMember(m string) bool {
	for i := range len(m) {
		c := m[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '_' && c != '-' && c != '$' {
			return false
		}
	}
	return m != ""
}
