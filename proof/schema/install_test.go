package schema_test

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

// pythons are the names under which a Python may be found.
var pythons = []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"}

// usable exits with 0 where a Python is new enough and can make a virtual
// environment.
const usable = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"

// install makes a virtual environment with Schemathesis in the folder, unless it is
// there already, and returns its Python.
func install(ctx context.Context, dir string) (python string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", fmt.Errorf("waiting for another process that installs into %s: %w", dir, err)
	}
	defer lock.Unlock()
	venv, stamp := filepath.Join(dir, "venv"), filepath.Join(dir, "installed.txt")
	python = filepath.Join(venv, "bin", "python")
	if done, err := os.ReadFile(stamp); err == nil && bytes.Equal(done, requirements) {
		return python, nil
	}
	base, err := findPython(ctx)
	if err != nil {
		return "", err
	}
	if err := run(ctx, base, "-m", "venv", "--clear", venv); err != nil {
		return "", err
	}
	if err := run(ctx, python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
		"--only-binary", ":all:", "--require-hashes", "-r", "requirements.txt"); err != nil {
		return "", err
	}
	return python, os.WriteFile(stamp, requirements, 0o644)
}

// findPython is the first that is good enough.
func findPython(ctx context.Context) (string, error) {
	for _, name := range pythons {
		if exec.CommandContext(ctx, name, "-c", usable).Run() == nil {
			return name, nil
		}
	}
	return "", errors.New("Schemathesis needs Python 3.10 or later with its venv module, and none was found: install it (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python)")
}

// run runs a program to its end; what it says is in the error.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, bytes.TrimSpace(out))
	}
	return nil
}
