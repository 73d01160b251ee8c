package configs

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rest is what every configuration needs and most tests do not care about.
const rest = "\nbackends: {corp: {kind: ldap}}\nmappings: [{mapping: User}]\n"

// load loads a configuration that may have faults.
func load(t *testing.T, text string) (*Config, Faults) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scim.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

func valid(t *testing.T, text string) *Config {
	t.Helper()
	c, faults := load(t, text)
	if len(faults) > 0 {
		t.Fatalf("%s\n%v", text, faults)
	}
	return c
}

const client = "clients: {ci: {tokens: [t]}}"

func TestWhatIsNotSaidHasItsDefault(t *testing.T) {
	if c := valid(t, client+"\nscim: {max_count: 50}"+rest); c.SCIM.DefaultCount != 50 {
		t.Errorf("with 50 at most a page has %d", c.SCIM.DefaultCount)
	}
	c := valid(t, client+rest)
	want := Default()
	if diff := cmp.Diff(want.Server, c.Server, comparing); diff != "" {
		t.Error(diff)
	}
	if c.Server.Address() != "0.0.0.0:8080" || c.Server.Loopback() || !c.Auth.Enabled || c.Security.MaxRequestSize != 1_000_000 || c.SCIM != want.SCIM ||
		c.Monitoring != want.Monitoring || c.Logging != want.Logging || c.Database != want.Database || !reflect.DeepEqual(c.Backup, want.Backup) {
		t.Errorf("defaults are %+v", c)
	}
}

func TestEverySectionIsRead(t *testing.T) {
	t.Setenv("TOKENS", "one,two")
	c := valid(t, `
server:
  host: "::1"
  port: 0
  workers: 3
  public_url: https://scim.example.org/base/
  base_path: /v2
  read_timeout: 1
  write_timeout: 2s
  idle_timeout: 3m
  shutdown_timeout: 0.5
  max_header_size: 8KiB
  trusted_proxies: [10.0.0.0/8, "::1"]
  replicas: 3
auth: {enabled: true}
clients:
  okta: {tokens: "${TOKENS}", subject: bjensen}
  entra: {tokens: [three], client: entra, unknown_paths: refuse}
scim: {default_count: 5, max_count: 50, max_sort: 9, cursor_key: 0123456789abcdef0123456789abcdef, cursor_timeout: 60, bulk_max_operations: 0, bulk_max_payload_size: 2MB, me: userName, mode: read_only, dry_run: true}
security: {max_request_size: 5MB}
logging: {level: DEBUG, format: text, access_log: false}
monitoring: {metrics_enabled: false, metrics_port: 0, health_check_enabled: false}
multi_tenant: {enabled: false, default_tenant: default}
cache: {enabled: false, provider: none}
journal: {kind: none, path: /tmp}
`+rest)
	want := Server{
		Host: "::1", Workers: 3, PublicURL: "https://scim.example.org/base", BasePath: "/v2", ReadTimeout: time.Second,
		WriteTimeout: 2 * time.Second, IdleTimeout: 3 * time.Minute, ShutdownTimeout: 500 * time.Millisecond, MaxHeaderSize: 8 * KiB,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}, Replicas: 3,
	}
	if diff := cmp.Diff(want, c.Server, comparing); diff != "" {
		t.Error(diff)
	}
	if c.Server.Address() != "[::1]:0" || !c.Server.Loopback() {
		t.Errorf("it listens on %s", c.Server.Address())
	}
	tokens := map[string]Client{
		"okta":  {Tokens: []Secret{NewSecret("one"), NewSecret("two")}, Subject: "bjensen"},
		"entra": {Tokens: []Secret{NewSecret("three")}, Profile: "entra", UnknownPaths: "refuse"},
	}
	if diff := cmp.Diff(tokens, c.Clients); diff != "" {
		t.Error("clients differ", diff)
	}
	if c.Clients["entra"].IgnoresUnknownPaths() || !(Client{Profile: "entra"}).IgnoresUnknownPaths() || (Client{Profile: "okta"}).IgnoresUnknownPaths() {
		t.Error("a client's own key does not go before its profile")
	}
	key := c.SCIM.CursorKey.Reveal()
	c.SCIM.CursorKey = Secret{}
	if key != "0123456789abcdef0123456789abcdef" || c.SCIM != (SCIM{DefaultCount: 5, MaxCount: 50, MaxSort: 9, CursorTimeout: time.Minute, BulkMaxPayloadSize: 2 * MB, Me: "userName", Mode: "read_only", DryRun: true}) {
		t.Errorf("scim is %+v", c.SCIM)
	}
	if c.Security.MaxRequestSize != 5*MB || c.Logging != (Logging{"debug", "text", false}) || c.Logging.SlogLevel().String() != "DEBUG" ||
		c.Monitoring != (Monitoring{}) || c.Journal != (Journal{Kind: "none", Path: "/tmp", OnUnavailable: "refuse", CheckpointInterval: time.Minute, Migrate: true}) {
		t.Errorf("sections are %+v", c)
	}
	if kind := c.Backends["corp"].Get("kind").Text(); kind != "ldap" || len(c.Mappings) != 1 {
		t.Errorf("the backend's kind is %q", kind)
	}
}

func TestListenStandsForHostAndPort(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9999": "127.0.0.1:9999", ":8080": ":8080", "localhost:0": "localhost:0", "[::1]:80": "[::1]:80", "": "0.0.0.0:8080",
	} {
		t.Setenv("SCIM_LISTEN", listen)
		c := valid(t, "server: {listen: \"${SCIM_LISTEN:-0.0.0.0:8080}\"}\nmonitoring: {metrics_port: 0}\n"+client+rest)
		if got := c.Server.Address(); got != want {
			t.Errorf("SCIM_LISTEN=%s listens on %s, expected %s", listen, got, want)
		}
	}
	for _, listen := range []string{"8080", "localhost", "localhost:http", "localhost:-1", "localhost:65536", "::1:80", "a:b:c"} {
		t.Setenv("SCIM_LISTEN", listen)
		if _, faults := load(t, "server: {listen: \"${SCIM_LISTEN}\"}\n"+client+rest); len(faults) != 1 || faults[0].Path != "server.listen" {
			t.Errorf("SCIM_LISTEN=%s has the faults %v", listen, faults)
		}
	}
}

func TestOnlyLoopbackMayGoWithoutAuthentication(t *testing.T) {
	for host, fine := range map[string]bool{
		"127.0.0.1": true, "127.1.2.3": true, "::1": true, "localhost": true, "::ffff:127.0.0.1": true,
		"0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example.org": false, `""`: false,
	} {
		_, faults := load(t, "server: {host: '"+strings.Trim(host, `"`)+"'}\nauth: {enabled: false}"+rest)
		if (len(faults) == 0) != fine {
			t.Errorf("on %s: %v", host, faults)
		}
	}
	if _, faults := load(t, "server: {listen: '127.0.0.1:0'}\nauth: {enabled: false}"+rest); len(faults) > 0 {
		t.Error(faults)
	}
	if _, faults := load(t, "server: {listen: ':0'}\nauth: {enabled: false}"+rest); len(faults) != 1 {
		t.Errorf("every address without authentication: %v", faults)
	}
}

func TestURLsAndPathsOfTheServer(t *testing.T) {
	for url, fine := range map[string]bool{
		"https://scim.example.org": true, "http://localhost:8080/": true, "https://example.org/scim/v2": true, "https://[::1]:8443/prefix": true,
		"ftp://example.org": false, "https://": false, "//example.org": false, "https://u:p@example.org": false, "https://example.org?x=y": false,
		"https://example.org#x": false, "https://exa mple.org": false,
	} {
		c, faults := load(t, "server: {public_url: '"+url+"'}\n"+client+rest)
		if (len(faults) == 0) != fine {
			t.Errorf("%s: %v", url, faults)
		}
		if c != nil && strings.HasSuffix(c.Server.PublicURL, "/scim/v2") {
			t.Errorf("base_path is still at the end of %s", c.Server.PublicURL)
		}
	}
	for path, fine := range map[string]bool{
		"/scim/v2": true, "/v2": true, "/a-b/c.d/~e": true,
		"": false, "/": false, "scim": false, "/scim/": false, "//scim": false, "/scim/..": false, "/scim/./x": false, "/{id}": false, "/a%2Fb": false, "/a b": false, "/a?b": false,
	} {
		if _, faults := load(t, "server: {base_path: '"+path+"'}\n"+client+rest); (len(faults) == 0) != fine {
			t.Errorf("%s: %v", path, faults)
		}
	}
}

func TestTokensOfAnyLengthAreTakenAndShortOnesWarnedAbout(t *testing.T) {
	for token, warned := range map[string]bool{"x": true, "demo": true, strings.Repeat("x", 16): false, "a/b+c=d.e~f-g_h!": false} {
		t.Setenv("SCIM_TOKEN", token)
		c := valid(t, "clients: {ci: {tokens: [\"${SCIM_TOKEN}\"]}}"+rest)
		warnings := strings.Join(c.Warnings(), "\n")
		if strings.Contains(warnings, "clients.ci.tokens[0] has fewer") != warned {
			t.Errorf("%q: %s", token, warnings)
		}
	}
	c := valid(t, "server: {host: localhost}\nclients: {ci: {tokens: [x]}}\njournal: {kind: none}"+rest)
	if got := c.Warnings(); len(got) != 1 || !strings.Contains(got[0], "not journaled") {
		t.Errorf("warnings are %q", got)
	}
}

func TestAFaultNeverRepeatsASecret(t *testing.T) {
	const secret = "hunter2 hunter2" // a blank makes it a bad token
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET", secret)
	for _, reference := range []string{"${file:" + file + "}", "${SECRET}", secret} {
		// The secret where it belongs, and, when it comes from outside, everywhere else.
		text := "clients:\n  one: {tokens: [\"" + reference + "\"]}\n  two: {tokens: ['" + reference + "', '']}\n"
		if reference != secret {
			for section, keys := range map[string][]string{
				"server": keysOf(typeOf[Server]()), "logging": keysOf(typeOf[Logging]()), "monitoring": keysOf(typeOf[Monitoring]()), "security": keysOf(typeOf[Security]()),
				"multi_tenant": keysOf(typeOf[MultiTenant]()), "cache": keysOf(typeOf[Cache]()), "auth": {"enabled"}, "journal": keysOf(typeOf[Journal]()), "database": keysOf(typeOf[Database]()),
				"audit": keysOf(typeOf[Audit]()), "backup": keysOf(typeOf[Backup]()), "guard": keysOf(typeOf[Guard]()), "scim": keysOf(typeOf[SCIM]()),
			} {
				text += section + ":\n"
				for _, key := range keys {
					text += fmt.Sprintf("  %s: %s\n", key, reference)
				}
			}
			text += "backends: {corp: '" + reference + "'}\nmappings: ['" + reference + "', {file: '" + reference + "'}]\n"
		}
		_, faults := load(t, text)
		if len(faults) < 3 || strings.Contains(faults.Error(), "hunter2") {
			t.Errorf("%s: %v", reference, faults)
		}
	}
}

func TestMappingsComeFromFilesGlobsAndInPlace(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"maps/b.yaml": "mapping: B1\n---\nmapping: B2\n", "maps/a.yaml": "mapping: A\nat: {base: \"ou=x,${BASE}\"}\n", "maps/c.txt": "mapping: C\n", "one.yaml": "mapping: One\n",
		"scim.yaml": client + "\nbackends: {corp: {kind: ldap}}\nmappings:\n  - file: maps/*.yaml\n  - mapping: Inline\n  - {file: ./one.yaml}\n  - file: " + dir + "/one.yaml\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("BASE", "dc=example")
	c, faults := Load(filepath.Join(dir, "scim.yaml"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var names []string
	for _, doc := range c.Mappings {
		names = append(names, doc.Get("mapping").Text())
	}
	if want := []string{"A", "B1", "B2", "Inline", "One", "One"}; !slices.Equal(names, want) {
		t.Errorf("mappings are %v, expected %v", names, want)
	}
	if base := c.Mappings[0].Get("at").Get("base"); base.Text() != "ou=x,dc=example" || base.Path() != "at.base" {
		t.Errorf("%s is %q", base.Path(), base.Text())
	}
}

func TestAFileThatCannotBeReadIsAFault(t *testing.T) {
	for path, want := range map[string]string{
		"testdata/none.yaml": "testdata/none.yaml: the file testdata/none.yaml does not exist; write the path of an existing file",
		"testdata":           "testdata: testdata is a directory; write the path of a file",
		"/dev/null":          "/dev/null: /dev/null is not a regular file; write the path of a regular file",
	} {
		if _, faults := Load(path); faults.Error() != want {
			t.Errorf("%s: %v", path, faults)
		}
	}
}

func TestEveryKeyThatIsStillToComeIsRefused(t *testing.T) {
	for _, key := range coming {
		text, parts := client+rest, strings.Split(key.path, ".")
		switch len(parts) {
		case 1:
			text = parts[0] + ": {}\n" + text
		default:
			text = parts[0] + ": {" + parts[1] + ": x}\n" + text
		}
		_, faults := load(t, text)
		if len(faults) != 1 || faults[0].Path != key.path || !strings.Contains(faults[0].Message, "not in this version") {
			t.Errorf("%s: %v", key.path, faults)
		}
	}
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// unset takes a variable out of the environment; t.Setenv has been called before, and puts it back.
func unset(t *testing.T, name string) {
	t.Helper()
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}

func TestASubjectThatNobodyIsFoundByIsWarnedAbout(t *testing.T) {
	for text, warned := range map[string]bool{
		"clients: {ci: {tokens: [a], subject: anna}}":                            true,
		"clients: {ci: {tokens: [a], subject: anna}}\nscim: {me: userName}":      false,
		"clients: {ci: {tokens: [a]}}":                                           false,
		"clients: {ci: {tokens: [a]}, x: {tokens: [b], subject: bob}}\nscim: {}": true,
	} {
		warnings := strings.Join(valid(t, text+rest).Warnings(), "\n")
		if strings.Contains(warnings, ".subject") != warned || warned && !strings.Contains(warnings, "scim.me") {
			t.Errorf("%s: %s", text, warnings)
		}
	}
}
