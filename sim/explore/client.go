package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/order"
)

var terms = order.Terms{Hold: hold, Silence: handledAt.Sub(placedAt)}

// handleOrder runs the order service and holds what it does and says to what it
// has said before: see answered and moved.
func handleOrder(ctx context.Context, m *memory.Memory, e event.Event) (event.Result, error) {
	s := &order.Service{Store: m.Orders, Terms: terms}
	before := orderOf(m, e.OrderID)
	r, err := askOrder(ctx, s, before, e)
	if err != nil {
		return r, err
	}
	return r, moved(before, orderOf(m, e.OrderID))
}

func askOrder(ctx context.Context, s *order.Service, before order.Order, e event.Event) (event.Result, error) {
	switch e.Type {
	case place:
		return placeOrder(ctx, s, before, e.Ref)
	case cancel:
		o, send, err := s.Cancel(ctx, handledAt, e.OrderID)
		return event.Result{Send: send}, answered(before, o, e, err)
	case refund:
		o, send, err := s.Refund(ctx, handledAt, e.OrderID, e.Restock)
		return event.Result{Send: send}, answered(before, o, e, err)
	case sweepBefore, sweepAfter:
		return sweep(ctx, s, before, e.Type)
	}
	return one(s.Handle(ctx, handledAt, []event.Event{e}))
}

// runOrder runs the order service alone.
func runOrder(ctx context.Context, m *memory.Memory, e event.Event) (event.Result, error) {
	s := &order.Service{Store: m.Orders, Terms: terms}
	var send event.Event
	var err error
	switch e.Type {
	case cancel:
		_, send, err = s.Cancel(ctx, handledAt, e.OrderID)
	case refund:
		_, send, err = s.Refund(ctx, handledAt, e.OrderID, e.Restock)
	default:
		return one(s.Handle(ctx, handledAt, []event.Event{e}))
	}
	return event.Result{Send: send}, err
}

// placeOrder sends the client's request. A repeat makes nothing and is told of
// the same order.
func placeOrder(ctx context.Context, s *order.Service, before order.Order, ref event.Ref) (event.Result, error) {
	placed, err := s.Place(ctx, placedAt, []order.Request{{
		Caller: "local", UserID: "test_user", OrderID: ref.OrderID, Lines: []event.Line{{SKU: sku, Qty: 1}},
	}})
	if err != nil {
		return event.Result{}, err
	}
	p := placed[0]
	switch first := before.Status == ""; {
	case p.Err != nil:
		return event.Result{}, fmt.Errorf("the request is refused: %w", p.Err)
	case p.New != first || (p.Send.Type != "") != first:
		return event.Result{}, fmt.Errorf("the request makes an order: %t; there was none: %t", p.New, first)
	case p.Order.Ref != ref || !p.Order.CreatedAt().Equal(placedAt) || p.Order.History[0].Status != order.Pending:
		return event.Result{}, errors.New("the request is answered by another order")
	}
	return event.Result{Send: p.Send}, nil
}

// answered holds the answer to a cancel or a refund to PROTOCOL: accepted or
// refused, and with what.
func answered(before, after order.Order, e event.Event, err error) error {
	want := wanted(before, e)
	switch {
	case errors.Is(err, errStruck):
		return err
	case want != "" && !errors.Is(err, want), want == "" && err != nil:
		return fmt.Errorf("%s of an order that is %q is answered %v, not %q", e.Type, before.Status, err, want)
	case want != "":
		return nil
	case e.Type == cancel && after.Status != order.Cancelling && after.Status != order.Cancelled:
		return fmt.Errorf("a cancel is accepted with the order %s", after.Status)
	case e.Type == refund && (after.Status != order.Refunding && after.Status != order.Refunded || after.Restock != e.Restock):
		return fmt.Errorf("a refund with restock=%t is accepted with the order %s, restock=%t", e.Restock, after.Status, after.Restock)
	}
	return nil
}

// refusal is wanted of the order as the store has it.
func refusal(m *memory.Memory, e event.Event) event.Code {
	if e.Type != cancel && e.Type != refund {
		return ""
	}
	return wanted(orderOf(m, e.OrderID), e)
}

// wanted is the code with which PROTOCOL refuses the request; none: it accepts.
func wanted(o order.Order, e event.Event) event.Code {
	switch {
	case o.Status == "":
		return event.NotFound
	case e.Type == cancel && slices.Contains([]order.Status{order.Pending, order.Reserved, order.Cancelling, order.Cancelled}, o.Status):
		return ""
	case e.Type == refund && o.Status == order.Completed:
		return ""
	case e.Type == refund && (o.Status == order.Refunding || o.Status == order.Refunded) && o.Restock == e.Restock:
		return ""
	}
	return event.Conflict
}

// sweep asks about the order as a sweeper would whose clock says so. One that has
// just started asks about every open order; none asks about another.
func sweep(ctx context.Context, s *order.Service, before order.Order, when event.Type) (event.Result, error) {
	now := placedAt.Add(hold / 2)
	if when == sweepAfter {
		now = placedAt.Add(2 * hold)
	}
	if _, err := s.Recover(ctx, now); err != nil {
		return event.Result{}, err
	}
	events, err := s.Sweep(ctx, now, 1)
	if err != nil {
		return event.Result{}, err
	}
	if open := before.Status != "" && !before.Status.Ended(); open != (len(events) == 1) {
		return event.Result{}, fmt.Errorf("the sweep asks %d questions about an order that is %q", len(events), before.Status)
	}
	if len(events) == 0 {
		return event.Result{}, nil
	}
	return event.Result{Send: events[0]}, nil
}

func orderOf(m *memory.Memory, id string) order.Order {
	o, err := m.Orders.Get(context.Background(), id)
	if err != nil {
		return order.Order{}
	}
	return o
}

func orderKey(m *memory.Memory) (key string) {
	for _, id := range ids {
		o := orderOf(m, id)
		key += fmt.Sprint(o.Status, o.Reason, o.Restock, o.Total, o.Short, o.Lines)
	}
	return key
}

func orderState(m *memory.Memory, ref event.Ref) string {
	return string(orderOf(m, ref.OrderID).Status)
}

// moves are the ways that an order can go, as DESIGN draws them.
var moves = map[order.Status][]order.Status{
	"":               {order.Pending},
	order.Pending:    {order.Reserved, order.Completed, order.FailedNoStock, order.PaymentFailed, order.Cancelling, order.Cancelled},
	order.Reserved:   {order.Completed, order.PaymentFailed, order.Cancelling, order.Cancelled},
	order.Cancelling: {order.Cancelled},
	order.Completed:  {order.Refunding},
	order.Refunding:  {order.Refunded},
}

// moved holds a change of the order to what a client was shown before: the way
// it went, the history that only grows, the restock that stays.
func moved(before, after order.Order) error {
	told := len(before.History)
	switch {
	case before.Status != after.Status && !slices.Contains(moves[before.Status], after.Status):
		return fmt.Errorf("the order goes from %q to %q", before.Status, after.Status)
	case told > len(after.History) || !slices.Equal(before.History, after.History[:told]):
		return fmt.Errorf("the history is rewritten: %v, then %v", before.History, after.History)
	case before.Status == after.Status && told != len(after.History):
		return errors.New("the history grows while the order stays")
	case before.Restock != after.Restock && before.Status != order.Completed:
		return errors.New("the restock changes")
	case after.Status != "" && after.Due.IsZero() != after.Status.Ended():
		return fmt.Errorf("the order is %s and due at %s", after.Status, after.Due)
	case after.Status == order.Cancelled && before.Status != order.Cancelled && after.Reason != reasonAfter(before.Status):
		return fmt.Errorf("the order goes from %s to CANCELLED for %q", before.Status, after.Reason)
	}
	return nil
}

// reasonAfter is why an order is cancelled that was in this status.
func reasonAfter(s order.Status) string {
	if s == order.Cancelling {
		return order.CancelledByClient
	}
	return order.HoldExpired
}
