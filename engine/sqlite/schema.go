package sqlite

import (
	"embed"
	"fmt"
	"strings"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// schema holds the numbered migrations of each file: NAME.1.sql makes an empty
// database version 1 of NAME.db, NAME.2.sql makes that version 2, and so on. A
// migration that has been released never changes.
//
//go:embed schema/*.sql
var schema embed.FS

// The application ids by which one file is told from another, and from the
// database of another program (https://sqlite.org/pragma.html#pragma_application_id).
// Each reads as four letters in a hex dump.
var applicationIDs = map[string]int64{
	"order":     0x48466f72, // HFor
	"inventory": 0x4846696e, // HFin
	"payment":   0x48467061, // HFpa
	"gateway":   0x48466777, // HFgw
	"keys":      0x48466b79, // HFky

	"order.queue":     0x4846716f, // HFqo
	"inventory.queue": 0x48467169, // HFqi
	"payment.queue":   0x48467170, // HFqp
}

// migrations returns the statements that lead from each version to the next. The
// files of a kind, such as order.queue and payment.queue, have one schema.
func migrations(name string) []string {
	if _, kind, ok := strings.Cut(name, "."); ok {
		name = kind
	}
	var steps []string
	for {
		step, err := schema.ReadFile(fmt.Sprintf("schema/%s.%d.sql", name, len(steps)+1))
		if err != nil {
			return steps
		}
		steps = append(steps, string(step))
	}
}

// version returns the schema version of the database, 0 for an empty one. It
// refuses a database that is not Holdfast's of that name, and one that a newer
// Holdfast has written.
func version(conn *sqlite.Conn, o opening, newest int64) (int64, error) {
	id, err := number(conn, "PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	found, err := number(conn, "PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	tables, err := number(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return 0, err
	}
	switch {
	case id == 0 && tables == 0:
		return 0, nil
	case id != applicationIDs[o.name]:
		return 0, event.Errorf(event.Unavailable, "%s is a database, but not Holdfast's %s.db; move it away, or name another data folder", o.path(), o.name)
	case found > newest:
		return 0, event.Errorf(event.Unavailable, "%s has schema version %d and this build knows versions up to %d; run the newer holdfast that wrote it", o.path(), found, newest)
	}
	return found, nil
}

// migrate brings the database to the newest version, in one transaction.
func migrate(conn *sqlite.Conn, o opening) (err error) {
	steps := migrations(o.name)
	if _, err := version(conn, o, int64(len(steps))); err != nil {
		return err
	}
	// Only now: a foreign database must be left as it was found.
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA journal_mode = WAL", nil); err != nil {
		return err
	}
	end, err := sqlitex.ImmediateTransaction(conn)
	if err != nil {
		return err
	}
	defer end(&err)
	// Another process may have migrated it meanwhile.
	from, err := version(conn, o, int64(len(steps)))
	if err != nil {
		return err
	}
	if err := conn.CreateFunction("name_hash", nameHash); err != nil {
		return err
	}
	for _, step := range steps[from:] {
		if err := sqlitex.ExecScript(conn, step); err != nil {
			return fmt.Errorf("migrate %s.db: %w", o.name, err)
		}
	}
	return sqlitex.ExecScript(conn, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationIDs[o.name], len(steps)))
}

// nameHash is hash, for migrations.
var nameHash = &sqlite.FunctionImpl{
	NArgs:         1,
	Deterministic: true,
	Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
		return sqlite.IntegerValue(hash(args[0].Text())), nil
	},
}

// number runs a query that answers with one number.
func number(conn *sqlite.Conn, query string) (int64, error) {
	var n int64
	err := sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		n = s.ColumnInt64(0)
		return nil
	}})
	return n, err
}

// current refuses a database that this build would have to migrate first.
func current(conn *sqlite.Conn, o opening) error {
	newest := int64(len(migrations(o.name)))
	found, err := version(conn, o, newest)
	if err == nil && found < newest {
		return event.Errorf(event.Unavailable, "%s has schema version %d and this build needs %d; bring it up to date with: holdfast setup --data %s", o.path(), found, newest, o.dir)
	}
	return err
}
