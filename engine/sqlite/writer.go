package sqlite

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/engine"
	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// maxRows is how many orders or rows one commit takes in. A commit may exceed
// it by its last job.
const maxRows = 1024

// How long a writer sleeps before it asks again for a file that another process
// writes to.
const (
	shortestBusy = 100 * time.Microsecond
	longestBusy  = time.Millisecond
)

// writer is the one goroutine that writes to a file. It takes the jobs that
// wait, at once and however few they are, into one transaction, commits it, and
// answers them all.
type writer struct {
	path  string
	conn  *sqlite.Conn
	file  os.FileInfo // of the file that conn has open
	fault *atomic.Pointer[engine.Fault]

	memories []memory // of the file's contents; set before the first job
	version  int64    // of the file's contents, as far as the memories know them

	grown  chan struct{} // holds a token when the write-ahead log has grown since it was looked at
	finish atomic.Bool   // whether most of the log is in the file, and the rest is to follow

	patience time.Duration // how long a transaction waits for another process's
	failing  atomic.Bool   // whether the last transaction failed by no job's own fault

	mu     sync.Mutex
	jobs   []*job // that wait
	closed bool   // no more are taken

	wake  chan struct{} // holds a token when jobs wait, or there will be no more
	ended chan struct{} // closed when the goroutine has ended
}

// job is one caller's part of a transaction.
type job struct {
	ctx    context.Context
	rows   int
	change func(*tx) error
	settle atomic.Bool // set by whoever comes first: the writer that takes it, or its caller that leaves
	done   chan error  // takes one answer without blocking
}

// tx is a transaction while it is open.
type tx struct {
	conn  *sqlite.Conn
	wrote bool // whether anything is to be committed
}

// exec runs a statement that writes.
func (t *tx) exec(query string, bind func(*statement)) error {
	s, err := prepare(t.conn, query)
	if err != nil {
		return err
	}
	bind(s)
	if err := s.run(); err != nil {
		return err
	}
	t.wrote = t.wrote || t.conn.Changes() > 0
	return nil
}

func startWriter(path string, conn *sqlite.Conn, fault *atomic.Pointer[engine.Fault]) (*writer, error) {
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	w := &writer{path: path, conn: conn, file: file, fault: fault, patience: busyTimeout, grown: make(chan struct{}, 1), wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go w.run()
	return w, nil
}

// errMoved is the cause of every refusal to use a file that is gone.
var errMoved = errors.New("was moved, replaced or deleted while in use")

// unmoved refuses a file that is not where it was opened any more: what is
// written to it then is gone when the process is.
func (w *writer) unmoved() error {
	if now, err := os.Stat(w.path); err != nil || !os.SameFile(now, w.file) {
		return event.Errorf(event.Unavailable, "%s %w; stop holdfast, put the file back, and start again", w.path, errMoved)
	}
	return nil
}

// close ends the goroutine once the jobs that wait are done, and closes the connection.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	wake(w.wake)
	<-w.ended
	return w.conn.Close()
}

// wake puts a token in, unless there is one.
func wake(token chan<- struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// do hands a job to the writer and waits for its answer. If ctx ends before the
// job is taken, it is not run; once it is taken, do waits for its commit, so
// that an answer is never in doubt for the want of a little patience.
func (w *writer) do(ctx context.Context, rows int, change func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, rows: rows, change: change, done: make(chan error, 1)}
	if !w.enqueue(j) {
		return event.Errorf(event.Unavailable, "%s is closed", w.path)
	}
	select {
	case err := <-j.done:
		return explain(w.path, err)
	case <-ctx.Done():
		if j.settle.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return explain(w.path, <-j.done)
	}
}

// enqueue adds a job to those that wait, unless the file is being closed.
func (w *writer) enqueue(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	if w.jobs = append(w.jobs, j); len(w.jobs) == 1 {
		wake(w.wake)
	}
	return true
}

func (w *writer) run() {
	defer close(w.ended)
	for range w.wake {
		// The callers just answered come back at once with their next jobs:
		// letting them run first makes this commit larger, for 1.2 × the rate.
		runtime.Gosched()
		batch, more, closed := w.take()
		if len(batch) > 0 {
			w.commit(batch)
			wake(w.grown)
		}
		if w.finish.CompareAndSwap(true, false) {
			_, _ = logged(w.conn, "PASSIVE") // what fails is tried again when the log is longer
		}
		switch {
		case more:
			wake(w.wake)
		case closed:
			return
		}
	}
}

// take takes as many of the jobs that wait as one commit takes in, leaving out those
// whose callers have gone. It tells whether more wait, and whether no others come.
func (w *writer) take() (batch []*job, more, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows, n := 0, 0
	for _, j := range w.jobs {
		if rows >= maxRows {
			break
		}
		n++
		if j.ctx.Err() == nil && j.settle.CompareAndSwap(false, true) {
			batch = append(batch, j)
			rows += j.rows
		}
	}
	rest := copy(w.jobs, w.jobs[n:])
	clear(w.jobs[rest:])
	w.jobs = w.jobs[:rest]
	return batch, rest > 0, w.closed
}

// ownFault is a failure of one job, which is no reason for its neighbours to fail.
type ownFault struct{ error }

func (e ownFault) Unwrap() error { return e.error }

// commit carries out a batch. If one job is at fault, each gets a transaction
// of its own.
func (w *writer) commit(batch []*job) {
	err := w.transact(batch)
	var own ownFault
	if errors.As(err, &own) {
		if len(batch) > 1 {
			for _, j := range batch {
				w.commit([]*job{j})
			}
			return
		}
		err = own.error
	}
	w.failing.Store(err != nil && own.error == nil)
	for _, j := range batch {
		j.done <- err
	}
}

// transact runs the jobs in one transaction, all of them or none.
func (w *writer) transact(batch []*job) error {
	if len(batch) == 0 {
		return nil
	}
	if err := w.begin(); err != nil {
		return err
	}
	t := &tx{conn: w.conn}
	err := w.fill(t, batch)
	if err == nil && t.wrote {
		err = w.unmoved()
	}
	if err == nil {
		err = execute(w.conn, "COMMIT")
	}
	if err != nil {
		w.rollback() // begin makes up for one that fails
	}
	for _, m := range w.memories {
		m.end(err == nil)
	}
	if err != nil {
		return err
	}
	return w.strike(t, engine.AfterCommit)
}

// begin opens a transaction that no other process can write beside. While one
// does, it asks again and again: SQLite itself would sleep for ever longer.
func (w *writer) begin() error {
	if err := w.rollback(); err != nil {
		return err
	}
	wait := shortestBusy
	for until := time.Now().Add(w.patience); ; wait = min(2*wait, longestBusy) {
		err := execute(w.conn, "BEGIN IMMEDIATE")
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultBusy || time.Now().After(until) {
			return err
		}
		time.Sleep(wait)
	}
}

// fill does all of a transaction's work but its commit.
func (w *writer) fill(t *tx, batch []*job) error {
	if err := w.recall(); err != nil {
		return err
	}
	for _, j := range batch {
		if err := j.change(t); err != nil {
			return blame(err)
		}
	}
	for _, m := range w.memories {
		if err := m.flush(t); err != nil {
			return blame(err)
		}
	}
	return w.strike(t, engine.BeforeCommit)
}

// recall tells the memories that a transaction has begun, and whether they may
// still be believed: data_version differs once another connection has written
// (https://sqlite.org/pragma.html#pragma_data_version).
func (w *writer) recall() error {
	if len(w.memories) == 0 {
		return nil
	}
	s, err := prepare(w.conn, "PRAGMA data_version")
	if err != nil {
		return err
	}
	var version int64
	if _, err := s.one(func(r *row) error { version = r.integer(); return nil }); err != nil {
		return err
	}
	for _, m := range w.memories {
		if err := m.begin(w.conn, version != w.version); err != nil {
			return err
		}
	}
	w.version = version
	return nil
}

// blame calls a failure the job's own unless the file itself failed.
func blame(err error) error {
	if outage(err) {
		return err
	}
	return ownFault{err}
}

// rollback ends the transaction if there is one: after some errors SQLite has
// ended it already (https://sqlite.org/lang_transaction.html).
func (w *writer) rollback() error {
	if w.conn.AutocommitEnabled() {
		return nil
	}
	return execute(w.conn, "ROLLBACK")
}

// strike asks the engine's Fault, if there is one, about a write that changes
// something.
func (w *writer) strike(t *tx, p engine.Point) error {
	if fault := w.fault.Load(); fault != nil && t.wrote {
		return (*fault)(p)
	}
	return nil
}
