package audit

import (
	"context"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// A tamper alters what an audit reads of the stores, as a hand in a copy of them
// would.
type tamper func(*Stores)

// all tampers in several ways.
func all(tampers ...tamper) tamper {
	return func(s *Stores) {
		for _, t := range tampers {
			t(s)
		}
	}
}

type tamperedOrders struct {
	Orders
	alter func(*order.Order)
}

func (t tamperedOrders) Get(ctx context.Context, id string) (order.Order, error) {
	o, err := t.Orders.Get(ctx, id)
	if err == nil {
		t.alter(&o)
	}
	return o, err
}

func (t tamperedOrders) Scan(ctx context.Context, after int64, limit int) ([]order.Order, error) {
	page, err := t.Orders.Scan(ctx, after, limit)
	for i := range page {
		t.alter(&page[i])
	}
	return page, err
}

// Tally counts nothing by status: what was altered is to be found by itself.
func (tamperedOrders) Tally(context.Context) (order.Tally, error) { return order.Tally{}, nil }

func orderOf(id string, alter func(*order.Order)) tamper {
	return func(s *Stores) {
		s.Orders = tamperedOrders{s.Orders, func(o *order.Order) {
			if o.OrderID == id {
				alter(o)
			}
		}}
	}
}

// miscounted is an order store that counts otherwise.
type miscounted struct {
	Orders
	alter func(*order.Tally)
}

func (m miscounted) Tally(ctx context.Context) (order.Tally, error) {
	t, err := m.Orders.Tally(ctx)
	m.alter(&t)
	return t, err
}

func tallyOf(alter func(*order.Tally)) tamper {
	return func(s *Stores) { s.Orders = miscounted{s.Orders, alter} }
}

// unfindable is an order store that lists its orders but finds none by id.
type unfindable struct{ Orders }

func (unfindable) Get(context.Context, string) (order.Order, error) {
	return order.Order{}, event.Errorf(event.NotFound, "no such order")
}

// renumbered is an order store that finds another order than it lists.
type renumbered struct{ Orders }

func (r renumbered) Get(ctx context.Context, id string) (order.Order, error) {
	o, err := r.Orders.Get(ctx, id)
	o.Number += 100
	return o, err
}

// listed is an order store that counts how often an order is looked up alone.
type listed struct {
	Orders
	lookups *int
}

func (l listed) Get(ctx context.Context, id string) (order.Order, error) {
	*l.lookups++
	return l.Orders.Get(ctx, id)
}

// tamperedInventory alters the reservations that Get finds, and of a snapshot
// the reservations (nil: left out) and the balances.
type tamperedInventory struct {
	Inventory
	found    func(*inventory.Reservation)
	snapshot func(inventory.Reservation) []inventory.Reservation
	balance  func(*inventory.Balance)
}

func (t tamperedInventory) Get(ctx context.Context, refs []event.Ref) ([]inventory.Reservation, error) {
	found, err := t.Inventory.Get(ctx, refs)
	for i := range found {
		t.found(&found[i])
	}
	return found, err
}

func (t tamperedInventory) Snapshot(ctx context.Context, each func(inventory.Reservation) error) ([]inventory.Balance, error) {
	balances, err := t.Inventory.Snapshot(ctx, func(r inventory.Reservation) error {
		for _, altered := range t.snapshot(r) {
			if err := each(altered); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range balances {
		t.balance(&balances[i])
	}
	return balances, err
}

func tamperInventory(s *Stores, alter func(*tamperedInventory)) {
	t := tamperedInventory{
		s.Inventory, func(*inventory.Reservation) {},
		func(r inventory.Reservation) []inventory.Reservation { return []inventory.Reservation{r} },
		func(*inventory.Balance) {},
	}
	alter(&t)
	s.Inventory = t
}

// reservationOf alters the reservation that Get finds.
func reservationOf(id string, alter func(*inventory.Reservation)) tamper {
	return func(s *Stores) {
		tamperInventory(s, func(t *tamperedInventory) {
			t.found = func(r *inventory.Reservation) {
				if r.OrderID == id {
					alter(r)
				}
			}
		})
	}
}

// snapshotOf puts others in the place of an order's reservation in a snapshot.
func snapshotOf(id string, alter func(inventory.Reservation) []inventory.Reservation) tamper {
	return func(s *Stores) {
		tamperInventory(s, func(t *tamperedInventory) {
			t.snapshot = func(r inventory.Reservation) []inventory.Reservation {
				if r.OrderID != id {
					return []inventory.Reservation{r}
				}
				return alter(r)
			}
		})
	}
}

func balanceOf(sku string, alter func(*inventory.Balance)) tamper {
	return func(s *Stores) {
		tamperInventory(s, func(t *tamperedInventory) {
			t.balance = func(b *inventory.Balance) {
				if b.SKU == sku {
					alter(b)
				}
			}
		})
	}
}

// tamperedPayments alters the payments that Get finds, and adds one to a scan.
type tamperedPayments struct {
	Payments
	found func(*payment.Payment)
	extra []payment.Payment
}

func (t tamperedPayments) Get(ctx context.Context, refs []event.Ref) ([]payment.Payment, error) {
	found, err := t.Payments.Get(ctx, refs)
	for i := range found {
		t.found(&found[i])
	}
	return found, err
}

func (t tamperedPayments) Scan(ctx context.Context, after int64, limit int) ([]payment.Payment, error) {
	page, err := t.Payments.Scan(ctx, after, limit)
	for _, p := range t.extra {
		if p.Number > after {
			page = append(page, p)
		}
	}
	return page, err
}

func paymentOf(id string, alter func(*payment.Payment)) tamper {
	return func(s *Stores) {
		s.Payments = tamperedPayments{s.Payments, func(p *payment.Payment) {
			if p.OrderID == id {
				alter(p)
			}
		}, nil}
	}
}

func extraPayment(ref event.Ref) tamper {
	return func(s *Stores) {
		s.Payments = tamperedPayments{s.Payments, func(*payment.Payment) {}, []payment.Payment{{Ref: ref, State: payment.Voided}}}
	}
}

// tamperedLedger alters an order's entries that Get finds, and adds some to a scan.
type tamperedLedger struct {
	Ledger
	found func(event.Ref, []simulated.Entry) []simulated.Entry
	extra []simulated.Entry
}

func (t tamperedLedger) Get(ctx context.Context, refs []event.Ref) ([][]simulated.Entry, error) {
	found, err := t.Ledger.Get(ctx, refs)
	for i := range found {
		found[i] = t.found(refs[i], found[i])
	}
	return found, err
}

func (t tamperedLedger) Scan(ctx context.Context, after int64, limit int) ([]simulated.Entry, error) {
	page, err := t.Ledger.Scan(ctx, after, limit)
	for _, e := range t.extra {
		if e.Order.Number > after {
			page = append(page, e)
		}
	}
	return page, err
}

func entriesOf(id string, alter func(event.Ref, []simulated.Entry) []simulated.Entry) tamper {
	return func(s *Stores) {
		s.Ledger = tamperedLedger{s.Ledger, func(ref event.Ref, entries []simulated.Entry) []simulated.Entry {
			if ref.OrderID != id {
				return entries
			}
			return alter(ref, entries)
		}, nil}
	}
}

func extraEntry(ref event.Ref) tamper {
	return func(s *Stores) {
		same := func(_ event.Ref, entries []simulated.Entry) []simulated.Entry { return entries }
		s.Ledger = tamperedLedger{s.Ledger, same, []simulated.Entry{
			{Key: ref.OrderID, Order: ref, State: simulated.Captured}, {Key: ref.OrderID + "/refund", Order: ref, State: simulated.Refunded},
		}}
	}
}
