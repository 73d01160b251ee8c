//go:build !unix

package litejournal

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

// lock is held as long as the journal is open. Where there is no flock it is a file that must not exist; after a crash a person takes it away.
type lock struct{ file *os.File }

func acquire(path string) (*lock, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		holder, _ := os.ReadFile(path + ".lock") // best effort: only makes the sentence better
		return nil, inUse(path, string(holder))
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if _, err := f.WriteString(strconv.Itoa(os.Getpid())); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), f.Close(), os.Remove(f.Name()))
	}
	return &lock{f}, nil
}

func (l *lock) release() error { return errors.Join(l.file.Close(), os.Remove(l.file.Name())) }
