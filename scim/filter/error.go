package filter

import (
	"strconv"
	"unicode/utf8"
)

// SyntaxError says what is wrong with a filter or path, and where.
type SyntaxError struct {
	Input string
	Pos   int    // byte offset in Input
	Want  string // what was expected: `an operator (eq, ne, …)`
	Found string // what stood there, shortened: `"xx"`, `the end`
}

// Error is a sentence for the person who wrote the filter; it counts characters, not bytes.
func (e *SyntaxError) Error() string {
	at := strconv.Itoa(utf8.RuneCountInString(e.Input[:e.Pos]) + 1)
	return "character " + at + ": expected " + e.Want + ", found " + e.Found
}

// maxFound is how much of the text an error repeats, in bytes.
const maxFound = 24

// found is what an error shows of the text at pos: a word, or the one character that is in the way.
func found(s string, pos int) string {
	if pos >= len(s) {
		return "the end"
	}
	end := pos
	for end < len(s) && isWord(s[end]) {
		end++
	}
	if end == pos {
		r, size := utf8.DecodeRuneInString(s[pos:])
		if r == utf8.RuneError && size <= 1 {
			return "a byte that is not UTF-8"
		}
		return strconv.Quote(s[pos : pos+size])
	}
	if end-pos > maxFound {
		return strconv.Quote(s[pos:pos+maxFound]) + "…"
	}
	return strconv.Quote(s[pos:end])
}
