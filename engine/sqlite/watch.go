package sqlite

import (
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A process that idles need not look for what others have sent: the system tells
// it when a file is written. While there is much to do that would tell too often,
// so a queue asks to be told only once it has been idle, and once only.
const (
	// watchAfter is the pause between two looks from which on a queue is watched.
	watchAfter = 4 * time.Millisecond
	// watchedWait is how long a Receive that waits leaves it to the system.
	watchedWait = time.Second
)

// watcher tells the queues of one process that their files were written.
type watcher struct {
	system *fsnotify.Watcher

	mu     sync.Mutex
	queues map[string]*queue // those watched, by the file
}

// newWatcher returns nil where the system tells nothing, or has no watch to spare.
func newWatcher() *watcher {
	system, err := fsnotify.NewWatcher()
	if err != nil {
		return nil
	}
	w := &watcher{system: system, queues: make(map[string]*queue)}
	go w.run()
	return w
}

// run passes on what the system tells until the watcher is closed.
func (w *watcher) run() {
	for {
		select {
		case e, open := <-w.system.Events:
			if !open {
				return
			}
			w.told(e.Name)
		case _, open := <-w.system.Errors:
			if !open {
				return
			}
			w.lost()
		}
	}
}

// told has the file's queue look, and watches the file no longer.
func (w *watcher) told(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if q := w.queues[path]; q != nil {
		delete(w.queues, path)
		_ = w.system.Remove(path) // a file that is gone is watched no more
		q.all.stir()
	}
}

// lost has every queue look: the system had more to tell than it could keep.
func (w *watcher) lost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for path, q := range w.queues {
		delete(w.queues, path)
		_ = w.system.Remove(path)
		q.all.stir()
	}
}

// watch has the queue told of the next write to its file, and reports whether it
// will be, and whether that is so from now on: then what was written before was
// told to nobody.
func (w *watcher) watch(q *queue) (watched, asOfNow bool) {
	if w == nil {
		return false, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	path := q.file.path() + "-wal" // where every commit goes first
	if w.queues[path] != nil {
		return true, false
	}
	if w.system.Add(path) != nil {
		return false, false
	}
	w.queues[path] = q
	return true, true
}

func (w *watcher) close() error {
	if w == nil {
		return nil
	}
	return w.system.Close()
}
