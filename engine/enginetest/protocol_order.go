package enginetest

import (
	"fmt"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/order"
)

var orderProtocolTests = []storeTest{
	{"order keeps to its table", orderTable},
	{"order applies the events of one order in a batch one after another", orderBatches},
	{"order answers a client as its table says", orderClientTable},
	{"order asks again as its table's sweep column says", orderSweepTable},
	{"order gives each end its reason and its history", orderEnds},
	{"order cannot read another's events or a newer version's", orderUnknownEvents},
}

var orderColumns = []event.Type{
	event.StockRejected, event.StockSettled, event.StockReleasedDeclined, event.StockReleasedVoided, event.StockReturned, event.PaymentPending,
}

type orderCell = cell[order.Status]

// orderRows is PROTOCOL's table "order", its first six columns; StockReleased
// has one for each cause.
var orderRows = func() map[order.Status][]orderCell {
	to := func(s order.Status) orderCell { return orderCell{to: s} }
	var stay orderCell
	dead := orderCell{dead: true}
	return map[order.Status][]orderCell{
		order.Pending:       {to(order.FailedNoStock), to(order.Completed), to(order.PaymentFailed), to(order.Cancelled), dead, to(order.Reserved)},
		order.Reserved:      {dead, to(order.Completed), to(order.PaymentFailed), to(order.Cancelled), dead, stay},
		order.Cancelling:    {stay, stay, to(order.Cancelled), to(order.Cancelled), dead, stay},
		order.Completed:     {dead, stay, dead, dead, dead, stay},
		order.Refunding:     {dead, stay, dead, dead, to(order.Refunded), stay},
		order.FailedNoStock: {stay, dead, dead, stay, dead, dead},
		order.PaymentFailed: {dead, dead, stay, dead, dead, stay},
		order.Cancelled:     {stay, stay, stay, stay, dead, stay},
		order.Refunded:      {dead, stay, dead, dead, stay, stay},
	}
}()

// What a client asks, as a step on the way to a status.
const (
	clientCancels event.Type = "the client's cancel"
	clientRefunds event.Type = "the client's refund"
)

var orderPaths = []path[order.Status]{
	{state: order.Pending},
	{state: order.Reserved, messages: []event.Type{event.PaymentPending}},
	{state: order.Cancelling, messages: []event.Type{clientCancels}},
	{state: order.Cancelling, messages: []event.Type{event.PaymentPending, clientCancels}},
	{state: order.Completed, messages: []event.Type{event.StockSettled}},
	{state: order.Completed, messages: []event.Type{event.PaymentPending, event.StockSettled}},
	{state: order.Refunding, messages: []event.Type{event.StockSettled, clientRefunds}},
	{state: order.FailedNoStock, messages: []event.Type{event.StockRejected}},
	{state: order.PaymentFailed, messages: []event.Type{event.StockReleasedDeclined}},
	{state: order.Cancelled, messages: []event.Type{clientCancels, event.StockReleasedVoided}},
	{state: order.Cancelled, messages: []event.Type{clientCancels, event.StockReleasedDeclined}},
	{state: order.Cancelled, messages: []event.Type{event.StockReleasedVoided}},
	{state: order.Refunded, messages: []event.Type{event.StockSettled, clientRefunds, event.StockReturned}},
}

// orderMessage is a message to the order service, as inventory and payment fill it.
func orderMessage(typ event.Type, r event.Ref) event.Event {
	m := event.New(typ, r, after(5))
	switch typ {
	case event.StockRejected:
		m.Reason, m.Short = "out_of_stock", []event.Shortfall{{SKU: "A123", Qty: 1}}
	case event.PaymentPending:
		m.Total, m.ReservedAt = price, after(4)
	default:
		m.Lines, m.Total, m.ReservedAt = []event.Line{{SKU: "A123", Qty: 1, UnitPrice: price}}, price, after(4)
	}
	return m
}

// handOrder gives a message, or what the client asks, to the order service.
func handOrder(t *testing.T, s *order.Service, m event.Event, now time.Time) event.Result {
	t.Helper()
	var err error
	switch m.Type {
	case clientCancels:
		_, _, err = s.Cancel(t.Context(), now, m.OrderID)
	case clientRefunds:
		_, _, err = s.Refund(t.Context(), now, m.OrderID, true)
	default:
		return handle(t, s, now, m)[0]
	}
	wantNoError(t, err)
	return event.Result{}
}

// follow takes a fresh order along a path.
func follow(t *testing.T, e *engine.Engine, id string, messages ...event.Type) order.Order {
	t.Helper()
	o := create(t, e, newOrder(id))[0]
	for i, m := range messages {
		handOrder(t, orderService(e), orderMessage(m, o.Ref), after(10+i))
	}
	return must(e.Orders.Get(t.Context(), id))(t)
}

func orderTable(t *testing.T, e *engine.Engine) { orderProtocol(e).run(t) }

func orderBatches(t *testing.T, e *engine.Engine) { orderProtocol(e).runInBatches(t, orderService(e)) }

func orderProtocol(e *engine.Engine) protocol[order.Status, order.Order] {
	return protocol[order.Status, order.Order]{
		columns: orderColumns, rows: orderRows, paths: orderPaths,
		hand: func(t *testing.T, m event.Event, now time.Time) event.Result {
			t.Helper()
			return handOrder(t, orderService(e), m, now)
		},
		begin: func(t *testing.T, n int, _ path[order.Status]) event.Ref {
			return create(t, e, newOrder(fmt.Sprint("cell-", n)))[0].Ref
		},
		message: func(typ event.Type, r event.Ref, _ path[order.Status]) event.Event { return orderMessage(typ, r) },
		read:    func(t *testing.T, r event.Ref) order.Order { return must(e.Orders.Get(t.Context(), r.OrderID))(t) },
		state:   func(o order.Order) order.Status { return o.Status },
	}
}

// clientAnswer is a cell of the columns cancel and refund.
type clientAnswer struct {
	to     order.Status // with a 202
	send   event.Type
	refuse bool // 409
}

// clientRows is PROTOCOL's table "order", its columns cancel and refund. A 202
// without a change stands as the status itself.
var clientRows = map[order.Status][2]clientAnswer{
	order.Pending:       {{to: order.Cancelling, send: event.CancelRequestedClient}, {refuse: true}},
	order.Reserved:      {{to: order.Cancelling, send: event.CancelRequestedClient}, {refuse: true}},
	order.Cancelling:    {{to: order.Cancelling}, {refuse: true}},
	order.Completed:     {{refuse: true}, {to: order.Refunding, send: event.RefundRequested}},
	order.Refunding:     {{refuse: true}, {to: order.Refunding}},
	order.FailedNoStock: {{refuse: true}, {refuse: true}},
	order.PaymentFailed: {{refuse: true}, {refuse: true}},
	order.Cancelled:     {{to: order.Cancelled}, {refuse: true}},
	order.Refunded:      {{refuse: true}, {to: order.Refunded}},
}

func orderClientTable(t *testing.T, e *engine.Engine) {
	s := orderService(e)
	ask := []func(id string, now time.Time) (order.Order, event.Event, error){
		func(id string, now time.Time) (order.Order, event.Event, error) {
			return s.Cancel(t.Context(), now, id)
		},
		func(id string, now time.Time) (order.Order, event.Event, error) {
			return s.Refund(t.Context(), now, id, true)
		},
	}
	for i, way := range orderPaths {
		for column, asked := range []string{"cancel", "refund"} {
			t.Run(fmt.Sprintf("%s by %v meets %s", way.state, way.messages, asked), func(t *testing.T) {
				before := follow(t, e, fmt.Sprintf("%s-%d", asked, i), way.messages...)
				clientRows[way.state][column].check(t, e, before, ask[column])
			})
		}
	}
	for _, ask := range ask {
		_, _, err := ask("nobody", after(1))
		wantCode(t, "asked of no order", err, event.NotFound)
	}
}

// check asks twice: the repeat finds the new status and its cell.
func (a clientAnswer) check(t *testing.T, e *engine.Engine, before order.Order, ask func(string, time.Time) (order.Order, event.Event, error)) {
	t.Helper()
	got, send, err := ask(before.OrderID, after(100))
	now := must(e.Orders.Get(t.Context(), before.OrderID))(t)
	if a.refuse {
		wantCode(t, "answer", err, event.Conflict)
		wantSame(t, "the order", now, before)
		return
	}
	wantNoError(t, err)
	wantSame(t, "answer", got, now)
	if now.Status != a.to || send.Type != a.send || a.send != "" && (send.Ref != before.Ref || send.Restock != now.Restock) {
		t.Errorf("the order is %s, sent %+v; want %s, %q", now.Status, send, a.to, a.send)
	}
	_, send, err = ask(before.OrderID, after(200))
	wantNoError(t, err)
	if send.Type != "" {
		t.Errorf("a repeat sends %q", send.Type)
	}
	wantSame(t, "the order after a repeat", must(e.Orders.Get(t.Context(), before.OrderID))(t), now)
}

// orderSweepTable holds each status's sweep before the hold's end and after it.
func orderSweepTable(t *testing.T, e *engine.Engine) {
	want := map[order.Status][2]event.Type{
		order.Pending:    {event.OrderPlaced, event.CancelRequestedExpired},
		order.Reserved:   {event.OrderPlaced, event.CancelRequestedExpired},
		order.Cancelling: {event.CancelRequestedClient, event.CancelRequestedClient},
		order.Refunding:  {event.RefundRequested, event.RefundRequested},
	}
	made := map[string]order.Order{}
	for i, way := range orderPaths {
		o := follow(t, e, fmt.Sprint("o", i), way.messages...)
		made[o.OrderID] = o
	}
	for i, now := range []time.Time{after(60), start.Add(terms.Hold)} {
		must(e.Orders.PullIn(t.Context(), now))(t)
		swept := map[string]event.Type{}
		for _, m := range must(orderService(e).Sweep(t.Context(), now, 1000))(t) {
			swept[m.OrderID] = m.Type
			if o := made[m.OrderID]; m.Ref != o.Ref || m.Restock != o.Restock || m.Type == event.OrderPlaced && len(m.Lines) != 1 {
				t.Errorf("%s lacks what its reader needs: %+v", m.Type, m)
			}
		}
		for id, o := range made {
			if swept[id] != want[o.Status][i] {
				t.Errorf("the sweep at %v of %s sends %q, want %q", now, o.Status, swept[id], want[o.Status][i])
			}
			wantSame(t, "history", must(e.Orders.Get(t.Context(), id))(t).History, o.History)
		}
	}
}

func orderEnds(t *testing.T, e *engine.Engine) {
	type step = order.Entry
	first, held := step{Status: order.Pending, At: start}, step{Status: order.Reserved, At: after(4)}
	cancelling := step{Status: order.Cancelling, At: after(10), Reason: order.CancelledByClient}
	for i, end := range []struct {
		messages []event.Type
		history  []order.Entry
	}{
		{[]event.Type{event.StockSettled}, []step{first, held, {Status: order.Completed, At: after(10)}}},
		{[]event.Type{event.PaymentPending, event.StockSettled}, []step{first, held, {Status: order.Completed, At: after(11)}}},
		{[]event.Type{event.StockRejected}, []step{first, {Status: order.FailedNoStock, At: after(10), Reason: "out_of_stock"}}},
		{[]event.Type{event.StockReleasedDeclined}, []step{first, held, {Status: order.PaymentFailed, At: after(10), Reason: order.CardDeclined}}},
		{[]event.Type{event.StockReleasedVoided}, []step{first, held, {Status: order.Cancelled, At: after(10), Reason: order.HoldExpired}}},
		{[]event.Type{clientCancels, event.StockReleasedVoided}, []step{first, cancelling, {Status: order.Cancelled, At: after(11), Reason: order.CancelledByClient}}},
		{[]event.Type{clientCancels, event.StockReleasedDeclined}, []step{first, cancelling, {Status: order.Cancelled, At: after(11), Reason: order.CancelledByClient}}},
		{[]event.Type{event.StockSettled, clientRefunds, event.StockReturned}, []step{first, held, {Status: order.Completed, At: after(10)},
			{Status: order.Refunding, At: after(11)}, {Status: order.Refunded, At: after(12)}}},
	} {
		o := follow(t, e, fmt.Sprint("end", i), end.messages...)
		wantSame(t, fmt.Sprint(end.messages), o.History, end.history)
		if last := end.history[len(end.history)-1]; o.Reason != last.Reason || !o.Due.IsZero() {
			t.Errorf("%v ends with reason %q, due %v; want %q, never", end.messages, o.Reason, o.Due, last.Reason)
		}
		if refused := o.Status == order.FailedNoStock; refused != (len(o.Short) == 1) || refused != o.Total.IsZero() {
			t.Errorf("%s has total %v, shortfall %v", o.Status, o.Total, o.Short)
		}
	}
}

func orderUnknownEvents(t *testing.T, e *engine.Engine) {
	o := follow(t, e, "o")
	for _, typ := range []event.Type{event.OrderPlaced, event.PaymentCaptured, event.StockReserved, event.GatewayCaptured, "Unheard", ""} {
		wantUnknown(t, orderService(e), o.Ref, event.Version, typ)
	}
	wantUnknown(t, orderService(e), o.Ref, event.Version+1, event.StockSettled)
	wantUnknown(t, orderService(e), o.Ref, 0, event.StockSettled)
	wantSame(t, "the order", must(e.Orders.Get(t.Context(), "o"))(t), o)
}
