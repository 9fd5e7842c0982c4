package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/event"
	"holdfast/keys"
)

// cursorList is one of the lists that have cursors.
type cursorList struct {
	target  string
	key     string   // who reads it
	filters []string // what its cursors are bound to
	// page reads a page: the ids on it, in the list's order, and its next_cursor.
	page func(t *testing.T, a answer) ([]string, string)
	all  []string // every id that the caller may see, in the list's order
}

// FuzzCursor holds any text as a cursor, forged ones with the right seal among them,
// to a problem or a right page: items that the caller may see, in the list's order,
// each once on the way to the end; and never a 5xx.
func FuzzCursor(f *testing.F) {
	q := newQueue(event.Payment)
	s := start(f, requireKeys, withQueue(event.Payment, q))
	lists := fillLists(f, s, q)
	for list := range lists {
		for _, cursor := range []string{"", "2", "0", "-1", "99", "A123", "a:OrderPlaced", "\xff", "\x00", "é", "9223372036854775808", " 2", "02"} {
			f.Add(byte(list), true, cursor, 2)
			f.Add(byte(list), false, cursor, 1)
			f.Add(byte(list+1), false, api.SealCursor(cursor, lists[list].filters...), 3)
		}
	}
	f.Fuzz(func(t *testing.T, list byte, forged bool, cursor string, limit int) {
		l := lists[int(list)%len(lists)]
		if forged {
			cursor = api.SealCursor(cursor, l.filters...)
		}
		var seen []string
		for first := true; first || cursor != ""; first = false {
			a := s.get(fmt.Sprintf("%s?limit=%d&cursor=%s", l.target, limit, url.QueryEscape(cursor)), l.key)
			if a.status >= 400 && a.status < 500 && first {
				a.problem(t, a.status)
				return
			}
			a.want(t, http.StatusOK)
			var ids []string
			if ids, cursor = l.page(t, a); len(ids) > limit {
				t.Fatalf("a page of %d, limit %d", len(ids), limit)
			}
			seen = append(seen, ids...)
		}
		if n := len(l.all); len(seen) > n || !slices.Equal(seen, l.all[n-len(seen):]) {
			t.Fatalf("the list goes on with %q; all of it is %q", seen, l.all)
		}
	})
}

// fillLists fills the server with what two callers have, and returns the lists as
// one of them sees them.
func fillLists(f *testing.F, s *server, q api.Queue) []cursorList {
	f.Helper()
	mine, other, desk := s.key("mine", keys.Orders, keys.Inventory), s.key("other", keys.Orders), s.key("desk", keys.Ops)
	for i, key := range []string{mine, other, mine, mine, other} {
		s.post("/orders", with("order_id", fmt.Sprintf("%q", fmt.Sprint("order-", i))), key).want(f, http.StatusAccepted)
	}
	for _, sku := range []string{"A", "A123", "B.4", "_"} {
		s.do(http.MethodPut, "/inventory/"+sku, fullCount, jsonType, mine).want(f, http.StatusOK)
	}
	bury(f, q, letter("a"), letter("b"), foreign("garbage"), letter("c"))
	return []cursorList{
		{"/orders", mine, []string{"orders", "mine", "", ""}, ordersOf, []string{"order-3", "order-2", "order-0"}},
		{"/inventory", mine, []string{"inventory"}, stockOf, []string{"A", "A123", "B.4", "_"}},
		{"/queues/payment/dead-letters", desk, []string{"dead letters", "payment"}, lettersOf,
			[]string{"a:OrderPlaced", "b:OrderPlaced", "c:OrderPlaced", foreign("garbage").ID}},
	}
}

func ordersOf(t *testing.T, a answer) (ids []string, next string) {
	page := read[client.OrderPage](t, a)
	for _, o := range page.Orders {
		ids = append(ids, o.OrderID)
	}
	return ids, page.NextCursor
}

func stockOf(t *testing.T, a answer) (ids []string, next string) {
	page := read[client.StockPage](t, a)
	for _, row := range page.Inventory {
		ids = append(ids, row.SKU)
	}
	return ids, page.NextCursor
}

func lettersOf(t *testing.T, a answer) (ids []string, next string) {
	page := read[client.DeadLetterPage](t, a)
	for _, l := range page.DeadLetters {
		ids = append(ids, l.ID)
	}
	return ids, page.NextCursor
}
