package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// complete refuses a data folder in which a file to open is missing and may not
// be made. Where it may, it is refused nevertheless if others hold something:
// making it anew would lose every order, or put stock on sale that is sold. A
// first start that was cut short leaves empty files, and is carried on with. The
// keys and the queues came later, and are made beside whatever is there.
func complete(o Options) error {
	var gone []string
	for _, name := range o.stores() {
		if missing(o.Dir, name) {
			gone = append(gone, filepath.Join(o.Dir, name+".db"))
		}
	}
	if len(gone) > 0 {
		if err := alone(o, gone); err != nil {
			return err
		}
	}
	if o.Shared && missing(o.Dir, keysFile) {
		gone = append(gone, filepath.Join(o.Dir, keysFile+".db"))
	}
	if len(gone) > 0 && (o.Shared || o.ReadOnly && len(gone) == len(o.stores())) {
		return notSetUp(o.Dir, gone[0])
	}
	return nil
}

// missing tells whether the folder has no file of that name.
func missing(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name+".db"))
	return err != nil
}

// notSetUp says which file is missing, and how it is made.
func notSetUp(dir, path string) error {
	return event.Errorf(event.Unavailable, "there is no %s; make it with: holdfast setup --data %s, or name another data folder with --data", path, dir)
}

// alone refuses files that are missing beside a store that holds something. To a
// process that only looks, any store counts.
func alone(o Options, gone []string) error {
	// A first start that was cut short may have left a journal, which only a
	// connection that may write can undo.
	flags := sqlite.OpenReadWrite
	if o.ReadOnly {
		flags = sqlite.OpenReadOnly
	}
	for _, name := range (Options{}).stores() {
		path := filepath.Join(o.Dir, name+".db")
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() { // of anything else its opening tells
			continue
		}
		used, err := holdsRows(path, flags)
		if err != nil {
			return explain(path, err)
		}
		if used || o.ReadOnly && len(gone) < len(o.stores()) {
			return event.Errorf(event.Unavailable, "%s is missing, though %s is there; put it back, from a backup if need be, or name another data folder",
				strings.Join(gone, " and "), path)
		}
	}
	return nil
}

// holdsRows reports whether any table of the file has a row.
func holdsRows(path string, flags sqlite.OpenFlags) (bool, error) {
	conn, err := sqlite.OpenConn(path, flags)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	conn.SetBusyTimeout(busyTimeout)
	var tables []string
	err = sqlitex.ExecuteTransient(conn, "SELECT name FROM sqlite_schema WHERE type = 'table'", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		tables = append(tables, s.ColumnText(0))
		return nil
	}})
	for _, table := range tables {
		rows, err := number(conn, fmt.Sprintf("SELECT EXISTS (SELECT 1 FROM %q)", table))
		if err != nil || rows > 0 {
			return rows > 0, err
		}
	}
	return false, err
}
