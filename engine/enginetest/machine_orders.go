package enginetest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"pgregory.net/rapid"

	"holdfast/event"
	"holdfast/order"
)

// orderMachine plays order.Store.
type orderMachine struct {
	*match
	walk *orderWalk // the list that is being read, nil: none
}

func newOrderMachine(_ *rapid.T, m *match) machine { return &orderMachine{match: m} }

func (m *orderMachine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"Create": m.create, "Apply": m.apply, "Apply again": m.apply, "Get": m.get,
		"Due": m.due, "Postpone": m.postpone, "PullIn": m.pullIn,
		"List": m.list, "List from the start": m.beginWalk, "List the next page": m.nextPage, "List from any cursor": m.anyCursor,
	}
}

func (m *orderMachine) state(ctx context.Context, s *side) ([]any, error) {
	orders, err := walkPages(3, func(last order.Order) ([]order.Order, error) { return s.Orders.Scan(ctx, last.Number, 3) })
	before := s.highest
	for _, o := range orders { // a Create whose answer was lost has given Numbers out too
		s.note(o.Ref, before)
	}
	due, errDue := s.Orders.Due(ctx, start.Add(time.Hour), 1000)
	return []any{s.plain(orders), byDue(s.plain(due))}, cmp.Or(err, errDue, tallyWithin(ctx, s, orders))
}

var (
	orderIDs = rapid.SampledFrom([]string{"o1", "o2", "O1", "o.3", "a-4", "_5", "99", "order-0006"})
	callers  = rapid.SampledFrom([]string{"local", "shop"})
	users    = rapid.SampledFrom([]string{"ann", "bob"})
)

// drawOrder draws an order that no store has seen.
func drawOrder(t *rapid.T) order.Order {
	o := newOrder(orderIDs.Draw(t, "id"))
	o.Caller, o.UserID = callers.Draw(t, "caller"), users.Draw(t, "user")
	o.Lines, o.PaymentMethod = drawLines(t), payings.Draw(t, "paid by")
	sum := sha256.Sum256([]byte(o.UserID))
	o.Fingerprint = [16]byte(sum[:16])
	o.History[0].At = moments.Draw(t, "placed at")
	o.HoldUntil, o.Due = moments.Draw(t, "held until"), moments.Draw(t, "due")
	return o
}

func (m *orderMachine) create(t *rapid.T) {
	batch := drawBatch(t, drawOrder)
	m.write(t, "Create", len(batch), func(ctx context.Context, s *side) (any, error) {
		created, err := s.Orders.Create(ctx, batch)
		before := s.highest
		for i, c := range created {
			s.note(c.Order.Ref, before)
			created[i].Order = s.plain([]order.Order{c.Order})[0]
		}
		return created, err
	})
}

// note remembers the Number of an order, if it is new and higher than those of
// the calls before.
func (s *side) note(r event.Ref, before int64) {
	if _, known := s.numbers[r.OrderID]; !known && r.Number > before {
		s.numbers[r.OrderID] = r.Number
		s.highest = max(s.highest, r.Number)
	}
}

// plain are the orders without their Numbers, where those are the ones given out.
func (s *side) plain(orders []order.Order) []order.Order {
	plain := slices.Clone(orders)
	for i := range plain {
		if plain[i].Number == s.numbers[plain[i].OrderID] {
			plain[i].Number = 0
		}
	}
	return plain
}

// drawChange draws a change that a service may ask for, or a mere reading.
func drawChange(t *rapid.T) order.Change {
	c := order.Change{Ref: event.Ref{OrderID: orderIDs.Draw(t, "id")}, To: rapid.SampledFrom(append([]order.Status{""}, order.Statuses...)).Draw(t, "to")}
	if c.To == "" {
		return c
	}
	c.From = drawSome(t, "from", 1, order.Statuses)
	c.Reason = rapid.SampledFrom([]string{"", order.CardDeclined}).Draw(t, "reason")
	c.At = moments.Draw(t, "at")
	if !c.To.Ended() {
		c.Due = moments.Draw(t, "due")
	}
	switch rapid.IntRange(0, 3).Draw(t, "learns") {
	case 1:
		c.Short = []event.Shortfall{{SKU: "A", Qty: 2, Available: 1}}
	case 2:
		c.ReservedAt, c.Total, c.Lines = moments.Draw(t, "reserved at"), prices.Draw(t, "total"), drawLines(t)
	case 3:
		c.Restock = true
	}
	return c
}

func (m *orderMachine) apply(t *rapid.T) {
	batch := drawBatch(t, drawChange)
	named := rapid.Bool().Draw(t, "by number")
	m.write(t, "Apply", len(batch), func(ctx context.Context, s *side) (any, error) {
		changes := slices.Clone(batch)
		for i := range changes {
			if named {
				changes[i].Number = s.numbers[changes[i].OrderID]
			}
		}
		written, err := s.Orders.Apply(ctx, changes)
		for i, w := range written {
			written[i].Record = s.plain([]order.Order{w.Record})[0]
		}
		return written, err
	})
	m.walk.outlast(t, m.match)
}

func (m *orderMachine) get(t *rapid.T) {
	id := orderIDs.Draw(t, "id")
	m.ask(t, "Get", func(ctx context.Context, s *side) (any, error) {
		o, err := s.Orders.Get(ctx, id)
		return s.plain([]order.Order{o}), err
	})
}

// dueAnswer is all that is due, and whether a shorter answer is its front.
type dueAnswer struct {
	All   []order.Order
	Front bool
}

// due compares all that is due, and holds a shorter answer to its front.
func (m *orderMachine) due(t *rapid.T) {
	at, limit := moments.Draw(t, "at"), limits.Draw(t, "limit")
	m.ask(t, "Due", func(ctx context.Context, s *side) (any, error) {
		all, err := s.Orders.Due(ctx, at, 1000)
		front, errFront := s.Orders.Due(ctx, at, limit)
		isFront := len(front) == min(limit, len(all)) && slices.IsSortedFunc(all, earlier)
		for i, o := range front {
			isFront = isFront && o.Due.Equal(all[i].Due) && slices.ContainsFunc(all, func(a order.Order) bool { return a.OrderID == o.OrderID })
		}
		return dueAnswer{byDue(s.plain(all)), isFront}, cmp.Or(err, errFront)
	})
}

func earlier(a, b order.Order) int { return a.Due.Compare(b.Due) }

// byDue are orders by their Due, and those of one time by their ids.
func byDue(orders []order.Order) []order.Order {
	return slices.SortedFunc(slices.Values(orders), func(a, b order.Order) int {
		return cmp.Or(earlier(a, b), cmp.Compare(a.OrderID, b.OrderID))
	})
}

// postpone names the Due that the orders have, or any.
func (m *orderMachine) postpone(t *rapid.T) {
	batch := drawBatch(t, func(t *rapid.T) order.Postponement {
		p := order.Postponement{Ref: event.Ref{OrderID: orderIDs.Draw(t, "id")}, From: moments.Draw(t, "from"), To: moments.Draw(t, "to"), Attempts: rapid.IntRange(0, 9).Draw(t, "attempts")}
		if o, err := m.want.Orders.Get(t.Context(), p.OrderID); err == nil && rapid.IntRange(0, 3).Draw(t, "guess") > 0 {
			p.From = o.Due
		}
		return p
	})
	m.write(t, "Postpone", len(batch), func(ctx context.Context, s *side) (any, error) {
		postponed := slices.Clone(batch)
		for i := range postponed {
			postponed[i].Number = s.numbers[postponed[i].OrderID]
		}
		return nil, s.Orders.Postpone(ctx, postponed)
	})
}

// pullIn writes any number of orders.
func (m *orderMachine) pullIn(t *rapid.T) {
	to := moments.Draw(t, "to")
	m.write(t, "PullIn", len(m.want.numbers), func(ctx context.Context, s *side) (any, error) {
		n, err := s.Orders.PullIn(ctx, to)
		return n, err
	})
}
