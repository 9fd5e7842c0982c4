package system_test

import (
	"testing"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/system"
)

// TestABacklogIsWhatTheFullerQueueHasReady: of those that new orders make longer.
func TestABacklogIsWhatTheFullerQueueHasReady(t *testing.T) {
	queues := event.Queues{}
	for _, s := range event.Services {
		queues[s] = memory.NewQueue(100)
	}
	backlog := system.Backlog(queues)
	send := func(kind event.Type, n int) {
		for range n {
			if err := queues.Send(t.Context(), []event.Event{event.New(kind, event.Ref{OrderID: "o"}, time.Now())}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(n int) {
		t.Helper()
		if got := backlog(); got != n {
			t.Errorf("the backlog is %d, want %d", got, n)
		}
	}
	want(0)
	send(event.OrderPlaced, 3)
	send(event.StockReserved, 9) // the gateway's time is no reason to take no orders
	want(3)
	send(event.StockSettled, 5)
	want(5)
	deliveries, err := queues[event.Order].Receive(t.Context(), 4, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want(3)
	if err := queues[event.Order].Retry(t.Context(), event.Return{Receipt: deliveries[0].Receipt}); err != nil {
		t.Fatal(err)
	}
	if _, err := queues[event.Inventory].Receive(t.Context(), 3, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := queues[event.Order].Depth(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(2)
	queues[event.Order] = fragile{queues[event.Order], func() bool { return false }}
	if system.Backlog(queues) != nil {
		t.Error("there is a count though a queue is not in memory")
	}
}
