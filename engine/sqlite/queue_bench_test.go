package sqlite

import (
	"fmt"
	"testing"
	"time"

	"holdfast/event"
)

// BenchmarkQueue takes batches through a queue: sent, received, acknowledged.
func BenchmarkQueue(b *testing.B) {
	for _, batch := range []int{1, 64, 512} {
		for name, waiting := range map[string]int{"": 0, " behind 50000": 50_000} {
			b.Run(fmt.Sprint(batch, name), func(b *testing.B) {
				q := openQueues(b, QueueOptions{Dir: b.TempDir(), Capacity: 1_000_000}).Queues[event.Payment]
				sendTo(b, q, waiting)
				for b.Loop() {
					sendTo(b, q, batch)
					d, err := q.Receive(b.Context(), batch, time.Minute)
					if err != nil || len(d) != batch {
						b.Fatal(len(d), err)
					}
					ackTo(b, q, d)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/message")
			})
		}
	}
}

func BenchmarkEncodeAndDecode(b *testing.B) {
	e := reserved(1)
	for b.Loop() {
		body, err := e.Encode()
		if err != nil {
			b.Fatal(err)
		}
		if e := event.Decode(body); e.Unread != nil {
			b.Fatal(e.Check())
		}
	}
}
