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
	{"everyone who waits is served by one Send", queueServesAll},
	{"many at once send and receive each event once", queueConcurrent},
}

func queueServesAll(t *testing.T, q queue) {
	const waiters = 10
	got := make(chan []event.Delivery, waiters)
	for range waiters {
		go func() { got <- <-receiveLater(t.Context(), t, q, time.Hour) }()
	}
	q.sleep(time.Second)
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

func queueConcurrent(t *testing.T, q queue) { eachReceivedOnce(t, q, q, q, q) }

// eachReceivedOnce has one sender and one worker on each of the handles. What is
// not there within a minute is lost.
func eachReceivedOnce(t *testing.T, handles ...queue) {
	const each = 100
	total := each * len(handles)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
func receiveAndAck(ctx context.Context, t *testing.T, q queue, mu *sync.Mutex, seen map[string]int) int32 {
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
