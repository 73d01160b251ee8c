package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runPackages runs scripts/packages.sh where only the commands it is itself made of can be found: a system without apt.
func runPackages(t *testing.T, wanted ...string) (said string, code int) {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"bash", "cat", "id"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("../../scripts/packages.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "bash"), append([]string{script}, wanted...)...)
	cmd.Env = []string{"PATH=" + bin}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return string(out), code
}

func TestPackagesSaysWhatToDoWithoutApt(t *testing.T) {
	here := filepath.Join(t.TempDir(), "header.h")
	if err := os.WriteFile(here, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		wanted []string
		code   int
		say    []string
		unsaid string
	}{
		"a server is missing":     {[]string{"no-such-slapd=slapd"}, 3, []string{"no apt-get", "SCIM_TEST_LDAP_URL=", "SCIM_TEST_LDAP_PLAIN_URL=", "make unit"}, "apt-get install"},
		"a database is missing":   {[]string{"no-such-initdb=postgresql"}, 3, []string{"no apt-get", "SCIM_TEST_POSTGRES_URL=", "make unit"}, "OpenLDAP"},
		"both are missing":        {[]string{"no-such-slapd=slapd", "no-such-initdb=postgresql"}, 3, []string{"SCIM_TEST_LDAP_URL=", "SCIM_TEST_POSTGRES_URL=", "make unit"}, "apt-get install"},
		"a compiler is missing":   {[]string{"no-such-gcc=gcc"}, 3, []string{"Missing: gcc", "own package manager"}, "OpenLDAP"},
		"a file is missing":       {[]string{"/no/such/stdlib.h=libc6-dev"}, 3, []string{"Missing: libc6-dev"}, "OpenLDAP"},
		"all is there":            {[]string{"bash=bash", here + "=libc6-dev"}, 0, nil, "Missing"},
		"one of several is there": {[]string{"bash=bash", "no-such-gcc=gcc"}, 3, []string{"Missing: gcc "}, "bash"},
	} {
		t.Run(name, func(t *testing.T) {
			said, code := runPackages(t, c.wanted...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, text := range c.say {
				if !strings.Contains(said, text) {
					t.Errorf("it does not say %q: %s", text, said)
				}
			}
			if strings.Contains(said, c.unsaid) {
				t.Errorf("it says %q: %s", c.unsaid, said)
			}
		})
	}
}
