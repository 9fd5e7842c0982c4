package aws

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"holdfast/event"
	"holdfast/payment"
)

// numberAttribute holds the order's Number in every table's items.
const numberAttribute = "number"

// payments is payment.Store over the payments table: an item a payment, keyed by
// its order's id.
type payments struct {
	*records[payment.Payment]
	all gathered
}

func newPayments(c *core) payment.Store {
	r := newRecords(c, "payments", encodePayment, decodePayment)
	return &payments{records: r, all: gathered{core: c, table: r.table}}
}

// paymentItem is a payment as its item holds it.
type paymentItem struct {
	ID       string        `dynamodbav:"id"`
	Number   int64         `dynamodbav:"number"`
	State    payment.State `dynamodbav:"state"`
	Amount   int64         `dynamodbav:"amount,omitempty"`
	Currency string        `dynamodbav:"cur,omitempty"`
	Method   string        `dynamodbav:"method,omitempty"`
	Restock  bool          `dynamodbav:"restock,omitempty"`
	Reserved int64         `dynamodbav:"held,omitempty"`
	Updated  int64         `dynamodbav:"at"`
}

func encodePayment(p payment.Payment) (item, error) {
	return attributevalue.MarshalMap(paymentItem{
		ID: p.OrderID, Number: p.Number, State: p.State, Amount: p.Amount.Amount, Currency: p.Amount.Currency, Method: p.Method,
		Restock: p.Restock, Reserved: unixMilli(p.ReservedAt), Updated: unixMilli(p.UpdatedAt),
	})
}

func decodePayment(stored item) (payment.Payment, error) {
	var i paymentItem
	err := attributevalue.UnmarshalMap(stored, &i)
	return payment.Payment{
		Ref: event.Ref{OrderID: i.ID, Number: i.Number}, State: i.State, Amount: event.Money{Amount: i.Amount, Currency: i.Currency},
		Method: i.Method, Restock: i.Restock, ReservedAt: fromMilli(i.Reserved), UpdatedAt: fromMilli(i.Updated),
	}, err
}

func (s *payments) Apply(ctx context.Context, changes []payment.Change) ([]event.Written[payment.Payment], error) {
	transitions := make([]transition[payment.Payment], len(changes))
	for i, c := range changes {
		c.At, c.ReservedAt = milli(c.At), milli(c.ReservedAt)
		transitions[i] = transition[payment.Payment]{c.OrderID, func(p payment.Payment, _ bool) (payment.Payment, bool) {
			if !slices.Contains(c.From, p.State) {
				return p, false
			}
			p.Apply(c)
			return p, true
		}}
	}
	return s.apply(ctx, transitions)
}

func (s *payments) Get(ctx context.Context, refs []event.Ref) ([]payment.Payment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found, err := s.get(ctx, orderIDs(refs))
	if err != nil {
		return nil, err
	}
	payments := make([]payment.Payment, len(refs))
	for i, f := range found {
		payments[i] = f.record
	}
	return payments, nil
}

func (s *payments) Scan(ctx context.Context, after int64, limit int) ([]payment.Payment, error) {
	refs, err := s.all.page(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	return s.Get(ctx, refs)
}
