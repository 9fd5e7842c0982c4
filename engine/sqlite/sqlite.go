// Package sqlite is the embedded engine: the ports of the three services over
// SQLite, one file a service in the data folder, one for the simulated gateway's
// own books, and one for the API's keys; and a queue between processes, one file
// a reader.
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

// storesOf are the files of each service's own, without .db. The simulated
// gateway's is opened with the service that calls it.
var storesOf = map[event.Service][]string{
	event.Order:     {"order"},
	event.Inventory: {"inventory"},
	event.Payment:   {"payment", "gateway"},
}

// keysFile is the file that is opened for every service.
const keysFile = "keys"

// Options say where the files are and what they are opened for.
type Options struct {
	Dir string // the data folder
	// Services are those whose files are opened, nil for all of them. The ports of
	// the others are nil. The API keys are always opened.
	Services []event.Service
	// ReadOnly opens what is there, for an audit beside a running system: no
	// database is made, migrated or locked, and every write fails with
	// event.Unavailable.
	ReadOnly bool
	// Shared opens what is there to read and write, for a process that has the
	// folder beside others: no database is made or migrated.
	Shared bool
	// RunLength is how many new orders are found in memory before they are merged
	// into the tables that find them by id and by user; 0: as many as suit a machine.
	RunLength int
}

func (o Options) access() access {
	switch {
	case o.ReadOnly:
		return toRead
	case o.Shared:
		return toShare
	}
	return toMake
}

// stores are the files to open but the keys.
func (o Options) stores() []string {
	services := o.Services
	if services == nil {
		services = event.Services
	}
	var names []string
	for _, s := range services {
		names = append(names, storesOf[s]...)
	}
	return names
}

// Version is the version of the SQLite library.
func Version() string { return sqlite.Version }

// Open opens the data folder, and unless it is ReadOnly or Shared makes what is
// missing and brings older files to this build's schema. It fails with
// event.Unavailable and words that say what to do: when the folder or a file
// cannot be used, is not Holdfast's, is damaged, was written by a newer build, or
// is missing or older and may not be made or migrated.
func Open(o Options) (*engine.Engine, error) {
	if o.access() == toMake {
		if err := makeFolder(o.Dir); err != nil {
			return nil, err
		}
	}
	if err := complete(o); err != nil {
		return nil, err
	}
	fault := new(atomic.Pointer[engine.Fault])
	open := make(map[string]*database)
	for _, name := range o.toOpen() {
		db, err := openDatabase(opening{dir: o.Dir, name: name, access: o.access(), pragmas: storePragmas, readers: storeReaders, fault: fault})
		if err != nil {
			closeAll(open)
			return nil, err
		}
		open[name] = db
		if err := db.startCheckpoints(); err != nil {
			closeAll(open)
			return nil, err
		}
	}
	e, err := ports(open, o)
	if err != nil {
		closeAll(open)
		return nil, err
	}
	e.Ready = func(ctx context.Context) error { return ready(ctx, open) }
	e.Close = func() error { return closeAll(open) }
	e.SetFault = func(f engine.Fault) {
		if f == nil {
			fault.Store(nil)
			return
		}
		fault.Store(&f)
	}
	return e, nil
}

func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return event.Errorf(event.Unavailable, "the data folder cannot be made: %w; name another one, or make it writable for this user", err)
	}
	return nil
}

// toOpen are the names of all files to open. A folder from before there were keys
// can be read: there are none in it.
func (o Options) toOpen() []string {
	if o.ReadOnly && missing(o.Dir, keysFile) {
		return o.stores()
	}
	return append(o.stores(), keysFile)
}

// ports are those of the files that are open.
func ports(open map[string]*database, o Options) (*engine.Engine, error) {
	e := &engine.Engine{DeadLetters: make(map[event.Service]event.DeadLetters), Keys: keyStore{open[keysFile]}}
	if db := open["order"]; db != nil {
		orders, err := newOrders(db, o)
		if err != nil {
			return nil, err
		}
		e.Orders, e.DeadLetters[event.Order] = orders, deadLetters{db}
	}
	if db := open["inventory"]; db != nil {
		e.Inventory, e.DeadLetters[event.Inventory] = newStock(db), deadLetters{db}
	}
	if db := open["payment"]; db != nil {
		e.Payments, e.DeadLetters[event.Payment] = newPayments(db), deadLetters{db}
		e.Ledger = newLedger(open["gateway"])
	}
	return e, nil
}

// ready tells whether every file can be read, and written where the last write
// failed.
func ready(ctx context.Context, open map[string]*database) error {
	for _, db := range open {
		if err := db.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

func closeAll(open map[string]*database) error {
	var errs []error
	for _, db := range open {
		if err := db.close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", db.path, err))
		}
	}
	return errors.Join(errs...)
}
