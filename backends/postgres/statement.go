package postgres

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// usualStatement is how many bytes the SQL that reads a record has, more or less.
const usualStatement = 1500

// statement is SQL in the making. Values get into it as arguments only.
type statement struct {
	text  strings.Builder
	args  []any
	alone bool // without joins: the search by itself, which is asked about beforehand
}

// sql adds text of our own: keywords, quoted identifiers, what the configuration says. Never a value.
func (s *statement) sql(parts ...string) *statement {
	if s.text.Cap() == 0 {
		s.text.Grow(usualStatement)
	}
	for _, part := range parts {
		s.text.WriteString(part)
	}
	return s
}

// arg adds an argument, with a cast to a type so that nothing is guessed: $3::bigint. typ is text of our own, or a quoted name.
func (s *statement) arg(v any, typ string) *statement {
	s.args = append(s.args, v)
	s.sql("$", strconv.Itoa(len(s.args)))
	if typ != "" {
		s.sql("::", typ)
	}
	return s
}

func (s *statement) String() string { return s.text.String() }

// ident quotes an identifier, or a qualified one.
func ident(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// of is a column of t or r.
func of(alias string, c *column) string { return alias + "." + ident(c.name) }
