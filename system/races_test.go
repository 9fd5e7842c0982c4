package system_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
	"holdfast/payment"
)

// The rows of the race checklist that play between the services. Each message is
// delivered twice throughout. docs/races.md says which row is which test.

func TestCrashAfterTheOrderIsStoredBeforeItsEventIsSent(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.OrderPlaced)
		s.place("o1", simulated.Approve)
		s.found()
		s.place("o1", simulated.Approve) // the client's retry replays, and sends nothing
		if len(s.inbox) != 0 {
			t.Errorf("a replay sent %v", s.inbox)
		}
		n, err := s.orders.Recover(t.Context(), s.now.Add(time.Second)) // the restart
		s.check(err)
		if n != 1 {
			t.Errorf("took up %d orders, want 1", n)
		}
		s.later(time.Second) // at once, not after the sweep's silence
		s.want("o1", order.Completed, "")
		s.wantBooks("o1", 1, 0)
	})
}

func TestCrashBeforeTheOrderIsStored(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		request := []order.Request{{Caller: "local", UserID: "u", Key: "k", Lines: []event.Line{{SKU: "A123", Qty: 1}}, PaymentMethod: simulated.Approve}}
		s.engine.SetFault(func(p engine.Point) error {
			if p == engine.BeforeCommit {
				return event.Errorf(event.Unavailable, "crash")
			}
			return nil
		})
		if _, err := s.orders.Place(t.Context(), s.now, request); !errors.Is(err, event.Unavailable) {
			t.Fatalf("Place = %v, want Unavailable", err)
		}
		s.engine.SetFault(nil)
		placed, err := s.orders.Place(t.Context(), s.now, request)
		s.check(err)
		if !placed[0].New {
			t.Error("the retry did not make the order")
		}
		s.send(placed[0].Send)
		s.run()
		s.want(placed[0].Order.OrderID, order.Completed, "")
	})
}

func TestTwoSKUsOneShortHoldsNothing(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.placeLines("o1", simulated.Approve, event.Line{SKU: "A123", Qty: 1}, event.Line{SKU: "B456", Qty: 1})
		s.run()
		s.want("o1", order.FailedNoStock, "out_of_stock")
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 0, 0)
	})
}

func TestARefusalIsFinal(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.placeLines("o1", simulated.Approve, event.Line{SKU: "B456", Qty: 1})
		redelivered := s.inbox[0]
		s.run()
		s.count("B456", 5)
		s.deliver(redelivered)
		s.run()
		s.want("o1", order.FailedNoStock, "out_of_stock")
	})
}

func TestReleaseBeforeReserveLeavesATombstone(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.place("o1", simulated.Approve)
		late := s.inbox[0]
		s.inbox = nil
		s.cancel("o1")
		s.run()
		s.want("o1", order.Cancelled, order.CancelledByClient)
		s.deliver(late)
		s.run()
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 0, 0)
	})
}

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

func TestCapturedCrashBeforeItIsRecorded(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.manual = true
		s.place("o1", simulated.Approve)
		s.run()
		_, err := payment.Perform(t.Context(), s.gateway, s.calls[0]) // captured; the answer dies with the process
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
		for _, c := range s.calls {
			if c.OrderID == "paid" {
				_, err := payment.Perform(t.Context(), s.gateway, c) // captured, and never heard of
				s.check(err)
			}
		}
		late := s.calls
		s.manual = false
		s.later(hold)
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

func TestCaptureInFlightWhenTheVoidIsAsked(t *testing.T) {
	for name, captureFirst := range map[string]bool{"the capture arrives first": true, "the void arrives first": false} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.manual = true
				s.place("o1", simulated.Approve)
				s.run()
				s.cancel("o1")
				s.run()
				var capture, void event.Call
				for _, c := range s.calls {
					if c.Op == event.Capture {
						capture = c
					} else {
						void = c
					}
				}
				s.manual = false
				if captureFirst {
					s.answer(capture)
					s.answer(void)
				} else {
					s.answer(void)
					s.answer(capture)
				}
				s.run()
				s.want("o1", order.Cancelled, order.CancelledByClient)
				s.wantStock(10, 0, 0)
				n := map[bool]int{true: 1, false: 0}[captureFirst]
				s.wantBooks("o1", n, n)
			})
		})
	}
}

func TestAStaleAnswerChangesNothing(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.place("o1", simulated.Approve)
		s.run()
		stale := event.Event{Version: event.Version, Ref: s.order("o1").Ref}
		for _, stale.Type = range []event.Type{event.GatewayDeclined, event.GatewayVoided, event.GatewayUnknown, event.GatewayRefunded, event.GatewayCaptured} {
			s.handle(event.Payment, stale)
		}
		s.run()
		s.want("o1", order.Completed, "")
		s.wantBooks("o1", 1, 0)
	})
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

func TestTwoSweepersMakeDuplicatesOnly(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.OrderPlaced)
		s.place("o1", simulated.Approve)
		s.found()
		s.now = s.now.Add(silence)
		both, err := s.engine.Orders.Due(t.Context(), s.now, 10) // both read before either writes
		s.check(err)
		s.sweep(s.now)
		s.check(s.engine.Orders.Postpone(t.Context(), []order.Postponement{{Ref: both[0].Ref, From: both[0].Due, To: s.now.Add(time.Hour), Attempts: 9}}))
		if due := s.order("o1").Due; due.After(s.now.Add(2 * silence)) {
			t.Errorf("the slower sweeper moved the due time to %s", due)
		}
		s.send(s.inbox[0])
		s.run()
		s.want("o1", order.Completed, "")
		s.wantStock(9, 0, 1)
		s.wantBooks("o1", 1, 0)
	})
}

func TestTwoSweepersDisagreeAboutTheTerm(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.OrderPlaced)
		s.place("o1", simulated.Approve)
		s.found()
		s.sweep(s.now.Add(silence))              // it asks for the hold
		s.sweep(s.now.Add(hold + 5*time.Minute)) // for this one the term is over
		s.run()
		if o := s.order("o1"); !o.Status.Ended() {
			t.Errorf("the order is %s", o.Status)
		}
	})
}

func TestInventoryMissesPaymentsWord(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.losing(event.PaymentCaptured)
		s.place("o1", simulated.Approve)
		s.run()
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
	for _, restock := range []bool{true, false} {
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
					_, err := payment.Perform(t.Context(), s.gateway, s.calls[0])
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
		expired := event.New(event.CancelRequestedExpired, s.order("o1").Ref, s.now)
		s.deliver(expired) // after COMPLETED
		s.run()
		s.want("o1", order.Completed, "")
		s.manual = true
		s.refund("o1", true)
		s.run()
		s.deliver(expired) // in the refund
		s.run()
		s.want("o1", order.Refunding, "")
		s.manual = false
		s.answer(s.calls[0])
		s.run()
		s.deliver(expired) // after it
		s.run()
		s.want("o1", order.Refunded, "")
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 1, 1)
	})
}

func TestVersionsAndEndsNeverGoBack(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		ctx := context.Background()
		last := order.Order{}
		poll := func() {
			o, err := s.engine.Orders.Get(ctx, "o1")
			s.check(err)
			ended := last.Status != "" && last.Status.Ended()
			if o.Version() < last.Version() || ended && o.Status != last.Status && o.Status != order.Refunding {
				t.Errorf("went from %s v%d to %s v%d", last.Status, last.Version(), o.Status, o.Version())
			}
			last = o
		}
		s.place("o1", simulated.Timeout)
		for range 3 {
			for len(s.inbox) > 0 {
				poll()
				e := s.inbox[0]
				s.inbox = s.inbox[1:]
				s.deliver(e)
			}
			s.now = s.now.Add(silence)
			s.sweep(s.now)
		}
		s.refund("o1", false)
		s.now = s.now.Add(-time.Hour) // the clock jumps back
		for len(s.inbox) > 0 {
			poll()
			e := s.inbox[0]
			s.inbox = s.inbox[1:]
			s.deliver(e)
		}
		poll()
		s.want("o1", order.Refunded, "")
		for i := 1; i < len(last.History); i++ {
			if last.History[i].At.Before(last.History[i-1].At) {
				t.Errorf("history goes back: %v", last.History)
			}
		}
	})
}
