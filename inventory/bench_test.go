package inventory_test

import (
	"fmt"
	"testing"
	"time"

	"holdfast/bench/measure"
	"holdfast/engine/memory"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/inventory"
)

// stores are what the inventory service is measured over. In memory most of the
// cost is the service's own.
var stores = map[string]func(*testing.B) inventory.Store{
	"memory": func(*testing.B) inventory.Store { return memory.New().Inventory },
	"sqlite": func(b *testing.B) inventory.Store {
		e, err := sqlite.Open(sqlite.Options{Dir: b.TempDir(), Services: []event.Service{event.Inventory}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := e.Close(); err != nil {
				b.Error(err)
			}
		})
		return e.Inventory
	},
}

// skus is over how many SKUs the orders spread, in turn.
const skus = 1000

// stocked is a service with plenty of each SKU.
func stocked(b *testing.B, store inventory.Store) *inventory.Service {
	counts := make([]inventory.Count, skus)
	for i := range counts {
		counts[i] = inventory.Count{SKU: sku(i), OnHand: inventory.MaxOnHand, Price: dollars(1999), At: noon}
	}
	counted, err := store.Count(b.Context(), counts)
	if err != nil || counted[skus-1].Err != nil {
		b.Fatal(err, counted)
	}
	return &inventory.Service{Store: store}
}

func sku(n int) string { return fmt.Sprintf("SKU-%04d", n%skus) }

// events are a batch of one type, each of another order with one line.
func events(t event.Type, first, n int) []event.Event {
	batch := make([]event.Event, n)
	for i := range batch {
		number := first + i
		ref := event.Ref{OrderID: fmt.Sprintf("%08x-4567-79ab-8def-%012x", number, uint32(number)*2654435761), Number: int64(number)}
		batch[i] = event.New(t, ref, noon.Add(time.Duration(number)*time.Millisecond/10))
		if t == event.OrderPlaced {
			batch[i].Lines = []event.Line{{SKU: sku(number), Qty: 1}}
		}
	}
	return batch
}

// take has the service handle a batch, each message of which must lead to an event
// of the type given.
func take(b *testing.B, s *inventory.Service, batch []event.Event, then event.Type) {
	results, err := s.Handle(b.Context(), batch[0].At.Add(time.Second), batch)
	if err != nil {
		b.Fatal(err)
	}
	if last := results[len(results)-1]; last.Send.Type != then {
		b.Fatal(last)
	}
}

// BenchmarkReserve takes a batch of OrderPlaced and holds their stock, of one line
// in 1,000 SKUs, in one durable write. One op is a batch; the figures are an
// order's.
func BenchmarkReserve(b *testing.B) {
	measure.Each(b, stores, func(b *testing.B, store inventory.Store, size int) {
		s := stocked(b, store)
		measure.Batches(b, size,
			func(first int) []event.Event { return events(event.OrderPlaced, first, size) },
			func(batch []event.Event) { take(b, s, batch, event.StockReserved) })
	})
}

// BenchmarkSettle takes a batch of PaymentCaptured and settles what was held for
// them, in one durable write. One op is a batch; the figures are an order's.
func BenchmarkSettle(b *testing.B) {
	measure.Each(b, stores, func(b *testing.B, store inventory.Store, size int) {
		s := stocked(b, store)
		held := func(first int) []event.Event {
			take(b, s, events(event.OrderPlaced, first, size), event.StockReserved)
			return events(event.PaymentCaptured, first, size)
		}
		measure.Batches(b, size, held, func(batch []event.Event) { take(b, s, batch, event.StockSettled) })
	})
}
