package order_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"holdfast/event"
	"holdfast/order"
)

func TestAStatusHasEndedUnlessItIsOpen(t *testing.T) {
	open := []order.Status{order.Pending, order.Reserved, order.Cancelling, order.Refunding}
	if !slices.Equal(order.Open, open) || len(order.Statuses) != 9 || len(slices.Compact(slices.Sorted(slices.Values(order.Statuses)))) != 9 {
		t.Errorf("open are %v, of all %v", order.Open, order.Statuses)
	}
	for _, s := range order.Statuses {
		if s.Ended() == slices.Contains(open, s) {
			t.Errorf("%s has ended: %t", s, s.Ended())
		}
	}
}

// TestACopyOfAnOrderIsItsOwn: what becomes of one does not show in the other.
func TestACopyOfAnOrderIsItsOwn(t *testing.T) {
	s := newService()
	o := place(t, s, request(nil)).Order
	o.Short = []event.Shortfall{{SKU: "A123"}}
	c := o.Clone()
	c.Lines[0].Qty, c.Short[0].Qty, c.History[0].Reason = 7, 7, "changed"
	if o.Lines[0].Qty == 7 || o.Short[0].Qty == 7 || o.History[0].Reason != "" {
		t.Errorf("the first became %+v", o)
	}
	branch := o
	branch.Apply(order.Change{To: order.Cancelling, At: noon})
	o.Apply(order.Change{To: order.Completed, At: noon})
	if branch.History[1].Status != order.Cancelling {
		t.Errorf("one order's step is in the other's history: %v", branch.History)
	}
}

// TestWhatCannotBeIsDeadAndChangesNothing: a message that no order can meet in its
// status is never guessed at.
func TestWhatCannotBeIsDeadAndChangesNothing(t *testing.T) {
	for _, c := range []struct {
		before event.Type // what brought the order to its end
		then   event.Type
	}{
		{event.StockSettled, event.StockRejected},
		{event.StockSettled, event.StockReleasedVoided},
		{event.StockSettled, event.StockReleasedDeclined},
		{event.StockReleasedDeclined, event.StockSettled},
		{event.StockSettled, event.StockReturned},
		{event.StockRejected, event.PaymentPending},
	} {
		s := newService()
		place(t, s, request(nil))
		handle(t, s, told(s, c.before, time.Time{}))
		before := get(t, s)
		last := handle(t, s, told(s, c.then, time.Time{}))[0]
		if after := get(t, s); !errors.Is(last.Dead, event.Unreachable) || last.Send.Type != "" || after.Version() != before.Version() {
			t.Errorf("%s after %s: %+v, %v", c.then, c.before, last, after.History)
		}
	}
}

func TestTheTablesCellsCanBeNamed(t *testing.T) {
	if one := (event.CellName{Message: event.StockSettled, State: "PENDING"}); !slices.Contains(order.Cells(), one) {
		t.Errorf("%v is not among %v", one, order.Cells())
	}
}

// TestAChangeThatTeachesNothingForgetsNothing: zero values leave what is known.
func TestAChangeThatTeachesNothingForgetsNothing(t *testing.T) {
	s := newService()
	o := place(t, s, request(nil)).Order
	known := o.Clone()
	known.Short, known.Total, known.Restock = []event.Shortfall{{SKU: "A123"}}, price, true
	o = known.Clone()
	o.Apply(order.Change{To: order.Completed, At: noon})
	if !slices.Equal(o.Short, known.Short) || o.Total != known.Total || !slices.Equal(o.Lines, known.Lines) || !o.Restock {
		t.Errorf("it forgot something: %+v", o)
	}
}

// TestAHoldThatEndedBeforeItWasKnownIsAskedAboutAtOnce: what is due at the hold's end
// stays due then, though the order only now hears that it has a hold.
func TestAHoldThatEndedBeforeItWasKnownIsAskedAboutAtOnce(t *testing.T) {
	o := order.Order{Status: order.Pending, HoldUntil: noon, Due: noon, History: []order.Entry{{Status: order.Pending, At: noon}}}
	o.Apply(order.Change{To: order.Reserved, At: noon.Add(time.Second), Due: noon.Add(time.Hour)})
	if !o.Due.Equal(noon) {
		t.Errorf("due at %v, and the hold ended at %v", o.Due, noon)
	}
}
