package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/configs"
)

func TestConfigFaults(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "not.pem")
	if err := os.WriteFile(notPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	const url = "url: 'postgres://scim@db/hr'"
	for claim, tc := range map[string]struct{ yaml, want string }{
		"no URL": {
			"{kind: postgres}",
			"test.yaml:1:1: url: is missing; write postgres://user@host:5432/database?sslmode=verify-full, or host=… user=… dbname=…",
		},
		"a URL of something else": {"{url: 'mysql://scim@db/hr'}", `url: has the scheme "mysql"; write postgres://`},
		"a URL without a host":    {"{url: 'postgres:///hr'}", "url: names no host; write"},
		"what is no URL":          {"{url: 'postgres://scim:s3:cret@db:x/hr'}", "url: is no URL and no DSN of PostgreSQL; write"},
		"what is no DSN":          {"{url: 'hr'}", "url: is no URL and no DSN of PostgreSQL; write"},
		"certificates that are not there": {
			"{url: 'postgres://db/hr?sslmode=verify-full&sslrootcert=/nowhere.pem'}",
			"url: failed to configure TLS (unable to read CA file: open /nowhere.pem: no such file or directory); write",
		},
		"a file without certificates": {
			"{url: 'postgres://db/hr?sslmode=verify-full&sslrootcert=" + notPEM + "'}", "url: failed to configure TLS (unable to add CA to cert pool); write",
		},
		"an unknown wish for a server": {
			"{url: 'postgres://db/hr?target_session_attrs=best'}", "url: unknown target_session_attrs value: best; write",
		},
		"values as text": {
			"{url: 'postgres://db/hr?default_query_exec_mode=simple_protocol'}",
			"url: has default_query_exec_mode=simple_protocol, which would write values into the text of statements; write default_query_exec_mode=exec, which",
		},
		"one connection":                         {"{" + url + ", max_connections: 1, min_connections: 0}", "max_connections: 1 is out of range; give 2 to 10000"},
		"more connections at least than at most": {"{" + url + ", max_connections: 4, min_connections: 5}", "min_connections: 5 is more than max_connections, 4; give no more than max_connections"},
		"less than none":                         {"{" + url + ", min_connections: -1}", "min_connections: -1 is out of range; give 0 to 10000"},
		"no time to connect":                     {"{" + url + ", connection_timeout: 0}", "connection_timeout: 0s is out of range; give 0.1 to 600 seconds"},
		"no time to idle":                        {"{" + url + ", idle_timeout: 0.5}", "idle_timeout: 500ms is out of range; give 1 to 86400 seconds"},
		"no time":                                {"{" + url + ", timeout: 0}", "timeout: 0s is out of range; give 0.1 to 3600 seconds"},
		"less than no rows":                      {"{" + url + ", max_scan_rows: -1}", "max_scan_rows: -1 is out of range; give 0 to "},
		"a setting of the server's own":          {"{" + url + ", tenant_setting: search_path}", `tenant_setting: "search_path" is no setting of an application; write a name with a prefix, such as scim.tenant_id`},
		"no setting":                             {"{" + url + ", tenant_setting: ''}", `tenant_setting: "" is no setting of an application`},
		"an unknown key":                         {"{" + url + ", pasword: x}", `pasword: unknown key "pasword"; write password`},
	} {
		d, faults := Open(parse(t, tc.yaml), Options{})
		if d != nil || len(faults) != 1 || !strings.Contains(faults.Error(), tc.want) {
			t.Errorf("%s: got %q, want %q", claim, faults.Error(), tc.want)
		}
		if strings.Contains(faults.Error(), "cret") {
			t.Errorf("%s: a piece of the password shows: %s", claim, faults)
		}
	}
}

func TestConfigFaultsComeAllAtOnce(t *testing.T) {
	_, faults := Open(parse(t, "{url: '', timeout: 0, max_connections: 0, tenant_setting: x}"), Options{})
	if len(faults) != 4 {
		t.Errorf("%d faults: %v", len(faults), faults)
	}
}

func TestOpeningDoesNotTouchTheNetwork(t *testing.T) {
	for _, url := range []string{
		"postgres://scim@192.0.2.1/hr", "postgresql://[2001:db8::1]:5433/hr?sslmode=verify-full", "host=a,b port=5432,5433 dbname=hr target_session_attrs=read-write",
		"postgres://a:1,b:2/hr?target_session_attrs=prefer-standby", "postgres:///hr?host=/run/postgresql",
	} {
		d, faults := Open(parse(t, "{kind: postgres, url: '"+url+"', password: x, timeout: 5}"), Options{Logger: (&logBook{}).logger()})
		if len(faults) > 0 {
			t.Errorf("%s: %v", url, faults)
			continue
		}
		if s := d.Stats(); s.Active != 0 || s.Max != 20 {
			t.Errorf("%s: %+v", url, s)
		}
		if d.pool != nil {
			t.Errorf("%s: there is a pool before anybody asked for anything", url)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestThePasswordIsThatOfTheConfiguration(t *testing.T) {
	cfg := Defaults()
	cfg.URL, cfg.Password = configs.NewSecret("postgres://scim:old@a,b/hr"), configs.NewSecret("new")
	p, err := cfg.pool()
	if err != nil || p.ConnConfig.Password != "new" || p.ConnConfig.Host != "a" || len(p.ConnConfig.Fallbacks) == 0 {
		t.Fatalf("%v", err)
	}
	if p.ConnConfig.ConnectTimeout != cfg.ConnectionTimeout || p.MaxConns != 20 || p.MinConns != 2 || p.MaxConnIdleTime != cfg.IdleTimeout {
		t.Error("the pool is not as configured")
	}
	if shown := fmt.Sprintf("%+v %#v", cfg, cfg); strings.Contains(shown, "old") || strings.Contains(shown, "new") {
		t.Errorf("a secret shows: %s", shown)
	}
}

func TestWhatIsGivenUpOnTheWayIsWarned(t *testing.T) {
	const plain, unverified = "unencrypted", "certificate is not verified"
	for url, want := range map[string]string{
		"postgres://scim:pw@db/hr?sslmode=disable":                   plain,
		"postgres://scim:pw@db/hr?sslmode=allow":                     plain,
		"postgres://scim:pw@db/hr?sslmode=prefer":                    plain,
		"postgres://scim:pw@db/hr":                                   plain,
		"postgres://scim:pw@localhost,db/hr?sslmode=disable":         plain,
		"postgres://scim:pw@db/hr?sslmode=require":                   unverified,
		"postgres://scim@db/hr?sslmode=disable":                      unverified,
		"postgres://scim:pw@db/hr?sslmode=verify-full":               "",
		"postgres://scim:pw@db/hr?sslmode=verify-ca":                 "",
		"postgres://scim:pw@127.0.0.1/hr?sslmode=disable":            "",
		"postgres://scim:pw@localhost/hr":                            "",
		"postgres://scim:pw@/hr?host=/run/postgresql&sslmode=prefer": "",
	} {
		t.Setenv("PGPASSWORD", "")
		_, book := openDirectory(t, url, nil)
		if said := book.String(); (want == "") != (said == "") || !strings.Contains(said, want) || strings.Contains(said, "pw@") {
			t.Errorf("%s: %q", url, said)
		}
	}
}
