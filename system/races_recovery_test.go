package system_test

import (
	"testing"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
	"holdfast/payment"
)

func TestTwoSweepersMakeDuplicatesOnly(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.OrderPlaced)
		s.place("o1", simulated.Approve)
		s.found()
		s.now = s.now.Add(silence)
		both, err := s.engine.Orders.Due(s.t.Context(), s.now, 10) // both read before either writes
		s.check(err)
		s.sweep(s.now)
		s.check(s.engine.Orders.Postpone(s.t.Context(), []order.Postponement{{Ref: both[0].Ref, From: both[0].Due, To: s.now.Add(time.Hour), Attempts: 9}}))
		if due := s.order("o1").Due; due.After(s.now.Add(2 * silence)) {
			s.t.Errorf("the slower sweeper moved the due time to %s", due)
		}
		s.send(s.inbox[0])
		s.run()
		s.want("o1", order.Completed, "")
		s.wantStock(9, 0, 1)
		s.wantBooks("o1", 1, 0)
	})
}

func TestTwoSweepersDisagreeAboutTheTerm(t *testing.T) {
	for name, reversed := range map[string]bool{"the slow clock's word arrives first": false, "the fast clock's word arrives first": true} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.losing(event.OrderPlaced)
				s.place("o1", simulated.Approve)
				s.found()
				s.sweep(s.now.Add(silence))              // it asks for the hold
				s.sweep(s.now.Add(hold + 5*time.Minute)) // for this one the term is over
				if reversed {
					s.inbox[0], s.inbox[1] = s.inbox[1], s.inbox[0]
				}
				s.run()
				s.want("o1", order.Cancelled, order.HoldExpired)
				s.wantStock(10, 0, 0)
				s.wantBooks("o1", 0, 0)
			})
		})
	}
}

func TestInventoryMissesPaymentsWord(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.PaymentCaptured)
		s.place("o1", simulated.Approve)
		s.run()
		s.want("o1", order.Pending, "")
		s.wantStock(9, 1, 0)
		s.found()
		s.later(silence)
		s.want("o1", order.Completed, "")
		s.wantStock(9, 0, 1)
	})
}

func TestCancelAfterADeclineThatTheOrderHasNotHeard(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.StockReleasedDeclined)
		s.place("o1", simulated.Decline)
		s.run()
		s.cancel("o1")
		s.found()
		s.run()
		s.want("o1", order.Cancelled, order.CancelledByClient)
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 0, 0)
	})
}

func TestCancelAfterTheStockHasSettledItsWordLost(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.StockSettled)
		s.place("o1", simulated.Approve)
		s.run()
		s.wantStock(9, 0, 1)
		s.found()
		s.cancel("o1")
		s.run()
		s.want("o1", order.Cancelled, order.CancelledByClient)
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 1, 1)
	})
}

func TestCancelOfAnOrderWhoseRefusalWasLost(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.StockRejected)
		s.placeLines("o1", simulated.Approve, event.Line{SKU: "B456", Qty: 1})
		s.run()
		s.found()
		s.cancel("o1")
		s.run()
		s.want("o1", order.Cancelled, order.CancelledByClient)
		s.wantBooks("o1", 0, 0)
	})
}

func TestARefundWhoseRequestIsLost(t *testing.T) {
	for name, restock := range map[string]bool{"restocked": true, "not restocked": false} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.place("o1", simulated.Approve)
				s.run()
				s.losing(event.RefundRequested)
				s.refund("o1", restock)
				s.found()
				s.want("o1", order.Refunding, "")
				s.later(silence)
				s.want("o1", order.Refunded, "")
				s.wantBooks("o1", 1, 1)
				if restock {
					s.wantStock(10, 0, 0)
				} else {
					s.wantStock(9, 0, 1)
				}
			})
		})
	}
}

func TestAClientsCancelAfterTheHoldsEndBegan(t *testing.T) {
	for name, captured := range map[string]bool{"captured": true, "uncharged": false} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.manual = true
				s.place("o1", simulated.Approve)
				s.run()
				if captured {
					_, err := payment.Perform(s.t.Context(), s.gateway, s.calls[0])
					s.check(err)
				}
				s.later(hold) // VOIDING(expired); the void is on its way
				s.cancel("o1")
				s.manual = false
				s.run()
				for _, c := range s.calls {
					s.answer(c)
				}
				s.run()
				s.want("o1", order.Cancelled, order.CancelledByClient)
				n := map[bool]int{true: 1, false: 0}[captured]
				s.wantBooks("o1", n, n)
				s.wantStock(10, 0, 0)
			})
		})
	}
}

func TestExpiryArrivingAfterTheEndChangesNothing(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.place("o1", simulated.Approve)
		s.run()
		expired := event.New(event.CancelRequestedExpired, s.order("o1").Ref, s.now.Add(hold))
		arrives := func(status order.Status) {
			s.want("o1", status, "")
			before := s.records("o1")
			s.deliver(expired)
			s.run()
			s.wantUnchanged("o1", before, "an expiry")
		}
		arrives(order.Completed)
		s.manual = true
		s.refund("o1", true)
		s.run()
		arrives(order.Refunding)
		s.manual = false
		s.answer(s.call(event.Refund))
		s.run()
		arrives(order.Refunded)
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 1, 1)
	})
}

func TestTheClockJumps(t *testing.T) {
	for name, c := range map[string]struct {
		jump   time.Duration
		end    order.Status
		reason string
	}{
		"an hour back":    {jump: -time.Hour, end: order.Completed},
		"an hour forward": {jump: time.Hour, end: order.Cancelled, reason: order.HoldExpired},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.losing(event.OrderPlaced)
				s.place("o1", simulated.Approve)
				s.found()
				s.now = s.now.Add(c.jump)
				s.sweep(s.now)
				if c.jump < 0 && len(s.inbox) > 0 {
					s.t.Error("the order was due before its time")
				}
				_, err := s.orders.Resync(s.t.Context(), s.now)
				s.check(err)
				s.later(s.orders.Terms.MaxBackoff())
				s.want("o1", c.end, c.reason)
			})
		})
	}
}
