package backendtest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// compareKeys is the order of the keys: that of their numbers where the keys are numbers, which is not that of their texts.
func (m *Memory) compareKeys(a, b backends.Key) int {
	if x, y, ok := numbers(a, b); ok && m.Numbered {
		return cmp.Compare(x, y)
	}
	return strings.Compare(string(a), string(b))
}

func numbers(a, b backends.Key) (x, y int64, ok bool) {
	x, err := strconv.ParseInt(string(a), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	y, err = strconv.ParseInt(string(b), 10, 64)
	return x, y, err == nil
}

// seekable says what is wrong with a query that is to begin elsewhere than at the first key.
func (m *Memory) seekable(q backends.Query) error {
	if q.After == "" && !q.Reverse && q.Skip == 0 {
		return nil
	}
	invalid := func(why string) error { return &backends.Error{Kind: backends.ErrInvalid, Detail: why} }
	switch {
	case !m.Numbered:
		return invalid("This directory cannot seek.")
	case q.Sort != nil && (q.Reverse || q.Skip != 0):
		return invalid("A walk that is sorted says itself which way it goes, and skips nobody.")
	case q.Skip < 0:
		return invalid("Less than no record cannot be skipped.")
	}
	if _, _, ok := numbers(q.After, "0"); q.After != "" && !ok {
		return invalid("A walk can begin behind a key only.")
	}
	return nil
}

// inOrder compares records by their places, and those that stand in one place by their keys.
func (m *Memory) inOrder(by backends.Sort) func(a, b backends.Key, at, bt backends.SortKey) int {
	return func(a, b backends.Key, at, bt backends.SortKey) int {
		keys := m.compareKeys(a, b)
		if by.Descending && m.Numbered {
			keys = -keys
		}
		return cmp.Or(by.Compare(at, bt), keys)
	}
}

// behind gives those of the keys, which are in order, that a walk comes to, in the order in which it does. The key to begin behind need not be among them.
func (m *Memory) behind(keys []backends.Key, q backends.Query) []backends.Key {
	if q.Reverse {
		slices.Reverse(keys)
	}
	if q.After == "" {
		return keys
	}
	first := slices.IndexFunc(keys, func(key backends.Key) bool {
		order := m.compareKeys(key, q.After)
		return order > 0 && !q.Reverse || order < 0 && q.Reverse
	})
	if first < 0 {
		return nil
	}
	return keys[first:]
}
