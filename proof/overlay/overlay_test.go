package overlay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/proof/overlay"
)

// toy is a module with one promise and one test of it.
var toy = map[string]string{
	"go.mod":         "module toy\n\ngo 1.26\n",
	"sum/sum.go":     "package sum\n\nfunc Of(a, b int) int { return a + b }\n",
	"other/other.go": "package other\n",
	"sum/sum_test.go": `package sum

import "testing"

func TestOf(t *testing.T) {
	t.Run("two", func(t *testing.T) {
		if Of(2, 3) != 5 {
			t.Error("2 + 3 is 5")
		}
	})
}
`,
}

func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestAChangeGetsItsVerdict(t *testing.T) {
	root := lay(t, toy)
	r, err := overlay.New(t.Context(), root, []overlay.Killer{{Package: "./sum", Run: "TestOf", Limit: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, text, verdict, by string }{
		{"sum/sum.go", "package sum\n\nfunc Of(a, b int) int { return a - b }\n", "killed", "./sum TestOf/two"},
		{"sum/sum.go", "package sum\n\nfunc Of(a, b int) int { return b + a }\n", "survived", ""},
		{"sum/sum.go", "package sum\n\nfunc Of(a, b int) int { for { } }\n", "timed out", "./sum -run TestOf"},
		{"sum/sum.go", "package sum\n\nfunc Of(a, b int) int { return a + }\n", "does not compile", "./sum"},
		{"other/other.go", "package other\n\nvar X int\n", "unread", ""},
	} {
		got, err := r.Try(t.Context(), overlay.Change{File: c.file, Text: []byte(c.text)})
		if err != nil || string(got.Verdict) != c.verdict || got.By != c.by {
			t.Errorf("%q is %q by %q (%v), want %q by %q\n%s", c.text, got.Verdict, got.By, err, c.verdict, c.by, got.Output)
		}
	}
	if text, err := os.ReadFile(filepath.Join(root, "sum/sum.go")); err != nil || string(text) != toy["sum/sum.go"] {
		t.Errorf("the file itself became %q, %v", text, err)
	}
}

// TestNoVerdictIsGivenOnATreeWhoseTestsFail: on such a tree every mistake would
// look as if it had been noticed.
func TestNoVerdictIsGivenOnATreeWhoseTestsFail(t *testing.T) {
	killers := []overlay.Killer{{Package: "./sum", Limit: time.Minute}}
	sound, err := overlay.New(t.Context(), lay(t, toy), killers)
	if err != nil {
		t.Fatal(err)
	}
	if err := sound.Sound(t.Context()); err != nil {
		t.Error(err)
	}
	broken := lay(t, toy)
	if err := os.WriteFile(filepath.Join(broken, "sum/sum.go"), []byte("package sum\n\nfunc Of(a, b int) int { return 0 }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := overlay.New(t.Context(), broken, killers)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Sound(t.Context()); err == nil || !strings.Contains(err.Error(), "2 + 3 is 5") {
		t.Errorf("a tree with a failing test is sound: %v", err)
	}
}
