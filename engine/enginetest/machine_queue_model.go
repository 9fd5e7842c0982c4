package enginetest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"holdfast/event"
)

// queueModel is what event.Queue promises.
type queueModel struct {
	ordered bool // the longest-waiting comes first
	now     time.Duration
	all     []*modelled
	stale   []string // receipts that count no more
}

// modelled is an event in the queue.
type modelled struct {
	event   event.Event
	sentAt  time.Duration
	readyAt time.Duration // or was: since then it waits
	count   int
	receipt string // of a lease, empty without one
}

func (q *queueModel) send(events []event.Event) {
	for _, e := range events {
		q.all = append(q.all, &modelled{event: e, sentAt: q.now, readyAt: q.now})
	}
}

// ready are the events that can be received, the longest-waiting first. A lease
// that has lapsed is over, but its receipt may still count.
func (q *queueModel) ready() (ready []*modelled) {
	for _, e := range q.all {
		if e.readyAt <= q.now {
			ready = append(ready, e)
		}
	}
	slices.SortStableFunc(ready, func(a, b *modelled) int { return int(a.readyAt - b.readyAt) })
	return ready
}

// receive takes what was received, which must be among what was ready, and where
// the order counts must have waited as long as what should have come.
func (q *queueModel) receive(got []event.Delivery, lease time.Duration) error {
	ready := q.ready()
	for i, d := range got {
		at := slices.IndexFunc(ready, func(e *modelled) bool { return e.event.ID() == d.Event.ID() })
		if at < 0 {
			return fmt.Errorf("%s was received, which is not ready", d.Event.ID())
		}
		e := ready[at]
		ready = slices.Delete(ready, at, at+1)
		if q.ordered && len(ready) > 0 && ready[0].readyAt < e.readyAt {
			return fmt.Errorf("delivery %d is of %s; %s has waited longer", i, d.Event.ID(), ready[0].event.ID())
		}
		if e.count++; d.Count != e.count || d.Receipt == "" || d.Receipt == e.receipt || slices.Contains(q.stale, d.Receipt) {
			return fmt.Errorf("received %+v, for the %dth time; the last receipt was %q", d, e.count, e.receipt)
		}
		if text, err := d.Event.Encode(); err != nil || string(text) != encoded(e.event) {
			return fmt.Errorf("received %q, %v, which is not what was sent", text, err)
		}
		q.retire(e)
		e.receipt, e.readyAt = d.Receipt, q.now+lease
	}
	return nil
}

func encoded(e event.Event) string {
	text, err := e.Encode()
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// retire notes that the event's receipt counts no more.
func (q *queueModel) retire(e *modelled) {
	if e.receipt != "" {
		q.stale = append(q.stale, e.receipt)
	}
	e.receipt = ""
}

// drawReceipts draws receipts of leases that hold, and where that is sure to change
// nothing one of those that count no more. What the receipt of a lapsed lease does
// before its event is received again is open.
func (q *queueModel) drawReceipts(t *rapid.T) (receipts []string) {
	for _, e := range q.all {
		if e.receipt != "" && e.readyAt > q.now && rapid.Bool().Draw(t, e.event.ID()) {
			receipts = append(receipts, e.receipt)
		}
	}
	if q.ordered && len(q.stale) > 0 && rapid.IntRange(0, 3).Draw(t, "a stale one") == 3 {
		receipts = append(receipts, rapid.SampledFrom(q.stale).Draw(t, "stale"))
	}
	return receipts
}

// leased is the event whose lease the receipt names, nil if it counts no more.
func (q *queueModel) leased(receipt string) *modelled {
	i := slices.IndexFunc(q.all, func(e *modelled) bool { return e.receipt == receipt })
	if i < 0 {
		return nil
	}
	return q.all[i]
}

func (q *queueModel) ack(receipts []string) {
	for _, r := range receipts {
		if e := q.leased(r); e != nil {
			q.retire(e)
			q.all = slices.DeleteFunc(q.all, func(other *modelled) bool { return other == e })
		}
	}
}

func (q *queueModel) retry(r event.Return) {
	if e := q.leased(r.Receipt); e != nil {
		q.retire(e)
		e.readyAt = q.now + r.After
	}
}

func (q *queueModel) extend(receipts []string, lease time.Duration) {
	for _, r := range receipts {
		if e := q.leased(r); e != nil {
			e.readyAt = q.now + lease
		}
	}
}

// void ends every lease and delay: what was away waits from now on.
func (q *queueModel) void() {
	for _, e := range q.all {
		if e.readyAt > q.now {
			q.retire(e)
			e.readyAt = q.now
		}
	}
}

func (q *queueModel) depth() (d event.Depth) {
	for _, e := range q.all {
		switch {
		case e.readyAt <= q.now:
			d.Ready++
		case e.receipt == "":
			d.Delayed++
		default:
			d.InFlight++
		}
		d.Oldest = max(d.Oldest, q.now-e.sentAt)
	}
	return d
}
