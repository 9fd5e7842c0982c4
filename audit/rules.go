package audit

import (
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// moved counts how often money went each way for an order.
type moved struct{ captures, refunds int }

// row says what the records of an order may be for as long as it keeps one
// status, and what to call it when they are not.
type row struct {
	reservation []inventory.State
	stock       Kind
	payment     []payment.State
	moved       []moved
	charge      Kind
}

// What an open order may find: all that its status does not rule out.
var (
	notReturned  = []inventory.State{inventory.None, inventory.Held, inventory.Rejected, inventory.Settled, inventory.ReleasedDeclined, inventory.ReleasedVoided}
	onceHeld     = []inventory.State{inventory.Held, inventory.Settled, inventory.ReleasedDeclined, inventory.ReleasedVoided}
	onceCharged  = []payment.State{payment.Charging, payment.Captured, payment.Declined, payment.VoidingExpired, payment.Voided}
	notCancelled = append([]payment.State{payment.None}, onceCharged...)
	notRefunding = append([]payment.State{payment.VoidingClient}, notCancelled...)
)

// rows follow from PROTOCOL.md: the order ends last, so what an ended order
// tells of has been written. An order that failed for stock may find a voided
// payment, where the hold's end overtook the refusal.
var rows = map[order.Status]row{
	order.Pending: {
		notReturned, ReservationDiffers,
		notCancelled,
		[]moved{{0, 0}, {1, 0}}, GatewayDiffers,
	},
	order.Reserved: {
		onceHeld, ReservationDiffers,
		onceCharged,
		[]moved{{0, 0}, {1, 0}}, GatewayDiffers,
	},
	order.Cancelling: {
		notReturned, ReservationDiffers,
		notRefunding,
		[]moved{{0, 0}, {1, 0}, {1, 1}}, GatewayDiffers,
	},
	order.Completed: {
		[]inventory.State{inventory.Settled}, StockNotSettled,
		[]payment.State{payment.Captured},
		[]moved{{1, 0}}, NotCapturedOnce,
	},
	order.Refunding: {
		[]inventory.State{inventory.Settled, inventory.Returned}, StockNotSettled,
		[]payment.State{payment.Captured, payment.Refunding, payment.Refunded},
		[]moved{{1, 0}, {1, 1}}, GatewayDiffers,
	},
	order.Refunded: {
		[]inventory.State{inventory.Returned}, StockNotReturned,
		[]payment.State{payment.Refunded},
		[]moved{{1, 1}}, NotRefundedOnce,
	},
	order.FailedNoStock: {
		[]inventory.State{inventory.Rejected}, StockNotReleased,
		[]payment.State{payment.None, payment.Voided},
		[]moved{{0, 0}}, NetCharge,
	},
	order.PaymentFailed: {
		[]inventory.State{inventory.ReleasedDeclined}, StockNotReleased,
		[]payment.State{payment.Declined},
		[]moved{{0, 0}}, NetCharge,
	},
	order.Cancelled: {
		[]inventory.State{inventory.Rejected, inventory.ReleasedDeclined, inventory.ReleasedVoided}, StockNotReleased,
		[]payment.State{payment.Declined, payment.Voided},
		[]moved{{0, 0}, {1, 1}}, NetCharge,
	},
}

// paid says which payments a reservation's state speaks of, and what may have
// become of them since. States that speak of none have no row.
var paid = map[inventory.State][]payment.State{
	inventory.Rejected:         {payment.None, payment.Voided},
	inventory.Settled:          {payment.Captured, payment.VoidingClient, payment.Voided, payment.Refunding, payment.Refunded},
	inventory.ReleasedDeclined: {payment.Declined},
	inventory.ReleasedVoided:   {payment.Voided},
	inventory.Returned:         {payment.Refunded},
}

// booked says the same of a payment's state and the gateway's ledger.
var booked = map[payment.State][]moved{
	payment.Captured:  {{1, 0}, {1, 1}},
	payment.Declined:  {{0, 0}},
	payment.Voided:    {{0, 0}, {1, 1}},
	payment.Refunding: {{1, 0}, {1, 1}},
	payment.Refunded:  {{1, 1}},
}

// next lists the statuses that an order can go to from each.
var next = map[order.Status][]order.Status{
	"":               {order.Pending},
	order.Pending:    {order.Reserved, order.Completed, order.FailedNoStock, order.PaymentFailed, order.Cancelling, order.Cancelled},
	order.Reserved:   {order.Completed, order.PaymentFailed, order.Cancelling, order.Cancelled},
	order.Cancelling: {order.Cancelled},
	order.Completed:  {order.Refunding},
	order.Refunding:  {order.Refunded},
}
