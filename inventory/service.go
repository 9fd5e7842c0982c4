package inventory

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"holdfast/event"
)

// Service is the inventory service: a plain function over a Store, from a batch
// of messages to one durable write and the events that follow.
type Service struct {
	Store Store
	// Changed, if set, hears of each reservation that this service has brought to
	// another state, once that is durable. It must not block.
	Changed func(Reservation)
}

// Handle takes a batch of events from order and payment.
func (s *Service) Handle(ctx context.Context, now time.Time, batch []event.Event) ([]event.Result, error) {
	verdicts, err := event.Decide(ctx, table, batch, func(r Reservation) State { return r.State },
		func(ctx context.Context, steps []event.Step[State]) ([]event.Written[Reservation], error) {
			changes := make([]Change, len(steps))
			for i, step := range steps {
				e := step.Event
				changes[i] = Change{Ref: e.Ref, From: step.From, To: step.To, At: now, Lines: e.Lines, Restock: e.Restock}
			}
			return s.Store.Apply(ctx, changes)
		})
	if err != nil {
		return nil, err
	}
	results := make([]event.Result, len(batch))
	for i, v := range verdicts {
		if v.Changed && s.Changed != nil {
			s.Changed(v.Record)
		}
		results[i] = event.ResultOf(v, func(t event.Type) event.Event { return v.Record.tell(t, batch[i]) })
	}
	return results, nil
}

// tell builds what inventory says of this reservation in answer to a message.
func (r Reservation) tell(t event.Type, asked event.Event) event.Event {
	e := event.New(t, asked.Ref, r.UpdatedAt)
	if t == event.StockRejected {
		e.Reason, e.Short = r.Reason, r.Short
		return e
	}
	if !r.HeldAt.IsZero() {
		e.Lines, e.Total, e.ReservedAt = r.Lines, r.Total, r.HeldAt
	}
	if t == event.StockReserved {
		e.PaymentMethod = asked.PaymentMethod
	}
	return e
}

var currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)

// Count sets one SKU's stock. It fails as Count.Validate and Count.Apply do.
func (s *Service) Count(ctx context.Context, c Count) (Stock, error) {
	if err := c.Validate(); err != nil {
		return Stock{}, err
	}
	counted, err := s.Store.Count(ctx, []Count{c})
	if err != nil {
		return Stock{}, err
	}
	return counted[0].Stock, counted[0].Err
}

// Validate checks a count's bounds. It fails with Invalid, and names each place.
func (c Count) Validate() error {
	var fields []event.Field
	bad := func(location string, value any, format string, args ...any) {
		fields = append(fields, event.Field{Location: location, Message: fmt.Sprintf(format, args...), Value: value})
	}
	if !event.ValidName(c.SKU) {
		bad("path.sku", c.SKU, "must match %s", event.NamePattern)
	}
	if c.OnHand < 0 || c.OnHand > MaxOnHand {
		bad("body.on_hand", c.OnHand, "must be a whole number from 0 to %d", int64(MaxOnHand))
	}
	if !c.Price.IsZero() {
		if c.Price.Amount < 1 || c.Price.Amount > MaxPrice {
			bad("body.price.amount", c.Price.Amount, "must be a whole number of minor units from 1 to %d", int64(MaxPrice))
		}
		if !currencyPattern.MatchString(c.Price.Currency) {
			bad("body.price.currency", c.Price.Currency, "must be an ISO 4217 code of three capital letters, as USD")
		}
	}
	if len(fields) > 0 {
		return &event.Error{Code: event.Invalid, Detail: "the stock count is not valid; see errors", Fields: fields}
	}
	return nil
}
