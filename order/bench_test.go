package order_test

import (
	"strconv"
	"testing"
	"time"

	"holdfast/bench/measure"
	"holdfast/engine/memory"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/order"
)

// stores are what the order service is measured over. In memory most of the cost
// is the service's own.
var stores = map[string]func(*testing.B) order.Store{
	"memory": func(*testing.B) order.Store { return memory.New().Orders },
	"sqlite": func(b *testing.B) order.Store {
		e, err := sqlite.Open(sqlite.Options{Dir: b.TempDir(), Services: []event.Service{event.Order}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := e.Close(); err != nil {
				b.Error(err)
			}
		})
		return e.Orders
	},
}

// later is a tenth of a millisecond an order after noon: 10,000 orders a second.
func later(order int) time.Time { return noon.Add(time.Duration(order) * time.Millisecond / 10) }

// requests are new orders of one line, each with a key of its own, by 100,000
// users.
func requests(first, n int) []order.Request {
	all := make([]order.Request, n)
	for i := range all {
		n := first + i
		all[i] = request(func(r *order.Request) {
			r.Key, r.UserID = "key-"+strconv.Itoa(n), "user-"+strconv.Itoa(n*7919%100_000)
		})
	}
	return all
}

func placeAll(b *testing.B, s *order.Service, first int, requests []order.Request) []order.Placed {
	placed, err := s.Place(b.Context(), later(first), requests)
	if err != nil {
		b.Fatal(err)
	}
	if last := placed[len(placed)-1]; !last.New {
		b.Fatal("not a new order: ", last.Err)
	}
	return placed
}

// BenchmarkPlace accepts a batch of new orders, in one durable write. One op is a
// batch; the figures are an order's.
func BenchmarkPlace(b *testing.B) {
	measure.Each(b, stores, func(b *testing.B, store order.Store, size int) {
		s := newService()
		s.Store = store
		first := 0
		measure.Batches(b, size,
			func(n int) []order.Request { first = n; return requests(n, size) },
			func(asked []order.Request) { placeAll(b, s, first, asked) })
	})
}

// BenchmarkEnd takes a batch of StockSettled and completes their orders, in one
// durable write. One op is a batch; the figures are an order's.
func BenchmarkEnd(b *testing.B) {
	measure.Each(b, stores, func(b *testing.B, store order.Store, size int) {
		s := newService()
		s.Store = store
		settled := func(first int) []event.Event {
			batch := make([]event.Event, size)
			for i, p := range placeAll(b, s, first, requests(first, size)) {
				batch[i] = stockSettled(p.Order)
			}
			return batch
		}
		measure.Batches(b, size, settled, func(batch []event.Event) {
			results, err := s.Handle(b.Context(), batch[0].At.Add(time.Second), batch)
			if err != nil {
				b.Fatal(err)
			}
			if dead := results[size-1].Dead; dead != nil {
				b.Fatal(dead)
			}
		})
	})
}

// stockSettled is what inventory says of an order that was paid.
func stockSettled(o order.Order) event.Event {
	price := event.Money{Amount: 1999, Currency: "USD"}
	e := event.New(event.StockSettled, o.Ref, o.CreatedAt())
	e.Lines, e.Total, e.ReservedAt = []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}, price, o.CreatedAt().Add(time.Millisecond)
	return e
}
