package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"holdfast/event"
	"holdfast/inventory"
)

// stock is inventory.Store.
type stock struct{ *core }

func (s stock) Apply(ctx context.Context, changes []inventory.Change) ([]event.Written[inventory.Reservation], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	written := make([]event.Written[inventory.Reservation], len(changes))
	err := s.write(func() {
		for i, c := range changes {
			written[i] = s.apply(c)
		}
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

func (s stock) apply(c inventory.Change) event.Written[inventory.Reservation] {
	r := s.Reservations[c.OrderID].Clone()
	if !slices.Contains(c.From, r.State) {
		return event.Written[inventory.Reservation]{Record: r}
	}
	rows := make(map[string]*inventory.Stock, len(c.Lines))
	r.Apply(c, func(sku string) *inventory.Stock {
		if row, ok := s.core.Stock[sku]; ok && rows[sku] == nil {
			rows[sku] = &row
		}
		return rows[sku]
	})
	for sku, row := range rows {
		s.core.Stock[sku] = *row
	}
	stored := r.Clone()
	stored.Left = nil
	s.Reservations[c.OrderID] = stored
	return event.Written[inventory.Reservation]{Record: r, Changed: true}
}

func (s stock) Get(ctx context.Context, refs []event.Ref) ([]inventory.Reservation, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := make([]inventory.Reservation, len(refs))
	s.read(func() {
		for i, ref := range refs {
			found[i] = s.Reservations[ref.OrderID].Clone()
		}
	})
	return found, nil
}

func (s stock) Count(ctx context.Context, counts []inventory.Count) ([]inventory.Counted, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	counted := make([]inventory.Counted, len(counts))
	err := s.write(func() {
		for i, c := range counts {
			counted[i] = s.count(c)
		}
	})
	if err != nil {
		return nil, err
	}
	return counted, nil
}

func (s stock) count(c inventory.Count) inventory.Counted {
	var old *inventory.Stock
	if found, ok := s.core.Stock[c.SKU]; ok {
		old = &found
	}
	row, entry, err := c.Apply(old)
	if err == nil {
		s.core.Stock[c.SKU] = row
		s.StockLedger[c.SKU] = append(s.StockLedger[c.SKU], entry)
	}
	return inventory.Counted{Stock: row, Err: err}
}

func (s stock) Adjust(ctx context.Context, adjustments []inventory.Adjustment) ([]inventory.Adjusted, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	adjusted := make([]inventory.Adjusted, len(adjustments))
	err := s.write(func() {
		for i, a := range adjustments {
			adjusted[i] = s.adjust(a)
		}
	})
	if err != nil {
		return nil, err
	}
	return adjusted, nil
}

func (s stock) adjust(a inventory.Adjustment) (done inventory.Adjusted) {
	for _, rows := range s.StockLedger {
		if i := slices.IndexFunc(rows, func(row inventory.LedgerRow) bool { return row.AdjustmentID == a.ID }); i >= 0 {
			done.Row, done.Err = a.Replay(rows[i])
			return done
		}
	}
	var old *inventory.Stock
	if found, ok := s.core.Stock[a.SKU]; ok {
		old = &found
	}
	row, entry, err := a.Apply(old)
	if err == nil {
		s.core.Stock[a.SKU] = row
		s.StockLedger[a.SKU] = append(s.StockLedger[a.SKU], entry)
	}
	return inventory.Adjusted{Row: entry, Err: err}
}

func (s stock) Stock(ctx context.Context, sku string) (row inventory.Stock, err error) {
	if err := ctx.Err(); err != nil {
		return inventory.Stock{}, err
	}
	s.read(func() {
		var ok bool
		if row, ok = s.core.Stock[sku]; !ok {
			err = event.Errorf(event.NotFound, "no SKU %q", sku)
		}
	})
	return row, err
}

func (s stock) List(ctx context.Context, after string, limit int) (page []inventory.Stock, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read(func() {
		for _, sku := range slices.Sorted(maps.Keys(s.core.Stock)) {
			if sku > after && len(page) < limit {
				page = append(page, s.core.Stock[sku])
			}
		}
	})
	return page, nil
}

// Ledger's cursor is the place of the last row on the page, counted from 1.
func (s stock) Ledger(ctx context.Context, q inventory.LedgerQuery) (page inventory.LedgerPage, err error) {
	if err := ctx.Err(); err != nil {
		return inventory.LedgerPage{}, err
	}
	s.read(func() {
		rows := s.StockLedger[q.SKU]
		var end int
		if end, err = placeBefore(q.Cursor, len(rows)); err != nil {
			return
		}
		begin := max(end-q.Limit, 0)
		if page.Rows = slices.Clone(rows[begin:end]); begin > 0 {
			page.Next = strconv.Itoa(begin + 1)
		}
	})
	slices.Reverse(page.Rows)
	return page, err
}

func (s stock) Snapshot(ctx context.Context, each func(inventory.Reservation) error) ([]inventory.Balance, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var reservations []inventory.Reservation
	var balances []inventory.Balance
	s.read(func() {
		for _, r := range s.Reservations {
			reservations = append(reservations, r.Clone())
		}
		for _, sku := range slices.Sorted(maps.Keys(s.core.Stock)) {
			b := inventory.Balance{Stock: s.core.Stock[sku]}
			for _, row := range s.StockLedger[sku] {
				b.Ledger += row.Delta
			}
			balances = append(balances, b)
		}
	})
	slices.SortFunc(reservations, func(a, b inventory.Reservation) int { return cmp.Compare(a.Number, b.Number) })
	for _, r := range reservations {
		if err := each(r); err != nil {
			return nil, err
		}
	}
	return balances, nil
}

func (s stock) Low(ctx context.Context, atMost int64, limit int) (low []inventory.Stock, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read(func() {
		for _, row := range s.core.Stock {
			if row.Available <= atMost {
				low = append(low, row)
			}
		}
	})
	slices.SortFunc(low, inventory.FewestFirst)
	return low[:min(limit, len(low))], nil
}
