package aws

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"holdfast/inventory"
)

// maxSnapshots is how often everything is read until nothing has moved meanwhile.
const maxSnapshots = 3

// Snapshot reads the stock rows, the reservations and the ledger, and the rows
// again: DynamoDB has no read as of one instant of more than 100 items. A SKU whose
// row is the same before and after has not moved meanwhile, so all that was read of
// it belongs together; if one has moved, everything is read again, three times at
// most. It holds all reservations in memory, about half a gigabyte a million.
func (s *stock) Snapshot(ctx context.Context, each func(inventory.Reservation) error) ([]inventory.Balance, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var shot *snapshot
	for range maxSnapshots {
		var err error
		if shot, err = s.snapshot(ctx); err != nil {
			return nil, err
		}
		if !shot.moved() {
			break
		}
	}
	slices.SortFunc(shot.reservations, func(a, b inventory.Reservation) int { return cmp.Compare(a.Number, b.Number) })
	for _, r := range shot.reservations {
		if err := each(r); err != nil {
			return nil, err
		}
	}
	return shot.balances, nil
}

// snapshot is what one reading found.
type snapshot struct {
	reservations []inventory.Reservation
	balances     []inventory.Balance
}

func (s *snapshot) moved() bool {
	return slices.ContainsFunc(s.balances, func(b inventory.Balance) bool { return b.Moved })
}

func (s *stock) snapshot(ctx context.Context) (*snapshot, error) {
	before, err := s.allRows(ctx)
	if err != nil {
		return nil, err
	}
	shot := new(snapshot)
	if shot.reservations, err = scan(ctx, s.core, s.reservations.table, s.reservations.decode); err != nil {
		return nil, err
	}
	entries, err := scan(ctx, s.core, s.ledgerTable, readEntry)
	if err != nil {
		return nil, err
	}
	after, err := s.allRows(ctx)
	if err != nil {
		return nil, err
	}
	shot.balances = balance(before, after, entries)
	return shot, nil
}

// readEntry reads an item of the ledger; the second item of an adjustment as none.
func readEntry(i item) (inventory.LedgerRow, error) {
	row, sequence, err := decodeEntry(i)
	if sequence == 0 {
		return inventory.LedgerRow{}, err
	}
	return row, err
}

// balance sets each SKU's row beside its ledger, also a SKU's that has lost either.
func balance(before, after map[string]inventory.Stock, entries []inventory.LedgerRow) []inventory.Balance {
	all := make(map[string]inventory.Balance, len(after))
	for sku, row := range after {
		all[sku] = inventory.Balance{Stock: row, Moved: before[sku].Version != row.Version}
	}
	for _, e := range entries {
		if e.SKU == "" {
			continue
		}
		b, found := all[e.SKU]
		if !found {
			b.SKU = e.SKU
		}
		b.Ledger += e.Delta
		all[e.SKU] = b
	}
	return slices.SortedFunc(maps.Values(all), func(a, b inventory.Balance) int { return strings.Compare(a.SKU, b.SKU) })
}

func (s *stock) allRows(ctx context.Context) (map[string]inventory.Stock, error) {
	rows, err := scan(ctx, s.core, s.stockTable, decodeStock)
	if err != nil {
		return nil, err
	}
	all := make(map[string]inventory.Stock, len(rows))
	for _, row := range rows {
		all[row.SKU] = row.Stock
	}
	return all, nil
}

// scan reads all of a table as of now, each item at an instant of its own.
func scan[R any](ctx context.Context, c *core, table string, decode func(item) (R, error)) (all []R, err error) {
	var mu sync.Mutex
	err = each(ctx, scanSegments, func(ctx context.Context, segment int) error {
		in := &dynamodb.ScanInput{
			TableName: &table, ConsistentRead: awssdk.Bool(true), Limit: awssdk.Int32(scanPage),
			Segment: awssdk.Int32(int32(segment)), TotalSegments: awssdk.Int32(scanSegments),
		}
		for {
			page, err := c.db.Scan(ctx, in)
			if err != nil {
				return translate(ctx, "reading "+table, err)
			}
			part := make([]R, len(page.Items))
			for n, i := range page.Items {
				if part[n], err = decode(i); err != nil {
					return err
				}
			}
			mu.Lock()
			all = append(all, part...)
			mu.Unlock()
			if in.ExclusiveStartKey = page.LastEvaluatedKey; len(page.LastEvaluatedKey) == 0 {
				return nil
			}
		}
	})
	return all, err
}
