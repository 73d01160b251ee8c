//go:build unix

package litejournal

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lock is held as long as the journal is open. The kernel lets go of it when the process dies, however it dies.
type lock struct{ file *os.File }

func acquire(path string) (*lock, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(f.Name()) // best effort: only makes the sentence better
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = inUse(path, strings.TrimSpace(string(holder)))
		}
		return nil, errors.Join(err, f.Close())
	}
	note := []byte(strconv.Itoa(os.Getpid()) + "\n")
	if err := errors.Join(f.Truncate(0), writeAt(f, note)); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), f.Close())
	}
	return &lock{f}, nil
}

func writeAt(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	return err
}

// release leaves the file where it is: taking it away would let two others lock two files of one name.
func (l *lock) release() error { return l.file.Close() }
