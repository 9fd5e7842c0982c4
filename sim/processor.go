package sim

import (
	"context"
	"errors"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/payment"
)

// transport is the way from a process to the processor, on which everything can
// happen to a request and to its answer.
type transport struct{ p *process }

var (
	errRequestLost = errors.New("the gateway did not answer in time")
	errAnswerLost  = errors.New("the gateway's answer was lost")
)

// Capture is payment.Gateway's.
func (t transport) Capture(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	return t.ask(event.Capture, c)
}

// Void is payment.Gateway's.
func (t transport) Void(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	return t.ask(event.Void, c)
}

// Refund is payment.Gateway's.
func (t transport) Refund(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	return t.ask(event.Refund, c)
}

func (t transport) ask(op event.Op, c payment.Charge) (payment.Answer, error) {
	w := t.p.w
	if err := t.p.point("before asking the gateway"); err != nil {
		return "", err
	}
	w.sleep(time.Duration(w.rng.Int64N(int64(300 * time.Millisecond))))
	if w.strikes(SlowGateway) {
		w.sleep(time.Duration(w.rng.Int64N(int64(w.limits().CallTimeout))))
	}
	if w.strikes(RequestTwice) {
		w.later(op, c)
	}
	if w.strikes(LateRequest) {
		w.later(op, c)
		return t.timeOut(op, c)
	}
	if w.strikes(RequestLost) {
		return t.timeOut(op, c)
	}
	answer, err := w.processor.do(op, c) // also for a process that has died since: the request was on its way
	if err != nil {
		return "", err
	}
	if w.strikes(AnswerLost) {
		w.note(c.Order.OrderID, "gateway", "%s: %s, but the answer is lost", op, answer)
		return "", errAnswerLost
	}
	w.note(c.Order.OrderID, "gateway", "%s: %s", op, answer)
	return answer, t.p.point("after the gateway's answer")
}

func (t transport) timeOut(op event.Op, c payment.Charge) (payment.Answer, error) {
	t.p.w.note(c.Order.OrderID, "gateway", "%s: no answer", op)
	t.p.w.sleep(t.p.w.limits().CallTimeout)
	return "", errRequestLost
}

// later has a request reach the processor when nobody waits for its answer.
func (w *world) later(op event.Op, c payment.Charge) {
	w.after(w.between(time.Second, 2*time.Hour), func() {
		answer, err := w.processor.do(op, c)
		w.note(c.Order.OrderID, "gateway", "%s, late or again: %s %v", op, answer, err)
		if op == event.Capture && answer == payment.AnswerVoided {
			w.hit(race(37))
		}
	})
}

// processor is the card processor itself: the simulated one, or that with one of
// the weaknesses that an adapter makes up for.
type processor struct {
	w *world
	simulated.Gateway
}

func (g *processor) do(op event.Op, c payment.Charge) (answer payment.Answer, err error) {
	switch op {
	case event.Capture:
		if g.w.strikes(ForgetsDecline) {
			g.reopen(c, simulated.Captured)
		}
		answer, err = g.Capture(ctx, c)
	case event.Void:
		if g.w.setup.faults[ForgetsDecline] > 0 {
			g.reopen(c, simulated.Voided) // what is voided is not forgotten
		}
		answer, err = g.Void(ctx, c)
	case event.Refund:
		answer, err = g.Refund(ctx, c)
	}
	g.w.verify(c.Order.OrderID)
	return answer, err
}

// reopen has a processor that forgets declines make up its mind anew.
func (g *processor) reopen(c payment.Charge, state simulated.State) {
	err := g.Ledger.Update(ctx, c.Order, func(entries []simulated.Entry) []simulated.Entry {
		for i, e := range entries {
			if e.State != simulated.Declined {
				continue
			}
			g.w.note(c.Order.OrderID, "gateway", "forgets the decline: %s", state)
			g.w.hit(race(54))
			if entries[i].State = state; state == simulated.Captured {
				entries[i].Amount = c.Amount
			}
		}
		return entries
	})
	if err != nil {
		panic(err) // the ledger of a simulation does not fail
	}
}
