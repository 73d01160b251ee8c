package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// comesWith are the values of an attribute of those that came along with a record.
func comesWith(r backends.Record, word, show string) string {
	var texts []string
	for _, other := range r.Held[word] {
		texts = append(texts, other.Attrs[show].Texts()...)
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

func TestWhoHoldsANameComesAlongAsHoldersFindsThem(t *testing.T) {
	g := newGround(t, house)
	people, teams := g.staff(), g.teams()
	ann, bob, cid := hire(t, people, "ann", nil).Key, hire(t, people, "bob", nil).Key, hire(t, people, "cid", nil).Key
	team := func(name string, members ...backends.Key) backends.Key {
		t.Helper()
		var texts []string
		for _, m := range members {
			texts = append(texts, string(m))
		}
		r, err := teams.Create(t.Context(), nil, backends.Attributes{"name": backends.Strings(name), "members": backends.Strings(texts...)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Key
	}
	inner := team("inner", ann, bob)
	outer := team(`outer "1", \2`, ann, inner)
	g.exec("UPDATE hr.member SET tenant = 'other' WHERE person::text = '" + string(bob) + "'")
	for _, c := range []struct {
		class *class
		keys  []backends.Key
		also  []string
	}{
		{people, []backends.Key{ann, bob, cid}, []string{"login", "emails"}},
		{people, []backends.Key{ann}, nil},
		{teams, []backends.Key{inner, outer}, []string{"name", "members"}},
	} {
		word := c.class.Join(teams, "members", []string{"name"})
		if again := c.class.Join(teams, "members", []string{"name"}); word == "" || again != word {
			t.Fatalf("the words are %q and %q", word, again)
		}
		var names []string
		for _, key := range c.keys {
			names = append(names, string(key))
		}
		want, err := teams.Holders(t.Context(), "members", names, []string{"name"})
		if err != nil {
			t.Fatal(err)
		}
		records, err := c.class.Fetch(t.Context(), c.keys, append(slices.Clone(c.also), word))
		for r, err := range c.class.Walk(t.Context(), backends.Query{Where: backends.KeyIn{Keys: c.keys}, Attrs: append(slices.Clone(c.also), word), Limit: 10}) {
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, r)
		}
		if err != nil || len(records) != 2*len(c.keys) {
			t.Fatal(records, err)
		}
		for _, r := range records {
			others, came := r.Held[word]
			same := slices.EqualFunc(others, want[string(r.Key)], func(a, b backends.Record) bool {
				return a.Key == b.Key && a.Name == b.Name && a.Version == b.Version && slices.Equal(a.Attrs["name"].Texts(), b.Attrs["name"].Texts())
			})
			if !came || !same {
				t.Errorf("%s is held by %v, and Holders says %v", r.Key, others, want[string(r.Key)])
			}
			if _, there := r.Attrs[word]; there {
				t.Errorf("the word %q is an attribute of %s", word, r.Key)
			}
		}
	}
}

func TestOnlyWhatTheDatabaseComparesAsTheAttributeDoesIsJoined(t *testing.T) {
	g := newGround(t, house)
	people, teams, other := g.staff(), g.teams(), g.classOf("other", "{table: hr.team, key: id}", g.set("members", "{rows: hr.member, on: team}", "person"))
	if word := people.Join(teams, "members", nil); word != "" {
		t.Errorf("joined before the catalog was asked: %q", word)
	}
	for _, c := range []*class{people, teams, other} {
		shapeOf(t, c)
	}
	elsewhere := newGround(t, house)
	for name, word := range map[string]string{
		"another database":            people.Join(elsewhere.teams(), "members", nil),
		"another tenant":              people.Join(other, "members", nil),
		"a column":                    teams.Join(people, "login", nil),
		"rows":                        people.Join(people, "emails", nil),
		"texts that are no keys":      people.Join(people, "skills", nil),
		"what is not there":           people.Join(teams, "nothing", nil),
		"all attributes of the other": people.Join(teams, "members", []string{"*"}),
	} {
		if word != "" {
			t.Errorf("%s is joined: %q", name, word)
		}
	}
	if people.Join(teams, "members", nil) == "" {
		t.Error("members are not joined")
	}
}

func TestAJoinIsOfTheTenant(t *testing.T) {
	g := newGround(t, tenants, policies, `
		CREATE TABLE team (id bigint PRIMARY KEY, tenant_id text NOT NULL, name text NOT NULL);
		CREATE TABLE member (team bigint NOT NULL, person bigint NOT NULL, tenant_id text NOT NULL DEFAULT current_setting('scim.tenant_id', true));
		ALTER TABLE team ENABLE ROW LEVEL SECURITY;
		CREATE POLICY own ON team USING (tenant_id = current_setting('scim.tenant_id', true));
		INSERT INTO team VALUES (1, 'default', 'ours'), (2, 'other', 'theirs');
		INSERT INTO member (team, person, tenant_id) SELECT t, p, 'default' FROM generate_series(1, 2) t, generate_series(1, 4) p;`)
	for tenant, want := range map[string]string{"default": "ours", "other": "theirs"} {
		people := g.classOf(tenant, "{table: person, key: id}")
		teams := g.classOf(tenant, "{table: team, key: id, where: 'id > 0'}", g.set("members", "{rows: member, on: team}", "person"))
		shapeOf(t, people)
		shapeOf(t, teams)
		word := people.Join(teams, "members", []string{"name"})
		records, err := people.Fetch(t.Context(), []backends.Key{"1", "2", "3", "4"}, []string{"name", word})
		if err != nil || len(records) == 0 || word == "" {
			t.Fatal(word, records, err)
		}
		for _, r := range records {
			if got := comesWith(r, word, "name"); got != want {
				t.Errorf("%s of %s is in %q", r.Key, tenant, got)
			}
		}
	}
}

// A column that is renamed is found out by the statement that names it, on either side.
func TestAJoinFollowsTheTablesOfTheOtherSide(t *testing.T) {
	g := newGround(t, house)
	people, teams := g.staff(), g.teams()
	ann := hire(t, people, "ann", nil).Key
	if _, err := teams.Create(t.Context(), nil, backends.Attributes{"name": backends.Strings("blue"), "members": backends.Strings(string(ann))}, nil); err != nil {
		t.Fatal(err)
	}
	word := people.Join(teams, "members", []string{"name"})
	read := func() string {
		t.Helper()
		records, err := people.Fetch(t.Context(), []backends.Key{ann}, []string{"login", word})
		if err != nil || len(records) != 1 {
			t.Fatal(records, err)
		}
		return comesWith(records[0], word, "name")
	}
	if got := read(); got != "blue" {
		t.Fatalf("in %q", got)
	}
	g.exec("ALTER TABLE hr.team ALTER COLUMN name TYPE varchar(50)", "ALTER TABLE hr.team ADD COLUMN motto text")
	if got := read(); got != "blue" {
		t.Errorf("after a change of type: in %q", got)
	}
	g.exec("ALTER TABLE hr.member RENAME COLUMN person TO who")
	if records, err := people.Fetch(t.Context(), []backends.Key{ann}, []string{"login", word}); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("with a column that is gone: %v, %v", records, err)
	}
	g.exec("ALTER TABLE hr.member RENAME COLUMN who TO person")
	people.forgetAll()
	if got := read(); got != "blue" {
		t.Errorf("with the column back: in %q", got)
	}
}
