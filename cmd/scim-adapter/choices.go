package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// findMe reads `scim.me`: a mapped attribute of User that holds one text.
func findMe(config *configs.Config, set *mapping.Set) (filter.Path, configs.Faults) {
	if config.SCIM.Me == "" {
		return filter.Path{}, nil
	}
	at := config.Root.Get("scim").Get("me")
	const remedy = "write an attribute that is mapped and holds one text, such as userName"
	users, ok := set.Get("User")
	if !ok {
		return filter.Path{}, configs.Faults{at.Fault("map User, or take the key away", "there is no mapping of User")}
	}
	path, err := filter.ParsePath(config.SCIM.Me)
	if err != nil {
		return filter.Path{}, configs.Faults{at.Fault(remedy, "%q is not the path of an attribute", config.SCIM.Me)}
	}
	ref, ok := users.ResourceType().Resolve(path)
	if !ok || ref.Attr == nil || ref.Filter != nil || ref.Target().Returned == scim.ReturnedNever || ref.Target().Type != scim.TypeString || ref.Attr.MultiValued || ref.Target().MultiValued {
		return filter.Path{}, configs.Faults{at.Fault(remedy, "User has no attribute %q of one text", config.SCIM.Me)}
	}
	return path, nil
}

// cursorFile is the key of cursors below journal.path, for who has not written one.
const cursorFile = "cursor.key"

// cursorKey is what cursors are encrypted with: the configuration's, else one that is made once and kept beside the journal, so that cursors
// outlive the process. Without a journal it is nil, and lives as long as the process.
func cursorKey(config *configs.Config) ([]byte, error) {
	if key := config.SCIM.CursorKey; !key.IsZero() {
		return []byte(key.Reveal()), nil
	}
	if config.Journal.Kind == configs.JournalNone {
		return nil, nil
	}
	key, err := keptKey(filepath.Join(config.Journal.Path, cursorFile))
	if err != nil {
		return nil, fmt.Errorf("scim.cursor_key: %w", err)
	}
	return key, nil
}

// keptKey reads the key in a file, and makes the file where there is none. The journal has been opened, so its directory is there.
func keptKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = writeKey(path); err == nil || errors.Is(err, fs.ErrExist) { // whoever was first wrote the key
			key, err = os.ReadFile(path)
		}
	}
	if err == nil && len(key) < keyLength {
		err = fmt.Errorf("%s is not whole; remove it, and a new one is made", path)
	}
	return key, err
}

// keyLength is how many characters a key has that is made here: two texts of rand.Text, each of more than 128 bits.
const keyLength = 2 * 26

// writeKey makes a file with a new key, and fails with fs.ErrExist where there is one. What cannot be written whole is taken away again.
func writeKey(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(rand.Text() + rand.Text())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
