// Package order is the order service: it accepts each order once, stores it,
// answers questions about it, and follows what inventory and payment say until
// the order has ended.
//
//	PENDING ─▶ (RESERVED) ─▶ COMPLETED ─▶ REFUNDING ─▶ REFUNDED
//	   │            ├─▶ PAYMENT_FAILED
//	   ├─▶ FAILED_NO_STOCK
//	   ├─▶ CANCELLING ─▶ CANCELLED      the client cancelled
//	   └─────────────────▶ CANCELLED    the hold ended unpaid
package order

import (
	"slices"
	"time"

	"holdfast/event"
)

// Status is where an order stands.
type Status string

// The statuses. An order without a row has the empty one.
const (
	Pending       Status = "PENDING"
	Reserved      Status = "RESERVED"
	Completed     Status = "COMPLETED"
	FailedNoStock Status = "FAILED_NO_STOCK"
	PaymentFailed Status = "PAYMENT_FAILED"
	Cancelling    Status = "CANCELLING"
	Cancelled     Status = "CANCELLED"
	Refunding     Status = "REFUNDING"
	Refunded      Status = "REFUNDED"
)

// Statuses lists every status.
var Statuses = []Status{Pending, Reserved, Completed, FailedNoStock, PaymentFailed, Cancelling, Cancelled, Refunding, Refunded}

// Open lists the statuses of orders that have not ended.
var Open = []Status{Pending, Reserved, Cancelling, Refunding}

// Ended reports whether an order in this status has nothing left to do. Only a
// refund, which starts from COMPLETED, takes an ended order further.
func (s Status) Ended() bool { return !slices.Contains(Open, s) }

// The reasons an order may end for, beside those that inventory gives
// (out_of_stock, unknown_sku, mixed_currency).
const (
	CardDeclined      = "card_declined"
	CancelledByClient = "cancelled_by_client"
	HoldExpired       = "hold_expired"
)

// Order is one order, as its store holds it.
type Order struct {
	event.Ref
	Caller        string // who placed it: an API key's name, or "local"
	UserID        string
	Lines         []event.Line // merged by SKU, in the order of first mention
	PaymentMethod string       // empty: the gateway's default
	Fingerprint   [16]byte     // of the request's meaning: see Request.fingerprint
	Rendering     int          // the version of the 202's rendering, which never changes for this order
	HoldUntil     time.Time    // when the stock is given back if no payment is known

	Status  Status
	Reason  string // a stable code, empty where there is nothing to explain
	Short   []event.Shortfall
	Total   event.Money // zero until inventory has named the prices
	Restock bool        // of a refund: whether the units go back on sale; fixed by the write of REFUNDING
	History []Entry     // never empty; times never go back

	Due      time.Time // when the sweeper looks at it next; zero once it has ended
	Attempts int       // sweeps since the order last changed
}

// Entry is one step of an order's history.
type Entry struct {
	Status Status    `json:"status"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// CreatedAt is when the order was accepted.
func (o *Order) CreatedAt() time.Time { return o.History[0].At }

// UpdatedAt is when the order last changed.
func (o *Order) UpdatedAt() time.Time { return o.History[len(o.History)-1].At }

// Version is the history's length: it rises with every change.
func (o *Order) Version() int { return len(o.History) }

// Apply carries out a change whose condition the caller has checked, inside its
// own atomic write.
func (o *Order) Apply(c Change) {
	if o.Status == Pending && c.To.afterHold() && !c.ReservedAt.IsZero() {
		o.enter(Entry{Status: Reserved, At: c.ReservedAt})
	}
	o.enter(Entry{Status: c.To, At: c.At, Reason: c.Reason})
	o.Reason = c.Reason
	o.Attempts = 0
	if o.Due = c.Due; o.Status == Reserved && o.HoldUntil.Before(o.Due) {
		o.Due = o.HoldUntil // a past one too: the question that was due then may be lost
	}
	if len(c.Short) > 0 {
		o.Short = c.Short
	}
	if !c.Total.IsZero() {
		o.Total = c.Total
	}
	if len(c.Lines) > 0 {
		o.Lines = c.Lines
	}
	if c.To == Refunding {
		o.Restock = c.Restock
	}
}

// notPastHold is the due time given, or the hold's end if that lies between now
// and then and the order may still have a hold to end.
func (o *Order) notPastHold(due, now time.Time) time.Time {
	if o.Status != Pending && o.Status != Reserved || !now.Before(o.HoldUntil) || due.Before(o.HoldUntil) {
		return due
	}
	return o.HoldUntil
}

// afterHold reports whether an order comes to s by way of a hold, when it had one.
func (s Status) afterHold() bool {
	return s == Completed || s == PaymentFailed || s == Cancelled
}

// enter brings the order to a status and writes its history, whose times stay in
// order whatever the clock did.
func (o *Order) enter(e Entry) {
	if n := len(o.History); n > 0 && e.At.Before(o.History[n-1].At) {
		e.At = o.History[n-1].At
	}
	o.History = append(slices.Clip(o.History), e)
	o.Status = e.Status
}

// Clone returns a copy that shares nothing with o.
func (o Order) Clone() Order {
	o.Lines, o.Short, o.History = slices.Clone(o.Lines), slices.Clone(o.Short), slices.Clone(o.History)
	return o
}
