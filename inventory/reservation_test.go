package inventory_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/inventory"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func dollars(cents int64) event.Money { return event.Money{Amount: cents, Currency: "USD"} }

// shop has ten of A at 100 and five of B at 30.
func shop(t *testing.T) *inventory.Service {
	t.Helper()
	s := &inventory.Service{Store: memory.New().Inventory}
	for _, c := range []inventory.Count{
		{SKU: "A", OnHand: 10, Price: dollars(100), At: noon},
		{SKU: "B", OnHand: 5, Price: dollars(30), At: noon},
	} {
		if _, err := s.Count(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func message(t event.Type, lines ...event.Line) event.Event {
	e := event.New(t, event.Ref{OrderID: "order-1", Number: 1}, noon)
	e.Lines, e.PaymentMethod = lines, "card"
	return e
}

func handle(t *testing.T, s *inventory.Service, at time.Duration, batch ...event.Event) []event.Result {
	t.Helper()
	results, err := s.Handle(t.Context(), noon.Add(at), batch)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func reservation(t *testing.T, s *inventory.Service) inventory.Reservation {
	t.Helper()
	found, err := s.Store.Get(t.Context(), []event.Ref{{OrderID: "order-1", Number: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// wantStock checks a SKU's available, reserved and sold units.
func wantStock(t *testing.T, s *inventory.Service, sku string, available, reserved, sold int64) {
	t.Helper()
	got, err := s.Store.Stock(t.Context(), sku)
	if err != nil || got.Available != available || got.Reserved != reserved || got.Sold != sold || got.OnHand() != available+reserved {
		t.Errorf("%s is %+v, %v, want %d, %d and %d", sku, got, err, available, reserved, sold)
	}
}

func TestAHoldIsPricedAndMovesEachLine(t *testing.T) {
	s := shop(t)
	var heard []inventory.Reservation
	s.Changed = func(r inventory.Reservation, by event.Event) {
		if by.Type == event.OrderPlaced {
			heard = append(heard, r)
		}
	}
	asked := message(event.OrderPlaced, event.Line{SKU: "A", Qty: 3}, event.Line{SKU: "B", Qty: 5})
	told := handle(t, s, time.Second, asked, asked)[0].Send
	priced := []event.Line{{SKU: "A", Qty: 3, UnitPrice: dollars(100)}, {SKU: "B", Qty: 5, UnitPrice: dollars(30)}}
	if told.Type != event.StockReserved || told.Total != dollars(450) || !slices.Equal(told.Lines, priced) || told.PaymentMethod != "card" {
		t.Errorf("told %+v", told)
	}
	if held := noon.Add(time.Second); !told.ReservedAt.Equal(held) || !told.At.Equal(held) || told.Ref != asked.Ref {
		t.Errorf("told of %+v at %s, held at %s", told.Ref, told.At, told.ReservedAt)
	}
	if len(heard) != 1 || !slices.Equal(heard[0].Left, []int64{7, 0}) {
		t.Errorf("heard of %+v", heard)
	}
	if asked.Lines[0].UnitPrice != (event.Money{}) {
		t.Errorf("the message itself became %+v", asked)
	}
	wantStock(t, s, "A", 7, 3, 0)
	wantStock(t, s, "B", 0, 5, 0)
	if row, _ := s.Store.Stock(t.Context(), "A"); row.Version != 2 || !row.UpdatedAt.Equal(noon.Add(time.Second)) {
		t.Errorf("the row is %+v", row)
	}
}

func TestUnitsGoWhereTheReservationGoes(t *testing.T) {
	placed := message(event.OrderPlaced, event.Line{SKU: "A", Qty: 3})
	restock := message(event.PaymentRefunded)
	restock.Restock = true
	captured, refunded := message(event.PaymentCaptured), message(event.PaymentRefunded)
	for _, c := range []struct {
		name                      string
		then                      []event.Event
		state                     inventory.State
		tells                     event.Type
		available, reserved, sold int64
		restocked                 bool
	}{
		{"settled", []event.Event{captured}, inventory.Settled, event.StockSettled, 7, 0, 3, false},
		{"declined", []event.Event{message(event.PaymentDeclined)}, inventory.ReleasedDeclined, event.StockReleasedDeclined, 10, 0, 0, false},
		{"voided", []event.Event{message(event.PaymentVoided)}, inventory.ReleasedVoided, event.StockReleasedVoided, 10, 0, 0, false},
		{"refunded by a cancel", []event.Event{captured, message(event.PaymentVoided)}, inventory.ReleasedVoided, event.StockReleasedVoided, 10, 0, 0, false},
		{"returned", []event.Event{captured, restock}, inventory.Returned, event.StockReturned, 10, 0, 0, true},
		{"refunded and kept", []event.Event{captured, refunded}, inventory.Returned, event.StockReturned, 7, 0, 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := shop(t)
			handle(t, s, time.Second, placed)
			last := c.then[len(c.then)-1]
			told := handle(t, s, time.Minute, append(c.then, last)...)[len(c.then)-1].Send
			if r := reservation(t, s); r.State != c.state || r.Restocked != c.restocked || !r.UpdatedAt.Equal(noon.Add(time.Minute)) || !r.HeldAt.Equal(noon.Add(time.Second)) {
				t.Errorf("the reservation is %+v", r)
			}
			if told.Type != c.tells || told.Total != dollars(300) || len(told.Lines) != 1 || !told.ReservedAt.Equal(noon.Add(time.Second)) || told.PaymentMethod != "" {
				t.Errorf("told %+v", told)
			}
			wantStock(t, s, "A", c.available, c.reserved, c.sold)
		})
	}
}

func TestARefusalNamesEachLineThatFellShort(t *testing.T) {
	for _, c := range []struct {
		name   string
		lines  []event.Line
		reason string
		short  []event.Shortfall
	}{
		{"one short", []event.Line{{SKU: "A", Qty: 11}, {SKU: "B", Qty: 1}}, inventory.OutOfStock, []event.Shortfall{{SKU: "A", Qty: 11, Available: 10}}},
		{"both short", []event.Line{{SKU: "A", Qty: 11}, {SKU: "B", Qty: 6}}, inventory.OutOfStock,
			[]event.Shortfall{{SKU: "A", Qty: 11, Available: 10}, {SKU: "B", Qty: 6, Available: 5}}},
		{"short, and unknown", []event.Line{{SKU: "A", Qty: 11}, {SKU: "C", Qty: 1}}, inventory.UnknownSKU,
			[]event.Shortfall{{SKU: "A", Qty: 11, Available: 10}, {SKU: "C", Qty: 1}}},
		{"unknown, and short", []event.Line{{SKU: "C", Qty: 1}, {SKU: "A", Qty: 11}}, inventory.UnknownSKU,
			[]event.Shortfall{{SKU: "C", Qty: 1}, {SKU: "A", Qty: 11, Available: 10}}},
		{"in two currencies", []event.Line{{SKU: "A", Qty: 1}, {SKU: "E", Qty: 1}}, inventory.MixedCurrency, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := shop(t)
			if _, err := s.Count(t.Context(), inventory.Count{SKU: "E", OnHand: 1, Price: event.Money{Amount: 1, Currency: "EUR"}, At: noon}); err != nil {
				t.Fatal(err)
			}
			told := handle(t, s, time.Second, message(event.OrderPlaced, c.lines...))[0].Send
			if told.Type != event.StockRejected || told.Reason != c.reason || !slices.Equal(told.Short, c.short) || len(told.Lines) > 0 || !told.ReservedAt.IsZero() {
				t.Errorf("told %+v", told)
			}
			if r := reservation(t, s); r.State != inventory.Rejected || !r.HeldAt.IsZero() || !r.Total.IsZero() || !r.UpdatedAt.Equal(noon.Add(time.Second)) {
				t.Errorf("the reservation is %+v", r)
			}
			wantStock(t, s, "A", 10, 0, 0)
			wantStock(t, s, "B", 5, 0, 0)
		})
	}
}

func TestAReleaseThatComesFirstLeavesATombstoneWithoutLines(t *testing.T) {
	s := shop(t)
	told := handle(t, s, time.Second, message(event.PaymentVoided), message(event.OrderPlaced, event.Line{SKU: "A", Qty: 3}))
	if r := reservation(t, s); r.State != inventory.ReleasedVoided || len(r.Lines) > 0 || !r.HeldAt.IsZero() {
		t.Errorf("the reservation is %+v", r)
	}
	for _, r := range told {
		if r.Send.Type != event.StockReleasedVoided || !r.Send.ReservedAt.IsZero() || len(r.Send.Lines) > 0 {
			t.Errorf("told %+v", r.Send)
		}
	}
	wantStock(t, s, "A", 10, 0, 0)
}

func TestAReservationsCopyIsItsOwn(t *testing.T) {
	r := inventory.Reservation{Lines: []event.Line{{SKU: "A"}}, Short: []event.Shortfall{{SKU: "A"}}, Left: []int64{1}}
	c := r.Clone()
	c.Lines[0].SKU, c.Short[0].SKU, c.Left[0] = "B", "B", 2
	if r.Lines[0].SKU != "A" || r.Short[0].SKU != "A" || r.Left[0] != 1 {
		t.Errorf("the first became %+v", r)
	}
}

// TestWhatCannotBeIsDeadAndChangesNothing: a message that no reservation can meet
// in its state is never guessed at.
func TestWhatCannotBeIsDeadAndChangesNothing(t *testing.T) {
	placed, captured := message(event.OrderPlaced, event.Line{SKU: "A", Qty: 3}), message(event.PaymentCaptured)
	declined, voided, refunded := message(event.PaymentDeclined), message(event.PaymentVoided), message(event.PaymentRefunded)
	for name, batch := range map[string][]event.Event{
		"a capture without a hold":      {captured},
		"a decline without a hold":      {declined},
		"a decline of what is settled":  {placed, captured, declined},
		"a void of what was declined":   {placed, declined, voided},
		"a refund of what is only held": {placed, refunded},
	} {
		s := shop(t)
		handle(t, s, time.Second, batch[:len(batch)-1]...)
		before := reservation(t, s)
		last := handle(t, s, time.Minute, batch[len(batch)-1])[0]
		if !errors.Is(last.Dead, event.Unreachable) || last.Send.Type != "" {
			t.Errorf("%s: %+v", name, last)
		}
		if after := reservation(t, s); after.State != before.State || !after.UpdatedAt.Equal(before.UpdatedAt) {
			t.Errorf("%s: from %+v to %+v", name, before, after)
		}
	}
}

func TestTheTablesCellsCanBeNamed(t *testing.T) {
	if one := (event.CellName{Message: event.PaymentCaptured, State: "HELD"}); !slices.Contains(inventory.Cells(), one) {
		t.Errorf("%v is not among %v", one, inventory.Cells())
	}
}
