package sqlite

import (
	"context"
	"errors"
	"time"

	"zombiezen.com/go/sqlite"
)

const (
	// logPages is how long the write-ahead log of a store may grow before it is
	// moved into the file: 16 MB.
	logPages = 4000
	// checkpointEvery is how often a log that grows is looked at.
	checkpointEvery = 20 * time.Millisecond
)

// startCheckpoints has the log of a store that is written to moved into the file.
func (db *database) startCheckpoints() error {
	if db.write == nil {
		return nil
	}
	conn, err := sqlite.OpenConn(db.path, sqlite.OpenReadWrite)
	if err != nil {
		return explain(db.path, err)
	}
	if err := configure(conn, storePragmas); err != nil {
		return errors.Join(explain(db.path, err), conn.Close())
	}
	db.inBackground(func(ctx context.Context) {
		defer conn.Close()
		db.checkpoints(ctx, conn)
	})
	return nil
}

// checkpoints moves the write-ahead log into the file whenever it has grown long
// enough, until ctx ends. SQLite's own checkpoint is part of a commit, and holds
// up all that waits for the writer for as long as it takes to write and sync
// thousands of pages. This one has a connection of its own, and reads and writes
// beside the commits (https://sqlite.org/wal.html#concurrency). While it does, the
// log grows on; the writer itself moves that rest, a small fraction, between two
// commits, and the next begins the log afresh.
func (db *database) checkpoints(ctx context.Context, conn *sqlite.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-db.write.grown:
		}
		// What fails here is tried again; a file that is broken the writer finds so too.
		if n, err := logged(conn, "NOOP"); err == nil && n >= logPages {
			if _, err := logged(conn, "PASSIVE"); err == nil {
				db.write.finish.Store(true)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(checkpointEvery):
		}
	}
}

// logged runs a checkpoint and returns how many pages the log has.
func logged(conn *sqlite.Conn, mode string) (pages int64, err error) {
	s, err := prepare(conn, "PRAGMA wal_checkpoint("+mode+")")
	if err != nil {
		return 0, err
	}
	_, err = s.one(func(r *row) error {
		if busy := r.boolean(); busy {
			return errors.New("another process moves the log")
		}
		pages = r.integer()
		return nil
	})
	return pages, err
}
