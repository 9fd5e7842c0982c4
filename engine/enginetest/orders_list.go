package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"
)

var listTests = []storeTest{
	{"List returns the orders newest first", listNewestFirst},
	{"List selects by each field and by all together", listSelects},
	{"List pages to the end", listPages},
	{"List gives each order once while others are placed and statuses change", listWhileChanging},
	{"List gives each selected order once while others leave the selection", listSelectionWhileChanging},
	{"List of nothing is one empty page", listNothing},
	{"List refuses a cursor that it did not give out", listBadCursor},
	{"Scan returns the orders in ascending Number after the one given", scanOrders},
}

// walk follows a query's pages to the end, and calls between before each page
// but the first. Pages may hold fewer than Limit orders, never more.
func walk(t *testing.T, e *engine.Engine, q order.Query, between func(page int)) []order.Order {
	t.Helper()
	var all []order.Order
	for page := 0; ; page++ {
		p := must(e.Orders.List(t.Context(), q))(t)
		if len(p.Orders) > q.Limit {
			t.Fatalf("a page of %d orders, limit %d", len(p.Orders), q.Limit)
		}
		all = append(all, p.Orders...)
		if p.Next == "" {
			return all
		}
		if page == 1000 {
			t.Fatal("the list has no end")
		}
		q.Cursor = p.Next
		between(page + 1)
	}
}

func nothing(int) {}

func ids(orders []order.Order) []string {
	var all []string
	for _, o := range orders {
		all = append(all, o.OrderID)
	}
	return all
}

func newestFirst(orders []order.Order) []order.Order {
	reversed := slices.Clone(orders)
	slices.Reverse(reversed)
	return reversed
}

func listNewestFirst(t *testing.T, e *engine.Engine) {
	// Ids and times run against the Numbers, so that neither can stand in for them.
	orders := newOrders("o", 12)
	for i := range orders {
		orders[i].History[0].At = after(-i)
	}
	slices.Reverse(orders)
	made := create(t, e, orders...)
	wantSame(t, "list", walk(t, e, order.Query{Limit: 100}, nothing), newestFirst(made))
}

func listSelects(t *testing.T, e *engine.Engine) {
	var orders []order.Order
	for i, o := range newOrders("o", 24) {
		o.Caller, o.UserID = fmt.Sprint("caller", i%2), fmt.Sprint("user", i%3)
		orders = append(orders, o)
	}
	made := create(t, e, orders...)
	for i := range made {
		if i%4 == 0 {
			made[i] = change(t, e, order.Change{Ref: made[i].Ref, From: pending, To: order.Completed, At: after(1)})
		}
	}
	for _, q := range []order.Query{
		{Caller: "caller1"}, {UserID: "user2"}, {Status: order.Completed}, {Status: order.Pending},
		{Caller: "caller0", UserID: "user0"}, {UserID: "user1", Status: order.Completed},
		{Caller: "caller0", UserID: "user2", Status: order.Completed}, {Caller: "caller", UserID: "user0"}, {Status: order.Refunded},
	} {
		var want []order.Order
		for _, o := range newestFirst(made) {
			if (q.Caller == "" || q.Caller == o.Caller) && (q.UserID == "" || q.UserID == o.UserID) && (q.Status == "" || q.Status == o.Status) {
				want = append(want, o)
			}
		}
		for _, q.Limit = range []int{1, 3, 100} {
			wantSame(t, fmt.Sprintf("%+v", q), walk(t, e, q, nothing), want)
		}
	}
}

func listPages(t *testing.T, e *engine.Engine) {
	made := create(t, e, newOrders("o", 12)...)
	for _, limit := range []int{1, 4, 5, 11, 12, 13} {
		got := walk(t, e, order.Query{Limit: limit}, nothing)
		wantSame(t, fmt.Sprint("pages of ", limit), ids(got), ids(newestFirst(made)))
	}
}

func listWhileChanging(t *testing.T, e *engine.Engine) {
	there := create(t, e, newOrders("there", 25)...)
	got := walk(t, e, order.Query{Limit: 4}, func(page int) {
		create(t, e, newOrders(fmt.Sprint("late", page), 3)...)
		for _, o := range []order.Order{there[page], there[len(there)-page]} {
			change(t, e, order.Change{Ref: o.Ref, From: order.Statuses, To: order.Completed, At: after(page)})
		}
	})
	got = slices.DeleteFunc(got, func(o order.Order) bool { return strings.HasPrefix(o.OrderID, "late") })
	wantSame(t, "orders of the first page's time", ids(got), ids(newestFirst(there)))
}

func listSelectionWhileChanging(t *testing.T, e *engine.Engine) {
	there := create(t, e, newOrders("there", 30)...)
	got := walk(t, e, order.Query{Status: order.Pending, UserID: "ann", Limit: 4}, func(page int) {
		create(t, e, newOrders(fmt.Sprint("late", page), 2)...)
		for i := page - 1; i < len(there); i += 10 {
			change(t, e, order.Change{Ref: there[i].Ref, From: order.Statuses, To: order.Completed, At: after(page)})
		}
	})
	seen := make(map[string]int)
	for _, o := range got {
		seen[o.OrderID]++
	}
	for _, o := range there {
		now := must(e.Orders.Get(t.Context(), o.OrderID))(t)
		if n := seen[o.OrderID]; n > 1 || n == 0 && now.Status == order.Pending {
			t.Errorf("%s, now %s, came %d times", o.OrderID, now.Status, n)
		}
	}
}

func listNothing(t *testing.T, e *engine.Engine) {
	p := must(e.Orders.List(t.Context(), order.Query{Limit: 5}))(t)
	wantSame(t, "page", p, order.Page{})
}

func listBadCursor(t *testing.T, e *engine.Engine) {
	create(t, e, newOrders("o", 5)...)
	given := must(e.Orders.List(t.Context(), order.Query{Limit: 2}))(t).Next
	for _, cursor := range badCursors(given) {
		_, err := e.Orders.List(t.Context(), order.Query{Limit: 2, Cursor: cursor})
		wantCode(t, fmt.Sprintf("cursor %.40q", cursor), err, event.BadCursor)
	}
}

// badCursors are cursors that were not given out, some of them made of one that was.
func badCursors(given string) []string {
	return []string{
		"garbage", "-1", "+5", " ", "1.5", "\x00", "é", "%", "' OR 1=1 --", "99999999999999999999999", "{}", "==",
		strings.Repeat("z", 5000), given + " ", " " + given, given + "\n",
	}
}

func scanOrders(t *testing.T, e *engine.Engine) {
	made := create(t, e, newOrders("o", 7)...)
	got := pages(t, 3, func(last order.Order) ([]order.Order, error) { return e.Orders.Scan(t.Context(), last.Number, 3) })
	wantSame(t, "scan", got, made)
}
