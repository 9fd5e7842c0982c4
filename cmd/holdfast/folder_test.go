package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func TestAFolderIsSharedByServicesOrHadByOneAlone(t *testing.T) {
	dir := t.TempDir()
	endOrder := mustTake(t, shareFolder, dir, "order")
	endPayment := mustTake(t, shareFolder, dir, "payment")
	_, err := lockFolder(dir, "serve")
	want := fmt.Sprintf(`in use by "holdfast order", process %d, and "holdfast payment", process %[1]d; stop those first`, os.Getpid())
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	endOrder()
	if _, err := lockFolder(dir, "serve"); err == nil {
		t.Error("serve took a folder that a service still has")
	}
	endPayment()

	endServe := mustTake(t, lockFolder, dir, "serve")
	_, err = shareFolder(dir, "order")
	want = fmt.Sprintf(`in use by "holdfast serve", process %d; stop that first`, os.Getpid())
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	endServe()
	if text, err := os.ReadFile(filepath.Join(dir, lockName)); err != nil || len(text) > 0 {
		t.Errorf("who had the folder alone left %q, %v", text, err)
	}
	mustTake(t, shareFolder, dir, "order")()
}

func mustTake(t *testing.T, take func(dir, command string) (func(), error), dir, command string) (release func()) {
	t.Helper()
	release, err := take(dir, command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return release
}

func TestOnlyTheLivingAreNamed(t *testing.T) {
	dir := t.TempDir()
	defer mustTake(t, shareFolder, dir, "order")()
	gone := exec.Command(os.Args[0], "version")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	lines := fmt.Sprintf("%q, process %d\nnot a line of ours\n\n", "holdfast payment", gone.Process.Pid)
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(lines)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = lockFolder(dir, "setup")
	if err == nil || strings.Contains(err.Error(), "payment") || !strings.Contains(err.Error(), `by "holdfast order", process `) {
		t.Error(err)
	}
}

func TestAHolderThatDidNotSignIsAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	defer mustTake(t, lockFolder, dir, "serve")()
	if err := os.Truncate(filepath.Join(dir, lockName), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := shareFolder(dir, "order"); err == nil || !strings.Contains(err.Error(), "in use by another process; stop that first") {
		t.Error(err)
	}
}

func TestAFolderThatCannotBeWrittenSaysWhatToDo(t *testing.T) {
	for _, cause := range []error{syscall.EROFS, syscall.EACCES} {
		err := unusable("/x", cause)
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), "make it writable, or choose another with --data") {
			t.Error(err)
		}
	}
}

// TestAFolderOfANewerBuildIsRefused raises the version of each file, as a newer
// build would.
func TestAFolderOfANewerBuildIsRefused(t *testing.T) {
	for file, commands := range map[string][]string{
		"order.db":           {"order", "serve --addr 127.0.0.1:0", "setup"},
		"inventory.db":       {"inventory", "serve --addr 127.0.0.1:0", "setup"},
		"payment.db":         {"payment", "serve --addr 127.0.0.1:0", "setup"},
		"gateway.db":         {"payment", "serve --addr 127.0.0.1:0", "setup"},
		"keys.db":            {"order", "inventory", "payment", "serve --addr 127.0.0.1:0", "setup", "keys list"},
		"inventory.queue.db": {"order", "inventory", "payment", "serve --addr 127.0.0.1:0", "setup"},
	} {
		data := setUp(t)
		setVersion(t, filepath.Join(data, file), 1000)
		for _, command := range commands {
			out, err := holdfast(t, append(strings.Fields(command), "--data", data)...)
			if exitStatus(err) != exitFailed || !strings.Contains(out, file) || !strings.Contains(out, "run the newer holdfast") {
				t.Errorf("%s with a newer %s: exit %d\n%s", command, file, exitStatus(err), out)
			}
		}
	}
}

func TestServicesDoNotMigrateAFolder(t *testing.T) {
	for file, command := range map[string]string{"order.db": "order", "inventory.db": "inventory", "gateway.db": "payment", "order.queue.db": "payment"} {
		data := setUp(t)
		setVersion(t, filepath.Join(data, file), 0)
		out, err := holdfast(t, command, "--data", data)
		if exitStatus(err) != exitFailed || !strings.Contains(out, file) || !strings.Contains(out, "holdfast setup") {
			t.Errorf("%s with an older %s: exit %d\n%s", command, file, exitStatus(err), out)
		}
	}
}

func setVersion(t *testing.T, path string, version int) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA user_version = %d", version), nil); err != nil {
		t.Fatal(err)
	}
}
