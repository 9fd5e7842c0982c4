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
