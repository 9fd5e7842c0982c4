//go:build browser

package browsertest

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// What npm installs: axe-core alone, one version, by its hash.
var (
	//go:embed package.json
	manifest []byte
	//go:embed package-lock.json
	lock []byte
)

// chromiums are the names under which a chromium may be found.
var chromiums = []string{"chromium", "chromium-browser", "google-chrome"}

// findChromium is the browser that CHROMIUM names, or else the first one that is
// installed.
func findChromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range chromiums {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no chromium was found: run make test-browser INSTALL=1, or install it yourself (Debian: apt-get install chromium), or say where one is with CHROMIUM=/path/to/chromium")
}

// axeSource is the script of axe-core, which is installed into the folder unless it is
// there already.
func axeSource(ctx context.Context, dir string) (string, error) {
	stamp, script := filepath.Join(dir, "installed.json"), filepath.Join(dir, "node_modules/axe-core/axe.min.js")
	if done, err := os.ReadFile(stamp); err != nil || !bytes.Equal(done, lock) {
		if err := installAxe(ctx, dir); err != nil {
			return "", err
		}
		if err := os.WriteFile(stamp, lock, 0o644); err != nil {
			return "", err
		}
	}
	source, err := os.ReadFile(script)
	return string(source), err
}

func installAxe(ctx context.Context, dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("axe-core is installed with npm, and none was found: install it (Debian: apt-get install npm)")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range map[string][]byte{"package.json": manifest, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}
