package event_test

import (
	"context"
	"strconv"
	"testing"

	"holdfast/event"
)

// BenchmarkDecide takes full batches of messages, each of an order of its own, to
// their verdicts; a figure is of one message.
func BenchmarkDecide(b *testing.B) {
	rules := lights.Rules()
	batch := make([]event.Event, 1024)
	for i := range batch {
		batch[i] = message(event.PaymentCaptured, "01jdq3zk7x8v5w2n4m6p9r1t"+strconv.Itoa(i))
	}
	written := make([]event.Written[light], len(batch))
	for i := range written {
		written[i] = event.Written[light]{Record: red, Changed: true}
	}
	write := func(_ context.Context, steps []event.Step[light]) ([]event.Written[light], error) {
		return written[:len(steps)], nil
	}
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(batch) {
		if _, err := event.Decide(b.Context(), rules, noon, batch, func(s light) light { return s }, write); err != nil {
			b.Fatal(err)
		}
	}
}
