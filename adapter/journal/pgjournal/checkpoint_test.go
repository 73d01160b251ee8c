package pgjournal

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// heads are the checkpoints there are.
func (g *ground) heads() string {
	return g.ask("SELECT coalesce(string_agg(writer || ':' || seq || CASE WHEN final THEN ' final' ELSE '' END, ', ' ORDER BY time, writer), '') FROM audit.checkpoints")
}

func TestTheHeadsOfAllChainsAreSigned(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	app := g.role("scim_app") // that is all it takes
	as := func(writer string) func(*Options) {
		return func(o *Options) { o.Writer, o.Database.URL = writer, configs.NewSecret(app) }
	}
	mine, other := g.open(signs, as("mine")), g.open(as("other"))
	s := newSigner(mine)
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"nothing was written", func() {}, ""},
		{"both wrote", func() { write(t, mine, 2); write(t, other, 1) }, "mine:4, other:2"},
		{"nothing new", func() {}, "mine:4, other:2"},
		{"one wrote", func() { write(t, other, 1) }, "mine:4, other:2, other:4"},
		{"the other", func() { write(t, mine, 1) }, "mine:4, other:2, other:4, mine:6"},
	} {
		step.do()
		s.sign(context.Background(), false)
		if got := g.heads(); got != step.want || s.failing {
			t.Fatalf("%s: %s, failing: %t", step.what, got, s.failing)
		}
	}
	must(t, mine.Close())
	must(t, other.Close()) // it signs nothing
	if got, want := g.heads(), "mine:4, other:2, other:4, mine:6, mine:6 final"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if found, v := g.verify(); len(found) > 0 || v.Checkpoints != 5 || v.Unsigned != 0 {
		t.Errorf("found %q, %+v", found, v)
	}
}

func TestHeadsAreSignedWithoutAnybodyAsking(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs, func(o *Options) { o.Writer, o.CheckpointInterval = "w", 20*time.Millisecond })
	write(t, j, 1)
	for end := time.Now().Add(10 * time.Second); !strings.HasPrefix(g.heads(), "w:"); {
		if time.Now().After(end) {
			t.Fatal("no checkpoint was made")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestAHeadThatCannotBeSignedIsTriedAgain(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	broken := true
	j := g.open(signs, func(o *Options) {
		o.Writer = "w"
		o.Sign = func(message []byte) (string, []byte, error) {
			if broken {
				return "", nil, errors.New("no key")
			}
			return signTest(message)
		}
	})
	write(t, j, 1)
	s := newSigner(j)
	s.sign(context.Background(), false)
	if !s.failing || g.heads() != "" {
		t.Errorf("failing: %t, heads %s", s.failing, g.heads())
	}
	broken = false
	s.sign(context.Background(), false)
	if s.failing || g.heads() != "w:2" {
		t.Errorf("failing: %t, heads %s", s.failing, g.heads())
	}
}

func TestDroppedMonthsAreBridgedByTheirAnchors(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	old := time.Now().UTC().AddDate(0, -3, 0)
	j := g.open(signs, func(o *Options) { o.Writer = "w" })
	for i := range 6 { // old and new ones by turns, as with a spool
		in := change(nil)
		if in.Time = time.Now(); i%2 == 0 {
			in.Time = old
		}
		must(t, j.Begin(context.Background(), in))
		must(t, j.Finish(context.Background(), in.ID, done()))
	}
	newSigner(j).sign(context.Background(), false)
	write(t, j, 1)
	must(t, j.Close())
	owner := configs.NewSecret(g.role("scim_owner"))
	must(t, Maintain(context.Background(), Maintenance{Database: owner, Retention: configs.Retention{Writes: 24 * time.Hour}, Sign: signTest}))
	if n := g.ask("SELECT count(*)::text FROM audit.anchors"); n != "3" {
		t.Fatalf("there are %s anchors", n)
	}
	if found, v := g.verify(); len(found) > 0 || v.Anchors != 3 || v.Rows != 8 || v.Checkpoints != 2 {
		t.Errorf("found %q, %+v", found, v)
	}
	if found, v := g.verify(func(v *Verification) { v.Since = time.Now().Add(-time.Hour) }); len(found) > 0 || v.Rows != 8 {
		t.Errorf("since an hour ago found %q, %+v", found, v)
	}
	g.tamper("DELETE FROM audit.intents WHERE seq = 7")
	if found, _ := g.verify(); len(found) != 2 || !strings.HasPrefix(found[0], "removed: number 7 of writer w") || !strings.HasPrefix(found[1], "orphan") {
		t.Errorf("in front of an anchor: %q", found)
	}
	g.tamper("UPDATE audit.anchors SET last_link = sha256('x') WHERE first_seq = 5")
	if found, _ := g.verify(); !strings.HasPrefix(found[0], "forged: numbers 5 to 6 of writer w: the anchor of writes of "+old.Format("2006-01")) {
		t.Errorf("a changed anchor: %q", found)
	}
}

func TestRowsOfTheGuidesAreCounted(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	pgtest.Exec(t, g.db.Admin, `INSERT INTO audit.events (resource_type, action, "timestamp", tx) VALUES ('User', 'create', '2020-01-01', NULL), ('User', 'create', '2021-01-01', NULL)`)
	write(t, g.open(signs), 1)
	if found, v := g.verify(); len(found) > 0 || v.Before != 2 || v.Unsigned != 2 {
		t.Errorf("found %q, %+v", found, v)
	}
	pgtest.Exec(t, g.db.Admin, `INSERT INTO audit.events (resource_type, action, tx) VALUES ('User', 'create', NULL)`)
	if found, v := g.verify(); len(found) != 1 || v.Before != 2 {
		t.Errorf("one that says it is old: %q, %+v", found, v)
	}
}

func TestSignaturesOfFormerKeysAreGoodWhereTheyAreNamed(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	former := ed25519.NewKeyFromSeed(make([]byte, 32))
	j := g.open(signs, func(o *Options) {
		o.Sign = func(m []byte) (string, []byte, error) { return "former", ed25519.Sign(former, m), nil }
	})
	write(t, j, 1)
	must(t, j.Close())
	if found, _ := g.verify(); len(found) != 1 || !strings.Contains(found[0], `signed with the key "former", which is not known here`) {
		t.Errorf("found %q", found)
	}
	for name, c := range map[string]struct {
		key   ed25519.PrivateKey
		found int
	}{"that key": {former, 0}, "another under its name": {testKey, 1}} {
		found, _ := g.verify(func(v *Verification) { v.Keys["former"] = c.key.Public().(ed25519.PublicKey) }) //nolint:forcetypeassert // it is one
		if len(found) != c.found {
			t.Errorf("%s: %s", name, fmt.Sprint(found))
		}
	}
}
