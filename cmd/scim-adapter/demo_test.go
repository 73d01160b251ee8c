package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is what a command has printed so far; it is written and read by two goroutines.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// startDemo runs the demo in this process. stop ends it as Ctrl-C would and gives what it returned.
func startDemo(t *testing.T, d demo) (printed string, stop func() error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var out screen
	go func() { ended <- d.run(ctx, &out) }()
	t.Cleanup(cancel)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(out.String(), "ldapsearch"); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("the demo ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the demo printed only %q", out.String())
		}
	}
	return out.String(), func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(20 * time.Second):
			t.Fatal("the demo does not stop")
			return nil
		}
	}
}

// paste runs a printed line as a shell would.
func paste(t *testing.T, line string) string {
	t.Helper()
	program, _, _ := strings.Cut(line, " ")
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("SCIM_TEST_SERVERS") == "required" && program == "ldapsearch" {
			t.Fatalf("%s is not installed: run make test", program)
		}
		t.Skipf("%s is not installed", program)
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return string(out)
}

func TestWhatTheDemoPrintsWorks(t *testing.T) {
	printed, stop := startDemo(t, demo{listen: "127.0.0.1:0", ldapListen: "127.0.0.1:0", token: "let-me-in", people: 50})
	if !strings.Contains(printed, "with 50 people and 60 groups") {
		t.Errorf("it does not say what there is: %s", printed)
	}
	var curls, searches []string
	for line := range strings.Lines(printed) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "curl "):
			curls = append(curls, line)
		case strings.HasPrefix(line, "ldapsearch "):
			searches = append(searches, line)
		}
	}
	if len(curls) != 3 || len(searches) != 1 {
		t.Fatalf("%d curl and %d ldapsearch lines, want 3 and 1: %s", len(curls), len(searches), printed)
	}

	answers := make([]map[string]any, len(curls))
	t.Run("curl", func(t *testing.T) {
		for i, line := range curls {
			raw := paste(t, line)
			if err := json.Unmarshal([]byte(raw), &answers[i]); err != nil {
				t.Fatalf("%s\nanswered %q", line, raw)
			}
		}
		if n := at(answers[0], "totalResults"); n != 50.0 {
			t.Errorf("the first line finds %v people", n)
		}
		if len(at(answers[0], "Resources").([]any)) != 2 {
			t.Error("the first line asks for two people")
		}
		if kind := at(answers[0], "Resources.0.userType"); kind != "Employee" && kind != "Contractor" {
			t.Errorf("userType is %v: the directory's code, not a word", kind)
		}
		if name, _ := at(answers[1], "Resources.0.userName").(string); !strings.HasPrefix(name, "b") {
			t.Errorf("the second line finds %q", name)
		}
		if at(answers[1], "Resources.0.name") != nil || at(answers[1], "Resources.0.emails.0.value") == nil {
			t.Errorf("the second line asks for userName and emails: %v", at(answers[1], "Resources.0"))
		}
		if at(answers[2], "userName") != "grace" || at(answers[2], "id") == nil {
			t.Errorf("the third line creates grace: %v", answers[2])
		}
	})
	t.Run("ldapsearch", func(t *testing.T) {
		if answers[2] == nil {
			t.Skip("grace was not created")
		}
		if out := paste(t, searches[0]); !strings.Contains(out, "dn: uid=grace,ou=people,dc=example,dc=org") || !strings.Contains(out, "sn: Hopper") {
			t.Errorf("ldapsearch does not show who was created: %s", out)
		}
	})

	config := regexp.MustCompile(`The configuration is (\S+);`).FindStringSubmatch(printed)
	if config == nil {
		t.Fatalf("it does not say where its configuration is: %s", printed)
	}
	if report, err := check(t.Context(), config[1], true); err != nil || !strings.Contains(report, "schemas fit") {
		t.Errorf("check --live of the demo's own file: %q, %v", report, err)
	}
	if err := stop(); err != nil {
		t.Errorf("stopped: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(config[1])); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
	for _, address := range regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(printed, 2) {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			conn.Close()
			t.Errorf("somebody still listens on %s", address)
		}
	}
}

func TestADemoWhosePortIsTakenNamesTheFlag(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().String()
	for flag, d := range map[string]demo{
		"--listen: ":      {listen: busy, ldapListen: "127.0.0.1:0", token: "demo", people: 1},
		"--ldap-listen: ": {listen: "127.0.0.1:0", ldapListen: busy, token: "demo", people: 1},
	} {
		err := d.run(t.Context(), &screen{})
		if err == nil || !strings.HasPrefix(err.Error(), flag) || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "another address") {
			t.Errorf("%s%s: %v", flag, busy, err)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatTheFlagsOfTheDemoSayReachesItsConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.yaml")
	d := demo{listen: "[::1]:8080", token: "a#b,*c{d}"}
	if err := d.writeConfig(path, filepath.Dir(path), "ldap://127.0.0.1:3890"); err != nil {
		t.Fatal(err)
	}
	p, err := load(path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if p.config.Server.Address() != d.listen {
		t.Errorf("it listens on %s, want %s", p.config.Server.Address(), d.listen)
	}
}

func TestADemoRefusesATokenThatItsPrintedLinesCannotHold(t *testing.T) {
	for _, token := range []string{"", "a b", `a"b`, "a'b", `a\b`, "$HOME"} {
		err := demo{listen: "127.0.0.1:0", ldapListen: "127.0.0.1:0", token: token}.run(t.Context(), &screen{})
		if usage := (usageError{}); !errors.As(err, &usage) || !strings.Contains(err.Error(), "--token") {
			t.Errorf("%q: %v", token, err)
		}
	}
}
