package backendtest

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strconv"
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
func memoryPlace(wrap planter) Place {
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
		Beyond: func(id string) (string, backends.Template) { return leavers, uidTemplate(id, leavers) },
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

func memoryHarness(wrap planter) Harness {
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

func TestMemoryLikeTables(t *testing.T) { Run(t, tablesHarness(nil)) }

// tablesPlace is an empty class of a Memory that is like tables; wrap may plant a fault in it.
func tablesPlace(wrap planter) Place {
	m := newTables()
	leaver := backends.Eq{Attr: "employeeType", Value: backends.String("leaver"), Rule: backends.CaseIgnoreSpace}
	guard := backends.Eq{Attr: "employeeType", Value: backends.String(guarded), Rule: backends.CaseIgnoreSpace}
	scope := Class{Where: backends.Not{Term: leaver}, Protect: guard}
	class := func() backends.Backend {
		if wrap == nil {
			return m.Class(scope)
		}
		return wrap(m, m.Class(scope))
	}
	b := class()
	everything := m.Class(Class{})
	make := func(ctx context.Context, id, kind string) (backends.Record, error) {
		attrs := backends.Attributes{"uid": backends.Strings(id), "sn": backends.Strings("Other"), "employeeType": backends.Strings(kind)}
		return everything.Create(ctx, nil, attrs, nil)
	}
	scope.ReadOnly = true
	return Place{
		Backend:  b,
		ReadOnly: class(),
		Outside: func(ctx context.Context, id string) (backends.Key, string, error) {
			rec, err := make(ctx, id, "leaver")
			return rec.Key, rec.Name, err
		},
		Protected: func(ctx context.Context, id string) (backends.Key, error) {
			rec, err := make(ctx, id, guarded)
			return rec.Key, err
		},
		Break: func() func() {
			m.SetAway(true)
			return func() { m.SetAway(false) }
		},
		Plant: func(_ context.Context, key backends.Key, place, json string) error { return m.Plant(key, place, json) },
		Dig:   func(_ context.Context, key backends.Key, place string) (string, error) { return m.Dig(key, place) },
	}
}

func tablesHarness(wrap planter) Harness {
	h := memoryHarness(nil)
	h.Open = func(testing.TB) Place { return tablesPlace(wrap) }
	h.Name = nil
	h.Attrs.Base, h.Attrs.Ref = nil, ""
	h.Attrs.Members = "likes"
	h.Attrs.Rows = Rows{Attr: "emails", Text: "address", Kind: "kind", Bool: "main"}
	h.Attrs.Doc = Doc{Text: "data.name.first", Bool: "data.flags.on", Int: `data."urn:x:y".count`, Texts: "data.tags", Objects: "data.posts"}
	return h
}

// funcName names a check's function.
func funcName(f func(*suite) error) string {
	return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
}

func TestANumberedMemorySeeks(t *testing.T) {
	m := NewMemory()
	m.Numbered = true
	b := m.Class(Class{Base: people})
	var keys []string
	for i := range 12 {
		rec, err := b.Create(t.Context(), uidTemplate("p"+strconv.Itoa(i), people), backends.Attributes{"sn": backends.Strings("x")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, string(rec.Key))
	}
	if slices.IsSorted(keys) || !b.Capabilities().Seeks {
		t.Fatalf("the keys %q are in the order of their texts", keys)
	}
	gone := keys[5]
	if err := b.Delete(t.Context(), backends.Key(gone), backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	left := slices.Delete(slices.Clone(keys), 5, 6)
	back := slices.Clone(left)
	slices.Reverse(back)
	for name, c := range map[string]struct {
		q    backends.Query
		want []string
	}{
		"all":                             {backends.Query{}, left},
		"behind a key":                    {backends.Query{After: backends.Key(keys[3]), Limit: 2}, []string{keys[4], keys[6]}},
		"behind a key that is gone":       {backends.Query{After: backends.Key(gone), Limit: 2}, []string{keys[6], keys[7]}},
		"some are left out":               {backends.Query{Skip: 2, Limit: 2}, []string{keys[2], keys[3]}},
		"more than there are":             {backends.Query{Skip: 12}, nil},
		"backwards":                       {backends.Query{Reverse: true}, back},
		"backwards from one on":           {backends.Query{Reverse: true, After: backends.Key(keys[2])}, []string{keys[1], keys[0]}},
		"backwards from one that is gone": {backends.Query{Reverse: true, After: backends.Key(gone), Skip: 1, Limit: 1}, []string{keys[3]}},
		"behind the last":                 {backends.Query{After: backends.Key(keys[11])}, nil},
		"what is left out fits":           {backends.Query{Where: backends.Not{Term: backends.KeyIn{Keys: []backends.Key{backends.Key(keys[0])}}}, Skip: 1, Limit: 1}, []string{keys[2]}},
	} {
		var got []string
		for rec, err := range b.Walk(t.Context(), c.q) {
			if err != nil {
				t.Fatal(name, err)
			}
			got = append(got, string(rec.Key))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatAMemoryCannotSeekIsRefused(t *testing.T) {
	plain, numbered := NewMemory(), NewMemory()
	numbered.Numbered = true
	for name, c := range map[string]struct {
		m *Memory
		q backends.Query
	}{
		"a directory that does not seek": {plain, backends.Query{Reverse: true}},
		"a key that cannot be one":       {numbered, backends.Query{After: "nonsense"}},
		"in another order":               {numbered, backends.Query{Skip: 1, Sort: &backends.Sort{Attr: "uid", Rule: backends.CaseIgnoreSpace}}},
		"less than none":                 {numbered, backends.Query{Skip: -1}},
	} {
		refused := 0
		for _, err := range c.m.Class(Class{}).Walk(t.Context(), c.q) {
			if !errors.Is(err, backends.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
			refused++
		}
		if refused != 1 {
			t.Errorf("%s: %d answers", name, refused)
		}
	}
}
