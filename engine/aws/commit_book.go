package aws

import (
	"context"
	"maps"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"holdfast/inventory"
)

// maxBooked is how many entries one transaction adds to the stock ledger: an
// adjustment may write three items.
const maxBooked = maxActions / 3

// booking is a transaction that adds entries to the stock ledger.
type booking struct{ entries []*entry }

// entry is a count or an adjustment on its way.
type entry struct {
	sku string
	id  string // of an adjustment
	// apply makes the entry of the SKU's row, as Count.Apply and Adjustment.Apply do.
	apply func(old *inventory.Stock) (inventory.Stock, inventory.LedgerRow, error)
	// replay answers an adjustment that the ledger has.
	replay func(inventory.LedgerRow) (inventory.LedgerRow, error)

	stock inventory.Stock     // as the entry leaves the row
	row   inventory.LedgerRow // as the ledger has it
	err   error               // why it was refused
}

func (b *booking) skus() []string {
	skus := make([]string, len(b.entries))
	for i, e := range b.entries {
		skus[i] = e.sku
	}
	return skus
}

func (s *stock) Count(ctx context.Context, counts []inventory.Count) ([]inventory.Counted, error) {
	entries := make([]*entry, len(counts))
	for i, c := range counts {
		c.At = milli(c.At)
		entries[i] = &entry{sku: c.SKU, apply: c.Apply}
	}
	if err := s.bookAll(ctx, entries); err != nil {
		return nil, err
	}
	counted := make([]inventory.Counted, len(counts))
	for i, e := range entries {
		counted[i] = inventory.Counted{Stock: e.stock, Err: e.err}
	}
	return counted, nil
}

func (s *stock) Adjust(ctx context.Context, adjustments []inventory.Adjustment) ([]inventory.Adjusted, error) {
	entries := make([]*entry, len(adjustments))
	for i, a := range adjustments {
		a.At = milli(a.At)
		entries[i] = &entry{sku: a.SKU, id: a.ID, apply: a.Apply, replay: a.Replay}
	}
	if err := s.bookAll(ctx, entries); err != nil {
		return nil, err
	}
	adjusted := make([]inventory.Adjusted, len(adjustments))
	for i, e := range entries {
		adjusted[i] = inventory.Adjusted{Row: e.row, Err: e.err}
	}
	return adjusted, nil
}

// bookAll makes the entries one after another, as many as fit in a transaction. A
// booking takes its SKUs' lanes as a movement does, so that it meets no
// transaction of this process; others' make it read again.
func (s *stock) bookAll(ctx context.Context, entries []*entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for part := range slices.Chunk(entries, maxBooked) {
		if err := s.bookOne(ctx, &booking{part}); err != nil {
			return err
		}
	}
	return nil
}

// bookOne makes one booking. Each has the patience of its own: a shop's starting
// stock takes hundreds.
func (s *stock) bookOne(ctx context.Context, b *booking) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	m := &movement{ctx: ctx, booking: b, over: make(chan struct{})}
	s.add(m)
	_, err := m.wait(ctx)
	return err
}

// book carries a booking out.
func (s *stock) book(ctx context.Context, b *booking) error {
	for try := 2; ; try++ {
		l, err := s.open(ctx, b)
		if err != nil {
			return err
		}
		for _, e := range b.entries {
			l.enter(e)
		}
		actions, err := s.bookActions(l)
		if err != nil || len(actions) == 0 {
			return err
		}
		failed, err := s.transact(ctx, actions)
		if err == nil && failed == nil {
			s.booked(l)
		}
		if err != nil || failed == nil {
			return err
		}
		if err := s.pause(ctx, min(try, conflictTries)); err != nil {
			return err
		}
	}
}

// openLedger is what a booking reads and writes.
type openLedger struct {
	was  map[string]*stockRow // by SKU, as of now; nil where there is none
	now  map[string]*stockRow
	made map[string]inventory.LedgerRow // adjustments that are in the ledger, by id
	rows []ledgerItem                   // to be added
}

// open reads the rows that a booking changes, and the adjustments that have
// been made before.
func (s *stock) open(ctx context.Context, b *booking) (*openLedger, error) {
	l := &openLedger{made: make(map[string]inventory.LedgerRow)}
	var g errgroup.Group
	g.Go(func() (err error) {
		l.was, err = s.readRows(ctx, b.skus())
		return err
	})
	g.Go(func() error { return s.readAdjustments(ctx, b, l.made) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	l.now = maps.Clone(l.was)
	return l, nil
}

// readAdjustments finds those of a booking's adjustments that the ledger has.
func (s *stock) readAdjustments(ctx context.Context, b *booking, made map[string]inventory.LedgerRow) error {
	var keys []item
	asked := make(map[string]bool)
	for _, e := range b.entries {
		if e.id != "" && !asked[e.id] {
			asked[e.id] = true
			keys = append(keys, item{"sku": textValue(adjustmentKey(e.id)), "seq": numberValue(0)})
		}
	}
	for try := 2; len(keys) > 0; try++ {
		answer, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.ledgerTable: {Keys: keys, ConsistentRead: awssdk.Bool(true)},
		}})
		if err != nil {
			return translate(ctx, "reading "+s.ledgerTable, err)
		}
		for _, i := range answer.Responses[s.ledgerTable] {
			row, _, err := decodeEntry(i)
			if err != nil {
				return err
			}
			made[row.AdjustmentID] = row
		}
		if keys = answer.UnprocessedKeys[s.ledgerTable].Keys; len(keys) > 0 {
			if err := s.pause(ctx, try); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter makes one entry, on what those before it left.
func (l *openLedger) enter(e *entry) {
	e.row, e.err = inventory.LedgerRow{}, nil
	if made, ok := l.made[e.id]; ok && e.id != "" {
		e.row, e.err = e.replay(made)
		return
	}
	var old *inventory.Stock
	var priceVersion int64
	if row := l.now[e.sku]; row != nil {
		old, priceVersion = &row.Stock, row.priceVersion
	}
	if e.stock, e.row, e.err = e.apply(old); e.err != nil {
		return
	}
	if old == nil || old.Price != e.stock.Price {
		priceVersion++
	}
	l.now[e.sku] = &stockRow{Stock: e.stock, priceVersion: priceVersion}
	l.rows = append(l.rows, bookedItem(e.row, e.stock.Version))
	if e.id != "" {
		l.made[e.id] = e.row
	}
}

// bookActions are the writes of a booking, none if all of it was refused or made
// before.
func (s *stock) bookActions(l *openLedger) (actions []types.TransactWriteItem, err error) {
	for _, sku := range slices.Sorted(maps.Keys(l.now)) {
		if l.now[sku] == l.was[sku] {
			continue
		}
		row, err := encodeStock(*l.now[sku])
		if err != nil {
			return nil, err
		}
		condition, values := "attribute_not_exists(sku)", item(nil)
		if old := l.was[sku]; old != nil {
			condition, values = "v = :v", item{":v": numberValue(old.Version)}
		}
		actions = append(actions, putInto(s.stockTable, row, condition, values))
	}
	for _, i := range l.rows {
		items := []ledgerItem{i}
		if i.Adjustment != "" {
			items = append(items, i.byID())
		}
		for _, i := range items {
			row, err := attributevalue.MarshalMap(i)
			if err != nil {
				return nil, err
			}
			actions = append(actions, putInto(s.ledgerTable, row, "attribute_not_exists(sku)", nil))
		}
	}
	return actions, nil
}

func putInto(table string, i item, condition string, values item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: i, ConditionExpression: &condition, ExpressionAttributeValues: values}}
}

// booked takes up what a booking has written: what was short may not be any more.
func (s *stock) booked(l *openLedger) {
	for sku, row := range l.now {
		if row != l.was[sku] {
			s.notePrice(sku, quote{price: row.Price, version: row.priceVersion})
			s.short.Remove(sku)
		}
	}
}
