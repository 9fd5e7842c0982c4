package emulator

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

//go:embed requirements.txt
var requirements []byte

//go:embed launcher.py
var launcherSource []byte

// pythons are the names under which a Python may be found.
var pythons = []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"}

// usable exits with 0 where a Python is new enough and can make a virtual
// environment.
const usable = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"

// install makes a virtual environment with MiniStack in it, unless it is there
// already, and returns its Python and the launcher.
func install(ctx context.Context, log func(string)) (python, launcher string, err error) {
	dir, unlock, err := lockFolder(ctx, "ministack")
	if err != nil {
		return "", "", err
	}
	defer unlock()
	python, launcher = filepath.Join(dir, "venv", "bin", "python"), filepath.Join(dir, "launcher.py")
	if err := writeOnce(launcher, launcherSource); err != nil {
		return "", "", err
	}
	stamp := filepath.Join(dir, "installed.txt")
	if installed(stamp, python, requirements) {
		return python, launcher, nil
	}
	log("installing MiniStack into " + dir + "; this happens once")
	if err := makeEnvironment(ctx, dir, python); err != nil {
		return "", "", err
	}
	return python, launcher, os.WriteFile(stamp, requirements, 0o644)
}

// makeEnvironment makes the virtual environment from nothing: an earlier one may
// be half made.
func makeEnvironment(ctx context.Context, dir, python string) error {
	base, err := findPython(ctx)
	if err != nil {
		return err
	}
	venv, wanted := filepath.Join(dir, "venv"), filepath.Join(dir, "requirements.txt")
	if err := errors.Join(os.RemoveAll(venv), os.WriteFile(wanted, requirements, 0o644)); err != nil {
		return err
	}
	if err := run(ctx, base, "-m", "venv", venv); err != nil {
		return err
	}
	return run(ctx, python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
		"--only-binary", ":all:", "--require-hashes", "-r", wanted)
}

// findPython is the first that is good enough.
func findPython(ctx context.Context) (string, error) {
	for _, name := range pythons {
		if exec.CommandContext(ctx, name, "-c", usable).Run() == nil {
			return name, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return "", errors.New("the AWS emulator needs Python 3.10 or later with its venv module, and none was found: install it (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python)")
}

// installed tells whether what the stamp says is what is wanted, and the program
// still there.
func installed(stamp, program string, wanted []byte) bool {
	text, err := os.ReadFile(stamp)
	_, gone := os.Stat(program)
	return err == nil && gone == nil && bytes.Equal(text, wanted)
}

// writeOnce writes a file unless it says that already: another process may be
// about to read it.
func writeOnce(path string, content []byte) error {
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, content) {
		return nil
	}
	return os.WriteFile(path, content, 0o644)
}

// lockFolder makes a folder below build/emulator and takes it for this process
// alone: several test processes may want to install at once.
func lockFolder(ctx context.Context, name string) (dir string, unlock func(), err error) {
	root, err := findRoot()
	if err != nil {
		return "", nil, err
	}
	dir = filepath.Join(root, "build", "emulator", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", nil, fmt.Errorf("waiting for another process that installs into %s: %w", dir, err)
	}
	return dir, func() { lock.Unlock() }, nil
}

// findRoot is the folder of go.mod, this one or one above.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the emulator installs itself into build/ of Holdfast's tree: run this inside it")
		}
	}
}

// run runs a program to its end; what it says is in the error.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, bytes.TrimSpace(out))
	}
	return nil
}
