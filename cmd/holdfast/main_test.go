package main

import (
	"bytes"
	"context"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/alecthomas/kong"
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
	// Here, for all tests: without it, each process that one starts would run all
	// the tests anew, which would start more.
	if err := os.Setenv(beHoldfast, "1"); err != nil {
		log.Fatal(err)
	}
	testscript.Main(m, map[string]func(){"holdfast": main, "certificate": makeCertificate})
}

// where are the flags that say where everything is kept.
type where []string

// inFolder is a data folder.
func inFolder(data string) where { return where{"--data", data} }

// with adds flags.
func (w where) with(flags ...string) []string { return slices.Concat(w, flags) }

// storage is what the flags mean.
func (w where) storage(t testing.TB) storage {
	t.Helper()
	var s storage
	parser, err := kong.New(&s)
	if err == nil {
		_, err = parser.Parse(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve starts a server on the folder, as `holdfast serve` with the flags.
func serve(t testing.TB, data string, flags ...string) *load.Server {
	t.Helper()
	return start(t, "serve", data, flags...)
}

// serveLogging is serve with its log, to be read once the server has ended.
func serveLogging(t testing.TB, data string, logs *bytes.Buffer, flags ...string) *load.Server {
	t.Helper()
	return startLogging(t, logs, "serve", onFreePort(inFolder(data), flags...)...)
}

// start starts serve or a service on the folder and a free port.
func start(t testing.TB, command, data string, flags ...string) *load.Server {
	t.Helper()
	return startAt(t, command, inFolder(data), flags...)
}

// startAt starts serve or a service on what is kept there and a free port.
func startAt(t testing.TB, command string, at where, flags ...string) *load.Server {
	t.Helper()
	return startLogging(t, &bytes.Buffer{}, command, onFreePort(at, flags...)...)
}

func onFreePort(at where, flags ...string) []string {
	return append(at.with("--addr", "127.0.0.1:0"), flags...)
}

// startLogging starts serve or a service with just these flags.
func startLogging(t testing.TB, logs *bytes.Buffer, command string, flags ...string) *load.Server {
	t.Helper()
	s, err := load.Start(context.Background(), os.Args[0], logs, command, flags...)
	if err != nil {
		t.Fatalf("%v\n%s", err, logs)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the log of holdfast %s:\n%s", command, tail(logs.Bytes(), 8<<10))
		}
	})
	return s
}

// startServices starts the three services on a folder that is set up, as load
// does; the first of them is the door.
func startServices(t testing.TB, data string, orderFlags ...string) load.Servers {
	t.Helper()
	flags := []string{"--log-level", "warn"}
	payment := start(t, "payment", data, flags...)
	inventory := start(t, "inventory", data, flags...)
	flags = append(flags, "--inventory-url", inventory.URL, "--payment-url", payment.URL)
	return load.Servers{start(t, "order", data, append(flags, orderFlags...)...), inventory, payment}
}

// setUp makes a folder that services can use.
func setUp(t testing.TB, flags ...string) (data string) {
	t.Helper()
	data = t.TempDir()
	setUpAt(t, inFolder(data), flags...)
	return data
}

// setUpAt makes a place that services can use.
func setUpAt(t testing.TB, at where, flags ...string) {
	t.Helper()
	if out, err := holdfast(t, append([]string{"setup"}, at.with(flags...)...)...); err != nil {
		t.Fatalf("setup: %v\n%s", err, out)
	}
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

// holdfast runs a command to its end, which must come within a minute or two, and
// returns what it printed.
func holdfast(t testing.TB, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, os.Args[0], args...).CombinedOutput()
	return string(out), err
}

// drained audits a folder whose orders should all have ended.
func drained(t testing.TB, data string) {
	t.Helper()
	drainedAt(t, inFolder(data))
}

// drainedAt audits a place whose orders should all have ended.
func drainedAt(t testing.TB, at where) {
	t.Helper()
	if out, err := holdfast(t, append([]string{"audit", "--drained"}, at...)...); err != nil {
		t.Errorf("audit --drained: %v\n%s", err, out)
	}
}

// stockFile writes a stock file with one SKU.
func stockFile(t testing.TB, json string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stock.json")
	if err := os.WriteFile(path, []byte(json), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
