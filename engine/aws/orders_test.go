package aws

import (
	"errors"
	"testing"

	"holdfast/event"
	"holdfast/order"
)

func wantCode(t *testing.T, err error, code event.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("error %v, want code %q", err, code)
	}
}

// TestItemsThatAreNoOrdersAreNobodysOrders asks for what the orders table keeps
// beside the orders.
func TestItemsThatAreNoOrdersAreNobodysOrders(t *testing.T) {
	c, _ := alone(t)
	s := ordersOf(c)
	createOrders(t, s, placed("o"))
	for _, id := range []string{nodeItem, daysItem, "", "a b"} {
		_, err := s.Get(t.Context(), id)
		wantCode(t, err, event.NotFound)
		if w := applyOrder(t, s, id, order.Cancelled, append(order.Statuses, "")...); w.Changed || w.Record.OrderID != "" {
			t.Errorf("a change of %q: %+v", id, w)
		}
		_, err = s.Create(t.Context(), []order.Order{placed(id)})
		wantCode(t, err, event.Invalid)
	}
	if days := must(s.numbering.dated(t.Context()))(t); len(days) != 1 {
		t.Errorf("days with orders: %v", days)
	}
	if all := must(s.Scan(t.Context(), 0, 9))(t); len(all) != 1 {
		t.Errorf("%d orders are scanned, want 1", len(all))
	}
}

func TestAnOutageOfDynamoDBIsNobodysFault(t *testing.T) {
	c, _ := alone(t)
	c.prefix += "-gone"
	s := ordersOf(c)
	_, err := s.Get(t.Context(), "o")
	wantCode(t, err, event.Unavailable)
	_, err = s.Create(t.Context(), []order.Order{placed("o")})
	wantCode(t, err, event.Unavailable)
	_, err = newKeys(c).List(t.Context())
	wantCode(t, err, event.Unavailable)
	_, err = newPayments(c).Scan(t.Context(), 0, 1)
	wantCode(t, err, event.Unavailable)
	_, err = newDeadLetters(c, event.Order).Count(t.Context())
	wantCode(t, err, event.Unavailable)
	wantCode(t, newLedger(c).SetOutage(t.Context(), c.now()), event.Unavailable)
}
