package payment

import "holdfast/event"

type (
	column = event.Column[State]
	cells  = map[State]event.Cell[State]
)

// table is the payment service's decision table: first the messages, then the
// gateway's answers, whichever call asked for them. A missing cell is a message
// that cannot meet a payment in that state: it is dead-lettered, never guessed
// at. An answer that finds another state than it is for changes nothing: the
// condition on the state is the whole fence against a stale attempt.
var table = event.Table[State]{
	event.StockReserved: column{Expect: None, MaxAge: event.MaxAge, Cells: cells{
		None:           {To: Charging, Call: event.Capture},
		Charging:       {Call: event.Capture, Send: event.PaymentPending},
		Captured:       {Send: event.PaymentCaptured},
		Declined:       {Send: event.PaymentDeclined},
		VoidingClient:  {},
		VoidingExpired: {Call: event.Void},
		Voided:         {Send: event.PaymentVoided},
		Refunding:      {},
		Refunded:       {},
	}},
	event.CancelRequestedClient: column{Expect: Captured, Cells: cells{
		None:           {To: Voided, Send: event.PaymentVoided}, // a tombstone: the late charge is refused
		Charging:       {To: VoidingClient, Call: event.Void},
		Captured:       {To: VoidingClient, Call: event.Void},
		Declined:       {Send: event.PaymentDeclined},
		VoidingClient:  {Call: event.Void},
		VoidingExpired: {To: VoidingClient, Call: event.Void},
		Voided:         {Send: event.PaymentVoided},
	}},
	event.CancelRequestedExpired: column{Expect: Charging, Cells: cells{
		None:           {To: Voided, Send: event.PaymentVoided},
		Charging:       {To: VoidingExpired, Call: event.Void},
		Captured:       {Send: event.PaymentCaptured},
		Declined:       {Send: event.PaymentDeclined},
		VoidingClient:  {},
		VoidingExpired: {Call: event.Void},
		Voided:         {Send: event.PaymentVoided},
		Refunding:      {},
		Refunded:       {},
	}},
	event.RefundRequested: column{Expect: Captured, Cells: cells{
		Captured:  {To: Refunding, Call: event.Refund},
		Refunding: {Call: event.Refund},
		Refunded:  {Send: event.PaymentRefunded},
	}},

	event.GatewayCaptured: column{Expect: Charging, Elsewhere: true, Cells: cells{
		Charging:       {To: Captured, Send: event.PaymentCaptured},
		VoidingClient:  {Call: event.Refund},
		VoidingExpired: {To: Captured, Send: event.PaymentCaptured},
	}},
	event.GatewayDeclined: column{Expect: Charging, Elsewhere: true, Cells: cells{
		Charging:       {To: Declined, Send: event.PaymentDeclined},
		VoidingClient:  {Call: event.Void},
		VoidingExpired: {To: Declined, Send: event.PaymentDeclined},
	}},
	event.GatewayVoided: column{Expect: VoidingExpired, Elsewhere: true, Cells: cells{
		Charging:       {To: Declined, Send: event.PaymentDeclined},
		VoidingClient:  {To: Voided, Send: event.PaymentVoided},
		VoidingExpired: {To: Voided, Send: event.PaymentVoided},
	}},
	event.GatewayRefunded: column{Expect: Refunding, Elsewhere: true, Cells: cells{
		VoidingClient: {To: Voided, Send: event.PaymentVoided},
		Refunding:     {To: Refunded, Send: event.PaymentRefunded},
	}},
	event.GatewayUnknown: column{Expect: Charging, Elsewhere: true, Cells: cells{
		Charging:       {Send: event.PaymentPending, Retry: true},
		VoidingClient:  {Retry: true},
		VoidingExpired: {Retry: true},
		Refunding:      {Retry: true},
	}},
}

var rules = table.Rules()

// Cells names the cells of the decision table, for whoever checks that each of them
// is reached.
func Cells() []event.CellName { return table.Names() }
