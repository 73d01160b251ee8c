package configs

import (
	"strings"
	"testing"
)

func TestAURLOfPostgresIsReadWithoutShowingIt(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://scim:hunter2@db,db2/scim?target_session_attrs=read-write": "",
		"postgresql:///scim?host=/run/postgresql":                             "",
		"host=db user=scim password=hunter2 dbname=scim":                      "",
		" ":                                "is missing",
		"hunter2":                          "is no URL and no DSN",
		"postgres://scim:hunter2%@db/scim": "is no URL and no DSN",
		"postgres:///scim":                 "names no host",
		"mysql://scim:hunter2@db/scim":     `has the scheme "mysql"`,
		"postgres://scim:hunter2@db/scim?target_session_attrs=best":             "unknown target_session_attrs",
		"postgres://scim:hunter2@db/?default_query_exec_mode=simple_protocol":   "would write values into the text",
		"postgres://scim:hunter2@db/scim?sslmode=verify-full&sslrootcert=/none": "failed to configure TLS",
	} {
		p, err := ParsePostgres(NewSecret(text))
		if want == "" && (err != nil || p.ConnConfig.Database != "scim") {
			t.Errorf("%q: %v", text, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v, expected %s", text, err, want)
		}
	}
}
