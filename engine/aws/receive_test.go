package aws

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
)

// shelf answers receives from a store of n messages, each at most once.
func shelf(t *testing.T, n int) func(sqsCall) any {
	var left, serial atomic.Int64
	left.Store(int64(n))
	return func(c sqsCall) any {
		rest := left.Add(-int64(c.MaxNumberOfMessages))
		found := max(0, c.MaxNumberOfMessages+int(min(rest, 0)))
		return stored(t, string(rune('a'+serial.Add(1))), found)
	}
}

// polled are what the receives ask for: how many messages, and whether they wait.
func polled(calls []sqsCall) (limits []int, waits int) {
	for _, c := range calls {
		limits = append(limits, c.MaxNumberOfMessages)
		if c.WaitTimeSeconds == nil || *c.WaitTimeSeconds != 0 {
			waits++
		}
	}
	slices.Sort(limits)
	return limits, waits
}

func TestABusyQueueIsEmptiedUpToTheLimit(t *testing.T) {
	for _, test := range []struct{ there, limit, want, requests int }{
		{there: 7, limit: 1024, want: 7, requests: 1},
		{there: 3, limit: 3, want: 3, requests: 1},
		{there: 10, limit: 10, want: 10, requests: 1},
		{there: 10, limit: 1024, want: 10, requests: 1 + 1},
		{there: 12, limit: 1024, want: 12, requests: 1 + 1},
		{there: 50, limit: 1024, want: 50, requests: 1 + 1 + 2 + 4},
		{there: 149, limit: 1024, want: 149, requests: 1 + 1 + 2 + 4 + 8},
		{there: 500, limit: 37, want: 37, requests: 1 + 1 + 2},
		{there: 5000, limit: 1024, want: 1024, requests: 103},
	} {
		q, f := queueWith(shelf(t, test.there))
		d, err := q.Receive(t.Context(), test.limit, time.Minute)
		limits, waits := polled(f.made())
		if err != nil || len(d) != test.want || len(limits) != test.requests || waits != 1 {
			t.Errorf("%+v: received %d, %v, in requests for %v, of which %d wait", test, len(d), err, limits, waits)
		}
		if most := limits[len(limits)-1]; most > batchEntries {
			t.Errorf("a request for %d messages", most)
		}
		receipts := make(map[string]bool)
		for _, d := range d {
			receipts[d.Receipt] = true
		}
		if len(receipts) != test.want {
			t.Errorf("%d receipts for %d deliveries", len(receipts), test.want)
		}
	}
}

func TestAReceiveSaysItsLeaseAndItsWait(t *testing.T) {
	q, f := queueWith(shelf(t, 12))
	d, err := q.Receive(t.Context(), 100, 1500*time.Millisecond)
	if err != nil || len(d) != 12 || d[0].Count != 3 || d[0].Event.OrderID != settled(0).OrderID {
		t.Fatalf("%+v, %v", d, err)
	}
	for i, c := range f.made() {
		wait := 0
		if i == 0 {
			wait = 20
		}
		if c.VisibilityTimeout != 2 || c.WaitTimeSeconds == nil || *c.WaitTimeSeconds != wait {
			t.Errorf("request %d: %+v; want a lease of 2 s and a wait of %d", i, c, wait)
		}
	}
}

func TestALeaseIsNeverLeftToTheQueue(t *testing.T) {
	q, f := queueWith(shelf(t, 1))
	if _, err := q.Receive(t.Context(), 1, 0); err != nil || f.made()[0].VisibilityTimeout != 1 {
		t.Errorf("%v; a lease of nothing is sent as %d, want 1 s", err, f.made()[0].VisibilityTimeout)
	}
}

func TestAFetchThatFailsKeepsWhatWasFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := queueWith(func(c sqsCall) any {
			if *c.WaitTimeSeconds == 0 {
				return sqsFailure{500, "InternalFailure", "broken"}
			}
			return stored(t, "first", 10)
		})
		if d, err := q.Receive(t.Context(), 1024, time.Minute); err != nil || len(d) != 10 {
			t.Errorf("received %d, %v; want the ten of the first request", len(d), err)
		}
	})
}

// slowPoll answers a receive when its wait is over, or as soon as the request is
// broken off.
func slowPoll(answer any) func(sqsCall) any {
	return func(c sqsCall) any {
		select {
		case <-time.After(time.Duration(*c.WaitTimeSeconds) * time.Second):
			return answer
		case <-c.request.Context().Done():
			return c.request.Context().Err()
		}
	}
}

func TestAnIdleQueueCostsThreeRequestsAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := queueWith(slowPoll(map[string]any{}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour-time.Second, cancel)
		d, err := q.Receive(ctx, 1024, time.Minute)
		if n := len(f.made()); len(d) != 0 || err != nil || n != 180 {
			t.Errorf("received %v, %v with %d requests in an hour, want 180", d, err, n)
		}
	})
}

func TestACancelledReceiveEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := queueWith(slowPoll(map[string]any{}))
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		time.AfterFunc(5*time.Second, cancel)
		d, err := q.Receive(ctx, 10, time.Minute)
		if took := time.Since(began); len(d) != 0 || err != nil || took != 5*time.Second {
			t.Errorf("received %v, %v after %v; want nothing as soon as it was cancelled", d, err, took)
		}
	})
}

func TestADeadlineIsKeptBySQSAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := queueWith(func(c sqsCall) any {
			select {
			case <-time.After(2600 * time.Millisecond): // the answer takes its time
				return stored(t, "late", 1)
			case <-c.request.Context().Done():
				return c.request.Context().Err()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		d, err := q.Receive(ctx, 10, time.Minute)
		if err != nil || len(d) != 1 || *f.made()[0].WaitTimeSeconds != 2 || ctx.Err() == nil {
			t.Errorf("received %v, %v; requests: %+v", d, err, f.made())
		}
	})
}

func TestInTheLastSecondBeforeItsDeadlineAReceiveAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := queueWith(slowPoll(map[string]any{}))
		ctx, cancel := context.WithTimeout(t.Context(), 3900*time.Millisecond)
		defer cancel()
		began := time.Now()
		d, err := q.Receive(ctx, 10, time.Minute)
		var waits []int
		for _, c := range f.made() {
			waits = append(waits, *c.WaitTimeSeconds)
		}
		if len(d) != 0 || err != nil || !slices.Equal(waits, []int{3, 0}) || time.Since(began) != 3900*time.Millisecond {
			t.Errorf("received %v, %v after %v with waits of %v; want one of 3 s and one of none", d, err, time.Since(began), waits)
		}
	})
}

func TestAMessageWithoutACountHasBeenReceivedOnce(t *testing.T) {
	q, _ := queueWith(func(sqsCall) any {
		return map[string]any{"Messages": []fakeMessage{{Body: "no event", ReceiptHandle: "r"}}}
	})
	d, err := q.Receive(t.Context(), 1, time.Minute)
	if err != nil || len(d) != 1 || d[0].Count != 1 || d[0].Event.Type != event.Undecodable {
		t.Errorf("%+v, %v", d, err)
	}
}
