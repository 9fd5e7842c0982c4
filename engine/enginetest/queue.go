package enginetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"holdfast/event"
)

var queueTests = []queueTest{
	{"Receive returns what was sent, with every field", queueKeepsEveryField},
	{"an event that this build cannot read comes out word for word", queueKeepsUnread},
	{"Receive returns at most limit, and in the end everything", queueLimit},
	{"Receive returns the longest-waiting first", queueLongestWaiting},
	{"Receive waits until something is sent", queueWaitsForSend},
	{"Receive wakes when a delayed event is ready", queueWaitsForDelay},
	{"Receive wakes when a lease lapses that began after it did", queueWaitsForLease},
	{"Receive wakes when a lease lapses that was shortened", queueWaitsForShortenedLease},
	{"Receive that leaves takes no other's wake with it", queueWakeOutlivesLeaver},
	{"Receive returns no events and no error when ctx ends", queueContextEnds},
	{"Send and Ack of nothing do nothing", queueNothing},
	{"Depth counts what is ready, in flight and oldest", queueDepth},
}

// message is the nth of a test's events, counted from 0.
func message(n int) event.Event { return event.New(event.StockSettled, ref(n+1), start) }

func messages(n int) []event.Event {
	all := make([]event.Event, n)
	for i := range all {
		all[i] = message(i)
	}
	return all
}

func send(t *testing.T, q event.Queue, events ...event.Event) {
	t.Helper()
	wantNoError(t, q.Send(t.Context(), events))
}

// poll receives what is ready now, and gives up a millisecond later.
func poll(t *testing.T, q event.Queue, limit int, lease time.Duration) []event.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	return must(q.Receive(ctx, limit, lease))(t)
}

// receive polls for one delivery of the event, which must be there.
func receive(t *testing.T, q event.Queue, want event.Event, lease time.Duration) event.Delivery {
	t.Helper()
	d := poll(t, q, 1, lease)
	if len(d) != 1 {
		t.Fatalf("%s of %s is not there", want.Type, want.OrderID)
	}
	wantSame(t, "event", d[0].Event, want)
	return d[0]
}

func wantNothing(t *testing.T, q event.Queue) {
	t.Helper()
	if d := poll(t, q, 10, time.Hour); len(d) != 0 {
		t.Errorf("received %+v", d)
	}
}

// waiting is a Receive that is under way in a goroutine of its own.
type waiting chan []event.Delivery

func receiveLater(ctx context.Context, t *testing.T, q event.Queue, lease time.Duration) waiting {
	w := make(waiting, 1)
	go func() {
		d, err := q.Receive(ctx, 1, lease)
		if err != nil {
			t.Errorf("Receive: %v", err)
		}
		w <- d
	}()
	return w
}

// want waits for the delivery of an event, up to a minute after it is due.
func (w waiting) want(t *testing.T, want event.Event) event.Delivery {
	t.Helper()
	select {
	case d := <-w:
		if len(d) != 1 {
			t.Fatalf("Receive returned %+v", d)
		}
		wantSame(t, "event", d[0].Event, want)
		return d[0]
	case <-time.After(time.Minute):
		t.Fatal("Receive slept on, though an event is ready")
		return event.Delivery{}
	}
}

func queueKeepsEveryField(t *testing.T, q event.Queue) {
	want := letter(1).Event
	send(t, q, want)
	if d := receive(t, q, want, time.Minute); d.Count != 1 || d.Receipt == "" {
		t.Errorf("the first delivery: %+v", d)
	}
}

func queueKeepsUnread(t *testing.T, q event.Queue) {
	for _, text := range []string{
		"", "not JSON", "\x00\xff\xfe", `{"specversion": "1.0"}`,
		`{"specversion":"1.0","id":"x","type":"holdfast.StockSettled","eventversion":99,"subject":"o","data":{"new":[1.0, 2]}}`,
	} {
		want := event.Decode([]byte(text))
		send(t, q, want)
		d := receive(t, q, want, time.Hour)
		if d.Event.Unread == nil || d.Event.Check() == nil {
			t.Errorf("%q came out as one that can be read: %+v", text, d.Event)
		}
	}
}

func queueLimit(t *testing.T, q event.Queue) {
	send(t, q, messages(7)...)
	send(t, q, messages(25)[7:]...)
	seen, receipts := map[string]int{}, map[string]bool{}
	for range 25 {
		d := poll(t, q, 4, time.Minute)
		if len(d) > 4 {
			t.Fatalf("%d deliveries, limit 4", len(d))
		}
		for _, d := range d {
			seen[d.Event.OrderID]++
			receipts[d.Receipt] = true
		}
	}
	for i := range 25 {
		if n := seen[message(i).OrderID]; n != 1 {
			t.Errorf("event %d came %d times", i, n)
		}
	}
	if len(receipts) != 25 {
		t.Errorf("%d receipts for 25 deliveries", len(receipts))
	}
}

func queueLongestWaiting(t *testing.T, q event.Queue) {
	for i := range 3 {
		send(t, q, message(i))
		time.Sleep(time.Second)
	}
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: receive(t, q, message(0), time.Minute).Receipt, After: 10 * time.Second}))
	time.Sleep(time.Minute)
	send(t, q, message(3))
	for _, i := range []int{1, 2, 0, 3} {
		receive(t, q, message(i), time.Hour)
	}
}

func queueWaitsForSend(t *testing.T, q event.Queue) {
	w := receiveLater(t.Context(), t, q, time.Minute)
	time.Sleep(time.Minute)
	select {
	case d := <-w:
		t.Fatalf("Receive of an empty queue returned %+v", d)
	default:
	}
	send(t, q, message(1))
	w.want(t, message(1))
}

func queueWaitsForDelay(t *testing.T, q event.Queue) {
	send(t, q, message(1))
	d := receive(t, q, message(1), time.Hour)
	w := receiveLater(t.Context(), t, q, time.Hour)
	time.Sleep(time.Second)
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: d.Receipt, After: 10 * time.Second}))
	time.Sleep(9 * time.Second)
	select {
	case d := <-w:
		t.Fatalf("received before the delay was over: %+v", d)
	default:
	}
	w.want(t, message(1))
}

// queueWaitsForLease has two that wait while the queue is empty: one gets the
// event and dies with it, and the other must have it when the lease has lapsed.
func queueWaitsForLease(t *testing.T, q event.Queue) {
	both := make(waiting, 2)
	for range 2 {
		go func() { both <- <-receiveLater(t.Context(), t, q, 10*time.Second) }()
	}
	time.Sleep(time.Second)
	send(t, q, message(1))
	first, second := both.want(t, message(1)), both.want(t, message(1))
	if first.Receipt == second.Receipt || second.Count != 2 {
		t.Errorf("the second delivery: %+v", second)
	}
}

func queueWaitsForShortenedLease(t *testing.T, q event.Queue) {
	send(t, q, message(1))
	d := receive(t, q, message(1), time.Hour)
	w := receiveLater(t.Context(), t, q, time.Hour)
	time.Sleep(time.Second)
	wantNoError(t, q.Extend(t.Context(), 5*time.Second, d.Receipt))
	w.want(t, message(1))
}

// queueWakeOutlivesLeaver ends a Receive just as the event comes that may have
// woken it, while another waits on.
func queueWakeOutlivesLeaver(t *testing.T, q event.Queue) {
	for i := range 50 {
		ctx, leave := context.WithCancel(t.Context())
		leaver := receiveLater(ctx, t, q, time.Hour)
		time.Sleep(time.Millisecond)
		stayer := receiveLater(t.Context(), t, q, time.Hour)
		time.Sleep(time.Millisecond)
		send(t, q, message(i))
		leave()
		if d := <-leaver; len(d) > 0 {
			wantSame(t, "event", d[0].Event, message(i))
			send(t, q, message(i))
		}
		stayer.want(t, message(i))
	}
}

func queueContextEnds(t *testing.T, q event.Queue) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if d := must(q.Receive(ended, 1, time.Minute))(t); len(d) != 0 {
		t.Errorf("received %+v from an empty queue", d)
	}
	wantNothing(t, q)
	ctx, leave := context.WithCancel(t.Context())
	w := receiveLater(ctx, t, q, time.Minute)
	time.Sleep(time.Minute)
	leave()
	if d := <-w; len(d) != 0 {
		t.Errorf("received %+v when ctx ended", d)
	}
	send(t, q, message(1))
	must(q.Receive(ended, 1, time.Minute))(t)
	time.Sleep(2 * time.Minute)
	receive(t, q, message(1), time.Minute)
}

func queueNothing(t *testing.T, q event.Queue) {
	send(t, q)
	wantNoError(t, q.Ack(t.Context()))
	wantNoError(t, q.Extend(t.Context(), time.Minute))
	wantNothing(t, q)
	wantSame(t, "depth", must(q.Depth(t.Context()))(t), event.Depth{})
}

func wantDepth(t *testing.T, q event.Queue, ready, inFlight int, oldest time.Duration) {
	t.Helper()
	d := must(q.Depth(t.Context()))(t)
	d.Oldest = d.Oldest.Truncate(time.Second)
	wantSame(t, "depth", fmt.Sprintf("%+v", d), fmt.Sprintf("%+v", event.Depth{Ready: ready, InFlight: inFlight, Oldest: oldest}))
}

func queueDepth(t *testing.T, q event.Queue) {
	send(t, q, message(0))
	time.Sleep(10 * time.Second)
	send(t, q, message(1), message(2))
	wantDepth(t, q, 3, 0, 10*time.Second)
	first, second := receive(t, q, message(0), time.Hour), receive(t, q, message(1), time.Hour)
	wantDepth(t, q, 1, 2, 10*time.Second)
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: first.Receipt, After: time.Minute}))
	if d := must(q.Depth(t.Context()))(t); d.Ready != 1 || d.Delayed != 1 || d.InFlight != 1 {
		t.Errorf("with one ready, one given back for later, one in flight: %+v", d)
	}
	time.Sleep(2 * time.Minute)
	wantDepth(t, q, 2, 1, 130*time.Second)
	wantNoError(t, q.Ack(t.Context(), second.Receipt))
	wantDepth(t, q, 2, 0, 130*time.Second)
	for _, d := range poll(t, q, 2, time.Hour) {
		if d.Event.OrderID == message(0).OrderID {
			wantNoError(t, q.Ack(t.Context(), d.Receipt))
		}
	}
	wantDepth(t, q, 0, 1, 120*time.Second)
}
