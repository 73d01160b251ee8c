package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// office is people of whom ann is to go: a team has her as a member, and cid has her as boss.
type office struct {
	*ground
	people, teams       *class
	ann, bob, cid, team backends.Record
	fromTeam, fromCid   *backends.Release
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{ground: newGround(t, house)}
	o.people, o.teams = o.staff(), o.ground.teams()
	o.ann, o.bob = hire(t, o.people, "ann", nil), hire(t, o.people, "bob", nil)
	o.cid = hire(t, o.people, "cid", backends.Attributes{"boss": backends.Strings(string(o.ann.Key))})
	var err error
	o.team, err = o.teams.Create(t.Context(), nil, backends.Attributes{
		"name": backends.Strings("all"), "members": backends.Strings(string(o.ann.Key), string(o.bob.Key)),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.fromTeam = &backends.Release{From: o.teams, Key: o.team.Key, Changes: []backends.Change{change(backends.Remove, "members", string(o.ann.Key))}}
	o.fromCid = &backends.Release{From: o.people, Key: o.cid.Key, Changes: []backends.Change{change(backends.Remove, "boss", string(o.ann.Key))}}
	return o
}

func (o *office) fire(more ...*backends.Release) error {
	return o.people.Delete(o.t.Context(), o.ann.Key, backends.Condition{}, append([]*backends.Release{o.fromTeam, o.fromCid}, more...)...)
}

// rows is all that is stored of members and of those who have a boss, with what says whether it was written.
func (o *office) rows() string {
	return o.ask(`SELECT string_agg(r, ',' ORDER BY r) FROM (
		SELECT m::text || m.xmin::text FROM hr.member m UNION ALL SELECT t::text || t.xmin::text FROM hr.team t UNION ALL SELECT p::text || p.xmin::text FROM hr.person p) AS a (r)`)
}

func TestReleasesAreOfOtherTablesAndOfTheSame(t *testing.T) {
	o := newOffice(t)
	if err := o.fire(); err != nil {
		t.Fatal(err)
	}
	o.is("bob", "SELECT string_agg(login, ',') FROM hr.member JOIN hr.person ON id = person")
	o.is("0 2", "SELECT count(boss) || ' ' || count(*) FROM hr.person")
	if fetch(t, o.teams, o.team.Key).Version == o.team.Version || fetch(t, o.people, o.cid.Key).Version == o.cid.Version {
		t.Error("the version of who let go is the old one")
	}
	for _, r := range []*backends.Release{o.fromTeam, o.fromCid} {
		if len(r.Effective) != 1 || !slices.Equal(r.Effective[0].Values.Texts(), []string{string(o.ann.Key)}) {
			t.Errorf("what was let go is %v", r.Effective)
		}
	}
}

// TestARefusedDeleteReleasesNothing: whether it is the record that is held in the end, or one of the others that cannot let go.
func TestARefusedDeleteReleasesNothing(t *testing.T) {
	o := newOffice(t)
	o.exec("INSERT INTO hr.badge SELECT id, 'b' FROM hr.person WHERE login = 'ann'")
	before := o.rows()
	err := o.fire()
	fails(t, err, backends.ErrHeld, "")
	if !strings.Contains(err.Error(), "badge") {
		t.Errorf("%v does not say who holds it", err)
	}
	o.exec("DELETE FROM hr.badge")
	nameless := func(c *class, r backends.Record) *backends.Release {
		return &backends.Release{From: c, Key: r.Key, Changes: []backends.Change{change(backends.Replace, "name")}}
	}
	fails(t, o.fire(nameless(o.people, o.bob)), backends.ErrInvalid, "name")
	fails(t, o.fire(nameless(o.teams, o.team)), backends.ErrInvalid, "name")
	still := o.class("{table: hr.team, key: id, readOnly: true}")
	fails(t, o.fire(nameless(still, o.team)), backends.ErrRefused, "")
	fails(t, o.fire(nameless(o.classOf("other", "{table: hr.team, key: id}"), o.team)), backends.ErrInvalid, "")
	gone := o.people.Delete(t.Context(), o.ann.Key, backends.Condition{Version: "77"}, o.fromTeam, nameless(o.teams, o.team))
	if !errors.Is(gone, backends.ErrInvalid) && !errors.Is(gone, backends.ErrChanged) {
		t.Errorf("%v", gone)
	}
	if now := o.rows(); now != before {
		t.Errorf("before\n%s\nafter\n%s", before, now)
	}
	if o.fromTeam.Effective != nil || o.fromCid.Effective != nil {
		t.Errorf("%v, %v", o.fromTeam.Effective, o.fromCid.Effective)
	}
}

// TestDeleteAndAddWaitInOneOrder: who adds a member takes the team's row, and then that of the person.
func TestDeleteAndAddWaitInOneOrder(t *testing.T) {
	o := newOffice(t)
	o.exec("DELETE FROM hr.member WHERE person = (SELECT id FROM hr.person WHERE login = 'ann')")
	other := o.connect()
	run(t, other, "BEGIN")
	run(t, other, "SELECT 1 FROM hr.team FOR NO KEY UPDATE")
	answer := make(chan error)
	go func() { answer <- o.fire() }()
	o.waits()
	run(t, other, "SELECT 1 FROM hr.person FOR KEY SHARE NOWAIT") // nobody has the person's row yet
	run(t, other, "INSERT INTO hr.member SELECT 'default', team.id, person.id FROM hr.team, hr.person WHERE login = 'ann'")
	run(t, other, "COMMIT")
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	if len(o.fromTeam.Effective) != 1 {
		t.Errorf("who was added meanwhile was not let go: %v", o.fromTeam.Effective)
	}
}

// TestALostCommitTellsWhatMayHaveBeenReleased: whoever finds out that it happened knows what did.
func TestALostCommitTellsWhatMayHaveBeenReleased(t *testing.T) {
	o := newOffice(t)
	o.exec(`CREATE FUNCTION hr.last() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN old; END $$`,
		"CREATE CONSTRAINT TRIGGER last AFTER DELETE ON hr.person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hr.last()")
	fails(t, o.fire(), backends.ErrUnknown, "")
	if len(o.fromTeam.Effective) != 1 || len(o.fromCid.Effective) != 1 {
		t.Errorf("%v, %v", o.fromTeam.Effective, o.fromCid.Effective)
	}
}

// TestReleasesFromATableThatIsAnotherByNow: the catalog is read again of the class that it was outdated for.
func TestReleasesFromATableThatIsAnotherByNow(t *testing.T) {
	o := newOffice(t)
	o.fromTeam.From = o.class("{table: hr.team, key: id, version: stamp}", o.set("members", "{rows: hr.member, on: team}", "person"))
	fetch(t, o.fromTeam.From, o.team.Key, "members") // and now it is known
	o.exec("ALTER TABLE hr.member DROP CONSTRAINT member_person_fkey, ALTER person TYPE text")
	if err := o.fire(); err != nil {
		t.Fatal(err)
	}
	o.is("1", "SELECT count(*)::text FROM hr.member")
}
