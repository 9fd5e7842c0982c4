package audit

import (
	"fmt"
	"slices"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

func breachOf(kind Kind, orderID, format string, args ...any) Breach {
	return Breach{Kind: kind, OrderID: orderID, Detail: fmt.Sprintf(format, args...)}
}

// mixedRefs finds records that carry another id or number than the order that
// they were found by.
func mixedRefs(o order.Order, r records) (breaches []Breach) {
	check := func(record string, missing bool, ref event.Ref) {
		if !missing && ref != o.Ref {
			breaches = append(breaches, breachOf(MixedRefs, o.OrderID, "the order has number %d, but %s says order %q, number %d", o.Number, record, ref.OrderID, ref.Number))
		}
	}
	check("its reservation", r.reservation.State == inventory.None, r.reservation.Ref)
	check("its payment", r.payment.State == payment.None, r.payment.Ref)
	for _, e := range r.entries {
		check("the gateway's entry "+e.Key, false, e.Order)
	}
	return breaches
}

// own finds what is wrong with an order by itself.
func own(o order.Order) (breaches []Breach) {
	if fault := historyFault(o); fault != "" {
		breaches = append(breaches, breachOf(BrokenHistory, o.OrderID, "%s", fault))
	}
	if o.Status.Ended() != o.Due.IsZero() {
		breaches = append(breaches, breachOf(WrongDue, o.OrderID, "the order is %s, but its due time is %v", o.Status, o.Due))
	}
	return breaches
}

// historyFault says what no sequence of changes can have written; empty if all is well.
func historyFault(o order.Order) string {
	var last order.Entry
	for _, e := range o.History {
		if !slices.Contains(next[last.Status], e.Status) {
			return fmt.Sprintf("the history goes from %q to %q", last.Status, e.Status)
		}
		if e.At.Before(last.At) {
			return fmt.Sprintf("the history goes back in time at %s", e.Status)
		}
		last = e
	}
	if len(o.History) == 0 || last.Status != o.Status {
		return fmt.Sprintf("the order is %s, but its history ends with %q", o.Status, last.Status)
	}
	return ""
}

// outcome finds where the records are not what the order's status promises.
func outcome(o order.Order, r records) (breaches []Breach) {
	want, ok := rows[o.Status]
	if !ok {
		return nil // own has named it
	}
	if got := r.reservation.State; !slices.Contains(want.reservation, got) {
		breaches = append(breaches, breachOf(want.stockKind(got), o.OrderID, "the order is %s, but its reservation is %s", o.Status, known(got)))
	} else if o.Status == order.Refunded && r.reservation.Restocked != o.Restock {
		breaches = append(breaches, breachOf(want.stock, o.OrderID, "the refund says restock=%t, but its reservation restocked=%t", o.Restock, r.reservation.Restocked))
	}
	if got := r.payment.State; !slices.Contains(want.payment, got) {
		breaches = append(breaches, breachOf(PaymentDiffers, o.OrderID, "the order is %s, but its payment is %s", o.Status, known(got)))
	}
	got, net := tally(r.entries)
	if !slices.Contains(want.moved, got) || o.Status.Ended() && o.Status != order.Completed && net != 0 {
		breaches = append(breaches, breachOf(want.chargeKind(got, net), o.OrderID, "the order is %s, but the gateway has %s", o.Status, describe(r.entries)))
	}
	return breaches
}

func (w row) stockKind(got inventory.State) Kind {
	if w.stock == StockNotReleased && got != inventory.Held && got != inventory.Settled {
		return ReservationDiffers
	}
	return w.stock
}

func (w row) chargeKind(got moved, net int64) Kind {
	switch {
	case w.charge == NotCapturedOnce:
		return NotCapturedOnce
	case got.captures > 1:
		return CapturedTwice
	case w.charge == NetCharge && net == 0:
		return GatewayDiffers
	}
	return w.charge
}

// tally counts what the ledger says has moved, and adds it up.
func tally(entries []simulated.Entry) (m moved, net int64) {
	for _, e := range entries {
		switch e.State {
		case simulated.Captured:
			m.captures++
			net += e.Amount.Amount
		case simulated.Refunded:
			m.refunds++
			net -= e.Amount.Amount
		}
	}
	return m, net
}

// agreement finds records that contradict the one on their right.
func agreement(orderID string, r records) (breaches []Breach) {
	if want, ok := paid[r.reservation.State]; ok && !slices.Contains(want, r.payment.State) {
		breaches = append(breaches, breachOf(PaymentDiffers, orderID, "the reservation is %s, but the payment is %s", r.reservation.State, known(r.payment.State)))
	}
	got, _ := tally(r.entries)
	if want, ok := booked[r.payment.State]; ok && !slices.Contains(want, got) {
		breaches = append(breaches, breachOf(GatewayDiffers, orderID, "the payment is %s, but the gateway has %s", r.payment.State, describe(r.entries)))
	}
	for _, e := range r.entries {
		if e.State != simulated.Refunded && e.Key != payment.ChargeKey(orderID) || e.State == simulated.Refunded && e.Key != payment.RefundKey(orderID) {
			breaches = append(breaches, breachOf(GatewayDiffers, orderID, "the gateway has an entry %s under the key %q, which is not the order's for that", e.State, e.Key))
		}
	}
	return breaches
}

// origins finds records without the one on their left that must come before
// them. A payment without an amount is a tombstone: nothing was ever charged.
func origins(orderID string, r records) (breaches []Breach) {
	charged := !r.payment.Amount.IsZero()
	if charged && r.reservation.HeldAt.IsZero() {
		breaches = append(breaches, breachOf(PaymentDiffers, orderID, "the payment is %s, but no stock was ever held", r.payment.State))
	}
	if len(r.entries) > 0 && !charged {
		breaches = append(breaches, breachOf(GatewayDiffers, orderID, "the gateway has %s, but the payment never began a charge", describe(r.entries)))
	}
	return breaches
}

// amounts finds where lines, reservation, order, payment and gateway disagree. A
// record that was not there yet when it was read says nothing.
func amounts(o order.Order, r records) (breaches []Breach) {
	wrong := func(what string, got, want event.Money) {
		if got != want {
			breaches = append(breaches, breachOf(WrongAmount, o.OrderID, "%s is %s, not %s", what, got, want))
		}
	}
	held := r.reservation
	if !held.HeldAt.IsZero() {
		if !slices.EqualFunc(o.Lines, held.Lines, sameUnits) {
			breaches = append(breaches, breachOf(ReservationDiffers, o.OrderID, "the order's lines are not those of its reservation"))
		}
		sum, _ := event.Total(held.Lines)
		wrong("the reservation's total", held.Total, sum)
		if !r.payment.Amount.IsZero() {
			wrong("the payment's amount", r.payment.Amount, held.Total)
		}
	}
	if o.Status.Ended() || !o.Total.IsZero() {
		wrong("the order's total", o.Total, held.Total)
	}
	for _, e := range r.entries {
		if !r.payment.Amount.IsZero() && (e.State == simulated.Captured || e.State == simulated.Refunded) {
			wrong(fmt.Sprintf("what the gateway %s", e.State), e.Amount, r.payment.Amount)
		}
	}
	return breaches
}

func sameUnits(a, b event.Line) bool { return a.SKU == b.SKU && a.Qty == b.Qty }

// known is a state for a person: of a missing record the state is empty.
func known[S ~string](s S) string {
	if s == "" {
		return "missing"
	}
	return string(s)
}

// describe tells what the ledger has of an order.
func describe(entries []simulated.Entry) string {
	if len(entries) == 0 {
		return "no entry of it"
	}
	text := ""
	for i, e := range entries {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s: %s", e.Key, e.State)
		if !e.Amount.IsZero() {
			text += " " + e.Amount.String()
		}
	}
	return text
}
