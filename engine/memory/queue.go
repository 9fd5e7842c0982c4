package memory

import (
	"container/heap"
	"container/list"
	"context"
	"strconv"
	"sync"
	"time"

	"holdfast/event"
)

// Queue is event.Queue within one process. Events are handed over as they are,
// never encoded. It is empty again after a restart, which the protocol allows:
// the order service asks again for every open order when it starts.
type Queue struct {
	capacity int

	mu      sync.Mutex
	ready   list.List           // of *message, the longest-waiting first
	timed   timeHeap            // delayed and leased messages, by the time they are ready
	leased  map[string]*message // by receipt
	all     list.List           // of *message, every one, oldest first
	serial  uint64              // of the last receipt given out
	dropped int64
	wake    chan struct{} // holds a token when a Receive that waits may find something
}

// message is an event in the queue: ready, delayed or leased.
type message struct {
	event     event.Event
	sentAt    time.Time
	count     int
	receipt   string        // empty unless leased
	readyAt   time.Time     // in timed: the end of the delay or of the lease
	heapIndex int           // in timed; -1 elsewhere
	place     *list.Element // in all
}

// NewQueue returns an empty queue that holds at most capacity events.
func NewQueue(capacity int) *Queue {
	return &Queue{capacity: capacity, leased: make(map[string]*message), wake: make(chan struct{}, 1)}
}

// Send is event.Queue's.
func (q *Queue) Send(ctx context.Context, events []event.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.ripen(now) // what became ready before this has waited longer
	for i, e := range events {
		if q.all.Len() == q.capacity {
			q.dropped += int64(len(events) - i)
			break
		}
		m := &message{event: e, sentAt: now, heapIndex: -1}
		m.place = q.all.PushBack(m)
		q.ready.PushBack(m)
	}
	q.signal()
	return nil
}

// Receive is event.Queue's.
func (q *Queue) Receive(ctx context.Context, limit int, lease time.Duration) ([]event.Delivery, error) {
	for ctx.Err() == nil {
		deliveries, next := q.take(time.Now(), limit, lease)
		if len(deliveries) > 0 {
			return deliveries, nil
		}
		q.wait(ctx, next)
	}
	q.signal() // whatever woke this one may be for another
	return nil, nil
}

// take leases what is ready at the time given. When nothing is, it says when
// something will be; zero: not before a Send.
func (q *Queue) take(now time.Time, limit int, lease time.Duration) (deliveries []event.Delivery, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ripen(now)
	for len(deliveries) < limit && q.ready.Len() > 0 {
		m := q.ready.Remove(q.ready.Front()).(*message)
		q.serial++
		m.count++
		m.receipt = strconv.FormatUint(q.serial, 36)
		q.leased[m.receipt] = m
		q.schedule(m, now.Add(lease))
		deliveries = append(deliveries, event.Delivery{Event: m.event, Receipt: m.receipt, Count: m.count})
	}
	if q.ready.Len() > 0 || len(deliveries) > 0 {
		q.signal() // another one that waits has more to take, or a lease to watch
	}
	if len(q.timed) > 0 {
		next = q.timed[0].readyAt
	}
	return deliveries, next
}

// wait returns when something may be ready, or ctx has ended.
func (q *Queue) wait(ctx context.Context, next time.Time) {
	var ripe <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		ripe = timer.C
	}
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-ripe:
	}
}

// ripen makes ready the messages whose delay is over or whose lease has lapsed.
func (q *Queue) ripen(now time.Time) {
	for len(q.timed) > 0 && !q.timed[0].readyAt.After(now) {
		m := heap.Pop(&q.timed).(*message)
		q.unlease(m)
		q.ready.PushBack(m)
	}
}

// Ack is event.Queue's.
func (q *Queue) Ack(ctx context.Context, receipts ...string) error {
	return q.each(ctx, receipts, func(m *message) {
		heap.Remove(&q.timed, m.heapIndex)
		q.unlease(m)
		q.all.Remove(m.place)
	})
}

// Retry is event.Queue's.
func (q *Queue) Retry(ctx context.Context, returns ...event.Return) error {
	receipts := make([]string, len(returns))
	after := make(map[string]time.Duration, len(returns))
	for i, r := range returns {
		receipts[i], after[r.Receipt] = r.Receipt, r.After
	}
	return q.each(ctx, receipts, func(m *message) {
		delay := after[m.receipt]
		heap.Remove(&q.timed, m.heapIndex)
		q.unlease(m)
		q.schedule(m, time.Now().Add(delay))
		q.signal()
	})
}

// Extend is event.Queue's.
func (q *Queue) Extend(ctx context.Context, lease time.Duration, receipts ...string) error {
	return q.each(ctx, receipts, func(m *message) {
		m.readyAt = time.Now().Add(lease)
		heap.Fix(&q.timed, m.heapIndex)
		q.signal()
	})
}

// each runs do for every receipt whose lease still holds.
func (q *Queue) each(ctx context.Context, receipts []string, do func(*message)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ripen(time.Now())
	for _, r := range receipts {
		if m := q.leased[r]; m != nil {
			do(m)
		}
	}
	return nil
}

// Depth is event.Queue's.
func (q *Queue) Depth(ctx context.Context) (event.Depth, error) {
	if err := ctx.Err(); err != nil {
		return event.Depth{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.ripen(now)
	d := event.Depth{Ready: q.ready.Len(), InFlight: len(q.leased), Dropped: q.dropped}
	d.Delayed = q.all.Len() - d.Ready - d.InFlight
	if oldest := q.all.Front(); oldest != nil {
		d.Oldest = now.Sub(oldest.Value.(*message).sentAt)
	}
	return d, nil
}

func (q *Queue) schedule(m *message, at time.Time) {
	m.readyAt = at
	heap.Push(&q.timed, m)
}

func (q *Queue) unlease(m *message) {
	delete(q.leased, m.receipt)
	m.receipt = ""
}

// signal wakes one waiting Receive to look again. Whoever takes something, or
// leaves, passes the signal on: as long as any waits, one of them knows of every
// message and every lease.
func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// timeHeap is a heap.Interface by readyAt.
type timeHeap []*message

func (h timeHeap) Len() int           { return len(h) }
func (h timeHeap) Less(i, j int) bool { return h[i].readyAt.Before(h[j].readyAt) }
func (h timeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}

func (h *timeHeap) Push(x any) {
	m := x.(*message)
	m.heapIndex = len(*h)
	*h = append(*h, m)
}

func (h *timeHeap) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	m.heapIndex = -1
	return m
}
