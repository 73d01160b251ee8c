package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Parse reads the attributes of a subschema entry: attributeTypes, objectClasses, matchingRules, matchingRuleUse and ldapSyntaxes, their
// names in any case; others are passed over. A description that cannot be read is left out, so that one odd vendor type does not cost the
// rest; the error then names all that were left out, and the schema is usable nevertheless.
func Parse(entry map[string][]string) (*Schema, error) {
	s := newSchema()
	var faults []error
	for attr, descriptions := range entry {
		add, ok := adders[strings.ToLower(attr)]
		if !ok {
			continue
		}
		for _, text := range descriptions {
			d, err := parseDescription(text)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s %q: %w", attr, text, err))
				continue
			}
			add(s, d)
		}
	}
	s.link()
	return s, errors.Join(faults...)
}

// The attributes of a subschema entry, in lower case.
const (
	attributeTypes  = "attributetypes"
	objectClasses   = "objectclasses"
	matchingRules   = "matchingrules"
	matchingRuleUse = "matchingruleuse"
	ldapSyntaxes    = "ldapsyntaxes"
)

var adders = map[string]func(*Schema, description){
	attributeTypes:  (*Schema).addAttribute,
	objectClasses:   (*Schema).addClass,
	matchingRules:   (*Schema).addRule,
	matchingRuleUse: (*Schema).addUse,
	ldapSyntaxes:    (*Schema).addSyntax,
}

// description is one parenthesised definition: an OID and keywords, each with the words that follow it.
type description struct {
	oid   string
	words map[string][]string // keyword in upper case; a flag has no words
	text  string
}

func (d description) has(keyword string) bool { _, ok := d.words[keyword]; return ok }

func (d description) one(keyword string) string {
	if w := d.words[keyword]; len(w) > 0 {
		return w[0]
	}
	return ""
}

// syntax splits `SYNTAX 1.2.3{64}` into the OID and the bound.
func (d description) syntax() (oid string, bound int) {
	oid, rest, found := strings.Cut(d.one("SYNTAX"), "{")
	if found {
		bound, _ = strconv.Atoi(strings.TrimSuffix(rest, "}")) // an unreadable bound is none
	}
	return strings.TrimSpace(oid), bound
}

var (
	errNoParen  = errors.New("it does not stand in parentheses")
	errNoOID    = errors.New("it has no OID")
	errOpenText = errors.New("a quote is not closed")
)

// parseDescription reads `( oid KEYWORD value KEYWORD ( a $ b ) FLAG … )`.
func parseDescription(text string) (description, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return description{}, err
	}
	if len(tokens) < 2 || !tokens[0].is("(") || !tokens[len(tokens)-1].is(")") {
		return description{}, errNoParen
	}
	tokens = tokens[1 : len(tokens)-1]
	if len(tokens) == 0 || tokens[0].is("(") || tokens[0].text == "" {
		return description{}, errNoOID
	}
	d := description{oid: tokens[0].text, words: map[string][]string{}, text: strings.TrimSpace(text)}
	for i := 1; i < len(tokens); {
		keyword := strings.ToUpper(tokens[i].text)
		if tokens[i].quoted || tokens[i].punctuation {
			return description{}, fmt.Errorf("a keyword was expected where %q stands", tokens[i].text)
		}
		var words []string
		if words, i, err = wordsAfter(tokens, i+1, keyword); err != nil {
			return description{}, err
		}
		d.words[keyword] = words
	}
	return d, nil
}

// flags are the keywords that stand alone.
var flags = map[string]bool{
	"OBSOLETE": true, "SINGLE-VALUE": true, "COLLECTIVE": true, "NO-USER-MODIFICATION": true, "ABSTRACT": true, "STRUCTURAL": true, "AUXILIARY": true,
}

// wordsAfter collects what belongs to the keyword before tokens[i] and says where the next keyword is.
func wordsAfter(tokens []token, i int, keyword string) (words []string, next int, err error) {
	if flags[keyword] || i >= len(tokens) {
		return nil, i, nil
	}
	if !tokens[i].is("(") {
		// An unknown keyword of a vendor is a flag unless quoted text follows it.
		if !tokens[i].quoted && !takesWord[keyword] {
			return nil, i, nil
		}
		return []string{tokens[i].text}, i + 1, nil
	}
	for i++; i < len(tokens); i++ {
		switch {
		case tokens[i].is(")"):
			return words, i + 1, nil
		case tokens[i].is("("):
			return nil, i, fmt.Errorf("a list inside the list of %s", keyword)
		case !tokens[i].is("$"):
			words = append(words, tokens[i].text)
		}
	}
	return nil, i, fmt.Errorf("the list of %s is not closed", keyword)
}

// takesWord are the keywords whose word may stand without quotes.
var takesWord = map[string]bool{
	"NAME": true, "SUP": true, "EQUALITY": true, "ORDERING": true, "SUBSTR": true, "SYNTAX": true, "USAGE": true, "MUST": true, "MAY": true, "APPLIES": true,
}

type token struct {
	text        string
	quoted      bool
	punctuation bool
}

func (t token) is(p string) bool { return t.punctuation && t.text == p }

// tokenize cuts a description into parentheses, dollars, quoted strings and words. 389 DS quotes OIDs and class names too, which makes no
// difference here.
func tokenize(s string) ([]token, error) {
	var tokens []token
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
		case '(', ')', '$':
			tokens = append(tokens, token{text: string(c), punctuation: true})
			i++
		case '\'', '"':
			end := strings.IndexByte(s[i+1:], c)
			if end < 0 {
				return nil, errOpenText
			}
			tokens = append(tokens, token{text: unescapeQuoted(s[i+1 : i+1+end]), quoted: true})
			i += end + 2
		default:
			end := strings.IndexAny(s[i:], " \t\r\n()$'\"")
			if end < 0 {
				end = len(s) - i
			}
			tokens = append(tokens, token{text: s[i : i+end]})
			i += end
		}
	}
	return tokens, nil
}

// unescapeQuoted undoes the two escapes of a qdstring: \27 for the quote and \5C for the backslash (RFC 4512 §4.1). Any other backslash
// stands for itself, as servers that do not escape mean it.
func unescapeQuoted(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\27`, `'`, `\5C`, `\`, `\5c`, `\`).Replace(s)
}
