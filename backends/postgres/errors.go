package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/backends"
)

// The SQLSTATEs that are looked at one by one (PostgreSQL, appendix A). The rest count by their class, the first two letters.
const (
	codeNotNull        = "23502"
	codeForeignKey     = "23503"
	codeUnique         = "23505"
	codeCheck          = "23514"
	codeExclusion      = "23P01"
	codeRestrict       = "23001"
	codeWithCheck      = "44000" // the WITH CHECK OPTION of a view
	codeRaised         = "P0001" // RAISE EXCEPTION, of a trigger
	codeTooLong        = "22001"
	codeOutOfRange     = "22003"
	codeNoPrivilege    = "42501"
	codeNotReady       = "55000" // a view that cannot be updated, or one that is kept and was never filled
	codeWrongObject    = "42809"
	codeUnsupported    = "0A000"
	codeReadOnly       = "25006"
	codeSerialization  = "40001"
	codeDeadlock       = "40P01"
	codeCancelled      = "57014"
	codeLockTimeout    = "55P03"
	codeTooComplex     = "54001"
	codeNoPreparedStmt = "26000" // a pooler in between forgot a prepared statement
	codePreparedTwice  = "42P05" // or has one of somebody else's
)

// translate turns what went wrong on the way to the database, or what it answered, into the closed set of errors. It is the one place where
// SQLSTATEs are looked at. The server's text is the cause, for the log; the detail is ours. s tells which attribute is to blame; it may be nil. What
// nobody foresaw stays as it is.
func (d *Directory) translate(err error, s *shape) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*backends.Error](err); ok {
		return err
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if _, here := errors.AsType[*illegibleError](err); here {
			return err
		}
		return away(err)
	}
	out := &backends.Error{Cause: err}
	switch answer.Code[:min(2, len(answer.Code))] {
	case "23", "44", "P0":
		out.Attr, out.Detail, out.Kind = s.broken(answer)
	case "22":
		out.Kind, out.Attr = backends.ErrInvalid, s.blameType(answer)
		out.Detail = illegible(answer, out.Attr)
	case "42", "25", "0A", "55":
		out.Detail, out.Kind = refusal(answer)
	case "08", "53", "57", "58", "28", "3D", "40", "26", "F0":
		out.Detail, out.Kind = trouble(answer)
	case "54":
		out.Kind, out.Detail = backends.ErrInvalid, "The database cannot hold a value of this size here."
		if answer.Code == codeTooComplex {
			out.Kind, out.Detail = backends.ErrTooMany, "The request is more than the database can work on at once."
		}
	}
	if out.Kind == nil {
		return fmt.Errorf("the database failed: %w", err)
	}
	return out
}

// illegibleError is a value that the database gave and that cannot be read here: a document nested deeper than any that is meant, say. The database is well.
type illegibleError struct {
	key   backends.Key
	attr  string
	cause error
}

func (e *illegibleError) Error() string {
	return fmt.Sprintf("the value of %s in the row %q cannot be read: %v", e.attr, e.key, e.cause)
}

func (e *illegibleError) Unwrap() error { return e.cause }

// away is the error when there was no answer: no connection was to be had, or it broke, or nobody waits any more.
func away(err error) error {
	detail := "The database cannot be reached."
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		detail = "The request was given up before the database answered."
	case pgconn.Timeout(err):
		detail = "The database did not answer in time."
	}
	return &backends.Error{Kind: backends.ErrUnavailable, Detail: detail, Cause: err}
}

// trouble is what the server says of itself, and not of the request.
func trouble(answer *pgconn.PgError) (detail string, kind error) {
	switch answer.Code {
	case codeCancelled:
		return "The database does not give answers that take so long.", backends.ErrTooMany
	case codeSerialization, codeDeadlock:
		return "Others were writing the same rows, and nothing was changed.", backends.ErrUnavailable
	}
	switch answer.Code[:2] {
	case "28", "3D":
		return "The database does not let the adapter in.", backends.ErrUnavailable
	case "53":
		return "The database has no room or no connections left.", backends.ErrUnavailable
	}
	return "The database cannot do this at the moment.", backends.ErrUnavailable
}

// unread is what became of a statement that only reads, in words for a reader. He is told that he asks for too much only where he could ask for less (much),
// and where it was work that took so long, and not others.
func unread(err error, much bool) error {
	said, ok := errors.AsType[*backends.Error](err)
	answer, answered := errors.AsType[*pgconn.PgError](err)
	if !ok || !answered {
		return err
	}
	late := *said
	late.Kind = backends.ErrUnavailable
	switch answer.Code {
	case codeCancelled:
		if much {
			return err
		}
		late.Detail = errLate.Detail
	case codeSerialization, codeDeadlock, codeLockTimeout:
		late.Detail = "Others are changing what was to be read."
	default:
		return err
	}
	return &late
}

// refusal is what the server will not do whatever the values are. No kind: nobody foresaw it.
func refusal(answer *pgconn.PgError) (detail string, kind error) {
	switch answer.Code {
	case codeNoPrivilege:
		// The policies of a table use the same code as a missing right, but only a missing right is about something that has a name.
		if strings.Contains(answer.Message, "row-level security") || answer.Routine == "ExecWithCheckOptions" {
			return "The database's row-level security does not allow this row.", backends.ErrRefused
		}
		return "The adapter's role has no right to do this in the database.", backends.ErrRefused
	case codePreparedTwice:
		return "The way to the database has just changed.", backends.ErrUnavailable
	case codeReadOnly:
		return "The database only reads at the moment, and nothing was changed.", backends.ErrUnavailable
	case codeNotReady, codeWrongObject, codeUnsupported:
		return unable(answer)
	case codeLockTimeout, "55006":
		return "Others are writing the same rows, and nothing was changed.", backends.ErrUnavailable
	}
	return "", nil
}

// unable is what the server has no way to do. Only of a write that is what the records are rows of: these routines of the server look at the target of one.
func unable(answer *pgconn.PgError) (detail string, kind error) {
	switch {
	case stalePlan(answer):
		return "The tables of the database have just changed.", backends.ErrUnavailable
	case strings.HasPrefix(strings.ToLower(answer.Routine), "rewrite"), strings.HasPrefix(answer.Routine, "CheckValidResultRel"):
		return "The records are rows of a view that cannot be written.", backends.ErrRefused
	case answer.Code == codeNotReady:
		return "The database is not ready to do this.", backends.ErrUnavailable
	}
	return "The database has no way to do this with the columns that the records have.", backends.ErrRefused
}

// stalePlan says that a statement was prepared before somebody altered its table. It works again as soon as it is prepared anew.
func stalePlan(answer *pgconn.PgError) bool {
	return answer.Code == codeUnsupported && (answer.Routine == "RevalidateCachedQuery" || strings.Contains(answer.Message, "cached plan"))
}

// broken is a rule of a table that the write broke.
func (s *shape) broken(answer *pgconn.PgError) (attr, detail string, kind error) {
	switch answer.Code {
	case codeNotNull:
		attr = s.attrOf(answer, []string{answer.ColumnName})
		return attr, "The database demands a value of " + answer.ColumnName + ".", backends.ErrInvalid
	case codeRaised, "P0004":
		return "", "A trigger of the database does not allow this change.", backends.ErrInvalid
	case codeWithCheck:
		return "", "The row would be outside of the view that the records are rows of.", backends.ErrRefused
	case codeForeignKey, codeRestrict:
		return s.dangling(answer)
	case codeUnique, codeExclusion, codeCheck, "23000":
	default:
		return "", "", nil
	}
	attr = s.attrOf(answer, s.blamed(answer))
	subject := "a value"
	if attr != "" {
		subject = "the value of " + attr
	}
	switch answer.Code {
	case codeUnique:
		if set, ok := s.repeated(answer); ok {
			said := twice(set)
			return said.Attr, said.Detail, said.Kind
		}
		return attr, "Another row of the database already has " + subject + ".", backends.ErrExists
	case codeExclusion:
		return attr, "Another row of the database excludes " + subject + ".", backends.ErrInvalid
	}
	return attr, "A rule of the database does not allow " + subject + ".", backends.ErrInvalid
}

// dangling is a foreign key that would point at nothing: either the row that it is of was to be written, or the row that it points at was to go. In both
// cases the server names the table that the foreign key is of.
func (s *shape) dangling(answer *pgconn.PgError) (attr, detail string, kind error) {
	if !s.ours(answer) || answer.Code == codeRestrict || strings.HasPrefix(answer.Message, "update or delete on table") {
		return "", "Rows of the table " + answer.TableName + " still refer to this one.", backends.ErrHeld
	}
	attr = s.attrOf(answer, s.blamed(answer))
	if attr == "" {
		return "", "A value refers to a row that the database does not have.", backends.ErrInvalid
	}
	return attr, "The value of " + attr + " refers to a row that the database does not have.", backends.ErrInvalid
}

// relations are the tables that a write may touch, and the attribute that each is of; "" for the record's own.
func (s *shape) relations(yield func(attr string, r *relation) bool) {
	if s == nil || !yield("", s.rel) {
		return
	}
	for _, set := range s.sets {
		if !yield(set.name, set.rel) {
			return
		}
	}
}

// ours says that an answer is about one of the tables of the class. A partition has a name of its own, but the constraint's.
func (s *shape) ours(answer *pgconn.PgError) bool {
	for _, r := range s.relations {
		if r.schema == answer.SchemaName && r.name == answer.TableName {
			return true
		}
		if _, ok := r.constraints[answer.ConstraintName]; ok && r.kind == 'p' {
			return true
		}
	}
	return false
}

// keyColumns finds the columns in what the server says of a key: Key (tenant_id, lower(username))=(…) already exists. It is the same in every language.
var keyColumns = regexp.MustCompile(`\(([^=]*)\)=\(`)

// blamed are the columns that a broken constraint is about.
func (s *shape) blamed(answer *pgconn.PgError) []string {
	for _, r := range s.relations {
		if c, ok := r.constraints[answer.ConstraintName]; ok && (r.name == answer.TableName || r.kind == 'p') {
			return c.columns
		}
	}
	m := keyColumns.FindStringSubmatch(answer.Detail)
	if m == nil {
		return nil
	}
	var found []string
	for _, r := range s.relations {
		for _, c := range r.columns {
			if slices.Contains(words(m[1]), c.name) && !slices.Contains(found, c.name) {
				found = append(found, c.name)
			}
		}
	}
	return found
}

// What an index on a place in a document is on, as the server prints it: (data ->> 'a'::text), lower((data -> 'a'::text) ->> 'b'::text),
// (data #>> '{a,b}'::text[]).
var (
	arrowPath = regexp.MustCompile(`^(?:lower\(|upper\(|\()*("(?:[^"]|"")+"|[\pL_][\pL\pN_$]*)((?: ->>? '(?:[^']|'')*'::text\)*)+)$`)
	arrow     = regexp.MustCompile(`->>? '((?:[^']|'')*)'::text`)
	hashPath  = regexp.MustCompile(`^(?:lower\(|upper\(|\()*("(?:[^"]|"")+"|[\pL_][\pL\pN_$]*) #>> '\{([^"{}\\']+)\}'::text\[\]\)*$`)
)

// documentPath is the attribute that an expression of an index is on, where it is a place in a document and nothing else; "" for any other.
func documentPath(expr string) string {
	unquoted := func(name string) string {
		if inner, ok := strings.CutPrefix(name, `"`); ok {
			return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
		}
		return name
	}
	if m := hashPath.FindStringSubmatch(expr); m != nil {
		return backends.Path(unquoted(m[1]), strings.Split(m[2], ",")...)
	}
	m := arrowPath.FindStringSubmatch(expr)
	if m == nil {
		return ""
	}
	var members []string
	for _, step := range arrow.FindAllStringSubmatch(m[2], -1) {
		members = append(members, strings.ReplaceAll(step[1], "''", "'"))
	}
	return backends.Path(unquoted(m[1]), members...)
}

// words are the identifiers in a piece of SQL.
func words(sql string) []string {
	return strings.FieldsFunc(sql, func(r rune) bool { return strings.ContainsRune(` "(),:.'`, r) })
}

// attrOf is the attribute that is to blame for what the server says of these columns of one of its tables: of the record's own the one that is no
// part of what the class fixes, and of a table of child rows the set.
func (s *shape) attrOf(answer *pgconn.PgError, columns []string) string {
	if s == nil || len(columns) == 0 {
		return ""
	}
	if answer.TableName != s.rel.name || answer.SchemaName != s.rel.schema {
		for _, set := range s.sets {
			if set.rel.schema == answer.SchemaName && set.rel.name == answer.TableName {
				return set.name
			}
		}
	}
	given := func(name string) bool {
		return slices.ContainsFunc(s.fixed(), func(f fixed) bool { return f.column.name == name })
	}
	key := func(name string) bool {
		return slices.ContainsFunc(s.key, func(c *column) bool { return c.name == name })
	}
	left := slices.DeleteFunc(slices.Clone(columns), func(name string) bool { return given(name) || key(name) })
	if len(left) == 0 {
		left = slices.DeleteFunc(slices.Clone(columns), given)
	}
	// A number beside a text says whose the text is: (org_id, login).
	for _, name := range left {
		if c := findColumn(s.rel.columns, name); c != nil && (c.family == text || c.family == citext) {
			return s.madeOf(c.name)
		}
	}
	if len(left) > 0 {
		return s.madeOf(left[0])
	}
	return ""
}

// madeOf is the column whose texts another one keeps in lower case, or else that one itself.
func (s *shape) madeOf(name string) string {
	for _, c := range s.rel.columns {
		if c.kept != nil && c.kept.column.name == name {
			return c.name
		}
	}
	return name
}

// blameType finds the column of a value that the server could not read, where it names the type and one column only is of that type. What stands behind
// the colon is the value.
func (s *shape) blameType(answer *pgconn.PgError) string {
	if s == nil {
		return ""
	}
	said, _, _ := strings.Cut(answer.Message, ": ")
	var found []string
	for attr, r := range s.relations {
		for _, c := range r.columns {
			name := c.typ[strings.LastIndexByte(c.typ, '.')+1:]
			if (c.family == enum || c.family == foreign) && slices.Contains(words(said), strings.Trim(name, `"`)) {
				found = append(found, cmp.Or(attr, c.name))
			}
		}
	}
	if found = slices.Compact(found); len(found) == 1 {
		return found[0]
	}
	return ""
}

// illegible says what is wrong with a value that its column cannot hold.
func illegible(answer *pgconn.PgError, attr string) string {
	subject := "a value"
	if attr != "" {
		subject = "the value of " + attr
	}
	switch answer.Code {
	case codeTooLong:
		return "The database cannot hold " + subject + ": it is too long."
	case codeOutOfRange:
		return "The database cannot hold " + subject + ": it is out of range."
	}
	return "The database cannot hold " + subject + ": its column is of another type."
}
