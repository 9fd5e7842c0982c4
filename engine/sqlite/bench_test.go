package sqlite_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

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

// perRow reports the cost of one row; the benchmark's own figure is a batch's.
func perRow(b *testing.B, batch int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/row")
}

func BenchmarkCreateOneByOne(b *testing.B) {
	e := open(b, b.TempDir())
	var n atomic.Int64
	b.SetParallelism(32) // × GOMAXPROCS
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := e.Orders.Create(context.Background(), []order.Order{newOrder(int(n.Add(1)))}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	perRow(b, 1)
}

var batches = []int{256, 1024}

func eachBatch(b *testing.B, name string, step func(b *testing.B, e *engine.Engine, batch, round int)) {
	for _, batch := range batches {
		b.Run(fmt.Sprintf("%s/%d", name, batch), func(b *testing.B) {
			e := open(b, b.TempDir())
			for round := 0; b.Loop(); round++ {
				step(b, e, batch, round)
			}
			perRow(b, batch)
		})
	}
}

func ref(n int) event.Ref { return event.Ref{OrderID: newOrder(n).OrderID, Number: int64(n)} }

func BenchmarkOrders(b *testing.B) {
	for _, batch := range batches {
		b.Run(fmt.Sprintf("create/%d", batch), func(b *testing.B) {
			e := open(b, b.TempDir())
			for round := 0; b.Loop(); round++ {
				b.StopTimer()
				asked := make([]order.Order, batch)
				for i := range asked {
					asked[i] = newOrder(round*batch + i + 1)
				}
				b.StartTimer()
				if _, err := e.Orders.Create(context.Background(), asked); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, batch)
		})
		b.Run(fmt.Sprintf("end/%d", batch), func(b *testing.B) {
			e := open(b, b.TempDir())
			for round := 0; b.Loop(); round++ {
				b.StopTimer()
				asked := make([]order.Order, batch)
				changes := make([]order.Change, batch)
				for i := range asked {
					n := round*batch + i + 1
					asked[i] = newOrder(n)
					changes[i] = order.Change{
						Ref: ref(n), From: []order.Status{order.Pending, order.Reserved}, To: order.Completed,
						At: start.Add(time.Hour), ReservedAt: start.Add(time.Minute), Lines: priced, Total: price,
					}
				}
				if _, err := e.Orders.Create(context.Background(), asked); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if w, err := e.Orders.Apply(context.Background(), changes); err != nil || !w[batch-1].Changed {
					b.Fatal(err)
				}
			}
			perRow(b, batch)
		})
	}
}

func BenchmarkInventory(b *testing.B) {
	step := func(to inventory.State, from ...inventory.State) func(*testing.B, *engine.Engine, int, int) {
		return func(b *testing.B, e *engine.Engine, batch, round int) {
			changes := make([]inventory.Change, batch)
			for i := range changes {
				changes[i] = inventory.Change{Ref: ref(round*batch + i + 1), From: from, To: to, At: start, Lines: lines}
			}
			if w, err := e.Inventory.Apply(context.Background(), changes); err != nil || !w[batch-1].Changed {
				b.Fatal(w[batch-1], err)
			}
		}
	}
	hold, settle := step(inventory.Held, inventory.None), step(inventory.Settled, inventory.Held)
	stocked := func(b *testing.B, e *engine.Engine) {
		if _, err := (&inventory.Service{Store: e.Inventory}).Count(context.Background(), inventory.Count{SKU: "A123", OnHand: 1e12, Price: price, At: start}); err != nil {
			b.Fatal(err)
		}
	}
	eachBatch(b, "hold", func(b *testing.B, e *engine.Engine, batch, round int) {
		if round == 0 {
			stocked(b, e)
		}
		hold(b, e, batch, round)
	})
	eachBatch(b, "settle", func(b *testing.B, e *engine.Engine, batch, round int) {
		b.StopTimer()
		if round == 0 {
			stocked(b, e)
		}
		hold(b, e, batch, round)
		b.StartTimer()
		settle(b, e, batch, round)
	})
}

func BenchmarkPayments(b *testing.B) {
	step := func(to payment.State, from ...payment.State) func(*testing.B, *engine.Engine, int, int) {
		return func(b *testing.B, e *engine.Engine, batch, round int) {
			changes := make([]payment.Change, batch)
			for i := range changes {
				changes[i] = payment.Change{Ref: ref(round*batch + i + 1), From: from, To: to, At: start, Amount: price, ReservedAt: start}
			}
			if w, err := e.Payments.Apply(context.Background(), changes); err != nil || !w[batch-1].Changed {
				b.Fatal(err)
			}
		}
	}
	charge, capture := step(payment.Charging, payment.None), step(payment.Captured, payment.Charging)
	eachBatch(b, "charge", charge)
	eachBatch(b, "capture", func(b *testing.B, e *engine.Engine, batch, round int) {
		b.StopTimer()
		charge(b, e, batch, round)
		b.StartTimer()
		capture(b, e, batch, round)
	})
}

func BenchmarkLedgerOneByOne(b *testing.B) {
	e := open(b, b.TempDir())
	var n atomic.Int64
	b.SetParallelism(32) // × GOMAXPROCS
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := ref(int(n.Add(1)))
			err := e.Ledger.Update(context.Background(), r, func([]simulated.Entry) []simulated.Entry {
				return []simulated.Entry{{Key: r.OrderID, Order: r, State: simulated.Captured, Amount: price, Attempts: 1, At: start}}
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	perRow(b, 1)
}
