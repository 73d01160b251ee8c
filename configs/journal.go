package configs

import (
	"fmt"
	"time"
)

// The kinds of journal.
const (
	JournalEmbedded = "embedded" // one SQLite file under Path
	JournalPostgres = "postgres" // the database of the section `database`
	JournalNone     = "none"     // for measuring
)

// What becomes of a write while the database of the journal is away.
const (
	UnavailableRefuse = "refuse" // it is 503
	UnavailableSpool  = "spool"  // the spool below Path takes its account
)

// Journal is where the account of every write is kept.
type Journal struct {
	Kind               string   `config:"kind"`                // after Load it is set: unset means postgres where there is a database, else embedded
	Path               string   `config:"path"`                // a directory
	OnUnavailable      string   `config:"on_unavailable"`      // of kind postgres
	AllowEphemeral     bool     `config:"allow_ephemeral"`     // the spool may lie where it does not outlive the process
	SigningKey         Secret   `config:"signing_key"`         // what checkpoints are signed with, 32 bytes; unset: one is made and kept in Path
	CheckpointInterval Duration `config:"checkpoint_interval"` // how often the heads of the chains are signed
	Migrate            bool     `config:"migrate"`             // bring the database up to date at start, when the role may
}

// Validate checks the section without touching the disk.
func (j Journal) Validate() Faults {
	var faults Faults
	if j.Kind != "" {
		faults = oneOf("kind", j.Kind, []string{JournalEmbedded, JournalPostgres, JournalNone})
	}
	if j.Path == "" {
		faults = faults.add("path", "write a directory", "is empty")
	}
	faults = append(faults, oneOf("on_unavailable", j.OnUnavailable, []string{UnavailableRefuse, UnavailableSpool})...)
	faults = append(faults, checkKey("signing_key", j.SigningKey)...)
	return append(faults, within("checkpoint_interval", j.CheckpointInterval, time.Second, 24*time.Hour)...)
}

// checkKey wants a key that can be read, where there is one.
func checkKey(path string, key Secret) Faults {
	if key.IsZero() {
		return nil
	}
	if _, err := key.Key(); err != nil {
		return Faults{}.add(path, "write ${file:/path} with the output of openssl rand -hex 32", "%s", err)
	}
	return nil
}

// Database is the PostgreSQL of journal, audit and backup.
type Database struct {
	URL               Secret   `config:"url"` // postgres://user@host:5432/db?sslmode=verify-full, or host=… user=…; "": there is none
	MaxConnections    int      `config:"max_connections"`
	MinConnections    int      `config:"min_connections"`
	ConnectionTimeout Duration `config:"connection_timeout"` // until a connection is there
	IdleTimeout       Duration `config:"idle_timeout"`       // after which a connection that nobody uses is closed
}

// Validate checks the section without touching the network.
func (d Database) Validate() Faults {
	var faults Faults
	if !d.URL.IsZero() {
		if _, err := ParsePostgres(d.URL); err != nil {
			faults = faults.add("url", "write postgres://user@host:5432/database?sslmode=verify-full, or host=… user=… dbname=…", "%s", err)
		}
	}
	if d.MaxConnections < 2 || d.MaxConnections > 10_000 { // one is for whoever holds a lock, the other for what he does meanwhile
		faults = faults.add("max_connections", "write a number in between", "must be from 2 to 10000")
	}
	if d.MinConnections < 0 || d.MinConnections > d.MaxConnections {
		faults = faults.add("min_connections", "write a number in between", "must be from 0 to max_connections, which is %d", d.MaxConnections)
	}
	faults = append(faults, within("connection_timeout", d.ConnectionTimeout, 100*time.Millisecond, 10*time.Minute)...)
	return append(faults, within("idle_timeout", d.IdleTimeout, time.Second, 24*time.Hour)...)
}

func within(path string, d, least, most Duration) Faults {
	if d < least || d > most {
		return Faults{}.add(path, "write a duration in between", "must be from %s to %s", inUnits(least), inUnits(most))
	}
	return nil
}

// inUnits is a duration as one would write it.
func inUnits(d Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return fmt.Sprintf("%gs", d.Seconds())
}

// journalKind is the kind of journal that is meant.
func (c *Config) journalKind() string {
	switch {
	case c.Journal.Kind != "":
		return c.Journal.Kind
	case !c.Database.URL.IsZero():
		return JournalPostgres
	default:
		return JournalEmbedded
	}
}

// validateJournal checks what the journal and its database must have for others to work.
func (c *Config) validateJournal() Faults {
	var faults Faults
	database, journal, kind := c.Root.Get("database"), c.Root.Get("journal"), c.journalKind()
	if c.Database.URL.IsZero() {
		const remedy = `write database: {url: "${DATABASE_URL}"}`
		for key := range database.Pairs() {
			if database.Get("url").Kind() == Missing {
				faults = append(faults, database.Get("url").Fault(remedy, "is missing: without it %s means nothing", key))
				break
			}
		}
		if kind == JournalPostgres {
			faults = append(faults, journal.Get("kind").Fault(remedy+", or kind: embedded", "the journal has no database: database.url is not set"))
		}
		if c.Backup.Schedule != "" {
			faults = append(faults, c.Root.Get("backup").Get("schedule").Fault(remedy, "snapshots are kept in the database, and database.url is not set"))
		}
	}
	if c.Journal.OnUnavailable == UnavailableSpool && (kind == JournalEmbedded || kind == JournalNone) {
		faults = append(faults, journal.Get("on_unavailable").Fault("write refuse, or take the key away", "only a journal in the database has a spool, and journal.kind is %s", kind))
	}
	if kind == JournalNone {
		faults = append(faults, c.validateWithoutJournal()...)
	}
	if len(c.Guard.Limits) > 0 && kind == JournalEmbedded && c.Server.Replicas > 1 {
		faults = append(faults, c.Root.Get("guard").Get("limits").Fault(`write database: {url: "${DATABASE_URL}"}, and kind: postgres in section journal`,
			"the embedded journal counts for one process only, and server.replicas is %d", c.Server.Replicas))
	}
	return faults
}

// validateWithoutJournal refuses what is counted, kept or answered from the journal when there is none.
func (c *Config) validateWithoutJournal() Faults {
	var faults Faults
	for _, need := range []struct {
		path   string
		wanted bool
		why    string
	}{
		{"guard.limits", len(c.Guard.Limits) > 0, "what was deleted and disabled is counted in the journal"},
		{"backup.schedule", c.Backup.Schedule != "", "what a backup gives back is written into the journal first"},
		{"audit.reads", c.Audit.Reads == ReadsList || c.Audit.Reads == ReadsAll, "reads are written into the journal"},
		{"audit.export", len(c.Audit.Export) > 0, "what is exported is the journal"},
		{"scim.mode", c.SCIM.Mode == ModeShadow, "what would have been done is written into the journal"},
	} {
		if need.wanted {
			faults = append(faults, c.Root.find(need.path).Fault("write another journal.kind, or take this away", "%s, and journal.kind is none", need.why))
		}
	}
	return faults
}
