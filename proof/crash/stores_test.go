package crash_test

import (
	"context"
	"fmt"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ref(n int) event.Ref { return event.Ref{OrderID: fmt.Sprint("order-", n), Number: int64(n)} }

// kept is a store with one record a commit.
type kept struct {
	service event.Service
	commit  func(e *engine.Engine, n int) error // of record n, counted from 1
	count   func(e *engine.Engine) (int, error)
}

// stores are the files of the folder.
var stores = map[string]kept{
	"order.db": {event.Order, func(e *engine.Engine, n int) error {
		_, err := e.Orders.Create(context.Background(), []order.Order{{
			Ref: ref(n), Caller: "local", UserID: "test_user", Status: order.Pending, HoldUntil: noon, Due: noon,
			History: []order.Entry{{Status: order.Pending, At: noon}},
		}})
		return err
	}, func(e *engine.Engine) (int, error) {
		all, err := e.Orders.Scan(context.Background(), 0, 1000)
		return len(all), err
	}},
	"inventory.db": {event.Inventory, func(e *engine.Engine, n int) error {
		_, err := e.Inventory.Apply(context.Background(), []inventory.Change{{
			Ref: ref(n), From: []inventory.State{inventory.None}, To: inventory.Held, At: noon, Lines: []event.Line{{SKU: plenty, Qty: 1}},
		}})
		return err
	}, countHeld},
	"payment.db": {event.Payment, func(e *engine.Engine, n int) error {
		_, err := e.Payments.Apply(context.Background(), []payment.Change{{Ref: ref(n), From: []payment.State{payment.None}, To: payment.Charging, At: noon}})
		return err
	}, func(e *engine.Engine) (int, error) {
		all, err := e.Payments.Scan(context.Background(), 0, 1000)
		return len(all), err
	}},
	"gateway.db": {event.Payment, func(e *engine.Engine, n int) error {
		return e.Ledger.Update(context.Background(), ref(n), func([]simulated.Entry) []simulated.Entry {
			return []simulated.Entry{{Key: ref(n).OrderID, State: simulated.Captured, At: noon}}
		})
	}, func(e *engine.Engine) (int, error) {
		all, err := e.Ledger.Scan(context.Background(), 0, 1000)
		return len(all), err
	}},
}

// countHeld counts the reservations, and fails if the stock has not moved with
// each.
func countHeld(e *engine.Engine) (n int, err error) {
	balances, err := e.Inventory.Snapshot(context.Background(), func(inventory.Reservation) error { n++; return nil })
	for _, b := range balances {
		if b.SKU == plenty && (b.Reserved != int64(n) || b.Available != int64(inStock-n)) {
			err = fmt.Errorf("%d reservations of one unit, and stock %+v", n, b.Stock)
		}
	}
	return n, err
}
