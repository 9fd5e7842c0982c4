package audit

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"holdfast/event"
	"holdfast/order"
)

// payments looks for payments without an order.
func (a *auditor) payments(ctx context.Context) error {
	placed := orderCursor{orders: a.Orders}
	for after := int64(0); ; {
		page, err := a.Payments.Scan(ctx, after, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, p := range page {
			if err := a.placed(ctx, &placed, p.Ref, "a payment"); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Number
	}
}

// ledger looks for entries of the gateway's ledger without an order.
func (a *auditor) ledger(ctx context.Context) error {
	placed := orderCursor{orders: a.Orders}
	for after := int64(0); ; {
		page, err := a.Ledger.Scan(ctx, after, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		for i, e := range page {
			if i > 0 && page[i-1].Order == e.Order {
				continue
			}
			if err := a.placed(ctx, &placed, e.Order, "an entry in the gateway's ledger"); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Order.Number
	}
}

// placed names a record, read before, whose order the order store does not have.
func (a *auditor) placed(ctx context.Context, c *orderCursor, ref event.Ref, record string) error {
	if ok, err := c.has(ctx, ref); ok || err != nil {
		return err
	}
	o, err := a.Orders.Get(ctx, ref.OrderID)
	switch {
	case errors.Is(err, event.NotFound):
		a.report.name(breachOf(LostOrder, ref.OrderID, "there is %s of this order, number %d, but no order", record, ref.Number))
	case err != nil:
		return err
	case o.Number != ref.Number:
		a.report.name(breachOf(MixedRefs, ref.OrderID, "the order has number %d, but %s says number %d", o.Number, record, ref.Number))
	}
	return nil
}

// orderCursor looks orders up by refs that come in ascending Number, a page at a
// time. A page may be older than the ref that is looked up in it, and so miss its
// order: what it does not find is looked up by its id.
type orderCursor struct {
	orders Orders
	page   []order.Order
	last   int64 // the Number up to which page has all orders
}

func (c *orderCursor) has(ctx context.Context, ref event.Ref) (bool, error) {
	if ref.Number > c.last {
		page, err := c.orders.Scan(ctx, ref.Number-1, pageSize)
		if err != nil {
			return false, err
		}
		if c.page = page; len(page) > 0 {
			c.last = page[len(page)-1].Number
		}
	}
	at, found := slices.BinarySearchFunc(c.page, ref.Number, func(o order.Order, n int64) int { return cmp.Compare(o.Number, n) })
	return found && c.page[at].OrderID == ref.OrderID, nil
}
