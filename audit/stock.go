package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"holdfast/inventory"
)

// units is what the reservations of a SKU add up to.
type units struct{ reserved, sold int64 }

// stock judges each SKU's counts by its reservations and its ledger, and looks
// for reservations without an order.
func (a *auditor) stock(ctx context.Context) error {
	placed := orderCursor{orders: a.Orders}
	sums := make(map[string]units)
	balances, err := a.Inventory.Snapshot(ctx, func(r inventory.Reservation) error {
		addUp(sums, r)
		return a.placed(ctx, &placed, r.Ref, "a reservation")
	})
	if err != nil {
		return err
	}
	for _, b := range balances {
		a.balance(b, sums[b.SKU])
		delete(sums, b.SKU)
	}
	for _, sku := range slices.Sorted(maps.Keys(sums)) {
		a.balance(inventory.Balance{Stock: inventory.Stock{SKU: sku}}, sums[sku])
	}
	return nil
}

// addUp adds the units that a reservation keeps from sale.
func addUp(sums map[string]units, r inventory.Reservation) {
	held := r.State == inventory.Held
	sold := r.State == inventory.Settled || r.State == inventory.Returned && !r.Restocked
	if !held && !sold {
		return
	}
	for _, l := range r.Lines {
		u := sums[l.SKU]
		if held {
			u.reserved += l.Qty
		} else {
			u.sold += l.Qty
		}
		sums[l.SKU] = u
	}
}

// balance judges one SKU.
func (a *auditor) balance(b inventory.Balance, sum units) {
	breach := func(kind Kind, format string, args ...any) {
		a.report.name(Breach{Kind: kind, SKU: b.SKU, Detail: fmt.Sprintf(format, args...)})
	}
	a.report.Reserved += b.Reserved
	if b.Available < 0 {
		breach(Oversold, "available is %d", b.Available)
	}
	if b.Reserved < 0 || b.Sold < 0 {
		breach(NegativeCount, "reserved is %d, sold is %d", b.Reserved, b.Sold)
	}
	if a.drained && b.Reserved != 0 {
		breach(UnitsReserved, "%d units are reserved", b.Reserved)
	}
	if b.Moved {
		a.report.Moved++
		return
	}
	if b.Reserved != sum.reserved || b.Sold != sum.sold {
		breach(StockDiffers, "reserved is %d and sold is %d, but the reservations add up to %d and %d", b.Reserved, b.Sold, sum.reserved, sum.sold)
	}
	if counted := b.Available + b.Reserved + b.Sold; counted != b.Ledger {
		breach(LedgerDiffers, "available %d + reserved %d + sold %d = %d, but the stock ledger's sum is %d", b.Available, b.Reserved, b.Sold, counted, b.Ledger)
	}
}
