package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"holdfast/load"
)

// beHoldfast makes the test binary behave as holdfast, so that tests can start,
// stop and kill real processes of this very build.
const beHoldfast = "BE_HOLDFAST"

func TestMain(m *testing.M) {
	if os.Getenv(beHoldfast) != "" {
		os.Exit(run(os.Args[1:]))
	}
	testscript.Main(m, map[string]func(){"holdfast": main})
}

// TestScripts runs the command line as a person types it; see testdata. The
// commands that use the API find a server at HOLDFAST_URL.
func TestScripts(t *testing.T) {
	server := serve(t, t.TempDir(), "--log-level", "warn")
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: func(e *testscript.Env) error {
		e.Setenv("HOLDFAST_URL", server.URL)
		return nil
	}})
}

// serve starts a server on the folder, as `holdfast serve` with the flags.
func serve(t *testing.T, data string, flags ...string) *load.Server {
	t.Helper()
	return serveLogging(t, data, &bytes.Buffer{}, flags...)
}

// serveLogging is serve with its log, to be read once the server has ended.
func serveLogging(t *testing.T, data string, logs *bytes.Buffer, flags ...string) *load.Server {
	t.Helper()
	t.Setenv(beHoldfast, "1")
	s, err := load.Start(context.Background(), os.Args[0], data, logs, flags...)
	if err != nil {
		t.Fatalf("%v\n%s", err, logs)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the server's log:\n%s", tail(logs.Bytes(), 8<<10))
		}
	})
	return s
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

// holdfast runs a command to its end, which must come within a minute or two, and
// returns what it printed.
func holdfast(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv(beHoldfast, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, os.Args[0], args...).CombinedOutput()
	return string(out), err
}

// drained audits a folder whose orders should all have ended.
func drained(t *testing.T, data string) {
	t.Helper()
	if out, err := holdfast(t, "audit", "--drained", "--data", data); err != nil {
		t.Errorf("audit --drained: %v\n%s", err, out)
	}
}

// stockFile writes a stock file with one SKU.
func stockFile(t *testing.T, json string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stock.json")
	if err := os.WriteFile(path, []byte(json), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
