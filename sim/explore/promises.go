package explore

import (
	"slices"

	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// view is what the stores and the books hold of an order, side by side, as an
// audit sees it.
type view struct {
	order    order.Order
	held     inventory.Reservation
	all      []inventory.Reservation // of the unit, the rival's too
	stock    inventory.Balance
	payment  payment.Payment
	charged  bool // now
	captured bool // ever
}

func (x *explorer) view(r records) view {
	l, stock := x.lanes[r.lane], x.stock.stores[r.stock]
	return view{
		order: orderOf(l.order.stores[r.order], l.ref.OrderID), payment: paymentOf(l.payment.stores[r.payment], l.ref.OrderID),
		held: reservationOf(stock, l.ref.OrderID), all: []inventory.Reservation{reservationOf(stock, ids[0]), reservationOf(stock, ids[1])},
		stock: balanceOf(stock), charged: r.books.kept(), captured: r.books.charge == captured,
	}
}

// verdict is a promise that is broken, and what led there from the state that was
// judged; the zero one: all hold.
type verdict struct {
	what  string
	lines []string
}

// judge says which promise the world breaks, or will break if faults are over now.
// What is under way does not matter to it: what that may yet do is other worlds.
func (x *explorer) judge(w world) verdict {
	for lane := range x.lanes {
		r := w.records(lane)
		v, known := x.judged[r]
		if !known {
			if v.what = x.view(r).broken(); v.what == "" {
				v = x.endless(w, lane)
			}
			x.judged[r] = v
		}
		if v.what != "" {
			return v
		}
	}
	return verdict{}
}

// promise is what holds in every state; the name says it.
type promise struct {
	name  string
	holds func(v view) bool
}

func (v view) broken() string {
	for _, p := range promises {
		if !p.holds(v) {
			return "broken: " + p.name
		}
	}
	return ""
}

var promises = []promise{
	{"no count of stock falls below zero", func(v view) bool {
		return v.stock.Available >= 0 && v.stock.Reserved >= 0 && v.stock.Sold >= 0
	}},
	{"every unit is where the reservations say", func(v view) bool {
		var reserved, sold int64
		for _, r := range v.all {
			if r.State == inventory.Held {
				reserved++
			}
			if r.State == inventory.Settled || r.State == inventory.Returned && !r.Restocked {
				sold++
			}
		}
		return v.stock.Reserved == reserved && v.stock.Sold == sold && v.stock.Available+reserved+sold == v.stock.Ledger
	}},
	{"COMPLETED is captured, sold and priced", func(v view) bool {
		return v.order.Status != order.Completed ||
			v.charged && v.held.State == inventory.Settled && v.payment.State == payment.Captured && v.order.Total == price
	}},
	{"REFUNDING was captured and sold", func(v view) bool {
		return v.order.Status != order.Refunding ||
			v.captured && v.paid(payment.Captured, payment.Refunding, payment.Refunded) && v.shelved(inventory.Settled, inventory.Returned)
	}},
	{"REFUNDED has given back what was captured, and the unit as was asked", func(v view) bool {
		return v.order.Status != order.Refunded ||
			v.captured && !v.charged && v.paid(payment.Refunded) && v.shelved(inventory.Returned)
	}},
	{"a unit is returned as the accepted refund says", func(v view) bool {
		return !v.shelved(inventory.Returned) || v.held.Restocked == v.order.Restock
	}},
	{"FAILED_NO_STOCK was never held and never charged", func(v view) bool {
		return v.order.Status != order.FailedNoStock ||
			!v.captured && v.paid(payment.None, payment.Voided) && v.shelved(inventory.Rejected)
	}},
	{"PAYMENT_FAILED was never charged and is released", func(v view) bool {
		return v.order.Status != order.PaymentFailed ||
			!v.captured && v.paid(payment.Declined) && v.shelved(inventory.ReleasedDeclined)
	}},
	{"CANCELLED is not charged and holds nothing", func(v view) bool {
		return v.order.Status != order.Cancelled ||
			!v.charged && v.paid(payment.Declined, payment.Voided) &&
				v.shelved(inventory.ReleasedDeclined, inventory.ReleasedVoided, inventory.Rejected)
	}},
	{"nothing is charged for a unit that is not held, settled or sold", func(v view) bool {
		return !v.charged || v.shelved(inventory.Held, inventory.Settled)
	}},
	{"a settled unit was captured", func(v view) bool {
		return !v.shelved(inventory.Settled) || v.captured
	}},
	{"payment's last word is the processor's", func(v view) bool {
		switch v.payment.State {
		case payment.Captured:
			return v.charged
		case payment.Declined:
			return !v.captured
		case payment.Voided, payment.Refunded:
			return !v.charged
		}
		return true
	}},
}

func (v view) paid(states ...payment.State) bool { return slices.Contains(states, v.payment.State) }

func (v view) shelved(states ...inventory.State) bool { return slices.Contains(states, v.held.State) }
