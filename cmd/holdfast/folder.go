package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

const lockName = "holdfast.lock"

// lockFolder takes the data folder for this process alone, making it first if
// it is missing. It fails at once, naming the holders, if other processes have
// it. The lock ends with the process, however that ends.
func lockFolder(dir, command string) (release func(), err error) {
	// Orders tell who bought what: nobody else on the machine needs to read them.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	unlock, err := takeFolder(dir, command, (*flock.Flock).TryLock, os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	return func() {
		// Best effort: a process id that is used again must not look like the holder's.
		_ = os.Truncate(filepath.Join(dir, lockName), 0)
		unlock()
	}, nil
}

// shareFolder takes the data folder for this process beside any number of others
// that share it. It fails at once if the folder is missing, and as lockFolder
// does if a process has it for itself.
func shareFolder(dir, command string) (release func(), err error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no data folder %s; make it with: holdfast setup --data %s, or name another with --data", dir, dir)
	}
	return takeFolder(dir, command, (*flock.Flock).TryRLock, os.O_APPEND)
}

func takeFolder(dir, command string, try func(*flock.Flock) (bool, error), how int) (release func(), err error) {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path)
	held, err := try(lock)
	if err != nil {
		return nil, unusable(dir, err)
	}
	if !held {
		return nil, inUse(dir, holders(path))
	}
	if err := sign(path, command, how); err != nil {
		lock.Unlock()
		return nil, unusable(dir, err)
	}
	return func() { lock.Unlock() }, nil
}

// signature is the line by which a holder of the lock is known to others.
const signature = "%q, process %d"

// sign writes this process's line to the lock file.
func sign(path, command string, how int) error {
	file, err := os.OpenFile(path, os.O_WRONLY|how, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, signature+"\n", "holdfast "+command, os.Getpid())
	return errors.Join(err, file.Close())
}

// holders are the processes that signed the lock file and are alive.
func holders(path string) []string {
	text, _ := os.ReadFile(path)
	var alive []string
	for line := range strings.Lines(string(text)) {
		var name string
		var pid int
		if _, err := fmt.Sscanf(line, signature, &name, &pid); err != nil {
			continue
		}
		if err := syscall.Kill(pid, 0); err == nil || errors.Is(err, syscall.EPERM) {
			alive = append(alive, fmt.Sprintf(signature, name, pid))
		}
	}
	return alive
}

// inUse says who has the folder, and what to do.
func inUse(dir string, holders []string) error {
	who, those := "another process", "that"
	if len(holders) > 0 {
		who = strings.Join(holders, ", and ")
	}
	if len(holders) > 1 {
		those = "those"
	}
	return fmt.Errorf("the data folder %s is in use by %s; stop %s first, or choose another folder with --data", dir, who, those)
}

// unusable says that a folder cannot be worked in, why, and what to do.
func unusable(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("the data folder %s cannot be written: %w; make it writable, or choose another with --data", dir, err)
	}
	return fmt.Errorf("the data folder %s cannot be used: %w; choose another with --data", dir, err)
}
