package enginetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"
)

var tallyTests = []storeTest{
	{"Tally of nothing is nothing", tallyNothing},
	{"Tally counts each order in its status as it goes its way", tallyFollows},
	{"Tally counts an order once, however often it is asked for", tallyRepeats},
	{"Tally is right after writes in parallel", tallyInParallel},
}

// tallied counts the orders one by one.
func tallied(orders []order.Order) order.Tally {
	t := order.Tally{ByStatus: make(map[order.Status]int)}
	for _, o := range orders {
		if t.ByStatus[o.Status]++; !o.Status.Ended() {
			t.Open++
		}
	}
	return t
}

// settled is a tally without the statuses that no order has.
func settled(t order.Tally) order.Tally {
	for status, n := range t.ByStatus {
		if n == 0 {
			delete(t.ByStatus, status)
		}
	}
	return t
}

// sameTally tells in words how a tally differs from one that was counted one by one;
// empty: it does not. Where the engine counts open orders alone, those must be right.
func sameTally(got, want order.Tally) string {
	if got.ByStatus == nil {
		want.ByStatus = nil
	}
	if got, want := fmt.Sprint(settled(got)), fmt.Sprint(settled(want)); got != want {
		return fmt.Sprintf("the tally is %s, the orders are %s", got, want)
	}
	return ""
}

// allOrders reads every order.
func allOrders(t *testing.T, e *engine.Engine) []order.Order {
	t.Helper()
	return pages(t, 1000, func(last order.Order) ([]order.Order, error) { return e.Orders.Scan(t.Context(), last.Number, 1000) })
}

// wantTally checks the tally against the orders that are there.
func wantTally(t *testing.T, e *engine.Engine) {
	t.Helper()
	if differs := sameTally(must(e.Orders.Tally(t.Context()))(t), tallied(allOrders(t, e))); differs != "" {
		t.Error(differs)
	}
}

func tallyNothing(t *testing.T, e *engine.Engine) {
	got := must(e.Orders.Tally(t.Context()))(t)
	if got := settled(got); got.Open != 0 || len(got.ByStatus) != 0 {
		t.Errorf("the tally of no orders is %+v", got)
	}
}

func tallyFollows(t *testing.T, e *engine.Engine) {
	made := create(t, e, newOrders("o", 12)...)
	wantTally(t, e)
	for i, way := range [][]order.Status{
		{order.Reserved, order.Completed}, {order.Completed}, {order.Completed, order.Refunding}, {order.Completed, order.Refunding, order.Refunded},
		{order.FailedNoStock}, {order.PaymentFailed}, {order.Cancelling}, {order.Cancelling, order.Cancelled}, {order.Cancelled}, {order.Reserved},
	} {
		for _, to := range way {
			c := order.Change{Ref: made[i].Ref, From: order.Statuses, To: to, At: after(i)}
			if !to.Ended() {
				c.Due = after(60)
			}
			change(t, e, c)
			wantTally(t, e)
		}
	}
	wantNoError(t, e.Orders.Postpone(t.Context(), []order.Postponement{{Ref: made[10].Ref, From: made[10].Due, To: after(90), Attempts: 1}}))
	must(e.Orders.PullIn(t.Context(), after(30)))(t)
	wantTally(t, e)
	if open := must(e.Orders.Tally(t.Context()))(t).Open; open != 5 {
		t.Errorf("%d orders are open, want 5", open)
	}
}

func tallyRepeats(t *testing.T, e *engine.Engine) {
	asked := newOrders("o", 3)
	created := must(e.Orders.Create(t.Context(), []order.Order{asked[0], asked[1], asked[0]}))(t)
	must(e.Orders.Create(t.Context(), asked))(t)
	wantTally(t, e)
	end := order.Change{Ref: created[0].Order.Ref, From: pending, To: order.Completed, At: after(1)}
	must(e.Orders.Apply(t.Context(), []order.Change{end, end, {Ref: event.Ref{OrderID: "none"}, From: order.Statuses, To: order.Completed, At: after(1)}}))(t)
	must(e.Orders.Apply(t.Context(), []order.Change{end, {Ref: end.Ref, From: order.Statuses}}))(t)
	wantTally(t, e)
}

func tallyInParallel(t *testing.T, e *engine.Engine) {
	inParallel(t, 8, func(i int) error {
		for n := range 10 {
			o := newOrder(fmt.Sprintf("o-%d-%d", i%4, n)) // of two callers each
			created, err := e.Orders.Create(t.Context(), []order.Order{o})
			if err != nil {
				return err
			}
			end := order.Change{Ref: created[0].Order.Ref, From: pending, To: order.Completed, At: after(n)}
			if n%2 == 0 {
				end.To = order.PaymentFailed
			}
			if _, err := e.Orders.Apply(t.Context(), []order.Change{end}); err != nil {
				return err
			}
			if _, err := e.Orders.Tally(t.Context()); err != nil {
				return err
			}
		}
		return nil
	})
	wantTally(t, e)
	if got := must(e.Orders.Tally(t.Context()))(t); got.Open != 0 {
		t.Errorf("all orders have ended, and %d are open", got.Open)
	}
}

// tallyWithin is the comparison of wantTally for a machine.
func tallyWithin(ctx context.Context, s *side, orders []order.Order) error {
	got, err := s.Orders.Tally(ctx)
	if err != nil {
		return err
	}
	if differs := sameTally(got, tallied(orders)); differs != "" {
		return errors.New(differs)
	}
	return nil
}
