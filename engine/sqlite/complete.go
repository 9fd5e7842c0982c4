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

// complete refuses a data folder in which some of the files are missing while
// others hold something: making the missing ones anew would lose every order,
// or put stock on sale that is sold. A first start that was cut short leaves
// empty files, and is carried on with.
func complete(o Options) error {
	var there, missing []string
	for _, name := range names {
		path := filepath.Join(o.Dir, name+".db")
		switch info, err := os.Stat(path); {
		case err != nil:
			missing = append(missing, path)
		case info.Mode().IsRegular(): // of anything else its opening tells
			there = append(there, path)
		}
	}
	switch {
	case len(missing) == 0:
		return nil
	case len(missing) == len(names) && o.ReadOnly:
		return event.Errorf(event.Unavailable, "there is no %s; name another data folder, or run holdfast setup to make one here", missing[0])
	}
	for _, path := range there {
		used, err := holdsRows(path)
		if err != nil {
			return explain(path, err)
		}
		if used || o.ReadOnly {
			return event.Errorf(event.Unavailable, "%s is missing, though %s is there; put it back, from a backup if need be, or name another data folder",
				strings.Join(missing, " and "), path)
		}
	}
	return nil
}

// holdsRows reports whether any table of the file has a row.
func holdsRows(path string) (bool, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
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
