package ldap

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

// The diagnostics are slapd's own, as it gave them for these mistakes.
func TestTranslate(t *testing.T) {
	for claim, tc := range map[string]struct {
		code       uint16
		diagnostic string
		kind       error
		attr       string
		detail     string
	}{
		"no such entry":                {32, "", backends.ErrNotFound, "", "no such entry"},
		"a name that is taken":         {68, "", backends.ErrExists, "", "of this name"},
		"a unique value that is taken": {19, "non-unique attributes found with (&(objectClass=inetOrgPerson)(|(uid=A)(uid=b)))", backends.ErrExists, "uid", "the value of uid"},
		"a password policy":            {19, "Password fails quality checking policy", backends.ErrInvalid, "", "password policy"},
		"too many values":              {19, "employeeNumber: multiple values provided", backends.ErrInvalid, "employeeNumber", "one value at most"},
		"the server's own attribute":   {19, "entryUUID: no user modification allowed", backends.ErrInvalid, "entryUUID", "maintains"},
		"a value that is there":        {20, "modify/add: uid: value #0 already exists", backends.ErrNoEffect, "uid", "already holds"},
		"a value twice":                {20, "cn: value #0 provided more than once", backends.ErrInvalid, "cn", "more than once"},
		"a value that is not there":    {16, "modify/delete: description: no such value", backends.ErrNoEffect, "description", ""},
		"a syntax":                     {21, "mail: value #0 invalid per syntax", backends.ErrInvalid, "mail", "syntax"},
		"an attribute not allowed":     {65, "attribute 'uidNumber' not allowed", backends.ErrInvalid, "uidNumber", "does not allow the attribute uidNumber"},
		"an attribute demanded":        {65, "object class 'inetOrgPerson' requires attribute 'sn'", backends.ErrInvalid, "sn", "demands the attribute sn"},
		"an attribute unknown":         {17, "nosuch: attribute type undefined", backends.ErrInvalid, "nosuch", "schema"},
		"the naming attribute":         {64, "value of naming attribute 'uid' is not present in entry", backends.ErrInvalid, "uid", "name"},
		"the RDN":                      {67, "", backends.ErrInvalid, "", "renaming"},
		"the class of an entry":        {69, "", backends.ErrInvalid, "", "kind"},
		"no right":                     {50, "no write access to entry", backends.ErrRefused, "", "no right"},
		"not willing":                  {53, "shadow context; no update referral", backends.ErrRefused, "", "not willing"},
		"elsewhere":                    {10, "", backends.ErrRefused, "", "another server"},
		"children":                     {66, "", backends.ErrRefused, "", "below"},
		"an assertion":                 {122, "", backends.ErrChanged, "", "as it was read"},
		"too much":                     {4, "", backends.ErrTooMany, "", ""},
		"too long":                     {3, "", backends.ErrTooMany, "", ""},
		"an administrator's limit":     {11, "", backends.ErrTooMany, "", ""},
		"busy":                         {51, "", backends.ErrUnavailable, "", "at the moment"},
		"shutting down":                {52, "", backends.ErrUnavailable, "", ""},
		"broken inside":                {80, "internal error", backends.ErrUnavailable, "", ""},
		"a code of the future":         {4242, "", backends.ErrUnavailable, "", ""},
	} {
		err := translate(&goldap.Error{ResultCode: tc.code, Err: errors.New(tc.diagnostic)})
		var said *backends.Error
		if !errors.As(err, &said) || !errors.Is(err, tc.kind) || said.Attr != tc.attr || !strings.Contains(said.Detail, tc.detail) || said.Detail == "" {
			t.Errorf("%s: %#v", claim, err)
			continue
		}
		if tc.diagnostic != "" && strings.Contains(said.Detail, tc.diagnostic) {
			t.Errorf("%s: the server's own text reaches the client: %s", claim, said.Detail)
		}
	}
}

func TestBlameNeverShowsAValue(t *testing.T) {
	for _, diagnostic := range []string{
		"non-unique attributes found with (|(geheim)(x=y))", "attribute 'a b' not allowed", "<script>: value #0 invalid per syntax", "x: y", "",
	} {
		if got := blamed(diagnostic); got != "" && got != "x" {
			t.Errorf("%q blames %q", diagnostic, got)
		}
	}
}

// TestNotSent holds go-ldap to the text by which a request that was never sent is known.
func TestNotSent(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _ = there.Close() }()
	lc := goldap.NewConn(here, false)
	lc.Start()
	_ = lc.Close()
	if err := lc.Del(goldap.NewDelRequest("cn=x", nil)); !notSent(err) || !broken(err) {
		t.Errorf("on a closed connection: %v", err)
	}
	c := &conn{ldap: lc, sock: &socket{Conn: here}}
	c.close()
	c.ops.Wait() // from here on nothing may be begun
	_, err := run(t.Context(), c, func(context.Context, *goldap.Conn) (struct{}, error) {
		t.Error("an operation was begun on a closed connection")
		return struct{}{}, nil
	})
	if !notSent(err) || !broken(err) {
		t.Errorf("on a connection that we closed: %v", err)
	}
	for _, err := range []error{nil, errors.New("EOF"), &goldap.Error{ResultCode: goldap.ErrorNetwork, Err: errors.New("ldap: response channel closed")}} {
		if notSent(err) {
			t.Errorf("%v counts as not sent", err)
		}
	}
}

func TestWhatTheServerAnswersReachesTheCaller(t *testing.T) {
	server, b, c := faulty(t)
	key := b.person(t, "p", nil)
	for claim, tc := range map[string]struct {
		fault embedded.Fault
		kind  error
	}{
		"a referral":  {embedded.Fault{Code: embedded.Referral, Referral: []string{"ldap://other/"}}, backends.ErrRefused},
		"no right":    {embedded.Fault{Code: embedded.InsufficientAccessRights}, backends.ErrRefused},
		"busy":        {embedded.Fault{Code: embedded.Busy}, backends.ErrUnavailable},
		"shut down":   {embedded.Fault{Code: embedded.Unavailable}, backends.ErrUnavailable},
		"own failure": {embedded.Fault{Code: embedded.Other}, backends.ErrUnavailable},
	} {
		tc.fault.Op, tc.fault.Times = embedded.Modify, 1
		inject(t, server, tc.fault)
		if _, err := c.Modify(t.Context(), key, replaceSN("x"), backends.Condition{}, nil); !errors.Is(err, tc.kind) {
			t.Errorf("modify, %s: %v", claim, err)
		}
		tc.fault.Op = embedded.Search
		inject(t, server, tc.fault)
		for _, err := range c.Walk(t.Context(), backends.Query{}) {
			if !errors.Is(err, tc.kind) {
				t.Errorf("walk, %s: %v", claim, err)
			}
		}
	}
	nowhere := openClass(t, b.dir, "ou=nowhere,"+suffix, "")
	if _, err := nowhere.Fetch(t.Context(), []backends.Key{key}, nil); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("a base that is not there: %v", err)
	}
}

func TestALimitOfTheServerIsNotAnEnd(t *testing.T) {
	server := startEmbedded(t, func(c *embedded.Config) { c.SizeLimit = 5 })
	b := newBranch(t, "ldap://"+server.Addr())
	c := b.open(t, "(objectClass=inetOrgPerson)")
	var keys []backends.Key
	for i := range 8 {
		keys = append(keys, b.person(t, string(rune('a'+i)), nil))
	}
	if _, err := c.Fetch(t.Context(), keys, nil); !errors.Is(err, backends.ErrTooMany) {
		t.Errorf("fetching more than the server gives: %v", err)
	}
	n, last := 0, error(nil)
	for _, err := range c.Walk(t.Context(), backends.Query{}) {
		if last = err; err == nil {
			n++
		}
	}
	if n < 8 && !errors.Is(last, backends.ErrTooMany) {
		t.Errorf("walking ends after %d of 8 with %v", n, last)
	}
}
