package main

import (
	"os"
	"strings"
	"testing"
)

func TestWhatThisVersionDoesNotDoIsRefusedAndNamedInTheReference(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, later, _ := strings.Cut(string(page), "## Still to come")
	more := map[string]string{
		"on_unavailable": "database: {url: postgres://u@127.0.0.1/x}\njournal: {on_unavailable: spool}",
		"allow_ephemeral": "journal: {allow_ephemeral: true}", "when_spooling": "guard: {when_spooling: refuse}",
		"secrets": "database: {url: postgres://u@127.0.0.1/x}\nbackup: {secrets: encrypted, key: " + strings.Repeat("ab", 32) + "}",
	}
	for _, n := range notYet {
		path := writeConfig(t, "ldap://127.0.0.1", more[n.key]+"\n")
		if strings.HasPrefix(more[n.key], "journal") || strings.Contains(more[n.key], "\njournal") {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(text), "\n")
			for i, line := range lines {
				if strings.HasPrefix(line, "journal: {kind: embedded") {
					lines[i] = ""
				}
			}
			if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := load(path, testLog(t))
		if err == nil || !strings.Contains(err.Error(), "not in this version") || !strings.Contains(err.Error(), n.section+"."+n.key) {
			t.Errorf("%s.%s: %v", n.section, n.key, err)
		}
		if !strings.Contains(later, "`"+n.section+"."+n.key) {
			t.Errorf("docs/configuration.md does not name %s.%s among what is still to come", n.section, n.key)
		}
	}
}
