package aws

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/emulator"
	"holdfast/event"
	"holdfast/inventory"
)

var (
	benchStart = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	benchPrice = event.Money{Amount: 1999, Currency: "USD"}
)

// BenchmarkHotSKU has two inventory workers hold and settle orders of one SKU, as
// fast as they can, in batches of ten as a queue gives them; an order is one hold
// and one settlement. It runs on a DynamoDB in memory, since the Python emulator
// cannot carry out 80 transactions of 100 actions a second, behind the emulator
// package's faults: each request is in flight for 10 ms, a transaction on an item
// that another has is refused, and an item takes 1,000 write units a second. What
// the fake and the faults cost is in the figure, which is more than what Holdfast
// does.
func BenchmarkHotSKU(b *testing.B) { benchmarkSales(b, 1) }

// BenchmarkUniformSKUs is BenchmarkHotSKU with a thousand SKUs in turn.
func BenchmarkUniformSKUs(b *testing.B) { benchmarkSales(b, 1000) }

func benchmarkSales(b *testing.B, skus int) {
	m := newMarket(b, skus)
	b.ResetTimer()
	m.sell(b, b.N)
	m.report(b.Elapsed(), b.ReportMetric)
	b.ReportMetric(0, "ns/op")
}

// TestAHotSKUIsWrittenForManyOrdersAtOnce is BenchmarkHotSKU in virtual time, in
// which computing costs nothing; its log says what DynamoDB's limits and its 10 ms
// allow.
func TestAHotSKUIsWrittenForManyOrdersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, begin := newMarket(t, 1), time.Now()
		m.sell(t, 6000)
		got := make(map[string]float64)
		m.report(time.Since(begin), func(n float64, unit string) { got[unit] = n })
		if got["stock-writes/order"] > 0.06 {
			t.Errorf("%v; want at most 0.06 stock-writes/order", got)
		}
		t.Log(got)
	})
}

const (
	batchOfTen = 10 // messages that a receive brings
	batches    = 60 // that a worker has under way at once
)

// market is what two inventory workers sell from.
type market struct {
	faults  *emulator.Faults
	workers [2]*stock
	skus    int
	begun   atomic.Int64
	sold    [2]atomic.Int64 // orders, by worker
}

func newMarket(tb testing.TB, skus int) *market {
	dynamo := newFakeDynamo()
	m := &market{skus: skus, faults: emulator.NewFaults(dynamo, emulator.FaultOptions{
		Units: 1000, Conflicts: true, MinLatency: 10 * time.Millisecond, MaxLatency: 10 * time.Millisecond,
	})}
	keeper := dynamo.store(dynamo, time.Now)
	for n := range skus {
		if _, err := keeper.Count(tb.Context(), []inventory.Count{{SKU: marketSKU(n), OnHand: 1 << 30, Price: benchPrice, At: benchStart}}); err != nil {
			tb.Fatal(err)
		}
	}
	for i := range m.workers {
		m.workers[i] = dynamo.store(m.faults, time.Now)
	}
	return m
}

func marketSKU(n int) string { return fmt.Sprintf("sku-%04d", n) }

// sell sells that many orders.
func (m *market) sell(tb testing.TB, orders int) {
	var work sync.WaitGroup
	errs := make([]error, batches*len(m.workers))
	for i := range errs {
		work.Go(func() { errs[i] = m.work(tb.Context(), i%len(m.workers), int64(orders)) })
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		tb.Fatal(err)
	}
}

// work takes one batch after another through a worker.
func (m *market) work(ctx context.Context, worker int, orders int64) error {
	for {
		n := m.begun.Add(batchOfTen) - batchOfTen
		if n >= orders {
			return nil
		}
		holds, settles := make([]inventory.Change, batchOfTen), make([]inventory.Change, batchOfTen)
		for i := range holds {
			k := int(n) + i
			ref := event.Ref{OrderID: fmt.Sprintf("order-%012d", k), Number: int64(k + 1)}
			holds[i] = inventory.Change{Ref: ref, From: []inventory.State{inventory.None}, To: inventory.Held, At: benchStart,
				Lines: []event.Line{{SKU: marketSKU(k % m.skus), Qty: 1}}}
			settles[i] = inventory.Change{Ref: ref, From: []inventory.State{inventory.Held}, To: inventory.Settled, At: benchStart}
		}
		for _, changes := range [][]inventory.Change{holds, settles} {
			if err := m.apply(ctx, worker, changes); err != nil {
				return err
			}
		}
		m.sold[worker].Add(batchOfTen)
	}
}

func (m *market) apply(ctx context.Context, worker int, changes []inventory.Change) error {
	written, err := m.workers[worker].Apply(ctx, changes)
	if err != nil {
		return err
	}
	for i, w := range written {
		if !w.Changed || w.Record.State != changes[i].To {
			return fmt.Errorf("order %s is %s", w.Record.OrderID, w.Record.State)
		}
	}
	return nil
}

func (m *market) report(elapsed time.Duration, metric func(n float64, unit string)) {
	orders := float64(m.sold[0].Load() + m.sold[1].Load())
	metric(orders/elapsed.Seconds(), "reservations/s")
	metric(float64(m.faults.Writes("t-stock"))/orders, "stock-writes/order")
	metric(float64(m.faults.Struck(emulator.Conflict))/orders, "conflicts/order")
	metric(float64(max(m.sold[0].Load(), m.sold[1].Load()))/orders, "larger-share")
}
