package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"holdfast/event"
	"holdfast/inventory"
)

// stockMachine plays inventory.Store.
type stockMachine struct{ *match }

// newStockMachine has some SKUs counted before anything else, so that holds find
// what they ask for.
func newStockMachine(t *rapid.T, m *match) machine {
	var counts []inventory.Count
	for _, sku := range rapid.Permutation(drawnSKUs).Draw(t, "skus")[:5] {
		counts = append(counts, inventory.Count{SKU: sku, OnHand: 8, Price: price, At: start})
	}
	for _, s := range []*side{m.want, m.got} {
		if _, err := s.Inventory.Count(t.Context(), counts); err != nil {
			t.Fatal(err)
		}
	}
	return &stockMachine{m}
}

func (m *stockMachine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"Apply": m.apply, "Apply again": m.apply, "Apply once more": m.apply, "Count": m.count, "Adjust": m.adjust,
		"Get": m.get, "Stock": m.stock, "List": m.list, "Low": m.low, "Ledger": m.ledger,
	}
}

func (m *stockMachine) state(ctx context.Context, s *side) ([]any, error) {
	var reservations []inventory.Reservation
	balances, err := s.Inventory.Snapshot(ctx, func(r inventory.Reservation) error {
		reservations = append(reservations, r)
		return nil
	})
	for i, b := range balances {
		balances[i].Version = 0
		if b.Available < 0 || b.Reserved < 0 || b.Sold < 0 || b.Ledger != b.Available+b.Reserved+b.Sold {
			err = cmp.Or(err, fmt.Errorf("no stock can be %+v", b))
		}
	}
	var ledgers []inventory.LedgerRow
	for _, sku := range drawnSKUs {
		rows, errRows := s.ledger(ctx, sku, 1000)
		ledgers, err = append(ledgers, rows...), cmp.Or(err, errRows)
	}
	return []any{reservations, balances, ledgers}, err
}

// moves are the changes that the decision table asks for, and a mere reading.
var moves = rapid.SampledFrom([]inventory.Change{
	{From: []inventory.State{inventory.None}, To: inventory.Held},
	{From: []inventory.State{inventory.None}, To: inventory.Held},
	{From: []inventory.State{inventory.None}, To: inventory.Held},
	{From: []inventory.State{inventory.Held}, To: inventory.Settled},
	{From: []inventory.State{inventory.Held}, To: inventory.ReleasedDeclined},
	{From: []inventory.State{inventory.Held, inventory.Settled}, To: inventory.ReleasedVoided},
	{From: []inventory.State{inventory.Held}, To: inventory.ReleasedVoided},
	{From: []inventory.State{inventory.None}, To: inventory.ReleasedVoided},
	{From: []inventory.State{inventory.Settled}, To: inventory.Returned},
	{From: []inventory.State{inventory.Settled}, To: inventory.Returned, Restock: true},
	{},
})

func (m *stockMachine) apply(t *rapid.T) {
	at := moments.Draw(t, "at")
	batch := drawBatch(t, func(t *rapid.T) inventory.Change {
		c := moves.Draw(t, "move")
		c.Ref, c.At = drawnRefs.Draw(t, "of"), at
		if c.To == inventory.Held {
			c.Lines = drawLines(t)
		}
		return c
	})
	var wanted []event.Written[inventory.Reservation]
	m.write(t, "Apply", len(batch), func(ctx context.Context, s *side) (any, error) {
		written, err := s.Inventory.Apply(ctx, batch)
		if s == m.want {
			wanted = slices.Clone(written)
		}
		for i := range written {
			// What is left is told where the engine can tell.
			if r := &written[i].Record; r.Left == nil || i < len(wanted) && slices.Equal(r.Left, wanted[i].Record.Left) {
				r.Left = nil
			}
		}
		return written, err
	})
}

// counted is what two engines must agree on of a Counted or an Adjusted.
type counted struct {
	Stock inventory.Stock
	Row   inventory.LedgerRow
	Code  string
}

// plainStock is a row without its Version, if that has risen where the row is not
// as it was last seen, and has not fallen.
func (s *side) plainStock(row inventory.Stock) inventory.Stock {
	plain := row
	plain.Version = 0
	last, lastVersion := s.rows[row.SKU], s.versions[row.SKU]
	if row.Version < lastVersion || row.Version == lastVersion && plain != last {
		return row
	}
	s.rows[row.SKU], s.versions[row.SKU] = plain, row.Version
	return plain
}

// drawnCount is a count that wants any version, the one that there is, another
// one, or that there is none.
type drawnCount struct {
	inventory.Count
	Version string
}

func drawCount(t *rapid.T) drawnCount {
	c := inventory.Count{SKU: rapid.SampledFrom(drawnSKUs[:7]).Draw(t, "sku"), OnHand: rapid.Int64Range(0, 12).Draw(t, "on hand")}
	if rapid.IntRange(0, 3).Draw(t, "price") > 0 {
		c.Price = prices.Draw(t, "of")
	}
	return drawnCount{c, rapid.SampledFrom([]string{"any", "any", "none", "this", "another"}).Draw(t, "if version")}
}

func (m *stockMachine) count(t *rapid.T) {
	at, batch := moments.Draw(t, "at"), drawBatch(t, drawCount)
	m.write(t, "Count", len(batch), func(ctx context.Context, s *side) (any, error) {
		counts := make([]inventory.Count, len(batch))
		for i, c := range batch {
			c.At, c.IfVersion = at, s.version(ctx, c.SKU, c.Version)
			counts[i] = c.Count
		}
		made, err := s.Inventory.Count(ctx, counts)
		answers := make([]counted, len(made))
		for i, c := range made {
			answers[i] = counted{Stock: s.plainStock(c.Stock), Code: codeOf(c.Err)}
		}
		return answers, err
	})
}

// version is what a count asks the row's to be.
func (s *side) version(ctx context.Context, sku, wanted string) *int64 {
	row, err := s.Inventory.Stock(ctx, sku)
	switch {
	case wanted == "any":
		return nil
	case wanted == "none" || err != nil:
		return new(int64)
	case wanted == "another":
		row.Version++
	}
	return &row.Version
}

func (m *stockMachine) adjust(t *rapid.T) {
	at := moments.Draw(t, "at")
	batch := drawBatch(t, func(t *rapid.T) inventory.Adjustment {
		delta := rapid.SampledFrom([]int64{1, -1, 2, -2, 5, -5, inventory.MaxOnHand, -inventory.MaxOnHand}).Draw(t, "delta")
		return inventory.Adjustment{
			ID: fmt.Sprint("adj-", rapid.IntRange(1, 12).Draw(t, "id")), SKU: rapid.SampledFrom(drawnSKUs).Draw(t, "sku"), Delta: delta, Reason: "é", At: at,
		}
	})
	m.write(t, "Adjust", len(batch), func(ctx context.Context, s *side) (any, error) {
		made, err := s.Inventory.Adjust(ctx, batch)
		answers := make([]counted, len(made))
		for i, a := range made {
			answers[i] = counted{Row: a.Row, Code: codeOf(a.Err)}
		}
		return answers, err
	})
}

func (m *stockMachine) get(t *rapid.T) {
	refs := rapid.SliceOfN(drawnRefs, 0, 4).Draw(t, "orders")
	m.ask(t, "Get", func(ctx context.Context, s *side) (any, error) { return s.Inventory.Get(ctx, refs) })
}

func (m *stockMachine) stock(t *rapid.T) {
	sku := rapid.SampledFrom(drawnSKUs).Draw(t, "sku")
	m.ask(t, "Stock", func(ctx context.Context, s *side) (any, error) {
		row, err := s.Inventory.Stock(ctx, sku)
		return s.plainStock(row), err
	})
}

func (m *stockMachine) list(t *rapid.T) {
	after, limit := rapid.SampledFrom(append([]string{"", "A0", "Z"}, drawnSKUs...)).Draw(t, "after"), limits.Draw(t, "limit")
	m.ask(t, "List", func(ctx context.Context, s *side) (any, error) {
		rows, err := s.Inventory.List(ctx, after, limit)
		for i := range rows {
			rows[i] = s.plainStock(rows[i])
		}
		return rows, err
	})
}

func (m *stockMachine) low(t *rapid.T) {
	atMost, limit := rapid.SampledFrom([]int64{0, 3, 10, 11, inventory.MaxOnHand}).Draw(t, "at most"), limits.Draw(t, "limit")
	m.ask(t, "Low", func(ctx context.Context, s *side) (any, error) {
		rows, err := s.Inventory.Low(ctx, atMost, limit)
		for i := range rows {
			rows[i] = s.plainStock(rows[i])
		}
		return rows, err
	})
}

func (m *stockMachine) ledger(t *rapid.T) {
	sku, limit := rapid.SampledFrom(drawnSKUs).Draw(t, "sku"), limits.Draw(t, "limit")
	m.ask(t, "Ledger", func(ctx context.Context, s *side) (any, error) { return s.ledger(ctx, sku, limit) })
}

// ledger are all rows of a SKU's ledger, read in pages.
func (s *side) ledger(ctx context.Context, sku string, limit int) (all []inventory.LedgerRow, err error) {
	for q := (inventory.LedgerQuery{SKU: sku, Limit: limit}); ; {
		page, err := s.Inventory.Ledger(ctx, q)
		if err != nil || len(page.Rows) > limit || page.Next == q.Cursor && q.Cursor != "" {
			return nil, errors.Join(err, event.Errorf(event.Invalid, "a page of %d rows, the next at %q", len(page.Rows), page.Next))
		}
		if all, q.Cursor = append(all, page.Rows...), page.Next; page.Next == "" {
			return all, nil
		}
	}
}
