package lens

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/mapping"
)

// Markdown is the reference of the lenses, docs/lenses.md. A test keeps the file what this says.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Lenses\n\n" +
		"A pipeline `attribute | lens | lens(args)` reads a directory attribute towards SCIM; writing runs it backwards. " +
		"An argument is a bare word of letters, digits and `_.@:+-/`, or a JSON string.\n\n" +
		"Three things hold for every lens: what was written reads back, in the lens's normal form; what a lens does not show it does not touch; " +
		"and a filter finds exactly those records that show what it asks for. Filters that are not listed for a lens are tested by the adapter, record by record.\n\n" +
		"This page is made from the lenses themselves (`go test ./mapping/lens -run Markdown -update`), and its examples run as tests.\n\n")
	b.WriteString("| lens | gives | the directory answers |\n|---|---|---|\n")
	for _, s := range Table() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", cell(s.Usage), strings.ToLower(s.Name), gives(s), operators(s))
	}
	for _, s := range Table() {
		fmt.Fprintf(&b, "\n## %s\n\n`%s`\n\n%s\n", s.Name, s.Usage, s.Doc)
		writeExamples(&b, s)
	}
	return b.String()
}

func gives(s mapping.Spec) string {
	if s.Type == "" {
		return "text"
	}
	return string(s.Type)
}

func operators(s mapping.Spec) string {
	if len(s.Ops) == 0 {
		return "nothing"
	}
	words := make([]string, len(s.Ops))
	for i, op := range s.Ops {
		words[i] = string(op)
	}
	return strings.Join(words, ", ")
}

func writeExamples(b *strings.Builder, s mapping.Spec) {
	if len(s.Examples) == 0 {
		return
	}
	b.WriteString("\n| in a pipeline | the directory has | SCIM shows | which written over |\n|---|---|---|---|\n")
	for _, e := range s.Examples {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", cell(call(s.Name, e.Args)), natives(e.Native), shown(e.Scim), over(e))
	}
}

// over says what has to be there for writing an example's SCIM value to give its native one.
func over(e mapping.Example) string {
	switch {
	case e.OneWay:
		return "—"
	case len(e.Before) > 0 && slices.Equal(e.Before, e.Native):
		return "the same changes nothing"
	}
	return natives(e.Before) + " gives it"
}

// call writes a lens with its arguments as a mapping has it.
func call(name string, args []string) string {
	if len(args) == 0 {
		return name
	}
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		code, word, _ := strings.Cut(a, "=")
		if !bareWord(code) || !bareWord(word) {
			words[i] = quote(a)
		}
	}
	return name + "(" + strings.Join(words, ", ") + ")"
}

func bareWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.@:+-/", r)
	})
}

func natives(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = "`" + cell(v) + "`"
		if !printable(v) {
			texts[i] = "bytes `" + hex.EncodeToString([]byte(v)) + "`"
		}
	}
	return strings.Join(texts, ", ")
}

// printable tells text from bytes in an example.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func shown(values []any) string {
	if len(values) == 0 {
		return "nothing"
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = "`" + cell(quote(v)) + "`"
	}
	return strings.Join(texts, ", ")
}

func quote(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

// cell keeps a bar from ending a table's cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
