package backup

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

const base = "ou=people,dc=example,dc=org"

// ground is a database with the tables of the journal.
type ground struct {
	t  testing.TB
	db pgtest.DB
}

func newGround(t testing.TB) *ground {
	t.Helper()
	g := &ground{t: t, db: pgtest.Database(t)}
	pgtest.Exec(t, g.db.Admin, pgjournal.Script())
	return g
}

// role makes a role that is a member of these and no more, and gives the URL that it connects with.
func (g *ground) role(of ...string) string {
	g.t.Helper()
	name, password := "scim_test_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	pgtest.Exec(g.t, g.db.Admin, "CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"' IN ROLE "+strings.Join(of, ", "))
	g.t.Cleanup(func() { pgtest.Exec(g.t, g.db.Admin, "DROP ROLE "+name) })
	u, err := url.Parse(g.db.Admin)
	if err != nil {
		g.t.Fatal(err)
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}

// store opens the snapshots as such a role.
func (g *ground) store(of ...string) *Store {
	g.t.Helper()
	s, err := Open(g.t.Context(), configs.Database{URL: configs.NewSecret(g.role(of...))})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(s.Close)
	return s
}

// people is a directory with some.
func people(t testing.TB, n int) backends.Backend {
	t.Helper()
	b := backendtest.NewMemory().Class(backendtest.Class{Base: base})
	for i := range n {
		person(t, b, fmt.Sprintf("p%03d", i))
	}
	return b
}

func person(t testing.TB, b backends.Backend, uid string) backends.Key {
	t.Helper()
	rec, err := b.Create(t.Context(), backends.Template{{Text: "uid="}, {Slot: true, Value: backends.String(uid)}, {Text: "," + base}}, backends.Attributes{
		"sn": backends.Strings("Weiß"), "description": backends.Strings("one", "two "), "jpegPhoto": {backends.Bytes([]byte{0, 255})},
		"userPassword": {backends.Secret("hush")},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Key
}

func source(b backends.Reader) Source { return Source{Tenant: "default", Type: "User", Records: b} }

func create(t testing.TB, s *Store, from Source) Snapshot {
	t.Helper()
	one, err := s.Create(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

func differences(t testing.TB, all iter.Seq2[Difference, error]) map[string]string {
	t.Helper()
	found := map[string]string{}
	for d, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		kind := "changed"
		switch {
		case d.Was == nil:
			kind = "new"
		case d.Is == nil:
			kind = "gone"
		}
		name := d.Is
		if name == nil {
			name = d.Was
		}
		uid, _, _ := strings.Cut(name.Name, ",")
		found[uid] = kind
	}
	return found
}

func TestASnapshotStoresWhatHasChanged(t *testing.T) {
	g := newGround(t)
	s := g.store("scim_app", "scim_audit", "scim_owner")
	b := people(t, 1200)
	var told []int
	from := source(b)
	from.Progress = func(n int) { told = append(told, n) }
	first := create(t, s, from)
	if first.Records != 1200 || first.Status != Complete || first.Bytes == 0 || !slices.Equal(told, []int{500, 1000, 1200}) {
		t.Fatalf("%+v, told %v", first, told)
	}
	second := create(t, s, source(b))
	if second.Records != 1200 || second.Bytes != 0 {
		t.Errorf("a second snapshot of the same: %+v", second)
	}
	fresh := person(t, b, "new")
	keys := map[string]backends.Key{}
	for rec, err := range b.Walk(t.Context(), backends.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys[rec.Name] = rec.Key
	}
	changed, gone := keys["uid=p001,"+base], keys["uid=p002,"+base]
	_, err := b.Modify(t.Context(), changed, []backends.Change{{Op: backends.Replace, Attr: "sn", Values: backends.Strings("Black")}}, backends.Condition{}, nil)
	if err := errors.Join(err, b.Delete(t.Context(), gone, backends.Condition{})); err != nil || fresh == "" {
		t.Fatal(err)
	}
	want := map[string]string{"uid=new": "new", "uid=p001": "changed", "uid=p002": "gone"}
	if got := differences(t, s.DiffNow(t.Context(), second, source(b))); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("now %v, want %v", got, want)
	}
	third := create(t, s, source(b))
	if got := differences(t, s.Diff(t.Context(), first, third)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	pruned, err := s.Prune(t.Context(), "default", "User", 1)
	left, listed := s.List(t.Context(), "default", "")
	if err := errors.Join(err, listed); err != nil || pruned != 2 || len(left) != 1 || left[0].ID != third.ID {
		t.Fatalf("%d went, %v left, %v", pruned, left, err)
	}
	if found, err := s.Verify(t.Context(), third); err != nil || len(found.Wrong) > 0 {
		t.Errorf("after pruning: %q, %v", found.Wrong, err)
	}
	if n := g.ask("SELECT count(*)::text FROM backup.records"); n != "1200" {
		t.Errorf("%s records are stored", n)
	}
}

// ask reads a single text as a superuser.
func (g *ground) ask(sql string) string {
	g.t.Helper()
	s, err := Open(g.t.Context(), configs.Database{URL: configs.NewSecret(g.db.Admin)})
	if err != nil {
		g.t.Fatal(err)
	}
	defer s.Close()
	var text string
	if err := s.pool.QueryRow(g.t.Context(), sql).Scan(&text); err != nil {
		g.t.Fatal(err)
	}
	return text
}

func TestARecordOfASnapshotCanBeRestored(t *testing.T) {
	s := newGround(t).store("scim_app", "scim_audit")
	b := people(t, 2)
	one := create(t, s, source(b))
	for rec, err := range s.Records(t.Context(), one) {
		if err != nil {
			t.Fatal(err)
		}
		if text, err := json.Marshal(rec); err != nil || strings.Contains(string(text), "hush") {
			t.Errorf("%s, %v", text, err)
		}
		if err := b.Delete(t.Context(), rec.Key, backends.Condition{}); err != nil {
			t.Fatal(err)
		}
		made, lost, err := b.Restore(t.Context(), rec.Whole(), nil)
		if err != nil || made.Key != rec.Key || !slices.Equal(lost, []string{"userPassword"}) {
			t.Errorf("%+v, lost %q, %v", made, lost, err)
		}
	}
	if got := differences(t, s.DiffNow(t.Context(), one, source(b))); len(got) != 2 { // the passwords
		t.Errorf("%v", got)
	}
}

func TestWhatWasAlteredInADatabaseIsFound(t *testing.T) {
	g := newGround(t)
	s := g.store("scim_app", "scim_audit")
	one := create(t, s, source(people(t, 4)))
	pgtest.Exec(t, g.db.Admin,
		"UPDATE backup.records SET body = (SELECT body FROM backup.records ORDER BY key DESC LIMIT 1) WHERE key = (SELECT min(key) FROM backup.records)",
		`UPDATE backup.records SET body = '\x00' WHERE key = (SELECT key FROM backup.records ORDER BY key OFFSET 1 LIMIT 1)`,
		"DELETE FROM backup.records WHERE key = (SELECT key FROM backup.records ORDER BY key OFFSET 2 LIMIT 1)",
		"DELETE FROM backup.entries WHERE key = (SELECT max(key) FROM backup.entries)")
	found, err := s.Verify(t.Context(), one)
	if err != nil || len(found.Wrong) != 4 || found.Forgotten != 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	for i, want := range []string{"is not what was stored", "cannot be read", "it has 3 records, and was made with 4", "is gone, and the journal does not say that it was forgotten"} {
		if !strings.Contains(found.Wrong[i], want) {
			t.Errorf("%q, want %q", found.Wrong[i], want)
		}
	}
}

// cut is a reader whose walk ends before its time.
type cut struct {
	backends.Reader
	after int
	err   error
	do    func()
}

func (c cut) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		n := 0
		for rec, err := range c.Reader.Walk(ctx, q) {
			if n++; n > c.after {
				c.do()
				yield(backends.Record{}, c.err)
				return
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func TestASnapshotThatIsNotCompleteIsNeverTakenForOne(t *testing.T) {
	g := newGround(t)
	s := g.store("scim_app", "scim_audit", "scim_owner")
	b := people(t, 3)
	var inside error
	broken := cut{b, 2, backends.ErrUnavailable, func() { _, inside = s.Create(t.Context(), source(b)) }}
	if _, err := s.Create(t.Context(), source(broken)); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if !errors.Is(inside, ErrBusy) {
		t.Errorf("a second one at the same time: %v", inside)
	}
	pgtest.Exec(t, g.db.Admin, "INSERT INTO backup.snapshots (id, tenant_id, resource_type, started, status) VALUES (gen_random_uuid(), 'default', 'User', '2020-01-01', 'running')")
	complete := create(t, s, source(b))
	all, err := s.List(t.Context(), "default", "User")
	if err != nil || len(all) != 3 || all[0].ID != complete.ID || all[1].Status != Failed || all[1].Note == "" || all[2].Status != Failed || all[2].Note != "interrupted" {
		t.Fatalf("%+v, %v", all, err)
	}
	if found, err := s.Verify(t.Context(), all[1]); err != nil || len(found.Wrong) != 1 {
		t.Errorf("%q, %v", found.Wrong, err)
	}
	if n, err := s.Prune(t.Context(), "default", "User", 5); err != nil || n != 2 {
		t.Errorf("%d went, %v", n, err)
	}
	if _, err := s.Get(t.Context(), "other", complete.ID); !errors.Is(err, ErrNone) {
		t.Errorf("another tenant: %v", err)
	}
}

func TestASnapshotIsMadeNoFasterThanItMay(t *testing.T) {
	s := newGround(t).store("scim_app")
	from := source(people(t, 20))
	from.Rate = 40
	began := time.Now()
	one := create(t, s, from)
	if took := time.Since(began); took < 400*time.Millisecond || one.Records != 20 {
		t.Errorf("%d records in %s, at 40 a second", one.Records, took)
	}
}

func TestASnapshotIsExported(t *testing.T) {
	s := newGround(t).store("scim_app", "scim_audit")
	one := create(t, s, source(people(t, 2)))
	var ldif, lines bytes.Buffer
	n, err := s.ExportLDIF(t.Context(), one, &ldif, nil)
	m, failed := s.ExportJSON(t.Context(), one, &lines)
	if err := errors.Join(err, failed); err != nil || n != 2 || m != 2 {
		t.Fatalf("%d and %d, %v", n, m, err)
	}
	for _, want := range []string{"dn: uid=p000," + base + "\n", "description: one\ndescription:: dHdvIA==\n", "jpegPhoto:: AP8=\n", "sn:: V2Vpw58=\n", "# userPassword: not in the snapshot\n"} {
		if !strings.Contains(ldif.String(), want) {
			t.Errorf("the LDIF has no %q:\n%s", want, ldif.String())
		}
	}
	var rec Record
	first, _, _ := strings.Cut(lines.String(), "\n")
	if err := json.Unmarshal([]byte(first), &rec); err != nil || rec.Name != "uid=p000,"+base || strings.Contains(ldif.String()+lines.String(), "hush") {
		t.Errorf("%q: %v", first, err)
	}
}
