package recorder_test

import (
	"slices"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/order"
	"holdfast/recorder"
)

// BenchmarkOrder remembers all that happens to an order that fares well: it is
// accepted, four messages come, sixty-four at a time, the gateway answers, and it ends.
// One op is an order.
func BenchmarkOrder(b *testing.B) {
	const atATime = 64
	r := recorder.New(time.Now)
	now := time.Now()
	accepted := order.Order{Ref: ref(1), Status: order.Pending, History: []order.Entry{{Status: order.Pending, At: now}}}
	ended := accepted
	ended.Status, ended.History = order.Completed, append(slices.Clip(accepted.History), order.Entry{Status: order.Completed, At: now.Add(3 * time.Millisecond)})
	batch := make([]event.Delivery, atATime)
	all := func(yield func(*event.Delivery) bool) {
		for i := range batch {
			yield(&batch[i])
		}
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		r.Changed(accepted)
		r.Note(accepted.Ref, recorder.Entry{Service: event.Payment, Kind: recorder.Called, Op: event.Capture, Outcome: "captured", Took: time.Millisecond})
		r.Changed(ended)
		if n%atATime > 0 {
			continue
		}
		for _, t := range []event.Type{event.OrderPlaced, event.StockReserved, event.PaymentCaptured, event.StockSettled} {
			for i := range batch {
				batch[i].Event.Type, batch[i].Event.Number, batch[i].Count = t, int64(n+i), 1
			}
			reader, _ := t.Reader()
			r.Received(reader, all)
		}
	}
}

// BenchmarkOf looks an order up in rings that are full.
func BenchmarkOf(b *testing.B) {
	r := recorder.New(time.Now)
	for _, s := range event.Services {
		for count := range 2 {
			r.Received(s, deliveries(event.StockReserved, count+1, numbers(1, 32*1024)...))
		}
	}
	for b.Loop() {
		if len(r.Of(ref(1))) != 6 {
			b.Fatal("not all is remembered")
		}
	}
}
