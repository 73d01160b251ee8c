package postgres

import (
	"regexp"
	"strings"
)

// tenantMark stands for the tenant in a condition whose pieces are put together. It cannot be in a configuration.
const tenantMark = "\x00"

// equality is a conjunct like tenant_id = {tenant}, kind = 'person', t."Org" = 7.
var equality = regexp.MustCompile(
	`^\s*(?:t\s*\.\s*)?(?:"((?:[^"]|"")+)"|([\pL_][\pL\pN_$]*))\s*=\s*(\x00|'(?:[^']|'')*'|[0-9]+|(?i:true|false))(?:\s*::\s*[a-z_ ]+)?\s*$`)

// fixed are the columns that the class's condition gives one value, as far as it says so plainly: a new row gets these values, and a constraint that is
// about such a column and another was broken by the other.
func (s *shape) fixed() []fixed {
	var b strings.Builder
	for _, p := range s.class.where {
		if p.tenant {
			b.WriteString(tenantMark)
		} else {
			b.WriteString(p.sql)
		}
	}
	var all []fixed
	for _, term := range conjuncts(b.String()) {
		m := equality.FindStringSubmatch(term)
		if m == nil {
			continue
		}
		name := strings.ToLower(m[2]) // as the server folds what is not in quotes
		if m[1] != "" {
			name = strings.ReplaceAll(m[1], `""`, `"`)
		}
		for _, c := range s.rel.columns {
			if c.name == name {
				all = append(all, fixed{column: c, value: literal(m[3], s.class.tenant)})
			}
		}
	}
	return all
}

func literal(sql, tenant string) string {
	switch {
	case sql == tenantMark:
		return tenant
	case strings.HasPrefix(sql, "'"):
		return strings.ReplaceAll(sql[1:len(sql)-1], "''", "'")
	}
	return sql
}

// conjuncts takes a condition apart at the ANDs that are not inside of anything. An OR there, or a BETWEEN, and nothing is certain.
func conjuncts(sql string) []string {
	var terms []string
	begin, depth := 0, 0
	for i := 0; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == '\'' || c == '"':
			end := strings.IndexByte(sql[i+1:], c)
			if end < 0 {
				return nil
			}
			i += end + 1
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth > 0:
		case keyword(sql, i, "or"), keyword(sql, i, "between"), keyword(sql, i, "case"):
			return nil
		case keyword(sql, i, "and"):
			terms = append(terms, sql[begin:i])
			begin = i + len("and")
		}
	}
	return append(terms, sql[begin:])
}

// keyword says that a word stands at i, in whatever letters.
func keyword(sql string, i int, word string) bool {
	end := i + len(word)
	if end > len(sql) || !strings.EqualFold(sql[i:end], word) {
		return false
	}
	return (i == 0 || !inWord(sql[i-1])) && (end == len(sql) || !inWord(sql[end]))
}

func inWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
