package ldap

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Script is a write as a change record (RFC 2849), which ldapmodify reads. Of a secret there is no more than a comment.
func (c *class) Script(w backends.Write) []string {
	var lines []string
	add := func(name, text string) { lines = append(lines, ldifLine(name, text)) }
	if w.Name == "" { // without a name it would be the root's
		return []string{"# the entry with the key " + string(w.Key) + " has no name any more: " + w.Op, ""}
	}
	add("dn", w.Name)
	values := func(attr string, values backends.Values) {
		for _, v := range values {
			if v.Kind() == backends.KindSecret {
				lines = append(lines, "# "+attr+": "+v.String())
				continue
			}
			add(attr, v.Text())
		}
	}
	switch w.Op {
	case "create", "restore":
		add("changetype", "add")
		if w.Op == "restore" {
			lines = append(lines, relaxed(w.Attrs)...)
		}
		for _, attr := range slices.Sorted(maps.Keys(w.Attrs)) {
			if !c.Syntax(attr).ReadOnly {
				values(attr, w.Attrs[attr])
			}
		}
	case "modify":
		add("changetype", "modify")
		for _, change := range w.Changes {
			word, attr := map[backends.ChangeOp]string{backends.Add: "add", backends.Remove: "delete"}[change.Op], change.Attr
			if word == "" {
				word = "replace"
			}
			add(word, attr)
			values(attr, change.Values)
			lines = append(lines, "-")
		}
	case "move":
		add("changetype", "modrdn")
		rdn, parent := splitName(newName(w))
		add("newrdn", rdn)
		add("deleteoldrdn", "1")
		if _, old := splitName(w.Name); backends.Normalize(backends.NameRule, old) != backends.Normalize(backends.NameRule, parent) {
			add("newsuperior", parent)
		}
	case "delete":
		add("changetype", "delete")
	}
	return append(lines, "")
}

// relaxed are comments for what an entry was known by, which no plain add can give it back.
func relaxed(attrs backends.Attributes) (lines []string) {
	for _, attr := range slices.Sorted(maps.Keys(attrs)) {
		for _, value := range attrs[attr].Texts() {
			if relaxedTypes[strings.ToLower(attr)] == identity {
				lines = append(lines, "# "+ldifLine(attr, value))
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{"# With ldapmodify -e relax, as who may manage entries, it can be what it was known by; else it becomes another one:"}, lines...)
}

func newName(w backends.Write) string {
	if len(w.Changes) == 0 || len(w.Changes[0].Values) == 0 {
		return ""
	}
	return w.Changes[0].Values[0].Text()
}

// splitName tells an entry's own part of its name from those above it.
func splitName(dn string) (rdn, parent string) {
	for i := 0; i < len(dn); i++ {
		switch dn[i] {
		case '\\':
			i++
		case ',':
			return strings.TrimSpace(dn[:i]), strings.TrimSpace(dn[i+1:])
		}
	}
	return dn, ""
}

// ldifLine is a line of LDIF: what is no safe string is in base64.
func ldifLine(name, text string) string {
	safe := utf8.ValidString(text) && (text == "" || !strings.ContainsAny(text[:1], " :<") && !strings.HasSuffix(text, " "))
	for _, r := range text {
		safe = safe && r < utf8.RuneSelf && r != 0 && r != '\n' && r != '\r'
	}
	if safe {
		return strings.TrimRight(name+": "+text, " ")
	}
	return name + ":: " + base64.StdEncoding.EncodeToString([]byte(text))
}
