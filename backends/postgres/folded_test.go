package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// Tables as they are where tenants are kept apart by policies: of every second row another tenant's. The folded columns are filled in by the database.
const policySQL = `
CREATE TABLE person (
	id int PRIMARY KEY, org text NOT NULL, login varchar(60) COLLATE "und-x-icu", nick text COLLATE "und-x-icu", bare text,
	login_folded text COLLATE "C" GENERATED ALWAYS AS (lower(translate(login, 'İΣ', 'iσ'))) STORED,
	nick_folded text GENERATED ALWAYS AS (lower(nick)) STORED
);
INSERT INTO person SELECT i, (ARRAY['default', 'other'])[1 + i % 2], 'Login' || i, 'Nick' || i, 'Bare' || i FROM generate_series(1, 8000) i;
INSERT INTO person VALUES (9001, 'default', 'İΣa', 'K'), (9002, 'default', 'Ärger', 'ärger'), (9003, 'default', 'zz\ud7ff', ''), (9004, 'default', NULL, NULL), (9005, 'default', 'a%b_c\', 'i');
CREATE INDEX person_login ON person (org, login_folded);
CREATE INDEX person_nick ON person (org, nick_folded text_pattern_ops);
CREATE INDEX person_bare ON person (lower(bare));
ALTER TABLE person ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants ON person USING (org = current_setting('scim.tenant_id', true));
ANALYZE;
`

func policed(t *testing.T) (*ground, *class) {
	t.Helper()
	g := groundOn(t, pgtest.Locale{Collate: "C.utf8"}.Database(t, strings.ReplaceAll(policySQL, `\ud7ff`, "\ud7fe")), nil)
	c := g.class("{table: person, key: id, version: '', where: 'org = {tenant}'}")
	if n := len(everybody(t, c, nil)); n != 4005 {
		t.Fatalf("%d are seen", n)
	}
	return g, c
}

func TestAFoldedColumnServesWherePoliciesBind(t *testing.T) {
	_, c := policed(t)
	fold := backends.CaseIgnore
	for index, conditions := range map[string][]backends.Predicate{
		"person_login": {
			eqTo("login", "LOGIN1234", fold),
			backends.Prefix{Attr: "login", Text: "Login123", Rule: fold},
			backends.Order{Attr: "login", Op: backends.Less, Value: backends.String("LOGIN1001"), Rule: fold},
		},
		"person_nick": {eqTo("nick", "ÄRGER", fold), backends.Prefix{Attr: "nick", Text: "Är", Rule: fold}},
	} {
		for _, p := range conditions {
			lines, err := c.Plan(t.Context(), backends.Query{Where: p})
			plan := strings.Join(lines, "\n")
			if err != nil || !strings.Contains(plan, index+" (") || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s: %v\n%s\n%s", p, err, c.Native(p), plan)
			}
			if len(walked(t, c, backends.Query{Where: p})) == 0 {
				t.Errorf("%s finds nobody", p)
			}
		}
	}
	by := backends.Sort{Attr: "login", Rule: fold}
	lines, err := c.Plan(t.Context(), backends.Query{Sort: &by, Limit: 10})
	if plan := strings.Join(lines, "\n"); err != nil || !strings.Contains(plan, "using person_login") || !c.Sorts(by) {
		t.Errorf("%v\n%s", err, plan)
	}
}

// What the database makes of İ and Σ, where they are not translated, is not what the matcher does: a test that they concern is not made on that column.
func TestAFoldedColumnIsUsedWhereItFoldsAsTheMatcherDoes(t *testing.T) {
	_, c := policed(t)
	all := everybody(t, c, []string{"login", "nick"})
	for _, attr := range []string{"login", "nick"} {
		for _, text := range []string{"Login12", "nick12", "İσA", "iσa", "\u212a", "k", "ärger", "zz", "zz\ud7fe", "a%b_c\\", "a%", "I", "", "\U0010ffff"} {
			for _, p := range []backends.Predicate{
				eqTo(attr, text, backends.CaseIgnore),
				backends.Prefix{Attr: attr, Text: text, Rule: backends.CaseIgnore},
				backends.Suffix{Attr: attr, Text: text, Rule: backends.CaseIgnore},
				backends.Contains{Attr: attr, Text: text, Rule: backends.CaseIgnore},
				backends.Order{Attr: attr, Op: backends.GreaterEq, Value: backends.String(text), Rule: backends.CaseIgnore},
			} {
				for _, q := range []backends.Predicate{p, backends.Not{Term: p}} {
					if c.Fidelity(q) != backends.Exact {
						t.Errorf("%s is not answered", q)
					} else if why := disagreement(t, c, q, all); why != "" {
						t.Errorf("%s: %s\n%s", q, c.Native(q), why)
					}
				}
			}
		}
		for _, down := range []bool{false, true} {
			inOrder(t, c, backends.Sort{Attr: attr, Rule: backends.CaseIgnore, Descending: down}, all)
		}
	}
	for p, want := range map[backends.Predicate]string{
		eqTo("login", "ALICE", backends.CaseIgnore):                                   `t."login_folded" = $2::text`,
		eqTo("nick", "ARKY", backends.CaseIgnore):                                     `t."nick_folded" = $2::text`,
		eqTo("nick", "ALICE", backends.CaseIgnore):                                    `lower(t."nick" COLLATE `,
		backends.Prefix{Attr: "login", Text: "Al", Rule: backends.CaseIgnore}:         `(t."login_folded" >= $2::text AND t."login_folded" < $3::text)`,
		backends.Prefix{Attr: "nick", Text: "Ab", Rule: backends.CaseIgnore}:          `(t."nick_folded" ~>=~ $2::text AND t."nick_folded" ~<~ $3::text)`,
		backends.Prefix{Attr: "login", Text: "\U0010ffff", Rule: backends.CaseIgnore}: `t."login_folded" >= $2::text`,
	} {
		if got := c.Native(p); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", p, got, want)
		}
	}
}

func TestAPlanSaysWhyNoIndexServesWherePoliciesBind(t *testing.T) {
	g, c := policed(t)
	last := func(p backends.Predicate) (plan, advice string) {
		t.Helper()
		lines, err := c.Plan(t.Context(), backends.Query{Where: p})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(lines, "\n"), lines[len(lines)-1]
	}
	p := eqTo("bare", "BARE7", backends.CaseIgnore)
	plan, advice := last(p)
	_, statements, found := strings.Cut(advice, " would: ")
	if !found || !strings.Contains(advice, `no index on lower("bare") serves this role`) || strings.Contains(plan, "an index on") {
		t.Fatal(plan)
	}
	g.exec(statements, "ANALYZE person")
	c.forget()
	if plan, _ = last(p); !strings.Contains(plan, "person_bare_folded_idx (") || strings.Contains(plan, "LEAKPROOF") {
		t.Error(plan)
	}
}

func TestWhatMakesLowerCaseIsRead(t *testing.T) {
	login := &column{name: "Login", typ: "text", family: text, collation: collation{defaultCollation, true}}
	const x = `x::text COLLATE pg_catalog."default"`
	for expr, want := range map[string]string{
		`lower("Login")`:                                           `lower((` + x + `))`,
		`lower(("Login")::text)`:                                   `lower(((` + x + `)::text))`,
		`lower((("Login")::text COLLATE "und-x-icu"))`:             `lower((((` + x + `)::text) COLLATE "und-x-icu"))`,
		`lower(translate("Login", 'İ'''::text, 'i"'::text))`:       `lower(translate((` + x + `), 'İ'''::text, 'i"'::text))`,
		`lower(("Login" COLLATE pg_catalog."C"))`:                  `lower(((` + x + `) COLLATE pg_catalog."C"))`,
		`lower(translate("Login", 'İ'::text, ''::text))`:           ``, // it takes a letter away
		`lower(translate("Login", 'İ'::text, ('i' || 'x')::text))`: ``,
		`lower("left"("Login", 10))`:                               ``,
		`lower(("Login" || other))`:                                ``,
		`lower(login)`:                                             ``,
		`upper("Login")`:                                           ``,
		`lower("Login") || 'x'`:                                    ``,
		`lower(TRIM(BOTH FROM "Login"))`:                           ``,
		`lower(substr("Login", 1))`:                                ``,
		`lower(("Login")::character varying(3)::text)`:             ``,
	} {
		f, ok := folderOf(expr, login)
		if got := f.of("x"); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %v %s, want %s", expr, ok, got, want)
		}
	}
}

func TestBehindAllThatBeginWith(t *testing.T) {
	for text, want := range map[string]string{"a": "b", "az": "a{", "\ud7ff": "\ue000", "a\U0010ffff": "b", "\U0010ffff": "", "ä": "å"} {
		if got := behindAll(text); got != want || got != "" && slices.Compare([]byte(got), []byte(text+"\U0010ffff")) <= 0 {
			t.Errorf("%+q: %+q, want %+q", text, got, want)
		}
	}
}
