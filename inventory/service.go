package inventory

import (
	"context"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"holdfast/event"
)

// Service is the inventory service: a plain function over a Store, from a batch
// of messages to one durable write and the events that follow.
type Service struct {
	Store Store
	// Changed, if set, hears of each reservation that this service has brought to
	// another state, once that is durable, and of the event by which. It must not block.
	Changed func(r Reservation, by event.Event)
}

// Handle takes a batch of events from order and payment.
func (s *Service) Handle(ctx context.Context, now time.Time, batch []event.Event) ([]event.Result, error) {
	verdicts, err := event.Decide(ctx, rules, now, batch, func(r Reservation) State { return r.State },
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
			s.Changed(v.Record, batch[i])
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

// Adjust moves one SKU's stock. It fails as Adjustment.Validate, Apply and Replay
// do.
func (s *Service) Adjust(ctx context.Context, a Adjustment) (LedgerRow, error) {
	if err := a.Validate(); err != nil {
		return LedgerRow{}, err
	}
	adjusted, err := s.Store.Adjust(ctx, []Adjustment{a})
	if err != nil {
		return LedgerRow{}, err
	}
	return adjusted[0].Row, adjusted[0].Err
}

// maxReason bounds an adjustment's reason, in characters.
const maxReason = 128

// Validate checks an adjustment's bounds. It fails with Invalid, and names each
// place.
func (a Adjustment) Validate() error {
	var bad problems
	if !event.ValidName(a.SKU) {
		bad.add("path.sku", a.SKU, "must match %s", event.NamePattern)
	}
	if !event.ValidName(a.ID) {
		bad.add("body.adjustment_id", a.ID, "must match %s", event.NamePattern)
	}
	if a.Delta == 0 || a.Delta < -MaxOnHand || a.Delta > MaxOnHand {
		bad.add("body.delta", a.Delta, "must be a whole number from %d to %d, and not 0", int64(-MaxOnHand), int64(MaxOnHand))
	}
	if n := utf8.RuneCountInString(a.Reason); n < 1 || n > maxReason || !event.Printable(a.Reason) {
		bad.add("body.reason", a.Reason, "must be 1 to %d printable characters", maxReason)
	}
	return bad.err("the adjustment is not valid; see errors")
}

// problems are the offending places of an input.
type problems []event.Field

func (p *problems) add(location string, value any, format string, args ...any) {
	*p = append(*p, event.Field{Location: location, Message: fmt.Sprintf(format, args...), Value: value})
}

// err is nil if there are none.
func (p problems) err(detail string) error {
	if len(p) == 0 {
		return nil
	}
	return &event.Error{Code: event.Invalid, Detail: detail, Fields: p}
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
	var bad problems
	if !event.ValidName(c.SKU) {
		bad.add("path.sku", c.SKU, "must match %s", event.NamePattern)
	}
	if c.OnHand < 0 || c.OnHand > MaxOnHand {
		bad.add("body.on_hand", c.OnHand, "must be a whole number from 0 to %d", int64(MaxOnHand))
	}
	if !c.Price.IsZero() {
		if c.Price.Amount < 1 || c.Price.Amount > MaxPrice {
			bad.add("body.price.amount", c.Price.Amount, "must be a whole number of minor units from 1 to %d", int64(MaxPrice))
		}
		if !currencyPattern.MatchString(c.Price.Currency) {
			bad.add("body.price.currency", c.Price.Currency, "must be an ISO 4217 code of three capital letters, as USD")
		}
	}
	return bad.err("the stock count is not valid; see errors")
}
