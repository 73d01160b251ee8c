package journal

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestLimitsAreTold(t *testing.T) {
	for want, l := range map[string]Limit{
		"delete: 50 in 1h for each client":      {Kind: GuardDelete, Count: 50, Window: time.Hour, PerClient: true},
		"disable: 2.5 % in 24h in all":          {Kind: GuardDisable, Percent: 2.5, Window: 24 * time.Hour},
		"remove_member: 9 or 1 % in 30m in all": {Kind: GuardRemoveMember, Count: 9, Percent: 1, Window: 30 * time.Minute},
		"delete: 1 in 10s in all":               {Kind: GuardDelete, Count: 1, Window: 10 * time.Second},
		"delete: 1 in 1h0m30s in all":           {Kind: GuardDelete, Count: 1, Window: time.Hour + 30*time.Second},
		"delete: 1 in 1h20m in all":             {Kind: GuardDelete, Count: 1, Window: 80 * time.Minute},
	} {
		if got := l.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestAShareIsRoundedUp(t *testing.T) {
	for _, c := range []struct {
		limit Limit
		of    int
		most  int
		known bool
	}{
		{Limit{Percent: 5}, 100, 5, true},
		{Limit{Percent: 5}, 101, 6, true},
		{Limit{Percent: 0.1}, 3, 1, true},
		{Limit{Percent: 100}, 7, 7, true},
		{Limit{Percent: 5}, 0, 0, false},
		{Limit{Percent: 5, Count: 3}, 100, 3, true},
		{Limit{Percent: 5, Count: 30}, 100, 5, true},
		{Limit{Percent: 5, Count: 30}, 0, 30, true},
		{Limit{Count: 50, Among: 3}, 0, 16, true},
		{Limit{Count: 2, Among: 3}, 0, 0, true},
		{Limit{Percent: 5, Among: 2}, 101, 3, true},
	} {
		if most, known := c.limit.most(c.of); most != c.most || known != c.known {
			t.Errorf("%v of %d: %d, %t; want %d, %t", c.limit, c.of, most, known, c.most, c.known)
		}
	}
}

// However limits are divided, all parts together allow no more than the whole.
func TestPartsAreNoMoreThanTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := Limit{Count: rapid.IntRange(0, 1000).Draw(t, "count"), Percent: float64(rapid.IntRange(0, 1000).Draw(t, "permille")) / 10}
		of, n := rapid.IntRange(0, 10_000).Draw(t, "of"), rapid.IntRange(1, 12).Draw(t, "processes")
		most, known := whole.most(of)
		part, stillKnown := Divide([]Limit{whole}, n)[0].most(of)
		if part*n > most || known != stillKnown || n == 1 && part != most {
			t.Errorf("%d parts of %d (known: %t) are %d each (known: %t)", n, most, known, part, stillKnown)
		}
	})
}

func TestJudgeAsksWhatItNeedsAndStopsAtTheFirstLimit(t *testing.T) {
	limits := []Limit{
		{Kind: GuardDelete, Count: 5, PerClient: true}, {Kind: GuardDisable, Count: 1}, {Kind: GuardDelete, Count: 6}, {Kind: GuardDelete, Percent: 1}, {Kind: GuardRemoveMember, Count: 3},
	}
	in := Intent{Client: "okta", Weights: []Weight{{Kind: GuardDelete, Count: 2}, {Kind: GuardRemoveMember, Count: 0}}}
	judge := func(used, approved int) (asked []Use, err error) {
		err = Judge(limits, in, func(l Limit, client string) (Taken, error) {
			asked = append(asked, Use{Limit: l, Client: client})
			return Taken{used, approved}, nil
		})
		return asked, err
	}
	asked, err := judge(3, 0)
	if diff := cmp.Diff([]Use{{Limit: limits[0], Client: "okta"}, {Limit: limits[2]}}, asked); diff != "" || err != nil {
		t.Errorf("asked (-want +got):\n%s%v", diff, err)
	}
	if diff := cmp.Diff([]Use{{Limit: limits[0], Client: "okta"}, {Limit: limits[2]}, {Limit: limits[3]}}, Parts(limits, in)); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if asked, err = judge(4, 0); len(asked) != 1 {
		t.Errorf("asked %v", asked)
	}
	r, ok := errors.AsType[*Refusal](err)
	if !ok || r.Client != "okta" || r.Used != 4 || r.Wanted != 2 || r.Most != 5 || r.Excess() != 1 || r.Error() != "the guard's limit delete: 5 in 0s for each client is reached: 4 of 5 used, 2 wanted" {
		t.Errorf("%+v", err)
	}
	if _, err = judge(7, 4); err != nil {
		t.Errorf("with four approved: %v", err)
	}
	_, err = judge(8, 4)
	if r, ok = errors.AsType[*Refusal](err); !ok || r.Most != 9 || r.Approved != 4 || r.Excess() != 5 {
		t.Errorf("one more: %+v", err)
	}
	away := errors.New("away")
	if err := Judge(limits, in, func(Limit, string) (Taken, error) { return Taken{}, away }); !errors.Is(err, away) {
		t.Errorf("whoever cannot say: %v", err)
	}
	if never := (&Refusal{Wanted: 7, Most: 9, Approved: 4}).Excess(); never != 0 {
		t.Errorf("what never fits has an excess of %d", never)
	}
}
