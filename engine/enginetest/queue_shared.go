package enginetest

import (
	"testing"
	"time"

	"holdfast/event"
)

// sharedQueueTests are what a queue that several processes use promises, wherever
// it is.
var sharedQueueTests = []sharedQueueTest{
	{"one receives what the other sent, with every field", sharedKeepsEveryField},
	{"what one has received is not the other's", sharedLease},
	{"one whose lease has lapsed loses the event to the other, and changes nothing when late", sharedLateWorker},
	{"one prolongs, gives back and removes what it has, and the other sees it", sharedReceipts},
	{"Receive of one wakes for what the other sends", sharedWakes},
	{"Receive of one wakes for what the other gives back", sharedWakesForReturn},
	{"many on both send and receive each event once", sharedConcurrent},
}

// sharedEmbeddedTests are what it promises beside if it is within one machine.
var sharedEmbeddedTests = []sharedQueueTest{
	{"Receive of one wakes at once for what the other sends", sharedWakesAtOnce},
	{"both share the queue's room, and each counts what it dropped", sharedRoom},
}

func sharedKeepsEveryField(t *testing.T, a, b queue) {
	for i, pair := range [][2]queue{{a, b}, {b, a}} {
		want := letter(i + 1).Event
		send(t, pair[0], want)
		d := receive(t, pair[1], want, time.Minute)
		wantNoError(t, pair[1].Ack(t.Context(), d.Receipt))
		wantDepth(t, pair[0], 0, 0, 0)
	}
}

func sharedLease(t *testing.T, a, b queue) {
	send(t, a, messages(4)...)
	first := receiveAll(t, a, 2, time.Minute)
	for id := range receiveAll(t, b, 2, time.Minute) {
		if _, both := first[id]; both {
			t.Errorf("both received the event of %s", id)
		}
	}
	wantNothing(t, a)
	wantDepth(t, b, 0, 4, 0)
}

func sharedLateWorker(t *testing.T, a, b queue) {
	send(t, a, message(1))
	late := receive(t, b, message(1), 10*time.Second)
	a.sleep(11 * time.Second)
	now := receive(t, a, message(1), 10*time.Second)
	if now.Count != 2 || now.Receipt == late.Receipt {
		t.Errorf("the second delivery: %+v", now)
	}
	wantNoError(t, b.Ack(t.Context(), late.Receipt))
	wantNoError(t, b.Retry(t.Context(), event.Return{Receipt: late.Receipt}))
	wantNoError(t, b.Extend(t.Context(), time.Hour, late.Receipt))
	wantNothing(t, b)
	a.sleep(11 * time.Second)
	receive(t, b, message(1), time.Hour)
}

func sharedReceipts(t *testing.T, a, b queue) {
	send(t, a, messages(3)...)
	d := receiveMessages(t, a, 3, 10*time.Second)
	wantNoError(t, a.Extend(t.Context(), 2*time.Minute, d[0].Receipt))
	wantNoError(t, a.Retry(t.Context(), event.Return{Receipt: d[1].Receipt, After: time.Minute}))
	wantNoError(t, a.Ack(t.Context(), d[2].Receipt))
	a.sleep(50 * time.Second)
	wantNothing(t, b)
	a.sleep(11 * time.Second)
	receive(t, b, message(1), time.Hour)
	wantNothing(t, b)
	wantDepth(t, b, 0, 2, 61*time.Second)
}

func sharedWakes(t *testing.T, a, b queue) {
	for i := range 3 {
		w := receiveLater(t.Context(), t, b, time.Hour)
		a.sleep(time.Duration(i) * 20 * time.Second)
		send(t, a, message(i))
		w.want(t, message(i))
	}
}

func sharedWakesAtOnce(t *testing.T, a, b queue) {
	for i := range 3 {
		w := receiveLater(t.Context(), t, b, time.Hour)
		a.sleep(time.Duration(i) * 20 * time.Second)
		send(t, a, message(i))
		began := time.Now()
		w.want(t, message(i))
		if waited := time.Since(began); waited > 50*time.Millisecond {
			t.Errorf("received %v after it was sent", waited)
		}
	}
}

func sharedWakesForReturn(t *testing.T, a, b queue) {
	send(t, a, message(1))
	d := receive(t, a, message(1), time.Hour)
	w := receiveLater(t.Context(), t, b, time.Hour)
	a.sleep(time.Second)
	wantNoError(t, a.Retry(t.Context(), event.Return{Receipt: d.Receipt, After: time.Second}))
	a.sleep(2 * time.Second)
	w.want(t, message(1))
}

func sharedRoom(t *testing.T, a, b queue) {
	capacity := fill(t, a)
	before := must(b.Depth(t.Context()))(t)
	send(t, b, messages(5)...)
	if after := must(b.Depth(t.Context()))(t); before.Ready != capacity || after.Ready != capacity || after.Dropped != before.Dropped+5 {
		t.Errorf("%d fit; before: %+v, after five more: %+v", capacity, before, after)
	}
	wantNoError(t, b.Ack(t.Context(), receive(t, b, message(0), time.Hour).Receipt))
	send(t, a, message(capacity))
	if d := must(b.Depth(t.Context()))(t); d.Ready != capacity {
		t.Errorf("after an Ack by the one and a Send by the other: %+v", d)
	}
}

func sharedConcurrent(t *testing.T, a, b queue) { eachReceivedOnce(t, a, b, a, b) }
