package enginetest

import (
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"
)

var changeTests = []storeTest{
	{"Apply makes a change as Order.Apply describes", applyAsDescribed},
	{"Apply leaves an order alone that is in none of the From statuses", applyElsewhere},
	{"Apply leaves an order from each of the From statuses", applyFromEach},
	{"Apply makes the changes of one order one after another", applyInTurn},
	{"Apply finds an order by its id alone", applyByID},
	{"Apply without a From only reads", applyReads},
	{"Apply returns the zero Order where there is none", applyUnknown},
	{"Apply answers each of many changes in its place", applyMany},
	{"Apply never lets the history's times go back", historyNeverGoesBack},
	{"Apply makes an order due at its hold's end at the latest", dueAtHoldsEnd},
	{"Apply writes a refund's restock once", restockIsFixed},
}

var pending = []order.Status{order.Pending}

// story brings one order through everything an order can learn.
func story(r event.Ref) []order.Change {
	priced := []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}
	return []order.Change{
		{Ref: r, From: pending, To: order.Reserved, At: after(1), Due: after(40), Lines: priced, Total: price},
		{Ref: r, From: []order.Status{order.Pending, order.Reserved}, To: order.Completed, At: after(3), ReservedAt: after(2)},
		{Ref: r, From: []order.Status{order.Completed}, To: order.Refunding, At: after(4), Due: after(60), Restock: true},
		{Ref: r, From: []order.Status{order.Refunding}, To: order.Refunded, At: after(5)},
	}
}

func applyAsDescribed(t *testing.T, e *engine.Engine) {
	want := create(t, e, newOrder("story"))[0]
	follow := func(c order.Change) {
		t.Helper()
		want.Apply(c)
		wantSame(t, string(c.To), change(t, e, c), want)
		wantSame(t, string(c.To)+" as read", must(e.Orders.Get(t.Context(), want.OrderID))(t), want)
	}
	for _, c := range story(want.Ref) {
		follow(c)
	}
	if want.Version() != 5 || !want.Due.IsZero() || !want.Restock || want.Total != price {
		t.Errorf("the story ends with %+v", want)
	}
	want = create(t, e, newOrder("refused"))[0]
	follow(order.Change{Ref: want.Ref, From: pending, To: order.FailedNoStock, Reason: "out_of_stock", At: after(1),
		Short: []event.Shortfall{{SKU: "A123", Qty: 1}, {SKU: "B", Qty: 5, Available: 4}}})
	want = create(t, e, newOrder("by-way-of-a-hold"))[0]
	follow(order.Change{Ref: want.Ref, From: pending, To: order.PaymentFailed, Reason: order.CardDeclined, At: after(2), ReservedAt: after(1)})
	if want.History[1].Status != order.Reserved {
		t.Errorf("the history shows no hold: %+v", want.History)
	}
}

func applyElsewhere(t *testing.T, e *engine.Engine) {
	o := create(t, e, newOrder("o"))[0]
	w := must(e.Orders.Apply(t.Context(), []order.Change{
		{Ref: o.Ref, From: []order.Status{order.Completed, order.Reserved}, To: order.Refunding, At: after(1), Due: after(9), Restock: true, Total: price},
	}))(t)
	if w[0].Changed {
		t.Error("changed from a status that is not in From")
	}
	wantSame(t, "answer", w[0].Record, o)
	wantSame(t, "read", must(e.Orders.Get(t.Context(), "o"))(t), o)
}

func applyFromEach(t *testing.T, e *engine.Engine) {
	var from []order.Status
	for i, s := range order.Statuses {
		from = append(from, s)
		o := create(t, e, newOrders(string(s), 1)...)[0]
		if s == order.Pending {
			continue
		}
		c := order.Change{Ref: o.Ref, From: pending, To: s, At: after(i)}
		if !s.Ended() {
			c.Due = after(90)
		}
		change(t, e, c)
	}
	for _, o := range must(e.Orders.Scan(t.Context(), 0, 100))(t) {
		got := change(t, e, order.Change{Ref: o.Ref, From: from, To: order.Cancelled, At: after(20)})
		if got.Status != order.Cancelled || got.Version() != o.Version()+1 {
			t.Errorf("from %s: %+v", o.Status, got)
		}
	}
}

func applyInTurn(t *testing.T, e *engine.Engine) {
	o := create(t, e, newOrder("o"))[0]
	want := o.Clone()
	for i, w := range must(e.Orders.Apply(t.Context(), story(o.Ref)))(t) {
		want.Apply(story(o.Ref)[i])
		if !w.Changed {
			t.Fatalf("change %d was not made: %+v", i, w.Record)
		}
		wantSame(t, "after its change", w.Record, want)
	}
	wantSame(t, "read", must(e.Orders.Get(t.Context(), "o"))(t), want)
}

func applyByID(t *testing.T, e *engine.Engine) {
	o := create(t, e, newOrder("o"))[0]
	got := change(t, e, order.Change{Ref: event.Ref{OrderID: "o"}, From: pending, To: order.Cancelling, At: after(1), Due: after(9)})
	if got.Ref != o.Ref || got.Status != order.Cancelling {
		t.Errorf("by id alone: %+v", got)
	}
}

func applyReads(t *testing.T, e *engine.Engine) {
	o := create(t, e, newOrder("o"))[0]
	w := must(e.Orders.Apply(t.Context(), []order.Change{{Ref: o.Ref, At: after(1), Total: price, Lines: []event.Line{line("X", 2)}}}))(t)
	if w[0].Changed {
		t.Error("a read is said to have changed the order")
	}
	wantSame(t, "answer", w[0].Record, o)
	wantSame(t, "read", must(e.Orders.Get(t.Context(), "o"))(t), o)
}

func applyUnknown(t *testing.T, e *engine.Engine) {
	create(t, e, newOrder("o"))
	w := must(e.Orders.Apply(t.Context(), []order.Change{
		{Ref: event.Ref{OrderID: "none"}, From: pending, To: order.Completed, At: after(1)},
		{Ref: event.Ref{OrderID: "none", Number: 1 << 40}},
	}))(t)
	for _, w := range w {
		if w.Changed {
			t.Error("an order that does not exist was changed")
		}
		wantSame(t, "answer", w.Record, order.Order{})
	}
	_, err := e.Orders.Get(t.Context(), "none")
	wantCode(t, "Get", err, event.NotFound)
}

// applyMany mixes changes that are made, refused, read and of unknown orders.
func applyMany(t *testing.T, e *engine.Engine) {
	orders := create(t, e, newOrders("o", 120)...)
	changes := make([]order.Change, len(orders))
	want := make([]event.Written[order.Order], len(orders))
	for i, o := range orders {
		changes[i] = order.Change{Ref: o.Ref, From: pending, To: order.Completed, At: after(i), ReservedAt: after(i)}
		want[i] = event.Written[order.Order]{Record: o}
		switch i % 4 {
		case 0:
			want[i].Record.Apply(changes[i])
			want[i].Changed = true
		case 1:
			changes[i].From = []order.Status{order.Reserved}
		case 2:
			changes[i].From, changes[i].To = nil, ""
		case 3:
			changes[i].Ref, want[i].Record = event.Ref{OrderID: "not-" + o.OrderID}, order.Order{}
		}
	}
	wantSame(t, "answers", must(e.Orders.Apply(t.Context(), changes))(t), want)
}

func historyNeverGoesBack(t *testing.T, e *engine.Engine) {
	o := create(t, e, newOrder("o"))[0]
	change(t, e, order.Change{Ref: o.Ref, From: pending, To: order.Completed, At: after(-500), ReservedAt: after(-3600)})
	change(t, e, order.Change{Ref: o.Ref, From: []order.Status{order.Completed}, To: order.Refunding, At: after(7), Due: after(50)})
	change(t, e, order.Change{Ref: o.Ref, From: []order.Status{order.Refunding}, To: order.Refunded, At: after(6)})
	history := must(e.Orders.Get(t.Context(), "o"))(t).History
	want := []order.Entry{
		{Status: order.Pending, At: start}, {Status: order.Reserved, At: start}, {Status: order.Completed, At: start},
		{Status: order.Refunding, At: after(7)}, {Status: order.Refunded, At: after(7)},
	}
	wantSame(t, "history", history, want)
}

func dueAtHoldsEnd(t *testing.T, e *engine.Engine) {
	late := start.Add(2 * terms.Hold)
	o := create(t, e, newOrders("o", 2)...)
	got := change(t, e, order.Change{Ref: o[0].Ref, From: pending, To: order.Reserved, At: after(1), Due: late})
	wantSame(t, "due of a held order", got.Due, o[0].HoldUntil)
	got = change(t, e, order.Change{Ref: o[1].Ref, From: pending, To: order.Cancelling, At: after(1), Due: late})
	wantSame(t, "due of a cancelled one", got.Due, late)
}

func restockIsFixed(t *testing.T, e *engine.Engine) {
	for _, restock := range []bool{true, false} {
		o := create(t, e, newOrders(map[bool]string{true: "yes", false: "no"}[restock], 1)...)[0]
		change(t, e, order.Change{Ref: o.Ref, From: pending, To: order.Completed, At: after(1), Restock: !restock})
		change(t, e, order.Change{Ref: o.Ref, From: []order.Status{order.Completed}, To: order.Refunding, At: after(2), Due: after(9), Restock: restock})
		got := change(t, e, order.Change{Ref: o.Ref, From: []order.Status{order.Refunding}, To: order.Refunded, At: after(3), Restock: !restock})
		if got.Restock != restock {
			t.Errorf("restock is %t, REFUNDING wrote %t", got.Restock, restock)
		}
	}
}
