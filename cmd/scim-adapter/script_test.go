package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

// TestMain lets the scripts run scim-adapter as a process of its own: the test binary under another name.
func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"scim-adapter": main})
}

// tidy drops what all tests share when they have ended.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	defer breakMolds()
	return m.M.Run()
}

// TestCommands runs what a person would type, and holds the program to exit code, stdout and stderr (testdata/script).
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               scriptEnvironment,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"json":   parsesAsJSON,
		},
	})
}

// scriptEnvironment gives every script the variables of the example configuration, an address where nothing listens, a directory that answers and
// one whose schema lacks what ppolicy brings.
func scriptEnvironment(env *testscript.Env) error {
	example, err := os.ReadFile("../../configs/examples/openldap.yaml")
	if err != nil {
		return err
	}
	if err := os.WriteFile(env.WorkDir+"/openldap.yaml", example, 0o600); err != nil {
		return err
	}
	directory, err := embedded.Start(embedded.Config{
		Suffix: suffix, AdminDN: adminDN, AdminPassword: adminPassword, Entries: embedded.Generate(3, 1), MemberOf: true,
	})
	if err != nil {
		return err
	}
	env.Defer(func() { _ = directory.Close() })
	unhealthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ready" {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, `{"status": "unavailable"}`)
			return
		}
		fmt.Fprintln(w, `{"status": "ok"}`)
	}))
	env.Defer(unhealthy.Close)
	nowhere, err := unusedAddress()
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"NOWHERE": nowhere, "LIVE_LDAP_URL": directory.URL(), "UNREADY": unhealthy.URL,
		"LDAP_URL": "ldap://" + nowhere, "LDAP_BASE": suffix, "LDAP_BIND_DN": adminDN, "LDAP_BIND_PASSWORD": adminPassword,
		"SCIM_LISTEN": "127.0.0.1:0", "SCIM_METRICS_PORT": "0", "SCIM_TOKEN": "a-token-of-the-scripts",
	} {
		env.Setenv(name, value)
	}
	return nil
}

// unusedAddress is a port that was free a moment ago.
func unusedAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// status runs scim-adapter and holds it to an exit code: `status 2 check --config bad.yaml`. Plain `exec` knows only whether it failed.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE ARGUMENT…")
	}
	want := 0
	if _, err := fmt.Sscan(args[0], &want); err != nil {
		ts.Fatalf("status %s: %v", args[0], err)
	}
	err := ts.Exec("scim-adapter", args[1:]...)
	got := 0
	if err != nil {
		exit, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// parsesAsJSON holds a file, or stdout, to being one JSON value.
func parsesAsJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: json FILE")
	}
	if !json.Valid([]byte(ts.ReadFile(args[0]))) {
		ts.Fatalf("%s is not JSON", args[0])
	}
}
