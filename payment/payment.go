// Package payment is the payment service: it owns the payments, talks to the
// gateway, and is the one place where a capture and a cancel of the same order
// race. Its record decides which of them wins.
//
//	CHARGING ─▶ CAPTURED ─▶ REFUNDING ─▶ REFUNDED
//	   │  ├───▶ DECLINED
//	   └──┴─▶ VOIDING(client | expired) ─▶ VOIDED   or, expired and paid after all, CAPTURED
package payment

import (
	"context"
	"time"

	"holdfast/event"
)

// State is where a payment stands.
type State string

// The states. An order without a payment has the empty one.
const (
	None           State = ""
	Charging       State = "CHARGING"
	Captured       State = "CAPTURED"
	Declined       State = "DECLINED"
	VoidingClient  State = "VOIDING(client)"
	VoidingExpired State = "VOIDING(expired)"
	Voided         State = "VOIDED" // also a tombstone, where nothing was ever charged
	Refunding      State = "REFUNDING"
	Refunded       State = "REFUNDED"
)

// Payment is the payment service's record of an order.
type Payment struct {
	event.Ref
	State      State
	Amount     event.Money // zero in a tombstone
	Method     string
	Restock    bool      // of a refund: whether the units go back on sale
	ReservedAt time.Time // when the stock was held, for the order's history
	UpdatedAt  time.Time
}

// Apply carries out a change whose condition the caller has checked, inside its
// own atomic write.
func (p *Payment) Apply(c Change) {
	p.Ref, p.State, p.UpdatedAt = c.Ref, c.To, c.At
	switch c.To {
	case Charging:
		p.Amount, p.Method, p.ReservedAt = c.Amount, c.Method, c.ReservedAt
	case Refunding:
		p.Restock = c.Restock
	}
}

// Store is where the payment service keeps its payments. Apply is one durable
// write for its whole batch: when it returns without an error, all of it
// survives kill -9 and power loss; when it fails, each item is either wholly
// written or not at all, and the same call may be repeated. Times are kept to
// the millisecond. All methods may be called concurrently, see every write that
// returned before them, and fail with event.Unavailable when the store cannot be
// used now.
type Store interface {
	// Apply makes each change whose order's payment is in one of its From states,
	// as Payment.Apply describes, one after another; it changes nothing of the
	// others. It returns each payment as it stands after its change; the zero
	// Payment where there is none.
	Apply(ctx context.Context, changes []Change) ([]event.Written[Payment], error)

	// Get returns the payment of each order, the zero Payment where there is none.
	Get(ctx context.Context, refs []event.Ref) ([]Payment, error)

	// Scan returns at most limit payments in ascending Number, those after the
	// Number given (0: from the first), for the audit. A walk from the first page on
	// may miss a payment that begins during it.
	Scan(ctx context.Context, after int64, limit int) ([]Payment, error)
}

// Change brings an order's payment from one of several states to another.
type Change struct {
	event.Ref
	From       []State
	To         State // empty: read only
	At         time.Time
	Amount     event.Money // read only when To is CHARGING, as Method and ReservedAt
	Method     string
	ReservedAt time.Time
	Restock    bool // read only when To is REFUNDING
}
