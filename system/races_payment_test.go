package system_test

import (
	"context"
	"testing"

	"holdfast/event"
	"holdfast/gateway"
	"holdfast/gateway/simulated"
	"holdfast/order"
	"holdfast/payment"
)

func TestHoldEndsUnpaid(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.place("o1", simulated.Down)
		s.run()
		s.want("o1", order.Reserved, "") // payment has said that it waits
		s.wantStock(9, 1, 0)
		s.later(hold)
		s.want("o1", order.Cancelled, order.HoldExpired)
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 0, 0)
	})
}

func TestHoldEndsWhileTheCaptureIsNotHeardOf(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.PaymentCaptured)
		s.place("o1", simulated.Approve)
		s.run()
		s.wantBooks("o1", 1, 0)
		s.found()
		s.later(hold) // asks payment to void; captured is kept
		s.want("o1", order.Completed, "")
		s.wantBooks("o1", 1, 0)
	})
}

func TestTheHoldsEndAgainstACapture(t *testing.T) {
	for name, captureFirst := range map[string]bool{"the capture arrives first": true, "the void arrives first": false} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.manual = true
				s.place("o1", simulated.Approve)
				s.run()
				s.later(hold) // the capture is still on its way
				s.wantStock(9, 1, 0)
				first, second := s.call(event.Void), s.call(event.Capture)
				if captureFirst {
					first, second = second, first
				}
				s.answer(first)
				s.answer(second)
				s.run()
				if captureFirst {
					s.want("o1", order.Completed, "")
					s.wantStock(9, 0, 1)
					s.wantBooks("o1", 1, 0)
				} else {
					s.want("o1", order.Cancelled, order.HoldExpired)
					s.wantStock(10, 0, 0)
					s.wantBooks("o1", 0, 0)
				}
			})
		})
	}
}

func TestCapturedCrashBeforeItIsRecorded(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.manual = true
		s.place("o1", simulated.Approve)
		s.run()
		_, err := payment.Perform(s.t.Context(), s.gateway, s.calls[0]) // captured; the answer dies with the process
		s.check(err)
		s.manual = false
		s.later(silence)
		s.want("o1", order.Completed, "")
		s.wantBooks("o1", 1, 0)
	})
}

func TestTimeoutIsUnknownNotDeclined(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.place("o1", simulated.Timeout)
		placed := s.inbox[0]
		s.inbox = nil
		s.deliver(placed)
		reserved := s.inbox[0]
		s.inbox = nil
		s.deliver(reserved) // captured, and the answer is lost
		s.run()
		s.want("o1", order.Reserved, "")
		s.wantStock(9, 1, 0)
		s.deliver(reserved) // the retry
		s.run()
		s.want("o1", order.Completed, "")
		s.wantBooks("o1", 1, 0)
	})
}

func TestUnknownPastTheTermIsVoidedOrKept(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.manual = true
		s.place("unpaid", simulated.Approve)
		s.place("paid", simulated.Approve)
		s.run()
		late := s.calls
		s.calls = nil
		for _, c := range late {
			if c.OrderID == "paid" {
				s.perform(c) // captured, and never heard of
			}
		}
		s.later(hold)
		s.wantStock(8, 2, 0) // until a void is confirmed
		for _, void := range s.calls {
			s.handle(event.Payment, event.Event{Type: event.GatewayUnknown, Version: event.Version, Ref: void.Ref})
		}
		s.run()
		s.wantStock(8, 2, 0)
		for _, void := range s.calls {
			s.answer(void)
		}
		s.run()
		s.want("unpaid", order.Cancelled, order.HoldExpired)
		s.want("paid", order.Completed, "")
		for _, c := range late {
			s.answer(c) // the captures that were still on their way
		}
		s.run()
		s.wantBooks("unpaid", 0, 0)
		s.wantBooks("paid", 1, 0)
		s.wantStock(9, 0, 1)
	})
}

// TestCaptureInFlightWhenTheVoidIsAsked has a client cancel while a capture is on
// its way, to a processor whose void is final and to one that an adapter helps.
func TestCaptureInFlightWhenTheVoidIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		captureFirst, weak bool
		books              int // captures, and as many refunds
	}{
		"the capture arrives first":                    {captureFirst: true, books: 1},
		"the void arrives first, and is final":         {books: 0},
		"the capture arrives first, the void is weak":  {captureFirst: true, weak: true, books: 1},
		"the void arrives first, the adapter captures": {weak: true, books: 1},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				if c.weak {
					s.gateway = gateway.VoidByCapture{Gateway: forgetsVoids{s.gateway}}
				}
				s.manual = true
				s.place("o1", simulated.Approve)
				s.run()
				s.cancel("o1")
				s.run()
				s.wantStock(9, 1, 0)
				first, second := s.call(event.Void), s.call(event.Capture)
				if c.captureFirst {
					first, second = second, first
				}
				s.manual = false
				s.answer(first)
				s.answer(second)
				s.run()
				s.want("o1", order.Cancelled, order.CancelledByClient)
				s.wantStock(10, 0, 0)
				s.wantBooks("o1", c.books, c.books)
			})
		})
	}
}

// forgetsVoids is a processor that cannot void a key that it has not seen: it
// says that it has, and captures when the request arrives after all.
type forgetsVoids struct{ payment.Gateway }

func (forgetsVoids) Void(context.Context, payment.Charge) (payment.Answer, error) {
	return payment.AnswerVoided, nil
}

func TestAHoldsEndAtAProcessorThatCannotVoid(t *testing.T) {
	for method, want := range map[string]order.Status{simulated.Approve: order.Completed, simulated.Decline: order.Cancelled} {
		t.Run(method, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.gateway = gateway.VoidByCapture{Gateway: forgetsVoids{s.gateway}}
				s.manual = true
				s.place("o1", method)
				s.run()
				s.later(hold)
				s.answer(s.call(event.Void)) // the adapter asks for the outcome
				s.answer(s.call(event.Capture))
				s.run()
				paid := want == order.Completed
				s.want("o1", want, map[bool]string{false: order.HoldExpired}[paid])
				s.wantBooks("o1", map[bool]int{true: 1}[paid], 0)
			})
		})
	}
}

// forgetsDeclines is a processor that declines a key once, and captures if it is
// asked again.
type forgetsDeclines struct {
	payment.Gateway
	declined map[string]bool
}

func (g forgetsDeclines) Capture(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	if !g.declined[c.Key] {
		g.declined[c.Key] = true
		return payment.AnswerDeclined, nil
	}
	return g.Gateway.Capture(ctx, c)
}

func TestAProcessorThatForgetsDeclinesChargesNobody(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.gateway = gateway.FinalDeclines{Gateway: forgetsDeclines{s.gateway, map[string]bool{}}}
		s.manual = true
		s.place("o1", simulated.Approve)
		s.run()
		if len(s.calls) < 2 {
			s.t.Fatalf("the redelivery asked for no second capture: %v", s.calls)
		}
		for _, c := range s.calls {
			s.answer(c)
		}
		s.run()
		s.want("o1", order.PaymentFailed, order.CardDeclined)
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 0, 0)
	})
}

func TestAStaleAnswerChangesNothing(t *testing.T) {
	for state, play := range map[payment.State]func(*stage){
		payment.Captured: func(s *stage) { s.place("o1", simulated.Approve) },
		payment.Declined: func(s *stage) { s.place("o1", simulated.Decline) },
		payment.Voided:   func(s *stage) { s.place("o1", simulated.Down); s.run(); s.cancel("o1") },
		payment.Refunded: func(s *stage) { s.place("o1", simulated.Approve); s.run(); s.refund("o1", false) },
	} {
		t.Run(string(state), func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				play(s)
				s.run()
				before := s.records("o1")
				if p := before[2].(payment.Payment); p.State != state {
					s.t.Fatalf("the payment is %s", p.State)
				}
				stale := event.Event{Version: event.Version, Ref: s.order("o1").Ref}
				for _, stale.Type = range []event.Type{event.GatewayDeclined, event.GatewayVoided, event.GatewayUnknown, event.GatewayRefunded, event.GatewayCaptured} {
					s.handle(event.Payment, stale)
					s.wantUnchanged("o1", before, string(stale.Type))
				}
				if len(s.inbox)+len(s.calls) > 0 {
					s.t.Errorf("stale answers led to %v %v", s.inbox, s.calls)
				}
			})
		})
	}
}

func TestDeclinedGivesTheStockBack(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.place("o1", simulated.Decline)
		s.run()
		s.want("o1", order.PaymentFailed, order.CardDeclined)
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 0, 0)
	})
}
