package main

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	suffix        = "dc=example,dc=org"
	adminDN       = "cn=admin," + suffix
	adminPassword = "secret"
)

// house is a whole adapter, from configs/examples/openldap.yaml or an example for tables, over a directory or a database that the test may also talk to
// itself.
type house struct {
	scimClient
	world          *world
	ldap           *ldap.Conn
	base           string  // the test's own subtree
	people, groups string  // below it
	overlays       bool    // the directory keeps memberOf and cleans references up
	config, url    string  // that it is served from
	tables         *tables // what it is over, where that is no LDAP directory
}

// directories are where the tests of the whole house run. A directory that is not there is skipped, or a failure when
// SCIM_TEST_SERVERS is "required", as in make test.
var directories = []struct {
	name     string
	overlays bool
	url      func(t *testing.T) string
}{
	{"embedded", true, embeddedURL},
	{"slapd with overlays", true, serverURL("SCIM_TEST_LDAP_URL")},
	{"slapd without overlays", false, serverURL("SCIM_TEST_LDAP_PLAIN_URL")},
}

func serverURL(variable string) func(*testing.T) string {
	return func(t *testing.T) string {
		url := os.Getenv(variable)
		if url == "" && os.Getenv("SCIM_TEST_SERVERS") == "required" {
			t.Fatalf("%s is not set: run make test", variable)
		}
		if url == "" || os.Getenv("SCIM_TEST_SERVERS") == "none" {
			t.Skipf("%s is not set: make test starts the servers", variable)
		}
		return url
	}
}

func embeddedURL(t *testing.T) string { return startEmbedded(t).URL() }

func startEmbedded(t *testing.T) *embedded.Server {
	t.Helper()
	server, err := embedded.Start(embedded.Config{
		Suffix: suffix, AdminDN: adminDN, AdminPassword: adminPassword, Entries: embedded.Generate(0, 0), MemberOf: true, RefInt: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// everywhere runs a test over each directory, and over each example's tables.
func everywhere(t *testing.T, f func(t *testing.T, h *house)) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) { f(t, openTables(t, w)) })
	}
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouse(t, d.url(t))
			h.overlays = d.overlays
			f(t, h)
		})
	}
}

var houses atomic.Int64

// exampleConfig is the configuration that the houses are built from, unless a test says otherwise.
const exampleConfig = "../../configs/examples/openldap.yaml"

// openHouse builds a house in a subtree of its own and serves it.
func openHouse(t *testing.T, url string) *house {
	t.Helper()
	return openHouseFrom(t, exampleConfig, url)
}

func openHouseFrom(t *testing.T, config, url string) *house {
	t.Helper()
	conn, err := ldap.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.Bind(adminDN, adminPassword); err != nil {
		t.Fatal(err)
	}
	h := &house{config: config, url: url, ldap: conn, base: fmt.Sprintf("ou=house-%d-%d,%s", os.Getpid(), houses.Add(1), suffix)}
	h.people, h.groups = "ou=people,"+h.base, "ou=groups,"+h.base
	for _, dn := range []string{h.base, h.people, h.groups} {
		h.add(t, dn, "objectClass", "organizationalUnit")
	}
	t.Cleanup(func() { h.removeTree(h.base) })
	h.scimClient = scimClient{t: t, token: "a-token-of-the-tests"}
	h.serve(config, url)
	return h
}

// serve makes the house's adapter, over the subtree h.base of a directory.
func (h *house) serve(config, url string) {
	t := h.t
	t.Helper()
	h.world = startWorld(t, config, url, h.base)
	server := httptest.NewServer(h.world.handler)
	t.Cleanup(server.Close)
	h.scimClient.base = server.URL + "/scim/v2"
}

// environment sets what the example configurations take from it.
func environment(t *testing.T, url, base string) {
	t.Helper()
	for name, value := range map[string]string{
		"LDAP_URL": url, "DATABASE_URL": url, "HR_DATABASE_URL": url, "LDAP_BASE": base, "LDAP_BIND_DN": adminDN, "LDAP_BIND_PASSWORD": adminPassword,
		"SCIM_LISTEN": "127.0.0.1:0", "SCIM_TOKEN": "a-token-of-the-tests", "SCIM_METRICS_PORT": "0",
		"SCIM_JOURNAL": filepath.Join(t.TempDir(), "journal"),
	} {
		t.Setenv(name, value)
	}
}

// startWorld builds the world of a configuration over one subtree.
func startWorld(t *testing.T, config, url, base string) *world {
	t.Helper()
	environment(t, url, base)
	p, err := load(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	w, err := build(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// testLog shows warnings and errors in the test's own output, when it fails or runs verbosely.
func testLog(t *testing.T) func(configs.Logging) *slog.Logger {
	return func(configs.Logging) *slog.Logger {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
}

// add makes an entry directly; pairs are attribute and value in turn.
func (h *house) add(t testing.TB, dn string, pairs ...string) {
	t.Helper()
	req := ldap.NewAddRequest(dn, nil)
	values := map[string][]string{}
	var order []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if values[pairs[i]] == nil {
			order = append(order, pairs[i])
		}
		values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
	}
	for _, name := range order {
		req.Attribute(name, values[name])
	}
	if err := h.ldap.Add(req); err != nil {
		t.Fatalf("adding %s: %v", dn, err)
	}
}

// entry reads an entry directly; nil when there is none.
func (h *house) entry(t testing.TB, dn string) *ldap.Entry {
	t.Helper()
	found := h.search(t, dn, ldap.ScopeBaseObject, "(objectClass=*)")
	if len(found) == 0 {
		return nil
	}
	return found[0]
}

// search searches directly, as ldapsearch would.
func (h *house) search(t testing.TB, base string, scope int, filter string) []*ldap.Entry {
	t.Helper()
	res, err := h.ldap.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, []string{"*", "+"}, nil))
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil
	}
	if err != nil {
		t.Fatalf("searching %s for %s: %v", base, filter, err)
	}
	return res.Entries
}

// byID reads the entry whose entryUUID a SCIM id is.
func (h *house) byID(t testing.TB, id string) *ldap.Entry {
	t.Helper()
	found := h.search(t, h.base, ldap.ScopeWholeSubtree, "(entryUUID="+ldap.EscapeFilter(id)+")")
	if len(found) != 1 {
		t.Fatalf("%d entries with entryUUID %s", len(found), id)
	}
	return found[0]
}

// removeTree deletes a subtree, leaves first. What is left over is the next run's problem, not this test's.
func (h *house) removeTree(base string) {
	res, err := h.ldap.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"1.1"}, nil))
	if err != nil {
		return
	}
	for depth := 16; depth > 0; depth-- {
		for _, e := range res.Entries {
			if strings.Count(e.DN, ",")+1 == depth {
				_ = h.ldap.Del(ldap.NewDelRequest(e.DN, nil))
			}
		}
	}
}

// user makes a user with little more than a name and gives the answer.
func (h *house) user(name string, more ...any) answer {
	h.t.Helper()
	body := map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name,
		"name": map[string]any{"givenName": "Given", "familyName": "Family"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return h.do("POST", "/Users", body).want(h.t, 201)
}

// group makes a group of the given ids.
func (h *house) group(name string, ids ...string) answer {
	h.t.Helper()
	members := []map[string]any{}
	for _, id := range ids {
		members = append(members, map[string]any{"value": id})
	}
	return h.do("POST", "/Groups", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name, "members": members,
	}).want(h.t, 201)
}

// patch is a PATCH body of operations.
func patch(ops ...map[string]any) map[string]any {
	return map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": ops}
}

func op(kind, path string, value any) map[string]any {
	o := map[string]any{"op": kind}
	if path != "" {
		o["path"] = path
	}
	if value != nil {
		o["value"] = value
	}
	return o
}

// eventually waits for what a directory does a little later (refint).
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("not within ten seconds: " + what)
}
