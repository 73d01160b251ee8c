package backendtest

import (
	"context"
	"reflect"
	"runtime"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

const (
	people  = "ou=people,dc=example,dc=org"
	leavers = "ou=leavers,dc=example,dc=org"
	guarded = "guarded"
)

// uidTemplate is uid={id},base.
func uidTemplate(id, base string) backends.Template {
	return backends.Template{{Text: "uid="}, {Slot: true, Value: backends.String(id)}, {Text: "," + base}}
}

// memoryPlace is an empty class of a Memory of its own; wrap may plant a fault in it.
func memoryPlace(wrap func(*Memory, backends.Backend) backends.Backend) Place {
	m := NewMemory()
	m.Must = []string{"uid", "sn"}
	b := m.Class(Class{
		Base:    people,
		Where:   backends.Present{Attr: "sn"},
		Protect: backends.Eq{Attr: "employeeType", Value: backends.String(guarded), Rule: backends.CaseIgnoreSpace},
	})
	elsewhere := m.Class(Class{Base: leavers})
	if wrap != nil {
		b = wrap(m, b)
	}
	make := func(ctx context.Context, in backends.Backend, base, id, kind string) (backends.Record, error) {
		attrs := backends.Attributes{"uid": backends.Strings(id), "sn": backends.Strings("Other"), "employeeType": backends.Strings(kind)}
		return in.Create(ctx, uidTemplate(id, base), attrs, nil)
	}
	return Place{
		Backend: b,
		Outside: func(ctx context.Context, id string) (backends.Key, string, error) {
			rec, err := make(ctx, elsewhere, leavers, id, "leaver")
			return rec.Key, rec.Name, err
		},
		Protected: func(ctx context.Context, id string) (backends.Key, error) {
			rec, err := make(ctx, b, people, id, guarded)
			return rec.Key, err
		},
		Break: func() func() {
			m.SetAway(true)
			return func() { m.SetAway(false) }
		},
	}
}

func memoryHarness(wrap func(*Memory, backends.Backend) backends.Backend) Harness {
	return Harness{
		Open: func(testing.TB) Place { return memoryPlace(wrap) },
		Name: func(id string) backends.Template { return uidTemplate(id, people) },
		Attrs: Attrs{
			Base: backends.Attributes{"objectClass": backends.Strings("inetOrgPerson")},
			Name: "uid", Must: "sn", Text: "title", Exact: "gecos", Multi: "description", Int: "uidNumber", Time: "pwdAccountLockedTime", Bool: "pwdReset",
			Ref: "seeAlso", Binary: "jpegPhoto", Password: "userPassword",
		},
		Many: 1500,
	}
}

func TestMemory(t *testing.T) { Run(t, memoryHarness(nil)) }

// funcName names a check's function.
func funcName(f func(*suite) error) string {
	return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
}
