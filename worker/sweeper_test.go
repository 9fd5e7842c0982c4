package worker_test

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/worker"
)

// TestTheSweeperHoldsBackForWhatIsReadyNotForWhatIsDelayed: messages that wait
// for their retry must not keep the sweeper from everybody else's orders.
func TestTheSweeperHoldsBackForWhatIsReadyNotForWhatIsDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queues := event.Queues{}
		for _, s := range event.Services {
			queues[s] = memory.NewQueue(1000)
		}
		swept := 0
		none := func(context.Context, time.Time) (int, error) { return 0, nil }
		sweeper := &worker.Sweeper{
			Sweep:   func(context.Context, time.Time, int) ([]event.Event, error) { swept++; return nil, nil },
			Recover: none, Resync: none, Queues: queues, Window: 10, Every: time.Second, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		}
		for i := range 10 {
			e := event.New(event.StockReserved, event.Ref{OrderID: string(rune('a' + i))}, time.Now())
			if err := queues.Send(t.Context(), []event.Event{e}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { sweeper.Run(ctx) })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if swept > 0 {
			t.Errorf("swept %d times though a queue was behind", swept)
		}
		deliveries, err := queues[event.Payment].Receive(ctx, 10, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range deliveries {
			if err := queues[event.Payment].Retry(ctx, event.Return{Receipt: d.Receipt, After: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if swept == 0 {
			t.Error("delayed messages keep the sweeper from sweeping")
		}
		stop()
		running.Wait()
	})
}

// TestWhatWasDroppedIsTakenUpWhenThereIsRoom: not before, or it would be dropped
// again; and once. There is room when a queue has drained to half of what it can
// hold, or of what the sweeper fills it to if that is less.
func TestWhatWasDroppedIsTakenUpWhenThereIsRoom(t *testing.T) {
	for window, room := range map[int]int{10: 5, 1000: 10} {
		takenUpAt(t, window, room)
	}
}

func takenUpAt(t *testing.T, window, room int) {
	synctest.Test(t, func(t *testing.T) {
		payments := memory.NewQueue(20)
		queues := event.Queues{event.Inventory: memory.NewQueue(20), event.Payment: payments}
		taken := 0
		sweeper := &worker.Sweeper{
			Sweep:   func(context.Context, time.Time, int) ([]event.Event, error) { return nil, nil },
			Recover: func(context.Context, time.Time) (int, error) { taken++; return 0, nil },
			Queues:  queues, Window: window, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		}
		look := func(when string, want int) {
			t.Helper()
			for range 3 {
				sweeper.Look(t.Context())
			}
			if taken != want {
				t.Errorf("window %d, %s: open orders were taken up %d times, want %d", window, when, taken, want)
			}
		}
		look("at the start", 1)
		fill(t, queues, 20)
		look("with queues that are full and have dropped nothing", 1)
		fill(t, queues, 1)
		look("with a queue that is full", 1)
		deliveries := putAway(t, payments, 20)
		look("with a queue that is full of what is to be tried later", 1)
		finish(t, payments, deliveries[room+1:])
		look("with a queue that is still too full", 1)
		finish(t, payments, deliveries[room:room+1])
		look("with room again", 2)
		finish(t, payments, deliveries[:room])
		look("with nothing dropped since", 2)
	})
}

func fill(t *testing.T, queues event.Queues, n int) {
	t.Helper()
	for range n {
		if err := queues.Send(t.Context(), []event.Event{event.New(event.StockReserved, event.Ref{OrderID: "o"}, time.Now())}); err != nil {
			t.Fatal(err)
		}
	}
}

// putAway receives n messages, which are then neither ready nor done.
func putAway(t *testing.T, q event.Queue, n int) []event.Delivery {
	t.Helper()
	deliveries, err := q.Receive(t.Context(), n, time.Hour)
	if err != nil || len(deliveries) != n {
		t.Fatal(len(deliveries), err)
	}
	return deliveries
}

func finish(t *testing.T, q event.Queue, deliveries []event.Delivery) {
	t.Helper()
	for _, d := range deliveries {
		if err := q.Ack(t.Context(), d.Receipt); err != nil {
			t.Fatal(err)
		}
	}
}
