package backendtest

import (
	"context"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Protected is backends.Reader's.
func (b *memoryClass) Protected(ctx context.Context, key backends.Key) (bool, error) {
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	if err := b.ready(ctx); err != nil {
		return false, err
	}
	r, err := b.find(key)
	return err == nil && b.m.match(b.c.Protect, r), err
}
