package enginetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

var batchFaultTests = []storeTest{
	{"a batch of new orders that fails anywhere leaves each whole or absent", brokenCreates},
	{"a batch of order changes that fails anywhere makes each wholly or not at all", brokenChanges},
	{"a batch of holds that fails anywhere makes each with its stock or not at all", brokenHolds},
	{"a batch of adjustments that fails anywhere makes each with its ledger row or not at all", brokenAdjustments},
	{"a batch of payments that fails anywhere leaves each whole or absent", brokenPayments},
	{"a batch of dead letters that fails anywhere leaves each whole or absent", brokenLetters},
	{"a batch of deletions that fails anywhere removes each letter or leaves it whole", brokenDeletions},
	{"a batch of postponements that fails anywhere makes each wholly or not at all", brokenPostponements},
	{"entries of one order that fail anywhere are all there or none", brokenEntries},
}

// batchSize is more than any one write of an engine should need to take whole.
const batchSize = 120

// batch is one batch of writes; each round has items of its own.
type batch struct {
	prepare func(round int) // nil: nothing
	call    func(round int) error
	// check looks at each item, which may be whole or absent, or must be whole.
	check func(round int, mustBeWhole bool)
}

// breakAnywhere runs a batch once for each point at which it can fail, and then
// repeats it. An engine may write each item by itself, and so have hundreds of
// points, all alike: beyond the first four, each is five times as far on as the last.
func (b batch) breakAnywhere(t *testing.T, e *engine.Engine) {
	t.Helper()
	for round, point := 0, 0; point < 10_000; round, point = round+1, max(point+1, 5*(point-2)) {
		if b.prepare != nil {
			b.prepare(round)
		}
		struck := failNth(e, int32(point), engine.BeforeCommit, engine.AfterCommit)
		err := b.call(round)
		e.SetFault(nil)
		if struck.Load() != errors.Is(err, errBroken) {
			t.Fatalf("the write failed: %t; the method says %v", struck.Load(), err)
		}
		b.check(round, !struck.Load())
		wantNoError(t, b.call(round))
		b.check(round, true)
		if !struck.Load() {
			return
		}
	}
	t.Fatal("a batch has no end of points to fail at")
}

// refsOf are the orders of one round.
func refsOf(round int) []event.Ref {
	all := make([]event.Ref, batchSize)
	for i := range all {
		all[i] = ref(1 + round*batchSize + i)
	}
	return all
}

func ordersOf(round int) []order.Order { return newOrders(fmt.Sprint("round", round), batchSize) }

func brokenCreates(t *testing.T, e *engine.Engine) {
	batch{
		call: func(round int) error {
			_, err := e.Orders.Create(t.Context(), ordersOf(round))
			return err
		},
		check: func(round int, mustBeWhole bool) {
			for _, want := range ordersOf(round) {
				got, err := e.Orders.Get(t.Context(), want.OrderID)
				if !mustBeWhole && errors.Is(err, event.NotFound) {
					continue
				}
				wantNoError(t, err)
				want.Number = got.Number
				wantSame(t, "order", got, want)
			}
			wantTally(t, e)
		},
	}.breakAnywhere(t, e)
}

// brokenOrders breaks a batch that does the same to each of a round's orders.
func brokenOrders(t *testing.T, e *engine.Engine, call func([]order.Order) error, whole func(*order.Order)) {
	t.Helper()
	var before []order.Order
	batch{
		prepare: func(round int) { before = create(t, e, ordersOf(round)...) },
		call:    func(int) error { return call(before) },
		check: func(_ int, mustBeWhole bool) {
			for _, o := range before {
				want := o.Clone()
				whole(&want)
				got := must(e.Orders.Get(t.Context(), o.OrderID))(t)
				if !mustBeWhole && got.Version() == o.Version() && got.Due.Equal(o.Due) {
					want = o
				}
				wantSame(t, "order", got, want)
			}
			wantTally(t, e)
		},
	}.breakAnywhere(t, e)
}

func brokenChanges(t *testing.T, e *engine.Engine) {
	changeOf := func(o order.Order) order.Change {
		return order.Change{Ref: o.Ref, From: pending, To: order.Completed, At: after(2), ReservedAt: after(1), Total: price,
			Lines: []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}}
	}
	brokenOrders(t, e, func(orders []order.Order) error {
		changes := make([]order.Change, len(orders))
		for i, o := range orders {
			changes[i] = changeOf(o)
		}
		_, err := e.Orders.Apply(t.Context(), changes)
		return err
	}, func(o *order.Order) { o.Apply(changeOf(*o)) })
}

func brokenPostponements(t *testing.T, e *engine.Engine) {
	brokenOrders(t, e, func(orders []order.Order) error {
		postponements := make([]order.Postponement, len(orders))
		for i, o := range orders {
			postponements[i] = order.Postponement{Ref: o.Ref, From: o.Due, To: after(500), Attempts: 4}
		}
		return e.Orders.Postpone(t.Context(), postponements)
	}, func(o *order.Order) { o.Due, o.Attempts = after(500), 4 })
}

func brokenHolds(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1_000_000)
	stockUp(t, e, "B", 1_000_000)
	batch{
		call: func(round int) error {
			changes := make([]inventory.Change, batchSize)
			for i, r := range refsOf(round) {
				changes[i] = hold(r, line("A", 2), line("B", 1))
			}
			_, err := e.Inventory.Apply(t.Context(), changes)
			return err
		},
		check: func(round int, mustBeWhole bool) {
			reservations, balances := snapshot(t, e)
			wantBalanced(t, reservations, balances)
			for _, r := range must(e.Inventory.Get(t.Context(), refsOf(round)))(t) {
				if r.State != inventory.Held && (mustBeWhole || r.State != inventory.None) {
					t.Errorf("%s is %q", r.OrderID, r.State)
				}
			}
		},
	}.breakAnywhere(t, e)
}

func brokenAdjustments(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1_000_000)
	stockUp(t, e, "B", 1_000_000)
	batchOf := func(round int) []inventory.Adjustment {
		all := make([]inventory.Adjustment, batchSize)
		for i := range all {
			all[i] = adjustment(fmt.Sprintf("a-%d-%d", round, i), string("AB"[i%2]), int64(1+i%3))
		}
		return all
	}
	batch{
		call: func(round int) error {
			adjusted, err := e.Inventory.Adjust(t.Context(), batchOf(round))
			for i, a := range adjusted {
				wantNoError(t, a.Err)
				wantSame(t, "row", a.Row, rowOf(batchOf(round)[i]))
			}
			return err
		},
		check: func(round int, mustBeWhole bool) {
			reservations, balances := snapshot(t, e)
			wantBalanced(t, reservations, balances)
			rows := 0
			for _, b := range balances {
				for _, row := range ledgerRows(t, e, b.SKU) {
					if strings.HasPrefix(row.AdjustmentID, fmt.Sprintf("a-%d-", round)) {
						rows++
					}
				}
			}
			if rows > batchSize || mustBeWhole && rows < batchSize {
				t.Errorf("%d of %d adjustments are in the ledger", rows, batchSize)
			}
		},
	}.breakAnywhere(t, e)
}

func brokenPayments(t *testing.T, e *engine.Engine) {
	batch{
		call: func(round int) error {
			changes := make([]payment.Change, batchSize)
			for i, r := range refsOf(round) {
				changes[i] = charge(r)
			}
			_, err := e.Payments.Apply(t.Context(), changes)
			return err
		},
		check: func(round int, mustBeWhole bool) {
			payments := must(e.Payments.Get(t.Context(), refsOf(round)))(t)
			for i, r := range refsOf(round) {
				var want payment.Payment
				if mustBeWhole || payments[i].State != payment.None {
					want.Apply(charge(r))
				}
				wantSame(t, "payment", payments[i], want)
			}
		},
	}.breakAnywhere(t, e)
}

// lettersOf are the dead letters of one round.
func lettersOf(round int) []event.DeadLetter {
	letters := make([]event.DeadLetter, batchSize)
	for i := range letters {
		letters[i] = letter(round*batchSize + i)
	}
	return letters
}

// wantLettersOf wants each letter of a round whole, or absent where it may be.
func wantLettersOf(t *testing.T, d event.DeadLetters, round int, mayBeAbsent bool) {
	t.Helper()
	for _, want := range lettersOf(round) {
		got, err := d.Get(t.Context(), want.ID)
		if mayBeAbsent && errors.Is(err, event.NotFound) {
			continue
		}
		wantNoError(t, err)
		wantSame(t, "letter", got, want)
	}
}

func brokenLetters(t *testing.T, e *engine.Engine) {
	d := e.DeadLetters[event.Inventory]
	batch{
		call:  func(round int) error { return d.Put(t.Context(), lettersOf(round)) },
		check: func(round int, mustBeWhole bool) { wantLettersOf(t, d, round, !mustBeWhole) },
	}.breakAnywhere(t, e)
}

func brokenDeletions(t *testing.T, e *engine.Engine) {
	d := e.DeadLetters[event.Inventory]
	batch{
		prepare: func(round int) { wantNoError(t, d.Put(t.Context(), lettersOf(round))) },
		call: func(round int) error {
			_, err := d.Delete(t.Context(), lettersOf(round))
			return err
		},
		check: func(round int, mustBeGone bool) {
			if wantLettersOf(t, d, round, true); mustBeGone {
				wantLetters(t, d, 0)
			}
		},
	}.breakAnywhere(t, e)
}

func brokenEntries(t *testing.T, e *engine.Engine) {
	batch{
		call: func(round int) error {
			r := ref(round + 1)
			return e.Ledger.Update(t.Context(), r, func([]simulated.Entry) []simulated.Entry {
				return []simulated.Entry{entry(r, "a"), entry(r, "b"), entry(r, "c")}
			})
		},
		check: func(round int, mustBeWhole bool) {
			if n := len(entriesOf(t, e, ref(round+1))); n != 3 && (mustBeWhole || n != 0) {
				t.Errorf("%d of 3 entries are there", n)
			}
		},
	}.breakAnywhere(t, e)
}
