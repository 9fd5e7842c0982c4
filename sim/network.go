package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"holdfast/event"
)

// queue is one service's queue, with all the freedom that event.Queue leaves it.
type queue struct {
	w       *world
	service event.Service
	held    []*message // in no order that means anything
	waiting []*thread  // that found nothing
	beating []*thread  // heartbeats that have nothing to extend
	serial  int
	down    time.Time // when its outage ends
	dropped int64     // for want of room
}

// message is an event in a queue.
type message struct {
	event   event.Event
	sentAt  time.Time
	readyAt time.Time // when it can be received: its delay or its lease is over
	receipt string    // of the last delivery
	leased  bool
	count   int
}

// put takes an event in, subject to what may happen to it on its way.
func (q *queue) put(e event.Event) {
	w := q.w
	if w.strikes(QueueFull) {
		w.note(subject(e), "network", "drops %s: the %s queue is full", e.Type, q.service)
		q.dropped++
		return
	}
	w.duty(e.ID()).sends++
	if e.Unread == nil && w.strikes(LoseMessage) { // what nobody can read, no sweeper brings back
		w.note(subject(e), "network", "loses %s on its way to %s", e.Type, q.service)
		w.lostRaces(e)
		return
	}
	q.resurface(e)
	copies := 1
	for copies < 4 && w.strikes(RepeatMessage) {
		copies++
	}
	if copies > 1 {
		w.note(subject(e), "network", "will deliver %s %d times", e.Type, copies)
	}
	for range copies {
		delay := time.Duration(w.rng.Int64N(int64(20 * time.Millisecond)))
		if w.strikes(DelayMessage) {
			delay = w.between(5*time.Second, 6*time.Hour)
			w.note(subject(e), "network", "holds %s back for %s", e.Type, delay.Truncate(time.Millisecond))
		}
		q.add(w.carried(e), delay)
	}
}

// resurface has a hold's end come when all is over: hours later, and in the middle of
// a refund.
func (q *queue) resurface(e event.Event) {
	w := q.w
	switch expired := event.New(event.CancelRequestedExpired, e.Ref, e.At); {
	case e.Type == event.CancelRequestedExpired && w.strikes(DelayMessage):
		q.add(w.carried(e), w.between(time.Second, 2*time.Hour))
	case e.Type == event.RefundRequested && w.setup.faults[DelayMessage] > 0 && w.duty(expired.ID()).sends > 0:
		q.add(w.carried(expired), time.Duration(w.rng.Int64N(int64(time.Second))))
	}
}

func (q *queue) add(e event.Event, delay time.Duration) {
	m := &message{event: e, sentAt: q.w.now}
	q.held = append(q.held, m)
	q.readyIn(m, delay)
}

// readyIn makes the message ready after a delay, and then wakes whoever waits.
func (q *queue) readyIn(m *message, delay time.Duration) {
	m.readyAt = q.w.now.Add(delay)
	q.w.after(delay, q.wake)
}

// wake lets one that waits look again.
func (q *queue) wake() {
	if len(q.waiting) == 0 {
		return
	}
	i := q.w.rng.IntN(len(q.waiting))
	t := q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	if t.ended || t.stopped {
		q.wake()
		return
	}
	q.w.wakeAt(t, q.w.now)
}

// take leases what is ready to a worker.
func (q *queue) take(limit int, lease time.Duration) (taken []event.Delivery) {
	if q.w.now.Before(q.down) {
		return nil
	}
	for len(taken) < limit {
		m := q.next()
		if m == nil {
			break
		}
		if m.leased {
			q.w.hit(race(13))
		}
		q.serial++
		m.count++
		m.leased, m.receipt = true, strconv.Itoa(q.serial)
		q.w.duty(m.event.ID()).taken++
		q.readyIn(m, lease)
		taken = append(taken, event.Delivery{Event: m.event, Receipt: m.receipt, Count: m.count})
	}
	if len(taken) == limit {
		q.wake()
	}
	for _, t := range q.beating {
		q.w.wakeAt(t, q.w.now)
	}
	q.beating = q.beating[:0]
	return taken
}

// idle reports whether no message is leased.
func (q *queue) idle() bool {
	return !slices.ContainsFunc(q.held, func(m *message) bool { return m.leased })
}

// next is a message that is ready: the first, or any.
func (q *queue) next() (first *message) {
	var ready []*message
	for _, m := range q.held {
		if m.readyAt.After(q.w.now) {
			continue
		}
		ready = append(ready, m)
		if first == nil || m.readyAt.Before(first.readyAt) {
			first = m
		}
	}
	if len(ready) > 1 && q.w.strikes(Reorder) {
		q.w.hit(race(20))
		return ready[q.w.rng.IntN(len(ready))]
	}
	return first
}

// find is the message of a delivery whose lease holds.
func (q *queue) find(receipt string) int {
	return slices.IndexFunc(q.held, func(m *message) bool { return m.leased && m.receipt == receipt })
}

func (q *queue) ack(receipt string) {
	i := q.find(receipt)
	if i < 0 {
		return
	}
	m := q.held[i]
	q.w.mayAck(m)
	if q.w.strikes(AckLost) {
		q.w.note(subject(m.event), "network", "loses the ack of %s", m.event.Type)
		return
	}
	q.held = slices.Delete(q.held, i, i+1)
}

func (q *queue) giveBack(r event.Return) {
	if i := q.find(r.Receipt); i >= 0 {
		q.held[i].leased = false
		q.readyIn(q.held[i], r.After)
	}
}

func (q *queue) extend(receipt string, lease time.Duration) {
	if i := q.find(receipt); i >= 0 {
		q.readyIn(q.held[i], lease)
	}
}

func (q *queue) depth() (d event.Depth) {
	d.Dropped = q.dropped
	for _, m := range q.held {
		d.Oldest = max(d.Oldest, q.w.now.Sub(m.sentAt))
		switch {
		case !m.readyAt.After(q.w.now):
			d.Ready++
		case m.leased:
			d.InFlight++
		default:
			d.Delayed++
		}
	}
	return d
}

// carried is an event as its reader gets it: as it is, through its envelope, or
// from an older build.
func (w *world) carried(e event.Event) event.Event {
	old := w.strikes(OldVersion)
	if !old && !w.setup.encoded || e.Unread != nil {
		return e
	}
	text, err := e.Encode()
	if err == nil && old {
		w.note(subject(e), "network", "delivers %s as an older build wrote it", e.Type)
		w.hit(race(47))
		text, err = older(text)
	}
	if err != nil {
		w.breach(e.OrderID, "cannot encode %s: %v", e.Type, err)
		return e
	}
	read := event.Decode(text)
	if err := read.Check(); err != nil {
		w.breach(e.OrderID, "cannot read %s back: %v", e.Type, err)
	}
	return read
}

// older rewrites an envelope as version 1 had it.
func older(text []byte) ([]byte, error) {
	var envelope, data map[string]json.RawMessage
	if err := json.Unmarshal(text, &envelope); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(envelope["data"], &data); err != nil {
		return nil, err
	}
	data["order_id"], envelope["eventversion"] = envelope["subject"], json.RawMessage("1")
	inner, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	envelope["data"] = inner
	return json.Marshal(envelope)
}

// port is a queue as one process reaches it. Each call may fail, stall or be the
// process's last.
type port struct {
	*queue
	p *process
}

// reach runs a call of the queue, whose answer may be lost.
func (q port) reach(ctx context.Context, what string, do func()) error {
	if err := q.p.point("before " + what); err != nil {
		return err
	}
	if q.w.now.Before(q.down) {
		return event.Errorf(event.Unavailable, "the %s queue is out", q.service)
	}
	fails := q.w.strikes(QueueFails)
	if !fails || q.w.chance(0.5) {
		do()
	}
	if err := q.p.point("after " + what); err != nil {
		return err
	}
	if fails {
		return event.Errorf(event.Unavailable, "the %s queue did not answer", q.service)
	}
	return nil
}

// Send is event.Queue's.
func (q port) Send(ctx context.Context, events []event.Event) error {
	return q.reach(ctx, fmt.Sprintf("sending to %s", q.service), func() {
		for _, e := range events {
			q.w.note(subject(e), q.p.name, "sends %s", e.Type)
			q.w.duty(e.ID()).sentAt = q.w.steps
			q.put(e)
		}
	})
}

// Receive is event.Queue's.
func (q port) Receive(ctx context.Context, limit int, lease time.Duration) ([]event.Delivery, error) {
	for q.p.alive {
		if q.w.now.Before(q.down) {
			return nil, event.Errorf(event.Unavailable, "the %s queue is out", q.service)
		}
		taken := q.take(limit, lease)
		for _, d := range taken {
			q.w.note(subject(d.Event), q.p.name, "receives %s", d.Event.Type)
		}
		if len(taken) > 0 {
			q.poisoned(taken)
			return taken, q.p.point("after receiving")
		}
		q.waiting = append(q.waiting, q.w.current)
		q.w.park()
	}
	return nil, errDead
}

// poisoned marks a batch with a message that nobody can read among others.
func (q port) poisoned(taken []event.Delivery) {
	for _, d := range taken {
		if d.Event.Unread != nil && len(taken) > 1 {
			q.w.hit(race(14))
		}
	}
}

// Ack is event.Queue's.
func (q port) Ack(ctx context.Context, receipts ...string) error {
	return q.reach(ctx, "the ack", func() {
		for _, r := range receipts {
			q.ack(r)
		}
	})
}

// Retry is event.Queue's.
func (q port) Retry(ctx context.Context, returns ...event.Return) error {
	return q.reach(ctx, "giving back", func() {
		for _, r := range returns {
			q.giveBack(r)
		}
	})
}

// Extend is event.Queue's.
func (q port) Extend(ctx context.Context, lease time.Duration, receipts ...string) error {
	return q.reach(ctx, "extending leases", func() {
		for _, r := range receipts {
			q.extend(r, lease)
		}
	})
}

// Depth is event.Queue's.
func (q port) Depth(ctx context.Context) (event.Depth, error) {
	if !q.p.alive {
		return event.Depth{}, errDead
	}
	if q.w.now.Before(q.down) {
		return event.Depth{}, event.Errorf(event.Unavailable, "the %s queue is out", q.service)
	}
	return q.depth(), nil
}
