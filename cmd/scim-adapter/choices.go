package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter"
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

// findProtected finds the attributes of guard.protected_attributes.
func findProtected(config *configs.Config, set *mapping.Set) ([]string, configs.Faults) {
	var types []*scim.ResourceType
	for _, m := range set.All() {
		types = append(types, m.ResourceType())
	}
	var paths []string
	var faults configs.Faults
	for i, text := range config.Guard.ProtectedAttributes {
		path, ok := adapter.ProtectedPath(text, types)
		if !ok {
			at := config.Root.Get("guard").Get("protected_attributes")
			if items := at.Items(); i < len(items) {
				at = items[i]
			}
			faults = append(faults, at.Fault("write an attribute that is mapped and can be written, such as userName or emails, without a condition", "no type has an attribute %q that clients can change", text))
			continue
		}
		paths = append(paths, path)
	}
	return paths, faults
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

// keptKey reads the key in a file, and makes the file where there is none. Its directory is made too: a journal in a
// database has not needed it.
func keptKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = writeKey(path); err == nil || errors.Is(err, fs.ErrExist) { // whoever was first wrote the key
			key, err = readKey(path)
		}
	}
	return key, err
}

const (
	// keyLength is how many characters a key has that is made here: two texts of rand.Text, each of more than 128 bits.
	keyLength = 2 * 26
	// keyLetters are what rand.Text is made of (RFC 4648 §6).
	keyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// readKey reads a key that writeKey wrote, and refuses one that others may have read, and what is no such key.
func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&othersRights(filepath.Dir(path)) != 0 {
		return nil, fmt.Errorf("%s may be read or changed by others (mode %04o); remove it, and a new one is made, or chmod 600 it if nobody can have read it", path, mode)
	}
	key, err := io.ReadAll(io.LimitReader(f, keyLength+1))
	if err == nil && (len(key) != keyLength || strings.Trim(string(key), keyLetters) != "") {
		err = fmt.Errorf("%s is not whole; remove it, and a new one is made (a key of your own is written as scim.cursor_key)", path)
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}

// othersRights are the permissions that nobody may have to a key in a directory. Kubernetes gives the pod's group (fsGroup) all files of a volume each time
// that it mounts it, and marks the directory with the setgid bit: there the group is the process itself.
func othersRights(directory string) fs.FileMode {
	if info, err := os.Stat(directory); err == nil && info.Mode()&fs.ModeSetgid != 0 {
		return 0o007
	}
	return 0o077
}

// writeKey makes a file with a new key, and fails with fs.ErrExist where there is one. The file has its name only when it is whole: a process that starts at
// the same time, or after this one was killed half-way, finds a key or none.
func writeKey(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // for its owner only
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(rand.Text() + rand.Text())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("a new key cannot be kept, so write one of your own: %w", err)
	}
	return err
}
