package litejournal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrations bring a file from each version (PRAGMA user_version) to the next. They are appended to and never edited.
//
// The triggers before INSERT are there for INSERT OR REPLACE, which deletes without asking the trigger before DELETE.
var migrations = []string{`
CREATE TABLE intents (
	seq  INTEGER PRIMARY KEY AUTOINCREMENT,
	id   TEXT NOT NULL UNIQUE,
	body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TABLE outcomes (
	seq  INTEGER PRIMARY KEY AUTOINCREMENT,
	id   TEXT NOT NULL UNIQUE REFERENCES intents (id),
	body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TRIGGER intents_no_update BEFORE UPDATE ON intents BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
CREATE TRIGGER intents_no_delete BEFORE DELETE ON intents BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
CREATE TRIGGER intents_no_replace BEFORE INSERT ON intents WHEN EXISTS (SELECT 1 FROM intents WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
CREATE TRIGGER outcomes_no_update BEFORE UPDATE ON outcomes BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
CREATE TRIGGER outcomes_no_delete BEFORE DELETE ON outcomes BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
CREATE TRIGGER outcomes_no_replace BEFORE INSERT ON outcomes WHEN EXISTS (SELECT 1 FROM outcomes WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;

CREATE TABLE overlay (
	tenant        TEXT NOT NULL,
	client        TEXT NOT NULL,
	resource_type TEXT NOT NULL,
	key           TEXT NOT NULL,
	attr          TEXT NOT NULL,
	value         TEXT NOT NULL,
	PRIMARY KEY (tenant, client, resource_type, key, attr)
) STRICT, WITHOUT ROWID;
CREATE INDEX overlay_by_value ON overlay (tenant, client, resource_type, attr, value);
CREATE INDEX overlay_by_key ON overlay (tenant, resource_type, key);
`}

func migrate(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("the file is of version %d, and this program knows versions up to %d: a newer one wrote it", version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		if err := upgrade(ctx, db, version); err != nil {
			return fmt.Errorf("upgrading from version %d: %w", version, err)
		}
	}
	return nil
}

// upgrade takes one step, whole or not at all.
func upgrade(ctx context.Context, db *sql.DB, from int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, migrations[from]); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", from+1)); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
