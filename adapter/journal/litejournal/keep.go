package litejournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// Keep takes over what another journal was told, in one transaction.
func (j *Journal) Keep(ctx context.Context, entries []journal.Entry) (map[int]error, error) {
	unfit := map[int]error{} // read only when the transaction is over
	err := j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		for i, e := range entries {
			err := j.keep(ctx, conn, e)
			switch {
			case errors.Is(err, journal.ErrConflict), errors.Is(err, journal.ErrNoIntent):
				unfit[i] = err
			case err != nil:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return unfit, nil
}

func (j *Journal) keep(ctx context.Context, conn *sql.Conn, e journal.Entry) error {
	if e.Intent != nil {
		in := *e.Intent
		in.Noted = in.Noted || e.Outcome != nil
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("an intent that cannot be written down: %w", err)
		}
		added, err := appendOnce(ctx, conn, "intents", e.ID, string(body))
		if err != nil {
			return err
		}
		if added && e.Outcome == nil {
			if err := j.use(ctx, conn, in); err != nil {
				return err
			}
		}
	}
	if e.Outcome == nil {
		return nil
	}
	body, err := json.Marshal(e.Outcome)
	if err != nil {
		return fmt.Errorf("an outcome that cannot be written down: %w", err)
	}
	switch _, found, err := lookup(ctx, conn, "intents", e.ID); {
	case err != nil:
		return away(err)
	case !found:
		return fmt.Errorf("%w: %q", journal.ErrNoIntent, e.ID)
	}
	_, err = appendOnce(ctx, conn, "outcomes", e.ID, string(body))
	return err
}
