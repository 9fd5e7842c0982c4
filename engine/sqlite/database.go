package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"holdfast/engine"
	"holdfast/event"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	// busyTimeout is how long a write waits for another process's write.
	busyTimeout = 5 * time.Second
	// readers is how many reads of one file can run at once.
	readers = 4
)

// writerPragmas set up the connection that writes. A larger cache than 16 MB
// costs more at each commit than it saves. 4,000 pages of write-ahead log (16 MB)
// are moved into the file at a time; an outgrown log is cut back to 64 MB.
// fullfsync makes a sync reach the platter on macOS, and means nothing elsewhere.
var writerPragmas = []string{
	"PRAGMA synchronous = FULL",
	"PRAGMA fullfsync = ON",
	"PRAGMA cache_size = -16384",
	"PRAGMA temp_store = MEMORY",
	"PRAGMA wal_autocheckpoint = 4000",
	"PRAGMA journal_size_limit = 67108864",
}

// database is one open file: a writer and a few connections that read.
type database struct {
	path  string
	read  *sqlitex.Pool
	write *writer // nil if the file was opened to be read only
}

// openDatabase opens NAME.db in the data folder.
func openDatabase(o Options, name string, fault *atomic.Pointer[engine.Fault]) (_ *database, err error) {
	db := &database{path: filepath.Join(o.Dir, name+".db")}
	defer func() {
		if err != nil {
			err = errors.Join(explain(db.path, err), db.close())
		}
	}()
	if !o.ReadOnly {
		conn, err := openWriter(db.path, name)
		if err != nil {
			return nil, err
		}
		if db.write, err = startWriter(db.path, conn, fault); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	db.read, err = sqlitex.NewPool(db.path, sqlitex.PoolOptions{
		Flags: sqlite.OpenReadOnly, PoolSize: readers,
		PrepareConn: func(conn *sqlite.Conn) error {
			conn.SetBusyTimeout(busyTimeout)
			return sqlitex.ExecuteTransient(conn, "PRAGMA temp_store = MEMORY", nil)
		},
	})
	if err != nil {
		return nil, err
	}
	return db, db.view(context.Background(), func(conn *sqlite.Conn) error { return current(conn, db.path, name) })
}

// openWriter opens the connection that writes, and migrates the file.
func openWriter(path, name string) (_ *sqlite.Conn, err error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	conn.SetBusyTimeout(busyTimeout)
	if err := migrate(conn, path, name); err != nil {
		return nil, err
	}
	for _, pragma := range writerPragmas {
		if err := sqlitex.ExecuteTransient(conn, pragma, nil); err != nil {
			return nil, err
		}
	}
	return conn, nil
}

// close moves the write-ahead log into the file, unless another process still
// uses it, and closes every connection.
func (db *database) close() error {
	var errs []error
	if db.read != nil {
		errs = append(errs, db.read.Close())
	}
	if db.write != nil {
		errs = append(errs, db.write.close())
	}
	return errors.Join(errs...)
}

// view runs read on a connection of its own. It sees every commit before it.
func (db *database) view(ctx context.Context, read func(*sqlite.Conn) error) error {
	conn, err := db.read.Take(ctx)
	if err == nil {
		defer db.read.Put(conn)
		err = read(conn)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return explain(db.path, err)
}

// ready tells whether the file can be read, and, if the last write failed, whether
// it can be written again.
func (db *database) ready(ctx context.Context) error {
	err := db.view(ctx, func(conn *sqlite.Conn) error {
		_, err := number(conn, "SELECT count(*) FROM sqlite_schema")
		return err
	})
	if err != nil || db.write == nil {
		return err
	}
	if err := db.write.unmoved(); err != nil || !db.write.failing.Load() {
		return err
	}
	return db.update(ctx, 1, func(t *tx) error {
		t.wrote = true
		version, err := number(t.conn, "PRAGMA user_version")
		if err != nil {
			return err
		}
		return sqlitex.ExecuteTransient(t.conn, fmt.Sprintf("PRAGMA user_version = %d", version), nil)
	})
}

// update runs change in the writer's next transaction, with others'. It returns
// when all of it is durable, or none. rows is how many orders or rows change
// touches; change may run more than once, and must set whatever it hands out
// afresh each time.
func (db *database) update(ctx context.Context, rows int, change func(*tx) error) error {
	if db.write == nil {
		return event.Errorf(event.Unavailable, "%s is open to be read only", db.path)
	}
	return db.write.do(ctx, rows, change)
}
