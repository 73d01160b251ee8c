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
		"secrets": "database: {url: postgres://u@127.0.0.1/x}\nbackup: {secrets: encrypted, key: " + strings.Repeat("ab", 32) + "}",
	}
	for _, n := range notYet {
		path := writeConfig(t, "ldap://127.0.0.1", more[n.key]+"\n")
		_, err := load(path, testLog(t))
		if err == nil || !strings.Contains(err.Error(), "not in this version") || !strings.Contains(err.Error(), n.section+"."+n.key) {
			t.Errorf("%s.%s: %v", n.section, n.key, err)
		}
		if !strings.Contains(later, "`"+n.section+"."+n.key) {
			t.Errorf("docs/configuration.md does not name %s.%s among what is still to come", n.section, n.key)
		}
	}
}
