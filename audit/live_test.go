package audit

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// moving lets a world at work take some steps before each read of an audit.
type moving struct {
	w *world
	Orders
	inventory Inventory
	payments  Payments
	ledger    Ledger
}

const ordersOfWorld = 40

func (m moving) move() {
	for range m.w.random.IntN(8) {
		m.w.step(ordersOfWorld)
	}
}

func (m moving) Get(ctx context.Context, id string) (order.Order, error) {
	m.move()
	return m.Orders.Get(ctx, id)
}

func (m moving) Scan(ctx context.Context, after int64, limit int) ([]order.Order, error) {
	m.move()
	return m.Orders.Scan(ctx, after, limit)
}

func (m moving) Tally(ctx context.Context) (order.Tally, error) {
	m.move()
	return m.Orders.Tally(ctx)
}

type movingInventory struct{ moving }

func (m movingInventory) Get(ctx context.Context, refs []event.Ref) ([]inventory.Reservation, error) {
	m.move()
	return m.inventory.Get(ctx, refs)
}

func (m movingInventory) Snapshot(ctx context.Context, each func(inventory.Reservation) error) ([]inventory.Balance, error) {
	m.move()
	return m.inventory.Snapshot(ctx, each)
}

type movingPayments struct{ moving }

func (m movingPayments) Get(ctx context.Context, refs []event.Ref) ([]payment.Payment, error) {
	m.move()
	return m.payments.Get(ctx, refs)
}

func (m movingPayments) Scan(ctx context.Context, after int64, limit int) ([]payment.Payment, error) {
	m.move()
	return m.payments.Scan(ctx, after, limit)
}

type movingLedger struct{ moving }

func (m movingLedger) Get(ctx context.Context, refs []event.Ref) ([][]simulated.Entry, error) {
	m.move()
	return m.ledger.Get(ctx, refs)
}

func (m movingLedger) Scan(ctx context.Context, after int64, limit int) ([]simulated.Entry, error) {
	m.move()
	return m.ledger.Scan(ctx, after, limit)
}

// TestNoFalseAlarmBetweenAnyTwoReads lets orders move between every two reads of
// an audit, through every outcome, with messages lost, repeated and out of order.
func TestNoFalseAlarmBetweenAnyTwoReads(t *testing.T) {
	seen := make(map[order.Status]int)
	for seed := range uint64(150) {
		w := newWorld(t, stocked(t), "w", seed)
		still := stores(w)
		m := moving{w, still.Orders, still.Inventory, still.Payments, still.Ledger}
		live := Stores{Orders: m, Inventory: movingInventory{m}, Payments: movingPayments{m}, Ledger: movingLedger{m}}
		for i := range 15 {
			// Asked for a drained system, the audit suspects every open order.
			for _, b := range check(t, live, Options{Drained: i%2 == 0}).Breaches {
				if b.Kind != OrderOpen && b.Kind != UnitsReserved {
					t.Fatalf("seed %d: %+v", seed, b)
				}
			}
		}
		w.finish()
		r := check(t, still, Options{Drained: true})
		if r.Found > 0 || r.Orders != len(w.ids) {
			t.Fatalf("seed %d: %d orders of %d, %+v", seed, r.Orders, len(w.ids), r.Breaches)
		}
		for s, n := range r.ByStatus {
			seen[s] += n
		}
	}
	for _, s := range []order.Status{order.Completed, order.FailedNoStock, order.PaymentFailed, order.Cancelled, order.Refunded} {
		if seen[s] == 0 {
			t.Errorf("no order ended %s: the test does not reach it", s)
		}
	}
}

// TestNoFalseAlarmUnderLoad audits in a loop while goroutines drive orders over
// the same engine.
func TestNoFalseAlarmUnderLoad(t *testing.T) {
	e := stocked(t)
	worlds := make([]*world, 4)
	var drivers sync.WaitGroup
	for i := range worlds {
		worlds[i] = newWorld(t, e, fmt.Sprintf("w%d", i), uint64(i))
		drivers.Go(func() {
			for range 2_000 {
				worlds[i].step(100)
			}
		})
	}
	done := make(chan struct{})
	go func() { drivers.Wait(); close(done) }()
	for over := false; !over; {
		select {
		case <-done:
			over = true // and one audit more
		default:
		}
		if r := check(t, stores(worlds[0]), Options{}); r.Found > 0 {
			t.Fatalf("%+v", r.Breaches)
		}
	}
	for _, w := range worlds {
		w.finish()
	}
	if r := check(t, stores(worlds[0]), Options{Drained: true}); r.Found > 0 {
		t.Fatalf("%+v", r.Breaches)
	}
}
