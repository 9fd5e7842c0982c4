package order

import "holdfast/event"

// What a client asks of an order reads the same table as the events do. These
// types go through no queue.
const (
	cancel event.Type = "cancel"
	refund event.Type = "refund"
)

type (
	column = event.Column[Status]
	cells  = map[Status]event.Cell[Status]
)

// table is the order service's decision table. A missing cell is a message that
// cannot meet an order in that status: it is dead-lettered, never guessed at; to
// a client's cancel or refund it is a 409. Recovery of an open order that has
// been silent too long is in sweep.go.
var table = event.Table[Status]{
	event.StockRejected: column{Expect: Pending, Cells: cells{
		Pending:       {To: FailedNoStock},
		Cancelling:    {},
		FailedNoStock: {},
		Cancelled:     {},
	}},
	event.StockSettled: column{Expect: Pending, Cells: cells{
		Pending:    {To: Completed},
		Reserved:   {To: Completed},
		Cancelling: {},
		Completed:  {},
		Refunding:  {},
		Cancelled:  {},
		Refunded:   {},
	}},
	event.StockReleasedDeclined: column{Expect: Pending, Cells: cells{
		Pending:       {To: PaymentFailed, Reason: CardDeclined},
		Reserved:      {To: PaymentFailed, Reason: CardDeclined},
		Cancelling:    {To: Cancelled, Reason: CancelledByClient},
		PaymentFailed: {},
		Cancelled:     {},
	}},
	event.StockReleasedVoided: column{Expect: Cancelling, Cells: cells{
		Pending:       {To: Cancelled, Reason: HoldExpired},
		Reserved:      {To: Cancelled, Reason: HoldExpired},
		Cancelling:    {To: Cancelled, Reason: CancelledByClient},
		FailedNoStock: {},
		Cancelled:     {},
	}},
	event.StockReturned: column{Expect: Refunding, Cells: cells{
		Refunding: {To: Refunded},
		Refunded:  {},
	}},
	event.PaymentPending: column{Expect: Pending, Cells: cells{
		Pending:       {To: Reserved},
		Reserved:      {},
		Cancelling:    {},
		Completed:     {},
		Refunding:     {},
		PaymentFailed: {},
		Cancelled:     {},
		Refunded:      {},
	}},
	cancel: column{Expect: Pending, Cells: cells{
		Pending:    {To: Cancelling, Reason: CancelledByClient, Send: event.CancelRequestedClient},
		Reserved:   {To: Cancelling, Reason: CancelledByClient, Send: event.CancelRequestedClient},
		Cancelling: {},
		Cancelled:  {},
	}},
	refund: column{Expect: Completed, Cells: cells{
		Completed: {To: Refunding, Send: event.RefundRequested},
		Refunding: {},
		Refunded:  {},
	}},
}

var rules = table.Rules()

// Cells names the cells of the decision table, for whoever checks that each of them
// is reached.
func Cells() []event.CellName { return table.Names() }
