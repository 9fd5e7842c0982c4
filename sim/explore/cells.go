package explore

import (
	"cmp"
	"context"
	"slices"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// Cell is one cell of a decision table: what a message does to a record in a state.
type Cell struct {
	Service event.Service
	State   string // empty: no record
	Message string
	Does    string // as in PROTOCOL: "→HELD !StockReserved"; "–" for nothing; empty of a Coded one
}

func (a Cell) compare(b Cell) int {
	return cmp.Or(cmp.Compare(slices.Index(event.Services, a.Service), slices.Index(event.Services, b.Service)),
		cmp.Compare(a.Message, b.Message), cmp.Compare(a.State, b.State), cmp.Compare(a.Does, b.Does))
}

// met lists the cells that were met.
func (x *explorer) met() []Cell {
	seen := make(map[Cell]bool)
	var cells []Cell
	for _, p := range x.parties() {
		for _, lanes := range p.outcomes {
			for _, o := range slices.Concat(lanes[0][:], lanes[1][:]) {
				if o != nil && o.breach == "" && !seen[o.cell] {
					seen[o.cell] = true
					cells = append(cells, o.cell)
				}
			}
		}
	}
	slices.SortFunc(cells, Cell.compare)
	return cells
}

// Axes are the states and the messages of a service's table, a sweep's among them.
func Axes(s event.Service) (rows, columns []string) {
	for _, t := range messages[s] {
		columns = append(columns, string(t))
	}
	if s == event.Order {
		columns = append(columns, string(sweepBefore), string(sweepAfter))
	}
	return states[s], columns
}

// messages are the columns of the services' tables.
var messages = map[event.Service][]event.Type{
	event.Order: {
		event.StockRejected, event.StockSettled, event.StockReleasedDeclined, event.StockReleasedVoided,
		event.StockReturned, event.PaymentPending, cancel, refund,
	},
	event.Inventory: {
		event.OrderPlaced, event.PaymentCaptured, event.PaymentDeclined, event.PaymentVoided, event.PaymentRefunded,
	},
	event.Payment: {
		event.StockReserved, event.CancelRequestedClient, event.CancelRequestedExpired, event.RefundRequested,
		event.GatewayCaptured, event.GatewayDeclined, event.GatewayVoided, event.GatewayRefunded, event.GatewayUnknown,
	},
}

// states are the rows, of which the empty one is no record.
var states = map[event.Service][]string{
	event.Order:     texts("", order.Statuses...),
	event.Inventory: texts(inventory.None, inventory.Held, inventory.Rejected, inventory.Settled, inventory.ReleasedDeclined, inventory.ReleasedVoided, inventory.Returned),
	event.Payment:   texts(payment.None, payment.Charging, payment.Captured, payment.Declined, payment.VoidingClient, payment.VoidingExpired, payment.Voided, payment.Refunding, payment.Refunded),
}

func texts[S ~string](first S, rest ...S) []string {
	all := []string{string(first)}
	for _, s := range rest {
		all = append(all, string(s))
	}
	return all
}

// Coded lists the cells that the services' tables have, sorted: it brings a record
// to each state by its store, and asks the service about each message there. A
// message that is dead-lettered there, or refused to a client, has no cell.
func Coded() []Cell {
	c := newCast(Options{Units: 1})
	var cells []Cell
	for _, p := range c.parties() {
		for _, state := range states[p.name] {
			for _, t := range messages[p.name] {
				r, err := p.run(context.Background(), c.recordIn(p.name, state), c.lanes[0].ask(t))
				if err == nil && r.Dead == nil {
					cells = append(cells, Cell{Service: p.name, State: state, Message: string(t)})
				}
			}
		}
	}
	slices.SortFunc(cells, Cell.compare)
	return cells
}

// recordIn is a store whose record of our order is in the state.
func (c *cast) recordIn(s event.Service, state string) *memory.Memory {
	m := shelf(1)
	ref := c.lanes[0].ref
	if state == "" {
		return m
	}
	var err error
	ctx := context.Background()
	switch s {
	case event.Order:
		if _, err = handleOrder(ctx, m, c.lanes[0].ask(place)); err == nil {
			_, err = m.Orders.Apply(ctx, []order.Change{{Ref: ref, From: []order.Status{order.Pending}, To: order.Status(state), At: handledAt}})
		}
	case event.Inventory:
		_, err = m.Inventory.Apply(ctx, []inventory.Change{{Ref: ref, From: []inventory.State{inventory.None}, To: inventory.State(state), At: handledAt}})
	default:
		_, err = m.Payments.Apply(ctx, []payment.Change{{Ref: ref, From: []payment.State{payment.None}, To: payment.State(state), At: handledAt}})
	}
	if err != nil {
		panic(err)
	}
	return m
}
