package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
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
	// storeReaders is how many reads of one store can run at once.
	storeReaders = 4
)

// storePragmas set up the connection that writes to a store. It needs little cache:
// rows are written at their tables' ends, and each 4 KB page takes 8 KB of memory in
// this build of SQLite. The write-ahead log is moved into the file beside the commits,
// see startCheckpoints; by one of them only when that falls behind, at 64 MB. An
// outgrown log is cut back to that. fullfsync makes a sync reach the platter on macOS,
// and means nothing elsewhere.
var storePragmas = []string{
	"PRAGMA synchronous = FULL",
	"PRAGMA fullfsync = ON",
	"PRAGMA cache_size = -2048",
	"PRAGMA temp_store = MEMORY",
	"PRAGMA wal_autocheckpoint = 16000",
	"PRAGMA journal_size_limit = 67108864",
}

// readerPragmas set up a connection that reads. The system's own cache is behind its
// small one.
var readerPragmas = []string{
	"PRAGMA temp_store = MEMORY",
	"PRAGMA cache_size = -512",
}

// access is what a file is opened for.
type access int

const (
	toMake  access = iota // to read and write; it is made if missing, and brought to this build's schema
	toShare               // to read and write; it must be there, of this build's schema
	toRead                // to read; it must be there, of this build's schema
)

// opening says which file is opened, and how.
type opening struct {
	dir     string
	name    string // the file's, without .db
	access  access
	pragmas []string // of the connection that writes
	readers int      // connections that read; one of them is kept at hand, for reads that are short and many
	fault   *atomic.Pointer[engine.Fault]
}

func (o opening) path() string { return filepath.Join(o.dir, o.name+".db") }

// database is one open file: a writer and a few connections that read.
type database struct {
	path  string
	read  *sqlitex.Pool // nil if reader is all there is
	write *writer       // nil if the file was opened to be read only

	reading sync.Mutex // held while reader is used
	reader  *sqlite.Conn

	background sync.WaitGroup
	stop       []context.CancelFunc // each ends something that runs in the background
}

// openDatabase opens a file.
func openDatabase(o opening) (_ *database, err error) {
	db := &database{path: o.path()}
	defer func() {
		if err != nil {
			err = errors.Join(explain(db.path, err), db.close())
		}
	}()
	if o.access != toRead {
		conn, err := openWriter(o)
		if err != nil {
			return nil, err
		}
		if db.write, err = startWriter(db.path, conn, o.fault); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	if err := db.openReaders(o.readers); err != nil {
		return nil, err
	}
	return db, db.view(context.Background(), func(conn *sqlite.Conn) error { return current(conn, o) })
}

// openReaders opens the connections that read. Taking one from a pool costs
// several times what a short read does.
func (db *database) openReaders(n int) (err error) {
	prepare := func(conn *sqlite.Conn) error {
		conn.SetBusyTimeout(busyTimeout)
		return configure(conn, readerPragmas)
	}
	if n > 1 {
		db.read, err = sqlitex.NewPool(db.path, sqlitex.PoolOptions{Flags: sqlite.OpenReadOnly, PoolSize: n, PrepareConn: prepare})
		return err
	}
	if db.reader, err = sqlite.OpenConn(db.path, sqlite.OpenReadOnly); err != nil {
		return err
	}
	return prepare(db.reader)
}

// openWriter opens the connection that writes, and migrates a file that is
// opened toMake.
func openWriter(o opening) (_ *sqlite.Conn, err error) {
	flags := sqlite.OpenReadWrite
	if o.access == toMake {
		flags |= sqlite.OpenCreate
	}
	conn, err := sqlite.OpenConn(o.path(), flags)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	conn.SetBusyTimeout(busyTimeout)
	if o.access == toMake {
		err = migrate(conn, o)
	} else {
		err = current(conn, o)
	}
	if err != nil {
		return nil, err
	}
	if err := configure(conn, o.pragmas); err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(0) // begin waits
	return conn, nil
}

func configure(conn *sqlite.Conn, pragmas []string) error {
	for _, pragma := range pragmas {
		if err := sqlitex.ExecuteTransient(conn, pragma, nil); err != nil {
			return err
		}
	}
	return nil
}

// close moves the write-ahead log into the file, unless another process still
// uses it, and closes every connection.
func (db *database) close() error {
	for _, stop := range db.stop {
		stop()
	}
	db.background.Wait()
	var errs []error
	if db.read != nil {
		errs = append(errs, db.read.Close())
	}
	if db.reader != nil {
		errs = append(errs, db.reader.Close())
	}
	if db.write != nil {
		errs = append(errs, db.write.close())
	}
	return errors.Join(errs...)
}

// remember has the writer, if there is one, keep the memories right. It must be
// called before the first update.
func (db *database) remember(m ...memory) {
	if db.write != nil {
		db.write.memories = append(db.write.memories, m...)
	}
}

// inBackground runs work beside the file's use, until its context ends: when the
// file is closed.
func (db *database) inBackground(work func(context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	db.stop = append(db.stop, stop)
	db.background.Go(func() { work(ctx) })
}

// view runs read on a connection of its own. It sees every commit before it.
func (db *database) view(ctx context.Context, read func(*sqlite.Conn) error) error {
	if db.reader != nil {
		db.reading.Lock()
		defer db.reading.Unlock()
		return explain(db.path, read(db.reader))
	}
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
