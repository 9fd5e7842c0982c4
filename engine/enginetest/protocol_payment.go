package enginetest

import (
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/payment"
)

var paymentProtocolTests = []storeTest{
	{"payment keeps to its tables", paymentTable},
	{"payment applies the events of one order in a batch one after another", paymentBatches},
	{"payment's calls and events carry what their readers need", paymentEvents},
	{"payment cannot read another's events or a newer version's", paymentUnknownEvents},
}

var paymentColumns = []event.Type{
	event.StockReserved, event.CancelRequestedClient, event.CancelRequestedExpired, event.RefundRequested,
	event.GatewayCaptured, event.GatewayDeclined, event.GatewayVoided, event.GatewayRefunded, event.GatewayUnknown,
}

type paymentCell = cell[payment.State]

// paymentRows is PROTOCOL's two tables on payment side by side: the messages,
// then the gateway's answers, which change nothing in "any other" state.
var paymentRows = func() map[payment.State][]paymentCell {
	to := func(s payment.State, e event.Type) paymentCell { return paymentCell{to: s, send: e} }
	begin := func(s payment.State, op event.Op) paymentCell { return paymentCell{to: s, call: op} }
	send := func(e event.Type) paymentCell { return paymentCell{send: e} }
	call := func(op event.Op) paymentCell { return paymentCell{call: op} }
	var stay paymentCell
	dead, later := paymentCell{dead: true}, paymentCell{retry: true}
	captured, declined := send(event.PaymentCaptured), send(event.PaymentDeclined)
	voided, refunded := send(event.PaymentVoided), send(event.PaymentRefunded)
	tombstone := to(payment.Voided, event.PaymentVoided)
	return map[payment.State][]paymentCell{
		payment.None: {begin(payment.Charging, event.Capture), tombstone, tombstone, dead,
			stay, stay, stay, stay, stay},
		payment.Charging: {{call: event.Capture, send: event.PaymentPending}, begin(payment.VoidingClient, event.Void), begin(payment.VoidingExpired, event.Void), dead,
			to(payment.Captured, event.PaymentCaptured), to(payment.Declined, event.PaymentDeclined), to(payment.Declined, event.PaymentDeclined), stay,
			{send: event.PaymentPending, retry: true}},
		payment.Captured: {captured, begin(payment.VoidingClient, event.Void), captured, begin(payment.Refunding, event.Refund),
			stay, stay, stay, stay, stay},
		payment.Declined: {declined, declined, declined, dead,
			stay, stay, stay, stay, stay},
		payment.VoidingClient: {stay, call(event.Void), stay, dead,
			call(event.Refund), call(event.Void), to(payment.Voided, event.PaymentVoided), to(payment.Voided, event.PaymentVoided), later},
		payment.VoidingExpired: {call(event.Void), begin(payment.VoidingClient, event.Void), call(event.Void), dead,
			to(payment.Captured, event.PaymentCaptured), to(payment.Declined, event.PaymentDeclined), to(payment.Voided, event.PaymentVoided), stay, later},
		payment.Voided: {voided, voided, voided, dead,
			stay, stay, stay, stay, stay},
		payment.Refunding: {stay, dead, stay, call(event.Refund),
			stay, stay, stay, to(payment.Refunded, event.PaymentRefunded), later},
		payment.Refunded: {stay, dead, stay, refunded,
			stay, stay, stay, stay, stay},
	}
}()

var paymentPaths = func() []path[payment.State] {
	way := func(s payment.State, messages ...event.Type) path[payment.State] {
		return path[payment.State]{state: s, messages: messages}
	}
	const reserved, client, expired = event.StockReserved, event.CancelRequestedClient, event.CancelRequestedExpired
	return []path[payment.State]{
		way(payment.None),
		way(payment.Charging, reserved),
		way(payment.Captured, reserved, event.GatewayCaptured),
		way(payment.Captured, reserved, expired, event.GatewayCaptured),
		way(payment.Declined, reserved, event.GatewayDeclined),
		way(payment.Declined, reserved, event.GatewayVoided),
		way(payment.Declined, reserved, expired, event.GatewayDeclined),
		way(payment.VoidingClient, reserved, client),
		way(payment.VoidingClient, reserved, expired, client),
		way(payment.VoidingClient, reserved, event.GatewayCaptured, client),
		way(payment.VoidingExpired, reserved, expired),
		way(payment.Voided, client),
		way(payment.Voided, expired),
		way(payment.Voided, reserved, client, event.GatewayVoided),
		way(payment.Voided, reserved, expired, event.GatewayVoided),
		way(payment.Voided, reserved, client, event.GatewayCaptured, event.GatewayRefunded),
		way(payment.Refunding, reserved, event.GatewayCaptured, event.RefundRequested),
		way(payment.Refunded, reserved, event.GatewayCaptured, event.RefundRequested, event.GatewayRefunded),
	}
}()

// paymentMessage is a message to the payment service, as order, inventory and
// the worker fill it.
func paymentMessage(typ event.Type, r event.Ref) event.Event {
	m := event.New(typ, r, after(5))
	switch typ {
	case event.StockReserved:
		m.Lines, m.Total, m.PaymentMethod, m.ReservedAt = []event.Line{line("A", 1)}, price, "sim_slow", after(4)
	case event.RefundRequested:
		m.Restock = true
	case event.GatewayCaptured, event.GatewayDeclined, event.GatewayVoided, event.GatewayRefunded, event.GatewayUnknown:
		m.At = time.Time{}
	}
	return m
}

func paymentTable(t *testing.T, e *engine.Engine) { paymentProtocol(e).run(t) }

func paymentBatches(t *testing.T, e *engine.Engine) {
	paymentProtocol(e).runInBatches(t, paymentService(e))
}

func paymentProtocol(e *engine.Engine) protocol[payment.State, payment.Payment] {
	return protocol[payment.State, payment.Payment]{
		columns: paymentColumns, rows: paymentRows, paths: paymentPaths, hand: handTo(paymentService(e)),
		begin: func(_ *testing.T, n int, _ path[payment.State]) event.Ref { return ref(n) },
		message: func(typ event.Type, r event.Ref, _ path[payment.State]) event.Event {
			return paymentMessage(typ, r)
		},
		read:  func(t *testing.T, r event.Ref) payment.Payment { return paymentOf(t, e, r) },
		state: func(p payment.Payment) payment.State { return p.State },
	}
}

func paymentEvents(t *testing.T, e *engine.Engine) {
	s := paymentService(e)
	give := func(seconds int, typ event.Type) event.Result {
		t.Helper()
		return handle(t, s, after(seconds), paymentMessage(typ, ref(1)))[0]
	}
	wantCall := func(got event.Call, op event.Op) {
		t.Helper()
		wantSame(t, "call", got, event.Call{Op: op, Ref: ref(1), Amount: price, PaymentMethod: "sim_slow"})
	}
	wantCall(give(10, event.StockReserved).Call, event.Capture)
	again := give(11, event.StockReserved)
	wantCall(again.Call, event.Capture)
	for _, pending := range []event.Event{again.Send, give(12, event.GatewayUnknown).Send} {
		want := event.New(event.PaymentPending, ref(1), after(10))
		want.Total, want.ReservedAt = price, after(4)
		wantSame(t, "pending", pending, want)
	}
	wantCall(give(13, event.CancelRequestedExpired).Call, event.Void)
	if got := give(14, event.GatewayCaptured).Send; got.Type != event.PaymentCaptured || !got.At.Equal(after(14)) {
		t.Errorf("captured: %+v", got)
	}
	wantCall(give(15, event.RefundRequested).Call, event.Refund)
	give(16, event.GatewayRefunded)
	if got := give(17, event.RefundRequested).Send; got.Type != event.PaymentRefunded || !got.Restock || !got.At.Equal(after(16)) {
		t.Errorf("refunded: %+v", got)
	}
}

func paymentUnknownEvents(t *testing.T, e *engine.Engine) {
	for _, typ := range []event.Type{event.OrderPlaced, event.StockSettled, event.PaymentCaptured, "gateway: maybe", "Unheard"} {
		wantUnknown(t, paymentService(e), ref(1), event.Version, typ)
	}
	wantUnknown(t, paymentService(e), ref(1), event.Version+1, event.StockReserved)
	wantSame(t, "the payment", paymentOf(t, e, ref(1)), payment.Payment{})
}
