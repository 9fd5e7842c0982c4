package sqlite_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/bench/measure"
	"holdfast/engine"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

var (
	start  = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	price  = event.Money{Amount: 1999, Currency: "USD"}
	lines  = []event.Line{{SKU: "A123", Qty: 1}}
	priced = []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}
)

func open(tb testing.TB, dir string) *engine.Engine {
	tb.Helper()
	e, err := sqlite.Open(sqlite.Options{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

// newOrder is an order as the order service makes it, its id spread at random
// as that of a client's key is.
func newOrder(n int) order.Order {
	at := start.Add(time.Duration(n) * time.Millisecond / 10)
	return order.Order{
		Ref:    event.Ref{OrderID: fmt.Sprintf("%08x-4567-79ab-8def-%012x", n, uint32(n)*2654435761)},
		Caller: "local", UserID: "user" + strconv.Itoa(n*7919%10_000), Lines: lines, Rendering: 1,
		HoldUntil: at.Add(15 * time.Minute), Due: at.Add(30 * time.Second),
		Status: order.Pending, History: []order.Entry{{Status: order.Pending, At: at}},
	}
}

func ref(n int) event.Ref { return event.Ref{OrderID: newOrder(n).OrderID, Number: int64(n)} }

// BenchmarkCommit brings a batch of orders through each durable step of an order:
// accepted, held, charged, captured, settled, ended; a commit a batch, no two at a
// time, so that the smallest batch is what one lone order waits for the disk. All
// is on one SKU. One op is a batch; the figures are an order's.
func BenchmarkCommit(b *testing.B) {
	for _, step := range []struct {
		name string
		of   func(b *testing.B, s shop, size int)
	}{{"accept", accepted}, {"hold", held}, {"charge", charged}, {"capture", captured}, {"settle", settled}, {"end", ended}} {
		for _, size := range []int{1, 8, 64, 256, 1024} {
			b.Run(fmt.Sprintf("%s/%d", step.name, size), func(b *testing.B) {
				s := shop{b, open(b, b.TempDir())}
				s.stock()
				step.of(b, s, size)
			})
		}
	}
}

func accepted(b *testing.B, s shop, size int) {
	measure.Batches(b, size, func(first int) []order.Order { return asked(first, size) }, s.create)
}

func held(b *testing.B, s shop, size int) {
	measure.Batches(b, size, func(first int) []inventory.Change { return holds(first, size) }, s.reserve)
}

func settled(b *testing.B, s shop, size int) {
	measure.Batches(b, size, func(first int) []inventory.Change {
		s.reserve(holds(first, size))
		return settles(first, size)
	}, s.reserve)
}

func charged(b *testing.B, s shop, size int) {
	measure.Batches(b, size, func(first int) []payment.Change { return charges(first, size) }, s.pay)
}

func captured(b *testing.B, s shop, size int) {
	measure.Batches(b, size, func(first int) []payment.Change {
		s.pay(charges(first, size))
		return captures(first, size)
	}, s.pay)
}

func ended(b *testing.B, s shop, size int) {
	measure.Batches(b, size, func(first int) []order.Change {
		s.create(asked(first, size))
		return ends(first, size)
	}, s.end)
}

// shop makes the writes of a benchmark, and fails it when one is refused.
type shop struct {
	b *testing.B
	*engine.Engine
}

func (s shop) stock() {
	if _, err := (&inventory.Service{Store: s.Inventory}).Count(s.b.Context(), inventory.Count{SKU: lines[0].SKU, OnHand: inventory.MaxOnHand, Price: price, At: start}); err != nil {
		s.b.Fatal(err)
	}
}

func (s shop) create(orders []order.Order) {
	if made, err := s.Orders.Create(s.b.Context(), orders); err != nil || !made[len(made)-1].New {
		s.b.Fatal("not created: ", err)
	}
}

func (s shop) reserve(changes []inventory.Change) {
	if w, err := s.Inventory.Apply(s.b.Context(), changes); err != nil || !w[len(w)-1].Changed {
		s.b.Fatal("not reserved: ", err)
	}
}

func (s shop) pay(changes []payment.Change) {
	if w, err := s.Payments.Apply(s.b.Context(), changes); err != nil || !w[len(w)-1].Changed {
		s.b.Fatal("not paid: ", err)
	}
}

func (s shop) end(changes []order.Change) {
	if w, err := s.Orders.Apply(s.b.Context(), changes); err != nil || !w[len(w)-1].Changed {
		s.b.Fatal("not ended: ", err)
	}
}

// batch makes n rows, of the orders from first on.
func batch[T any](first, n int, row func(n int) T) []T {
	rows := make([]T, n)
	for i := range rows {
		rows[i] = row(first + i)
	}
	return rows
}

func asked(first, n int) []order.Order { return batch(first, n, newOrder) }

func holds(first, n int) []inventory.Change {
	return batch(first, n, func(n int) inventory.Change {
		return inventory.Change{Ref: ref(n), From: []inventory.State{inventory.None}, To: inventory.Held, At: start, Lines: lines}
	})
}

func settles(first, n int) []inventory.Change {
	return batch(first, n, func(n int) inventory.Change {
		return inventory.Change{Ref: ref(n), From: []inventory.State{inventory.Held}, To: inventory.Settled, At: start}
	})
}

func charges(first, n int) []payment.Change {
	return batch(first, n, func(n int) payment.Change {
		return payment.Change{Ref: ref(n), From: []payment.State{payment.None}, To: payment.Charging, At: start, Amount: price, ReservedAt: start}
	})
}

func captures(first, n int) []payment.Change {
	return batch(first, n, func(n int) payment.Change {
		return payment.Change{Ref: ref(n), From: []payment.State{payment.Charging}, To: payment.Captured, At: start}
	})
}

func ends(first, n int) []order.Change {
	return batch(first, n, func(n int) order.Change {
		return order.Change{
			Ref: ref(n), From: []order.Status{order.Pending, order.Reserved}, To: order.Completed,
			At: start.Add(time.Hour), ReservedAt: start.Add(time.Minute), Lines: priced, Total: price,
		}
	})
}

// BenchmarkGroupCommit has 32 callers a processor accept orders, each one at a time,
// that the writer brings together in commits. One op is an order.
func BenchmarkGroupCommit(b *testing.B) {
	e := open(b, b.TempDir())
	oneByOne(b, func(n int) error {
		_, err := e.Orders.Create(b.Context(), []order.Order{newOrder(n)})
		return err
	})
}

// BenchmarkLedger has 32 callers a processor write an entry each, one at a time, to
// the simulated gateway's books. One op is an entry.
func BenchmarkLedger(b *testing.B) {
	e := open(b, b.TempDir())
	oneByOne(b, func(n int) error {
		r := ref(n)
		return e.Ledger.Update(b.Context(), r, func([]simulated.Entry) []simulated.Entry {
			return []simulated.Entry{{Key: r.OrderID, Order: r, State: simulated.Captured, Amount: price, Attempts: 1, At: start}}
		})
	})
}

// oneByOne runs a step for orders numbered from 1 on, 32 at a time a processor.
func oneByOne(b *testing.B, step func(n int) error) {
	var n atomic.Int64
	b.SetParallelism(32) // × GOMAXPROCS
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := step(int(n.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
