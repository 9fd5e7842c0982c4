package payment

import (
	"context"

	"holdfast/event"
)

// Gateway is the port to a card processor. Its contract is what makes one
// charge an order possible at all; a processor that keeps less of it is brought
// up to it by its adapter:
//
//  1. A Charge's Key is the order's for Capture and Void, and another one of the
//     order's for Refund, for ever. A request repeated with its key has one
//     effect and the first one's answer.
//  2. Void answers Voided only if no request with this key, sent before or
//     after, will ever capture, also for a key never seen. It takes no capture
//     back: of a captured key it answers Captured; of a declined one, Voided.
//     Where the processor cannot void an unseen key, the adapter repeats Capture
//     until the key has an outcome, then says it.
//  3. Declined is as final as Voided. Where the processor forgets declines, the
//     adapter voids the key before it says Declined.
//  4. Anything else (key in use, timeout, 5xx) is an error, which means that the
//     outcome is unknown, never that nothing happened. An error that is
//     event.Unavailable means that the gateway as a whole cannot be reached now,
//     so that the charge itself is not to blame.
//
// The methods may be called concurrently, with the same key too, and return
// when ctx ends.
type Gateway interface {
	Capture(ctx context.Context, c Charge) (Answer, error) // Captured, Declined, or Voided if a Void came first
	Void(ctx context.Context, c Charge) (Answer, error)    // Voided or Captured
	Refund(ctx context.Context, c Charge) (Answer, error)  // Refunded
}

// Charge is what a gateway is asked about.
type Charge struct {
	Key    string    // the idempotency key
	Order  event.Ref // for the processor's own books; it decides nothing
	Amount event.Money
	Method string
}

// Answer is a gateway's final word on a charge.
type Answer string

// The answers.
const (
	AnswerCaptured Answer = "captured"
	AnswerDeclined Answer = "declined"
	AnswerVoided   Answer = "voided"
	AnswerRefunded Answer = "refunded"
)

// ChargeKey and RefundKey are the two idempotency keys of an order. No order id
// has a slash in it, so no two orders share one.
func ChargeKey(orderID string) string { return orderID }

// RefundKey is the key of the order's one refund.
func RefundKey(orderID string) string { return orderID + "/refund" }

// Perform makes a call that Handle has asked for, and returns the event that
// brings its answer back to Handle, with the error behind an unknown outcome.
func Perform(ctx context.Context, g Gateway, call event.Call) (event.Event, error) {
	c := Charge{Key: ChargeKey(call.OrderID), Order: call.Ref, Amount: call.Amount, Method: call.PaymentMethod}
	var ask func(context.Context, Charge) (Answer, error)
	switch call.Op {
	case event.Capture:
		ask = g.Capture
	case event.Void:
		ask = g.Void
	case event.Refund:
		ask, c.Key = g.Refund, RefundKey(call.OrderID)
	}
	answer, err := ask(ctx, c)
	t := event.GatewayUnknown
	if err == nil {
		t = event.Type("gateway: " + string(answer))
	}
	return event.Event{Type: t, Version: event.Version, Ref: call.Ref}, err
}
