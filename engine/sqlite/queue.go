package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/event"

	"zombiezen.com/go/sqlite"
)

// queue is event.Queue over a file that any number of processes write and read.
// Within the process a Receive that waits is woken by a Send; what other
// processes send it finds by looking.
type queue struct {
	file     opening
	capacity int64
	all      *Queues
	dropped  atomic.Int64
	wake     chan struct{} // holds a token when a Receive that waits should look at once

	mu     sync.RWMutex // held for reading while db is used
	db     *database    // nil: to be opened by whoever uses it next
	closed bool
}

// Send is event.Queue's.
func (q *queue) Send(ctx context.Context, events []event.Event) error {
	if len(events) == 0 {
		return ctx.Err()
	}
	bodies := make([][]byte, len(events))
	for i, e := range events {
		body, err := e.Encode()
		if err != nil {
			return fmt.Errorf("encode event %s: %w", e.ID(), err)
		}
		bodies[i] = body
	}
	var added int
	err := q.update(ctx, len(events), func(t *tx) (err error) {
		added, err = insertMessages(t, bodies, q.capacity, time.Now())
		return err
	})
	if err != nil {
		return err
	}
	q.dropped.Add(int64(len(bodies) - added))
	q.all.stir()
	return nil
}

// Receive is event.Queue's.
func (q *queue) Receive(ctx context.Context, limit int, lease time.Duration) ([]event.Delivery, error) {
	for ctx.Err() == nil {
		claimed, err := q.claim(ctx, limit, lease)
		if ctx.Err() != nil && len(claimed) == 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(claimed) > 0 {
			q.all.busyAt.Store(time.Now().UnixNano())
			q.signal() // another one that waits may find more
			return decoded(claimed), nil
		}
		q.wait(ctx)
	}
	q.signal() // whatever woke this one may be for another
	return nil, nil
}

// claim leases what is ready. It writes only if something is.
func (q *queue) claim(ctx context.Context, limit int, lease time.Duration) (claimed []message, err error) {
	err = q.use(func(db *database) error {
		ready := false
		err := db.view(ctx, func(conn *sqlite.Conn) (err error) {
			ready, err = anyReady(conn, time.Now())
			return err
		})
		if err != nil || !ready {
			return err
		}
		return db.update(ctx, limit, func(t *tx) (err error) {
			claimed, err = claimMessages(t, time.Now(), limit, lease)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// wait returns when it is time to look again, or ctx has ended: when this process
// sends, or the system tells that another has, or else after a pause.
func (q *queue) wait(ctx context.Context) {
	pause := q.all.pause()
	if pause >= watchAfter {
		watched, asOfNow := q.all.watcher.watch(q)
		if asOfNow {
			return
		}
		if watched {
			pause = watchedWait
		}
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-timer.C:
	}
}

// signal has one Receive that waits look at once.
func (q *queue) signal() { wake(q.wake) }

// decoded are the messages as deliveries.
func decoded(claimed []message) []event.Delivery {
	deliveries := make([]event.Delivery, len(claimed))
	for i, m := range claimed {
		deliveries[i] = event.Delivery{Event: event.Decode(m.body), Receipt: m.receipt.String(), Count: m.count}
	}
	return deliveries
}

// Ack is event.Queue's.
func (q *queue) Ack(ctx context.Context, receipts ...string) error {
	named := parseReceipts(receipts)
	return q.update(ctx, len(named), func(t *tx) error { return deleteMessages(t, named) })
}

// Retry is event.Queue's.
func (q *queue) Retry(ctx context.Context, returns ...event.Return) error {
	err := q.update(ctx, len(returns), func(t *tx) error { return returnMessages(t, returns, time.Now()) })
	if err == nil {
		q.signal()
	}
	return err
}

// Extend is event.Queue's.
func (q *queue) Extend(ctx context.Context, lease time.Duration, receipts ...string) error {
	named := parseReceipts(receipts)
	return q.update(ctx, len(named), func(t *tx) error { return extendLeases(t, named, later(time.Now(), lease)) })
}

// update writes to the file, with others of this process.
func (q *queue) update(ctx context.Context, rows int, change func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return q.use(func(db *database) error { return db.update(ctx, rows, change) })
}

// Depth is event.Queue's.
func (q *queue) Depth(ctx context.Context) (d event.Depth, err error) {
	read := func(db *database) error {
		return db.view(ctx, func(conn *sqlite.Conn) (err error) {
			d, err = depth(conn, time.Now())
			return err
		})
	}
	if q.file.access == toRead {
		err = q.look(read)
	} else {
		err = q.use(read)
	}
	d.Dropped = q.dropped.Load()
	return d, err
}
