package emulator

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAMissingPythonIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := findPython(t.Context())
	if err == nil || !strings.Contains(err.Error(), "needs Python 3.10") || !strings.Contains(err.Error(), "apt install") {
		t.Errorf("got %v", err)
	}
}

// A python3 that is too old, or a shim that fails, is passed over.
func TestAPythonThatWillNotDoIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	for name, exit := range map[string]string{"python3": "1", "python3.14": "127", "python3.12": "0"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nexit "+exit+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if got, err := findPython(t.Context()); got != "python3.12" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWhatIsInstalledIsKnownByItsStampAndItsProgram(t *testing.T) {
	dir := t.TempDir()
	stamp, program := filepath.Join(dir, "stamp"), filepath.Join(dir, "program")
	want := func(step string, want bool) {
		t.Helper()
		if got := installed(stamp, program, []byte("two")); got != want {
			t.Errorf("%s: installed is %t", step, got)
		}
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want("nothing", false)
	write(stamp, "two")
	want("the stamp alone", false)
	write(program, "")
	want("both", true)
	write(stamp, "one")
	want("an older one", false)
}

func TestTheFolderIsOneProcesssAtATime(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, _, err := lockFolder(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "inside") {
		t.Errorf("outside the tree: %v", err)
	}
	if err := os.WriteFile("go.mod", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, unlock, err := lockFolder(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := lockFolder(hurried, "x"); err == nil {
		t.Error("two have it")
	}
	unlock()
	_, unlock, err = lockFolder(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
