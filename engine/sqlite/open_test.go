package sqlite

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/engine"
	"holdfast/event"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// CheckIntegrity lets SQLite check every page of every file.
func CheckIntegrity(t *testing.T, e *engine.Engine) {
	t.Helper()
	for _, db := range []*database{e.Orders.(orders).db, e.Inventory.(stock).db, e.Payments.(payments).db, e.Ledger.(ledger).db} {
		err := db.view(t.Context(), func(conn *sqlite.Conn) error { return intact(t, conn, db.path) })
		if err != nil {
			t.Error(err)
		}
	}
}

func intact(t *testing.T, conn *sqlite.Conn, path string) error {
	t.Helper()
	s, err := prepare(conn, "PRAGMA integrity_check")
	if err != nil {
		return err
	}
	return s.rows(func(r *row) error {
		if said := r.text(); said != "ok" {
			t.Errorf("%s: %s", path, said)
		}
		return nil
	})
}

// openEngine opens a folder for the length of the test.
func openEngine(t *testing.T, dir string) *engine.Engine {
	t.Helper()
	e, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// script runs SQL on a file from outside.
func script(t *testing.T, path, sql string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecScript(conn, sql); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesWhatIsNotOurs(t *testing.T) {
	holdfast := t.TempDir()
	e, err := Open(Options{Dir: holdfast})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile(filepath.Join(holdfast, "payment.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		says    string
	}{
		{"a newer version", func(t *testing.T, path string) {
			script(t, path, "CREATE TABLE later (x); PRAGMA application_id = 0x48466f72; PRAGMA user_version = 99")
		}, "run the newer holdfast"},
		{"another program's database", func(t *testing.T, path string) { script(t, path, "CREATE TABLE photos (x)") }, "not Holdfast's order.db"},
		{"another of our files", func(t *testing.T, path string) { writeFile(t, path, ours) }, "not Holdfast's order.db"},
		{"a text", func(t *testing.T, path string) { writeFile(t, path, bytes.Repeat([]byte("text "), 1000)) }, "no database; move it away"},
		{"a folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "cannot be opened"},
	} {
		for mode, readOnly := range map[string]bool{"": false, " read only": true} {
			t.Run(test.name+mode, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "order.db")
				test.prepare(t, path)
				before, _ := os.ReadFile(path)
				_, err := Open(Options{Dir: dir, ReadOnly: readOnly})
				if !errors.Is(err, event.Unavailable) {
					t.Fatalf("got %v", err)
				}
				if !strings.Contains(err.Error(), "order.db") || !readOnly && !strings.Contains(err.Error(), test.says) {
					t.Errorf("%q names no file or does not say %q", err, test.says)
				}
				if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
					t.Error("the file was changed")
				}
			})
		}
	}
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesAFileInPlaceOfTheFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	writeFile(t, path, nil)
	if _, err := Open(Options{Dir: path}); !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

// A file of an older version, here the empty one, is brought up to date by Open
// and refused by a read-only one.
func TestOpenMigratesOnlyToWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "order.db")
	writeFile(t, path, nil)
	for _, name := range []string{"inventory", "payment", "gateway"} {
		writeFile(t, filepath.Join(dir, name+".db"), nil)
	}
	if _, err := Open(Options{Dir: dir, ReadOnly: true}); !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), "holdfast setup") {
		t.Errorf("got %v", err)
	}
	if content, _ := os.ReadFile(path); len(content) > 0 {
		t.Error("a read-only open wrote to the file")
	}
	e := openEngine(t, dir)
	err := e.Orders.(orders).db.view(t.Context(), func(conn *sqlite.Conn) error { return current(conn, opening{dir: dir, name: "order"}) })
	if err != nil {
		t.Error(err)
	}
}

// Every outage of SQLite becomes one code, with words that say what to do.
func TestOutagesAreExplained(t *testing.T) {
	for code, words := range advice {
		err := explain("x/order.db", code.ToError())
		if !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "x/order.db") {
			t.Errorf("%v: got %v", code, err)
		}
		if sqlite.ErrCode(err) != code {
			t.Errorf("%v: the cause is lost", code)
		}
	}
	if err := sqlite.ResultConstraintCheck.ToError(); explain("x", err) != err {
		t.Error("a broken constraint is no outage")
	}
}
