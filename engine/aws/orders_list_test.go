package aws

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast/order"
)

// inDays places n orders in each of some days, which come in no order of time, and
// returns them in ascending Number.
func inDays(t *testing.T, c *core, n int, days ...int) []order.Order {
	t.Helper()
	var all []order.Order
	for _, day := range days {
		c.now = func() time.Time { return time.Date(2026, 11, day, 8, 0, 0, 0, time.UTC) }
		s := ordersOf(c) // a process keeps its Numbers rising, whatever its clock does
		var asked []order.Order
		for i := range n {
			asked = append(asked, placed(fmt.Sprintf("day-%d-%d", day, i)))
		}
		all = append(all, createOrders(t, s, asked...)...)
	}
	slices.SortFunc(all, func(a, b order.Order) int { return int(min(1, max(-1, a.Number-b.Number))) })
	return all
}

func idsOfOrders(orders []order.Order) (ids []string) {
	for _, o := range orders {
		ids = append(ids, o.OrderID)
	}
	return ids
}

func TestListsAndScansGoThroughTheDays(t *testing.T) {
	c, _ := alone(t)
	s := ordersOf(c)
	all := inDays(t, c, 40, 23, 2, 17, 9)
	var scanned []order.Order
	for last := int64(0); ; {
		page := must(s.Scan(t.Context(), last, 33))(t)
		if len(page) == 0 {
			break
		}
		scanned = append(scanned, page...)
		last = page[len(page)-1].Number
	}
	if got, want := idsOfOrders(scanned), idsOfOrders(all); !slices.Equal(got, want) {
		t.Errorf("scanned:\n%v\nwant\n%v", got, want)
	}
	slices.Reverse(all)
	for _, q := range []order.Query{{}, {Caller: "web-shop"}, {Caller: "web-shop", UserID: placed("").UserID}} {
		for _, q.Limit = range []int{7, 40, 500} {
			listed, pages := list(t, s, q)
			if got, want := idsOfOrders(listed), idsOfOrders(all); !slices.Equal(got, want) || pages != (len(all)+q.Limit-1)/q.Limit {
				t.Errorf("%+v in %d pages:\n%v\nwant\n%v", q, pages, got, want)
			}
		}
	}
	for i, o := range all {
		if i%2 == 0 {
			applyOrder(t, s, o.OrderID, order.Cancelling, order.Pending)
		}
	}
	last := all[len(all)-1].OrderID
	applyOrder(t, s, last, order.Cancelled, order.Pending)
	for _, owner := range []order.Query{{}, {Caller: "web-shop", UserID: placed("").UserID}} {
		owner.Status, owner.Limit = order.Cancelling, 7
		if found, _ := list(t, s, owner); len(found) != len(all)/2 {
			t.Errorf("%+v finds %d orders of %d", owner, len(found), len(all)/2)
		}
		owner.Status, owner.Limit = order.Cancelled, 1
		if found, _ := list(t, s, owner); len(found) != 1 || found[0].OrderID != last {
			t.Errorf("%+v finds %v, want the oldest, %s", owner, idsOfOrders(found), last)
		}
	}
}

// list follows a query's pages to the end.
func list(t *testing.T, s *orders, q order.Query) (all []order.Order, pages int) {
	t.Helper()
	for {
		page := must(s.List(t.Context(), q))(t)
		pages++
		all = append(all, page.Orders...)
		if page.Next == "" {
			return all, pages
		}
		q.Cursor = page.Next
	}
}

func TestARareStatusMakesNoPageReadTheWholeTable(t *testing.T) {
	c, w := alone(t)
	s := ordersOf(c)
	all := inDays(t, c, 600, 23, 22)
	all = append(all, inDays(t, c, 1, 3, 4, 5, 6)...)
	rare := all[0].OrderID
	applyOrder(t, s, rare, order.FailedNoStock, order.Pending)
	q := order.Query{Status: order.FailedNoStock, Limit: batchGetLimit / 4}
	w.count("BatchGetItem")
	page := must(s.List(t.Context(), q))(t)
	// Each BatchGetItem takes 100 orders; one more reads the days.
	if reads := w.count("BatchGetItem"); len(page.Orders) != 0 || page.Next == "" || reads > pageWork/batchGetLimit+2 {
		t.Errorf("the first page has %d orders, its next is %q, it took %d reads", len(page.Orders), page.Next, reads)
	}
	if found, pages := list(t, s, q); len(found) != 1 || found[0].OrderID != rare || pages != 2 {
		t.Errorf("%d pages find %v, want two that find %s", pages, idsOfOrders(found), rare)
	}
}

func TestAPageOpensNoMoreThanSoManyDays(t *testing.T) {
	c, w := alone(t)
	s := ordersOf(c)
	var days []int
	for day := range 70 {
		days = append(days, day+1) // into January
	}
	inDays(t, c, 1, days...)
	w.count("Query")
	page := must(s.List(t.Context(), order.Query{Status: order.Refunded, Limit: 5}))(t)
	if queries := w.count("Query"); page.Next == "" || queries > pageWork+dayShards {
		t.Errorf("a page of nothing took %d queries, its next is %q", queries, page.Next)
	}
	if found, pages := list(t, s, order.Query{Status: order.Pending, Limit: 100}); len(found) != 70 || pages != 2 {
		t.Errorf("%d orders in %d pages, want 70 in two", len(found), pages)
	}
}

func TestDueLeavesOutWhatTheIndexSaysAndTheOrderDoesNot(t *testing.T) {
	c, w := alone(t)
	w.kept = make(map[string][]byte)
	s := ordersOf(c)
	o := createOrders(t, s, placed("moved"), placed("ended"), placed("still"))
	at := o[0].Due
	if due := must(s.Due(t.Context(), at, 9))(t); len(due) != 3 {
		t.Fatalf("%d orders are due, want 3", len(due))
	}
	if err := s.Postpone(t.Context(), []order.Postponement{{Ref: o[0].Ref, From: at, To: at.Add(-time.Second), Attempts: 1}}); err != nil {
		t.Fatal(err)
	}
	applyOrder(t, s, "ended", order.Completed, order.Pending)
	w.stale = true
	if due := must(s.Due(t.Context(), at, 9))(t); len(due) != 1 || due[0].OrderID != "still" {
		t.Errorf("due by an index that is behind: %v", idsOfOrders(due))
	}
}

func TestProcessesSweepTheSameOrders(t *testing.T) {
	a, b := two(t)
	mine, theirs := ordersOf(a), ordersOf(b)
	var asked []order.Order
	for i := range 90 { // more than a page of a shard
		o := placed(fmt.Sprint("o-", i))
		o.Due = o.CreatedAt().Add(time.Duration(i+1) * time.Second)
		asked = append(asked, o)
	}
	createOrders(t, mine, asked...)
	if tally := must(theirs.Tally(t.Context()))(t); tally.Open != 90 || tally.ByStatus != nil {
		t.Errorf("the tally is %+v, want 90 open orders and no more said", tally)
	}
	at := asked[0].CreatedAt().Add(time.Hour)
	due := must(theirs.Due(t.Context(), at, 90))(t)
	if got, want := idsOfOrders(due), idsOfOrders(asked); !slices.Equal(got, want) {
		t.Errorf("due:\n%v\nwant\n%v", got, want)
	}
	if err := theirs.Postpone(t.Context(), []order.Postponement{{Ref: due[0].Ref, From: due[0].Due, To: at.Add(time.Hour), Attempts: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := mine.Postpone(t.Context(), []order.Postponement{{Ref: due[0].Ref, From: due[0].Due, To: at.Add(-time.Hour), Attempts: 9}}); err != nil {
		t.Fatal(err)
	}
	if got := must(mine.Get(t.Context(), due[0].OrderID))(t); got.Attempts != 1 || !got.Due.Equal(at.Add(time.Hour)) {
		t.Errorf("postponed by both: %+v", got)
	}
	if n := must(mine.PullIn(t.Context(), asked[0].CreatedAt()))(t); n != 90 {
		t.Errorf("%d orders were pulled in, want 90", n)
	}
	if got := must(theirs.Due(t.Context(), asked[0].CreatedAt(), 100))(t); len(got) != 90 {
		t.Errorf("%d orders are due at once, want 90", len(got))
	}
}
