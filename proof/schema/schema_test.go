// Package schema_test holds the running server to its own OpenAPI document, as
// Schemathesis reads it: it sends what the document allows and what it forbids,
// follows its links, and wants each answer to be one that the document names.
//
//	go test ./proof/schema                       # some seconds of it
//	go test ./proof/schema -schema.time 30m
package schema_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"holdfast/load"
)

var length = flag.Duration("schema.time", 8*time.Second, "how long Schemathesis may go on")

// grace is how much longer than it was told Schemathesis may take to end.
const grace = 2 * time.Minute

func TestTheServerKeepsItsOpenAPIDocument(t *testing.T) {
	python, err := install(t.Context(), filepath.Join("..", "..", "build", "schemathesis"))
	if err != nil {
		t.Fatal(err)
	}
	// What it leaves behind does not belong in the tree.
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	server := serve(t)
	command := exec.CommandContext(t.Context(), python, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml",
		"run", server.URL+"/openapi.json", "--checks", "all", "--no-color", "--max-time", fmt.Sprint(int(length.Seconds())))
	command.Dir = dir
	killer := time.AfterFunc(*length+grace, func() { command.Process.Kill() })
	defer killer.Stop()
	out, err := command.CombinedOutput()
	if t.Logf("%s", out); err != nil {
		t.Error(err)
	}
	if err := server.Stop(); err != nil {
		t.Errorf("the server's end: %v", err)
	}
}

// serve builds the binary and starts it on a folder and a port that nobody else
// has.
func serve(t *testing.T) *load.Server {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "holdfast")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "holdfast/cmd/holdfast").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	server, err := load.Start(t.Context(), binary, os.Stderr, "serve", "--data", t.TempDir(), "--addr", "127.0.0.1:0", "--log-level", "error")
	if err != nil {
		t.Fatal(err)
	}
	return server
}
