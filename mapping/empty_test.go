package mapping

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// emptyUser has columns and rows of texts, in which an empty one means nothing.
const emptyUser = `
mapping: User
at: {backend: hr, table: hr.person, key: id, document: data}
schemas: {acme: "urn:acme:Thing"}
attributes:
  userName: login
  displayName: [known_as, full_name]
  nickName: [short, document]
  title: job_title
  userType: {from: kind, default: b}
  preferredLanguage: {from: document, default: B}
  active: {from: document, default: "true"}
  acme:tags: tags
  acme:vip: document
  acme:floor: {from: document, default: "7"}
  emails: {rows: hr.email, on: person_id, value: address, type: kind, primary: is_main}
  phoneNumbers: {rows: hr.phone, on: person_id, value: number}
  ims: document
`

// emptyPeople are such tables: a column has one value, and lists and places of the document have several, in order.
func emptyPeople(t *testing.T) (*Mapping, *directory) {
	d := newPeople()
	list := text(backends.CaseExact)
	list.Order = backends.CaseExact
	column := single(list)
	for _, attr := range []string{"login", "short", "known_as", "full_name", "job_title", "kind", "hr.email.address", "hr.email.kind"} {
		d.syntax[attr] = column
	}
	d.syntax["tags"], d.syntax["hr.phone"], d.syntax["hr.phone.number"] = list, list, list
	d.syntax["hr.email"] = backends.Syntax{Known: true}
	d.syntax["hr.email.is_main"] = backends.Syntax{Known: true, Equality: backends.BooleanRule, Single: true}
	d.more = func(attr string) (backends.Syntax, bool) { return list, strings.HasPrefix(attr, "data.") }
	set, faults := compileOver(t, d, things, emptyUser)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return set.All()[0], d
}

// sparse are texts that are empty more often than people write them, and in documents values of other kinds.
var (
	sparse  = []any{"", "", "b", "B", "a b"}
	strange = append([]any{7, "7", true, "true", "nonsense", backends.Row(backends.Attributes{"a": backends.Strings("b")})}, sparse...)
)

func drawSparse(t *rapid.T, m *Mapping, d *directory) world {
	w := world{m: m, d: d, external: map[backends.Key]string{}}
	for i := range 5 {
		rec := backends.Record{Key: backends.Key(fmt.Sprintf("k%d", i)), Attrs: backends.Attributes{"login": backends.Strings(fmt.Sprintf("b%d", i))}}
		for _, f := range m.fields {
			for _, attr := range f.reads() {
				pool, most := sparse, manyOrOne(f)
				if strings.HasPrefix(attr, "data.") {
					pool = strange
				}
				switch {
				case len(rec.Attrs[attr]) > 0 || rapid.IntRange(0, 3).Draw(t, "there") == 0:
				case f.kind == fromRows:
					rec.Attrs[attr] = drawSparseRows(t, f.set, pool)
				default:
					rec.Attrs[attr] = native(rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 1, most, func(v any) string { return fmt.Sprint(v) }).Draw(t, attr))
				}
			}
		}
		w.recs = append(w.recs, rec)
	}
	return w
}

func drawSparseRows(t *rapid.T, s *rowSet, pool []any) (out backends.Values) {
	for range rapid.IntRange(1, 2).Draw(t, "rows") {
		columns := backends.Attributes{}
		for _, name := range s.columns {
			switch {
			case rapid.IntRange(0, 3).Draw(t, "part") == 0:
			case name == "is_main":
				columns[name] = backends.Values{backends.Bool(rapid.Bool().Draw(t, name))}
			default:
				columns[name] = backends.Values{nativeValue(rapid.SampledFrom(pool).Draw(t, name))}
			}
		}
		out = append(out, backends.Row(columns))
	}
	return out
}

func TestFiltersAgreeWithWhatIsShownWhereTextsAreEmpty(t *testing.T) {
	m, d := emptyPeople(t)
	d.match = true
	rapid.Check(t, func(t *rapid.T) {
		w := drawSparse(t, m, d)
		for range 20 {
			w.agree(t, drawFilter(t, m.rt, 2))
		}
	})
}

func TestOnlyTestsThatAnEmptyTextPassesAskForMore(t *testing.T) {
	m, _ := emptyPeople(t)
	const full = `not known_as eq "" (caseExact)`
	for text, want := range map[string]string{
		`title eq "x"`:                          `job_title eq "x" (caseIgnore)`,
		`title sw "x"`:                          `job_title sw "x" (caseIgnore)`,
		`title gt "x"`:                          `job_title gt "x" (caseIgnore)`,
		`title eq ""`:                           `false`,
		`title pr`:                              `(job_title pr and not job_title eq "" (caseExact))`,
		`title lt "x"`:                          `(job_title lt "x" (caseIgnore) and job_title pr and not job_title eq "" (caseExact))`,
		`displayName eq "FN"`:                   `(known_as eq "FN" (caseIgnore) or (not (known_as pr and ` + full + `) and full_name eq "FN" (caseIgnore)))`,
		`emails pr`:                             `hr.email[(address pr and not address eq "" (caseExact))]`,
		`emails eq "x"`:                         `hr.email[address eq "x" (caseIgnore)]`,
		`urn:acme:Thing:tags pr`:                `tags gt "" (caseExact)`,
		`phoneNumbers pr`:                       `hr.phone gt "" (caseExact)`,
		`urn:acme:Thing:tags eq "x"`:            `tags eq "x" (caseIgnore)`,
		`urn:acme:Thing:tags co ""`:             `tags pr, rest`,
		`preferredLanguage eq "B" and title pr`: ``,
	} {
		low, err := m.Lower(parseFilter(t, text), nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := backends.Describe(low.Where)
		if low.Rest != nil {
			got += ", rest"
		}
		if got != want && want != "" {
			t.Errorf("%s\n got    %s\n wanted %s", text, got, want)
		}
	}
}

func TestANumberThatCouldNotBeShownIsNotWritten(t *testing.T) {
	m, _ := emptyPeople(t)
	rec := person(map[string]any{"login": "b"})
	for number, ok := range map[string]bool{"9223372036854775807": true, "-9223372036854775808": true, "9223372036854775808": false, "1180591620717411303424": false} {
		before, _ := m.Get(rec, nil)
		after := before.Clone()
		edit(t, after, "urn:acme:Thing/floor", number)
		_, err := m.Diff(rec, before, after, nil)
		e, _ := errors.AsType[*scim.Error](err)
		if ok && err != nil || !ok && (e == nil || e.Status != 400 || e.Type != scim.InvalidValue) {
			t.Errorf("%s: %v", number, err)
		}
	}
}
