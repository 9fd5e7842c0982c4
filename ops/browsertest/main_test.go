//go:build browser

package browsertest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// pictures has the pages that are looked at pictured.
var pictures = flag.Bool("pictures", false, "take pictures: of all pages in build/pictures, and those of the documentation anew")

// What all tests share.
var (
	binary  string          // of this build
	browser context.Context // one chromium; each visitor has a profile of its own in it
	axe     string          // the source of axe-core
)

// tools is where what the tests need is installed.
const tools = "../../build/tools"

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "browsertest:", err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "holdfast-browser-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if axe, err = axeSource(context.Background(), filepath.Join(tools, "axe")); err != nil {
		return 0, err
	}
	if binary, err = build(dir); err != nil {
		return 0, err
	}
	closeBrowser, err := openBrowser(filepath.Join(dir, "profile"))
	if err != nil {
		return 0, err
	}
	defer closeBrowser()
	return m.Run(), nil
}

// build builds holdfast into the folder.
func build(dir string) (string, error) {
	path := filepath.Join(dir, "holdfast")
	out, err := exec.Command("go", "build", "-o", path, "holdfast/cmd/holdfast").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// openBrowser starts the chromium that all tests share. As root it runs without its
// sandbox, since it would not start otherwise.
func openBrowser(profile string) (closeIt func(), err error) {
	path, err := findChromium()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(profile))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	browser, _ = chromedp.NewContext(allocator)
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, fmt.Errorf("%s does not start: %w", path, err)
	}
	return func() {
		_ = chromedp.Cancel(browser)
		stop()
	}, nil
}
