package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// contents are the entries below a house, by their names, without what the directory gives every entry anew.
func (h *house) contents(t *testing.T, anew ...string) map[string]map[string][]string {
	t.Helper()
	all := map[string]map[string][]string{}
	for _, e := range append(h.search(t, h.people, 2, "(objectClass=*)"), h.search(t, h.groups, 2, "(objectClass=*)")...) {
		attrs := map[string][]string{}
		for _, attr := range e.Attributes {
			if !slices.Contains(anew, attr.Name) {
				attrs[attr.Name] = slices.Sorted(slices.Values(attr.Values))
			}
		}
		all[e.DN] = attrs
	}
	return all
}

// exported are the newest snapshots of people and groups, as LDIF.
func (v *vault) exported(t *testing.T, operational bool) string {
	t.Helper()
	var all, said bytes.Buffer
	b := v.run()
	b.out, b.err = &all, &said
	for _, typ := range []string{"User", "Group"} {
		one, err := v.store.Last(t.Context(), "default", typ)
		if err == nil {
			err = b.export(t.Context(), one.ID, "ldif", operational)
		}
		if err != nil || said.Len() > 0 {
			t.Fatalf("%v\n%s", err, said.String())
		}
	}
	return all.String()
}

// runs runs a program of OpenLDAP.
func runs(t *testing.T, input, program string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path = "/usr/sbin/" + program
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, said.String())
	}
	return out.String()
}

// odd makes people and groups whose LDIF is not plain, one below another, who sorts before it.
func (h *house) odd(t *testing.T) {
	t.Helper()
	h.settle(8, 2)
	h.user(`O'Hara, Zoë "Z" <z>`, "displayName", " Zoë ", "title", ": of the house")
	h.add(t, "uid=below,uid=person000,"+h.people, "objectClass", "inetOrgPerson", "uid", "below", "cn", "below", "sn", "Müller", "description", strings.Repeat("long ", 40))
}

func TestAnExportIsLoadedByLdapadd(t *testing.T) {
	for _, d := range directories[1:] {
		t.Run(d.name, func(t *testing.T) {
			h := openHouse(t, d.url(t))
			h.odd(t)
			v := openVault(t, h)
			v.snapshot(t)
			before := h.contents(t, "entryUUID", "entryCSN", "createTimestamp", "modifyTimestamp", "pwdChangedTime")
			h.removeTree(h.people)
			h.removeTree(h.groups)
			h.add(t, h.people, "objectClass", "organizationalUnit")
			h.add(t, h.groups, "objectClass", "organizationalUnit")
			runs(t, v.exported(t, false), "ldapadd", "-x", "-H", h.url, "-D", adminDN, "-w", adminPassword)
			if diff := cmp.Diff(before, h.contents(t, "entryUUID", "entryCSN", "createTimestamp", "modifyTimestamp", "pwdChangedTime")); diff != "" {
				t.Errorf("(-before +after):\n%s", diff)
			}
		})
	}
}

func TestAnExportWithWhatTheDirectoryKeepsIsLoadedBySlapadd(t *testing.T) {
	h := openHouse(t, directories[1].url(t))
	h.odd(t)
	v := openVault(t, h)
	v.snapshot(t)
	dir := t.TempDir()
	runs(t, "", "bash", "../../scripts/servers.sh", "start", dir, "overlays")
	runs(t, "", "bash", "../../scripts/servers.sh", "stop", dir)
	ldif := filepath.Join(dir, "all.ldif")
	text := ""
	for _, dn := range []string{h.base, h.people, h.groups} {
		text += fmt.Sprintf("dn: %s\nobjectClass: organizationalUnit\n%s\n\n", dn, strings.Replace(dn[:strings.Index(dn, ",")], "=", ": ", 1))
	}
	if err := os.WriteFile(ldif, []byte(text+v.exported(t, true)), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "overlays.conf")
	runs(t, "", "slapadd", "-f", conf, "-b", suffix, "-l", ldif)
	stored := map[string]bool{}
	for line := range strings.Lines(runs(t, "", "slapcat", "-f", conf, "-b", suffix, "-o", "ldif-wrap=no")) {
		if strings.HasPrefix(line, "entryUUID: ") || strings.HasPrefix(line, "entryCSN: ") || strings.HasPrefix(line, "memberOf: ") || strings.HasPrefix(line, "createTimestamp: ") {
			stored[strings.TrimSpace(line)] = true
		}
	}
	n := 0
	for dn, attrs := range h.contents(t) {
		if dn == h.people || dn == h.groups {
			continue
		}
		for _, attr := range slices.Sorted(maps.Keys(attrs)) {
			for _, value := range attrs[attr] {
				if slices.Contains([]string{"entryUUID", "entryCSN", "memberOf", "createTimestamp"}, attr) {
					if n++; !stored[attr+": "+value] {
						t.Errorf("%s has no %s: %s", dn, attr, value)
					}
				}
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d values were compared", n)
	}
}
