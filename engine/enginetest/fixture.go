package enginetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// start is when the tests' orders are placed.
var start = time.Date(2026, 3, 1, 9, 0, 0, 123_000_000, time.UTC)

// after is some seconds after start.
func after(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

var (
	terms = order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second}
	price = event.Money{Amount: 1999, Currency: "USD"}
)

func orderService(e *engine.Engine) *order.Service {
	return &order.Service{Store: e.Orders, Terms: terms}
}

func inventoryService(e *engine.Engine) *inventory.Service {
	return &inventory.Service{Store: e.Inventory}
}

func paymentService(e *engine.Engine) *payment.Service {
	return &payment.Service{Store: e.Payments}
}

// ref names the nth order of a test that has no order store of its own.
func ref(n int) event.Ref {
	return event.Ref{OrderID: fmt.Sprintf("order-%04d", n), Number: int64(n)}
}

// refs names the orders 1 to n.
func refs(n int) []event.Ref {
	all := make([]event.Ref, n)
	for i := range all {
		all[i] = ref(i + 1)
	}
	return all
}

// newOrder is a PENDING order that no store has seen.
func newOrder(id string) order.Order {
	sum := sha256.Sum256([]byte(id))
	return order.Order{
		Ref: event.Ref{OrderID: id}, Caller: "local", UserID: "ann",
		Lines: []event.Line{{SKU: "A123", Qty: 1}}, Fingerprint: [16]byte(sum[:16]), Rendering: order.Rendering,
		HoldUntil: start.Add(terms.Hold), Status: order.Pending,
		History: []order.Entry{{Status: order.Pending, At: start}}, Due: start.Add(terms.Silence),
	}
}

// newOrders are n of them, with ids that share a prefix.
func newOrders(prefix string, n int) []order.Order {
	orders := make([]order.Order, n)
	for i := range orders {
		orders[i] = newOrder(fmt.Sprintf("%s-%03d", prefix, i))
	}
	return orders
}

// create stores the orders, which must be new, and returns them as stored.
func create(t *testing.T, e *engine.Engine, orders ...order.Order) []order.Order {
	t.Helper()
	stored := make([]order.Order, len(orders))
	for i, c := range must(e.Orders.Create(t.Context(), orders))(t) {
		if !c.New {
			t.Fatalf("order %s is there already", c.Order.OrderID)
		}
		stored[i] = c.Order
	}
	return stored
}

// change brings an order on, and returns it as it then stands.
func change(t *testing.T, e *engine.Engine, c order.Change) order.Order {
	t.Helper()
	w := must(e.Orders.Apply(t.Context(), []order.Change{c}))(t)
	if len(w) != 1 || !w[0].Changed {
		t.Fatalf("the change %+v was not made: %+v", c, w)
	}
	return w[0].Record
}

// count counts one SKU.
func count(ctx context.Context, e *engine.Engine, c inventory.Count) (inventory.Stock, error) {
	counted, err := e.Inventory.Count(ctx, []inventory.Count{c})
	if err != nil {
		return inventory.Stock{}, err
	}
	return counted[0].Stock, counted[0].Err
}

// stockUp counts n units of a SKU at the usual price.
func stockUp(t *testing.T, e *engine.Engine, sku string, n int64) inventory.Stock {
	t.Helper()
	return must(count(t.Context(), e, inventory.Count{SKU: sku, OnHand: n, Price: price, At: start}))(t)
}

// wantStock checks a SKU's three counts, and that its ledger adds up to them.
func wantStock(t *testing.T, e *engine.Engine, sku string, available, reserved, sold int64) {
	t.Helper()
	s := must(e.Inventory.Stock(t.Context(), sku))(t)
	if s.Available != available || s.Reserved != reserved || s.Sold != sold {
		t.Errorf("stock of %s: available %d, reserved %d, sold %d; want %d, %d, %d",
			sku, s.Available, s.Reserved, s.Sold, available, reserved, sold)
	}
	if sum := ledgerSum(t, e, sku); sum != available+reserved+sold {
		t.Errorf("the ledger of %s adds up to %d, want %d", sku, sum, available+reserved+sold)
	}
}

func ledgerSum(t *testing.T, e *engine.Engine, sku string) int64 {
	t.Helper()
	var sum int64
	for _, row := range ledgerRows(t, e, sku) {
		sum += row.Delta
	}
	return sum
}

// ledgerRows are all rows of a SKU's ledger, the newest first.
func ledgerRows(t *testing.T, e *engine.Engine, sku string) []inventory.LedgerRow {
	t.Helper()
	page := must(e.Inventory.Ledger(t.Context(), inventory.LedgerQuery{SKU: sku, Limit: 1_000_000}))(t)
	if page.Next != "" {
		t.Errorf("the ledger of %s has another page after %d rows", sku, len(page.Rows))
	}
	return page.Rows
}

// hold, settle, release and giveBack are inventory's usual changes.
func hold(r event.Ref, lines ...event.Line) inventory.Change {
	return inventory.Change{Ref: r, From: []inventory.State{inventory.None}, To: inventory.Held, At: after(1), Lines: lines}
}

func settle(r event.Ref) inventory.Change {
	return inventory.Change{Ref: r, From: []inventory.State{inventory.Held}, To: inventory.Settled, At: after(2)}
}

func release(r event.Ref) inventory.Change {
	return inventory.Change{Ref: r, From: []inventory.State{inventory.Held, inventory.Settled}, To: inventory.ReleasedVoided, At: after(3)}
}

func giveBack(r event.Ref, restock bool) inventory.Change {
	return inventory.Change{Ref: r, From: []inventory.State{inventory.Settled}, To: inventory.Returned, At: after(4), Restock: restock}
}

func line(sku string, qty int64) event.Line { return event.Line{SKU: sku, Qty: qty} }

// move applies inventory changes and returns the reservations as they then stand.
func move(t *testing.T, e *engine.Engine, changes ...inventory.Change) []event.Written[inventory.Reservation] {
	t.Helper()
	written := must(e.Inventory.Apply(t.Context(), changes))(t)
	if len(written) != len(changes) {
		t.Fatalf("%d changes, %d answers", len(changes), len(written))
	}
	return written
}

// reservation reads the reservation of one order.
func reservation(t *testing.T, e *engine.Engine, r event.Ref) inventory.Reservation {
	t.Helper()
	return must(e.Inventory.Get(t.Context(), []event.Ref{r}))(t)[0]
}

// stored is a reservation without what is not stored of it.
func stored(r inventory.Reservation) inventory.Reservation {
	r.Left = nil
	return r
}
