package sim

import (
	"context"
	"errors"
	"time"

	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// errCursed is a failure that is a message's own: no outage explains it.
var errCursed = errors.New("the order is cursed")

// write runs one durable write of a process about the orders given: others may
// come before and after it, it may fail before it persists and after, and the
// process may die at either point.
func (p *process) write(what string, ids []string, do func() error) error {
	w := p.w
	if err := p.point("before " + what); err != nil {
		return err
	}
	if w.now.Before(p.diskOut) || w.strikes(StoreBefore) {
		return event.Errorf(event.Unavailable, "%s failed", what)
	}
	for _, id := range ids {
		if w.now.Before(w.cursed[id]) {
			return errCursed
		}
	}
	if err := do(); err != nil {
		return err
	}
	if w.strikes(StoreAfter) {
		w.note(first(ids), p.name, "%s persists, but its answer is lost", what)
		if what == "changing a reservation" {
			w.hit(race(24))
		}
		return event.Errorf(event.Unavailable, "%s: the answer was lost", what)
	}
	return p.point("after " + what)
}

func first(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// read runs a reading call.
func (p *process) read() error {
	if !p.alive {
		return errDead
	}
	if p.w.now.Before(p.diskOut) {
		return event.Errorf(event.Unavailable, "the store is out")
	}
	return nil
}

// orders, stock, payments and letters are the stores as a process reaches them.
type (
	orders struct {
		p *process
		order.Store
	}
	stock struct {
		p *process
		inventory.Store
	}
	payments struct {
		p *process
		payment.Store
	}
	letters struct {
		p *process
		event.DeadLetters
	}
)

// about are the ids of the orders that changes or records are of.
func about[T any](all []T, id func(T) string) []string {
	ids := make([]string, len(all))
	for i, one := range all {
		ids[i] = id(one)
	}
	return ids
}

// apply runs a store's Apply as one write, and has each record that it changed, with
// its new state, noted and held to the promises.
func apply[C, R any](p *process, what string, changes []C, id func(C) string,
	do func() ([]event.Written[R], error), now func(R) (orderID, state string),
) (written []event.Written[R], err error) {
	err = p.write(what, about(changes, id), func() (err error) {
		written, err = do()
		for _, r := range written {
			if r.Changed {
				orderID, state := now(r.Record)
				p.w.note(orderID, p.name, "%s", state)
				p.w.verify(orderID)
			}
		}
		return err
	})
	return written, err
}

func (s orders) Create(ctx context.Context, asked []order.Order) (created []order.Created, err error) {
	ids := about(asked, func(o order.Order) string { return o.OrderID })
	err = s.p.write("storing an order", ids, func() (err error) {
		created, err = s.Store.Create(ctx, asked)
		for _, c := range created {
			if c.New {
				s.p.w.note(c.Order.OrderID, s.p.name, "stores the order, %s", c.Order.Status)
				s.p.w.verify(c.Order.OrderID)
			}
		}
		return err
	})
	return created, err
}

func (s orders) Apply(ctx context.Context, changes []order.Change) ([]event.Written[order.Order], error) {
	return apply(s.p, "changing an order", changes, func(c order.Change) string { return c.OrderID },
		func() ([]event.Written[order.Order], error) { return s.Store.Apply(ctx, changes) },
		func(o order.Order) (string, string) { return o.OrderID, "order is now " + string(o.Status) })
}

func (s orders) Get(ctx context.Context, id string) (order.Order, error) {
	if err := s.p.read(); err != nil {
		return order.Order{}, err
	}
	return s.Store.Get(ctx, id)
}

func (s orders) Due(ctx context.Context, at time.Time, limit int) ([]order.Order, error) {
	if err := s.p.read(); err != nil {
		return nil, err
	}
	return s.Store.Due(ctx, at, limit)
}

func (s orders) Postpone(ctx context.Context, postponements []order.Postponement) error {
	return s.p.write("postponing orders", nil, func() error {
		err := s.Store.Postpone(ctx, postponements)
		for _, p := range postponements {
			s.p.w.verify(p.OrderID)
		}
		return err
	})
}

func (s orders) PullIn(ctx context.Context, to time.Time) (n int, err error) {
	err = s.p.write("pulling in orders", nil, func() (err error) {
		n, err = s.Store.PullIn(ctx, to)
		return err
	})
	return n, err
}

func (s stock) Apply(ctx context.Context, changes []inventory.Change) ([]event.Written[inventory.Reservation], error) {
	return apply(s.p, "changing a reservation", changes, func(c inventory.Change) string { return c.OrderID },
		func() ([]event.Written[inventory.Reservation], error) {
			written, err := s.Store.Apply(ctx, changes)
			s.p.w.book(written)
			return written, err
		},
		func(r inventory.Reservation) (string, string) {
			return r.OrderID, "reservation is now " + string(r.State)
		})
}

func (s stock) Count(ctx context.Context, counts []inventory.Count) (counted []inventory.Counted, err error) {
	err = s.p.write("counting stock", nil, func() (err error) {
		counted, err = s.Store.Count(ctx, counts)
		s.p.w.verifyStock()
		return err
	})
	return counted, err
}

func (s stock) Adjust(ctx context.Context, adjustments []inventory.Adjustment) (adjusted []inventory.Adjusted, err error) {
	err = s.p.write("adjusting stock", nil, func() (err error) {
		adjusted, err = s.Store.Adjust(ctx, adjustments)
		s.p.w.verifyStock()
		return err
	})
	return adjusted, err
}

func (s stock) Stock(ctx context.Context, sku string) (inventory.Stock, error) {
	if err := s.p.read(); err != nil {
		return inventory.Stock{}, err
	}
	return s.Store.Stock(ctx, sku)
}

func (s payments) Apply(ctx context.Context, changes []payment.Change) ([]event.Written[payment.Payment], error) {
	return apply(s.p, "changing a payment", changes, func(c payment.Change) string { return c.OrderID },
		func() ([]event.Written[payment.Payment], error) { return s.Store.Apply(ctx, changes) },
		func(p payment.Payment) (string, string) { return p.OrderID, "payment is now " + string(p.State) })
}

func (s letters) Put(ctx context.Context, dead []event.DeadLetter) error {
	return s.p.write("writing a dead letter", nil, func() error {
		for _, l := range dead {
			s.p.w.note(subject(l.Event), s.p.name, "%s is dead: %s", l.Event.Type, l.Reason)
			s.p.w.duty(l.ID).doneAt = s.p.w.steps
			if l.Event.Unread != nil {
				s.p.w.hit(race(15))
				s.p.w.poison = append(s.p.w.poison, l.ID)
			}
		}
		return s.DeadLetters.Put(ctx, dead)
	})
}

func (s letters) Delete(ctx context.Context, dead []event.DeadLetter) (n int, err error) {
	err = s.p.write("deleting dead letters", nil, func() (err error) {
		for _, l := range dead {
			defer s.p.w.verifyKept(s.DeadLetters, l)()
		}
		n, err = s.DeadLetters.Delete(ctx, dead)
		return err
	})
	return n, err
}
