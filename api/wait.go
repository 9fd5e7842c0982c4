package api

import (
	"cmp"
	"context"
	"sync"
	"time"

	"holdfast/order"
)

const (
	maxWait = time.Minute
	// An awaited order is read again without a wake-up, since another process may
	// have changed it: soon at first, for an order that is alone, then ever more
	// seldom, for the many that wait when there is much to do.
	firstReread = 10 * time.Millisecond
	lastReread  = 500 * time.Millisecond // unless Config says otherwise
)

// waiters are the requests that wait for an order to change.
type waiters struct {
	mu  sync.Mutex
	set map[string]map[chan struct{}]struct{} // by order id

	over chan struct{} // closed when nobody is to wait any longer
}

// subscribe returns a channel on which each change of the order is told, until
// stop is called.
func (w *waiters) subscribe(id string) (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.set == nil {
		w.set = make(map[string]map[chan struct{}]struct{})
	}
	if w.set[id] == nil {
		w.set[id] = make(map[chan struct{}]struct{})
	}
	w.set[id][c] = struct{}{}
	return c, func() { w.leave(id, c) }
}

func (w *waiters) leave(id string, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if delete(w.set[id], c); len(w.set[id]) == 0 {
		delete(w.set, id)
	}
}

func (w *waiters) wake(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.set[id] {
		select {
		case c <- struct{}{}:
		default: // a wake-up is pending already
		}
	}
}

// OrderChanged wakes the requests that wait for this order. It never blocks, and
// costs next to nothing where nobody waits.
func (a *API) OrderChanged(o order.Order) { a.waiters.wake(o.OrderID) }

// EndWaits answers every request that waits for an order, now and from now on,
// with the order as it stands. Call it once, when the server is to stop.
func (a *API) EndWaits() { close(a.waiters.over) }

// await returns the caller's order once it has ended, or as it stands when the
// wait is over, the request is, or the server stops.
func (a *API) await(ctx context.Context, id string, wait time.Duration) (order.Order, error) {
	if wait == 0 {
		return a.find(ctx, id)
	}
	changed, stop := a.waiters.subscribe(id)
	defer stop()
	over := time.NewTimer(wait)
	defer over.Stop()
	pause := firstReread
	again := time.NewTimer(pause)
	defer again.Stop()
	for {
		o, err := a.find(ctx, id)
		if err != nil || o.Status.Ended() {
			return o, err
		}
		select {
		case <-changed:
		case <-again.C:
			pause = min(2*pause, cmp.Or(a.config.Reread, lastReread))
			again.Reset(pause)
		case <-over.C:
			return o, nil
		case <-ctx.Done():
			return o, nil
		case <-a.waiters.over:
			return o, nil
		}
	}
}
