package enginetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
)

var stockPageTests = []storeTest{
	{"Ledger pages to the end", ledgerPages},
	{"Ledger gives each row once while others are added", ledgerWhileAdding},
	{"Ledger refuses a cursor that it did not give out", ledgerBadCursor},
	{"Low returns the rows with the fewest units first, and ties in ascending bytes of SKU", lowFewestFirst},
	{"Low returns at most limit rows", lowLimit},
	{"Low follows the stock as it moves", lowFollows},
	{"Low returns exactly the rows that have so few units, however many that is", lowExact},
}

// walkLedger follows a SKU's ledger to its end, and calls between before each page
// but the first.
func walkLedger(t *testing.T, e *engine.Engine, q inventory.LedgerQuery, between func(page int)) (all []inventory.LedgerRow) {
	t.Helper()
	for page := 0; ; page++ {
		p := must(e.Inventory.Ledger(t.Context(), q))(t)
		if len(p.Rows) > q.Limit || page == 1000 {
			t.Fatalf("page %d has %d rows, limit %d", page, len(p.Rows), q.Limit)
		}
		all = append(all, p.Rows...)
		if p.Next == "" {
			return all
		}
		q.Cursor = p.Next
		between(page + 1)
	}
}

// addRows adds n rows to a SKU's ledger, each with a delta of its own.
func addRows(t *testing.T, e *engine.Engine, sku, prefix string, n int) {
	t.Helper()
	for i := range n {
		must(adjust(t.Context(), e, adjustment(fmt.Sprintf("%s-%s-%d", sku, prefix, i), sku, int64(i+1))))(t)
	}
}

func ledgerPages(t *testing.T, e *engine.Engine) {
	for _, sku := range []string{"A", "B"} {
		stockUp(t, e, sku, 5)
	}
	addRows(t, e, "A", "x", 6)
	addRows(t, e, "B", "x", 3)
	addRows(t, e, "A", "y", 5)
	want := ledgerRows(t, e, "A")
	if len(want) != 12 || want[0].AdjustmentID != "A-y-4" || want[11].Reason != inventory.ReasonCounted {
		t.Fatalf("the ledger: %+v", want)
	}
	for _, limit := range []int{1, 4, 5, 11, 12, 13} {
		got := walkLedger(t, e, inventory.LedgerQuery{SKU: "A", Limit: limit}, nothing)
		wantSame(t, fmt.Sprint("pages of ", limit), got, want)
	}
}

func ledgerWhileAdding(t *testing.T, e *engine.Engine) {
	for _, sku := range []string{"A", "B"} {
		stockUp(t, e, sku, 5)
	}
	addRows(t, e, "A", "there", 10)
	want := ledgerRows(t, e, "A")
	got := walkLedger(t, e, inventory.LedgerQuery{SKU: "A", Limit: 3}, func(page int) {
		addRows(t, e, "A", fmt.Sprint("late", page), 2)
		addRows(t, e, "B", fmt.Sprint("late", page), 2)
	})
	wantSame(t, "rows of the first page's time", got, want)
}

func ledgerBadCursor(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	addRows(t, e, "A", "x", 4)
	given := must(e.Inventory.Ledger(t.Context(), inventory.LedgerQuery{SKU: "A", Limit: 2}))(t).Next
	for _, cursor := range badCursors(given) {
		_, err := e.Inventory.Ledger(t.Context(), inventory.LedgerQuery{SKU: "A", Limit: 2, Cursor: cursor})
		wantCode(t, fmt.Sprintf("cursor %.40q", cursor), err, event.BadCursor)
	}
}

// low is what Low returns.
func low(t *testing.T, e *engine.Engine, atMost int64, limit int) []inventory.Stock {
	t.Helper()
	return must(e.Inventory.Low(t.Context(), atMost, limit))(t)
}

func skusOf(rows []inventory.Stock) []string {
	var all []string
	for _, row := range rows {
		all = append(all, row.SKU)
	}
	return all
}

func lowFewestFirst(t *testing.T, e *engine.Engine) {
	units := map[string]int64{"b": 3, "A": 0, "a": 3, "B": 10, "_": 0, "a-1": 11, "Z": 3, "10": 10, "9": 2}
	for sku, n := range units {
		stockUp(t, e, sku, n)
	}
	rows := low(t, e, 10, 100)
	wantSame(t, "low", skusOf(rows), []string{"A", "_", "9", "Z", "a", "b", "10", "B"})
	for _, row := range rows {
		wantSame(t, row.SKU, row, must(e.Inventory.Stock(t.Context(), row.SKU))(t))
	}
	wantSame(t, "sold out", skusOf(low(t, e, 0, 100)), []string{"A", "_"})
	if rows := low(t, e, -1, 100); len(rows) != 0 {
		t.Errorf("below zero: %+v", rows)
	}
}

func lowLimit(t *testing.T, e *engine.Engine) {
	if rows := low(t, e, 10, 5); len(rows) != 0 {
		t.Errorf("of no stock: %+v", rows)
	}
	for i := range 9 {
		stockUp(t, e, fmt.Sprint("sku", i), int64(8-i))
	}
	wantSame(t, "three", skusOf(low(t, e, 10, 3)), []string{"sku8", "sku7", "sku6"})
	wantSame(t, "one", skusOf(low(t, e, 1_000_000, 1)), []string{"sku8"})
}

func lowFollows(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 12)
	stockUp(t, e, "B", 4)
	for _, step := range []struct {
		change func()
		want   []string
	}{
		{func() {}, []string{"B"}},
		{func() { move(t, e, hold(ref(1), line("A", 9))) }, []string{"A", "B"}},
		{func() { move(t, e, settle(ref(1))) }, []string{"A", "B"}},
		{func() { must(adjust(t.Context(), e, adjustment("x", "B", -2)))(t) }, []string{"B", "A"}},
		{func() { move(t, e, giveBack(ref(1), true)) }, []string{"B"}},
		{func() { stockUp(t, e, "B", 10) }, []string{"B"}},
		{func() { stockUp(t, e, "B", 11) }, nil},
		{func() { move(t, e, hold(ref(2), line("A", 12), line("B", 11))) }, []string{"A", "B"}},
		{func() { move(t, e, release(ref(2))) }, nil},
	} {
		step.change()
		wantSame(t, "low", skusOf(low(t, e, 10, 9)), step.want)
	}
}

func lowExact(t *testing.T, e *engine.Engine) {
	for i := range 60 {
		stockUp(t, e, fmt.Sprint("sku", i), int64(i*7%31))
	}
	for n := range 40 {
		sku := func(k int) string { return fmt.Sprint("sku", (n*11+k)%60) }
		move(t, e, hold(ref(n+1), line(sku(0), int64(n%9+1)), line(sku(1), 2)))
		if n%3 == 0 {
			move(t, e, release(ref(n+1)))
		}
	}
	all := must(e.Inventory.List(t.Context(), "", 100))(t)
	slices.SortFunc(all, func(a, b inventory.Stock) int {
		return cmp.Or(cmp.Compare(a.Available, b.Available), cmp.Compare(a.SKU, b.SKU))
	})
	for _, atMost := range []int64{0, 1, 9, 10, 11, 20, 1 << 40} {
		var want []inventory.Stock
		for _, row := range all {
			if row.Available <= atMost {
				want = append(want, row)
			}
		}
		wantSame(t, fmt.Sprint("at most ", atMost), low(t, e, atMost, 100), want)
	}
}
