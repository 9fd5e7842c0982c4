package enginetest

import (
	"context"
	"testing"
	"time"

	"holdfast/event"
)

// embeddedTests are what a queue promises beside queueTests if it is within one
// machine: the order of events, exact counts, a bound, and that no message is lost
// on its way to one who leaves.
var embeddedTests = []queueTest{
	{"Receive returns the longest-waiting first", queueLongestWaiting},
	{"Receive that leaves takes no other's wake with it", queueWakeOutlivesLeaver},
	{"Depth counts what is ready, in flight and oldest", queueDepth},
	{"a full queue drops and counts without blocking", queueDrops},
	{"a full queue has room again after an Ack", queueRoomAgain},
}

func queueLongestWaiting(t *testing.T, q queue) {
	for i := range 3 {
		send(t, q, message(i))
		q.sleep(time.Second)
	}
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: receive(t, q, message(0), time.Minute).Receipt, After: 10 * time.Second}))
	q.sleep(time.Minute)
	send(t, q, message(3))
	for _, i := range []int{1, 2, 0, 3} {
		receive(t, q, message(i), time.Hour)
	}
}

// queueWakeOutlivesLeaver ends a Receive just as the event comes that may have
// woken it, while another waits on.
func queueWakeOutlivesLeaver(t *testing.T, q queue) {
	for i := range 50 {
		ctx, leave := context.WithCancel(t.Context())
		leaver := receiveLater(ctx, t, q, time.Hour)
		q.sleep(time.Millisecond)
		stayer := receiveLater(t.Context(), t, q, time.Hour)
		q.sleep(time.Millisecond)
		send(t, q, message(i))
		leave()
		if d := <-leaver; len(d) > 0 {
			wantSame(t, "event", d[0].Event, message(i))
			send(t, q, message(i))
		}
		stayer.want(t, message(i))
	}
}

func queueDepth(t *testing.T, q queue) {
	send(t, q, message(0))
	q.sleep(10 * time.Second)
	send(t, q, message(1), message(2))
	wantDepth(t, q, 3, 0, 10*time.Second)
	first, second := receive(t, q, message(0), time.Hour), receive(t, q, message(1), time.Hour)
	wantDepth(t, q, 1, 2, 10*time.Second)
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: first.Receipt, After: time.Minute}))
	if d := must(q.Depth(t.Context()))(t); d.Ready != 1 || d.Delayed != 1 || d.InFlight != 1 {
		t.Errorf("with one ready, one given back for later, one in flight: %+v", d)
	}
	q.sleep(2 * time.Minute)
	wantDepth(t, q, 2, 1, 130*time.Second)
	wantNoError(t, q.Ack(t.Context(), second.Receipt))
	wantDepth(t, q, 2, 0, 130*time.Second)
	wantNoError(t, q.Ack(t.Context(), receiveAll(t, q, 2, time.Hour)[message(0).OrderID].Receipt))
	wantDepth(t, q, 0, 1, 120*time.Second)
}

// maxCapacity bounds the search for a queue's capacity.
const maxCapacity = 100_000

// fill sends until the queue drops, and returns how many it holds.
func fill(t *testing.T, q queue) int {
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

func queueDrops(t *testing.T, q queue) {
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
		got := receiveWithin(t, q, q.patience, 1000, time.Hour)
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

func queueRoomAgain(t *testing.T, q queue) {
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
