package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// queuePragmas set up the connection that writes to a queue. A power cut may lose
// messages, which are sent again, but never corrupts the file. Small caches and
// logs, since every process has all queues open: a message is received soon after
// it was sent, if it is not, reading it again from the file is no loss.
var queuePragmas = []string{
	"PRAGMA synchronous = NORMAL",
	"PRAGMA cache_size = -4096",
	"PRAGMA temp_store = MEMORY",
	"PRAGMA wal_autocheckpoint = 1000",
	"PRAGMA journal_size_limit = 8388608",
}

// start opens the file for the first time.
func (q *queue) start() error {
	switch {
	case q.file.access == toRead:
		return nil // each Depth opens what is there by then
	case q.file.access == toShare && missing(q.file.dir, q.file.name):
		return notSetUp(q.file.dir, q.file.path())
	}
	if err := q.open(); err != nil {
		return q.explain(err)
	}
	if q.file.access == toMake {
		return q.use(func(db *database) error { return db.update(context.Background(), 1, voidLeases) })
	}
	return nil
}

// use does something with the file. If that was moved, replaced or deleted, use
// fails, and the next one has a new file.
func (q *queue) use(do func(*database) error) error {
	if q.file.access == toRead {
		return event.Errorf(event.Unavailable, "%s is open to be read only", q.file.path())
	}
	db, err := q.hold()
	if err != nil {
		return q.explain(err)
	}
	if err = db.write.unmoved(); err == nil {
		err = do(db)
	}
	q.mu.RUnlock()
	if errors.Is(err, errMoved) {
		q.discard(db)
	}
	return q.explain(err)
}

// look reads the file as it is now, in a process that only looks; one that is
// missing holds nothing.
func (q *queue) look(read func(*database) error) error {
	if missing(q.file.dir, q.file.name) {
		return nil
	}
	db, err := openDatabase(q.file)
	if err != nil {
		return q.explain(err)
	}
	return q.explain(errors.Join(read(db), db.close()))
}

// hold returns the open file, opened if it is not. The caller holds q.mu for
// reading then.
func (q *queue) hold() (*database, error) {
	for {
		q.mu.RLock()
		if q.db != nil {
			return q.db, nil
		}
		q.mu.RUnlock()
		if err := q.reopen(); err != nil {
			return nil, err
		}
	}
}

// reopen opens a file that was lost while in use. Even a process that shares the
// folder makes it anew.
func (q *queue) reopen() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return event.Errorf(event.Unavailable, "%s is closed", q.file.path())
	case q.db != nil:
		return nil
	}
	return q.open()
}

// open opens the file, and makes it if it is missing. An older one is migrated
// only by who has the folder for itself.
func (q *queue) open() error {
	release, err := lockOpening(q.file.dir)
	if err != nil {
		return err
	}
	defer release()
	file := q.file
	if missing(file.dir, file.name) {
		file.access = toMake
		if err := clearLog(file.path()); err != nil {
			return err
		}
	}
	db, err := openDatabase(file)
	if err != nil {
		return err
	}
	q.db = db
	return nil
}

// clearLog removes the write-ahead log of a file that is gone, and the log's
// index: SQLite would take them for a new file's.
func clearLog(path string) error {
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return event.Errorf(event.Unavailable, "the log of a deleted queue cannot be removed: %w; delete that file", err)
		}
	}
	return nil
}

// discard closes a file that was lost, once nobody uses it any more.
func (q *queue) discard(lost *database) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.db == lost {
		q.db = nil
		lost.close() // SQLite leaves alone what is in its place
	}
}

func (q *queue) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if q.db == nil {
		return nil
	}
	db := q.db
	q.db = nil
	return db.close()
}

// explain adds to a file's failure what is true of queues alone: they may be
// deleted.
func (q *queue) explain(err error) error {
	path := q.file.path()
	switch code := sqlite.ErrCode(err).ToPrimary(); {
	case err == nil:
		return nil
	case errors.Is(err, errMoved):
		return event.Errorf(event.Unavailable, "%s %w; it is made anew, what it held is sent again by the sweeper, and no order is lost", path, errMoved)
	case code == sqlite.ResultCorrupt, code == sqlite.ResultNotADB:
		return event.Errorf(event.Unavailable, "%s is damaged; delete it, with its -wal and its -shm: what it held is sent again by the sweeper, and no order is lost (%w)", path, err)
	}
	return err
}
