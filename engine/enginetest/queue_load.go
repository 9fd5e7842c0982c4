package enginetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/event"
)

var queueLoadTests = []queueTest{
	{"a full queue drops and counts without blocking", queueDrops},
	{"a full queue has room again after an Ack", queueRoomAgain},
	{"everyone who waits is served by one Send", queueServesAll},
	{"many at once send and receive each event once", queueConcurrent},
}

// maxCapacity bounds the search for a queue's capacity.
const maxCapacity = 100_000

// fill sends until the queue drops, and returns how many it holds.
func fill(t *testing.T, q event.Queue) int {
	t.Helper()
	for sent := 0; sent <= maxCapacity; {
		send(t, q, message(sent), message(sent+1), message(sent+2))
		sent += 3
		if d := must(q.Depth(t.Context()))(t); d.Dropped > 0 {
			if d.Ready+int(d.Dropped) != sent {
				t.Fatalf("%d sent, %d ready, %d dropped", sent, d.Ready, d.Dropped)
			}
			return d.Ready
		}
	}
	t.Fatalf("the queue holds more than %d events; open must return a smaller one", maxCapacity)
	return 0
}

func queueDrops(t *testing.T, q event.Queue) {
	capacity := fill(t, q)
	before := must(q.Depth(t.Context()))(t).Dropped
	began := time.Now()
	send(t, q, messages(5)...)
	if waited := time.Since(began); waited > 0 {
		t.Errorf("Send to a full queue waited %v", waited)
	}
	d := must(q.Depth(t.Context()))(t)
	if d.Dropped != before+5 || d.Ready != capacity {
		t.Errorf("%d dropped, %d ready; want %d, %d", d.Dropped, d.Ready, before+5, capacity)
	}
	for n := 0; n < capacity; {
		got := poll(t, q, 1000, time.Hour)
		if len(got) == 0 {
			t.Fatalf("%d events came out of a queue that held %d", n, capacity)
		}
		for _, d := range got {
			wantSame(t, "event", d.Event, message(n))
			n++
		}
	}
	wantNothing(t, q)
}

func queueRoomAgain(t *testing.T, q event.Queue) {
	capacity := fill(t, q)
	dropped := must(q.Depth(t.Context()))(t).Dropped
	leased := receive(t, q, message(0), time.Hour)
	send(t, q, message(capacity))
	if d := must(q.Depth(t.Context()))(t); d.Dropped != dropped+1 || d.Ready+d.InFlight != capacity {
		t.Errorf("with one of %d in flight: %+v", capacity, d)
	}
	wantNoError(t, q.Ack(t.Context(), leased.Receipt))
	send(t, q, message(capacity))
	if d := must(q.Depth(t.Context()))(t); d.Dropped != dropped+1 || d.Ready != capacity {
		t.Errorf("after an Ack and a Send: %+v", d)
	}
}

func queueServesAll(t *testing.T, q event.Queue) {
	const waiters = 10
	got := make(chan []event.Delivery, waiters)
	for range waiters {
		go func() { got <- <-receiveLater(t.Context(), t, q, time.Hour) }()
	}
	time.Sleep(time.Second)
	send(t, q, messages(waiters)...)
	seen := map[string]bool{}
	for range waiters {
		select {
		case d := <-got:
			for _, d := range d {
				seen[d.Event.OrderID] = true
			}
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d who waited were served", len(seen), waiters)
		}
	}
	if len(seen) != waiters {
		t.Errorf("%d different events were received, want %d", len(seen), waiters)
	}
}

func queueConcurrent(t *testing.T, q event.Queue) { eachReceivedOnce(t, q, q, q, q) }

// eachReceivedOnce has one sender and one worker on each of the handles.
func eachReceivedOnce(t *testing.T, handles ...event.Queue) {
	const each = 100
	total := each * len(handles)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	seen := map[string]int{}
	var acked atomic.Int32
	var wg sync.WaitGroup
	for i, q := range handles {
		wg.Go(func() {
			for n := range each {
				if err := q.Send(ctx, []event.Event{message(i*each + n)}); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
		})
		wg.Go(func() {
			for int(acked.Load()) < total && ctx.Err() == nil {
				acked.Add(receiveAndAck(ctx, t, q, &mu, seen))
			}
			cancel() // the others may wait for more
		})
	}
	wg.Wait()
	for i := range total {
		if n := seen[message(i).OrderID]; n != 1 {
			t.Errorf("event %d was received %d times", i, n)
		}
	}
	wantDepth(t, handles[0], 0, 0, 0)
}

// receiveAndAck takes a batch, gives some of it back, and acknowledges the rest,
// which it counts in seen.
func receiveAndAck(ctx context.Context, t *testing.T, q event.Queue, mu *sync.Mutex, seen map[string]int) int32 {
	deliveries, err := q.Receive(ctx, 7, time.Hour)
	if err != nil {
		t.Errorf("Receive: %v", err)
	}
	var done []string
	for _, d := range deliveries {
		if d.Count == 1 && d.Event.Number%10 == 0 {
			if err := q.Retry(ctx, event.Return{Receipt: d.Receipt, After: time.Second}); err != nil {
				t.Errorf("Retry: %v", err)
			}
			continue
		}
		mu.Lock()
		seen[d.Event.OrderID]++
		mu.Unlock()
		done = append(done, d.Receipt)
	}
	if err := q.Ack(ctx, done...); err != nil && ctx.Err() == nil {
		t.Errorf("Ack: %v", err)
	}
	return int32(len(done))
}
