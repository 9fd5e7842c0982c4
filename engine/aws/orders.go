package aws

import (
	"context"
	"slices"

	"holdfast/event"
	"holdfast/order"
)

// orders is order.Store over the orders table: an item an order, keyed by its id,
// so that the conditional insert is the deduplication.
type orders struct {
	*records[order.Order]
	numbering *numbering
}

func newOrders(_ context.Context, c *core) (order.Store, error) {
	return ordersOf(c), nil
}

func ordersOf(c *core) *orders {
	r := newRecords(c, "orders", encodeOrder, decodeOrder)
	return &orders{records: r, numbering: newNumbering(c, r.table)}
}

func (s *orders) Create(ctx context.Context, asked []order.Order) ([]order.Created, error) {
	if err := ctx.Err(); err != nil || len(asked) == 0 {
		return nil, err
	}
	first := make(map[string]int, len(asked)) // the first of each id
	var inserts []int
	for i, o := range asked {
		if _, seen := first[o.OrderID]; !seen {
			first[o.OrderID] = i
			inserts = append(inserts, i)
		}
	}
	numbers, err := s.numbering.next(ctx, len(inserts))
	if err != nil {
		return nil, err
	}
	created := make([]order.Created, len(asked))
	err = each(ctx, len(inserts), func(ctx context.Context, k int) (err error) {
		i := inserts[k]
		o := asked[i]
		o.Number = numbers[k]
		created[i], err = s.insert(ctx, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, o := range asked {
		if at := first[o.OrderID]; at != i {
			created[i].Order = created[at].Order.Clone()
		}
	}
	return created, nil
}

// insert stores an order, or finds the one that has its id.
func (s *orders) insert(ctx context.Context, o order.Order) (order.Created, error) {
	if !event.ValidName(o.OrderID) {
		return order.Created{}, event.Errorf(event.Invalid, "no order can have the id %q", o.OrderID)
	}
	stored, isNew, err := s.put(ctx, o.OrderID, o, 0)
	if err == nil && stored.rev == 0 {
		err = event.Errorf(event.Unavailable, "%s: DynamoDB says that order %q is there, and does not show it", s.table, o.OrderID)
	}
	return order.Created{Order: stored.record, New: isNew}, err
}

func (s *orders) Apply(ctx context.Context, changes []order.Change) ([]event.Written[order.Order], error) {
	transitions := make([]transition[order.Order], len(changes))
	for i, c := range changes {
		transitions[i] = changeOfOrder(c)
	}
	written, err := s.applyKnown(ctx, transitions)
	for i := range written {
		written[i].Record = written[i].Record.Clone() // two that changed nothing are one record
	}
	return written, err
}

// changeOfOrder is a change as Order.Apply describes it, to the millisecond.
func changeOfOrder(c order.Change) transition[order.Order] {
	c.At, c.Due, c.ReservedAt = milli(c.At), milli(c.Due), milli(c.ReservedAt)
	return transition[order.Order]{c.OrderID, func(o order.Order, exists bool) (order.Order, bool) {
		if !exists || !slices.Contains(c.From, o.Status) {
			return o, false
		}
		o.Apply(c)
		return o, true
	}}
}

// applyKnown applies the transitions whose id an order can have; of the others
// there is no order.
func (s *orders) applyKnown(ctx context.Context, transitions []transition[order.Order]) ([]event.Written[order.Order], error) {
	var possible []transition[order.Order]
	var place []int
	for i, t := range transitions {
		if event.ValidName(t.id) {
			possible = append(possible, t)
			place = append(place, i)
		}
	}
	written, err := s.apply(ctx, possible)
	if err != nil {
		return nil, err
	}
	all := make([]event.Written[order.Order], len(transitions))
	for k, i := range place {
		all[i] = written[k]
	}
	return all, nil
}

func (s *orders) Get(ctx context.Context, id string) (order.Order, error) {
	if err := ctx.Err(); err != nil {
		return order.Order{}, err
	}
	if event.ValidName(id) {
		found, err := s.get(ctx, []string{id})
		if err != nil {
			return order.Order{}, err
		}
		if found[0].rev > 0 {
			return found[0].record, nil
		}
	}
	return order.Order{}, event.Errorf(event.NotFound, "no order %q", id)
}
