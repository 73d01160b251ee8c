package ldap

import (
	"context"
	"errors"
	"slices"
	"sync"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Vacant are those of the names that no entry has, in the class or out of it, as far as the account sees. What is no name in one of the server's naming contexts may be
// somebody's elsewhere, and is not among them.
func (c *class) Vacant(ctx context.Context, names []string) ([]string, error) {
	in, err := c.d.contact(ctx)
	if err != nil {
		return nil, err
	}
	var vacant []string
	var mu sync.Mutex
	err = atOnce(ctx, c.d, lookups, slices.Values(names), func(ctx context.Context, name string) error {
		if !in.serves(c.base, name) {
			return nil
		}
		req := c.search(constant(true), []string{"1.1"})
		req.BaseDN, req.Scope, req.Filter = name, goldap.ScopeBaseObject, "(objectClass=*)"
		_, err := read(ctx, c.d, func(ctx context.Context, lc *goldap.Conn) (found, error) { return search(ctx, lc, req) })
		if errors.Is(err, backends.ErrNotFound) {
			mu.Lock()
			defer mu.Unlock()
			vacant = append(vacant, name)
			return nil
		}
		return err
	})
	slices.Sort(vacant)
	return vacant, err
}

// Strays says where the entry with a key is that the class does not have: "" where no entry has it.
func (c *class) Strays(ctx context.Context, key backends.Key) (name string, err error) {
	in, err := c.d.contact(ctx)
	if err != nil {
		return "", err
	}
	return c.holderOf(ctx, in, key)
}

// serves says that a name is in a naming context of the server, or where it does not tell these, below a base.
func (in *info) serves(base, name string) bool {
	canonical, ok := canonicalDN(name)
	if !ok {
		return false
	}
	contexts := in.contexts
	if len(contexts) == 0 {
		contexts = []string{base}
	}
	return slices.ContainsFunc(contexts, func(context string) bool {
		under, ok := canonicalDN(context)
		return ok && within(canonical, under)
	})
}
