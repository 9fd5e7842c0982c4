package sqlite

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/event"
	"holdfast/order"

	"zombiezen.com/go/sqlite"
)

// A list must cost what its page costs, however many orders or rows there are: it
// walks an index or the table in the list's order, and sorts nothing.
func TestListsSortNothing(t *testing.T) {
	e := openEngine(t, t.TempDir())
	for _, test := range []struct {
		query order.Query
		index string
	}{
		{order.Query{}, "PRIMARY KEY"},
		{order.Query{Caller: "local"}, "PRIMARY KEY"},
		{order.Query{Caller: "local", Status: order.Completed}, "PRIMARY KEY"},
		{order.Query{Caller: "local", Status: order.Pending}, "orders_not_completed"},
		{order.Query{Status: order.Refunding}, "COVERING INDEX orders_not_completed"},
		{order.Query{Status: order.Cancelled}, "COVERING INDEX orders_not_completed"},
		{order.Query{Caller: "local", Status: order.FailedNoStock}, "orders_not_completed"},
	} {
		walk, _ := walkOf(test.query)
		plan := planOf(t, e.Orders.(orders).db, walk)
		if !strings.Contains(plan, test.index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v: %s; want it to use %s", test.query, plan, test.index)
		}
	}
	for query, index := range map[string]string{
		"SELECT number FROM orders_by_user WHERE hash = ? AND number < ? ORDER BY number DESC LIMIT ?": "PRIMARY KEY",
		"SELECT number FROM orders_by_id WHERE hash = ?":                                               "PRIMARY KEY",
	} {
		if plan := planOf(t, e.Orders.(orders).db, query); !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", query, plan)
		}
	}
	due := planOf(t, e.Orders.(orders).db, selectOrders+"WHERE due_at <= ? ORDER BY due_at, number LIMIT ?")
	if !strings.Contains(due, "orders_due") || strings.Contains(due, "TEMP B-TREE") {
		t.Error(due)
	}
	inventory := e.Inventory.(stock).db
	for query, index := range map[string]string{
		selectStock + selectLow(10): "stock_low",
		selectStock + selectLow(0):  "stock_low",
		selectLedger + pageOfLedger: "stock_ledger_by_sku",
	} {
		if plan := planOf(t, inventory, query); !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", query, plan)
		}
	}
}

// manyRows fills order.db with completed orders of one caller, but those of the numbers
// given: they are of another, and were cancelled.
func (d *directory) manyRows(n int, rare ...int) {
	d.Helper()
	d.run(fmt.Sprintf(`INSERT INTO orders WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT i, 'order-' || i, 'many', 'u', 'COMPLETED', '', NULL, 0, '', '', NULL, 0, '[{"status":"COMPLETED","at":0}]', 0, NULL, 0, x'', 1 FROM n`, n))
	for _, number := range rare {
		d.run(fmt.Sprintf("UPDATE orders SET caller = 'rare', status = 'CANCELLED' WHERE number = %d", number))
	}
}

// TestAPageLooksAtSoManyOrders: a list that selects few of many comes in several pages,
// none of which goes through all there is, unless an index leads to those selected.
func TestAPageLooksAtSoManyOrders(t *testing.T) {
	const n = 2*maxLooks + 100
	d := newDirectory(t)
	d.manyRows(n, 7, maxLooks, n-3)
	if err := d.engine.Close(); err != nil {
		t.Fatal(err)
	}
	d.engine = d.open(Options{}) // which reads to what users the rows belong
	for _, test := range []struct {
		query order.Query
		pages int
		want  []int64
	}{
		{order.Query{Caller: "rare"}, 3, []int64{n - 3, maxLooks, 7}},
		{order.Query{Caller: "rare", Status: order.Cancelled}, 1, []int64{n - 3, maxLooks, 7}},
		{order.Query{Status: order.Cancelled}, 1, []int64{n - 3, maxLooks, 7}},
		{order.Query{Caller: "rare", Status: order.Completed}, 3, nil},
		{order.Query{Caller: "none", Status: order.Completed}, 3, nil},
		{order.Query{Caller: "rare", Status: order.Refunded}, 1, nil},
		{order.Query{UserID: "u", Caller: "rare"}, n/maxReads + 1, []int64{n - 3, maxLooks, 7}},
		{order.Query{UserID: "u", Status: order.Cancelled}, n/maxReads + 1, []int64{n - 3, maxLooks, 7}},
		{order.Query{UserID: "none"}, 1, nil},
	} {
		test.query.Limit = 3
		got, pages := d.follow(test.query)
		if pages != test.pages || !slices.Equal(got, test.want) {
			t.Errorf("%+v in %d pages: %v; want %v in %d", test.query, pages, got, test.want, test.pages)
		}
	}
	page, err := d.engine.Orders.List(t.Context(), order.Query{Limit: 10_000})
	if err != nil || len(page.Orders) != maxReads || page.Next != strconv.Itoa(n-maxReads+1) {
		t.Errorf("a page of %d orders, then %q, %v", len(page.Orders), page.Next, err)
	}
}

// follow reads a list to its end.
func (d *directory) follow(q order.Query) (numbers []int64, pages int) {
	d.Helper()
	for {
		page, err := d.engine.Orders.List(d.Context(), q)
		if err != nil {
			d.Fatal(err)
		}
		for _, o := range page.Orders {
			numbers = append(numbers, o.Number)
		}
		if pages++; page.Next == "" {
			return numbers, pages
		}
		q.Cursor = page.Next
	}
}

func TestACursorIsANumberWrittenInOneWay(t *testing.T) {
	for cursor, want := range map[string]int64{"": math.MaxInt64, "1": 1, "9223372036854775807": math.MaxInt64} {
		if got, err := numberBefore(cursor); got != want || err != nil {
			t.Errorf("%q: %d, %v; want %d", cursor, got, err, want)
		}
	}
	for _, cursor := range []string{"0", "-1", "+1", "01", "1 ", "1.0", "1e3", "0x1", "1_0", "9223372036854775808", "١"} {
		if got, err := numberBefore(cursor); !errors.Is(err, event.BadCursor) {
			t.Errorf("%q: %d, %v", cursor, got, err)
		}
	}
}

func planOf(t *testing.T, db *database, query string) string {
	t.Helper()
	var plan string
	err := db.view(t.Context(), func(conn *sqlite.Conn) error {
		s, err := prepare(conn, "EXPLAIN QUERY PLAN "+query)
		if err != nil {
			return err
		}
		return s.rows(func(*row) error {
			plan += s.ColumnText(3) + "; "
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
