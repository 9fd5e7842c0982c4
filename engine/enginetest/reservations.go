package enginetest

import (
	"fmt"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
)

var reservationTests = []storeTest{
	{"Apply moves the stock of each change in the reservation's own write", moveStock},
	{"Apply keeps every field of a reservation", reservationKeepsEveryField},
	{"Apply holds all lines of an order or none", holdAllOrNone},
	{"Apply serves the holds of a batch first come first served", holdFirstCome},
	{"Apply moves once for a change that stands twice in a batch", holdTwiceInBatch},
	{"Apply changes nothing of a reservation in none of the From states", moveElsewhere},
	{"Apply without a From only reads", moveReads},
	{"Apply returns the zero Reservation where there is none", moveUnknown},
	{"Apply mixes holds, settles, releases and returns in one batch", moveMixed},
	{"Apply refuses an unknown SKU and names every line that fell short", holdUnknownSKU},
	{"Apply refuses lines of mixed currency", holdMixedCurrency},
	{"Apply keeps a refusal after a restock", refusalIsFinal},
	{"Apply writes a tombstone that refuses the late hold", tombstoneRefuses},
	{"Apply holds the greatest order without overflow", holdGreatest},
	{"Apply says what it left available, if anything", holdLeft},
	{"Get returns the reservations in the order asked for", getReservations},
}

func moveStock(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 10)
	declined := release(ref(2))
	declined.To = inventory.ReleasedDeclined
	for _, step := range []struct {
		change                    inventory.Change
		available, reserved, sold int64
	}{
		{hold(ref(1), line("A", 3)), 7, 3, 0},
		{hold(ref(2), line("A", 2)), 5, 5, 0},
		{settle(ref(1)), 5, 2, 3},
		{declined, 7, 0, 3},
		{hold(ref(3), line("A", 7)), 0, 7, 3},
		{release(ref(3)), 7, 0, 3},
		{giveBack(ref(1), true), 10, 0, 0},
		{hold(ref(4), line("A", 4)), 6, 4, 0},
		{settle(ref(4)), 6, 0, 4},
		{giveBack(ref(4), false), 6, 0, 4},
		{hold(ref(5), line("A", 6)), 0, 6, 4},
		{settle(ref(5)), 0, 0, 10},
		{release(ref(5)), 6, 0, 4},
	} {
		if w := move(t, e, step.change); !w[0].Changed || w[0].Record.State != step.change.To {
			t.Fatalf("%+v made %+v", step.change, w[0])
		}
		wantStock(t, e, "A", step.available, step.reserved, step.sold)
	}
}

func reservationKeepsEveryField(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "Z9", 10)
	must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 4, Price: event.Money{Amount: 5, Currency: "USD"}, At: start}))(t)
	want := inventory.Reservation{
		Ref: ref(1), State: inventory.Held, HeldAt: after(1), UpdatedAt: after(1),
		Lines: []event.Line{{SKU: "Z9", Qty: 2, UnitPrice: price}, {SKU: "A", Qty: 4, UnitPrice: event.Money{Amount: 5, Currency: "USD"}}},
		Total: event.Money{Amount: 2*1999 + 4*5, Currency: "USD"},
	}
	check := func(c inventory.Change) {
		t.Helper()
		wantSame(t, "answer", stored(move(t, e, c)[0].Record), want)
		wantSame(t, "read", stored(reservation(t, e, ref(1))), want)
	}
	check(hold(ref(1), line("Z9", 2), line("A", 4)))
	// The price of a hold is the one at its time, whatever becomes of the SKU's.
	must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 9, Price: event.Money{Amount: 77, Currency: "EUR"}, At: after(2)}))(t)
	want.State, want.UpdatedAt = inventory.Settled, after(2)
	check(settle(ref(1)))
	want.State, want.UpdatedAt, want.Restocked = inventory.Returned, after(4), true
	check(giveBack(ref(1), true))
}

func holdAllOrNone(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	stockUp(t, e, "B", 1)
	w := move(t, e, hold(ref(1), line("A", 5), line("B", 2)))[0]
	if !w.Changed || w.Record.State != inventory.Rejected || w.Record.Reason != inventory.OutOfStock || !w.Record.HeldAt.IsZero() {
		t.Errorf("a hold that is one unit short: %+v", w)
	}
	wantSame(t, "shortfall", w.Record.Short, []event.Shortfall{{SKU: "B", Qty: 2, Available: 1}})
	wantSame(t, "read", stored(reservation(t, e, ref(1))), stored(w.Record))
	wantStock(t, e, "A", 5, 0, 0)
	wantStock(t, e, "B", 1, 0, 0)
}

func holdFirstCome(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	w := move(t, e, hold(ref(1), line("A", 3)), hold(ref(2), line("A", 3)), hold(ref(3), line("A", 2)), hold(ref(4), line("A", 1)))
	for i, want := range []inventory.State{inventory.Held, inventory.Rejected, inventory.Held, inventory.Rejected} {
		if got := w[i].Record.State; got != want {
			t.Errorf("hold %d is %s, want %s", i+1, got, want)
		}
	}
	wantStock(t, e, "A", 0, 5, 0)
}

func holdTwiceInBatch(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	w := move(t, e, hold(ref(1), line("A", 2)), hold(ref(1), line("A", 2)), hold(ref(2), line("A", 1)), hold(ref(1), line("A", 2)))
	for i, changed := range []bool{true, false, true, false} {
		if w[i].Changed != changed || w[i].Record.State != inventory.Held {
			t.Errorf("hold %d: %+v", i, w[i])
		}
	}
	wantStock(t, e, "A", 2, 3, 0)
}

func moveElsewhere(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	move(t, e, hold(ref(1), line("A", 2)))
	before := reservation(t, e, ref(1))
	for _, c := range []inventory.Change{hold(ref(1), line("A", 1)), giveBack(ref(1), true)} {
		w := move(t, e, c)[0]
		if w.Changed {
			t.Errorf("%+v changed a reservation that is %s", c, before.State)
		}
		wantSame(t, "answer", stored(w.Record), stored(before))
	}
	wantSame(t, "read", stored(reservation(t, e, ref(1))), stored(before))
	wantStock(t, e, "A", 3, 2, 0)
}

func moveReads(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	move(t, e, hold(ref(1), line("A", 2)))
	w := move(t, e, inventory.Change{Ref: ref(1), At: after(9), Lines: []event.Line{line("A", 1)}}, inventory.Change{Ref: ref(2), At: after(9)})
	if w[0].Changed || w[1].Changed {
		t.Error("a read is said to have changed something")
	}
	wantSame(t, "answer", stored(w[0].Record), stored(reservation(t, e, ref(1))))
	wantSame(t, "answer on none", stored(w[1].Record), inventory.Reservation{})
	wantStock(t, e, "A", 3, 2, 0)
}

func moveUnknown(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	for _, w := range move(t, e, settle(ref(1)), release(ref(2)), giveBack(ref(3), true)) {
		if w.Changed {
			t.Error("a reservation that does not exist was changed")
		}
		wantSame(t, "answer", stored(w.Record), inventory.Reservation{})
	}
	wantSame(t, "read", stored(reservation(t, e, ref(1))), inventory.Reservation{})
	wantStock(t, e, "A", 5, 0, 0)
}

func moveMixed(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 20)
	stockUp(t, e, "B", 20)
	for n := 1; n <= 4; n++ {
		move(t, e, hold(ref(n), line("A", 1), line("B", 2)))
	}
	move(t, e, settle(ref(3)), settle(ref(4)))
	back := release(ref(2))
	back.To = inventory.ReleasedDeclined
	w := move(t, e,
		settle(ref(1)), back, giveBack(ref(3), true), hold(ref(5), line("B", 3), line("A", 4)),
		hold(ref(6), line("A", 19), line("B", 1)), giveBack(ref(4), false), settle(ref(7)), release(ref(5)))
	want := []inventory.State{inventory.Settled, inventory.ReleasedDeclined, inventory.Returned, inventory.Held,
		inventory.Rejected, inventory.Returned, inventory.None, inventory.ReleasedVoided}
	for i, w := range w {
		if w.Record.State != want[i] {
			t.Errorf("change %d: %q, want %q", i, w.Record.State, want[i])
		}
	}
	wantStock(t, e, "A", 18, 0, 2)
	wantStock(t, e, "B", 16, 0, 4)
}

func holdUnknownSKU(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1)
	stockUp(t, e, "B", 9)
	w := move(t, e, hold(ref(1), line("A", 2), line("ghost", 3), line("B", 1)))[0]
	if w.Record.State != inventory.Rejected || w.Record.Reason != inventory.UnknownSKU {
		t.Errorf("a hold of an unknown SKU: %+v", w.Record)
	}
	wantSame(t, "shortfall", w.Record.Short, []event.Shortfall{{SKU: "A", Qty: 2, Available: 1}, {SKU: "ghost", Qty: 3}})
	wantStock(t, e, "B", 9, 0, 0)
	_, err := e.Inventory.Stock(t.Context(), "ghost")
	wantCode(t, "Stock of the unknown SKU", err, event.NotFound)
}

func holdMixedCurrency(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	must(count(t.Context(), e, inventory.Count{SKU: "E", OnHand: 5, Price: event.Money{Amount: 1, Currency: "EUR"}, At: start}))(t)
	w := move(t, e, hold(ref(1), line("A", 1), line("E", 1)))[0]
	if w.Record.State != inventory.Rejected || w.Record.Reason != inventory.MixedCurrency || len(w.Record.Short) != 0 {
		t.Errorf("a hold in two currencies: %+v", w.Record)
	}
	wantStock(t, e, "A", 5, 0, 0)
	wantStock(t, e, "E", 5, 0, 0)
}

func refusalIsFinal(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 0)
	refused := move(t, e, hold(ref(1), line("A", 1)))[0].Record
	stockUp(t, e, "A", 10)
	w := move(t, e, hold(ref(1), line("A", 1)))[0]
	if w.Changed {
		t.Error("a refused hold was made after a restock")
	}
	wantSame(t, "answer", stored(w.Record), stored(refused))
	wantStock(t, e, "A", 10, 0, 0)
}

func tombstoneRefuses(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	tombstone := inventory.Change{Ref: ref(1), From: []inventory.State{inventory.None}, To: inventory.ReleasedVoided, At: after(1)}
	if w := move(t, e, tombstone)[0]; !w.Changed || len(w.Record.Lines) != 0 || !w.Record.HeldAt.IsZero() {
		t.Errorf("tombstone: %+v", w)
	}
	if w := move(t, e, hold(ref(1), line("A", 2)))[0]; w.Changed || w.Record.State != inventory.ReleasedVoided {
		t.Errorf("the late hold: %+v", w)
	}
	wantStock(t, e, "A", 5, 0, 0)
}

// holdGreatest holds the most lines, of the most units, at the highest price.
func holdGreatest(t *testing.T, e *engine.Engine) {
	dearest := event.Money{Amount: inventory.MaxPrice, Currency: "USD"}
	var lines []event.Line
	for i := range 50 {
		lines = append(lines, line(fmt.Sprintf("sku-%02d", i), 10_000))
		must(count(t.Context(), e, inventory.Count{SKU: lines[i].SKU, OnHand: inventory.MaxOnHand, Price: dearest, At: start}))(t)
	}
	w := move(t, e, hold(ref(1), lines...))[0]
	wantSame(t, "total", w.Record.Total, event.Money{Amount: 500_000 * inventory.MaxPrice, Currency: "USD"})
	wantSame(t, "read", stored(reservation(t, e, ref(1))), stored(w.Record))
	wantStock(t, e, "sku-49", inventory.MaxOnHand-10_000, 10_000, 0)
}

func holdLeft(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	stockUp(t, e, "B", 9)
	for _, step := range []struct {
		change inventory.Change
		left   []int64
	}{
		{hold(ref(1), line("A", 2), line("B", 3)), []int64{3, 6}},
		{release(ref(1)), []int64{5, 9}},
	} {
		if left := move(t, e, step.change)[0].Record.Left; left != nil {
			wantSame(t, "left", left, step.left)
		}
	}
}

func getReservations(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 50)
	for n := 1; n <= 30; n++ {
		move(t, e, hold(ref(n), line("A", 1)))
	}
	got := must(e.Inventory.Get(t.Context(), []event.Ref{ref(30), ref(99), ref(2), ref(30)}))(t)
	for i, want := range []event.Ref{ref(30), {}, ref(2), ref(30)} {
		if got[i].Ref != want || (want != event.Ref{}) != (got[i].State == inventory.Held) {
			t.Errorf("reservation %d: %+v", i, got[i])
		}
	}
	if none := must(e.Inventory.Get(t.Context(), nil))(t); len(none) != 0 {
		t.Errorf("reservations of no orders: %+v", none)
	}
}
