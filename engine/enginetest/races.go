package enginetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
)

var stockRaceTests = []storeTest{
	{"twenty workers race for the last unit and one wins", raceLastUnit},
	{"two hundred buyers race for a hundred units and a hundred win", raceHundredUnits},
	{"orders of A+B and of B+A in parallel all come through", raceCrosswise},
	{"a storm of holds, settles, releases, returns and counts on one SKU leaves the right count", raceStorm},
	{"a storm of holds comes right though every third write fails", raceBrokenStorm},
	{"one message in parallel has one effect on the stock", raceOneMessage},
	{"settle and release of one hold in parallel leave the stock right", raceSettleRelease},
	{"hold and void of one order in parallel leave the stock right", raceHoldVoid},
	{"counts of one version in parallel have one winner", raceCounts},
}

// placed is OrderPlaced of the nth order.
func placed(n int, lines ...event.Line) event.Event {
	e := event.New(event.OrderPlaced, ref(n), start)
	e.Lines = lines
	return e
}

// tell hands one message to an inventory service of the caller's own.
func tell(t *testing.T, e *engine.Engine, m event.Event) (event.Result, error) {
	results, err := inventoryService(e).Handle(t.Context(), after(1), []event.Event{m})
	if err != nil {
		return event.Result{}, err
	}
	return results[0], results[0].Dead
}

// raceFor lets so many buyers race for one unit each, and returns how many won.
func raceFor(t *testing.T, e *engine.Engine, buyers int) int {
	t.Helper()
	var won, lost atomic.Int32
	inParallel(t, buyers, func(i int) error {
		r, err := tell(t, e, placed(i+1, line("A", 1)))
		switch r.Send.Type {
		case event.StockReserved:
			won.Add(1)
		case event.StockRejected:
			lost.Add(1)
		}
		return err
	})
	if int(won.Load()+lost.Load()) != buyers {
		t.Errorf("%d won and %d lost of %d", won.Load(), lost.Load(), buyers)
	}
	held := 0
	for _, r := range must(e.Inventory.Get(t.Context(), refs(buyers)))(t) {
		if r.State == inventory.Held {
			held++
		}
	}
	if held != int(won.Load()) {
		t.Errorf("%d were told that they won, %d hold", won.Load(), held)
	}
	return held
}

func raceLastUnit(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1)
	if won := raceFor(t, e, 20); won != 1 {
		t.Errorf("%d workers won the last unit", won)
	}
	wantStock(t, e, "A", 0, 1, 0)
}

func raceHundredUnits(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 100)
	if won := raceFor(t, e, 200); won != 100 {
		t.Errorf("%d buyers won a hundred units", won)
	}
	wantStock(t, e, "A", 0, 100, 0)
}

func raceCrosswise(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 60)
	stockUp(t, e, "B", 50)
	var won atomic.Int32
	inParallel(t, 60, func(i int) error {
		lines := []event.Line{line("A", 1), line("B", 1)}
		if i%2 == 0 {
			lines[0], lines[1] = lines[1], lines[0]
		}
		r, err := tell(t, e, placed(i+1, lines...))
		if r.Send.Type == event.StockReserved {
			won.Add(1)
		}
		return err
	})
	if won.Load() != 50 {
		t.Errorf("%d orders hold the fifty pairs", won.Load())
	}
	wantStock(t, e, "A", 10, 50, 0)
	wantStock(t, e, "B", 0, 50, 0)
}

// storm takes order n through a hold to the end that its number chooses.
func storm(n int) []event.Event {
	refunded := event.New(event.PaymentRefunded, ref(n), after(3))
	refunded.Restock = n%8 == 3
	captured, voided := event.New(event.PaymentCaptured, ref(n), after(2)), event.New(event.PaymentVoided, ref(n), after(2))
	declined := event.New(event.PaymentDeclined, ref(n), after(2))
	hold := placed(n, line("A", 2))
	return [][]event.Event{{hold, captured}, {hold, voided}, {hold, declined}, {hold, captured, refunded}}[n%4]
}

func raceStorm(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1000)
	inParallel(t, 17, func(i int) error {
		for n := range 8 {
			if i == 16 {
				if _, err := count(t.Context(), e, inventory.Count{SKU: "A", OnHand: int64(1000 - n), At: after(n)}); err != nil {
					return err
				}
				continue
			}
			for _, m := range storm(i*8 + n) {
				if _, err := tell(t, e, m); err != nil {
					return err
				}
			}
		}
		return nil
	})
	// Of eight numbers in a row two sell, and one is returned without a restock.
	s := must(e.Inventory.Stock(t.Context(), "A"))(t)
	wantStock(t, e, "A", s.Available, 0, 16*3*2)
	reservations, balances := snapshot(t, e)
	wantBalanced(t, reservations, balances)
}

func raceBrokenStorm(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 40)
	var asked atomic.Int32
	e.SetFault(func(engine.Point) error {
		if asked.Add(1)%3 == 0 {
			return errBroken
		}
		return nil
	})
	defer e.SetFault(nil)
	var won atomic.Int32
	inParallel(t, 60, func(i int) error {
		for range 1000 {
			r, err := tell(t, e, placed(i+1, line("A", 1)))
			if errors.Is(err, errBroken) {
				continue
			}
			if r.Send.Type == event.StockReserved {
				won.Add(1)
			}
			return err
		}
		return fmt.Errorf("order %d never came through", i+1)
	})
	if won.Load() != 40 {
		t.Errorf("%d orders won forty units", won.Load())
	}
	wantStock(t, e, "A", 0, 40, 0)
}

func raceOneMessage(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	refunded := event.New(event.PaymentRefunded, ref(1), after(3))
	refunded.Restock = true
	for _, step := range []struct {
		message                   event.Event
		send                      event.Type
		available, reserved, sold int64
	}{
		{placed(1, line("A", 5)), event.StockReserved, 0, 5, 0},
		{event.New(event.PaymentCaptured, ref(1), after(2)), event.StockSettled, 0, 0, 5},
		{refunded, event.StockReturned, 5, 0, 0},
		{placed(2, line("A", 3)), event.StockReserved, 2, 3, 0},
		{event.New(event.PaymentVoided, ref(2), after(2)), event.StockReleasedVoided, 5, 0, 0},
	} {
		var changed atomic.Int32
		inParallel(t, 20, func(int) error {
			s := inventoryService(e)
			s.Changed = func(inventory.Reservation, event.Event) { changed.Add(1) }
			results, err := s.Handle(t.Context(), after(1), []event.Event{step.message, step.message})
			for _, r := range results {
				if r.Send.Type != step.send {
					err = fmt.Errorf("%s sends %q, want %q (%w)", step.message.Type, r.Send.Type, step.send, r.Dead)
				}
			}
			return err
		})
		if changed.Load() != 1 {
			t.Errorf("%s changed the reservation %d times", step.message.Type, changed.Load())
		}
		wantStock(t, e, "A", step.available, step.reserved, step.sold)
	}
}

func raceSettleRelease(t *testing.T, e *engine.Engine) {
	const orders = 20
	stockUp(t, e, "A", orders)
	for n := 1; n <= orders; n++ {
		move(t, e, hold(ref(n), line("A", 1)))
	}
	changed := make([]atomic.Bool, 2*orders)
	inParallel(t, 2*orders, func(i int) error {
		c := settle(ref(1 + i/2))
		if i%2 == 1 {
			c = release(ref(1 + i/2))
			c.From = []inventory.State{inventory.Held}
		}
		w, err := e.Inventory.Apply(t.Context(), []inventory.Change{c})
		changed[i].Store(err == nil && w[0].Changed)
		return err
	})
	var sold int64
	for n := range orders {
		settled, released := changed[2*n].Load(), changed[2*n+1].Load()
		state := reservation(t, e, ref(n+1)).State
		if settled == released || settled != (state == inventory.Settled) {
			t.Errorf("order %d: settled %t, released %t, ends %s", n+1, settled, released, state)
		}
		if settled {
			sold++
		}
	}
	wantStock(t, e, "A", orders-sold, 0, sold)
}

func raceHoldVoid(t *testing.T, e *engine.Engine) {
	const orders = 20
	stockUp(t, e, "A", orders)
	inParallel(t, 2*orders, func(i int) error {
		m := placed(1+i/2, line("A", 1))
		if i%2 == 1 {
			m = event.New(event.PaymentVoided, ref(1+i/2), after(2))
		}
		_, err := tell(t, e, m)
		return err
	})
	for _, r := range must(e.Inventory.Get(t.Context(), refs(orders)))(t) {
		if r.State != inventory.ReleasedVoided {
			t.Errorf("%s ends %s", r.OrderID, r.State)
		}
	}
	wantStock(t, e, "A", orders, 0, 0)
}

func raceCounts(t *testing.T, e *engine.Engine) {
	version := stockUp(t, e, "A", 1).Version
	var won atomic.Int32
	inParallel(t, 20, func(i int) error {
		_, err := count(t.Context(), e, inventory.Count{SKU: "A", OnHand: int64(10 + i), IfVersion: &version, At: after(1)})
		if errors.Is(err, event.Stale) {
			return nil
		}
		won.Add(1)
		return err
	})
	if won.Load() != 1 {
		t.Errorf("%d counts of one version were made", won.Load())
	}
	wantStock(t, e, "A", must(e.Inventory.Stock(t.Context(), "A"))(t).Available, 0, 0)
}
