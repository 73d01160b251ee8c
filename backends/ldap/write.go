package ldap

import (
	"context"
	"errors"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A write is addressed to a DN, and the entry there may meanwhile be another. So it carries an assertion (RFC 4528) that the entry still has
// the key, is in scope, has the version and what else the condition asks, and is not protected: the server looks and writes in one step. That
// is also what makes remembered DNs safe. When the assertion fails, the entry is read to say why.
//
// A server without the control is asked first and written to afterwards: what changes in between is not seen. The password operation of RFC 3062
// takes no assertion on OpenLDAP either, and has the same window.

// target is where a write goes and what must hold there.
type target struct {
	dn       string
	controls []goldap.Control
}

// How long to look for the outcome of a write: for a caller who waits, and for one who left.
const (
	settleLimit     = 3 * time.Second
	settleLimitGone = time.Second
)

// attempts is how often a write is tried when the entry moves away under it.
const attempts = 3

// write finds the entry and does w on it under the assertion. The entry that it gives is what the server sent of the outcome; usually nil.
func (c *class) write(ctx context.Context, key backends.Key, cond backends.Condition, w operation) (*goldap.Entry, error) {
	in, err := c.d.contact(ctx)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		t, err := c.aim(ctx, in, key, cond, w.unguarded)
		if err != nil {
			return nil, err
		}
		after, err := change(ctx, c.d, func(_ context.Context, lc *goldap.Conn) (*goldap.Entry, error) { return w.do(lc, t) })
		var open *doubt
		switch {
		case err == nil:
			return after, nil
		case errors.As(err, &open):
			return nil, c.settle(ctx, w, open)
		case errors.Is(err, backends.ErrNotFound):
			// Nothing of this name: it moved, or it is gone, which the next aim will say, or the request names another entry that is not there.
			c.names.drop(key)
			if try > 1 {
				return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "The request refers to an entry that the directory does not have.", Cause: err}
			}
		case errors.Is(err, backends.ErrChanged):
			if why := c.whyNot(ctx, in, key, cond, err); why != nil {
				return nil, why
			}
			if try == attempts {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

// operation is a write.
type operation struct {
	name string
	do   func(lc *goldap.Conn, t target) (*goldap.Entry, error)
	// happened reads whether the entry is now as the operation leaves it; nil where that cannot be read.
	happened  func(ctx context.Context) (bool, error)
	unguarded bool // takes no assertion: check just before
}

// aim finds the entry's DN and makes the assertion.
func (c *class) aim(ctx context.Context, in *info, key backends.Key, cond backends.Condition, unguarded bool) (target, error) {
	asserted, exact := filter(constant(true)), true
	if cond.Assert != nil {
		asserted, exact = c.lowering(in).above(cond.Assert)
	}
	var t target
	if unguarded || !exact || !in.control(oidAssertion) {
		r, err := c.check(ctx, in, key, cond)
		if err != nil {
			return t, err
		}
		t.dn, cond.Version = r.Name, r.Version // what was read pins what the assertion cannot say
	} else if dn, known := c.names.get(key); known {
		t.dn = dn
	} else {
		r, err := c.fetchOne(ctx, in, key, nil)
		if err != nil {
			return t, err
		}
		t.dn = r.Name
	}
	if c.account != "" && sameDN(t.dn, c.account) {
		return t, errAccount
	}
	if unguarded || !in.control(oidAssertion) {
		return t, nil
	}
	f, err := c.assertion(in, key, cond.Version, asserted)
	if err != nil {
		return t, err
	}
	alone, err := c.knowsItself(ctx, in)
	if err != nil {
		return t, err
	}
	if alone {
		f = or(not(test{"entryDN", "=", t.dn}), f)
	}
	control, err := assert(f)
	if err != nil {
		return t, translate(err)
	}
	t.controls = []goldap.Control{control}
	return t, nil
}

// knowsItself says whether an assertion may except all entries but the target: (|(!(entryDN=…))(&…)).
//
// OpenLDAP 2.5 hands an operation's controls on to those that its overlays start because of it. The memberof overlay then writes memberOf
// only to members that the assertion about the group holds for, which is none, and says nothing; the unique overlay, whose search begins at
// ou=people, fails with 122. With the exception the assertion is true of everybody else. It is sound only where entryDN is understood, so
// that is tried on the base: an entry that does not answer to its own name would make the assertion void.
func (c *class) knowsItself(ctx context.Context, in *info) (bool, error) {
	if p := c.self.Load(); p != nil && p.in == in {
		return p.known, nil
	}
	a, ok := in.schema.Attribute("entryDN")
	known := ok && in.live && a.Equality != ""
	for _, try := range []struct {
		f    filter
		want int
	}{{test{"entryDN", "=", c.base}, 1}, {not(test{"entryDN", "=", c.base}), 0}} {
		if !known {
			break
		}
		req := c.search(try.f, []string{"1.1"})
		req.Scope = goldap.ScopeBaseObject
		f, err := c.find(ctx, req)
		if err != nil {
			return false, err
		}
		known = len(f.entries) == try.want
	}
	c.self.Store(&selfKnowledge{in, known})
	return known, nil
}

// selfKnowledge is what knowsItself found out about one server.
type selfKnowledge struct {
	in    *info
	known bool
}

var (
	errAccount   = &backends.Error{Kind: backends.ErrRefused, Detail: "This is the entry of the adapter's own account, which is never changed."}
	errProtected = &backends.Error{Kind: backends.ErrProtected, Detail: "The entry is protected by the mapping."}
	errChanged   = &backends.Error{Kind: backends.ErrChanged, Detail: "The entry is no longer as it was read."}
)

// assertion is what must hold of the entry at the moment of the write.
func (c *class) assertion(in *info, key backends.Key, version string, asserted filter) (filter, error) {
	is, ok := c.keyFilter(in)(key)
	if !ok {
		return nil, errGone
	}
	terms := []filter{is, c.scope.filter()}
	if version != "" {
		if c.version == "" || in.schema.Assertable(c.version, version) != nil {
			return nil, errChanged // never was a version of anything
		}
		terms = append(terms, test{c.version, "=", version})
	}
	return and(append(terms, asserted, not(c.protected()))...), nil
}

// protected is the filter of what must not be written.
func (c *class) protected() filter {
	terms := make([]filter, len(c.protect))
	for i, p := range c.protect {
		terms[i] = p.filter()
	}
	return or(terms...)
}

// check reads what an assertion would have asserted.
func (c *class) check(ctx context.Context, in *info, key backends.Key, cond backends.Condition) (backends.Record, error) {
	r, err := c.fetchOne(ctx, in, key, backends.AttrsOf(cond.Assert))
	switch {
	case err != nil:
		return r, err
	case cond.Version != "" && cond.Version != r.Version, !backends.Match(cond.Assert, r):
		return r, errChanged
	}
	return r, c.checkProtected(ctx, in, key)
}

func (c *class) checkProtected(ctx context.Context, in *info, key backends.Key) error {
	if len(c.protect) == 0 {
		return nil
	}
	// Asked the way the assertion asks it: a filter that the server cannot evaluate protects everything.
	_, err := c.fetchOne(ctx, in, key, nil, not(c.protected()))
	if errors.Is(err, backends.ErrNotFound) {
		return errProtected
	}
	return err
}

// whyNot says which part of a failed assertion does not hold; nil when all of it does by now, or the entry has moved: try again.
func (c *class) whyNot(ctx context.Context, in *info, key backends.Key, cond backends.Condition, cause error) error {
	c.names.drop(key)
	_, err := c.check(ctx, in, key, cond)
	switch {
	case errors.Is(err, backends.ErrChanged), errors.Is(err, backends.ErrRefused):
		return withCause(err, cause)
	case err != nil:
		return err
	}
	return nil
}

// withCause adds what the server said. What that was taken for is left behind: an entry that is protected has not changed since it was read.
func withCause(err, cause error) error {
	var said, taken *backends.Error
	if !errors.As(err, &said) || said.Cause != nil {
		return err
	}
	copied := *said
	copied.Cause = cause
	if errors.As(cause, &taken) && taken.Cause != nil {
		copied.Cause = taken.Cause
	}
	return &copied
}

// settle decides what became of a write that got no answer. The entry is read on another connection; only what is seen counts: that it is not
// as wanted proves nothing, since the server may still be at it.
func (c *class) settle(ctx context.Context, w operation, open *doubt) error {
	limit := settleLimit
	if ctx.Err() != nil {
		limit = settleLimitGone
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(limit, c.d.cfg.Timeout))
	defer cancel()
	if w.happened != nil {
		if done, err := w.happened(ctx); err == nil && done {
			c.d.log.Warn("a write got no answer; reading again shows that it was done", "operation", w.name, "error", open.cause)
			return nil
		}
	}
	c.d.log.Warn("a write got no answer, and whether it was done is not known", "operation", w.name, "error", open.cause)
	return &backends.Error{
		Kind: backends.ErrUnknown, Detail: "The directory did not say whether it made the change.", Cause: open.cause,
	}
}

// Delete deletes the record. LDAP has no operation on two entries.
func (c *class) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	if len(release) > 0 {
		return &backends.Error{Kind: backends.ErrInvalid, Detail: "A directory cannot change other entries along with a delete."}
	}
	_, err := c.write(ctx, key, cond, operation{
		name: "delete",
		do: func(lc *goldap.Conn, t target) (*goldap.Entry, error) {
			return nil, lc.Del(goldap.NewDelRequest(t.dn, t.controls))
		},
		happened: func(ctx context.Context) (bool, error) {
			_, err := c.fetchOne(ctx, c.d.info.Load(), key, nil)
			return errors.Is(err, backends.ErrNotFound), nil
		},
	})
	if err == nil {
		c.names.drop(key)
	}
	return err
}
