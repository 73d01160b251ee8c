package configs

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrSimpleProtocol is what [ParsePostgres] finds in a URL that would have values written into the text of statements.
var ErrSimpleProtocol = errors.New("has default_query_exec_mode=simple_protocol, which would write values into the text of statements")

// ParsePostgres reads a URL or DSN of PostgreSQL, whatever pgx takes, and the certificates that it names. The error repeats nothing of it but a scheme
// that is another's.
func ParsePostgres(text Secret) (*pgxpool.Config, error) {
	if strings.TrimSpace(text.Reveal()) == "" {
		return nil, errors.New("is missing")
	}
	if err := disclosed(text.Reveal()); err != nil {
		return nil, err
	}
	p, err := pgxpool.ParseConfig(text.Reveal())
	if err != nil {
		return nil, illegibleURL(err)
	}
	if p.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return nil, ErrSimpleProtocol
	}
	return p, nil
}

// disclosed finds what pgx would take without a word and what then shows: a URL of another kind would be read as a DSN.
func disclosed(text string) error {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok || strings.ContainsAny(scheme, "= ") {
		return nil
	}
	if scheme != "postgres" && scheme != "postgresql" {
		return fmt.Errorf("has the scheme %q", scheme)
	}
	if u, err := url.Parse(text); err == nil && u.Host == "" && u.Query().Get("host") == "" {
		return errors.New("names no host")
	}
	return nil
}

// illegibleURL says why pgx cannot read a URL. Its own words repeat pieces of the URL, and these may be of a password; only what it says of TLS and of
// target_session_attrs has nothing of it.
func illegibleURL(err error) error {
	text := err.Error()
	if _, reason, ok := strings.Cut(text[strings.LastIndex(text, "`: ")+1:], ": "); ok {
		for _, known := range []string{"failed to configure TLS", "unknown target_session_attrs"} {
			if strings.HasPrefix(reason, known) {
				return errors.New(reason)
			}
		}
	}
	return errors.New("is no URL and no DSN of PostgreSQL")
}
