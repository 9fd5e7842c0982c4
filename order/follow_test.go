package order_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/order"
)

var price = event.Money{Amount: 1999, Currency: "USD"}

// told is inventory's or payment's word on the order that newService's store has.
func told(s *order.Service, t event.Type, reservedAt time.Time) event.Event {
	e := event.New(t, event.Ref{OrderID: "new", Number: 1}, noon)
	e.ReservedAt, e.Total = reservedAt, price
	e.Lines = []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}
	return e
}

func handle(t *testing.T, s *order.Service, batch ...event.Event) []event.Result {
	t.Helper()
	results, err := s.Handle(t.Context(), noon.Add(time.Minute), batch)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func get(t *testing.T, s *order.Service) order.Order {
	t.Helper()
	o, err := s.Store.Get(t.Context(), "new")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func statuses(o order.Order) (all []order.Status) {
	for _, e := range o.History {
		all = append(all, e.Status)
	}
	return all
}

func TestANewOrderIsWhatWasAskedFor(t *testing.T) {
	s := newService()
	var heard []event.Type
	s.Changed = func(o order.Order, by event.Event) { heard = append(heard, by.Type) }
	ask := request(func(r *order.Request) {
		r.PaymentMethod = "card"
		r.Lines = []event.Line{{SKU: "A", Qty: 1}, {SKU: "B", Qty: 2}, {SKU: "A", Qty: 3}}
	})
	p := place(t, s, ask)
	o := p.Order
	want := []event.Line{{SKU: "A", Qty: 4}, {SKU: "B", Qty: 2}}
	if o.Caller != "local" || o.UserID != "test_user" || o.PaymentMethod != "card" || o.Rendering != 1 || !slices.Equal(o.Lines, want) {
		t.Errorf("stored %+v", o)
	}
	if !o.HoldUntil.Equal(noon.Add(15*time.Minute)) || !o.Due.Equal(noon.Add(30*time.Second)) || o.Version() != 1 || !o.CreatedAt().Equal(noon) {
		t.Errorf("its times are %+v", o)
	}
	if e := p.Send; e.Type != event.OrderPlaced || e.Ref != o.Ref || !e.At.Equal(noon) || e.PaymentMethod != "card" || !slices.Equal(e.Lines, want) {
		t.Errorf("sent %+v", e)
	}
	if place(t, s, ask); !slices.Equal(heard, []event.Type{event.OrderPlaced}) {
		t.Errorf("heard of %v, want of the new order alone", heard)
	}
}

func TestAHoldIsInTheHistoryThoughNoMessageSaidSo(t *testing.T) {
	for _, c := range []struct {
		said   event.Type
		end    order.Status
		reason string
	}{
		{event.StockSettled, order.Completed, ""},
		{event.StockReleasedDeclined, order.PaymentFailed, order.CardDeclined},
		{event.StockReleasedVoided, order.Cancelled, order.HoldExpired},
	} {
		s := newService()
		var heard []event.Type
		s.Changed = func(_ order.Order, by event.Event) { heard = append(heard, by.Type) }
		place(t, s, request(nil))
		handle(t, s, told(s, c.said, noon.Add(time.Second)), told(s, c.said, noon.Add(time.Second)))
		o := get(t, s)
		if !slices.Equal(statuses(o), []order.Status{order.Pending, order.Reserved, c.end}) || o.Status != c.end || o.Version() != 3 {
			t.Errorf("%s: the history is %v", c.said, o.History)
		}
		if !o.History[1].At.Equal(noon.Add(time.Second)) || !o.UpdatedAt().Equal(noon.Add(time.Minute)) {
			t.Errorf("%s: the times are %v", c.said, o.History)
		}
		if o.Reason != c.reason || o.History[2].Reason != c.reason || !o.Due.IsZero() || o.Total != price || o.Lines[0].UnitPrice != price {
			t.Errorf("%s: the order is %+v", c.said, o)
		}
		if !slices.Equal(heard, []event.Type{event.OrderPlaced, c.said}) {
			t.Errorf("%s: heard of %v", c.said, heard)
		}
	}
}

func TestWithoutAHoldTheHistoryHasNone(t *testing.T) {
	s := newService()
	place(t, s, request(nil))
	handle(t, s, told(s, event.StockReleasedVoided, time.Time{}))
	if o := get(t, s); !slices.Equal(statuses(o), []order.Status{order.Pending, order.Cancelled}) {
		t.Errorf("the history is %v", o.History)
	}
	s = newService()
	place(t, s, request(nil))
	rejected := event.New(event.StockRejected, event.Ref{OrderID: "new"}, noon)
	rejected.Reason, rejected.Short, rejected.ReservedAt = "out_of_stock", []event.Shortfall{{SKU: "A123", Qty: 1}}, noon
	handle(t, s, rejected)
	o := get(t, s)
	if !slices.Equal(statuses(o), []order.Status{order.Pending, order.FailedNoStock}) || o.Reason != "out_of_stock" || !slices.Equal(o.Short, rejected.Short) {
		t.Errorf("refused, it is %+v", o)
	}
}

func TestAnOrderThatWaitsForItsPaymentIsReservedSinceItsHold(t *testing.T) {
	s := newService()
	place(t, s, request(nil))
	sweep(t, s, 30*time.Second)
	handle(t, s, told(s, event.PaymentPending, noon.Add(time.Second)))
	o := get(t, s)
	if o.Status != order.Reserved || !o.UpdatedAt().Equal(noon.Add(time.Second)) || o.Total != price || o.Attempts != 0 {
		t.Errorf("it is %+v", o)
	}
	if !o.Due.Equal(noon.Add(90 * time.Second)) {
		t.Errorf("it is due %s, want half a minute after the change", o.Due)
	}
	handle(t, s, told(s, event.StockSettled, noon.Add(time.Second)))
	if o := get(t, s); !slices.Equal(statuses(o), []order.Status{order.Pending, order.Reserved, order.Completed}) {
		t.Errorf("the history is %v", o.History)
	}
}

func TestHistoryGoesForwardWhateverTheClockDid(t *testing.T) {
	s := newService()
	place(t, s, request(nil))
	handle(t, s, told(s, event.PaymentPending, noon.Add(-time.Hour)))
	handle(t, s, told(s, event.StockSettled, noon))
	for i, e := range get(t, s).History {
		if want := []time.Time{noon, noon, noon.Add(time.Minute)}[i]; !e.At.Equal(want) {
			t.Errorf("step %d, %s, was at %s, want %s", i, e.Status, e.At, want)
		}
	}
}

func TestACancelIsToldOnceAndAnsweredAlways(t *testing.T) {
	s := newService()
	place(t, s, request(nil))
	late := noon.Add(time.Minute)
	o, send, err := s.Cancel(t.Context(), late, "new")
	if err != nil || o.Status != order.Cancelling || send.Type != event.CancelRequestedClient || send.Ref != o.Ref || !send.At.Equal(late) {
		t.Errorf("first: %+v, %+v, %v", o, send, err)
	}
	if o.Reason != order.CancelledByClient || !o.Due.Equal(late.Add(30*time.Second)) {
		t.Errorf("it is %+v", o)
	}
	if o, send, err := s.Cancel(t.Context(), late, "new"); err != nil || o.Status != order.Cancelling || send.Type != "" {
		t.Errorf("again: %+v, %+v, %v", o, send, err)
	}
	handle(t, s, told(s, event.StockReleasedVoided, noon))
	if o, _, err := s.Cancel(t.Context(), late, "new"); err != nil || o.Status != order.Cancelled || o.Reason != order.CancelledByClient {
		t.Errorf("at last: %+v, %v", o, err)
	}
	if _, _, err := s.Refund(t.Context(), late, "new", true); !errors.Is(err, event.Conflict) {
		t.Errorf("a refund of it: %v, want Conflict", err)
	}
	if _, _, err := s.Cancel(t.Context(), late, "nobody's"); !errors.Is(err, event.NotFound) {
		t.Errorf("of no order: %v, want NotFound", err)
	}
}

func TestACancelOfAReservedOrderSaysWhy(t *testing.T) {
	s := newService()
	place(t, s, request(nil))
	handle(t, s, told(s, event.PaymentPending, noon))
	if o, send, err := s.Cancel(t.Context(), noon, "new"); err != nil || o.Reason != order.CancelledByClient || send.Type != event.CancelRequestedClient {
		t.Errorf("%+v, %+v, %v", o, send, err)
	}
}

func TestARefundKeepsToItsRestock(t *testing.T) {
	for _, restock := range []bool{true, false} {
		s := newService()
		place(t, s, request(nil))
		if o, _, err := s.Refund(t.Context(), noon, "new", restock); !errors.Is(err, event.Conflict) || o.Status != order.Pending {
			t.Errorf("too early: %+v, %v", o, err)
		}
		handle(t, s, told(s, event.StockSettled, noon))
		o, send, err := s.Refund(t.Context(), noon, "new", restock)
		if err != nil || o.Status != order.Refunding || o.Restock != restock || send.Type != event.RefundRequested || send.Restock != restock {
			t.Errorf("first: %+v, %+v, %v", o, send, err)
		}
		if o, send, err := s.Refund(t.Context(), noon, "new", restock); err != nil || o.Restock != restock || send.Type != "" {
			t.Errorf("again: %+v, %+v, %v", o, send, err)
		}
		if o, send, err := s.Refund(t.Context(), noon, "new", !restock); !errors.Is(err, event.Conflict) || o.Restock != restock || send.Type != "" {
			t.Errorf("otherwise: %+v, %+v, %v", o, send, err)
		}
		returned := told(s, event.StockReturned, noon)
		returned.Restock = !restock
		handle(t, s, returned)
		if o := get(t, s); o.Status != order.Refunded || o.Restock != restock || !o.Due.IsZero() {
			t.Errorf("at its end: %+v", o)
		}
	}
}
