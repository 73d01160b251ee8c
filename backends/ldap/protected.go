package ldap

import (
	"context"
	"errors"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Protected asks what a write would assert.
func (c *class) Protected(ctx context.Context, key backends.Key) (bool, error) {
	in, err := c.d.contact(ctx)
	if err != nil {
		return false, err
	}
	if _, err := c.fetchOne(ctx, in, key, nil); err != nil {
		return false, err
	}
	err = c.checkProtected(ctx, in, key)
	if errors.Is(err, errProtected) {
		return true, nil
	}
	return false, err
}
