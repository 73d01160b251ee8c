package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// piece is a part of a condition as the configuration writes it: SQL, or the place of an argument.
type piece struct {
	sql    string
	tenant bool
}

const tenantSlot = "{tenant}"

func mentionsTenant(s string) bool { return strings.Contains(s, tenantSlot) }

var errNoCondition = errors.New("is empty")

func orEmpty(err error) error { return cmp.Or(err, errNoCondition) }

// pieces takes a condition apart at {tenant}, and refuses what would make anything else of the statement that it becomes part of.
func pieces(sql string) ([]piece, error) {
	var found []piece
	begin, depth := 0, 0
	for i := 0; i < len(sql); {
		rest := sql[i:]
		switch {
		case rest[0] == 0:
			return nil, errors.New("holds a NUL")
		case rest[0] == '\'' || rest[0] == '"':
			end, err := quoted(sql, i)
			if err != nil {
				return nil, err
			}
			i = end
			continue
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"):
			return nil, errors.New("holds a comment, which could hide what follows it")
		case rest[0] == ';':
			return nil, errors.New("holds a semicolon: it is one condition, and no statement")
		case rest[0] == '$':
			return nil, errors.New("holds a $, which stands for arguments and quotes that are the adapter's")
		case rest[0] == '(':
			depth++
		case rest[0] == ')':
			if depth--; depth < 0 {
				return nil, errors.New("closes a parenthesis that it does not open")
			}
		case strings.HasPrefix(rest, tenantSlot):
			found = append(found, piece{sql: sql[begin:i]}, piece{tenant: true})
			i += len(tenantSlot)
			begin = i
			continue
		case rest[0] == '{' || rest[0] == '}':
			return nil, fmt.Errorf("holds a %c that is no part of {tenant}", rest[0])
		}
		i++
	}
	if depth > 0 {
		return nil, errors.New("opens a parenthesis that it does not close")
	}
	if strings.TrimSpace(sql) == "" {
		return nil, nil
	}
	return append(found, piece{sql: sql[begin:]}), nil
}

// quoted is the end of what begins with a quote at i.
func quoted(sql string, i int) (int, error) {
	quote := sql[i]
	escapes := quote == '\'' && i > 0 && (sql[i-1] == 'e' || sql[i-1] == 'E') && (i == 1 || !wordly(sql[i-2])) // E'it\'s', not date'2024-01-31'
	for j := i + 1; j < len(sql); j++ {
		switch {
		case sql[j] == 0:
			return 0, errors.New("holds a NUL")
		case escapes && sql[j] == '\\':
			j++
		case sql[j] != quote:
		case j+1 < len(sql) && sql[j+1] == quote:
			j++
		case mentionsTenant(sql[i:j]):
			return 0, errors.New("has {tenant} inside of quotes; write it without, the adapter quotes it")
		default:
			return j + 1, nil
		}
	}
	return 0, errors.New("opens a quote that it does not close")
}

// wordly says that a byte may be part of a name.
func wordly(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// condition adds a condition of the configuration, in parentheses.
func (st *statement) condition(all []piece, tenant string) *statement {
	st.sql("(")
	for _, p := range all {
		if p.tenant {
			st.arg(tenant, "") // it is of the type that it is compared with
		} else {
			st.sql(p.sql)
		}
	}
	return st.sql(")")
}
