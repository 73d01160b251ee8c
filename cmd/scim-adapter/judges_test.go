package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runScript runs a script of the repository with some commands of the test's own before those of the system.
func runScript(t *testing.T, commands map[string]string, script string, args ...string) (said string, code int) {
	t.Helper()
	bin := t.TempDir()
	for name, text := range commands {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o700); err != nil { //nolint:gosec // it is to be run
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join("..", "..", "scripts", script), args...)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
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

func TestFuzzingNothingFails(t *testing.T) {
	for _, pattern := range []string{"^FuzzNoSuchTarget$", "^fuzz"} {
		if said, code := runScript(t, nil, "fuzz.sh", "1x", pattern); code == 0 || !strings.Contains(said, "no fuzz target matches "+pattern) {
			t.Errorf("%s: exit code %d, it says %q", pattern, code, said)
		}
	}
}

// A pin that is gone from PyPI must not pass for a machine without a network, or nobody would ever hear that nothing is tested any more.
func TestConformanceTellsAMissingNetworkFromPinsThatAreGone(t *testing.T) {
	const venv = `[ "$1" = -m ] || exit 0
mkdir -p "$3/bin"
printf '#!/bin/sh\n[ "$1" = %s ] || { echo "ERROR: pip $1 failed"; exit 1; }\n' "$WORKS" >"$3/bin/pip"
chmod 700 "$3/bin/pip"
`
	for claim, c := range map[string]struct {
		works, option string
		code          int
		says          string
	}{
		"nothing can be had":                   {"nothing", "", 3, "conformance was not tested: PyPI does not answer: ERROR: pip download failed"},
		"nothing can be had, which is allowed": {"nothing", "--if-possible", 0, "conformance was not tested: PyPI does not answer"},
		"the tester cannot be had":             {"download", "", 1, "scripts/conformance.txt wants cannot be installed:\nERROR: pip install failed"},
		"the tester cannot be had, if it can":  {"download", "--if-possible", 1, "scripts/conformance.txt wants cannot be installed"},
		"an option that there is not":          {"nothing", "--if-impossible", 2, "exit code 1, whatever is possible"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Setenv("WORKS", c.works)
			if said, code := runScript(t, map[string]string{"python3": venv}, "conformance.sh", strings.Fields(c.option)...); code != c.code || !strings.Contains(said, c.says) {
				t.Errorf("exit code %d, it says %q", code, said)
			}
		})
	}
}
