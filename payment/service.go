package payment

import (
	"context"
	"time"

	"holdfast/event"
)

type (
	column = event.Column[State]
	cells  = map[State]event.Cell[State]
)

// table is the payment service's decision table: first the messages, then the
// gateway's answers, whichever call asked for them. A missing cell is a message
// that cannot meet a payment in that state: it is dead-lettered, never guessed
// at. An answer that finds another state than it is for changes nothing: the
// condition on the state is the whole fence against a stale attempt.
var table = event.Table[State]{
	event.StockReserved: column{Expect: None, Cells: cells{
		None:           {To: Charging, Call: event.Capture},
		Charging:       {Call: event.Capture, Send: event.PaymentPending},
		Captured:       {Send: event.PaymentCaptured},
		Declined:       {Send: event.PaymentDeclined},
		VoidingClient:  {},
		VoidingExpired: {Call: event.Void},
		Voided:         {Send: event.PaymentVoided},
		Refunding:      {},
		Refunded:       {},
	}},
	event.CancelRequestedClient: column{Expect: Captured, Cells: cells{
		None:           {To: Voided, Send: event.PaymentVoided}, // a tombstone: the late charge is refused
		Charging:       {To: VoidingClient, Call: event.Void},
		Captured:       {To: VoidingClient, Call: event.Void},
		Declined:       {Send: event.PaymentDeclined},
		VoidingClient:  {Call: event.Void},
		VoidingExpired: {To: VoidingClient, Call: event.Void},
		Voided:         {Send: event.PaymentVoided},
	}},
	event.CancelRequestedExpired: column{Expect: Charging, Cells: cells{
		None:           {To: Voided, Send: event.PaymentVoided},
		Charging:       {To: VoidingExpired, Call: event.Void},
		Captured:       {Send: event.PaymentCaptured},
		Declined:       {Send: event.PaymentDeclined},
		VoidingClient:  {},
		VoidingExpired: {Call: event.Void},
		Voided:         {Send: event.PaymentVoided},
		Refunding:      {},
		Refunded:       {},
	}},
	event.RefundRequested: column{Expect: Captured, Cells: cells{
		Captured:  {To: Refunding, Call: event.Refund},
		Refunding: {Call: event.Refund},
		Refunded:  {Send: event.PaymentRefunded},
	}},

	event.GatewayCaptured: column{Expect: Charging, Elsewhere: true, Cells: cells{
		Charging:       {To: Captured, Send: event.PaymentCaptured},
		VoidingClient:  {Call: event.Refund},
		VoidingExpired: {To: Captured, Send: event.PaymentCaptured},
	}},
	event.GatewayDeclined: column{Expect: Charging, Elsewhere: true, Cells: cells{
		Charging:       {To: Declined, Send: event.PaymentDeclined},
		VoidingClient:  {Call: event.Void},
		VoidingExpired: {To: Declined, Send: event.PaymentDeclined},
	}},
	event.GatewayVoided: column{Expect: VoidingExpired, Elsewhere: true, Cells: cells{
		Charging:       {To: Declined, Send: event.PaymentDeclined},
		VoidingClient:  {To: Voided, Send: event.PaymentVoided},
		VoidingExpired: {To: Voided, Send: event.PaymentVoided},
	}},
	event.GatewayRefunded: column{Expect: Refunding, Elsewhere: true, Cells: cells{
		VoidingClient: {To: Voided, Send: event.PaymentVoided},
		Refunding:     {To: Refunded, Send: event.PaymentRefunded},
	}},
	event.GatewayUnknown: column{Expect: Charging, Elsewhere: true, Cells: cells{
		Charging:       {Send: event.PaymentPending, Retry: true},
		VoidingClient:  {Retry: true},
		VoidingExpired: {Retry: true},
		Refunding:      {Retry: true},
	}},
}

// Service is the payment service: a plain function over a Store, from a batch of
// messages and answers to one durable write, the events that follow and the
// calls to make.
type Service struct {
	Store Store
	// Changed, if set, hears of each payment that this service has brought to
	// another state, once that is durable. It must not block.
	Changed func(Payment)
}

// Handle takes a batch of events from order and inventory, and of answers from
// the gateway.
func (s *Service) Handle(ctx context.Context, now time.Time, batch []event.Event) ([]event.Result, error) {
	verdicts, err := event.Decide(ctx, table, batch, func(p Payment) State { return p.State },
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
			s.Changed(v.Record)
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
