package enginetest

import (
	"context"
	"errors"
	"slices"

	"pgregory.net/rapid"

	"holdfast/event"
	"holdfast/order"
)

// orderWalk is a list that is read page by page while orders change.
type orderWalk struct {
	query order.Query
	owed  map[string]bool // orders that were there at the first page and are selected ever since
	seen  map[string]bool
	last  int64 // Number of the last one seen; 0: none yet
}

// drawQuery draws a query for the first page.
func drawQuery(t *rapid.T) order.Query {
	pick := func(label string, values ...string) string {
		return rapid.SampledFrom(append([]string{"", ""}, values...)).Draw(t, label)
	}
	return order.Query{
		Caller: pick("caller", "local", "shop"), UserID: pick("user", "ann", "bob"),
		Status: order.Status(pick("status", "PENDING", "COMPLETED", "CANCELLING")), Limit: limits.Draw(t, "limit"),
	}
}

func selects(q order.Query, o order.Order) bool {
	return (q.Caller == "" || q.Caller == o.Caller) && (q.UserID == "" || q.UserID == o.UserID) && (q.Status == "" || q.Status == o.Status)
}

// list reads a whole list at once.
func (m *orderMachine) list(t *rapid.T) {
	q := drawQuery(t)
	m.ask(t, "List", func(ctx context.Context, s *side) (any, error) {
		var all []order.Order
		for page := q; ; {
			p, err := s.Orders.List(ctx, page)
			if err != nil || len(p.Orders) > q.Limit {
				return nil, errors.Join(err, event.Errorf(event.Invalid, "a page of %d orders", len(p.Orders)))
			}
			if all = append(all, p.Orders...); p.Next == "" {
				return s.plain(all), nil
			}
			page.Cursor = p.Next
		}
	})
}

// beginWalk begins to read a list of the engine under test. The pages of two
// engines may end at different orders, so what comes is held to the contract.
func (m *orderMachine) beginWalk(t *rapid.T) {
	m.walk = &orderWalk{query: drawQuery(t), owed: make(map[string]bool), seen: make(map[string]bool)}
	for id := range m.want.numbers {
		m.walk.owed[id] = true
	}
	m.walk.outlast(t, m.match)
	m.nextPage(t)
}

// outlast takes the orders that the query selects no more off those owed.
func (w *orderWalk) outlast(t *rapid.T, m *match) {
	if w == nil {
		return
	}
	for id := range w.owed {
		if o, err := m.want.Orders.Get(t.Context(), id); err != nil || !selects(w.query, o) {
			delete(w.owed, id)
		}
	}
}

func (m *orderMachine) nextPage(t *rapid.T) {
	w := m.walk
	if w == nil {
		return // no list is being read
	}
	page, err := m.got.Orders.List(t.Context(), w.query)
	if err != nil || len(page.Orders) > w.query.Limit {
		t.Fatalf("List of %+v: %d orders, %v", w.query, len(page.Orders), err)
	}
	for _, o := range page.Orders {
		w.take(t, m.got, o)
	}
	if w.query.Cursor = page.Next; page.Next == "" {
		m.walk = nil
		for id := range w.owed {
			if !w.seen[id] {
				t.Fatalf("List of %+v ended without %s", w.query, id)
			}
		}
	}
}

// take holds an order of a page to be the right one to come.
func (w *orderWalk) take(t *rapid.T, s *side, o order.Order) {
	now, err := s.Orders.Get(t.Context(), o.OrderID)
	if err != nil || !selects(w.query, o) {
		t.Fatalf("List of %+v has %+v, which Get says of: %v", w.query, o, err)
	}
	wantAlike(t, "the order listed", o, now)
	if w.seen[o.OrderID] || w.last != 0 && o.Number >= w.last {
		t.Fatalf("List of %+v has %s after Number %d, seen before: %t", w.query, o.OrderID, w.last, w.seen[o.OrderID])
	}
	w.seen[o.OrderID], w.last = true, o.Number
}

// anyCursor lists from a cursor that List did not give out. One that cannot be
// told from another's must not do harm.
func (m *orderMachine) anyCursor(t *rapid.T) {
	q := drawQuery(t)
	q.Cursor = rapid.StringN(1, 20, 60).Draw(t, "cursor")
	page, err := m.got.Orders.List(t.Context(), q)
	if err != nil && !errors.Is(err, event.BadCursor) {
		t.Fatalf("List from the cursor %q: %v", q.Cursor, err)
	}
	if i := slices.IndexFunc(page.Orders, func(o order.Order) bool { return !selects(q, o) }); i >= 0 {
		t.Fatalf("List from the cursor %q has %+v", q.Cursor, page.Orders[i])
	}
}
