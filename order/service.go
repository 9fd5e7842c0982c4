package order

import (
	"context"
	"time"

	"holdfast/event"
)

// Service is the order service: plain functions over a Store. Each takes the
// time, does one durable write for its batch (a second one where another writer
// came between), and hands out the events that follow; sending them is the
// caller's part.
type Service struct {
	Store Store
	Terms Terms
	// Changed, if set, hears of each order that this service has created or
	// brought to another status, once that is durable, and of the event by which,
	// OrderPlaced for a new one. It must not block.
	Changed func(o Order, by event.Event)
	// Silent, if set, hears of each order that Sweep asks about, as it stands then: with
	// the time when Sweep asks again, and one attempt more. It must not block.
	Silent func(Order)
}

// Handle takes a batch of events from inventory and payment.
func (s *Service) Handle(ctx context.Context, now time.Time, batch []event.Event) ([]event.Result, error) {
	verdicts, err := s.decide(ctx, now, batch)
	if err != nil {
		return nil, err
	}
	results := make([]event.Result, len(batch))
	for i, v := range verdicts {
		results[i] = event.ResultOf(v, v.Record.request)
	}
	return results, nil
}

// Cancel takes back the caller's order. The answer is the order as it now
// stands, and the event to send, if any. It fails with NotFound, or with
// Conflict when the order's status forbids it.
func (s *Service) Cancel(ctx context.Context, now time.Time, id string) (Order, event.Event, error) {
	return s.ask(ctx, now, event.New(cancel, event.Ref{OrderID: id}, now))
}

// Refund gives the money for a completed order back, and with restock puts its
// units on sale again. The answer and the errors are those of Cancel; asking
// again with another restock is a Conflict.
func (s *Service) Refund(ctx context.Context, now time.Time, id string, restock bool) (Order, event.Event, error) {
	e := event.New(refund, event.Ref{OrderID: id}, now)
	e.Restock = restock
	o, send, err := s.ask(ctx, now, e)
	if err == nil && o.Restock != restock {
		return o, event.Event{}, event.Errorf(event.Conflict, "order %s is %s with restock=%t; that cannot be changed", id, o.Status, o.Restock)
	}
	return o, send, err
}

// ask takes one request of a client through the table.
func (s *Service) ask(ctx context.Context, now time.Time, e event.Event) (Order, event.Event, error) {
	verdicts, err := s.decide(ctx, now, []event.Event{e})
	if err != nil {
		return Order{}, event.Event{}, err
	}
	v := verdicts[0]
	switch {
	case v.Record.Status == "":
		return Order{}, event.Event{}, event.Errorf(event.NotFound, "no order %q", e.OrderID)
	case v.Err != nil:
		return v.Record, event.Event{}, event.Errorf(event.Conflict, "order %s is %s, which allows no %s", e.OrderID, v.Record.Status, e.Type)
	}
	return v.Record, event.ResultOf(v, v.Record.request).Send, nil
}

func (s *Service) decide(ctx context.Context, now time.Time, batch []event.Event) ([]event.Verdict[Status, Order], error) {
	verdicts, err := event.Decide(ctx, rules, now, batch, func(o Order) Status { return o.Status },
		func(ctx context.Context, steps []event.Step[Status]) ([]event.Written[Order], error) {
			changes := make([]Change, len(steps))
			for i, step := range steps {
				changes[i] = s.change(step, now)
			}
			return s.Store.Apply(ctx, changes)
		})
	for i, v := range verdicts {
		if v.Changed {
			s.changed(v.Record, batch[i])
		}
	}
	return verdicts, err
}

// change is the write that a step of the table asks for.
func (s *Service) change(step event.Step[Status], now time.Time) Change {
	e := step.Event
	c := Change{
		Ref: e.Ref, From: step.From, To: step.To, Reason: step.Reason, At: now,
		ReservedAt: e.ReservedAt, Lines: e.Lines, Total: e.Total, Short: e.Short, Restock: e.Restock,
	}
	if e.Type == event.StockRejected {
		c.Reason = e.Reason
	}
	if step.To == Reserved {
		c.At = e.ReservedAt
	}
	if !step.To.Ended() {
		c.Due = now.Add(s.Terms.Silence)
	}
	return c
}

// request builds what the order service asks of another about this order.
func (o Order) request(t event.Type) event.Event {
	if t == event.OrderPlaced {
		return placedEvent(o)
	}
	e := event.New(t, o.Ref, o.UpdatedAt())
	e.Restock = o.Restock
	return e
}

func (s *Service) changed(o Order, by event.Event) {
	if s.Changed != nil {
		s.Changed(o, by)
	}
}
