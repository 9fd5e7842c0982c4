package memory

import (
	"container/heap"
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/event"
)

// Queue is event.Queue within one process. Events are handed over as they are,
// never encoded. It is empty again after a restart, which the protocol allows:
// the order service asks again for every open order when it starts.
type Queue struct {
	capacity int
	waiting  atomic.Int64 // ready.len, for those who must not wait for mu

	mu      sync.Mutex
	all     chain               // every message
	ready   chain               // the longest-waiting first
	leases  chain               // by their ends: a chain, since a lease as long as the others ends last
	delayed timeHeap            // by the time they are ready
	leased  map[uint64]*message // by receipt
	serial  uint64              // of the last receipt given out
	spare   []*message          // to be used again: maxSpare at most
	dropped int64
	wake    chan struct{} // holds a token when a Receive that waits may find something
}

// message is an event in the queue: ready, delayed or leased.
type message struct {
	event     event.Event
	sentAt    time.Time
	count     int
	receipt   uint64    // 0 unless leased
	readyAt   time.Time // delayed or leased: when that ends
	heapIndex int       // in delayed
	links     [chains]link
}

// maxSpare bounds what a queue keeps of its past: the messages of a full batch in
// each of its states.
const maxSpare = 4096

// NewQueue returns an empty queue that holds at most capacity events.
func NewQueue(capacity int) *Queue {
	return &Queue{
		capacity: capacity, leased: make(map[uint64]*message), wake: make(chan struct{}, 1),
		all: chain{kind: bySending}, ready: chain{kind: byTurn}, leases: chain{kind: byTurn},
	}
}

// Waiting is how many events are ready to be received, as far as the queue has
// looked. It costs next to nothing and never waits.
func (q *Queue) Waiting() int { return int(q.waiting.Load()) }

// Send is event.Queue's.
func (q *Queue) Send(ctx context.Context, events []event.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.ripen(now) // what became ready before this has waited longer
	for i := range events {
		if q.all.len == q.capacity {
			q.dropped += int64(len(events) - i)
			break
		}
		m := q.blank()
		m.event, m.sentAt = events[i], now
		q.all.pushBack(m)
		q.makeReady(m)
	}
	q.signal()
	return nil
}

// blank is a message to be filled.
func (q *Queue) blank() *message {
	n := len(q.spare)
	if n == 0 {
		return new(message)
	}
	m := q.spare[n-1]
	q.spare = q.spare[:n-1]
	return m
}

func (q *Queue) makeReady(m *message) {
	q.ready.pushBack(m)
	q.waiting.Store(int64(q.ready.len))
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
	if n := min(limit, q.ready.len); n > 0 {
		deliveries = make([]event.Delivery, n)
		receipts := receiptTexts(q.serial+1, n)
		for i := range deliveries {
			m := q.ready.first
			q.ready.remove(m)
			q.serial++
			m.count++
			m.receipt = q.serial
			q.leased[m.receipt] = m
			q.lease(m, now.Add(lease))
			deliveries[i] = event.Delivery{Event: m.event, Receipt: receipts[i*receiptLen:][:receiptLen], Count: m.count}
		}
		q.waiting.Store(int64(q.ready.len))
		q.signal() // another one that waits may have more to take, and has a lease to watch
	}
	if m := q.nextToRipen(); m != nil {
		next = m.readyAt
	}
	return deliveries, next
}

// receiptLen is the length of a receipt, which is a serial number's bytes.
const receiptLen = 8

// receiptTexts are n receipts from the first on, one behind another.
func receiptTexts(first uint64, n int) string {
	texts := make([]byte, 0, n*receiptLen)
	for i := range n {
		texts = binary.BigEndian.AppendUint64(texts, first+uint64(i))
	}
	return string(texts)
}

// find is the message of a receipt, nil if its lease holds no longer.
func (q *Queue) find(receipt string) *message {
	if len(receipt) != receiptLen {
		return nil
	}
	return q.leased[binary.BigEndian.Uint64([]byte(receipt))]
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

// nextToRipen is the message that is ready next of those that are not, nil if
// there is none.
func (q *Queue) nextToRipen() *message {
	leased := q.leases.first
	if len(q.delayed) > 0 && (leased == nil || q.delayed[0].readyAt.Before(leased.readyAt)) {
		return q.delayed[0]
	}
	return leased
}

// ripen makes ready the messages whose delay is over or whose lease has lapsed.
func (q *Queue) ripen(now time.Time) {
	for m := q.nextToRipen(); m != nil && !m.readyAt.After(now); m = q.nextToRipen() {
		if m.receipt != 0 {
			q.unlease(m)
		} else {
			heap.Remove(&q.delayed, m.heapIndex)
		}
		q.makeReady(m)
	}
}

// Ack is event.Queue's.
func (q *Queue) Ack(ctx context.Context, receipts ...string) error {
	return q.each(ctx, len(receipts), func(i int, _ time.Time) {
		if m := q.find(receipts[i]); m != nil {
			q.unlease(m)
			q.all.remove(m)
			*m = message{}
			if len(q.spare) < maxSpare {
				q.spare = append(q.spare, m)
			}
		}
	})
}

// Retry is event.Queue's.
func (q *Queue) Retry(ctx context.Context, returns ...event.Return) error {
	return q.each(ctx, len(returns), func(i int, now time.Time) {
		if m := q.find(returns[i].Receipt); m != nil {
			q.unlease(m)
			m.readyAt = now.Add(returns[i].After)
			heap.Push(&q.delayed, m)
			q.signal()
		}
	})
}

// Extend is event.Queue's.
func (q *Queue) Extend(ctx context.Context, lease time.Duration, receipts ...string) error {
	return q.each(ctx, len(receipts), func(i int, now time.Time) {
		if m := q.find(receipts[i]); m != nil {
			q.leases.remove(m)
			q.lease(m, now.Add(lease))
			q.signal()
		}
	})
}

// each runs do for 0 to n-1, when what is ready has been made so.
func (q *Queue) each(ctx context.Context, n int, do func(i int, now time.Time)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.ripen(now)
	for i := range n {
		do(i, now)
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
	d := event.Depth{Ready: q.ready.len, Delayed: len(q.delayed), InFlight: len(q.leased), Dropped: q.dropped}
	if oldest := q.all.first; oldest != nil {
		d.Oldest = now.Sub(oldest.sentAt)
	}
	return d, nil
}

// lease puts a message among the leases, where its end belongs: last, unless
// another lease is longer.
func (q *Queue) lease(m *message, until time.Time) {
	m.readyAt = until
	before := q.leases.last
	for before != nil && before.readyAt.After(until) {
		before = before.links[byTurn].before
	}
	q.leases.insertAfter(before, m)
}

func (q *Queue) unlease(m *message) {
	q.leases.remove(m)
	delete(q.leased, m.receipt)
	m.receipt = 0
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
