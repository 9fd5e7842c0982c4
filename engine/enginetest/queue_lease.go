package enginetest

import (
	"testing"
	"time"

	"holdfast/event"
)

var leaseTests = []queueTest{
	{"a leased event is nobody else's until the lease has passed", leaseHolds},
	{"each receive has another receipt and counts one more", leaseCounts},
	{"Ack removes for good, and may be repeated", ackRemoves},
	{"Ack takes out the deliveries it names and no others", ackSome},
	{"a late Ack changes nothing", lateAck},
	{"a late Retry changes nothing", lateRetry},
	{"a late Extend changes nothing", lateExtend},
	{"Retry makes an event ready after the delay", retryDelays},
	{"Retry without a delay makes an event ready at once", retryAtOnce},
	{"Retry gives each event back for its own delay, and passes over a late one", retryEach},
	{"Extend makes leases last that long from now", extendProlongs},
	{"Extend prolongs the leases it names and no others", extendSome},
}

func leaseHolds(t *testing.T, q queue) {
	send(t, q, message(1))
	receive(t, q, message(1), time.Minute)
	q.sleep(50 * time.Second)
	wantNothing(t, q)
	q.sleep(11 * time.Second)
	receive(t, q, message(1), time.Minute)
	wantNothing(t, q)
}

func leaseCounts(t *testing.T, q queue) {
	send(t, q, message(1))
	seen := map[string]bool{}
	for n := range 5 {
		d := receive(t, q, message(1), 10*time.Second)
		if d.Count != n+1 || seen[d.Receipt] {
			t.Errorf("receive %d: %+v", n+1, d)
		}
		if seen[d.Receipt] = true; n%2 == 0 {
			wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: d.Receipt, After: 5 * time.Second}))
		}
		q.sleep(11 * time.Second)
	}
}

func ackRemoves(t *testing.T, q queue) {
	send(t, q, message(1))
	d := receive(t, q, message(1), 10*time.Second)
	for range 2 {
		wantNoError(t, q.Ack(t.Context(), d.Receipt))
	}
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: d.Receipt}))
	wantNoError(t, q.Extend(t.Context(), time.Second, d.Receipt))
	q.sleep(time.Hour)
	wantNothing(t, q)
	wantDepth(t, q, 0, 0, 0)
}

func ackSome(t *testing.T, q queue) {
	send(t, q, messages(3)...)
	d := receiveMessages(t, q, 3, 10*time.Second)
	wantNoError(t, q.Ack(t.Context(), d[0].Receipt, d[2].Receipt))
	q.sleep(time.Minute)
	receive(t, q, message(1), time.Hour)
	wantNothing(t, q)
}

// lateWorker is a worker whose lease has lapsed: late is its delivery, and now
// is that of the worker that has the event now, for ten seconds.
func lateWorker(t *testing.T, q queue) (late, now event.Delivery) {
	t.Helper()
	send(t, q, message(1))
	late = receive(t, q, message(1), 10*time.Second)
	q.sleep(11 * time.Second)
	return late, receive(t, q, message(1), 10*time.Second)
}

func lateAck(t *testing.T, q queue) {
	late, _ := lateWorker(t, q)
	wantNoError(t, q.Ack(t.Context(), late.Receipt))
	wantDepth(t, q, 0, 1, 11*time.Second)
	q.sleep(11 * time.Second)
	now := receive(t, q, message(1), 10*time.Second)
	wantNoError(t, q.Ack(t.Context(), late.Receipt, now.Receipt))
	wantDepth(t, q, 0, 0, 0)
}

func lateRetry(t *testing.T, q queue) {
	late, now := lateWorker(t, q)
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: late.Receipt}))
	wantNothing(t, q)
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: now.Receipt, After: 30 * time.Second}))
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: late.Receipt}))
	wantNothing(t, q)
	q.sleep(31 * time.Second)
	receive(t, q, message(1), time.Second)
}

func lateExtend(t *testing.T, q queue) {
	late, _ := lateWorker(t, q)
	wantNoError(t, q.Extend(t.Context(), time.Hour, late.Receipt))
	q.sleep(11 * time.Second)
	now := receive(t, q, message(1), 10*time.Second)
	wantNoError(t, q.Ack(t.Context(), now.Receipt))
	wantNoError(t, q.Extend(t.Context(), time.Second, now.Receipt, late.Receipt))
	q.sleep(time.Minute)
	wantNothing(t, q)
}

func retryDelays(t *testing.T, q queue) {
	send(t, q, message(1))
	d := receive(t, q, message(1), 5*time.Second)
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: d.Receipt, After: time.Minute}))
	q.sleep(50 * time.Second)
	wantNothing(t, q)
	q.sleep(11 * time.Second)
	if d := receive(t, q, message(1), time.Second); d.Count != 2 {
		t.Errorf("the retry is counted %d", d.Count)
	}
}

func retryAtOnce(t *testing.T, q queue) {
	send(t, q, message(1))
	wantNoError(t, q.Retry(t.Context(), event.Return{Receipt: receive(t, q, message(1), time.Hour).Receipt}))
	receive(t, q, message(1), time.Hour)
}

func retryEach(t *testing.T, q queue) {
	send(t, q, messages(4)...)
	late := receiveWithin(t, q, q.patience, 1, time.Second)
	q.sleep(2 * time.Second)
	d := receiveMessages(t, q, 4, time.Hour)
	wantNoError(t, q.Retry(t.Context(),
		event.Return{Receipt: d[0].Receipt, After: 3 * time.Minute}, event.Return{Receipt: late[0].Receipt},
		event.Return{Receipt: d[1].Receipt, After: time.Minute}, event.Return{Receipt: d[2].Receipt}))
	for i, after := range []time.Duration{0, time.Minute, 2 * time.Minute} {
		q.sleep(after)
		receive(t, q, d[2-i].Event, time.Hour)
		wantNothing(t, q)
	}
	wantNoError(t, q.Ack(t.Context(), d[3].Receipt))
	wantDepth(t, q, 0, 3, 182*time.Second)
}

func extendProlongs(t *testing.T, q queue) {
	send(t, q, message(1))
	d := receive(t, q, message(1), time.Minute)
	for range 5 {
		q.sleep(40 * time.Second)
		wantNoError(t, q.Extend(t.Context(), time.Minute, d.Receipt))
	}
	q.sleep(50 * time.Second)
	wantNothing(t, q)
	q.sleep(11 * time.Second)
	receive(t, q, message(1), time.Second)
}

func extendSome(t *testing.T, q queue) {
	send(t, q, messages(3)...)
	d := receiveMessages(t, q, 3, 10*time.Second)
	wantNoError(t, q.Extend(t.Context(), time.Minute, d[0].Receipt, d[2].Receipt))
	q.sleep(30 * time.Second)
	receive(t, q, message(1), time.Hour)
	wantNothing(t, q)
	wantNoError(t, q.Ack(t.Context(), d[0].Receipt, d[2].Receipt))
	wantDepth(t, q, 0, 1, 30*time.Second)
}
