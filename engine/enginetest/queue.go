package enginetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"holdfast/event"
)

// queueTests are what every queue promises, wherever it is.
var queueTests = []queueTest{
	{"Receive returns what was sent, with every field", queueKeepsEveryField},
	{"an event that this build cannot read comes out word for word", queueKeepsUnread},
	{"Receive returns at most limit, and in the end everything", queueLimit},
	{"hundreds are sent, received, prolonged, given back and acknowledged at once", queueHundreds},
	{"Receive waits until something is sent", queueWaitsForSend},
	{"Receive wakes when a delayed event is ready", queueWaitsForDelay},
	{"Receive wakes when a lease lapses that began after it did", queueWaitsForLease},
	{"Receive wakes when a lease lapses that was shortened", queueWaitsForShortenedLease},
	{"Receive returns no events and no error when ctx ends", queueContextEnds},
	{"Receive returns what is ready when ctx ends soon", queueDeadline},
	{"Send and Ack of nothing do nothing", queueNothing},
	{"Send, Ack, Retry and Extend fail and change nothing when ctx has ended", queueEnded},
	{"Depth counts what is ready and what is away", queueCounts},
}

// queue is a queue under test, and the way in which its time passes.
type queue struct {
	event.Queue
	sleep    func(time.Duration) // lets time pass for the queue
	patience time.Duration       // how long it may take to receive what is ready
	glance   time.Duration       // how long to look for what must not be there
	embedded bool                // the queue keeps the promises of embeddedTests
}

// embeddedQueue is a queue whose clock is that of a testing/synctest bubble.
func embeddedQueue(q event.Queue) queue {
	return queue{Queue: q, sleep: time.Sleep, patience: time.Millisecond, glance: time.Millisecond, embedded: true}
}

// remoteQueue is a queue with a clock of its own, behind a network.
func remoteQueue(q event.Queue, advance func(time.Duration)) queue {
	return queue{Queue: q, sleep: advance, patience: 10 * time.Second, glance: 200 * time.Millisecond}
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

func send(t *testing.T, q queue, events ...event.Event) {
	t.Helper()
	wantNoError(t, q.Send(t.Context(), events))
}

// receiveWithin receives what becomes ready within so long.
func receiveWithin(t *testing.T, q queue, bound time.Duration, limit int, lease time.Duration) []event.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	d := must(q.Receive(ctx, limit, lease))(t)
	if len(d) > limit {
		t.Fatalf("%d deliveries, limit %d", len(d), limit)
	}
	return d
}

// receiveAll receives n events, which must be there, in any order and in as many
// calls as it takes. It returns them by order.
func receiveAll(t *testing.T, q queue, n int, lease time.Duration) map[string]event.Delivery {
	t.Helper()
	all := make(map[string]event.Delivery, n)
	for len(all) < n {
		got := receiveWithin(t, q, q.patience, n-len(all), lease)
		if len(got) == 0 {
			t.Fatalf("%d events are there, want %d", len(all), n)
		}
		for _, d := range got {
			if _, twice := all[d.Event.OrderID]; twice {
				t.Fatalf("the event of %s came twice", d.Event.OrderID)
			}
			all[d.Event.OrderID] = d
		}
	}
	return all
}

// receiveMessages receives the first n of a test's messages, in their order.
func receiveMessages(t *testing.T, q queue, n int, lease time.Duration) []event.Delivery {
	t.Helper()
	all := receiveAll(t, q, n, lease)
	inOrder := make([]event.Delivery, n)
	for i := range inOrder {
		inOrder[i] = all[message(i).OrderID]
		wantSame(t, "event", inOrder[i].Event, message(i))
	}
	return inOrder
}

// receive receives the event, which must be ready, and the first to come.
func receive(t *testing.T, q queue, want event.Event, lease time.Duration) event.Delivery {
	t.Helper()
	d := receiveWithin(t, q, q.patience, 1, lease)
	if len(d) != 1 {
		t.Fatalf("%s of %s is not there", want.Type, want.OrderID)
	}
	wantSame(t, "event", d[0].Event, want)
	return d[0]
}

func wantNothing(t *testing.T, q queue) {
	t.Helper()
	if d := receiveWithin(t, q, q.glance, 10, time.Hour); len(d) != 0 {
		t.Errorf("received %+v", d)
	}
}

func receipts(deliveries []event.Delivery) []string {
	all := make([]string, len(deliveries))
	for i, d := range deliveries {
		all[i] = d.Receipt
	}
	return all
}

// waiting is a Receive that is under way in a goroutine of its own.
type waiting chan []event.Delivery

func receiveLater(ctx context.Context, t *testing.T, q queue, lease time.Duration) waiting {
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

// wantNone fails if Receive has returned already.
func (w waiting) wantNone(t *testing.T) {
	t.Helper()
	select {
	case d := <-w:
		t.Fatalf("Receive returned %+v", d)
	default:
	}
}

func queueKeepsEveryField(t *testing.T, q queue) {
	want := letter(1).Event
	send(t, q, want)
	if d := receive(t, q, want, time.Minute); d.Count != 1 || d.Receipt == "" {
		t.Errorf("the first delivery: %+v", d)
	}
}

func queueKeepsUnread(t *testing.T, q queue) {
	for _, text := range []string{
		"", "not JSON", "\x00\xff\xfe", "\ufffe", " blank\r\n", "holdfast-base64:", "holdfast-base64:AAAA", `{"specversion": "1.0"}`,
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

func queueLimit(t *testing.T, q queue) {
	send(t, q, messages(7)...)
	send(t, q, messages(25)[7:]...)
	seen, receipts := map[string]int{}, map[string]bool{}
	for len(receipts) < 25 {
		got := receiveWithin(t, q, q.patience, 4, time.Hour)
		if len(got) == 0 {
			break
		}
		for _, d := range got {
			seen[d.Event.OrderID]++
			receipts[d.Receipt] = true
		}
	}
	wantNothing(t, q)
	for i := range 25 {
		if n := seen[message(i).OrderID]; n != 1 {
			t.Errorf("event %d came %d times", i, n)
		}
	}
	if len(receipts) != 25 {
		t.Errorf("%d receipts for 25 deliveries", len(receipts))
	}
}

func queueHundreds(t *testing.T, q queue) {
	const n = 257
	send(t, q, messages(n)...)
	d := receiveMessages(t, q, n, time.Minute)
	wantNoError(t, q.Extend(t.Context(), time.Hour, receipts(d)...))
	q.sleep(10 * time.Minute)
	wantNothing(t, q)
	returns := make([]event.Return, n)
	for i, r := range receipts(d) {
		returns[i] = event.Return{Receipt: r, After: 10 * time.Minute}
	}
	wantNoError(t, q.Retry(t.Context(), returns...))
	wantNothing(t, q)
	q.sleep(11 * time.Minute)
	d = receiveMessages(t, q, n, time.Minute)
	wantNoError(t, q.Ack(t.Context(), receipts(d)...))
	q.sleep(time.Hour)
	wantNothing(t, q)
	wantDepth(t, q, 0, 0, 0)
}

func queueWaitsForSend(t *testing.T, q queue) {
	w := receiveLater(t.Context(), t, q, time.Minute)
	q.sleep(time.Minute)
	w.wantNone(t)
	send(t, q, message(1))
	w.want(t, message(1))
}

func queueWaitsForDelay(t *testing.T, q queue) {
	send(t, q, message(1))
	d := receive(t, q, message(1), time.Hour)
	w := receiveLater(t.Context(), t, q, time.Hour)
	q.sleep(time.Second)
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: d.Receipt, After: time.Minute}))
	q.sleep(50 * time.Second)
	w.wantNone(t)
	q.sleep(11 * time.Second)
	w.want(t, message(1))
}

// queueWaitsForLease has two that wait while the queue is empty: one gets the
// event and dies with it, and the other must have it when the lease has lapsed.
func queueWaitsForLease(t *testing.T, q queue) {
	both := make(waiting, 2)
	for range 2 {
		go func() { both <- <-receiveLater(t.Context(), t, q, 10*time.Second) }()
	}
	q.sleep(time.Second)
	send(t, q, message(1))
	first := both.want(t, message(1))
	q.sleep(11 * time.Second)
	second := both.want(t, message(1))
	if first.Receipt == second.Receipt || second.Count != 2 {
		t.Errorf("the second delivery: %+v", second)
	}
}

func queueWaitsForShortenedLease(t *testing.T, q queue) {
	send(t, q, message(1))
	d := receive(t, q, message(1), time.Hour)
	w := receiveLater(t.Context(), t, q, time.Hour)
	q.sleep(time.Second)
	wantNoError(t, q.Extend(t.Context(), 5*time.Second, d.Receipt))
	q.sleep(6 * time.Second)
	w.want(t, message(1))
}

func queueContextEnds(t *testing.T, q queue) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if d := must(q.Receive(ended, 1, time.Minute))(t); len(d) != 0 {
		t.Errorf("received %+v from an empty queue", d)
	}
	wantNothing(t, q)
	ctx, leave := context.WithCancel(t.Context())
	w := receiveLater(ctx, t, q, time.Minute)
	q.sleep(time.Minute)
	leave()
	if d := <-w; len(d) != 0 {
		t.Errorf("received %+v when ctx ended", d)
	}
	send(t, q, message(1))
	must(q.Receive(ended, 1, time.Minute))(t)
	q.sleep(2 * time.Minute)
	receive(t, q, message(1), time.Minute)
}

func queueDeadline(t *testing.T, q queue) {
	for i := range 5 {
		send(t, q, message(i))
		if d := receiveWithin(t, q, 900*time.Millisecond, 1, time.Hour); len(d) != 1 {
			t.Fatalf("received %+v", d)
		}
	}
}

func queueNothing(t *testing.T, q queue) {
	send(t, q)
	wantNoError(t, q.Ack(t.Context()))
	wantNoError(t, q.Retry(t.Context()))
	wantNoError(t, q.Extend(t.Context(), time.Minute))
	wantNothing(t, q)
	wantDepth(t, q, 0, 0, 0)
}

func queueEnded(t *testing.T, q queue) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	send(t, q, message(1))
	d := receive(t, q, message(1), time.Minute)
	for what, err := range map[string]error{
		"Send": q.Send(ended, messages(1)), "Ack": q.Ack(ended, d.Receipt), "Extend": q.Extend(ended, time.Hour, d.Receipt),
		"Retry": q.Retry(ended, event.Return{Receipt: d.Receipt}),
	} {
		if err == nil {
			t.Errorf("%s succeeded though ctx had ended", what)
		}
	}
	wantNothing(t, q)
	q.sleep(2 * time.Minute)
	receive(t, q, message(1), time.Minute)
	wantNothing(t, q)
}

// wantDepth checks what the queue says that it holds. Of a queue that only says
// it about, and late, the counts must become right; it may count what was given
// back as in flight, and not know the age of the oldest.
func wantDepth(t *testing.T, q queue, ready, inFlight int, oldest time.Duration) {
	t.Helper()
	d := must(q.Depth(t.Context()))(t)
	if !q.embedded {
		for began := time.Now(); (d.Ready != ready || d.Delayed+d.InFlight != inFlight) && time.Since(began) < q.patience; {
			d = must(q.Depth(t.Context()))(t)
		}
		d.InFlight, d.Delayed = d.InFlight+d.Delayed, 0
		if d.Oldest == event.UnknownAge {
			d.Oldest = oldest
		}
	}
	d.Oldest = d.Oldest.Truncate(time.Second)
	wantSame(t, "depth", fmt.Sprintf("%+v", d), fmt.Sprintf("%+v", event.Depth{Ready: ready, InFlight: inFlight, Oldest: oldest}))
}

func queueCounts(t *testing.T, q queue) {
	send(t, q, messages(3)...)
	wantDepth(t, q, 3, 0, 0)
	first := receiveWithin(t, q, q.patience, 1, time.Hour)
	receiveAll(t, q, 1, time.Hour)
	wantDepth(t, q, 1, 2, 0)
	wantNoError(t, q.Ack(t.Context(), receipts(first)...))
	wantDepth(t, q, 1, 1, 0)
}
