// Package audit holds the three stores and the gateway's ledger against one
// another and names every breach of the promises. It only reads, keeps one page
// of orders and two sums a SKU in mind whatever the number of orders, and may
// run beside a system at work.
//
// An order's records begin from left to right, and what becomes of them is told
// from right to left, each step only once the one before it is durable:
//
//	begin   order ──▶ reservation ──▶ payment ──▶ ledger
//	end     order ◀── reservation ◀── payment ◀── ledger
//
// # Why a live system gives no false alarm
//
// Outcomes are judged on the order, the reservation, the payment and the ledger,
// read in this sequence. What a record says of those to its right was durable
// before it was written, so a later reading finds it. Records that have come to
// rest move again only through CANCELLING or REFUNDING, so it still holds as
// long as the order keeps its status; and what is asked of a payment or of the
// ledger for the sake of the record on its left leaves room for all that may
// still follow.
//
// Origins (a charge needs a hold, a ledger entry needs a payment's intent) are
// judged on readings in the opposite sequence: what a record rests on was
// durable before it, and no record is ever removed.
//
// A page of orders is first read in the sequence of outcomes, which makes
// suspects of the orders that moved meanwhile. A suspect is read again alone:
// order, reservation, payment, ledger, and back: payment, reservation, order. If
// the order is not the same at both ends, the reading counts for nothing and is
// taken again; an order changes at most four times, so this comes to an end.
//
// A reservation, a payment or a ledger entry without an order is looked for by
// reading those first and the orders after them: orders come first into being.
// A suspect is looked up once more by its id, which finds what a list of orders
// does not show yet.
//
// Stock is judged on a snapshot of one instant, in which each unit moves together
// with its reservation. An engine that cannot take one marks the SKUs that moved
// meanwhile; of those only the counts' bounds are judged, and the report says how
// many they were.
//
// The order store's own count by status is judged if it is the same before and after
// the orders are read: a new order adds to it, and none returns to a status that it
// has left, so the orders stood still meanwhile.
//
// That one order id makes one order is kept by the order store's own key, and
// not judged here.
package audit

import (
	"context"
	"fmt"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// Orders is what an audit reads of order.Store.
type Orders interface {
	Get(ctx context.Context, id string) (order.Order, error)
	Scan(ctx context.Context, after int64, limit int) ([]order.Order, error)
	Tally(ctx context.Context) (order.Tally, error)
}

// Inventory is what an audit reads of inventory.Store.
type Inventory interface {
	Get(ctx context.Context, refs []event.Ref) ([]inventory.Reservation, error)
	Snapshot(ctx context.Context, each func(inventory.Reservation) error) ([]inventory.Balance, error)
}

// Payments is what an audit reads of payment.Store.
type Payments interface {
	Get(ctx context.Context, refs []event.Ref) ([]payment.Payment, error)
	Scan(ctx context.Context, after int64, limit int) ([]payment.Payment, error)
}

// Ledger is what an audit reads of simulated.Ledger.
type Ledger interface {
	Get(ctx context.Context, orders []event.Ref) ([][]simulated.Entry, error)
	Scan(ctx context.Context, after int64, limit int) ([]simulated.Entry, error)
}

// Stores are what is audited. Of the dead letters only Count and List are used,
// of the queues only Depth.
type Stores struct {
	Orders      Orders
	Inventory   Inventory
	Payments    Payments
	Ledger      Ledger
	DeadLetters map[event.Service]event.DeadLetters
	// Queues are those that outlive a process; nil: there are none to look at.
	Queues event.Queues
}

// Options say what more than the promises is checked.
type Options struct {
	// Drained asks also that every order has ended, nothing is reserved and the
	// queues are empty.
	Drained bool
}

// pageSize is how many orders are read and kept in mind at a time.
const pageSize = 500

// Check audits the stores. It fails only where a store cannot be read, or when
// ctx ends; breaches are in the report.
func Check(ctx context.Context, s Stores, opts Options) (Report, error) {
	a := &auditor{Stores: s, drained: opts.Drained, report: newReport()}
	for _, part := range []struct {
		name  string
		check func(context.Context) error
	}{
		{"the orders", a.orders},
		{"the stock and its reservations", a.stock},
		{"the payments", a.payments},
		{"the gateway's ledger", a.ledger},
		{"the dead letters", a.deadLetters},
		{"the queues", a.queues},
	} {
		if err := part.check(ctx); err != nil {
			return Report{}, fmt.Errorf("audit of %s: %w", part.name, err)
		}
	}
	return a.report, nil
}

// auditor is one audit under way.
type auditor struct {
	Stores
	drained bool
	report  Report
}

// deadLetters counts and lists what no service could handle. That is no breach:
// the sweeper brings the order to its end without the letter.
func (a *auditor) deadLetters(ctx context.Context) error {
	for _, service := range event.Services {
		box, ok := a.DeadLetters[service]
		if !ok {
			continue
		}
		n, err := box.Count(ctx)
		if err != nil {
			return err
		}
		letters, err := box.List(ctx, "", MaxListed)
		if err != nil {
			return err
		}
		a.report.DeadLetters[service] = n
		for _, l := range letters {
			a.report.Letters = append(a.report.Letters, Letter{Service: service, ID: l.ID, OrderID: l.Event.OrderID, Reason: l.Reason})
		}
	}
	return nil
}

// queues names those that are not empty, where they should be.
func (a *auditor) queues(ctx context.Context) error {
	for _, service := range event.Services {
		queue, ok := a.Queues[service]
		if !ok || !a.drained {
			continue
		}
		d, err := queue.Depth(ctx)
		if err != nil {
			return err
		}
		if n := d.Ready + d.Delayed + d.InFlight; n > 0 {
			a.report.name(Breach{Kind: QueueNotEmpty, Queue: service,
				Detail: fmt.Sprintf("%d messages: %d ready, %d delayed, %d in flight", n, d.Ready, d.Delayed, d.InFlight)})
		}
	}
	return nil
}
