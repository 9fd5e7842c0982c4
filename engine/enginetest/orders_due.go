package enginetest

import (
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/order"
)

var dueTests = []storeTest{
	{"Due returns the open orders that are due, the longest due first", dueLongestFirst},
	{"Due returns at most limit", dueLimit},
	{"Due follows an order's changes", dueFollowsChanges},
	{"Postpone moves Due and Attempts and nothing else", postponeMoves},
	{"Postpone leaves an order alone whose Due has moved", postponeMoved},
	{"Postpone leaves an order alone that has ended", postponeEnded},
	{"PullIn makes every later open order due at the time given", pullIn},
}

// dueAt are orders due so many seconds after start.
func dueAt(t *testing.T, e *engine.Engine, seconds ...int) []order.Order {
	t.Helper()
	orders := newOrders("o", len(seconds))
	for i, s := range seconds {
		orders[i].Due = after(s)
	}
	return create(t, e, orders...)
}

func dueLongestFirst(t *testing.T, e *engine.Engine) {
	o := dueAt(t, e, 30, 10, 20, 50, 40)
	got := must(e.Orders.Due(t.Context(), after(40), 100))(t)
	wantSame(t, "due", got, []order.Order{o[1], o[2], o[0], o[4]})
	if early := must(e.Orders.Due(t.Context(), after(10).Add(-time.Millisecond), 100))(t); len(early) != 0 {
		t.Errorf("due too early: %v", ids(early))
	}
}

func dueLimit(t *testing.T, e *engine.Engine) {
	o := dueAt(t, e, 30, 10, 20)
	wantSame(t, "due", must(e.Orders.Due(t.Context(), after(60), 2))(t), []order.Order{o[1], o[2]})
}

func dueFollowsChanges(t *testing.T, e *engine.Engine) {
	o := dueAt(t, e, 10, 20, 30)
	change(t, e, order.Change{Ref: o[0].Ref, From: pending, To: order.Completed, At: after(1)})
	o[1] = change(t, e, order.Change{Ref: o[1].Ref, From: pending, To: order.Cancelling, At: after(1), Due: after(35)})
	wantSame(t, "due", must(e.Orders.Due(t.Context(), after(60), 9))(t), []order.Order{o[2], o[1]})
	o[0] = change(t, e, order.Change{Ref: o[0].Ref, From: []order.Status{order.Completed}, To: order.Refunding, At: after(2), Due: after(5)})
	wantSame(t, "due with the refund", must(e.Orders.Due(t.Context(), after(60), 9))(t), []order.Order{o[0], o[2], o[1]})
}

func postponeMoves(t *testing.T, e *engine.Engine) {
	o := dueAt(t, e, 10, 20)
	wantNoError(t, e.Orders.Postpone(t.Context(), []order.Postponement{
		{Ref: o[0].Ref, From: o[0].Due, To: after(90), Attempts: 1},
		{Ref: o[1].Ref, From: o[1].Due, To: after(80), Attempts: 7},
	}))
	o[0].Due, o[0].Attempts = after(90), 1
	o[1].Due, o[1].Attempts = after(80), 7
	wantSame(t, "due", must(e.Orders.Due(t.Context(), after(90), 9))(t), []order.Order{o[1], o[0]})
	wantSame(t, "read", must(e.Orders.Get(t.Context(), o[0].OrderID))(t), o[0])
	wantSame(t, "after a change", change(t, e, order.Change{Ref: o[1].Ref, From: pending, To: order.Cancelling, At: after(1), Due: after(5)}).Attempts, 0)
}

func postponeMoved(t *testing.T, e *engine.Engine) {
	o := dueAt(t, e, 10, 20)
	late := order.Postponement{Ref: o[0].Ref, From: o[0].Due, To: after(90), Attempts: 1}
	wantNoError(t, e.Orders.Postpone(t.Context(), []order.Postponement{
		late,
		{Ref: o[1].Ref, From: after(19), To: after(70), Attempts: 3},
		{Ref: ref(1 << 20), From: after(20), To: after(70), Attempts: 3},
	}))
	late.To, late.Attempts = after(95), 2
	wantNoError(t, e.Orders.Postpone(t.Context(), []order.Postponement{late}))
	o[0].Due, o[0].Attempts = after(90), 1
	wantSame(t, "orders", must(e.Orders.Scan(t.Context(), 0, 9))(t), o)
}

func postponeEnded(t *testing.T, e *engine.Engine) {
	o := dueAt(t, e, 10)[0]
	ended := change(t, e, order.Change{Ref: o.Ref, From: pending, To: order.Completed, At: after(1)})
	for _, from := range []time.Time{o.Due, {}} {
		wantNoError(t, e.Orders.Postpone(t.Context(), []order.Postponement{{Ref: o.Ref, From: from, To: after(90), Attempts: 1}}))
		wantSame(t, "order", must(e.Orders.Get(t.Context(), o.OrderID))(t), ended)
	}
	if due := must(e.Orders.Due(t.Context(), after(900), 9))(t); len(due) != 0 {
		t.Errorf("an ended order is due: %v", ids(due))
	}
}

func pullIn(t *testing.T, e *engine.Engine) {
	o := dueAt(t, e, 10, 20, 30, 40, 50)
	o[4] = change(t, e, order.Change{Ref: o[4].Ref, From: pending, To: order.Completed, At: after(1)})
	if n := must(e.Orders.PullIn(t.Context(), after(20)))(t); n != 2 {
		t.Errorf("%d orders were pulled in, want 2", n)
	}
	o[2].Due, o[3].Due = after(20), after(20)
	wantSame(t, "orders", must(e.Orders.Scan(t.Context(), 0, 9))(t), o)
	if due := must(e.Orders.Due(t.Context(), after(20), 9))(t); len(due) != 4 {
		t.Errorf("due after the pull: %v", ids(due))
	}
	if n := must(e.Orders.PullIn(t.Context(), after(20)))(t); n != 0 {
		t.Errorf("%d orders were pulled in again", n)
	}
}
