package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
)

var adjustTests = []storeTest{
	{"Adjust moves the stock and adds a ledger row in the same write", adjustMoves},
	{"Adjust takes a batch one after another, and a refused one spares the others", adjustMany},
	{"Adjust replays an id with the ledger's first row and moves nothing", adjustReplays},
	{"Adjust replays an id that stands twice in a batch", adjustTwiceInBatch},
	{"Adjust says Mismatch of an id with another SKU or delta", adjustMismatch},
	{"Adjust says Conflict below zero, whatever is reserved", adjustBelowZero},
	{"Adjust says NotFound of an unknown SKU, and makes none", adjustUnknownSKU},
	{"Adjust says Conflict above the most that can be on hand", adjustAboveMost},
	{"Adjust leaves the id of a refused one unused", adjustRefusedID},
	{"Adjust raises the Version, so that a count of the one before is Stale", adjustVersion},
	{"Adjust through the service refuses what is out of bounds", adjustBounds},
}

var adjustRaceTests = []storeTest{
	{"one adjustment by many at once moves the stock once", raceOneAdjustment},
	{"adjustments and holds of the last units in parallel leave none below zero", raceAdjustHold},
	{"adjustments of one id and different deltas in parallel have one winner", raceAdjustDeltas},
}

var adjustWrites = []write{{
	name:    "inventory.Store.Adjust",
	prepare: func(t *testing.T, e *engine.Engine) { stockUp(t, e, "A", 5) },
	call: func(ctx context.Context, e *engine.Engine) error {
		_, err := adjust(ctx, e, adjustment("a-1", "A", -2))
		return err
	},
	written: func(t *testing.T, e *engine.Engine) bool {
		rows := ledgerRows(t, e, "A")
		there := rows[0].AdjustmentID == "a-1"
		wantStock(t, e, "A", 5-2*int64(len(rows)-1), 0, 0)
		return there
	},
	right: func(t *testing.T, e *engine.Engine) { wantStock(t, e, "A", 3, 0, 0) },
}}

func adjustment(id, sku string, delta int64) inventory.Adjustment {
	return inventory.Adjustment{ID: id, SKU: sku, Delta: delta, Reason: "damaged", At: after(7)}
}

// adjust makes one adjustment.
func adjust(ctx context.Context, e *engine.Engine, a inventory.Adjustment) (inventory.LedgerRow, error) {
	adjusted, err := e.Inventory.Adjust(ctx, []inventory.Adjustment{a})
	if err != nil {
		return inventory.LedgerRow{}, err
	}
	return adjusted[0].Row, adjusted[0].Err
}

// rowOf is the ledger's entry of an adjustment.
func rowOf(a inventory.Adjustment) inventory.LedgerRow {
	return inventory.LedgerRow{AdjustmentID: a.ID, SKU: a.SKU, Delta: a.Delta, Reason: a.Reason, At: a.At}
}

func wantRefused(t *testing.T, e *engine.Engine, a inventory.Adjustment, code event.Code) {
	t.Helper()
	row, err := adjust(t.Context(), e, a)
	wantCode(t, fmt.Sprintf("%+v", a), err, code)
	wantSame(t, "the row of a refused adjustment", row, inventory.LedgerRow{})
}

func adjustMoves(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 10)
	stockUp(t, e, "B", 1)
	move(t, e, hold(ref(1), line("A", 2)), hold(ref(2), line("A", 1)))
	move(t, e, settle(ref(2)))
	in, out := adjustment("in", "A", 5), adjustment("out", "A", -8)
	in.Reason, out.At = "délivré, à 9 h", after(8)
	for _, a := range []inventory.Adjustment{in, out} {
		wantSame(t, "answer", must(adjust(t.Context(), e, a))(t), rowOf(a))
	}
	want := []inventory.LedgerRow{rowOf(out), rowOf(in), {SKU: "A", Delta: 10, Reason: inventory.ReasonCounted, At: start}}
	wantSame(t, "ledger", ledgerRows(t, e, "A"), want)
	wantStock(t, e, "A", 4, 2, 1)
	wantStock(t, e, "B", 1, 0, 0)
	s := must(e.Inventory.Stock(t.Context(), "A"))(t)
	if s.Price != price || !s.UpdatedAt.Equal(out.At) {
		t.Errorf("the stock after an adjustment: %+v", s)
	}
	reservations, balances := snapshot(t, e)
	wantBalanced(t, reservations, balances)
}

func adjustMany(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	stockUp(t, e, "B", 5)
	batch := []inventory.Adjustment{
		adjustment("1", "A", -5), adjustment("2", "A", -1), adjustment("3", "ghost", 1),
		adjustment("4", "A", 1), adjustment("5", "A", -1), adjustment("6", "B", 2), adjustment("1", "B", -5),
	}
	codes := []event.Code{"", event.Conflict, event.NotFound, "", "", "", event.Mismatch}
	adjusted := must(e.Inventory.Adjust(t.Context(), batch))(t)
	if len(adjusted) != len(batch) {
		t.Fatalf("%d adjustments, %d answers", len(batch), len(adjusted))
	}
	for i, a := range adjusted {
		want := rowOf(batch[i])
		if codes[i] != "" {
			want = inventory.LedgerRow{}
			wantCode(t, fmt.Sprintf("adjustment %d", i+1), a.Err, codes[i])
		} else if a.Err != nil {
			t.Errorf("adjustment %d is refused: %v", i+1, a.Err)
		}
		wantSame(t, "row", a.Row, want)
	}
	wantStock(t, e, "A", 0, 0, 0)
	wantStock(t, e, "B", 7, 0, 0)
}

func adjustReplays(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	first := adjustment("once", "A", -5)
	want := must(adjust(t.Context(), e, first))(t)
	later := first
	later.Reason, later.At = "lost", after(90)
	for _, change := range []func(){
		func() {}, // now below zero, were it made again
		func() { stockUp(t, e, "A", 9) },
		func() { move(t, e, hold(ref(1), line("A", 9))) },
		func() { must(adjust(t.Context(), e, adjustment("other", "A", 1)))(t) },
	} {
		change()
		before, rows := must(e.Inventory.Stock(t.Context(), "A"))(t), ledgerRows(t, e, "A")
		for _, again := range []inventory.Adjustment{first, later} {
			wantSame(t, "the answer to a repeat", must(adjust(t.Context(), e, again))(t), want)
		}
		wantSame(t, "the stock after a repeat", must(e.Inventory.Stock(t.Context(), "A"))(t), before)
		wantSame(t, "the ledger after a repeat", ledgerRows(t, e, "A"), rows)
	}
	wantStock(t, e, "A", 1, 9, 0)
}

func adjustTwiceInBatch(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	first, again, other := adjustment("x", "A", -4), adjustment("x", "A", -4), adjustment("y", "A", -1)
	again.Reason, again.At = "lost", after(9)
	adjusted := must(e.Inventory.Adjust(t.Context(), []inventory.Adjustment{first, again, other, again}))(t)
	for i, want := range []inventory.Adjustment{first, first, other, first} {
		wantNoError(t, adjusted[i].Err)
		wantSame(t, fmt.Sprint("row ", i), adjusted[i].Row, rowOf(want))
	}
	wantStock(t, e, "A", 0, 0, 0)
}

func adjustMismatch(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 50)
	stockUp(t, e, "B", 50)
	first := adjustment("x", "A", -3)
	must(adjust(t.Context(), e, first))(t)
	for _, a := range []inventory.Adjustment{
		adjustment("x", "B", -3), adjustment("x", "A", -4), adjustment("x", "A", 3), adjustment("x", "ghost", -3), adjustment("x", "A", -500),
	} {
		wantRefused(t, e, a, event.Mismatch)
	}
	wantSame(t, "a repeat", must(adjust(t.Context(), e, first))(t), rowOf(first))
	must(adjust(t.Context(), e, adjustment("X", "A", -4)))(t) // ids are told apart by case
	wantStock(t, e, "A", 43, 0, 0)
	wantStock(t, e, "B", 50, 0, 0)
}

func adjustBelowZero(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 7)
	move(t, e, hold(ref(1), line("A", 4)), hold(ref(2), line("A", 1)))
	move(t, e, settle(ref(2)))
	before := must(e.Inventory.Stock(t.Context(), "A"))(t)
	for _, delta := range []int64{-3, -7, -inventory.MaxOnHand} {
		wantRefused(t, e, adjustment("x", "A", delta), event.Conflict)
	}
	wantSame(t, "stock", must(e.Inventory.Stock(t.Context(), "A"))(t), before)
	must(adjust(t.Context(), e, adjustment("x", "A", -2)))(t)
	wantStock(t, e, "A", 0, 4, 1)
}

func adjustUnknownSKU(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 7)
	for _, sku := range []string{"ghost", "a", "A "} {
		wantRefused(t, e, adjustment("x", sku, 3), event.NotFound)
		_, err := e.Inventory.Stock(t.Context(), sku)
		wantCode(t, "Stock", err, event.NotFound)
		if rows := ledgerRows(t, e, sku); len(rows) != 0 {
			t.Errorf("a refused adjustment left %+v", rows)
		}
	}
}

func adjustAboveMost(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", inventory.MaxOnHand)
	wantRefused(t, e, adjustment("x", "A", 1), event.Conflict)
	move(t, e, hold(ref(1), line("A", 2)), hold(ref(2), line("A", 1)))
	wantRefused(t, e, adjustment("x", "A", 1), event.Conflict) // what is reserved is on hand too
	move(t, e, settle(ref(2)))
	wantRefused(t, e, adjustment("x", "A", 2), event.Conflict)
	must(adjust(t.Context(), e, adjustment("x", "A", 1)))(t)
	wantStock(t, e, "A", inventory.MaxOnHand-2, 2, 1)
}

func adjustRefusedID(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1)
	wantRefused(t, e, adjustment("x", "A", -2), event.Conflict)
	wantRefused(t, e, adjustment("x", "B", -2), event.NotFound)
	stockUp(t, e, "B", 9)
	second := adjustment("x", "B", -2)
	wantSame(t, "with another SKU", must(adjust(t.Context(), e, second))(t), rowOf(second))
	wantStock(t, e, "A", 1, 0, 0)
	wantStock(t, e, "B", 7, 0, 0)
}

func adjustVersion(t *testing.T, e *engine.Engine) {
	seen := stockUp(t, e, "A", 5).Version
	must(adjust(t.Context(), e, adjustment("x", "A", 1)))(t)
	s := must(e.Inventory.Stock(t.Context(), "A"))(t)
	if s.Version <= seen {
		t.Errorf("an adjustment left version %d, was %d", s.Version, seen)
	}
	_, err := count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 9, IfVersion: &seen, At: after(9)})
	wantCode(t, "a count of the version before", err, event.Stale)
	must(adjust(t.Context(), e, adjustment("x", "A", 1)))(t)
	must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 9, IfVersion: &s.Version, At: after(9)}))(t)
	wantStock(t, e, "A", 9, 0, 0)
}

func adjustBounds(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	s := inventoryService(e)
	for _, a := range []inventory.Adjustment{
		adjustment("", "A", 1), adjustment("x", "", 1), adjustment("x", "A", 0),
		adjustment("x", "A", inventory.MaxOnHand+1), adjustment("x", "A", -inventory.MaxOnHand-1), adjustment("x", "A", 1<<62),
	} {
		_, err := s.Adjust(t.Context(), a)
		wantCode(t, fmt.Sprintf("%+v", a), err, event.Invalid)
	}
	_, err := s.Adjust(t.Context(), adjustment("x", "A", -6))
	wantCode(t, "below zero", err, event.Conflict)
	good := adjustment("x", "A", -5)
	for range 2 {
		wantSame(t, "row", must(s.Adjust(t.Context(), good))(t), rowOf(good))
	}
	wantStock(t, e, "A", 0, 0, 0)
}

func raceOneAdjustment(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 10)
	rows := make([]inventory.LedgerRow, 20)
	inParallel(t, len(rows), func(i int) (err error) {
		a := adjustment("x", "A", -3)
		a.Reason, a.At = fmt.Sprint("worker ", i), after(i)
		rows[i], err = adjust(t.Context(), e, a)
		return err
	})
	for _, row := range rows {
		wantSame(t, "answer", row, rows[0])
	}
	wantStock(t, e, "A", 7, 0, 0)
}

func raceAdjustHold(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 20)
	var out, held atomic.Int32
	inParallel(t, 60, func(i int) error {
		if i%2 == 0 {
			r, err := tell(t, e, placed(i+1, line("A", 1)))
			if r.Send.Type == event.StockReserved {
				held.Add(1)
			}
			return err
		}
		_, err := adjust(t.Context(), e, adjustment(fmt.Sprint("a-", i), "A", -1))
		if err == nil {
			out.Add(1)
		} else if errors.Is(err, event.Conflict) {
			return nil
		}
		return err
	})
	if out.Load()+held.Load() != 20 {
		t.Errorf("%d units went out and %d are held, of 20", out.Load(), held.Load())
	}
	wantStock(t, e, "A", 0, int64(held.Load()), 0)
}

func raceAdjustDeltas(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 100)
	var won atomic.Int64
	inParallel(t, 20, func(i int) error {
		row, err := adjust(t.Context(), e, adjustment("x", "A", -int64(i)-1))
		if errors.Is(err, event.Mismatch) {
			return nil
		}
		if !won.CompareAndSwap(0, row.Delta) {
			t.Errorf("adjustments by %d and by %d were both made", won.Load(), row.Delta)
		}
		return err
	})
	wantStock(t, e, "A", 100+won.Load(), 0, 0)
}
