package payment_test

import (
	"fmt"
	"testing"
	"time"

	"holdfast/bench/measure"
	"holdfast/engine/memory"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/payment"
)

// stores are what the payment service is measured over. In memory most of the
// cost is the service's own.
var stores = map[string]func(*testing.B) payment.Store{
	"memory": func(*testing.B) payment.Store { return memory.New().Payments },
	"sqlite": func(b *testing.B) payment.Store {
		e, err := sqlite.Open(sqlite.Options{Dir: b.TempDir(), Services: []event.Service{event.Payment}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := e.Close(); err != nil {
				b.Error(err)
			}
		})
		return e.Payments
	},
}

// events are a batch of one type, each of another order.
func events(t event.Type, first, n int) []event.Event {
	batch := make([]event.Event, n)
	for i := range batch {
		number := first + i
		ref := event.Ref{OrderID: fmt.Sprintf("%08x-4567-79ab-8def-%012x", number, uint32(number)*2654435761), Number: int64(number)}
		batch[i] = event.New(t, ref, noon.Add(time.Duration(number)*time.Millisecond/10))
		if t == event.StockReserved {
			price := event.Money{Amount: 1999, Currency: "USD"}
			batch[i].Lines, batch[i].Total, batch[i].ReservedAt = []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}, price, batch[i].At
		}
	}
	return batch
}

// take has the service handle a batch and returns what it makes of the last
// message.
func take(b *testing.B, s *payment.Service, batch []event.Event) event.Result {
	results, err := s.Handle(b.Context(), batch[0].At.Add(time.Second), batch)
	if err != nil {
		b.Fatal(err)
	}
	return results[len(results)-1]
}

// charge takes a batch of StockReserved.
func charge(b *testing.B, s *payment.Service, batch []event.Event) {
	if last := take(b, s, batch); last.Call.Op != event.Capture {
		b.Fatal(last)
	}
}

// BenchmarkCharge takes a batch of StockReserved and writes down that each is to be
// charged, in one durable write, before any call to the gateway. One op is a batch;
// the figures are an order's.
func BenchmarkCharge(b *testing.B) {
	measure.Each(b, stores, func(b *testing.B, store payment.Store, size int) {
		s := &payment.Service{Store: store}
		measure.Batches(b, size,
			func(first int) []event.Event { return events(event.StockReserved, first, size) },
			func(batch []event.Event) { charge(b, s, batch) })
	})
}

// BenchmarkCapture takes a batch of the gateway's answers, all captured, in one
// durable write. The gateway is not in it. One op is a batch; the figures are an
// order's.
func BenchmarkCapture(b *testing.B) {
	measure.Each(b, stores, func(b *testing.B, store payment.Store, size int) {
		s := &payment.Service{Store: store}
		charged := func(first int) []event.Event {
			charge(b, s, events(event.StockReserved, first, size))
			return events(event.GatewayCaptured, first, size)
		}
		measure.Batches(b, size, charged, func(batch []event.Event) {
			if last := take(b, s, batch); last.Send.Type != event.PaymentCaptured {
				b.Fatal(last)
			}
		})
	})
}
