package aws

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"holdfast/event"
	"holdfast/gateway/simulated"
)

// ledger is simulated.Ledger over the gateway table: an item an order, with all
// its entries.
type ledger struct {
	*records[books]
	turns turns // at an order
	all   gathered
}

// books are the entries of one order, in ascending Key.
type books struct {
	event.Ref
	entries []simulated.Entry
}

func newLedger(c *core) simulated.Ledger {
	r := newRecords(c, "gateway", encodeBooks, decodeBooks)
	return &ledger{records: r, all: gathered{core: c, table: r.table}}
}

// booksItem is the books of an order as their item holds them.
type booksItem struct {
	ID      string      `dynamodbav:"id"`
	Number  int64       `dynamodbav:"number"`
	Entries []entryItem `dynamodbav:"entries"`
}

type entryItem struct {
	Key      string          `dynamodbav:"key"`
	State    simulated.State `dynamodbav:"state"`
	Amount   int64           `dynamodbav:"amount,omitempty"`
	Currency string          `dynamodbav:"cur,omitempty"`
	Method   string          `dynamodbav:"method,omitempty"`
	Attempts int             `dynamodbav:"tries,omitempty"`
	At       int64           `dynamodbav:"at"`
}

func encodeBooks(b books) (item, error) {
	i := booksItem{ID: b.OrderID, Number: b.Number}
	for _, e := range b.entries {
		i.Entries = append(i.Entries, entryItem{e.Key, e.State, e.Amount.Amount, e.Amount.Currency, e.Method, e.Attempts, unixMilli(e.At)})
	}
	return attributevalue.MarshalMap(i)
}

func decodeBooks(stored item) (books, error) {
	var i booksItem
	err := attributevalue.UnmarshalMap(stored, &i)
	b := books{Ref: event.Ref{OrderID: i.ID, Number: i.Number}}
	for _, e := range i.Entries {
		b.entries = append(b.entries, simulated.Entry{
			Key: e.Key, Order: b.Ref, State: e.State, Amount: event.Money{Amount: e.Amount, Currency: e.Currency},
			Method: e.Method, Attempts: e.Attempts, At: fromMilli(e.At),
		})
	}
	return b, err
}

// Update runs change on what is remembered of the order first; the write's
// condition tells whether that was all.
func (l *ledger) Update(ctx context.Context, ref event.Ref, change func([]simulated.Entry) []simulated.Entry) error {
	over, err := l.turns.take(ctx, ref.OrderID)
	if err != nil {
		return err
	}
	defer over()
	_, err = l.apply(ctx, []transition[books]{{ref.OrderID, func(now books, _ bool) (books, bool) {
		after := books{Ref: ref, entries: merged(ref, now.entries, change(slices.Clone(now.entries)))}
		return after, !slices.Equal(after.entries, now.entries)
	}}})
	return err
}

// merged are the entries with those that were added or altered, in ascending Key.
func merged(ref event.Ref, have, changed []simulated.Entry) []simulated.Entry {
	entries := slices.Clone(have)
	for _, e := range changed {
		e.Order, e.At = ref, milli(e.At)
		at, found := slices.BinarySearchFunc(entries, e.Key, func(have simulated.Entry, key string) int { return strings.Compare(have.Key, key) })
		if found {
			entries[at] = e
		} else {
			entries = slices.Insert(entries, at, e)
		}
	}
	return entries
}

func (l *ledger) Get(ctx context.Context, refs []event.Ref) ([][]simulated.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found, err := l.get(ctx, orderIDs(refs))
	if err != nil {
		return nil, err
	}
	entries := make([][]simulated.Entry, len(refs))
	for i, f := range found {
		entries[i] = slices.Clone(f.record.entries)
	}
	return entries, nil
}

func (l *ledger) Scan(ctx context.Context, after int64, limit int) ([]simulated.Entry, error) {
	refs, err := l.all.page(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	entries, err := l.Get(ctx, refs)
	return slices.Concat(entries...), err
}

// outageItem is no order's books, and has no number: until when there is an outage.
const (
	outageItem     = "#outage"
	untilAttribute = "until"
)

func (l *ledger) SetOutage(ctx context.Context, until time.Time) error {
	err := l.write(ctx, func(ctx context.Context) error {
		_, err := l.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &l.table, Item: item{keyAttribute: textValue(outageItem), untilAttribute: numberValue(unixMilli(until))},
		})
		return err
	})
	return translate(ctx, "writing to "+l.table, err)
}

func (l *ledger) Outage(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	found, err := l.batchGet(ctx, l.table, keyAttribute, []string{outageItem})
	if err != nil {
		return time.Time{}, err
	}
	var until int64
	err = attributevalue.Unmarshal(found[outageItem][untilAttribute], &until)
	return fromMilli(until), err
}
