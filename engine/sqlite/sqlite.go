// Package sqlite is the embedded engine: the ports of the three services over
// SQLite, one file a service in the data folder, and one for the simulated
// gateway's own books.
//
//	many callers ─▶ writer ─ one commit, one fsync ─▶ order.db ◀─ read connections ─ many callers
//
// Each file has one writer, which takes all that waits into one transaction
// (group commit), so that a thousand orders cost one fsync. What a commit holds
// survives kill -9 and power loss: the write-ahead log is synced before the
// writer answers (https://sqlite.org/pragma.html#pragma_synchronous, FULL).
// Readers have connections of their own and never wait for the writer.
//
// Other processes may use the files at the same time.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"holdfast/engine"
	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// names are those of the files, without .db.
var names = []string{"order", "inventory", "payment", "gateway"}

// Options say where the files are and what they are opened for.
type Options struct {
	Dir string // the data folder
	// ReadOnly opens what is there, for an audit beside a running system: no
	// database is made, migrated or locked, and every write fails with
	// event.Unavailable.
	ReadOnly bool
}

// Version is the version of the SQLite library.
func Version() string { return sqlite.Version }

// Open opens the data folder, and unless it is ReadOnly makes what is missing
// and brings older files to this build's schema. It fails with
// event.Unavailable and words that say what to do: when the folder or a file
// cannot be used, is not Holdfast's, is damaged, or was written by a newer build.
func Open(o Options) (*engine.Engine, error) {
	if !o.ReadOnly {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, event.Errorf(event.Unavailable, "the data folder cannot be made: %w; name another one, or make it writable for this user", err)
		}
	}
	if err := complete(o); err != nil {
		return nil, err
	}
	fault := new(atomic.Pointer[engine.Fault])
	var open []*database
	for _, name := range names {
		db, err := openDatabase(o, name, fault)
		if err != nil {
			closeAll(open)
			return nil, err
		}
		open = append(open, db)
	}
	return &engine.Engine{
		Orders:    orders{open[0]},
		Inventory: stock{open[1]},
		Payments:  payments{open[2]},
		DeadLetters: map[event.Service]event.DeadLetters{
			event.Order:     deadLetters{open[0]},
			event.Inventory: deadLetters{open[1]},
			event.Payment:   deadLetters{open[2]},
		},
		Ledger: ledger{open[3]},
		Ready:  func(ctx context.Context) error { return ready(ctx, open) },
		Close:  func() error { return closeAll(open) },
		SetFault: func(f engine.Fault) {
			if f == nil {
				fault.Store(nil)
				return
			}
			fault.Store(&f)
		},
	}, nil
}

// ready tells whether every file can be read, and written where the last write
// failed.
func ready(ctx context.Context, open []*database) error {
	for _, db := range open {
		if err := db.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

func closeAll(open []*database) error {
	var errs []error
	for _, db := range open {
		if err := db.close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", db.path, err))
		}
	}
	return errors.Join(errs...)
}
