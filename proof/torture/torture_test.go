package main

import (
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	kills = flag.Int("kills", 6, "how often to kill")
	seed  = flag.Uint64("seed", rand.Uint64(), "what the moments and the requests are drawn from")
)

// TestNothingIsLostUnderKill kills this tree's binary in one process and in five,
// side by side, under load.
func TestNothingIsLostUnderKill(t *testing.T) {
	binary, err := build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	seeSources(t)
	folder, err := os.MkdirTemp("", "holdfast-torture-") // what broke is kept
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(folder)
	r := newRun(options{kills: *kills, binary: binary, processes: "both", seed: *seed, folder: folder})
	for _, broken := range r.all(t.Context()) {
		t.Error(broken)
	}
	t.Log(r)
	for _, status := range []string{"COMPLETED", "FAILED_NO_STOCK", "PAYMENT_FAILED", "CANCELLED", "REFUNDED"} {
		if r.ends[status] == 0 {
			t.Errorf("no order ended %s: this shows less than it should", status)
		}
	}
}

// seeSources looks at every file that the binary is made of: the go command takes a
// test's last success for the next one's as long as no file that it saw has changed.
func seeSources(t *testing.T) {
	folders, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}", "holdfast/cmd/holdfast").Output()
	if err != nil {
		t.Fatal(err)
	}
	for folder := range strings.FieldsSeq(string(folders)) {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
