package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"holdfast/engine"
	"holdfast/event"

	"github.com/gofrs/flock"
)

// QueueOptions say where the queue files are and what they are opened for.
type QueueOptions struct {
	Dir string // the data folder
	// ReadOnly opens what is there, for an audit beside a running system. A file
	// that is missing is an empty queue; all but Depth fails with event.Unavailable.
	ReadOnly bool
	// Shared opens what is there, for a process that has the folder beside others.
	// Without it the process has the folder for itself: files are made or migrated,
	// and every lease and delay is void, for whoever asked for it is gone.
	Shared bool
	// Watch has the system tell of what other processes send, so that a process that
	// idles need not look; where the system cannot, it looks all the same.
	Watch bool
	// Capacity is how many events each queue holds, as far as this process sends
	// them.
	Capacity int
}

// Queues are the queues of all services, each a file in the data folder.
type Queues struct {
	Queues event.Queues

	all     []*queue
	watcher *watcher // nil: nobody tells
	// busyAt is when one of them was last used here, in Unix nanoseconds. An answer
	// to what was sent is likely on its way.
	busyAt atomic.Int64
}

// OpenQueues opens the queue files of a data folder. It fails with
// event.Unavailable and words that say what to do, as Open does; a queue that is
// damaged may be deleted.
func OpenQueues(o QueueOptions) (*Queues, error) {
	access := Options{ReadOnly: o.ReadOnly, Shared: o.Shared}.access()
	if access == toMake {
		if err := makeFolder(o.Dir); err != nil {
			return nil, err
		}
	}
	all := &Queues{Queues: make(event.Queues)}
	if o.Watch {
		all.watcher = newWatcher()
	}
	for _, s := range event.Services {
		q := &queue{
			capacity: int64(o.Capacity), all: all, wake: make(chan struct{}, 1),
			file: opening{dir: o.Dir, name: string(s) + ".queue", access: access, pragmas: queuePragmas, readers: 1, fault: new(atomic.Pointer[engine.Fault])},
		}
		all.all, all.Queues[s] = append(all.all, q), q
		if err := q.start(); err != nil {
			return nil, errors.Join(err, all.Close())
		}
	}
	return all, nil
}

// Close releases the files. No method of a queue may be called after it.
func (a *Queues) Close() error {
	errs := []error{a.watcher.close()}
	for _, q := range a.all {
		errs = append(errs, q.close())
	}
	return errors.Join(errs...)
}

// stir has all who wait for an event look again at once, and often for a while.
func (a *Queues) stir() {
	a.busyAt.Store(time.Now().UnixNano())
	for _, q := range a.all {
		q.signal()
	}
}

// A Receive that waits looks at the file every shortestWait while the queues are
// in use, and the more seldom the longer they are not: an answer that takes 40 ms
// is seen 2.5 ms after it is there. In the pauses between a person's orders a look
// is never further off than pauseWait. After ten seconds it is longestWait, or where
// the queue is watched, watchedWait: what costs a process that idles is to wake.
const (
	shortestWait = time.Millisecond
	pauseWait    = 20 * time.Millisecond
	longestWait  = 40 * time.Millisecond
)

// pause is how long to wait before looking again.
func (a *Queues) pause() time.Duration {
	idle := time.Duration(time.Now().UnixNano() - a.busyAt.Load())
	return max(shortestWait, min(idle/16, pauseWait), min(idle/250, longestWait))
}

// lockOpening keeps other processes from opening queue files meanwhile: one must
// not clear away what another has just made.
func lockOpening(dir string) (release func(), err error) {
	path := filepath.Join(dir, "queues.lock")
	lock := flock.New(path)
	ctx, cancel := context.WithTimeout(context.Background(), busyTimeout)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, time.Millisecond); err != nil {
		return nil, event.Errorf(event.Unavailable, "%s cannot be locked: %w; see that its folder exists and is writable for this user, and that no other holdfast hangs", path, err)
	}
	return func() { lock.Unlock() }, nil
}
