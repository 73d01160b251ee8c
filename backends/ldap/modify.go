package ldap

import (
	"context"
	"errors"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Modify changes one record in one operation and gives it as it is then. The post-read control (RFC 4527) makes that one round trip.
func (c *class) Modify(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
	none := backends.Record{}
	in, err := c.d.contact(ctx)
	if err != nil {
		return none, err
	}
	changes = in.effective(changes)
	if password, alone := passwordChange(changes); password != nil {
		if !alone {
			return none, &backends.Error{Kind: backends.ErrInvalid, Attr: password.Attr, Detail: "A password is set by an operation of its own."}
		}
		if err := c.setPassword(ctx, in, key, *password, cond); err != nil {
			return none, err
		}
		return c.fetchOne(ctx, in, key, want)
	}
	if len(changes) == 0 {
		if _, err := c.check(ctx, in, key, cond); err != nil {
			return none, err
		}
		return c.fetchOne(ctx, in, key, want)
	}
	v := c.view(in, want)
	after, err := c.write(ctx, key, cond, operation{
		name: "modify",
		do: func(lc *goldap.Conn, t target) (*goldap.Entry, error) {
			req := goldap.NewModifyRequest(t.dn, t.controls)
			if in.control(oidPostRead) {
				req.Controls = append(req.Controls, postRead(v.request))
			}
			addChanges(req, changes)
			answer, err := lc.ModifyWithResult(req)
			if err != nil {
				return nil, err
			}
			return entryAfter(answer.Controls)
		},
		happened: func(ctx context.Context) (bool, error) { return c.modified(ctx, in, key, changes, cond) },
	})
	if err != nil {
		return none, err
	}
	if after != nil {
		if r, ok := v.record(after); ok {
			c.names.put(r.Key, r.Name)
			return r, nil
		}
	}
	r, err := c.fetchOne(ctx, in, key, want)
	if errors.Is(err, backends.ErrNotFound) {
		// The change itself took the entry out of the scope; it was made all the same.
		return backends.Record{Key: key}, nil
	}
	return r, err
}

// effective leaves out what means nothing: an empty string is no value, so replacing by it takes the attribute away.
func (in *info) effective(changes []backends.Change) []backends.Change {
	var kept []backends.Change
	for _, ch := range changes {
		if ch.Op == backends.SetPassword {
			kept = append(kept, ch)
			continue
		}
		given := len(ch.Values)
		ch.Values = in.distinct(ch.Attr, ch.Values)
		switch {
		case ch.Op == backends.Add && len(ch.Values) == 0:
		case ch.Op == backends.Remove && len(ch.Values) == 0 && given > 0:
		default:
			kept = append(kept, ch)
		}
	}
	return kept
}

func addChanges(req *goldap.ModifyRequest, changes []backends.Change) {
	for _, ch := range changes {
		switch ch.Op {
		case backends.Add:
			req.Add(ch.Attr, texts(ch.Values))
		case backends.Remove:
			req.Delete(ch.Attr, texts(ch.Values))
		case backends.Replace:
			req.Replace(ch.Attr, texts(ch.Values))
		case backends.SetPassword:
		}
	}
}

// modified says whether the entry is as the changes leave it, and no longer as it was.
func (c *class) modified(ctx context.Context, in *info, key backends.Key, changes []backends.Change, cond backends.Condition) (bool, error) {
	attrs := make([]string, len(changes))
	for i, ch := range changes {
		attrs[i] = ch.Attr
	}
	r, err := c.fetchOne(ctx, in, key, attrs)
	if err != nil || (cond.Version != "" && r.Version == cond.Version) {
		return false, err
	}
	for i, ch := range changes {
		if !in.done(r.Attrs[ch.Attr], ch, changes[i+1:]) {
			return false, nil
		}
	}
	return true, nil
}

// done says whether values are as a change leaves them, as far as later changes of the attribute let that be seen.
func (in *info) done(values backends.Values, ch backends.Change, later []backends.Change) bool {
	for _, other := range later {
		if strings.EqualFold(other.Attr, ch.Attr) {
			return true
		}
	}
	for _, v := range ch.Values {
		if in.holds(ch.Attr, values, v) == (ch.Op == backends.Remove) {
			return false
		}
	}
	switch ch.Op {
	case backends.Replace:
		return len(values) == len(ch.Values)
	case backends.Remove:
		return len(ch.Values) > 0 || len(values) == 0
	case backends.Add, backends.SetPassword:
	}
	return true
}

// passwordChange finds the change that sets a password; alone says that there is no other.
func passwordChange(changes []backends.Change) (password *backends.Change, alone bool) {
	for i := range changes {
		if changes[i].Op == backends.SetPassword {
			return &changes[i], len(changes) == 1
		}
	}
	return nil, false
}

// setPassword sets a password so that the directory hashes it and applies its policy (RFC 3062). A server without that operation gets the
// attribute replaced, and does with it what it does.
func (c *class) setPassword(ctx context.Context, in *info, key backends.Key, ch backends.Change, cond backends.Condition) error {
	if len(ch.Values) != 1 || valueText(ch.Values[0]) == "" {
		return &backends.Error{Kind: backends.ErrInvalid, Attr: ch.Attr, Detail: "An empty password is never set."}
	}
	secret := valueText(ch.Values[0])
	if !in.extension(oidPasswordModify) {
		return c.replacePassword(ctx, key, ch.Attr, secret, cond)
	}
	_, err := c.write(ctx, key, cond, operation{
		name: "password modify", unguarded: true,
		do: func(lc *goldap.Conn, t target) (*goldap.Entry, error) {
			_, err := lc.Extended(goldap.NewExtendedRequest(oidPasswordModify, passwordRequest(t.dn, secret)))
			return nil, err
		},
	})
	return blamePassword(err, ch.Attr)
}

func (c *class) replacePassword(ctx context.Context, key backends.Key, attr, secret string, cond backends.Condition) error {
	c.d.mu.Lock()
	c.d.once("the directory lacks the password operation (RFC 3062): passwords are written to " + attr + " as they are, and hashed only if the server does so")
	c.d.mu.Unlock()
	_, err := c.write(ctx, key, cond, operation{
		name: "password replace",
		do: func(lc *goldap.Conn, t target) (*goldap.Entry, error) {
			req := goldap.NewModifyRequest(t.dn, t.controls)
			req.Replace(attr, []string{secret})
			return nil, lc.Modify(req)
		},
	})
	return blamePassword(err, attr)
}

// passwordRequest is PasswdModifyRequestValue of RFC 3062 §2.1.
func passwordRequest(dn, secret string) *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "PasswdModifyRequestValue")
	p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, dn, "userIdentity"))
	p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 2, secret, "newPasswd"))
	return p
}

// blamePassword: what the directory holds against a password, it holds against this attribute.
func blamePassword(err error, attr string) error {
	var said *backends.Error
	if !errors.As(err, &said) || !errors.Is(err, backends.ErrInvalid) {
		return err
	}
	copied := *said
	copied.Attr, copied.Detail = attr, "The directory's password policy refuses this password."
	return &copied
}
