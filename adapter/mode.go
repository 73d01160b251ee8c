package adapter

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// mayWrite refuses what would write while nothing is to be written. An administrator's undo and restore are not asked.
func (s *Service) mayWrite() error {
	if s.o.ReadOnly {
		return refuse("Nothing is written at the moment: the adapter only reads (scim.mode is read_only).")
	}
	return nil
}

// protects refuses a change of an attribute that nobody may change. What a new resource gets is no change.
func (s *Service) protects(diff []journal.Change) error {
	for _, change := range diff {
		for _, path := range s.o.Protected {
			if within(change.Path, path) || within(path, change.Path) {
				return refuse("Nothing was changed: " + path + " is protected, and nobody may change it over SCIM (guard.protected_attributes).")
			}
		}
	}
	return nil
}

// within says that a path is another one, or a part of it.
func within(path, of string) bool {
	return len(path) >= len(of) && strings.EqualFold(path[:len(of)], of) && (len(path) == len(of) || path[len(of)] == '.' || path[len(of)] == ':')
}

// ProtectedPath is a configured path as this package compares it, of the attribute or sub-attribute that some type has and clients can write; false where no
// type has one, or the path chooses elements.
func ProtectedPath(text string, types []*scim.ResourceType) (string, bool) {
	path, err := filter.ParsePath(text)
	if err != nil {
		return "", false
	}
	i := slices.IndexFunc(types, func(t *scim.ResourceType) bool {
		ref, ok := t.Resolve(path)
		return ok && ref.Attr != nil && ref.Filter == nil && ref.Target().Mutability != scim.ReadOnly
	})
	if i < 0 {
		return "", false
	}
	ref, _ := types[i].Resolve(path)
	return ref.String(), true
}
