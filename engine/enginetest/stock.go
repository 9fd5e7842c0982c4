package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/inventory"
)

var countTests = []storeTest{
	{"Count creates a SKU, and sets what lies on its shelf", countSets},
	{"Count keeps or sets the price", countPrice},
	{"Count takes a batch one after another, and a refused one spares the others", countMany},
	{"Count says Invalid of a new SKU without a price", countNeedsPrice},
	{"Count says Conflict below what is reserved", countBelowReserved},
	{"Count says Stale unless the Version is IfVersion", countStale},
	{"Count takes the greatest count and price", countGreatest},
	{"Count through the service refuses what could overflow", countBounds},
	{"Count adds a ledger row in the same write", countLedger},
}

var stockTests = []storeTest{
	{"Stock says NotFound of an unknown SKU", stockUnknown},
	{"Stock's Version rises with every change of the row", stockVersionRises},
	{"List returns the rows in ascending bytes of SKU after the one given", listStock},
	{"Ledger returns the newest rows first, at most limit", ledgerNewestFirst},
	{"Snapshot visits every reservation in ascending Number and returns every balance", snapshotAll},
	{"Snapshot stops with the error of its visitor", snapshotStops},
	{"Snapshot reads each SKU as of one instant, or says that it moved", snapshotInstant},
}

func countSets(t *testing.T, e *engine.Engine) {
	got := must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 7, Price: price, At: after(1)}))(t)
	want := inventory.Stock{SKU: "A", Available: 7, Price: price, Version: got.Version, UpdatedAt: after(1)}
	wantSame(t, "new", got, want)
	wantSame(t, "read", must(e.Inventory.Stock(t.Context(), "A"))(t), want)
	move(t, e, hold(ref(1), line("A", 2)), hold(ref(2), line("A", 1)))
	move(t, e, settle(ref(2)))
	stockUp(t, e, "A", 20)
	wantStock(t, e, "A", 18, 2, 1)
	stockUp(t, e, "A", 2)
	wantStock(t, e, "A", 0, 2, 1)
}

func countPrice(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 7)
	if s := must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 8, At: after(1)}))(t); s.Price != price {
		t.Errorf("a count without a price made it %v", s.Price)
	}
	euros := event.Money{Amount: 5, Currency: "EUR"}
	must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 8, Price: euros, At: after(1)}))(t)
	if s := must(e.Inventory.Stock(t.Context(), "A"))(t); s.Price != euros || s.Available != 8 {
		t.Errorf("a count with a price made %+v", s)
	}
}

func countMany(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 7)
	counted := must(e.Inventory.Count(t.Context(), []inventory.Count{
		{SKU: "B", OnHand: 1, Price: price, At: start}, {SKU: "C", OnHand: 2, At: start},
		{SKU: "A", OnHand: 8, At: start}, {SKU: "A", OnHand: 9, At: start},
	}))(t)
	wantNoError(t, counted[0].Err)
	wantCode(t, "a new SKU without a price", counted[1].Err, event.Invalid)
	wantNoError(t, counted[3].Err)
	wantSame(t, "units of A after each count", []int64{counted[2].Stock.Available, counted[3].Stock.Available}, []int64{8, 9})
	wantStock(t, e, "A", 9, 0, 0)
	wantStock(t, e, "B", 1, 0, 0)
}

func countNeedsPrice(t *testing.T, e *engine.Engine) {
	_, err := count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 7, At: start})
	wantCode(t, "Count", err, event.Invalid)
	_, err = e.Inventory.Stock(t.Context(), "A")
	wantCode(t, "Stock", err, event.NotFound)
	if rows := ledgerRows(t, e, "A"); len(rows) != 0 {
		t.Errorf("a refused count left %+v", rows)
	}
}

func countBelowReserved(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 7)
	move(t, e, hold(ref(1), line("A", 3)))
	before := must(e.Inventory.Stock(t.Context(), "A"))(t)
	_, err := count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 2, Price: event.Money{Amount: 1, Currency: "EUR"}, At: after(2)})
	wantCode(t, "Count", err, event.Conflict)
	wantSame(t, "stock", must(e.Inventory.Stock(t.Context(), "A"))(t), before)
	wantStock(t, e, "A", 4, 3, 0)
}

func countStale(t *testing.T, e *engine.Engine) {
	count := func(onHand, version int64) error {
		_, err := count(t.Context(), e, inventory.Count{SKU: "A", OnHand: onHand, Price: price, IfVersion: &version, At: after(1)})
		return err
	}
	wantCode(t, "a version of no row", count(1, 1), event.Stale)
	wantNoError(t, count(5, 0))
	wantCode(t, "new, but it is there", count(6, 0), event.Stale)
	seen := must(e.Inventory.Stock(t.Context(), "A"))(t).Version
	wantCode(t, "a version to come", count(6, seen+1), event.Stale)
	wantNoError(t, count(6, seen))
	wantCode(t, "the version before", count(7, seen), event.Stale)
	seen = must(e.Inventory.Stock(t.Context(), "A"))(t).Version
	move(t, e, hold(ref(1), line("A", 1)))
	wantCode(t, "the version before a hold", count(8, seen), event.Stale)
	wantStock(t, e, "A", 5, 1, 0)
}

func countGreatest(t *testing.T, e *engine.Engine) {
	dearest := event.Money{Amount: inventory.MaxPrice, Currency: "USD"}
	for i := range 3 {
		must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: inventory.MaxOnHand, Price: dearest, At: after(i)}))(t)
		must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: 0, At: after(i)}))(t)
	}
	wantStock(t, e, "A", 0, 0, 0)
	wantSame(t, "price", must(e.Inventory.Stock(t.Context(), "A"))(t).Price, dearest)
}

func countBounds(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 5)
	for _, c := range []inventory.Count{
		{SKU: "A", OnHand: inventory.MaxOnHand + 1, Price: price},
		{SKU: "A", OnHand: -1, Price: price},
		{SKU: "A", OnHand: 1, Price: event.Money{Amount: inventory.MaxPrice + 1, Currency: "USD"}},
		{SKU: "A", OnHand: 1 << 62, Price: event.Money{Amount: 1 << 62, Currency: "USD"}},
	} {
		_, err := inventoryService(e).Count(t.Context(), c)
		wantCode(t, fmt.Sprintf("%+v", c), err, event.Invalid)
	}
	wantStock(t, e, "A", 5, 0, 0)
}

func countLedger(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 10)
	move(t, e, hold(ref(1), line("A", 4)), hold(ref(2), line("A", 1)))
	move(t, e, settle(ref(1)))
	for i, onHand := range []int64{3, 3, 30} {
		must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: onHand, At: after(10 + i)}))(t)
	}
	want := []inventory.LedgerRow{
		{SKU: "A", Delta: 27, Reason: inventory.ReasonCounted, At: after(12)},
		{SKU: "A", Delta: 0, Reason: inventory.ReasonCounted, At: after(11)},
		{SKU: "A", Delta: -3, Reason: inventory.ReasonCounted, At: after(10)},
		{SKU: "A", Delta: 10, Reason: inventory.ReasonCounted, At: start},
	}
	wantSame(t, "ledger", ledgerRows(t, e, "A"), want)
	wantStock(t, e, "A", 29, 1, 4)
}

func stockUnknown(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 1)
	for _, sku := range []string{"a", "A ", "", "B"} {
		_, err := e.Inventory.Stock(t.Context(), sku)
		wantCode(t, "Stock of "+sku, err, event.NotFound)
	}
}

func stockVersionRises(t *testing.T, e *engine.Engine) {
	last := stockUp(t, e, "A", 10).Version
	if last < 1 {
		t.Errorf("the first version is %d; 0 means that there is no row", last)
	}
	for _, c := range []inventory.Change{hold(ref(1), line("A", 2)), settle(ref(1)), giveBack(ref(1), true)} {
		move(t, e, c)
		s := must(e.Inventory.Stock(t.Context(), "A"))(t)
		if s.Version <= last {
			t.Errorf("%s left version %d, was %d", c.To, s.Version, last)
		}
		wantSame(t, "UpdatedAt", s.UpdatedAt, c.At)
		last = s.Version
	}
}

func listStock(t *testing.T, e *engine.Engine) {
	skus := []string{"b", "A", "a", "B", "_", "a-1", "a.1", "a1", "A1", "0", "9", "10", "Z", "z", "a_1", "-", "aa"}
	var want []inventory.Stock
	for i, sku := range skus {
		want = append(want, stockUp(t, e, sku, int64(i)))
	}
	slices.SortFunc(want, func(a, b inventory.Stock) int { return strings.Compare(a.SKU, b.SKU) })
	got := pages(t, 4, func(last inventory.Stock) ([]inventory.Stock, error) {
		return e.Inventory.List(t.Context(), last.SKU, 4)
	})
	wantSame(t, "list", got, want)
}

func ledgerNewestFirst(t *testing.T, e *engine.Engine) {
	for i := range 5 {
		must(count(t.Context(), e, inventory.Count{SKU: "A", OnHand: int64(i * i), Price: price, At: after(i)}))(t)
		stockUp(t, e, "B", 1)
	}
	rows := must(e.Inventory.Ledger(t.Context(), inventory.LedgerQuery{SKU: "A", Limit: 3}))(t).Rows
	want := []int64{16 - 9, 9 - 4, 4 - 1}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, limit %d", len(rows), len(want))
	}
	for i, row := range rows {
		if row.SKU != "A" || row.Delta != want[i] || !row.At.Equal(after(4-i)) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
	if rows := ledgerRows(t, e, "none"); len(rows) != 0 {
		t.Errorf("ledger of an unknown SKU: %+v", rows)
	}
}

// snapshot is what Snapshot hands out, gathered.
func snapshot(t *testing.T, e *engine.Engine) ([]inventory.Reservation, []inventory.Balance) {
	t.Helper()
	var all []inventory.Reservation
	balances := must(e.Inventory.Snapshot(t.Context(), func(r inventory.Reservation) error {
		all = append(all, r)
		return nil
	}))(t)
	return all, balances
}

func snapshotAll(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "B", 3)
	stockUp(t, e, "A", 50)
	for _, n := range []int{3, 30, 1, 2, 20, 10} {
		move(t, e, hold(ref(n), line("A", int64(n)), line("B", 1)))
	}
	stockUp(t, e, "A", 60)
	var want []inventory.Reservation
	for _, n := range []int{1, 2, 3, 10, 20, 30} {
		want = append(want, stored(reservation(t, e, ref(n))))
	}
	got, balances := snapshot(t, e)
	for i := range got {
		got[i] = stored(got[i])
	}
	wantSame(t, "reservations", got, want)
	if len(balances) != 2 {
		t.Fatalf("%d balances, want 2", len(balances))
	}
	for _, b := range balances {
		wantSame(t, "stock", b.Stock, must(e.Inventory.Stock(t.Context(), b.SKU))(t))
		if b.Ledger != ledgerSum(t, e, b.SKU) {
			t.Errorf("the balance of %s has ledger %d", b.SKU, b.Ledger)
		}
	}
}

func snapshotStops(t *testing.T, e *engine.Engine) {
	stockUp(t, e, "A", 50)
	move(t, e, hold(ref(1), line("A", 1)), hold(ref(2), line("A", 1)))
	enough, visits := errors.New("enough"), 0
	_, err := e.Inventory.Snapshot(t.Context(), func(inventory.Reservation) error {
		visits++
		return enough
	})
	if !errors.Is(err, enough) || visits != 1 {
		t.Errorf("%d visits, error %v", visits, err)
	}
}

func snapshotInstant(t *testing.T, e *engine.Engine) {
	snapshotAmidWrites(t, e, func([]inventory.Balance) {})
	reservations, balances := snapshot(t, e)
	wantBalanced(t, reservations, balances)
	wantStill(t, balances)
}

// snapshotStill asks more of engines that write one thing after another.
func snapshotStill(t *testing.T, e *engine.Engine) {
	snapshotAmidWrites(t, e, func(balances []inventory.Balance) { wantStill(t, balances) })
}

func wantStill(t *testing.T, balances []inventory.Balance) {
	t.Helper()
	for _, b := range balances {
		if b.Moved {
			t.Errorf("the snapshot says that %s moved", b.SKU)
		}
	}
}

// snapshotAmidWrites takes snapshots while others move stock.
func snapshotAmidWrites(t *testing.T, e *engine.Engine, look func([]inventory.Balance)) {
	stockUp(t, e, "A", 1000)
	inParallel(t, 5, func(i int) error {
		for n := range 20 {
			if i == 0 {
				reservations, balances := snapshot(t, e)
				wantBalanced(t, reservations, balances)
				look(balances)
				continue
			}
			r := ref(i*100 + n)
			for _, c := range []inventory.Change{hold(r, line("A", 2)), settle(r), giveBack(r, n%2 == 0)} {
				if _, err := e.Inventory.Apply(t.Context(), []inventory.Change{c}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// wantBalanced checks that the reservations explain what is reserved and sold,
// and that the ledger explains it all, where the stock did not move meanwhile.
func wantBalanced(t *testing.T, reservations []inventory.Reservation, balances []inventory.Balance) {
	t.Helper()
	reserved, sold := map[string]int64{}, map[string]int64{}
	for _, r := range reservations {
		for _, l := range r.Lines {
			switch {
			case r.State == inventory.Held:
				reserved[l.SKU] += l.Qty
			case r.State == inventory.Settled, r.State == inventory.Returned && !r.Restocked:
				sold[l.SKU] += l.Qty
			}
		}
	}
	for _, b := range balances {
		if b.Moved {
			continue
		}
		if b.Reserved != reserved[b.SKU] || b.Sold != sold[b.SKU] || b.Available+b.Reserved+b.Sold != b.Ledger || b.Available < 0 {
			t.Errorf("%+v, but the reservations say %d reserved, %d sold", b, reserved[b.SKU], sold[b.SKU])
		}
	}
}
