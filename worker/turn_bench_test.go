package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"holdfast/bench/measure"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/worker"
)

// placed are the first events of new orders.
func placed(first, n int) []event.Event {
	batch := make([]event.Event, n)
	for i := range batch {
		number := first + i
		batch[i] = event.New(event.OrderPlaced, event.Ref{OrderID: "order-" + strconv.Itoa(number), Number: int64(number)}, time.Now())
		batch[i].Lines = []event.Line{{SKU: "A123", Qty: 1}}
	}
	return batch
}

// BenchmarkTurn has a worker take a batch from a queue in memory to a service and
// on, where the service and what it sends to cost nothing. One op is a batch; the
// figures are a message's, which is called an order.
func BenchmarkTurn(b *testing.B) {
	for _, size := range measure.Sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			q := memory.NewQueue(10_000)
			results := make([]event.Result, size)
			for i, e := range placed(1, size) {
				e.Type = event.StockReserved
				results[i].Send = e
			}
			w := &worker.Worker{
				Service: event.Inventory, Queue: q, DeadLetters: memory.New().DeadLetters[event.Inventory],
				Handle: func(_ context.Context, _ time.Time, batch []event.Event) ([]event.Result, error) {
					return results[:len(batch)], nil
				},
				Send: func(context.Context, []event.Event) error { return nil },
				Now:  time.Now, Rand: func() float64 { return 1 }, Log: slog.New(slog.DiscardHandler), Limits: worker.DefaultLimits,
			}
			batch := placed(1, size)
			send := func(int) struct{} {
				if err := q.Send(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				return struct{}{}
			}
			measure.Batches(b, size, send, func(struct{}) { w.Turn(b.Context()) })
			if d, err := q.Depth(b.Context()); err != nil || d.Ready+d.InFlight+d.Delayed > 0 {
				b.Fatal("not all was taken: ", d, err)
			}
		})
	}
}
