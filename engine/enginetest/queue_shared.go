package enginetest

import (
	"testing"
	"time"

	"holdfast/event"
)

var sharedQueueTests = []sharedQueueTest{
	{"one receives what the other sent, with every field", sharedKeepsEveryField},
	{"what one has received is not the other's", sharedLease},
	{"one whose lease has lapsed loses the event to the other, and changes nothing when late", sharedLateWorker},
	{"one prolongs, gives back and removes what it has, and the other sees it", sharedReceipts},
	{"Receive of one wakes for what the other sends", sharedWakes},
	{"Receive of one wakes for what the other gives back", sharedWakesForReturn},
	{"both share the queue's room, and each counts what it dropped", sharedRoom},
	{"many on both send and receive each event once", sharedConcurrent},
}

func sharedKeepsEveryField(t *testing.T, a, b event.Queue) {
	for i, pair := range [][2]event.Queue{{a, b}, {b, a}} {
		want := letter(i + 1).Event
		send(t, pair[0], want)
		d := receive(t, pair[1], want, time.Minute)
		wantNoError(t, pair[1].Ack(t.Context(), d.Receipt))
		wantDepth(t, pair[0], 0, 0, 0)
	}
}

func sharedLease(t *testing.T, a, b event.Queue) {
	send(t, a, messages(4)...)
	first := poll(t, a, 2, 10*time.Second)
	second := poll(t, b, 4, 10*time.Second)
	if len(first) != 2 || len(second) != 2 {
		t.Fatalf("received %+v and %+v", first, second)
	}
	for i, d := range append(first, second...) {
		wantSame(t, "event", d.Event, message(i))
	}
	wantNothing(t, a)
	wantDepth(t, b, 0, 4, 0)
}

func sharedLateWorker(t *testing.T, a, b event.Queue) {
	send(t, a, message(1))
	late := receive(t, b, message(1), 10*time.Second)
	time.Sleep(11 * time.Second)
	now := receive(t, a, message(1), 10*time.Second)
	if now.Count != 2 || now.Receipt == late.Receipt {
		t.Errorf("the second delivery: %+v", now)
	}
	wantNoError(t, b.Ack(t.Context(), late.Receipt))
	wantNoError(t, b.Retry(t.Context(), event.Return{Receipt: late.Receipt}))
	wantNoError(t, b.Extend(t.Context(), time.Hour, late.Receipt))
	wantNothing(t, b)
	time.Sleep(11 * time.Second)
	receive(t, b, message(1), time.Hour)
}

func sharedReceipts(t *testing.T, a, b event.Queue) {
	send(t, a, messages(3)...)
	d := poll(t, a, 3, 10*time.Second)
	if len(d) != 3 {
		t.Fatalf("received %+v", d)
	}
	wantNoError(t, a.Extend(t.Context(), time.Minute, d[0].Receipt))
	wantNoError(t, a.Retry(t.Context(), event.Return{Receipt: d[1].Receipt, After: 20 * time.Second}))
	wantNoError(t, a.Ack(t.Context(), d[2].Receipt))
	time.Sleep(15 * time.Second)
	wantNothing(t, b)
	time.Sleep(10 * time.Second)
	receive(t, b, message(1), time.Hour)
	wantNothing(t, b)
	wantDepth(t, b, 0, 2, 25*time.Second)
}

func sharedWakes(t *testing.T, a, b event.Queue) {
	for i := range 3 {
		w := receiveLater(t.Context(), t, b, time.Hour)
		time.Sleep(time.Duration(i) * 20 * time.Second)
		send(t, a, message(i))
		began := time.Now()
		w.want(t, message(i))
		if waited := time.Since(began); waited > 50*time.Millisecond {
			t.Errorf("received %v after it was sent", waited)
		}
	}
}

func sharedWakesForReturn(t *testing.T, a, b event.Queue) {
	send(t, a, message(1))
	d := receive(t, a, message(1), time.Hour)
	w := receiveLater(t.Context(), t, b, time.Hour)
	time.Sleep(time.Second)
	wantNoError(t, a.Retry(t.Context(), event.Return{Receipt: d.Receipt, After: time.Second}))
	w.want(t, message(1))
}

func sharedRoom(t *testing.T, a, b event.Queue) {
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

func sharedConcurrent(t *testing.T, a, b event.Queue) { eachReceivedOnce(t, a, b, a, b) }
