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
`, `
-- What a Filter asks for. Times are in seconds here: texts of times do not sort.
CREATE INDEX intents_by_time ON intents (CAST(strftime('%s', body ->> '$.time') AS INTEGER));
CREATE INDEX intents_by_resource ON intents (body ->> '$.resource_id');
CREATE INDEX outcomes_by_resource ON outcomes (body ->> '$.resource_id');
CREATE INDEX intents_by_request ON intents (body ->> '$.request_id');
CREATE INDEX intents_by_undone ON intents (body ->> '$.undoes') WHERE body ->> '$.undoes' IS NOT NULL;

CREATE TABLE aliases (
	tenant        TEXT NOT NULL,
	resource_type TEXT NOT NULL,
	id            TEXT NOT NULL,
	key           TEXT NOT NULL,
	PRIMARY KEY (tenant, resource_type, id),
	UNIQUE (tenant, resource_type, key)
) STRICT, WITHOUT ROWID;

-- The guard: what was used, what was approved beyond it, and from when on it counts anew. Times are microseconds since 1970.
CREATE TABLE guard_uses (
	tenant TEXT NOT NULL,
	kind   TEXT NOT NULL,
	client TEXT NOT NULL,
	amount INTEGER NOT NULL CHECK (amount > 0),
	time   INTEGER NOT NULL,
	id     TEXT NOT NULL REFERENCES intents (id)
) STRICT;
CREATE INDEX guard_uses_by_time ON guard_uses (tenant, kind, time, client, amount);
CREATE TABLE guard_approvals (
	tenant      TEXT NOT NULL,
	kind        TEXT NOT NULL,
	client      TEXT NOT NULL, -- '': the limit of all clients together
	count       INTEGER NOT NULL CHECK (count > 0),
	time        INTEGER NOT NULL,
	until       INTEGER NOT NULL,
	approved_by TEXT NOT NULL
) STRICT;
CREATE INDEX guard_approvals_by_end ON guard_approvals (tenant, kind, until);
CREATE TABLE guard_resets (
	tenant TEXT NOT NULL,
	kind   TEXT NOT NULL,
	client TEXT NOT NULL, -- '': all of them
	time   INTEGER NOT NULL
) STRICT;
CREATE INDEX guard_resets_by_time ON guard_resets (tenant, kind, time);
`, `
-- What nothing came of is given back.
CREATE INDEX guard_uses_by_id ON guard_uses (id);
`}

// migrate makes a file as new as this program, if it may.
func migrate(ctx context.Context, db *sql.DB, may bool) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("the file is of version %d, and this program knows versions up to %d: a newer one wrote it", version, len(migrations))
	}
	if version < len(migrations) && !may {
		return fmt.Errorf("the file is of version %d, and this program writes version %d: start the adapter of this version first", version, len(migrations))
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
