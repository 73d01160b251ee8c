package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/backends"
)

// held is a release at work: a record of another table, or of the same one, that is to let go of one that is deleted.
type held struct {
	said      *backends.Release
	c         *class
	s         *shape
	effective []backends.Change // of the last attempt
}

// holders finds the classes that releases are of. They come in the same order for everybody: two who delete what the same records point at do not wait for each
// other in a circle.
func (c *class) holders(release []*backends.Release) ([]*held, error) {
	var all []*held
	for _, r := range release {
		from, ours := r.From.(*class)
		switch {
		case !ours || from.d != c.d || from.tenant != c.tenant:
			return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "Only records of the same database, and of the same tenant, can let go along with a delete."}
		case from.at.ReadOnly:
			return nil, errReadOnly
		}
		all = append(all, &held{said: r, c: from})
	}
	slices.SortStableFunc(all, func(a, b *held) int {
		return cmp.Or(cmp.Compare(a.c.at.Table, b.c.at.Table), cmp.Compare(a.said.Key, b.said.Key))
	})
	return all, nil
}

// release makes a record let go, if it is (still) there.
func (tx *transaction) release(ctx context.Context, h *held) error {
	h.effective = nil
	sub := &transaction{c: h.c, s: h.s, conn: tx.conn, begun: tx.begun}
	defer func() { tx.begun = sub.begun }()
	_, err := sub.take(ctx, h.said.Key, backends.Condition{}, forUpdate, nil, nil)
	if errors.Is(err, backends.ErrNotFound) {
		return nil
	}
	if err == nil {
		h.effective, err = sub.effective(ctx, h.said.Key, h.said.Changes)
	}
	if err != nil || len(h.effective) == 0 {
		return sub.said(err)
	}
	changes, err := h.c.prepare(h.effective)
	if err != nil {
		return err
	}
	_, err = sub.modify(ctx, h.said.Key, changes, backends.Condition{}, nil)
	return sub.said(err)
}

// said is what is wrong as the tables of this class explain it: those of the record that is deleted could not. What else is in it is still there to be found.
func (tx *transaction) said(err error) error {
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		return tx.c.d.translate(err, tx.s)
	}
	return err
}

// effective leaves out the values of which the changes are true already. The record's row is taken.
func (tx *transaction) effective(ctx context.Context, key backends.Key, changes []backends.Change) ([]backends.Change, error) {
	var kept []backends.Change
	for _, ch := range changes {
		if ch.Op != backends.Add && ch.Op != backends.Remove || len(ch.Values) == 0 {
			kept = append(kept, ch.Clone())
			continue
		}
		st := &statement{}
		if err := tx.s.hasQuery(st, key, ch.Attr, ch.Values); err != nil {
			return nil, err
		}
		var values backends.Values
		err := tx.run(ctx, step{st: st, each: func(rows pgx.Rows) error {
			for i, raw := range rows.RawValues() {
				if i > 0 && (string(raw) == "true") == (ch.Op == backends.Remove) {
					values = append(values, ch.Values[i-1])
				}
			}
			return nil
		}})
		if err != nil {
			return nil, err
		}
		if len(values) > 0 {
			kept = append(kept, backends.Change{Op: ch.Op, Attr: ch.Attr, Values: values})
		}
	}
	return kept, nil
}

// firstOf: whether the record is there, and as it was read, counts more than what is wrong with those that point at it. What the database itself said has
// ended the transaction.
func (tx *transaction) firstOf(ctx context.Context, key backends.Key, cond backends.Condition, wrong error) error {
	if _, ok := errors.AsType[*pgconn.PgError](wrong); ok {
		return wrong
	}
	if _, err := tx.take(ctx, key, cond, forDelete, nil, nil); err != nil {
		return err
	}
	return wrong
}
