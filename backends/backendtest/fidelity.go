package backendtest

import (
	"fmt"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// fidelity is how truly a backend answers a whole predicate: what it says of the leaves, put together.
func fidelity(b backends.Reader, p backends.Predicate) backends.Fidelity {
	return ofSimple(b, backends.Simplify(p))
}

func ofSimple(b backends.Reader, p backends.Predicate) backends.Fidelity {
	switch p := p.(type) {
	case backends.True, backends.False:
		return backends.Exact
	case backends.And:
		return weakest(b, p)
	case backends.Or:
		return weakest(b, p)
	case backends.Not:
		switch f := ofSimple(b, p.Term); f {
		case backends.Subset:
			return backends.Superset
		case backends.Superset:
			return backends.Subset
		default:
			return f
		}
	}
	return b.Fidelity(p)
}

// weakest of several terms: too few here and too many there is neither.
func weakest(b backends.Reader, terms []backends.Predicate) backends.Fidelity {
	f := backends.Exact
	for _, term := range terms {
		switch g := ofSimple(b, term); {
		case g == backends.Exact || g == f:
		case f == backends.Exact:
			f = g
		default:
			return backends.No
		}
	}
	return f
}

// answers holds what the directory finds for p against what it should find, as strictly as the fidelity that it claims allows.
func (s *suite) answers(p backends.Predicate, want ...backends.Key) error {
	claimed := fidelity(s.b, p)
	if claimed == backends.No {
		return nil
	}
	got, err := s.walk(p)
	if err != nil {
		return err
	}
	want = slices.Sorted(slices.Values(want))
	wrong := func(what string, keys []backends.Key) error {
		return fmt.Errorf("Walk %s [%s], fidelity %s, %s %q", backends.Describe(p), s.b.Native(p), claimed, what, keys)
	}
	if again := len(got) - len(slices.Compact(slices.Clone(got))); again > 0 {
		return wrong("gives a record twice:", got)
	}
	if missing := without(want, got); len(missing) > 0 && claimed != backends.Subset {
		return wrong("does not find", missing)
	}
	if extra := without(got, want); len(extra) > 0 && claimed != backends.Superset {
		return wrong("wrongly finds", extra)
	}
	return nil
}

// without gives the keys of a that are not in b; b is sorted.
func without(a, b []backends.Key) []backends.Key {
	var left []backends.Key
	for _, key := range a {
		if _, found := slices.BinarySearch(b, key); !found {
			left = append(left, key)
		}
	}
	return left
}
