package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// What is planted, and must not come out anywhere: octets in an attribute that nothing maps, two after one another, and passwords.
const (
	octetsFirst, octetsThen = "Zoctets-that-were-first-in-it", "Zoctets-that-came-thereafter"
	wordFirst, wordThen     = "Zword-planted-at-first-9", "Zword-planted-thereafter-9"
)

var uuids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// outlets are what came out, by where.
type outlets struct {
	t    *testing.T
	said map[string]string
	path string
}

// run runs a command on the configuration, and keeps what it prints.
func (o *outlets) run(args ...string) string {
	o.t.Helper()
	out, err := command(append(args, "--config", o.path)...)
	o.keep(strings.Join(args, " "), out)
	if err != nil {
		o.keep(strings.Join(args, " ")+", which failed", err.Error())
		if !strings.Contains(err.Error(), "were skipped, failed") {
			o.t.Errorf("%s: %v\n%s", args, err, out)
		}
	}
	return out
}

func (o *outlets) keep(where, text string) { o.said[where] += "\n" + text }

// rows are all tables of the journal's database, as texts.
func (o *outlets) rows(url string) {
	o.t.Helper()
	conn, err := pgx.Connect(o.t.Context(), url)
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close(o.t.Context())
	rows, err := conn.Query(o.t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('audit', 'overlay', 'backup')`)
	if err != nil {
		o.t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		o.t.Fatal(err)
	}
	for _, table := range tables {
		var text string
		if err := conn.QueryRow(o.t.Context(), "SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM "+table+" t").Scan(&text); err != nil {
			o.t.Fatal(err)
		}
		o.keep("table "+table, text)
	}
}

// silent fails for each outlet that has one of the words, in any of the ways in which bytes are written.
func (o *outlets) silent(words ...string) {
	o.t.Helper()
	for where, text := range o.said {
		text = strings.ReplaceAll(text, "\n ", "") // LDIF folds lines
		for _, word := range words {
			for _, way := range []string{word, strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(word[:len(word)/3*3])), "="), hex.EncodeToString([]byte(word))} {
				if at := strings.Index(text, way); at >= 0 {
					o.t.Errorf("%s tells %q: %s", where, word, text[max(0, at-300):min(len(text), at+60)])
				}
			}
		}
	}
}

// serveWithLog serves in a process of its own, whose log goes to a file.
func serveWithLog(t *testing.T, path string) (c *scimClient, log string, stop func()) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "log")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command("scim-adapter", "serve", "--config", path)
	cmd.Stderr = file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { _, _ = cmd.Process.Kill(), cmd.Wait() }
	t.Cleanup(stop)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if at := servingAt.FindStringSubmatch(string(text)); at != nil {
			return &scimClient{t: t, base: "http://" + at[1] + "/scim/v2", token: "a-token-of-the-tests"}, log, stop
		}
	}
	t.Fatal("it does not listen")
	return nil, "", nil
}

// plant puts octets into an entry that the mapping has no word for.
func (h *house) plant(t *testing.T, uid, octets string) {
	t.Helper()
	change := ldap.NewModifyRequest(fmt.Sprintf("uid=%s,%s", uid, h.people), nil)
	if len(h.entry(t, change.DN).GetAttributeValues("javaSerializedData")) == 0 {
		change.Add("objectClass", []string{"javaSerializedObject"})
		change.Add("javaClassName", []string{"planted"})
	}
	change.Replace("javaSerializedData", []string{octets})
	if err := h.ldap.Modify(change); err != nil {
		t.Fatal(err)
	}
}

// planted is what the entry has of it.
func (h *house) planted(t *testing.T, uid string) string {
	t.Helper()
	if e := h.entry(t, fmt.Sprintf("uid=%s,%s", uid, h.people)); e != nil {
		return e.GetAttributeValue("javaSerializedData")
	}
	return "(no entry)"
}

// TestWhatIsPlantedComesOutNowhere: with a key it is kept, sealed, and comes back; without one it is not kept. Nothing ever shows it.
func TestWhatIsPlantedComesOutNowhere(t *testing.T) {
	for name, secrets := range map[string]string{"it is not kept": "", "it is kept": "backup: {secrets: encrypted, key: " + keyOne + "}\n"} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.Database(t)
			role := backupRole(t, db)
			url := serverURL("SCIM_TEST_LDAP_URL")(t)
			h := openHouse(t, url)
			h.total(t) // it reads the schema when it first connects
			if !h.world.mappings.All()[0].Backend().Syntax("javaSerializedData").Octets {
				const why = "the directory has no schema java: start the servers anew (scripts/servers.sh)"
				if os.Getenv("SCIM_TEST_SERVERS") == "required" {
					t.Fatal(why)
				}
				t.Skip(why)
			}
			path := stormConfig(t, h, url, db)
			t.Setenv("JOURNAL_URL", role)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			config := strings.NewReplacer("level: info", "level: debug", "scim: {", "scim: {dry_run: true, ", "replicas: 2, ", "").Replace(string(text)) + secrets
			if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			o := &outlets{t: t, said: map[string]string{}, path: path}
			h.comesAndGoes(t, o, secrets != "")
			o.rows(db.Admin)
			o.silent(octetsFirst, octetsThen, wordFirst, wordThen)
			if len(o.said) < 25 {
				t.Errorf("there are only %d outlets", len(o.said))
			}
		})
	}
}

// comesAndGoes takes somebody with octets and a password through all that writes about him.
func (h *house) comesAndGoes(t *testing.T, o *outlets, kept bool) {
	t.Helper()
	c, log, stop := serveWithLog(t, o.path)
	answered := func(method, path string, body any, header ...string) answer {
		a, err := c.try(method, path, body, header...)
		if err != nil {
			t.Fatal(err)
		}
		o.keep("answers to "+method, a.raw)
		return a
	}
	body := map[string]any{"userName": "ada", "password": wordFirst, "name": map[string]any{"familyName": "Byron"}}
	id := answered("POST", "/Users", body).want(t, 201).id()
	answered("POST", "/Users", body).wantError(t, 409, "uniqueness")
	h.plant(t, "ada", octetsFirst)
	o.run("backup", "create")
	h.plant(t, "ada", octetsThen)
	for line := range strings.Lines(o.run("backup", "list", "--json")) {
		if of := uuids.FindString(line); strings.Contains(line, `"User"`) {
			o.run("backup", "diff", of)
			o.run("backup", "diff", of, "--json")
			o.run("backup", "export", of)
			o.run("backup", "export", of, "--format", "scim")
		}
	}
	o.run("backup", "restore", "latest", "User/"+id, "--dry-run")
	o.run("backup", "restore", "latest", "User/"+id, "--yes")
	if got, want := h.planted(t, "ada"), map[bool]string{true: octetsFirst, false: octetsThen}[kept]; got != want {
		t.Errorf("put back is %q, want %q", got, want)
	}
	if kept {
		for _, how := range []string{"--dry-run", "--yes"} {
			o.run("undo", "--since", "1h", "--action", "restore", how)
		}
		if got := h.planted(t, "ada"); got != octetsThen {
			t.Errorf("after the undo it is %q", got)
		}
	}
	answered("PATCH", "/Users/"+id, patch(op("replace", "password", wordThen), op("replace", "title", "x")), "Prefer", "dry-run").want(t, 200)
	answered("PATCH", "/Users/"+id, patch(op("replace", "password", wordThen), op("replace", "title", "x"))).want(t, 200)
	answered("PATCH", "/Users/"+id, patch(op("replace", "password", "Zw"), op("replace", "title", "x")))
	answered("DELETE", "/Users/"+id, nil, "Prefer", "dry-run").want(t, 200)
	answered("DELETE", "/Users/"+id, nil).want(t, 204)
	for _, how := range []string{"--dry-run", "--yes"} {
		o.run("undo", "--since", "1h", "--action", "delete", how)
	}
	if got, back := h.planted(t, "ada"), map[bool]string{true: octetsThen, false: "(no entry)"}[kept]; got != back { // her object class demands them
		t.Errorf("made again it has %q, want %q", got, back)
	}
	o.run("restore", "User/"+id, "--at", time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano), "--dry-run")
	o.audits()
	stop()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	o.keep("the log", string(text))
}

// audits are all ways of reading the journal and the snapshots.
func (o *outlets) audits() {
	for _, form := range []string{"table", "jsonl", "csv"} {
		o.run("audit", "list", "-o", form)
	}
	events := o.run("audit", "list", "-o", "csv")
	for _, line := range strings.Split(strings.TrimSpace(events), "\n")[1:] {
		for _, id := range uuids.FindAllString(line, -1) {
			if id[14] == '7' { // the event's, and no record's
				o.run("audit", "show", id)
				o.run("audit", "show", id, "-o", "json")
				break
			}
		}
	}
	o.run("audit", "export", "-o", "jsonl")
	o.run("audit", "export", "-o", "csv")
	o.run("audit", "export", "--to", "stdout", "--values")
	o.run("audit", "verify")
}
