package configs

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheSectionsOfTheJournalAreRead(t *testing.T) {
	key := strings.Repeat("0f", 32)
	t.Setenv("DATABASE_URL", "postgres://scim:secret@db:5432/scim_production?sslmode=require")
	c := valid(t, `
database: {url: "${DATABASE_URL}", max_connections: 9, min_connections: 2, connection_timeout: 5, idle_timeout: 60}
journal: {path: /srv/scim, on_unavailable: spool, allow_ephemeral: true, signing_key: `+key+`, checkpoint_interval: 10, migrate: false}
audit:
  reads: list
  retention: {writes: 7y, reads: 90d, refusals: 0}
  sensitive: [employeeNumber, "urn:x:User:badge"]
  max_refusals: 0
  export:
    - {to: stdout}
    - {to: syslog, address: "udp://[::1]:514"}
    - {to: webhook, url: "https://siem.example.org/in?k=v", token: abc}
backup: {schedule: "*/15 2-4 * jan-mar mon,fri", secrets: encrypted, key: `+key+`, former_keys: [`+key+`], rate: 0, keep: 0}
guard:
  limits:
    - {kind: delete, count: 20}
    - {kind: delete, percent: 0.5, window: 7d, per: all}
  when_spooling: refuse
  protected_attributes: [userName]
scim: {mode: shadow, dry_run: true}
`+client+rest)
	secret := NewSecret(key)
	want := &Config{
		Database: Database{URL: NewSecret(os.Getenv("DATABASE_URL")), MaxConnections: 9, MinConnections: 2, ConnectionTimeout: 5 * time.Second, IdleTimeout: time.Minute},
		Journal:  Journal{Kind: JournalPostgres, Path: "/srv/scim", OnUnavailable: UnavailableSpool, AllowEphemeral: true, SigningKey: secret, CheckpointInterval: 10 * time.Second},
		Audit: Audit{
			Reads: ReadsList, Retention: Retention{Writes: 7 * 365 * day, Reads: 90 * day}, Sensitive: []string{"employeeNumber", "urn:x:User:badge"},
			Export: []AuditExport{
				{To: ExportStdout},
				{To: ExportSyslog, Address: "udp://[::1]:514"},
				{To: ExportWebhook, URL: NewSecret("https://siem.example.org/in?k=v"), Token: NewSecret("abc")},
			},
		},
		Backup: Backup{Schedule: "*/15 2-4 * jan-mar mon,fri", Secrets: SecretsEncrypted, Key: secret, FormerKeys: []Secret{secret}},
		Guard: Guard{
			Limits: []GuardLimit{
				{Kind: GuardDelete, Count: 20, Window: time.Hour, Per: GuardPerClient},
				{Kind: GuardDelete, Percent: 0.5, Window: 7 * day, Per: GuardPerAll},
			},
			WhenSpooling: SpoolingRefuse, ProtectedAttributes: []string{"userName"},
		},
	}
	got := &Config{Database: c.Database, Journal: c.Journal, Audit: c.Audit, Backup: c.Backup, Guard: c.Guard}
	if diff := cmp.Diff(want, got, comparing); diff != "" {
		t.Error(diff)
	}
	if c.SCIM.Mode != ModeShadow || !c.SCIM.DryRun {
		t.Errorf("scim is %+v", c.SCIM)
	}
	if warnings := strings.Join(c.Warnings(), "\n"); !strings.Contains(warnings, "scim.mode is shadow") {
		t.Errorf("warnings are %q", warnings)
	}
}

func TestTheJournalLiesInTheDatabaseWhereThereIsOne(t *testing.T) {
	const database = "database: {url: 'host=/run/postgresql dbname=scim'}\n"
	for text, want := range map[string]string{
		"":                                     JournalEmbedded,
		"database:\n":                          JournalEmbedded,
		"database: {url: '${NONE_SUCH:-}'}":    JournalEmbedded,
		database:                               JournalPostgres,
		database + "journal: {kind: none}":     JournalNone,
		database + "journal: {kind: embedded}": JournalEmbedded,
		database + "journal: {kind: postgres}": JournalPostgres,
	} {
		c := valid(t, text+"\n"+client+rest)
		if c.Journal.Kind != want {
			t.Errorf("%q makes the journal %s, expected %s", text, c.Journal.Kind, want)
		}
	}
	if c := valid(t, "database: {url: 'postgres://db/scim', max_connections: 3}\n"+client+rest); c.Database.MinConnections != 3 {
		t.Errorf("of 3 connections %d are kept", c.Database.MinConnections)
	}
}

func TestReplicasWithAJournalEachAreWarnedAbout(t *testing.T) {
	const two = "server: {replicas: 2}\nscim: {cursor_key: 0123456789abcdef0123456789abcdef}\n"
	const database = "database: {url: 'postgres://db/scim'}\n"
	for text, about := range map[string]string{
		two: "the journal is embedded", two + database: "journal.signing_key is not set", "": "", database: "",
		two + database + "journal: {signing_key: '" + strings.Repeat("ab", 32) + "'}\n": "",
	} {
		warnings := strings.Join(valid(t, text+client+rest).Warnings(), "\n")
		if _, said, warned := strings.Cut(warnings, "server.replicas is 2 and "); warned != (about != "") || !strings.HasPrefix(said, about) {
			t.Errorf("%s: %s", text, warnings)
		}
	}
}

func TestKeysAreReadInHexAndInBase64(t *testing.T) {
	raw := []byte("\x00\xfe0123456789abcdef0123456789abcd")
	for text, fine := range map[string]bool{
		"00fe303132333435363738396162636465663031323334353637383961626364": true,
		"00FE303132333435363738396162636465663031323334353637383961626364": true,
		"AP4wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2Q=":                     true,
		"AP4wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2Q":                      true,
		"": false, "00fe": false, string(raw): false, strings.Repeat("0", 66): false, "AP4wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFi": false,
		"AP4wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2Q=AAAA": false,
	} {
		key, err := NewSecret(text).Key()
		if (err == nil) != fine || fine && !bytes.Equal(key, raw) {
			t.Errorf("%q is the key %x, %v", text, key, err)
		}
		if err != nil && len(text) > 4 && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
}

func TestSchedules(t *testing.T) {
	for text, fine := range map[string]bool{
		"30 2 * * *": true, "*/5 * * * *": true, "0 0 29 2 *": true, "0 4 1,15 * *": true, "0 4 * * sun": true, "5 4-6/2 * JAN mon-fri": true, "0 0 L * *": true,
		"60 2 * * *": false, "30 24 * * *": false, "0 0 0 * *": false, "0 0 * 13 *": false, "0 0 31 4 *": false, "daily": false, "@daily": false,
		"* * * *": false, "0 30 2 * * *": false, "30 2 * * * 2030": false, "a b c d e": false, "30 2 * * ,": false, "-1 2 * * *": false, "*/0 * * * *": false, "30 2 * * 8": false,
		"5-1 * * * *": false, "1/ * * * *": false,
	} {
		if got := cronFires(text); got != fine {
			t.Errorf("%q is a schedule: %v", text, got)
		}
	}
}
