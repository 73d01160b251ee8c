package postgres

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// The tables of restoreTables have what is easily lost: columns of every make that no mapping names, child rows of which the mapping shows a part, and rows
// that the database numbers by itself.
const restoreTables = `
CREATE EXTENSION citext; CREATE EXTENSION hstore;
CREATE SCHEMA hr;
CREATE TYPE hr.mood AS ENUM ('fine', 'so so');
CREATE TYPE hr.pair AS (a int, b text);
CREATE TABLE hr.person (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text NOT NULL DEFAULT 'default', uid citext NOT NULL UNIQUE, sn text NOT NULL,
	loud text GENERATED ALWAYS AS (upper(sn)) STORED,
	password_hash text NOT NULL, title text DEFAULT 'none', note text, mood hr.mood, pair hr.pair, tags text[] NOT NULL DEFAULT '{x}', grid int[], gaps text[],
	moods hr.mood[], span tstzrange, wait interval, amount numeric(20, 6), ratio double precision, born date, at timestamptz, local timestamp, ip inet, raw bytea,
	attrs hstore, data jsonb NOT NULL DEFAULT '{}', plain json, big bigint, padded char(8), deleted_at timestamptz, rev int NOT NULL DEFAULT 1, touched text
);
CREATE TABLE hr.email (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person bigint NOT NULL REFERENCES hr.person ON DELETE CASCADE, medium text NOT NULL DEFAULT 'work',
	address citext NOT NULL UNIQUE, main boolean, created_at timestamptz NOT NULL DEFAULT now(), note text, seen int[], password text, meta jsonb
);
CREATE TABLE hr.phone (person bigint NOT NULL REFERENCES hr.person ON DELETE CASCADE, number text NOT NULL, PRIMARY KEY (person, number));
CREATE TABLE hr.login (person bigint NOT NULL REFERENCES hr.person ON DELETE CASCADE, at timestamptz NOT NULL);
GRANT USAGE ON SCHEMA hr TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA hr TO PUBLIC;`

// restoreRows are a person and what is his.
var restoreRows = []string{
	`INSERT INTO hr.person (uid, sn, password_hash, title, note, mood, pair, tags, grid, gaps, moods, span, wait, amount, ratio, born, at, local, ip, raw, attrs, data, plain, big, padded)
	VALUES ('Ann', 'Weiß', '$2a$10$hash', NULL, E'a\nb', 'so so', '(1,"x,y")', '{}', '{{1,2},{3,4}}', '{a,NULL,"b,c",""}', '{fine}', '[2024-01-01,)', '1 mon 3 days 04:05:06.7',
		'123.450000', 'NaN', 'infinity', 'infinity', '0044-03-15 12:00:00 BC', '10.0.0.1', '\x00ff', '"a b"=>"1", c=>NULL',
		'{"name": {"first": "Ann"}, "password": "hidden", "n": 1.50, "list": [{"pwd": "hidden", "z": null}]}', '{"b": 1, "a" : 2}', 9223372036854775807, 'ab')`,
	`INSERT INTO hr.email (person, medium, address, main, created_at, note, seen, password, meta)
	VALUES (1, 'work', 'Ann@X', true, '2001-02-03 04:05:06.123456+00', 'the "first"', '{{1},{2}}', NULL, '{"k": [1, {"passwd": "hidden"}]}'),
		(1, 'work', 'a@y', NULL, 'infinity', '', NULL, 'hush', NULL), (1, 'home', 'a@z', false, now(), NULL, NULL, NULL, NULL)`,
	`INSERT INTO hr.phone VALUES (1, '123'), (1, '456')`,
	`INSERT INTO hr.login VALUES (1, now())`,
}

const restoreAt = "{table: hr.person, key: id, document: data, where: 'tenant = {tenant}', update: {touched: adapter}"

func restoreGround(t *testing.T, more string) (*ground, *class) {
	t.Helper()
	g := newGround(t, append([]string{restoreTables}, restoreRows...)...)
	return g, g.class(restoreAt+more+"}",
		g.set("emails", "{rows: hr.email, on: person, where: {medium: work}}", "address", "main"),
		g.set("homes", "{rows: hr.email, on: person, where: {medium: home}}", "address"),
		g.set("phones", "{rows: hr.phone, on: person}", "number"),
	)
}

// journaled is a record as it comes out of a journal.
func journaled(t *testing.T, c *class, key backends.Key) backends.Record {
	t.Helper()
	text, err := json.Marshal(fetch(t, c, key, "*", "+"))
	if err != nil {
		t.Fatal(err)
	}
	if secrets := []string{"$2a$10", "hush", "hidden"}; slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(string(text), s) }) {
		t.Errorf("a secret can be read in %s", text)
	}
	var rec backends.Record
	if err := json.Unmarshal(text, &rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

// picture is everything that the tables have of the person, but for what is kept secret and what every write changes.
const picture = `SELECT jsonb_build_object(
	'person', (SELECT jsonb_agg(to_jsonb(p) - 'password_hash' - 'rev' - 'touched'
		|| jsonb_build_object('grid', grid::text, 'gaps', gaps::text, 'attrs', attrs::text, 'plain', plain::text, 'data', data - 'password' #- '{list,0,pwd}')) FROM hr.person p),
	'email', (SELECT jsonb_agg(to_jsonb(e) - 'password' || jsonb_build_object('seen', seen::text, 'meta', meta #- '{k,1,passwd}') ORDER BY id) FROM hr.email e),
	'phone', (SELECT jsonb_agg(to_jsonb(n) ORDER BY number) FROM hr.phone n))::text`

func TestARowComesBackWithAllOfItsColumnsAndAllOfItsChildRows(t *testing.T) {
	g, c := restoreGround(t, ", version: rev")
	before := g.ask(picture)
	rec := journaled(t, c, "1")
	if err := c.Delete(t.Context(), "1", backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	if n := g.ask("SELECT (SELECT count(*) FROM hr.email) || ' ' || (SELECT count(*) FROM hr.person)"); n != "0 0" {
		t.Fatalf("%s rows are left", n)
	}
	made, lost, err := c.Restore(t.Context(), rec, []string{"uid", "phones"})
	if err != nil {
		t.Fatal(err)
	}
	if made.Key != "1" || len(made.Attrs) != 2 || len(made.Attrs["phones"]) != 2 || made.Version != "2" {
		t.Errorf("made %+v", made)
	}
	if after := g.ask(picture); after != before {
		t.Errorf("the tables have\n%s\nand had\n%s", after, before)
	}
	want := []string{"data.list.pwd", "data.password", "emails.password", "homes.password", "password_hash", "rev"}
	if !slices.Equal(lost, want) {
		t.Errorf("lost %q, want %q", lost, want)
	}
	if hash := g.ask("SELECT password_hash FROM hr.person"); len(hash) < 32 || !strings.HasPrefix(hash, "!") {
		t.Errorf("the password is now %q", hash)
	}
	if next := g.ask("INSERT INTO hr.person (uid, sn, password_hash) VALUES ('bob', 'x', 'x') RETURNING id::text"); next != "2" {
		t.Errorf("the next person is %s", next)
	}
}

func TestAHashThatTheRecordStillHasIsPutBack(t *testing.T) {
	g, c := restoreGround(t, "")
	rec := fetch(t, c, "1", "*", "+")
	if err := c.Delete(t.Context(), "1", backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, lost, err := c.Restore(t.Context(), rec, nil); err != nil || slices.Contains(lost, "password_hash") {
		t.Fatalf("lost %q, %v", lost, err)
	}
	if hash := g.ask("SELECT password_hash FROM hr.person"); hash != "$2a$10$hash" {
		t.Errorf("the password is now %q", hash)
	}
}

func TestARowThatIsOnlyMarkedAsDeletedLosesTheMarkAndNothingElse(t *testing.T) {
	g, c := restoreGround(t, ", deleted: deleted_at, version: rev")
	rec := journaled(t, c, "1")
	before := g.ask(picture)
	if err := c.Delete(t.Context(), "1", backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	g.exec("UPDATE hr.person SET note = 'changed since'")
	made, lost, err := c.Restore(t.Context(), rec, []string{"note"})
	if err != nil || made.Attrs["note"].Texts()[0] != "changed since" || !slices.Contains(lost, "note") || made.Version == rec.Version {
		t.Fatalf("made %+v, lost %q, %v", made, lost, err)
	}
	g.exec("UPDATE hr.person SET note = E'a\\nb'")
	if after := g.ask(picture); after != before {
		t.Errorf("the tables have\n%s\nand had\n%s", after, before)
	}
	if _, _, err := c.Restore(t.Context(), rec, nil); !errors.Is(err, backends.ErrExists) {
		t.Errorf("a second time: %v", err)
	}
}

func TestARowIsRestoredOnlyWhereItBelongs(t *testing.T) {
	g, c := restoreGround(t, "")
	rec := journaled(t, c, "1")
	if err := c.Delete(t.Context(), "1", backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]struct {
		edit func(r *backends.Record)
		want error
	}{
		"another tenant's":      {func(r *backends.Record) { r.Attrs["tenant"] = backends.Strings("other") }, backends.ErrRefused},
		"what is no key":        {func(r *backends.Record) { r.Key = "one" }, backends.ErrInvalid},
		"no key":                {func(r *backends.Record) { r.Key = "" }, backends.ErrInvalid},
		"what it must have":     {func(r *backends.Record) { delete(r.Attrs, "sn") }, backends.ErrInvalid},
		"what is no number":     {func(r *backends.Record) { r.Attrs["big"] = backends.Strings("many") }, backends.ErrInvalid},
		"a child row of nobody": {func(r *backends.Record) { r.Attrs[`emails."*"`] = backends.Values{backends.Row(nil)} }, backends.ErrInvalid},
	} {
		wrong := rec.Clone()
		try.edit(&wrong)
		if _, _, err := c.Restore(t.Context(), wrong, nil); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	g.exec("INSERT INTO hr.person (uid, sn, password_hash) VALUES ('cid', 'x', 'x')", "INSERT INTO hr.email (person, address) SELECT id, 'ann@x' FROM hr.person")
	if _, _, err := c.Restore(t.Context(), rec, nil); !errors.Is(err, backends.ErrExists) {
		t.Errorf("another has the address: %v", err)
	}
	if n := g.ask("SELECT count(*)::text FROM hr.person"); n != "1" {
		t.Errorf("there are %s persons", n)
	}
}

func TestRowLevelSecurityHoldsForWhatIsRestored(t *testing.T) {
	g, c := restoreGround(t, "")
	rec := journaled(t, c, "1")
	if err := c.Delete(t.Context(), "1", backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	g.exec("ALTER TABLE hr.person ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON hr.person USING (uid <> 'ann')")
	if _, _, err := c.Restore(t.Context(), rec, nil); !errors.Is(err, backends.ErrRefused) {
		t.Errorf("against a policy: %v", err)
	}
	if n := g.ask("SELECT (SELECT count(*) FROM hr.person) || ' ' || (SELECT count(*) FROM hr.email)"); n != "0 0" {
		t.Errorf("%s rows are there", n)
	}
}

func TestChildRowsThatATriggerMadeAreNotMadeTwice(t *testing.T) {
	g, c := restoreGround(t, "")
	g.exec(`CREATE FUNCTION hr.welcome() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO hr.phone VALUES (NEW.id, '123'); RETURN NEW; END $$;
		CREATE TRIGGER welcome AFTER INSERT ON hr.person FOR EACH ROW EXECUTE FUNCTION hr.welcome()`)
	before := g.ask(picture)
	rec := journaled(t, c, "1")
	if err := c.Delete(t.Context(), "1", backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Restore(t.Context(), rec, nil); err != nil {
		t.Fatal(err)
	}
	if after := g.ask(picture); after != before {
		t.Errorf("the tables have\n%s\nand had\n%s", after, before)
	}
}

func TestValuesThatNobodyHasKeptAreLostAndNotPutBackAsNothing(t *testing.T) {
	g, c := restoreGround(t, "")
	rec := journaled(t, c, "1")
	hidden := []string{"big", "born", "note", "phones", backends.Path("phones", "*")}
	for _, name := range hidden {
		if _, there := rec.Attrs[name]; there {
			rec.Attrs[name] = backends.Values{backends.Secret("")}
		}
	}
	if err := c.Delete(t.Context(), "1", backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	_, lost, err := c.Restore(t.Context(), rec, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"big", "born", "note", "phones"} {
		if !slices.Contains(lost, name) {
			t.Errorf("%s is not among what is lost: %q", name, lost)
		}
	}
	if got := g.ask("SELECT concat_ws(' ', uid, big, born, note, (SELECT count(*) FROM hr.phone)) FROM hr.person"); got != "Ann 0" {
		t.Errorf("the row has %q", got)
	}
}
