package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// records are what inventory, payment and the gateway have of one order.
type records struct {
	reservation inventory.Reservation
	payment     payment.Payment
	entries     []simulated.Entry
}

// maxChanges bounds how often an order changes after it was placed: PENDING,
// RESERVED, COMPLETED, REFUNDING, REFUNDED is the longest history.
const maxChanges = 4

// orders judges every order by its records, and how many the store says there are.
func (a *auditor) orders(ctx context.Context) error {
	before, err := a.Orders.Tally(ctx)
	if err != nil {
		return err
	}
	if err := a.eachOrder(ctx); err != nil {
		return err
	}
	after, err := a.Orders.Tally(ctx)
	if err == nil && maps.Equal(before.ByStatus, after.ByStatus) {
		a.tally(after)
	}
	return err
}

// tally names what differs between the store's count, where it keeps one, and the
// orders that were read.
func (a *auditor) tally(t order.Tally) {
	if t.ByStatus == nil {
		return
	}
	differs := func(what string, counted, found int) {
		if counted != found {
			a.report.name(Breach{Kind: TallyDiffers, Detail: fmt.Sprintf("the order store counts %d %s, and there are %d", counted, what, found)})
		}
	}
	for _, s := range order.Statuses {
		differs(string(s), t.ByStatus[s], a.report.ByStatus[s])
	}
	differs("open", t.Open, a.report.Open)
}

func (a *auditor) eachOrder(ctx context.Context) error {
	for after := int64(0); ; {
		page, err := a.Orders.Scan(ctx, after, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := a.page(ctx, page); err != nil {
			return err
		}
		after = page[len(page)-1].Number
	}
}

func (a *auditor) page(ctx context.Context, page []order.Order) error {
	refs := make([]event.Ref, len(page))
	for i, o := range page {
		refs[i] = o.Ref
	}
	found, err := a.read(ctx, refs)
	if err != nil {
		return err
	}
	for i, o := range page {
		a.report.count(o)
		if len(a.judge(o, found[i], found[i])) == 0 {
			continue
		}
		if err := a.suspect(ctx, o.Ref); err != nil {
			return err
		}
	}
	return nil
}

// read reads the orders' records in the sequence of outcomes.
func (a *auditor) read(ctx context.Context, refs []event.Ref) ([]records, error) {
	reservations, err := a.Inventory.Get(ctx, refs)
	if err != nil {
		return nil, err
	}
	payments, err := a.Payments.Get(ctx, refs)
	if err != nil {
		return nil, err
	}
	entries, err := a.Ledger.Get(ctx, refs)
	if err != nil {
		return nil, err
	}
	found := make([]records, len(refs))
	for i := range refs {
		found[i] = records{reservations[i], payments[i], entries[i]}
	}
	return found, nil
}

// suspect reads an order and its records again, until it has a reading during
// which the order stood still, and names what is wrong in that.
func (a *auditor) suspect(ctx context.Context, ref event.Ref) error {
	for changes := 0; ; changes++ {
		r, err := a.reread(ctx, ref)
		switch {
		case errors.Is(err, event.NotFound):
			a.report.name(breachOf(MixedRefs, ref.OrderID, "order %d is listed under this id, but cannot be found by it", ref.Number))
			return nil
		case err != nil:
			return err
		case r.before.Ref != ref:
			a.report.name(breachOf(MixedRefs, ref.OrderID, "order %d is listed under this id, which finds order %d", ref.Number, r.before.Number))
			return nil
		// Past maxChanges only a broken store can still change the order.
		case r.stoodStill(), changes == maxChanges:
			a.report.name(a.judge(r.before, r.down, r.up)...)
			return nil
		}
	}
}

// reading is a suspect read alone: the order, its records down in the sequence of
// outcomes, up in that of origins, and the order again.
type reading struct {
	before   order.Order
	down, up records
	after    order.Order
}

func (r *reading) stoodStill() bool {
	return r.before.Status == r.after.Status && r.before.Version() == r.after.Version()
}

func (a *auditor) reread(ctx context.Context, ref event.Ref) (reading, error) {
	refs := []event.Ref{ref}
	before, err := a.Orders.Get(ctx, ref.OrderID)
	if err != nil {
		return reading{}, err
	}
	down, err := a.read(ctx, refs)
	if err != nil {
		return reading{}, err
	}
	payments, err := a.Payments.Get(ctx, refs)
	if err != nil {
		return reading{}, err
	}
	reservations, err := a.Inventory.Get(ctx, refs)
	if err != nil {
		return reading{}, err
	}
	after, err := a.Orders.Get(ctx, ref.OrderID)
	up := records{reservations[0], payments[0], down[0].entries}
	return reading{before, down[0], up, after}, err
}

// judge names what is wrong with an order, by its records as read down, in the
// sequence of outcomes, and up, in that of origins. Where the promises are broken
// it does not go into what else would have to be different.
func (a *auditor) judge(o order.Order, down, up records) []Breach {
	if mixed := mixedRefs(o, down); len(mixed) > 0 {
		return mixed
	}
	breaches := own(o)
	if a.drained && !o.Status.Ended() {
		breaches = append(breaches, breachOf(OrderOpen, o.OrderID, "the order is %s and has not ended", o.Status))
	}
	broken := outcome(o, down)
	if len(broken) == 0 {
		broken = agreement(o.OrderID, down)
	}
	if len(broken) == 0 {
		broken = origins(o.OrderID, up)
	}
	if len(broken) == 0 {
		broken = amounts(o, down)
	}
	return append(breaches, broken...)
}

// Order judges one order by its records, all read at one instant: every breach but
// those of the stock shows in them.
func Order(o order.Order, r inventory.Reservation, p payment.Payment, entries []simulated.Entry) []Breach {
	found := records{r, p, entries}
	return new(auditor).judge(o, found, found)
}
