package ldap

import (
	"context"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

// The contract, held by real slapd servers and by the embedded one.

func attrsUnderTest() backendtest.Attrs {
	return backendtest.Attrs{
		Base: backends.Attributes{"objectClass": backends.Strings("inetOrgPerson", "shadowAccount"), "cn": backends.Strings("Somebody")},
		Name: "uid", Must: "sn", Text: "title", Exact: "labeledURI", Multi: "description", Int: "shadowMax", Ref: "seeAlso",
		Binary: "jpegPhoto", Password: "userPassword",
	}
}

const guarded = "guarded"

// place is an empty class in a branch of its own. Its records have a surname and are not of employeeType "outside".
func (b *branch) place(t testing.TB) backendtest.Place {
	t.Helper()
	at := func(filter string) backends.Open {
		return backends.Open{
			At:      parse(t, "{base: '"+b.base+"', filter: '"+filter+"'}"),
			Protect: nodes(t, "(employeeType="+guarded+")"),
		}
	}
	open := func(d *Directory, filter string) backends.Backend {
		c, err := d.Open(at(filter))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const inScope = "(&(objectClass=inetOrgPerson)(!(employeeType=outside)))"
	second, _ := openDirectory(t, b.url, nil)
	p := backendtest.Place{Backend: open(b.dir, inScope), Second: open(second, inScope)}
	everything := open(b.dir, "")
	create := func(ctx context.Context, id, kind string) (backends.Record, error) {
		attrs := personAttrs(id)
		attrs["employeeType"] = backends.Strings(kind)
		return everything.Create(ctx, template("uid=", id, ","+b.base), attrs, nil)
	}
	p.Outside = func(ctx context.Context, id string) (backends.Key, string, error) {
		r, err := create(ctx, id, "outside")
		return r.Key, r.Name, err
	}
	p.Beyond = func(id string) (string, backends.Template) {
		place := "ou=beyond-" + strings.TrimPrefix(strings.Split(b.base, ",")[0], "ou=") + "," + suffix
		ensure(t, b.lc, place, map[string][]string{"objectClass": {"organizationalUnit"}})
		t.Cleanup(func() { (&branch{lc: b.lc, base: place}).clear(t) })
		return place, template("uid=", id, ","+place)
	}
	p.Protected = func(ctx context.Context, id string) (backends.Key, error) {
		r, err := create(ctx, id, guarded)
		return r.Key, err
	}
	return p
}

func runContract(t *testing.T, attrs backendtest.Attrs, open func(t testing.TB) *branch) {
	t.Helper()
	var current *branch
	backendtest.Run(t, backendtest.Harness{
		Open: func(t testing.TB) backendtest.Place {
			current = open(t)
			return current.place(t)
		},
		Name:  func(id string) backends.Template { return template("uid=", id, ","+current.base) },
		Attrs: attrs,
		Many:  1200,
	})
}

func TestContractOnSlapdWithOverlays(t *testing.T) {
	attrs := attrsUnderTest()
	attrs.Time, attrs.Bool = "pwdAccountLockedTime", "pwdReset"
	runContract(t, attrs, func(t testing.TB) *branch { return newBranch(t, servers.overlays) })
}

func TestContractOnPlainSlapd(t *testing.T) {
	runContract(t, attrsUnderTest(), func(t testing.TB) *branch { return newBranch(t, servers.plain) })
}

func TestContractOnEmbedded(t *testing.T) {
	attrs := attrsUnderTest()
	attrs.Time, attrs.Bool = "pwdAccountLockedTime", "pwdReset"
	runContract(t, attrs, func(t testing.TB) *branch {
		server := startEmbedded(t, func(c *embedded.Config) { c.MemberOf, c.RefInt, c.HashPasswords = true, true, true })
		return newBranch(t, "ldap://"+server.Addr())
	})
}

func TestWithoutAVersionAttributeThereAreNoVersions(t *testing.T) {
	b := newBranch(t, startEmbedded(t, nil).URL())
	b.person(t, "ann", nil)
	for at, versioned := range map[string]bool{"": true, ", version: ''": false} {
		opened, err := b.dir.Open(backends.Open{At: parse(t, "{base: '"+b.base+"', filter: '(uid=ann)'"+at+"}")})
		if err != nil {
			t.Fatal(err)
		}
		if opened.Capabilities().Versioned != versioned {
			t.Errorf("%q: Versioned is %v", at, !versioned)
		}
		for r, err := range opened.Walk(t.Context(), backends.Query{}) {
			if err != nil || (r.Version != "") != versioned {
				t.Errorf("%q: version %q, %v", at, r.Version, err)
			}
		}
	}
}

func startEmbedded(t testing.TB, edit func(*embedded.Config)) *embedded.Server {
	t.Helper()
	config := embedded.Config{AdminPassword: password}
	if edit != nil {
		edit(&config)
	}
	server, err := embedded.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}
