package postgres

import (
	"maps"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// difference is what several changes of one attribute come to.
type difference struct {
	removed []string         // forms of values that are there
	added   []backends.Value // that are not
	again   []backends.Value // that are there and were given once more, maybe in another spelling
}

func noEffect(attr string) error {
	return &backends.Error{
		Kind: backends.ErrNoEffect, Attr: attr, Detail: "The database already holds a value that was to be added, or does not hold one that was to be removed.",
	}
}

// differ applies changes, one after the other, to values of which only the forms are known. Equal values have equal forms; "" is no value.
func differ(attr string, had []string, changes []backends.Change, form func(backends.Value) (string, error)) (*difference, error) {
	there := map[string]bool{}
	for _, f := range had {
		if f != "" {
			there[f] = true
		}
	}
	gone, fresh := map[string]bool{}, []string{}
	values, again := map[string]backends.Value{}, map[string]backends.Value{}
	for _, ch := range changes {
		if ch.Op == backends.Replace || ch.Op == backends.Remove && len(ch.Values) == 0 {
			if ch.Op == backends.Remove && len(fresh) == 0 && len(gone) == len(there) {
				return nil, noEffect(attr)
			}
			fresh = nil
			for f := range there {
				gone[f] = true
			}
		}
		for _, v := range ch.Values {
			f, err := form(v)
			if err != nil {
				return nil, err
			}
			at := slices.Index(fresh, f)
			switch present := at >= 0 || there[f] && !gone[f]; {
			case ch.Op == backends.Remove && !present, ch.Op == backends.Add && present:
				return nil, noEffect(attr)
			case ch.Op == backends.Remove && at >= 0:
				fresh = slices.Delete(fresh, at, at+1)
			case ch.Op == backends.Remove:
				gone[f] = true
			case present: // a value twice in what replaces
			case there[f]:
				delete(gone, f)
				again[f] = v
			default:
				fresh = append(fresh, f)
				values[f] = v
			}
		}
	}
	d := &difference{removed: sortedKeys(gone)}
	for _, f := range sortedKeys(again) {
		if !gone[f] {
			d.again = append(d.again, again[f])
		}
	}
	for _, f := range fresh {
		d.added = append(d.added, values[f])
	}
	return d, nil
}

// pair finds for each old row the new one that it most likely becomes, so that what of a row is not seen here stays with it: the one that has the
// most parts in common with it. No two rows become the same, and rows that have nothing in common are no pair. Neither are those that have another value
// of the part that tells rows apart, if there is one: what else was known of an address, that it was verified, is not true of another.
func pair(olds, news []map[string]string, apart string) map[int]int {
	type candidate struct{ old, new, score int }
	var all []candidate
	for o, old := range olds {
		for n, fresh := range news {
			if apart != "" && !alikeIn(old, fresh, apart) {
				continue
			}
			score := 0
			for name, text := range old {
				if other, ok := fresh[name]; ok && other == text {
					score += 1 + min(len(text), 100)
				}
			}
			if score > 0 {
				all = append(all, candidate{o, n, score})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return b.score - a.score })
	pairs, used := map[int]int{}, map[int]bool{}
	for _, c := range all {
		if _, taken := pairs[c.old]; !taken && !used[c.new] {
			pairs[c.old], used[c.new] = c.new, true
		}
	}
	return pairs
}

// alikeIn says that two rows have the same in a part, or both nothing.
func alikeIn(old, fresh map[string]string, part string) bool {
	a, there := old[part]
	b, here := fresh[part]
	return there == here && a == b
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
