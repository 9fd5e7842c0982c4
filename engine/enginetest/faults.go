package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// write is one writing method, called on a record of its own.
type write struct {
	name    string
	prepare func(t *testing.T, e *engine.Engine) // nil: nothing
	call    func(ctx context.Context, e *engine.Engine) error
	written func(t *testing.T, e *engine.Engine) bool
	again   event.Code                           // what a repeat says after it was written; empty: no error
	right   func(t *testing.T, e *engine.Engine) // what else must be true at the end; nil: nothing
}

// faultTests let each writing method fail before and after it persisted, and
// call it with a context that has ended; then they repeat the call.
var faultTests = func() []storeTest {
	var tests []storeTest
	for _, w := range slices.Concat(writes, adjustWrites, ledgerWrites, keyWrites) {
		tests = append(tests,
			storeTest{w.name + " that fails before it persisted wrote nothing, and may be repeated", w.failsAt(engine.BeforeCommit)},
			storeTest{w.name + " that fails after it persisted wrote all, and may be repeated", w.failsAt(engine.AfterCommit)},
			storeTest{w.name + " under a context that has ended fails, and may be repeated", w.underEndedContext},
		)
	}
	return append(tests, storeTest{"a hold whose answer was lost is not out of stock", holdAnswerLost})
}()

var writes = []write{
	{
		name: "order.Store.Create",
		call: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.Orders.Create(ctx, []order.Order{newOrder("o")})
			return err
		},
		written: func(t *testing.T, e *engine.Engine) bool { return orderIs(t, e, order.Pending) },
		right: func(t *testing.T, e *engine.Engine) {
			if all := must(e.Orders.Scan(t.Context(), 0, 9))(t); len(all) != 1 {
				t.Errorf("%d orders, want 1", len(all))
			}
		},
	},
	{
		name:    "order.Store.Apply",
		prepare: prepareOrder,
		call: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.Orders.Apply(ctx, []order.Change{{Ref: event.Ref{OrderID: "o"}, From: pending, To: order.Completed, At: after(1), ReservedAt: after(1), Total: price}})
			return err
		},
		written: func(t *testing.T, e *engine.Engine) bool { return orderIs(t, e, order.Completed) },
		right: func(t *testing.T, e *engine.Engine) {
			if o := must(e.Orders.Get(t.Context(), "o"))(t); o.Version() != 3 || o.Total != price {
				t.Errorf("the order ends %+v", o)
			}
		},
	},
	{
		name:    "order.Store.Postpone",
		prepare: prepareOrder,
		call: func(ctx context.Context, e *engine.Engine) error {
			o, err := e.Orders.Get(context.WithoutCancel(ctx), "o")
			if err != nil {
				return err
			}
			return e.Orders.Postpone(ctx, []order.Postponement{{Ref: o.Ref, From: start.Add(terms.Silence), To: after(90), Attempts: 1}})
		},
		written: func(t *testing.T, e *engine.Engine) bool {
			o := must(e.Orders.Get(t.Context(), "o"))(t)
			return o.Due.Equal(after(90)) && o.Attempts == 1
		},
	},
	{
		name:    "order.Store.PullIn",
		prepare: prepareOrder,
		call: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.Orders.PullIn(ctx, after(5))
			return err
		},
		written: func(t *testing.T, e *engine.Engine) bool {
			return must(e.Orders.Get(t.Context(), "o"))(t).Due.Equal(after(5))
		},
	},
	moving("hold", hold(ref(1), line("A", 2), line("B", 1)), nil, 0, 2, 0),
	moving("settle", settle(ref(1)), []inventory.Change{hold(ref(1), line("A", 2), line("B", 1))}, 0, 0, 2),
	moving("release", release(ref(1)), []inventory.Change{hold(ref(1), line("A", 2), line("B", 1))}, 2, 0, 0),
	moving("return", giveBack(ref(1), true), []inventory.Change{hold(ref(1), line("A", 2), line("B", 1)), settle(ref(1))}, 2, 0, 0),
	{
		name: "inventory.Store.Count",
		call: func(ctx context.Context, e *engine.Engine) error {
			_, err := count(ctx, e, inventory.Count{SKU: "A", OnHand: 7, Price: price, At: start})
			return err
		},
		written: func(t *testing.T, e *engine.Engine) bool {
			s, err := e.Inventory.Stock(t.Context(), "A")
			return err == nil && s.Available == 7
		},
		right: func(t *testing.T, e *engine.Engine) { wantStock(t, e, "A", 7, 0, 0) },
	},
	{
		name: "payment.Store.Apply",
		call: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.Payments.Apply(ctx, []payment.Change{charge(ref(1))})
			return err
		},
		written: func(t *testing.T, e *engine.Engine) bool { return paymentOf(t, e, ref(1)).State == payment.Charging },
	},
	{
		name: "event.DeadLetters.Put",
		call: func(ctx context.Context, e *engine.Engine) error {
			return e.DeadLetters[event.Payment].Put(ctx, []event.DeadLetter{letter(1)})
		},
		written: letterIsThere,
		right:   func(t *testing.T, e *engine.Engine) { wantLetters(t, e.DeadLetters[event.Payment], 1) },
	},
	{
		name: "event.DeadLetters.Delete",
		prepare: func(t *testing.T, e *engine.Engine) {
			wantNoError(t, e.DeadLetters[event.Payment].Put(t.Context(), []event.DeadLetter{letter(1)}))
		},
		call: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.DeadLetters[event.Payment].Delete(ctx, []event.DeadLetter{letter(1)})
			return err
		},
		written: func(t *testing.T, e *engine.Engine) bool { return !letterIsThere(t, e) },
		right:   func(t *testing.T, e *engine.Engine) { wantLetters(t, e.DeadLetters[event.Payment], 0) },
	},
}

// moving is a write that changes a reservation of two units of A, which are all
// there are; the counts are those of A afterwards.
func moving(name string, c inventory.Change, before []inventory.Change, available, reserved, sold int64) write {
	return write{
		name: "inventory.Store.Apply of a " + name,
		prepare: func(t *testing.T, e *engine.Engine) {
			stockUp(t, e, "A", 2)
			stockUp(t, e, "B", 1)
			for _, c := range before {
				move(t, e, c)
			}
		},
		call: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.Inventory.Apply(ctx, []inventory.Change{c})
			return err
		},
		written: func(t *testing.T, e *engine.Engine) bool {
			reservations, balances := snapshot(t, e)
			wantBalanced(t, reservations, balances)
			return reservation(t, e, ref(1)).State == c.To
		},
		right: func(t *testing.T, e *engine.Engine) { wantStock(t, e, "A", available, reserved, sold) },
	}
}

func prepareOrder(t *testing.T, e *engine.Engine) { create(t, e, newOrder("o")) }

func orderIs(t *testing.T, e *engine.Engine, s order.Status) bool {
	o, err := e.Orders.Get(t.Context(), "o")
	return err == nil && o.Status == s
}

func letterIsThere(t *testing.T, e *engine.Engine) bool {
	_, err := e.DeadLetters[event.Payment].Get(t.Context(), letter(1).ID)
	return err == nil
}

// failNth makes the nth question of a durable write's fault (0: the first) fail
// if it is about one of the points, and tells whether it has.
func failNth(e *engine.Engine, n int32, points ...engine.Point) (struck *atomic.Bool) {
	struck = new(atomic.Bool)
	var asked atomic.Int32
	e.SetFault(func(p engine.Point) error {
		for _, at := range points {
			if p == at && asked.Add(1) == n+1 {
				struck.Store(true)
				return errBroken
			}
		}
		return nil
	})
	return struck
}

func (w write) failsAt(p engine.Point) func(t *testing.T, e *engine.Engine) {
	return func(t *testing.T, e *engine.Engine) {
		w.begin(t, e)
		struck := failNth(e, 0, p)
		err := w.call(t.Context(), e)
		e.SetFault(nil)
		if !struck.Load() || !errors.Is(err, errBroken) {
			t.Fatalf("the write failed: %t; the method says %v", struck.Load(), err)
		}
		if got := w.written(t, e); got != (p == engine.AfterCommit) {
			t.Errorf("written: %t", got)
		}
		w.repeat(t, e)
	}
}

func (w write) underEndedContext(t *testing.T, e *engine.Engine) {
	w.begin(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.call(ctx, e); err == nil {
		t.Error("no error under a context that has ended")
	}
	w.repeat(t, e)
}

func (w write) begin(t *testing.T, e *engine.Engine) {
	t.Helper()
	if w.prepare != nil {
		w.prepare(t, e)
	}
	if w.written(t, e) {
		t.Fatal("written before the call")
	}
}

// repeat makes the same call again, until it has nothing left to do.
func (w write) repeat(t *testing.T, e *engine.Engine) {
	t.Helper()
	for range 2 {
		there := w.written(t, e)
		if err := w.call(t.Context(), e); err != nil && !(there && w.again != "" && errors.Is(err, w.again)) {
			t.Errorf("a repeat fails: %v", err)
		}
		if !w.written(t, e) {
			t.Error("a repeat did not write")
		}
	}
	if w.right != nil {
		w.right(t, e)
	}
}

// holdAnswerLost repeats a hold of the last units, which finds none available.
func holdAnswerLost(t *testing.T, e *engine.Engine) {
	for n, p := range []engine.Point{engine.BeforeCommit, engine.AfterCommit} {
		sku := fmt.Sprint("A", n)
		stockUp(t, e, sku, 3)
		failNth(e, 0, p)
		if r, err := tell(t, e, placed(n, line(sku, 3))); !errors.Is(err, errBroken) {
			t.Errorf("a hold whose write failed answers %+v, %v", r, err)
		}
		e.SetFault(nil)
		for range 2 {
			r, err := tell(t, e, placed(n, line(sku, 3)))
			if err != nil || r.Send.Type != event.StockReserved {
				t.Errorf("the repeat says %s %s, %v", r.Send.Type, r.Send.Reason, err)
			}
		}
		wantStock(t, e, sku, 0, 3, 0)
	}
}
