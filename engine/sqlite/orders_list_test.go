package sqlite

import (
	"errors"
	"math"
	"strings"
	"testing"

	"holdfast/event"
	"holdfast/order"

	"zombiezen.com/go/sqlite"
)

// A list must cost what its page costs, however many orders there are: it walks
// an index or the table in the list's order, and sorts nothing.
func TestListsSortNothing(t *testing.T) {
	e := openEngine(t, t.TempDir())
	for _, test := range []struct {
		query order.Query
		index string
	}{
		{order.Query{}, "PRIMARY KEY"},
		{order.Query{Caller: "local"}, "PRIMARY KEY"},
		{order.Query{Caller: "local", Status: order.Completed}, "PRIMARY KEY"},
		{order.Query{Caller: "local", Status: order.Pending}, "orders_open"},
		{order.Query{Status: order.Refunding}, "orders_open"},
	} {
		where, _ := selection(test.query, 1)
		plan := planOf(t, e.Orders.(orders).db, selectOrders+where)
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
