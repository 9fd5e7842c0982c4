package system_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
)

// TestTwoHundredBuyersOfAHundredUnits runs the whole system, workers and queues
// included, against two hundred buyers at once.
func TestTwoHundredBuyersOfAHundredUnits(t *testing.T) {
	for engine, open := range engines {
		for cards, method := range map[string]string{"all cards good": simulated.Approve, "some cards declined": ""} {
			t.Run(engine+", "+cards, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { drop(t, openOver(t, open(t)), method) })
			})
		}
	}
}

func drop(t *testing.T, w *world, method string) {
	w.gateway.DeclineRate = 0.3
	w.count(t, "A123", 100)
	var buyers sync.WaitGroup
	for i := range 200 {
		buyers.Go(func() { w.place(t, fmt.Sprint("o", i), "A123", 1, method) })
	}
	buyers.Wait()
	time.Sleep(time.Minute) // virtual
	w.stop()
	ends := map[order.Status]int{}
	for i := range 200 {
		o, err := w.engine.Orders.Get(t.Context(), fmt.Sprint("o", i))
		if err != nil {
			t.Fatal(err)
		}
		ends[o.Status]++
	}
	row, err := w.engine.Inventory.Stock(t.Context(), "A123")
	if err != nil || row.Available < 0 || row.Available+row.Sold != 100 || row.Sold != int64(ends[order.Completed]) {
		t.Errorf("the stock is %+v, %v; the orders ended %v", row, err, ends)
	}
	completed, failed, declined := ends[order.Completed], ends[order.FailedNoStock], ends[order.PaymentFailed]
	good := method == simulated.Approve
	if completed+failed+declined != 200 || completed > 100 || good && (completed != 100 || failed != 100) || !good && declined == 0 {
		t.Errorf("the orders ended %v", ends)
	}
	audited(t, w.engine)
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
		if answer := s.take(); answer.Type != event.StockRejected || answer.Reason != "out_of_stock" {
			s.t.Errorf("the redelivery is answered %s (%s)", answer.Type, answer.Reason)
		}
		s.run()
		s.want("o1", order.FailedNoStock, "out_of_stock")
		s.wantBooks("o1", 0, 0)
	})
}

func TestReleaseBeforeReserveLeavesATombstone(t *testing.T) {
	onEveryEngine(t, func(s *stage) {
		s.place("o1", simulated.Approve)
		late := s.take()
		s.cancel("o1")
		s.run()
		s.want("o1", order.Cancelled, order.CancelledByClient)
		s.deliver(late)
		s.wantStock(10, 0, 0)
		if answer := s.take(); answer.Type != event.StockReleasedVoided {
			s.t.Errorf("the late reserve is answered %s", answer.Type)
		}
		s.run()
		s.wantStock(10, 0, 0)
		s.wantBooks("o1", 0, 0)
	})
}

func TestAReleaseManyTimesReturnsTheStockOnce(t *testing.T) {
	for name, cause := range map[string]event.Type{"declined": event.PaymentDeclined, "voided": event.PaymentVoided} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(s *stage) {
				s.place("other", simulated.Approve) // its unit must stay held
				s.deliver(s.take())
				others := s.take()
				s.place("o1", map[event.Type]string{event.PaymentDeclined: simulated.Decline, event.PaymentVoided: simulated.Down}[cause])
				s.losing(cause)
				s.run()
				s.now = s.now.Add(hold)
				s.cancel("o1")
				s.run()
				s.found()
				s.wantStock(8, 2, 0)
				release := event.New(cause, s.order("o1").Ref, s.now)
				for range 10 {
					s.deliver(release)
					s.wantStock(9, 1, 0)
				}
				s.run()
				s.want("o1", order.Cancelled, order.CancelledByClient)
				s.inbox = []event.Event{others}
				s.run()
				s.wantStock(9, 0, 1)
			})
		})
	}
}
