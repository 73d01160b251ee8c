package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhoHasTheNameOfTheDeadGetsNothingOfTheirs(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		people, groups := h.settle(4, 1)
		v := openVault(t, h)
		v.snapshot(t)
		before := h.everything(t)
		h.do("DELETE", "/Users/"+people[0], nil).want(t, 204)
		stranger := h.user("person000").id()
		for _, run := range []undoRun{{dryRun: true}, {yes: true}} {
			out, err := v.restoring(t, backupRestore{all: true, undoRun: run}, "latest")
			if err == nil || !strings.Contains(out, "1 skipped") || !strings.Contains(out, "User/"+stranger) || strings.Contains(out, "1 to make again") || strings.Contains(out, "1 made again") {
				t.Errorf("%v\n%s", err, out)
			}
			if got := h.memberIDs(groups[0]); !slices.Equal(got, sorted(people[1:])) {
				t.Errorf("the group has %q, want %q\n%s", got, sorted(people[1:]), out)
			}
			for _, id := range people[1:] {
				if raw := h.do("GET", "/Users/"+id, nil).raw; strings.Contains(raw, stranger) {
					t.Errorf("the stranger is a manager: %s", raw)
				}
			}
		}
		h.do("DELETE", "/Users/"+stranger, nil).want(t, 204)
		if out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{yes: true}}, "latest"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
	})
}

func TestANameThatIsGivenUpInThePlanIsFree(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		people, _ := h.settle(6, 1)
		v := openVault(t, h)
		v.snapshot(t)
		before := h.everything(t)
		h.do("DELETE", "/Users/"+people[0], nil).want(t, 204)
		h.do("PATCH", "/Users/"+people[5], patch(op("replace", "userName", "person000")))
		for _, run := range []undoRun{{dryRun: true}, {yes: true}} {
			out, err := v.restoring(t, backupRestore{all: true, undoRun: run}, "latest")
			if err != nil || strings.Contains(out, "somebody else") || run.dryRun && !strings.Contains(out, "1 to make again") {
				t.Errorf("%v\n%s", err, out)
			}
		}
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
	})
}

func TestAManagerGetsHisNameBackWithoutAQuarrel(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		people, _ := h.settle(12, 1)
		v := openVault(t, h)
		v.snapshot(t)
		before := h.everything(t)
		for i, name := range []string{"wrong", "wronger", "wrongest"} {
			h.do("PATCH", "/Users/"+people[i], patch(op("replace", "userName", name)))
		}
		if out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{yes: true}}, "latest"); err != nil || strings.Contains(out, "skipped") {
			t.Errorf("%v\n%s", err, out)
		}
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
	})
}

func TestAPasswordThatIsLostIsToldAndNoFailure(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		if !h.passwords() {
			t.Skip("it has no passwords")
		}
		id := h.user("ada", "password", hushed).id()
		v := openVault(t, h)
		v.snapshot(t)
		h.do("DELETE", "/Users/"+id, nil).want(t, 204)
		if out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{yes: true}}, "latest"); err != nil || !strings.Contains(out, "1 made again") {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, run := range []undoRun{{dryRun: true}, {yes: true}} {
			out, err := v.restoring(t, backupRestore{all: true, undoRun: run}, "latest")
			if err != nil || !strings.Contains(out, ", 1 unchanged\n") || !strings.Contains(out, "cannot be put back: ") {
				t.Errorf("%v\n%s", err, out)
			}
		}
	})
}

func TestAMemberWhoIsNobodyAnyMoreIsToldAlsoWhereNothingElseDiffers(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		people, _ := h.settle(4, 1)
		v := openVault(t, h)
		v.snapshot(t)
		h.do("DELETE", "/Users/"+people[3], nil).want(t, 204)
		one, err := v.store.Last(t.Context(), "default", "Group")
		if err != nil {
			t.Fatal(err)
		}
		out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{dryRun: true}}, one.ID)
		if err != nil || !strings.Contains(out, "is nobody any more, and not put back") || !strings.Contains(out, "0 to change, 1 unchanged") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestWhoHadAUniqueValueOfSomebodyElsesComesBackWithIt(t *testing.T) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouse(t, d.url(t))
			h.add(t, "ou=other,"+h.people, "objectClass", "organizationalUnit")
			for _, dn := range []string{"uid=twin," + h.people, "uid=twin,ou=other," + h.people} {
				h.add(t, dn, "objectClass", "inetOrgPerson", "uid", "twin", "cn", "Twin", "sn", "Twin")
			}
			v := openVault(t, h)
			v.snapshot(t)
			h.removeTree("uid=twin,ou=other," + h.people)
			for _, run := range []undoRun{{dryRun: true}, {yes: true}} {
				if out, err := v.restoring(t, backupRestore{all: true, undoRun: run}, "latest"); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			}
			if h.entry(t, "uid=twin,ou=other,"+h.people) == nil {
				t.Error("it did not come back")
			}
		})
	}
}
