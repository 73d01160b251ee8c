package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ownServers starts slapd processes that the test may kill, with scripts/servers.sh.
func ownServers(t *testing.T, kinds ...string) (dir string, env map[string]string) {
	t.Helper()
	dir = t.TempDir()
	return dir, startServers(t, dir, kinds...)
}

// startServers is ownServers in a folder that may already hold KIND.ldif, to be loaded.
func startServers(t *testing.T, dir string, kinds ...string) (env map[string]string) {
	t.Helper()
	if os.Getenv("SCIM_TEST_SERVERS") == "none" {
		t.Skip("SCIM_TEST_SERVERS is none")
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/usr/libexec")
	if _, err := exec.LookPath("slapd"); err != nil {
		if os.Getenv("SCIM_TEST_SERVERS") == "required" && os.Getenv("SCIM_TEST_LDAP_OWN") == "" {
			t.Fatal("slapd is not installed: run make test")
		}
		t.Skip("slapd is not installed: make test installs it")
	}
	t.Cleanup(func() { _ = exec.Command("../../scripts/servers.sh", "stop", dir).Run() })
	out, err := exec.Command("../../scripts/servers.sh", append([]string{"start", dir}, kinds...)...).Output()
	if err != nil {
		t.Fatalf("scripts/servers.sh: %v", err)
	}
	env = map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		if ok {
			env[name] = value
		}
	}
	return env
}

// kill ends a server as a crash would; the returned function starts it again where it was.
func kill(t *testing.T, dir, kind, url string) (restart func()) {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(dir, kind+".pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", "-9", strings.TrimSpace(string(pid))).Run(); err != nil {
		t.Fatal(err)
	}
	return func() {
		cmd := exec.Command("slapd", "-d", "0", "-h", url+"/", "-f", filepath.Join(dir, kind+".conf"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
}

func TestADirectoryThatDiesIs503AndComesBack(t *testing.T) {
	dir, env := ownServers(t, "overlays")
	url := env["SCIM_TEST_LDAP_URL"]
	h := openHouse(t, url)
	user := h.user("survivor")
	root := strings.TrimSuffix(h.scimClient.base, "/scim/v2")
	ready := func() int {
		resp, err := http.Get(root + "/ready")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := ready(); got != 200 {
		t.Fatalf("ready is %d before the outage", got)
	}

	restart := kill(t, dir, "overlays", url)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/Users/" + user.id(), nil},
		{"GET", "/Users", nil},
		{"GET", `/Users?filter=userName+eq+"nobody"`, nil},
		{"POST", "/Users", map[string]any{"userName": "newcomer"}},
		{"PATCH", "/Users/" + user.id(), patch(op("replace", "title", "x"))},
		{"DELETE", "/Users/" + user.id(), nil},
	} {
		path := strings.ReplaceAll(c.path, `"`, "%22")
		started := time.Now()
		a := h.do(c.method, path, c.body).wantError(t, 503, "")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", c.method, c.path)
		}
		if took := time.Since(started); took > 8*time.Second {
			t.Errorf("%s %s took %s to say that the directory is away", c.method, c.path, took)
		}
	}
	if got := ready(); got != 503 {
		t.Errorf("ready is %d during the outage", got)
	}

	restart()
	back := time.Now()
	for ready() != 200 {
		if time.Since(back) > 5*time.Second {
			t.Fatal("not ready five seconds after the directory's return")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := h.do("GET", "/Users/"+user.id(), nil).want(t, 200); got.raw != user.raw {
		t.Errorf("after the outage: %s", got.raw)
	}
	h.user("newcomer")
}
