package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// forget is `audit forget` of a person.
func (v *vault) forget(t *testing.T, id string) {
	t.Helper()
	gone, err := pgjournal.Forget(t.Context(), pgjournal.Forgetting{Database: configs.NewSecret(v.db.Admin), Tenant: "default", Type: "User", ID: id, By: "a test"})
	if err != nil || gone.Records == 0 {
		t.Fatalf("%+v, %v", gone, err)
	}
}

func TestWhoWasForgottenIsNotTakenForWhoWasNotThere(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		people, groups := h.settle(4, 1)
		v := openVault(t, h)
		v.snapshot(t)
		v.forget(t, people[3])
		later := h.user("later").id()
		h.do("PATCH", "/Groups/"+groups[0], patch(op("remove", "members", nil), op("add", "members", []any{map[string]any{"value": later}}))).want(t, 204)
		out, err := v.restoring(t, backupRestore{all: true, others: true, undoRun: undoRun{yes: true}}, "latest")
		if err != nil || !strings.Contains(out, "1 deleted, which the snapshot does not have, 1 left alone") || !strings.Contains(out, "what it had of 1 record is gone") ||
			!strings.Contains(out, "User/"+people[3]) {
			t.Errorf("%v\n%s", err, out)
		}
		h.do("GET", "/Users/"+people[3], nil).want(t, 200)
		h.do("GET", "/Users/"+later, nil).want(t, 404)
		if raw := h.do("GET", "/Groups/"+groups[0], nil).raw; !strings.Contains(raw, people[3]) {
			t.Errorf("who was forgotten is no member again: %s", raw)
		}
		for _, typ := range []string{"User/", "user/"} {
			if out, err := v.restoring(t, backupRestore{undoRun: undoRun{yes: true}}, "latest", typ+people[3]); err == nil || !strings.Contains(err.Error(), "is gone, and cannot be put back") {
				t.Errorf("alone: %v\n%s", err, out)
			}
		}
		if h.tables == nil {
			if out, err := v.verifying(t, ""); err != nil || !strings.Contains(out, "4 records came back") || !strings.Contains(out, "1 record is left out") {
				t.Errorf("in a scratch directory: %v\n%s", err, out)
			}
		}
	})
}

func TestWhoWasForgottenIsNoFindingEitherWhenTheEventHasGoneWithItsMonth(t *testing.T) {
	h := openHouse(t, startEmbedded(t).URL())
	h.people = "ou=people," + suffix
	ada, _ := h.user("ada").id(), h.user("bob").id()
	v := openVault(t, h)
	v.snapshot(t)
	all, err := v.store.List(t.Context(), "default", "User")
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	verify := func(ok bool, wants ...string) {
		t.Helper()
		var out bytes.Buffer
		b := v.run()
		b.out, b.err = &out, &out
		if err := b.verifyOne(t.Context(), all[0]); (err == nil) != ok {
			t.Errorf("%v", err)
		}
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("it does not say %q:\n%s", want, out.String())
			}
		}
	}
	maintain := func(at time.Time) {
		t.Helper()
		m := pgjournal.Maintenance{Database: configs.NewSecret(v.db.Admin), Retention: configs.Retention{Writes: 24 * time.Hour}, Now: func() time.Time { return at }}
		m.Sign = func([]byte) (string, []byte, error) { return "test", []byte("signature"), nil }
		if err := pgjournal.Maintain(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	pgtest.Exec(t, v.db.Admin, "CREATE TABLE aside AS SELECT * FROM backup.records", "DELETE FROM backup.records WHERE key = '"+ada+"'")
	verify(false, ada+": its content is gone, and the journal does not say that it was forgotten")
	pgtest.Exec(t, v.db.Admin, "INSERT INTO backup.records SELECT * FROM aside WHERE key = '"+ada+"'")
	v.forget(t, ada)
	verify(true, "1 record is forgotten: its content was destroyed", "1 record of User are as they were stored")
	maintain(time.Now().AddDate(0, 4, 0))
	verify(true, "of 1 record the content is gone, and whether it was forgotten nobody can tell any more", "1 record of User are as they were stored")
}

func TestOfMembersThatNoMappingKnowsThoseComeBackWhoAreThere(t *testing.T) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouse(t, d.url(t))
			_, groups := h.settle(4, 1)
			h.add(t, "ou=machines,"+h.base, "objectClass", "organizationalUnit")
			members := h.byID(t, groups[0]).GetAttributeValues("member")
			var machines []string
			for _, uid := range []string{"stays", "goes"} {
				machines = append(machines, "uid="+uid+",ou=machines,"+h.base)
				h.add(t, machines[len(machines)-1], "objectClass", "inetOrgPerson", "uid", uid, "sn", "x", "cn", "x")
			}
			const elsewhere = "cn=stranger,dc=elsewhere"
			set := func(members ...string) {
				t.Helper()
				mod := ldap.NewModifyRequest("cn=team0,"+h.groups, nil)
				mod.Replace("member", members)
				if err := h.ldap.Modify(mod); err != nil {
					t.Fatal(err)
				}
			}
			set(append(slices.Clone(members), machines[0], machines[1], elsewhere)...)
			v := openVault(t, h)
			v.snapshot(t)
			if out, err := v.verifying(t, ""); err != nil {
				t.Errorf("in a scratch directory: %v\n%s", err, out)
			}
			set(members...)
			h.removeTree(machines[1])
			const told = `"uid=goes,ou=machines,`
			if out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{dryRun: true}}, "latest"); err != nil || !strings.Contains(out, told) {
				t.Errorf("%v\n%s", err, out)
			}
			out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{yes: true}}, "latest")
			if err != nil || !strings.Contains(out, told) || strings.Contains(out, `"uid=stays`) {
				t.Errorf("%v\n%s", err, out)
			}
			want := sorted(append(slices.Clone(members), machines[0], elsewhere))
			if got := sorted(h.byID(t, groups[0]).GetAttributeValues("member")); !slices.Equal(got, want) {
				t.Errorf("members %q, want %q", got, want)
			}
		})
	}
}

func TestWhoHasLeftTheMappingsScopeIsNotToBeMadeAgain(t *testing.T) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouse(t, d.url(t))
			people, _ := h.settle(3, 1)
			v := openVault(t, h)
			v.snapshot(t)
			h.add(t, "ou=away,"+h.base, "objectClass", "organizationalUnit")
			if err := h.ldap.ModifyDN(ldap.NewModifyDNRequest(h.byID(t, people[0]).DN, "uid=person000", true, "ou=away,"+h.base)); err != nil {
				t.Fatal(err)
			}
			h.removeTree(h.byID(t, people[1]).DN)
			h.add(t, "uid=person001,"+h.people, "objectClass", "account", "uid", "person001")
			for _, run := range []undoRun{{dryRun: true}, {yes: true}} {
				out, err := v.restoring(t, backupRestore{all: true, undoRun: run}, "latest")
				if err == nil || !strings.Contains(out, "2 skipped") || !strings.Contains(out, `it is there, as "uid=person000,ou=away,`) || strings.Contains(out, "1 made") || run.dryRun && !strings.Contains(out, `has its name, "uid=person001,`) {
					t.Errorf("%v\n%s", err, out)
				}
			}
		})
	}
}

func TestAPuttingBackLeavesServesSpoolAlone(t *testing.T) {
	server := startEmbedded(t)
	h := openHouse(t, server.URL())
	h.people = "ou=people," + suffix
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	path := spoolConfig(t, h.url, db, "backup: {rate: 0}\n")
	p, err := load(path, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	serves, err := build(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(serves.close)
	h.add(t, "uid=ada,"+h.people, "objectClass", "inetOrgPerson", "uid", "ada", "cn", "Ada", "sn", "King")
	for _, args := range []string{"create", "restore latest --all --dry-run", "restore latest --all --yes", "verify latest --scratch"} {
		if args == "restore latest --all --yes" {
			h.removeTree("uid=ada," + h.people)
		}
		words := strings.Fields(args)
		if out, err := command(append([]string{"backup", words[0], "--config", path}, words[1:]...)...); err != nil {
			t.Fatalf("backup %s, while serve has the spool: %v\n%s", args, err, out)
		}
	}
	if h.entry(t, "uid=ada,"+h.people) == nil {
		t.Error("nothing was put back")
	}
}
