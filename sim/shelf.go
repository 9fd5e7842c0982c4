package sim

import (
	"holdfast/event"
	"holdfast/inventory"
)

// shelf is a book of its own about the stock: what the reservations, as they were
// written one after another, must have made of it.
type shelf struct {
	held, sold map[string]int64 // by SKU
	written    map[string]inventory.Reservation
}

func newShelf() shelf {
	return shelf{held: make(map[string]int64), sold: make(map[string]int64), written: make(map[string]inventory.Reservation)}
}

// enter books a reservation as it now stands.
func (s shelf) enter(r inventory.Reservation) {
	s.add(s.written[r.OrderID], -1)
	s.add(r, 1)
	s.written[r.OrderID] = r
}

func (s shelf) add(r inventory.Reservation, sign int64) {
	for _, l := range r.Lines {
		switch {
		case r.State == inventory.Held:
			s.held[l.SKU] += sign * l.Qty
		case r.State == inventory.Settled, r.State == inventory.Returned && !r.Restocked:
			s.sold[l.SKU] += sign * l.Qty
		}
	}
}

// book enters the reservations that one write changed, and holds the stock to them.
func (w *world) book(written []event.Written[inventory.Reservation]) {
	for _, r := range written {
		if r.Changed {
			w.shelf.enter(r.Record)
		}
	}
	for _, r := range written {
		if r.Changed {
			w.verifyHold(r.Record, len(written) == 1)
			w.verifyShelf(r.Record)
		}
	}
}

// verifyShelf holds the stock of the reservation's SKUs to the book.
func (w *world) verifyShelf(r inventory.Reservation) {
	for _, l := range r.Lines {
		s, err := w.engine.Inventory.Stock(ctx, l.SKU)
		if err != nil {
			continue // refused: there is no such SKU
		}
		w.verifyCounts(inventory.Balance{Stock: s, Ledger: w.counted[l.SKU]})
	}
}

// verifyCounts holds a SKU's counts to one another, to the book and to the ledger.
func (w *world) verifyCounts(b inventory.Balance) {
	switch {
	case b.Available < 0 || b.Reserved < 0 || b.Sold < 0:
		w.breach("", "oversold: %s has %d available, %d reserved, %d sold", b.SKU, b.Available, b.Reserved, b.Sold)
	case b.Available+b.Reserved+b.Sold != b.Ledger:
		w.breach("", "%s has %d available, %d reserved, %d sold; its ledger says %d", b.SKU, b.Available, b.Reserved, b.Sold, b.Ledger)
	case b.Reserved != w.shelf.held[b.SKU] || b.Sold != w.shelf.sold[b.SKU]:
		w.breach("", "%s has %d reserved and %d sold; its reservations say %d and %d", b.SKU, b.Reserved, b.Sold, w.shelf.held[b.SKU], w.shelf.sold[b.SKU])
	}
}

// verifyStock holds every SKU to its reservations and its ledger, after a count or
// an adjustment.
func (w *world) verifyStock() {
	balances, err := w.engine.Inventory.Snapshot(ctx, func(inventory.Reservation) error { return nil })
	must(err)
	for _, b := range balances {
		w.counted[b.SKU] = b.Ledger
		w.verifyCounts(b)
	}
}
