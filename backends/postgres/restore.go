package postgres

import (
	"context"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Restore is not there yet.
func (c *class) Restore(context.Context, backends.Record, []string) (backends.Record, []string, error) {
	return backends.Record{}, nil, &backends.Error{Kind: backends.ErrRefused, Detail: "Rows cannot be restored yet."}
}
