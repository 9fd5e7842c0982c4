package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// lockFolder takes the data folder for this process alone, making it first if
// it is missing. It fails at once, naming the holder, if another process has it.
// The lock ends with the process, however that ends.
func lockFolder(dir, command string) (release func(), err error) {
	// Orders tell who bought what: nobody else on the machine needs to read them.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	path := filepath.Join(dir, "holdfast.lock")
	lock := flock.New(path)
	held, err := lock.TryLock()
	if err != nil {
		return nil, unusable(dir, err)
	}
	if !held {
		return nil, fmt.Errorf("the data folder %s is in use by %s; stop that first, or choose another folder with --data", dir, holder(path))
	}
	name := fmt.Sprintf("%q, process %d", "holdfast "+command, os.Getpid())
	if err := os.WriteFile(path, []byte(name+"\n"), 0o644); err != nil {
		lock.Unlock()
		return nil, unusable(dir, err)
	}
	return func() { lock.Unlock() }, nil
}

// unusable says that a folder cannot be worked in, why, and what to do.
func unusable(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("the data folder %s cannot be written: %w; make it writable, or choose another with --data", dir, err)
	}
	return fmt.Errorf("the data folder %s cannot be used: %w; choose another with --data", dir, err)
}

// holder is what the process that holds a lock wrote about itself.
func holder(path string) string {
	name, _ := os.ReadFile(path)
	return cmp.Or(strings.TrimSpace(string(name)), "another process")
}
