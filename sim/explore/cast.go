package explore

import (
	"context"
	"fmt"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/payment"
)

// cast is who takes part.
type cast struct {
	lanes []*lane
	stock *party
}

// lane is who serves one order alone. The order service and payment keep nothing
// that two orders share, so each order has them to itself.
type lane struct {
	number         int
	ref            event.Ref
	post           *post
	processor      *processor
	order, payment *party
}

// ids are the orders'. Each is the first of its own order store.
var ids = []string{"ours", "theirs"}

func newCast(o Options) *cast {
	k := newKeys()
	c := &cast{lanes: []*lane{newLane(0, o, k)}}
	if o.Rival {
		c.lanes = append(c.lanes, newLane(1, o, k))
	}
	c.stock = newParty(&party{name: event.Inventory, handle: runStock, run: runStock, key: stockKey, state: stockState}, shelf(o.Units))
	return c
}

func newLane(number int, o Options, k keys) *lane {
	l := &lane{number: number, ref: event.Ref{OrderID: ids[number], Number: 1}, post: &post{numbers: make(map[string]int)}}
	l.processor = newProcessor(o, l, k)
	l.order = newParty(&party{name: event.Order, handle: handleOrder, run: runOrder, key: orderKey, state: orderState, refusal: refusal}, memory.New())
	l.payment = newParty(&party{name: event.Payment, handle: runPayment, run: runPayment, key: paymentKey, state: paymentState}, memory.New())
	return l
}

func newParty(p *party, begin *memory.Memory) *party {
	p.stands = make(map[string]stand)
	p.stand(begin)
	return p
}

func (l *lane) ask(t event.Type) event.Event { return event.New(t, l.ref, handledAt) }

// parties are all the services.
func (c *cast) parties() []*party {
	all := []*party{c.stock}
	for _, l := range c.lanes {
		all = append(all, l.order, l.payment)
	}
	return all
}

// reader is who reads the letter.
func (c *cast) reader(l *lane, n int) *party {
	switch t := l.post.events[n].Type; readerOf(t) {
	case event.Order:
		return l.order
	case event.Inventory:
		return c.stock
	}
	return l.payment
}

// readerOf is the service that reads the type, also of what no queue carries: a
// client's request, a sweep, the gateway's answer.
func readerOf(t event.Type) event.Service {
	switch t {
	case place, cancel, refund, sweepBefore, sweepAfter:
		return event.Order
	case unitComesIn:
		return event.Inventory
	}
	if s, ok := t.Reader(); ok {
		return s
	}
	return event.Payment
}

// shelf is a stock of so many units.
func shelf(units int64) *memory.Memory {
	m := memory.New()
	s := inventory.Service{Store: m.Inventory}
	if _, err := s.Count(context.Background(), inventory.Count{SKU: sku, OnHand: units, Price: price, At: placedAt}); err != nil {
		panic(err)
	}
	return m
}

func runStock(ctx context.Context, m *memory.Memory, e event.Event) (event.Result, error) {
	s := inventory.Service{Store: m.Inventory}
	if e.Type == unitComesIn {
		_, err := s.Adjust(ctx, inventory.Adjustment{ID: "delivery", SKU: sku, Delta: 1, Reason: "delivered", At: handledAt})
		return event.Result{}, err
	}
	return one(s.Handle(ctx, handledAt, []event.Event{e}))
}

func runPayment(ctx context.Context, m *memory.Memory, e event.Event) (event.Result, error) {
	s := payment.Service{Store: m.Payments}
	return one(s.Handle(ctx, handledAt, []event.Event{e}))
}

// one is the result of a batch of one.
func one(results []event.Result, err error) (event.Result, error) {
	if err != nil {
		return event.Result{}, err
	}
	return results[0], nil
}

func reservationOf(m *memory.Memory, id string) inventory.Reservation {
	found, err := m.Inventory.Get(context.Background(), []event.Ref{{OrderID: id}})
	if err != nil {
		panic(err)
	}
	return found[0]
}

func balanceOf(m *memory.Memory) inventory.Balance {
	all, err := m.Inventory.Snapshot(context.Background(), func(inventory.Reservation) error { return nil })
	if err != nil {
		panic(err)
	}
	return all[0]
}

func stockKey(m *memory.Memory) string {
	b := balanceOf(m)
	key := fmt.Sprint(b.Available, b.Reserved, b.Sold, b.Ledger)
	for _, id := range ids {
		r := reservationOf(m, id)
		key += fmt.Sprint(r.State, r.Restocked, r.Lines, r.Total, r.Reason, r.Short, r.HeldAt.IsZero())
	}
	return key
}

func stockState(m *memory.Memory, ref event.Ref) string {
	return string(reservationOf(m, ref.OrderID).State)
}

func paymentOf(m *memory.Memory, id string) payment.Payment {
	found, err := m.Payments.Get(context.Background(), []event.Ref{{OrderID: id}})
	if err != nil {
		panic(err)
	}
	return found[0]
}

func paymentKey(m *memory.Memory) (key string) {
	for _, id := range ids {
		p := paymentOf(m, id)
		key += fmt.Sprint(p.State, p.Amount, p.Method, p.Restock, p.ReservedAt.IsZero())
	}
	return key
}

func paymentState(m *memory.Memory, ref event.Ref) string {
	return string(paymentOf(m, ref.OrderID).State)
}
