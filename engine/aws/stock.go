package aws

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"holdfast/event"
	"holdfast/inventory"
)

// stockItem is a SKU's row as its item holds it.
type stockItem struct {
	SKU          string `dynamodbav:"sku"`
	All          string `dynamodbav:"all"` // allSKUs, by which the index by-sku lists them
	Available    int64  `dynamodbav:"available"`
	Reserved     int64  `dynamodbav:"reserved"`
	Sold         int64  `dynamodbav:"sold"`
	Price        int64  `dynamodbav:"price"`
	Currency     string `dynamodbav:"cur"`
	PriceVersion int64  `dynamodbav:"pv"` // rises with every change of the price
	Version      int64  `dynamodbav:"v"`  // rises with every change of the row
	UpdatedAt    int64  `dynamodbav:"updated"`
}

// allSKUs is the one partition of the index by-sku. It is written only when a SKU
// is made.
const allSKUs = "sku"

func encodeStock(row stockRow) (item, error) {
	return attributevalue.MarshalMap(stockItem{
		SKU: row.SKU, All: allSKUs, Available: row.Available, Reserved: row.Reserved, Sold: row.Sold,
		Price: row.Price.Amount, Currency: row.Price.Currency, PriceVersion: row.priceVersion,
		Version: row.Version, UpdatedAt: unixMilli(row.UpdatedAt),
	})
}

func decodeStock(stored item) (*stockRow, error) {
	var i stockItem
	if err := attributevalue.UnmarshalMap(stored, &i); err != nil {
		return nil, err
	}
	return &stockRow{priceVersion: i.PriceVersion, Stock: inventory.Stock{
		SKU: i.SKU, Available: i.Available, Reserved: i.Reserved, Sold: i.Sold,
		Price:   event.Money{Amount: i.Price, Currency: i.Currency},
		Version: i.Version, UpdatedAt: fromMilli(i.UpdatedAt),
	}}, nil
}

// readRows reads rows as of now; SKUs without a row are missing from the answer.
func (s *stock) readRows(ctx context.Context, skus []string) (map[string]*stockRow, error) {
	items, err := s.batchGet(ctx, s.stockTable, "sku", skus)
	if err != nil {
		return nil, err
	}
	rows := make(map[string]*stockRow, len(items))
	for sku, i := range items {
		if rows[sku], err = decodeStock(i); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (s *stock) Stock(ctx context.Context, sku string) (inventory.Stock, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Stock{}, err
	}
	var row *stockRow
	if sku != "" { // which no key may be
		rows, err := s.readRows(ctx, []string{sku})
		if err != nil {
			return inventory.Stock{}, err
		}
		row = rows[sku]
	}
	if row == nil {
		return inventory.Stock{}, event.Errorf(event.NotFound, "no SKU %q", sku)
	}
	return row.Stock, nil
}

// List reads the index, which follows a new SKU within moments, and then the rows
// as of now.
func (s *stock) List(ctx context.Context, after string, limit int) ([]inventory.Stock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	condition, values := "#all = :all", item{":all": textValue(allSKUs)}
	if after != "" {
		condition, values[":after"] = condition+" AND sku > :after", textValue(after)
	}
	found, err := s.query(ctx, limit, &dynamodb.QueryInput{
		TableName: &s.stockTable, IndexName: awssdk.String("by-sku"), KeyConditionExpression: &condition,
		ExpressionAttributeNames: map[string]string{"#all": "all"}, ExpressionAttributeValues: values,
	})
	if err != nil {
		return nil, err
	}
	skus := make([]string, len(found))
	for n, i := range found {
		if err := attributevalue.Unmarshal(i["sku"], &skus[n]); err != nil {
			return nil, err
		}
	}
	rows, err := s.readRows(ctx, skus)
	if err != nil {
		return nil, err
	}
	var page []inventory.Stock
	for _, sku := range skus {
		if row := rows[sku]; row != nil {
			page = append(page, row.Stock)
		}
	}
	return page, nil
}

// Low reads the rows, for an index by what is available would take a write more with
// every unit that moves. That costs a read unit a SKU, 10,000 at most.
func (s *stock) Low(ctx context.Context, atMost int64, limit int) ([]inventory.Stock, error) {
	low, err := s.low(ctx, atMost, lowReach, lowPage)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(low, inventory.FewestFirst)
	return low[:min(limit, len(low))], nil
}

// How many SKUs Low reads, all in all and at a time.
const (
	lowReach = 10_000
	lowPage  = 1_000
)

// low are those of the first SKUs of which at most so many units are available.
func (s *stock) low(ctx context.Context, atMost int64, reach, page int) (low []inventory.Stock, err error) {
	after := ""
	for range reach / page {
		rows, err := s.List(ctx, after, page)
		if err != nil || len(rows) == 0 {
			return low, err
		}
		after = rows[len(rows)-1].SKU
		low = append(low, slices.DeleteFunc(rows, func(row inventory.Stock) bool { return row.Available > atMost })...)
	}
	return low, nil
}

// query reads at most limit items, a page of DynamoDB's after another.
func (s *stock) query(ctx context.Context, limit int, in *dynamodb.QueryInput) (found []item, err error) {
	for len(found) < limit {
		in.Limit = awssdk.Int32(int32(min(limit-len(found), 10_000)))
		page, err := s.db.Query(ctx, in)
		if err != nil {
			return nil, translate(ctx, "reading "+*in.TableName, err)
		}
		found = append(found, page.Items...)
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(page.LastEvaluatedKey) == 0 {
			break
		}
	}
	return found, nil
}

// ledgerItem is an entry of the stock ledger as its item holds it. An adjustment
// has a second item, by which it is found again: its own id stands for the SKU.
type ledgerItem struct {
	SKU        string `dynamodbav:"sku"`           // or adjustmentKey of the adjustment
	Sequence   int64  `dynamodbav:"seq"`           // the stock row's Version after the write; 0 in an adjustment's second item
	Of         string `dynamodbav:"for,omitempty"` // the SKU, in an adjustment's second item
	Adjustment string `dynamodbav:"adjustment,omitempty"`
	Delta      int64  `dynamodbav:"delta"`
	Reason     string `dynamodbav:"reason"`
	At         int64  `dynamodbav:"at"`
}

// adjustmentKey is where an adjustment is found by its id. No SKU has a #.
func adjustmentKey(id string) string { return adjustmentMark + id }

const adjustmentMark = "#"

// bookedItem is the entry's item under its SKU.
func bookedItem(row inventory.LedgerRow, sequence int64) ledgerItem {
	return ledgerItem{SKU: row.SKU, Sequence: sequence, Adjustment: row.AdjustmentID, Delta: row.Delta, Reason: row.Reason, At: unixMilli(row.At)}
}

// byID is the item by which the entry's adjustment is found again.
func (i ledgerItem) byID() ledgerItem {
	i.Of, i.SKU, i.Sequence = i.SKU, adjustmentKey(i.Adjustment), 0
	return i
}

func decodeEntry(stored item) (inventory.LedgerRow, int64, error) {
	var i ledgerItem
	if err := attributevalue.UnmarshalMap(stored, &i); err != nil {
		return inventory.LedgerRow{}, 0, err
	}
	if i.Of != "" {
		i.SKU = i.Of
	}
	return inventory.LedgerRow{AdjustmentID: i.Adjustment, SKU: i.SKU, Delta: i.Delta, Reason: i.Reason, At: fromMilli(i.At)}, i.Sequence, nil
}

// Ledger's cursor is the sequence of the last row on the page.
func (s *stock) Ledger(ctx context.Context, q inventory.LedgerQuery) (inventory.LedgerPage, error) {
	before, err := numberBefore(q.Cursor)
	if err = cmp.Or(err, ctx.Err()); err != nil || q.SKU == "" { // which no key may be
		return inventory.LedgerPage{}, err
	}
	found, err := s.query(ctx, q.Limit+1, &dynamodb.QueryInput{
		TableName: &s.ledgerTable, ConsistentRead: awssdk.Bool(true), ScanIndexForward: awssdk.Bool(false),
		KeyConditionExpression:    awssdk.String("sku = :sku AND seq < :before"),
		ExpressionAttributeValues: item{":sku": textValue(q.SKU), ":before": numberValue(before)},
	})
	if err != nil {
		return inventory.LedgerPage{}, err
	}
	return pageOfLedger(found, q.Limit)
}

// pageOfLedger are the first of the items, limit of them; more tell that there is a
// next page.
func pageOfLedger(found []item, limit int) (page inventory.LedgerPage, err error) {
	for _, i := range found[:min(limit, len(found))] {
		row, sequence, err := decodeEntry(i)
		if err != nil {
			return inventory.LedgerPage{}, err
		}
		if page.Rows = append(page.Rows, row); len(found) > limit {
			page.Next = strconv.FormatInt(sequence, 10)
		}
	}
	return page, nil
}
