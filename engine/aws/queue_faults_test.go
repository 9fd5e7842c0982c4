package aws_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"holdfast/emulator"
	"holdfast/engine/enginetest"
	"holdfast/event"
)

// Two engines on one prefix stand for two processes.
func TestSharedQueue(t *testing.T) {
	enginetest.RunRemoteSharedQueue(t, func(t *testing.T) (a, b event.Queue, pass func(time.Duration)) {
		m := emulator.ForTest(t)
		prefix := m.Fresh(t)
		a = open(t, m.Config(), prefix).Queues[event.Payment]
		b = open(t, m.Config(), prefix).Queues[event.Payment]
		return a, b, advance(t, m)
	})
}

// The suite counts deliveries, so here no answer is lost and nothing comes twice.
func TestQueueBehindFaults(t *testing.T) {
	enginetest.RunRemoteQueue(t, func(t *testing.T) (event.Queue, func(time.Duration)) {
		m := emulator.ForTest(t)
		prefix := m.Fresh(t)
		day := emulator.BadDay(2)
		day.Lost, day.Duplicated = 0, 0
		day.MinLatency, day.MaxLatency = time.Millisecond, 10*time.Millisecond
		config, _ := day.Use(m.Config())
		return open(t, config, prefix).Queues[event.Payment], advance(t, m)
	})
}

// TestNothingIsLostOnABadDay has answers lost and messages come twice: each event
// must still come, none that was not sent, and in the end the queue is empty.
func TestNothingIsLostOnABadDay(t *testing.T) {
	m := emulator.ForTest(t)
	prefix := m.Fresh(t)
	config, faults := emulator.BadDay(3).Use(m.Config())
	q := open(t, config, prefix).Queues[event.Payment]
	missing := map[string]bool{}
	for i := range 30 {
		events := make([]event.Event, 7)
		for j := range events {
			id := fmt.Sprintf("order-%02d-%d", i, j)
			missing[id] = true
			events[j] = event.New(event.StockSettled, event.Ref{OrderID: id, Number: int64(7*i + j + 1)}, time.UnixMilli(1_800_000_000_000))
		}
		if err := q.Send(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	sent := len(missing)
	for idle, rounds := 0, 0; idle < 3 && rounds < 200; rounds++ {
		if received := takeSome(t, q, missing); received > 0 {
			idle = 0
			continue
		}
		idle++
		advance(t, m)(31 * time.Second) // what an answer was lost of comes again
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d events never came: %v", len(missing), sent, missing)
	}
	if d, err := q.Depth(t.Context()); err != nil || d.Ready+d.Delayed+d.InFlight > 0 {
		t.Errorf("%+v, %v; want an empty queue", d, err)
	}
	for _, kind := range []emulator.Fault{emulator.LostAnswer, emulator.Duplicate, emulator.Failure, emulator.Reorder} {
		if faults.Struck(kind) == 0 {
			t.Errorf("there was no %s", kind)
		}
	}
}

// takeSome receives and acknowledges what is ready, and takes it off missing.
func takeSome(t *testing.T, q event.Queue, missing map[string]bool) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	d, err := q.Receive(ctx, 40, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	receipts := make([]string, len(d))
	for i, d := range d {
		if d.Event.Type != event.StockSettled || d.Event.Check() != nil {
			t.Errorf("%+v came, which nobody sent", d.Event)
		}
		delete(missing, d.Event.OrderID)
		receipts[i] = d.Receipt
	}
	if err := q.Ack(t.Context(), receipts...); err != nil {
		t.Fatal(err)
	}
	return len(d)
}
