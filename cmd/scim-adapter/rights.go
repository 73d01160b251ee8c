package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// What commands need to be in the journal's database. Each role is for a kind of people (docs/journal.md), and so a command says which.
var (
	toReadJournal    = pgjournal.Need{Role: "scim_audit", For: "to read the journal"}
	toWriteJournal   = pgjournal.Need{Role: "scim_app", For: "to write the journal"}
	toReadSnapshots  = pgjournal.Need{Role: "scim_audit", For: "to read snapshots"}
	toMakeSnapshots  = pgjournal.Need{Role: "scim_app", For: "to make snapshots"}
	toPruneSnapshots = pgjournal.Need{Role: "scim_owner", For: "to take snapshots away"}
	toUseGuard       = pgjournal.Need{Role: "scim_app", For: "to read and set what the guard counts"}
)

// denial says of an error which GRANT is missing, where the journal's database has denied something; another: what else the command line offers.
func denial(ctx context.Context, url configs.Secret, err error, another string, needs ...pgjournal.Need) error {
	if _, told := errors.AsType[*pgjournal.LackedRights](err); err == nil || told || url.IsZero() {
		return err
	}
	why := pgjournal.Explain(ctx, url, err, needs...)
	if _, ok := errors.AsType[*pgjournal.LackedRights](why); ok {
		return fmt.Errorf("%w; or name a role that may with %s", why, another)
	}
	return why
}

// The two ways to be another role.
const (
	inConfig = "database.url"
	inFlag   = "--database-url"
)

// journalDenied is denial for the journal of a configuration.
func journalDenied(ctx context.Context, config *configs.Config, err error, needs ...pgjournal.Need) error {
	if config.Journal.Kind != configs.JournalPostgres {
		return err
	}
	return denial(ctx, config.Database.URL, err, inConfig, needs...)
}

// mayWriteJournal says beforehand what a role lacks that may not write the journal, of all that is needed: else each single write would be told.
func mayWriteJournal(ctx context.Context, config *configs.Config, needs ...pgjournal.Need) error {
	if config.Journal.Kind != configs.JournalPostgres {
		return nil
	}
	_, err := pgjournal.Review(ctx, config.Database.URL, true)
	lacks, ok := errors.AsType[*pgjournal.LackedRights](err)
	if !ok {
		return nil // what else is wrong is found by whoever opens it
	}
	if all, ok := errors.AsType[*pgjournal.LackedRights](pgjournal.Lacking(ctx, config.Database.URL, needs...)); ok {
		lacks = all
	}
	return fmt.Errorf("%w; or name a role that may with %s", lacks, inConfig)
}
