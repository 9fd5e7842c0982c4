package enginetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// deliveryTests bring the same orders to their ends under every kind of
// delivery: in order, reversed, shuffled; one by one and in batches; once and
// twice; and then with losses, unknown answers and writes that fail.
var deliveryTests = func() []storeTest {
	var tests []storeTest
	for _, batch := range []int{1, 8} {
		for _, copies := range []int{1, 2} {
			for _, p := range []struct {
				name string
				pick func(*rand.Rand, int) int
			}{
				{"in order", func(_ *rand.Rand, _ int) int { return 0 }},
				{"reversed", func(_ *rand.Rand, n int) int { return n - 1 }},
				{"shuffled", func(rng *rand.Rand, n int) int { return rng.IntN(n) }},
			} {
				tests = append(tests, storeTest{
					fmt.Sprintf("messages %s, %d times, in batches of %d lead to the same ends", p.name, copies, batch),
					func(t *testing.T, e *engine.Engine) { sameEnds(t, e, seeded(1, p.pick, batch, copies)) },
				})
			}
		}
	}
	for seed := range uint64(4) {
		tests = append(tests, storeTest{
			fmt.Sprintf("lost messages, unknown answers and failed writes lead to a right end, seed %d", seed),
			func(t *testing.T, e *engine.Engine) { rightEnds(t, e, seed) },
		})
	}
	return append(tests, storeTest{"messages of every version side by side lead to the same ends", everyVersionSameEnds})
}()

func seeded(seed uint64, pick func(*rand.Rand, int) int, batch, copies int) schedule {
	rng := rand.New(rand.NewPCG(seed, 0))
	return schedule{pick: func(n int) int { return pick(rng, n) }, batch: batch, copies: copies, rng: rng}
}

// client is one buyer's order and what becomes of it.
type client struct {
	request   order.Request
	end       order.Status // if the client leaves it alone
	cancels   bool
	cancelled bool // the cancel was accepted
	refunds   bool
	restock   bool
}

// clients are four of each kind.
func clients() []*client {
	var all []*client
	add := func(kind string, c client, method string, lines ...event.Line) {
		for i := range 4 {
			one := c
			one.request = order.Request{Caller: "local", UserID: "ann", OrderID: fmt.Sprint(kind, "-", i), PaymentMethod: method, Lines: lines}
			all = append(all, &one)
		}
	}
	one, two := line("A", 1), line("C", 2)
	add("pays", client{end: order.Completed}, "", one, two)
	add("declined", client{end: order.PaymentFailed}, "sim_decline", one)
	add("short", client{end: order.FailedNoStock}, "", one, line("B", 1))
	add("unknown", client{end: order.FailedNoStock}, "", line("ghost", 1))
	add("cancels", client{end: order.Completed, cancels: true}, "", two, one)
	add("declined-cancels", client{end: order.PaymentFailed, cancels: true}, "sim_decline", two)
	add("short-cancels", client{end: order.FailedNoStock, cancels: true}, "", line("B", 3), one)
	add("refunds", client{end: order.Completed, refunds: true}, "", one)
	add("restocks", client{end: order.Completed, refunds: true, restock: true}, "", two)
	return all
}

// trade lets the clients order, and cancel while their orders are under way.
func (w *world) trade(all []*client) {
	w.t.Helper()
	stockUp(w.t, w.e, "A", 100)
	stockUp(w.t, w.e, "B", 0)
	stockUp(w.t, w.e, "C", 100)
	w.breakWrites()
	for _, c := range all {
		var then func() error
		if c.cancels {
			then = func() error { return w.cancel(c) }
		}
		w.place(c.request, then)
	}
	w.run()
}

// cancel is a client's; 409 is an answer too.
func (w *world) cancel(c *client) error {
	_, send, err := w.orders.Cancel(w.t.Context(), w.now, c.request.OrderID)
	if errors.Is(err, event.Conflict) {
		return nil
	}
	c.cancelled = c.cancelled || err == nil
	w.send(send)
	return err
}

// refund lets the clients whose orders have completed take them back.
func (w *world) refund(all []*client) {
	w.t.Helper()
	for _, c := range all {
		if !c.refunds || w.order(c).Status != order.Completed {
			continue
		}
		w.bag = append(w.bag, item{ask: func() error {
			_, send, err := w.orders.Refund(w.t.Context(), w.now, c.request.OrderID, c.restock)
			w.send(send)
			return err
		}})
	}
	w.run()
}

func (w *world) order(c *client) order.Order {
	return must(w.e.Orders.Get(w.t.Context(), c.request.OrderID))(w.t)
}

func sameEnds(t *testing.T, e *engine.Engine, s schedule) {
	w, all := newWorld(t, e, s), clients()
	w.trade(all)
	w.check()
	for _, c := range all {
		want := c.end
		if c.cancelled {
			want = order.Cancelled
		}
		if o := w.order(c); o.Status != want {
			t.Errorf("%s ends %s %s, want %s", o.OrderID, o.Status, o.Reason, want)
		}
	}
	w.refund(all)
	w.check()
	for _, c := range all {
		if o := w.order(c); c.refunds && o.Status != order.Refunded {
			t.Errorf("%s ends %s, want a refund", o.OrderID, o.Status)
		}
	}
	if !w.now.Equal(start) {
		t.Error("the orders needed the sweeper, though nothing was lost")
	}
	w.repeatAll()
}

// repeatAll hands every message in once more, now that all orders have ended.
func (w *world) repeatAll() {
	w.t.Helper()
	before := w.records()
	for _, e := range slices.Backward(slices.Clone(w.sent)) {
		w.bag = append(w.bag, item{message: e})
	}
	w.run()
	for i, after := range w.records() {
		wantSame(w.t, "the records after a repeat of every message", after, before[i])
	}
}

func rightEnds(t *testing.T, e *engine.Engine, seed uint64) {
	s := seeded(seed, func(rng *rand.Rand, n int) int { return rng.IntN(n) }, 4, 1)
	s.lose, s.unknown, s.broken = 0.2, 0.3, 0.1
	w, all := newWorld(t, e, s), clients()
	w.trade(all)
	w.refund(all)
	e.SetFault(nil)
	w.check()
	for _, c := range all {
		o := w.order(c)
		expired := o.Status == order.Cancelled && o.Reason == order.HoldExpired
		switch {
		case c.cancelled && (o.Status != order.Cancelled || o.Reason != order.CancelledByClient):
			t.Errorf("%s ends %s %s after an accepted cancel", o.OrderID, o.Status, o.Reason)
		case !c.cancelled && !expired && o.Status != c.end && !(c.refunds && o.Status == order.Refunded):
			t.Errorf("%s ends %s %s, want %s", o.OrderID, o.Status, o.Reason, c.end)
		case o.Status == order.FailedNoStock && o.Reason != inventory.OutOfStock && o.Reason != inventory.UnknownSKU:
			t.Errorf("%s is refused for %q", o.OrderID, o.Reason)
		}
	}
}
