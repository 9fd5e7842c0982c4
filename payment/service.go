package payment

import (
	"context"
	"time"

	"holdfast/event"
)

// Service is the payment service: a plain function over a Store, from a batch of
// messages and answers to one durable write, the events that follow and the
// calls to make.
type Service struct {
	Store Store
	// Changed, if set, hears of each payment that this service has brought to
	// another state, once that is durable, and of the event by which. It must not block.
	Changed func(p Payment, by event.Event)
}

// Handle takes a batch of events from order and inventory, and of answers from
// the gateway.
func (s *Service) Handle(ctx context.Context, now time.Time, batch []event.Event) ([]event.Result, error) {
	verdicts, err := event.Decide(ctx, rules, now, batch, func(p Payment) State { return p.State },
		func(ctx context.Context, steps []event.Step[State]) ([]event.Written[Payment], error) {
			changes := make([]Change, len(steps))
			for i, step := range steps {
				e := step.Event
				changes[i] = Change{
					Ref: e.Ref, From: step.From, To: step.To, At: now,
					Amount: e.Total, Method: e.PaymentMethod, ReservedAt: e.ReservedAt, Restock: e.Restock,
				}
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
		results[i] = event.ResultOf(v, func(t event.Type) event.Event { return v.Record.tell(t, batch[i].Ref) })
		if v.Call != "" {
			p := v.Record
			results[i].Call = event.Call{Op: v.Call, Ref: p.Ref, Amount: p.Amount, PaymentMethod: p.Method}
		}
	}
	return results, nil
}

// tell builds what payment says of this record.
func (p Payment) tell(t event.Type, ref event.Ref) event.Event {
	e := event.New(t, ref, p.UpdatedAt)
	if t == event.PaymentPending {
		e.Total, e.ReservedAt = p.Amount, p.ReservedAt
	}
	if t == event.PaymentRefunded {
		e.Restock = p.Restock
	}
	return e
}
