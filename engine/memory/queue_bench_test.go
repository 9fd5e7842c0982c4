package memory_test

import (
	"strconv"
	"testing"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
)

// BenchmarkQueue sends events one by one, as the API does, and receives and
// acknowledges them in full batches, as a worker does; a figure is of one event.
func BenchmarkQueue(b *testing.B) {
	const batch = 1024
	q := memory.NewQueue(2 * batch)
	events := make([]event.Event, batch)
	for i := range events {
		events[i] = event.New(event.StockReserved, event.Ref{OrderID: strconv.Itoa(i), Number: int64(i + 1)}, time.Now())
	}
	receipts := make([]string, batch)
	b.ReportAllocs()
	for n := 0; n < b.N; n += batch {
		for i := range events {
			if err := q.Send(b.Context(), events[i:i+1]); err != nil {
				b.Fatal(err)
			}
		}
		received, err := q.Receive(b.Context(), batch, time.Minute)
		if err != nil || len(received) != batch {
			b.Fatal(len(received), err)
		}
		for i, d := range received {
			receipts[i] = d.Receipt
		}
		if err := q.Ack(b.Context(), receipts...); err != nil {
			b.Fatal(err)
		}
	}
}
