package mapping

import (
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// template is a text with slots, `uid={userName},ou=people,dc=example,dc=org`.
type template []templatePart

// templatePart is a literal, or a slot: the value of a mapped path. native is the directory attribute that the slot
// names the record by (the uid in `uid={userName}`); "" where the slot stands elsewhere.
type templatePart struct {
	text   string
	slot   string
	field  *field
	native string
}

// parseTemplate takes the text apart; slots are resolved later, when all fields are known.
func parseTemplate(text string) (template, *syntaxError) {
	const remedy = "a slot is a mapped path in braces, uid={userName}"
	var t template
	for text != "" {
		literal, tail, found := strings.Cut(text, "{")
		if strings.Contains(literal, "}") {
			return nil, syntaxf(remedy, "a } without its { in %q", text)
		}
		if literal != "" {
			t = append(t, templatePart{text: literal})
		}
		if !found {
			break
		}
		slot, after, closed := strings.Cut(tail, "}")
		if !closed || strings.TrimSpace(slot) == "" {
			return nil, syntaxf(remedy, "the slot in %q is not closed, or empty", text)
		}
		t = append(t, templatePart{slot: strings.TrimSpace(slot), native: named(literal)})
		text = after
	}
	return t, nil
}

// named is the attribute that the text before a slot gives it to: `uid=`, `ou=people+cn=`.
func named(literal string) string {
	before, ok := strings.CutSuffix(strings.TrimRight(literal, " "), "=")
	if !ok {
		return ""
	}
	return strings.TrimSpace(before[strings.LastIndexAny(before, "+,")+1:])
}

// bind finds the fields of the slots.
func (t template) bind(c *compiler, node configs.Node) {
	for i, part := range t {
		if part.slot == "" {
			continue
		}
		f := c.slot(node, part.slot)
		t[i].field = f
		if f != nil && part.native != "" {
			t[i].native = c.spelling(part.native)
		}
	}
}

// fill puts the value of each slot in its place; empty is the path of a slot that has none.
func (t template) fill(value func(templatePart) (backends.Value, bool)) (out backends.Template, empty string) {
	for _, part := range t {
		if part.field == nil {
			out = append(out, backends.Part{Text: part.text})
			continue
		}
		v, ok := value(part)
		if !ok {
			return nil, part.field.path.String()
		}
		out = append(out, backends.Part{Slot: true, Value: v})
	}
	return out, ""
}

// text is the filled template where no quoting is wanted: the value of an attribute.
func (t template) text(value func(templatePart) (backends.Value, bool)) (string, bool) {
	filled, empty := t.fill(value)
	var b strings.Builder
	for _, part := range filled {
		b.WriteString(part.Text)
		if part.Slot {
			b.WriteString(part.Value.Text())
		}
	}
	return b.String(), empty == ""
}
