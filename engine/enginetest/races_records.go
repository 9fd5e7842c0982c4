package enginetest

import (
	"sync/atomic"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"
	"holdfast/payment"
)

var recordRaceTests = []storeTest{
	{"one message in parallel changes an order once", raceOrderMessage},
	{"cancel and completion of one order in parallel have one winner", raceCancelCompletion},
	{"two refunds that differ in parallel have one winner", raceRefunds},
	{"two sweepers in parallel postpone an order once", raceSweepers},
	{"one message in parallel starts one payment", racePaymentMessage},
	{"two answers to one charge in parallel have one winner", raceAnswers},
	{"cancel and capture of one payment in parallel end in a void", raceCancelCapture},
}

func raceOrderMessage(t *testing.T, e *engine.Engine) {
	o := create(t, e, newOrder("o"))[0]
	for i, typ := range []event.Type{event.PaymentPending, event.StockSettled} {
		var changed atomic.Int32
		inParallel(t, 20, func(int) error {
			s := orderService(e)
			s.Changed = func(order.Order, event.Event) { changed.Add(1) }
			m := orderMessage(typ, o.Ref)
			results, err := s.Handle(t.Context(), after(10), []event.Event{m, m})
			for _, r := range results {
				if r.Dead != nil {
					return r.Dead
				}
			}
			return err
		})
		if now := must(e.Orders.Get(t.Context(), "o"))(t); changed.Load() != 1 || now.Version() != i+2 {
			t.Errorf("%s changed the order %d times: %+v", typ, changed.Load(), now.History)
		}
	}
}

func raceCancelCompletion(t *testing.T, e *engine.Engine) {
	orders := create(t, e, newOrders("o", 20)...)
	accepted := make([]bool, len(orders))
	inParallel(t, 2*len(orders), func(i int) error {
		o := orders[i/2]
		if i%2 == 1 {
			_, err := orderService(e).Handle(t.Context(), after(10), []event.Event{orderMessage(event.StockSettled, o.Ref)})
			return err
		}
		_, send, err := orderService(e).Cancel(t.Context(), after(10), o.OrderID)
		if accepted[i/2] = err == nil; accepted[i/2] && send.Type != event.CancelRequestedClient {
			t.Errorf("an accepted cancel sends %q", send.Type)
		}
		if err != nil {
			wantCode(t, "Cancel", err, event.Conflict)
		}
		return nil
	})
	for i, o := range orders {
		want := order.Completed
		if accepted[i] {
			want = order.Cancelling
		}
		if got := must(e.Orders.Get(t.Context(), o.OrderID))(t).Status; got != want {
			t.Errorf("%s is %s; its cancel was accepted: %t", o.OrderID, got, accepted[i])
		}
	}
}

func raceRefunds(t *testing.T, e *engine.Engine) {
	o := follow(t, e, "o", event.StockSettled)
	var accepted [2]atomic.Int32
	inParallel(t, 20, func(i int) error {
		if _, _, err := orderService(e).Refund(t.Context(), after(20), o.OrderID, i%2 == 1); err == nil {
			accepted[i%2].Add(1)
		} else {
			wantCode(t, "Refund", err, event.Conflict)
		}
		return nil
	})
	now := must(e.Orders.Get(t.Context(), "o"))(t)
	won, lost := accepted[0].Load(), accepted[1].Load()
	if now.Restock {
		won, lost = lost, won
	}
	if won != 10 || lost != 0 || now.Status != order.Refunding {
		t.Errorf("%d refunds were accepted as written, %d otherwise; %+v", won, lost, now)
	}
}

func raceSweepers(t *testing.T, e *engine.Engine) {
	create(t, e, newOrders("o", 20)...)
	var swept atomic.Int32
	inParallel(t, 4, func(int) error {
		events, err := orderService(e).Sweep(t.Context(), after(40), 100)
		swept.Add(int32(len(events)))
		return err
	})
	if swept.Load() < 20 {
		t.Errorf("%d of 20 orders were swept", swept.Load())
	}
	for _, o := range must(e.Orders.Scan(t.Context(), 0, 100))(t) {
		if o.Attempts != 1 || !o.Due.Equal(after(40).Add(2*terms.Silence)) {
			t.Errorf("%s has %d attempts, due %v", o.OrderID, o.Attempts, o.Due)
		}
	}
}

// payAtOnce hands messages of one order to payment services of their own, and
// returns how often the payment changed.
func payAtOnce(t *testing.T, e *engine.Engine, n int, message func(i int) event.Event) int {
	t.Helper()
	var changed atomic.Int32
	inParallel(t, n, func(i int) error {
		s := paymentService(e)
		s.Changed = func(payment.Payment, event.Event) { changed.Add(1) }
		results, err := s.Handle(t.Context(), after(10), []event.Event{message(i)})
		if err != nil {
			return err
		}
		return results[0].Dead
	})
	return int(changed.Load())
}

func racePaymentMessage(t *testing.T, e *engine.Engine) {
	for _, typ := range []event.Type{event.StockReserved, event.GatewayCaptured, event.RefundRequested, event.GatewayRefunded} {
		if n := payAtOnce(t, e, 20, func(int) event.Event { return paymentMessage(typ, ref(1)) }); n != 1 {
			t.Errorf("%s changed the payment %d times", typ, n)
		}
	}
	if p := paymentOf(t, e, ref(1)); p.State != payment.Refunded || p.Amount != price || !p.Restock {
		t.Errorf("the payment ends %+v", p)
	}
}

func raceAnswers(t *testing.T, e *engine.Engine) {
	answers := []event.Type{event.GatewayCaptured, event.GatewayDeclined}
	for n := range 10 {
		handle(t, paymentService(e), after(1), paymentMessage(event.StockReserved, ref(n)))
		changed := payAtOnce(t, e, 8, func(i int) event.Event { return paymentMessage(answers[i%2], ref(n)) })
		if s := paymentOf(t, e, ref(n)).State; changed != 1 || s != payment.Captured && s != payment.Declined {
			t.Errorf("the answers changed payment %d %d times; it is %s", n, changed, s)
		}
	}
}

func raceCancelCapture(t *testing.T, e *engine.Engine) {
	both := []event.Type{event.GatewayCaptured, event.CancelRequestedClient}
	for n := range 10 {
		handle(t, paymentService(e), after(1), paymentMessage(event.StockReserved, ref(n)))
		payAtOnce(t, e, 8, func(i int) event.Event { return paymentMessage(both[i%2], ref(n)) })
		if s := paymentOf(t, e, ref(n)).State; s != payment.VoidingClient {
			t.Errorf("payment %d is %s", n, s)
		}
	}
}
