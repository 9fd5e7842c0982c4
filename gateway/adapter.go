package gateway

import (
	"context"

	"holdfast/payment"
)

// A processor that keeps less than payment.Gateway asks for is brought up to it
// by one of these adapters. One that needs both cannot be made safe: without
// final declines, nothing that VoidByCapture hears is an end.

// VoidByCapture adapts a processor that cannot void a key it has not seen. Its
// Void repeats Capture until the key has an outcome, then says it: that is the
// only way to be sure that no capture still on its way will take effect. The
// charge may thereby be captured; the caller hears so, and refunds it.
type VoidByCapture struct{ payment.Gateway }

// Void is payment.Gateway's.
func (g VoidByCapture) Void(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	answer, err := g.Gateway.Capture(ctx, c)
	if err == nil && answer == payment.AnswerDeclined {
		return payment.AnswerVoided, nil // a decline is as final
	}
	return answer, err
}

// FinalDeclines adapts a processor that forgets declines, so that a repeat of
// the request might capture after all. It voids the key before it says Declined.
type FinalDeclines struct{ payment.Gateway }

// Capture is payment.Gateway's.
func (g FinalDeclines) Capture(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	answer, err := g.Gateway.Capture(ctx, c)
	if err != nil || answer != payment.AnswerDeclined {
		return answer, err
	}
	voided, err := g.Gateway.Void(ctx, c)
	if err != nil || voided == payment.AnswerCaptured {
		return voided, err // a repeat of the request got through meanwhile
	}
	return payment.AnswerDeclined, nil
}
