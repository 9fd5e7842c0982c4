package sim

import (
	"errors"
	"fmt"

	"holdfast/audit"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// Breach is a promise that a world has broken, or a table that it has left.
type Breach struct {
	OrderID string `json:"order_id,omitempty"`
	Detail  string `json:"detail"`
	Kind    string `json:"-"` // Detail before its particulars are filled in
}

// String is the breach as a person reads it.
func (b Breach) String() string {
	if b.OrderID == "" {
		return "BROKEN: " + b.Detail
	}
	return fmt.Sprintf("BROKEN: order %s: %s", b.OrderID, b.Detail)
}

// breach notes the first breach; what follows it may be its consequence only.
func (w *world) breach(orderID, format string, args ...any) {
	if w.broken == nil {
		w.broken = &Breach{OrderID: orderID, Detail: fmt.Sprintf(format, args...), Kind: format}
		w.note(orderID, "BREACH", "%s", w.broken.Detail)
	}
}

// verify holds an order to the promises, after each write that concerns it.
func (w *world) verify(id string) {
	o, err := w.engine.Orders.Get(ctx, id)
	if errors.Is(err, event.NotFound) {
		return
	}
	must(err)
	w.verifyDue(o)
	refs := []event.Ref{o.Ref}
	reservations, err := w.engine.Inventory.Get(ctx, refs)
	must(err)
	payments, err := w.engine.Payments.Get(ctx, refs)
	must(err)
	entries, err := w.engine.Ledger.Get(ctx, refs)
	must(err)
	for _, b := range audit.Order(o, reservations[0], payments[0], entries[0]) {
		w.breach(id, string(b.Kind)+": %s", b.Detail)
	}
}

// verifyDue holds an order to being looked at when its hold ends, as far as the
// clocks agree on when that is.
func (w *world) verifyDue(o order.Order) {
	unpaid := o.Status == order.Pending || o.Status == order.Reserved
	if unpaid && w.setup.faults[ClockJump] == 0 && w.now.Before(o.HoldUntil) && o.Due.After(o.HoldUntil) {
		w.breach(o.OrderID, "its hold ends at %s, but nobody looks before %s", o.HoldUntil, o.Due)
	}
}

// verifyKept reads a dead letter before it is deleted, and afterwards wants it there
// still if that was another than the one given: it has died again meanwhile.
func (w *world) verifyKept(box event.DeadLetters, l event.DeadLetter) (after func()) {
	was, err := box.Get(ctx, l.ID)
	return func() {
		if _, gone := box.Get(ctx, l.ID); err == nil && gone != nil && !was.DeadAt.Equal(l.DeadAt) {
			w.breach(l.Event.OrderID, "%s has died again since it was redriven, and its letter was deleted", l.ID)
		}
	}
}

// must is for the reads of a checker, whose engine is in memory and never fails.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// verifyHold holds a reservation, just written, to the stock: what is held has the
// price of that moment, and what is refused could not be had. The latter shows only
// if nothing else was written with it.
func (w *world) verifyHold(r inventory.Reservation, alone bool) {
	if r.State != inventory.Held && !(r.State == inventory.Rejected && alone) {
		return
	}
	short, currencies, total := false, make(map[string]bool), int64(0)
	for _, l := range r.Lines {
		s, err := w.engine.Inventory.Stock(ctx, l.SKU)
		if err != nil {
			short = true
			continue
		}
		currencies[s.Price.Currency] = true
		short = short || s.Available < l.Qty
		total += l.Qty * l.UnitPrice.Amount
		if r.State == inventory.Held && l.UnitPrice != s.Price {
			w.breach(r.OrderID, "it was held at %s for %s, whose price is %s", l.UnitPrice, l.SKU, s.Price)
		}
	}
	if r.State == inventory.Held && r.Total.Amount != total {
		w.breach(r.OrderID, "it was held for %s, and its lines come to %d", r.Total, total)
	}
	if r.State == inventory.Rejected && !short && len(currencies) < 2 {
		w.breach(r.OrderID, "it was refused (%s), but there was enough of all its lines", r.Reason)
	}
}

// verifyEnd holds a world whose faults are over to its end: every order that a
// client was told of has ended as it was told, nothing is reserved or waits, and
// the audit finds nothing.
func (w *world) verifyEnd() {
	for _, id := range w.toldIDs {
		o, err := w.engine.Orders.Get(ctx, id)
		if err != nil {
			w.breach(id, "lost: %v", err)
			continue
		}
		w.told[id].end(o)
	}
	report, err := audit.Check(ctx, audit.Stores{
		Orders: w.engine.Orders, Inventory: w.engine.Inventory, Payments: w.engine.Payments, Ledger: w.engine.Ledger,
		DeadLetters: w.engine.DeadLetters,
	}, audit.Options{Drained: true})
	must(err)
	for _, b := range report.Breaches {
		w.breach(b.OrderID, string(b.Kind)+": %s", b.Detail)
	}
	w.verifyPoison()
}

// drained reports whether every order has ended and nothing is under way.
func (w *world) drained() bool {
	for _, s := range event.Services {
		if len(w.queues[s].held) > 0 {
			return false
		}
	}
	return w.open() == ""
}

// open is an order that has not ended; empty if all have.
func (w *world) open() string {
	orders, err := w.engine.Orders.Scan(ctx, 0, 1000)
	must(err)
	for _, o := range orders {
		if !o.Status.Ended() {
			return o.OrderID
		}
	}
	return ""
}

// watch reads the state in which each message will find its record.
func (w *world) watch(s event.Service, batch []event.Event) []string {
	found := make([]string, len(batch))
	refs := make([]event.Ref, len(batch))
	for i, e := range batch {
		refs[i] = e.Ref
	}
	switch s {
	case event.Order:
		for i, e := range batch {
			o, err := w.engine.Orders.Get(ctx, e.OrderID)
			if err == nil {
				found[i] = string(o.Status)
			}
		}
	case event.Inventory:
		records, err := w.engine.Inventory.Get(ctx, refs)
		must(err)
		for i, r := range records {
			found[i] = string(r.State)
		}
	case event.Payment:
		records, err := w.engine.Payments.Get(ctx, refs)
		must(err)
		for i, r := range records {
			found[i] = string(r.State)
		}
	}
	return found
}

// handled takes up what a service made of a batch: no message may ever meet a
// record in a state that its table does not know.
func (w *world) handled(p *process, s event.Service, batch []event.Event, found []string, results []event.Result) {
	for i, r := range results {
		e := batch[i]
		if errors.Is(r.Dead, event.Unreachable) {
			w.breach(e.OrderID, "%s: %s cannot be handled: %v", p.name, e.Type, r.Dead)
		}
		w.cells[cell{s, found[i], e.Type}]++
		w.handledRaces(s, e, found[i], r)
		w.charge(e, r)
	}
}

// statusOf is an order's status, for whoever watches.
func (w *world) statusOf(id string) order.Status {
	o, err := w.engine.Orders.Get(ctx, id)
	if err != nil {
		return ""
	}
	return o.Status
}
