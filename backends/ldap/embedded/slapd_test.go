package embedded

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// slapdConfig is a plain slapd with the schemas that the standard one stands for. The overlays are loaded for the attributes they define.
const slapdConfig = `include SCHEMA/core.schema
include SCHEMA/cosine.schema
include SCHEMA/nis.schema
include SCHEMA/inetorgperson.schema
modulepath MODULES
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile DIR/pid
sizelimit unlimited
database mdb
suffix dc=example,dc=org
rootdn cn=admin,dc=example,dc=org
rootpw secret
directory DIR/db
maxsize 1073741824
dbnosync
`

// findSlapd is the path of an installed slapd; without one the test is skipped, or fails where SCIM_TEST_SERVERS is "required".
func findSlapd(t *testing.T) string {
	t.Helper()
	wanted := os.Getenv("SCIM_TEST_SERVERS")
	if wanted == "none" {
		t.Skip("SCIM_TEST_SERVERS is none")
	}
	for _, candidate := range []string{"slapd", "/usr/sbin/slapd"} {
		if binary, err := exec.LookPath(candidate); err == nil {
			return binary
		}
	}
	if wanted == "required" {
		t.Fatal("slapd is not installed: run make test")
	}
	t.Skip("slapd is not installed, so there is nothing to compare with: make test installs it")
	return ""
}

// startSlapd runs an installed slapd on these entries and connects to it as the administrator.
func startSlapd(t *testing.T, entries []Entry) *ldap.Conn {
	t.Helper()
	binary := findSlapd(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer(
		"SCHEMA", folder(t, "/etc/ldap/schema", "/etc/openldap/schema"), "MODULES", folder(t, "/usr/lib/ldap", "/usr/lib64/openldap"), "DIR", dir,
	).Replace(slapdConfig)
	file, ldif := filepath.Join(dir, "slapd.conf"), filepath.Join(dir, "data.ldif")
	var data bytes.Buffer
	if err := WriteLDIF(&data, entries); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{file: config, ldif: data.String()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	add := exec.CommandContext(t.Context(), binary, "-T", "add", "-f", file, "-l", ldif)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	url := "ldap://" + freeAddr(t)
	run := exec.CommandContext(t.Context(), binary, "-d", "0", "-h", url, "-f", file)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := ldap.DialURL(url)
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
			must(t, c.Bind("cn=admin,dc=example,dc=org", "secret"))
			return c
		}
		if time.Now().After(deadline) {
			t.Fatalf("slapd does not answer: %v", err)
		}
	}
}

// folder is the first that exists: distributions put slapd's files in different places.
func folder(t *testing.T, candidates ...string) string {
	t.Helper()
	for _, dir := range candidates {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	t.Skipf("slapd is installed, but none of %v is there", candidates)
	return ""
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	must(t, err)
	defer func() { must(t, l.Close()) }()
	return fmt.Sprint(l.Addr())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
