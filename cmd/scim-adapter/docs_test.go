package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repository is where the pages are seen from here.
const repository = "../.."

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the fenced blocks of a page in one language.
func blocks(text, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	return found
}

func TestEveryLinkOfThePagesLeadsSomewhere(t *testing.T) {
	pages, err := filepath.Glob(repository + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/docs/*.md", "/docs/*/*.md"} {
		more, err := filepath.Glob(repository + pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	if len(pages) < 8 {
		t.Fatalf("only %v", pages)
	}
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

func TestTheArchitecturePageHasTheLayers(t *testing.T) {
	documented := map[string]string{}
	for line := range strings.Lines(page(t, "docs/architecture.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		var may []string
		for name := range strings.SplitSeq(strings.TrimSpace(cells[3]), ", ") {
			switch name {
			case "nothing":
			case "everything":
				may = append(may, "*")
			default:
				may = append(may, name)
			}
		}
		slices.Sort(may)
		documented[strings.Trim(strings.TrimSpace(cells[1]), "`")] = strings.Join(may, ", ")
	}
	enforced := map[string]string{}
	for name, arrows := range layers {
		enforced[name] = strings.Join(slices.Sorted(slices.Values(arrows.may)), ", ")
		if _, err := os.Stat(filepath.Join(repository, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(enforced, documented); diff != "" {
		t.Errorf("docs/architecture.md says otherwise than TestLayering (-enforced +documented):\n%s", diff)
	}
}

// session is a command of a page and what it is shown to print.
type session struct{ command, output string }

// sessions reads the `$` lines of console blocks; a backslash continues a command.
func sessions(text string) []session {
	var all []session
	for _, block := range blocks(text, "console") {
		continued := false
		for line := range strings.Lines(block) {
			command, begins := strings.CutPrefix(line, "$ ")
			switch {
			case begins:
				all = append(all, session{command: command})
			case continued:
				all[len(all)-1].command += line
			default:
				all[len(all)-1].output += line
			}
			continued = (begins || continued) && strings.HasSuffix(line, "\\\n")
		}
	}
	return all
}

// asConfig puts the lines of mappings into a whole configuration.
func asConfig(t *testing.T, mappings ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "scim.yaml")
	text := "clients: {tests: {tokens: [a-token-of-the-tests]}}\njournal: {path: \"" + t.TempDir() + "\"}\nbackends:\n  corp: {kind: ldap, url: \"ldap://127.0.0.1:1\"}\n  hr: {kind: postgres, url: \"postgres://127.0.0.1:1/hr\"}\n  scim: {kind: postgres, url: \"postgres://127.0.0.1:1/scim\"}\nmappings:\n"
	for _, m := range mappings {
		text += "  - " + strings.ReplaceAll(strings.TrimSpace(m), "\n", "\n    ") + "\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shell runs a line of a page in dir, with scim-adapter on the path.
func shell(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = dir
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, errors.String())
	}
	return string(out)
}

func TestTheReadmeShowsWhatHappens(t *testing.T) {
	readme := page(t, "README.md")
	mappings := blocks(readme, "yaml")
	if len(mappings) != 2 {
		t.Fatalf("%d mappings in the README", len(mappings))
	}
	config := asConfig(t, mappings[0])
	for _, path := range []string{config, asConfig(t, mappings[1])} {
		if _, err := check(t.Context(), path, false); err != nil {
			t.Errorf("the mapping: %v", err)
		}
	}
	shown := 0
	for _, s := range sessions(readme) {
		switch {
		case strings.HasPrefix(s.command, "scim-adapter explain"):
			shown++
			if diff := cmp.Diff(s.output, shell(t, filepath.Dir(config), s.command)); diff != "" {
				t.Errorf("%s prints otherwise (-README +it):\n%s", s.command, diff)
			}
		case strings.HasPrefix(s.command, "curl"):
			shown++
			printed, stop := startDemo(t, demo{listen: "127.0.0.1:0", ldapListen: "127.0.0.1:0", token: "demo", people: 1000})
			address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(printed)
			var got, want any
			if err := json.Unmarshal([]byte(paste(t, strings.ReplaceAll(s.command, "127.0.0.1:8080", address))), &got); err != nil {
				t.Error(err)
			}
			if err := json.Unmarshal([]byte(s.output), &want); err != nil {
				t.Errorf("the README's answer: %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s answers otherwise (-README +it):\n%s", s.command, diff)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	}
	if shown != 2 {
		t.Errorf("%d commands of the README were tried, want 2", shown)
	}
}

func TestTheFirstStepsWorkAsWritten(t *testing.T) {
	text := page(t, "docs/getting-started.md")
	for name, value := range map[string]string{
		"LDAP_URL": startEmbedded(t).URL(), "LDAP_BASE": suffix, "LDAP_BIND_DN": adminDN, "LDAP_BIND_PASSWORD": adminPassword,
		"SCIM_LISTEN": "127.0.0.1:0", "SCIM_METRICS_PORT": "0", "SCIM_TOKEN": "a-token-of-the-tests", "SCIM_JOURNAL": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	tried := 0
	for _, block := range blocks(text, "") {
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "bin/"); ok && !strings.Contains(command, " serve ") {
				tried++
				if shell(t, repository, command) == "" {
					t.Errorf("%s prints nothing", command)
				}
			}
		}
	}
	if tried != 3 {
		t.Errorf("%d commands were tried, want check, check --live and explain", tried)
	}

	const start = "mapping: User\npreset: openldap\nat: {backend: corp, base: \"ou=people,dc=example,dc=org\"}\ncreate: {name: \"uid={userName},ou=people,dc=example,dc=org\"}\n"
	snippets := blocks(text, "yaml")
	for _, m := range regexp.MustCompile("`(active: [^`]+)`").FindAllStringSubmatch(text, -1) {
		snippets = append(snippets, "attributes:\n  groups: null\n  "+m[1])
	}
	if len(snippets) < 3 {
		t.Errorf("the page has only %d pieces of YAML", len(snippets))
	}
	for _, snippet := range snippets {
		if !strings.Contains(snippet, "attributes:\n") {
			snippet += "attributes: {groups: null}\n"
		}
		if _, err := check(t.Context(), asConfig(t, start+snippet), false); err != nil {
			t.Errorf("%s\n%v", snippet, err)
		}
	}
}

// The other type of a page's mapping, which its references need.
const (
	otherUser  = "mapping: User\npreset: openldap\nat: {backend: corp, base: \"ou=people,dc=example,dc=org\"}\nattributes: {groups: null}\n"
	otherGroup = "mapping: Group\npreset: openldap\nat: {backend: corp, base: \"ou=groups,dc=example,dc=org\"}\n"
)

func TestTheMappingsOfTheReferencePassCheck(t *testing.T) {
	mappings := blocks(page(t, "docs/mapping.md"), "yaml")
	if len(mappings) < 5 {
		t.Fatalf("the page has %d mappings", len(mappings))
	}
	for _, m := range mappings {
		other := otherGroup
		if strings.HasPrefix(m, "mapping: Group") {
			other = otherUser
		}
		if _, err := check(t.Context(), asConfig(t, m, other), false); err != nil {
			t.Errorf("%s\n%v", m, err)
		}
	}
}
