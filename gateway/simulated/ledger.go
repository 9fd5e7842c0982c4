package simulated

import (
	"context"
	"time"

	"holdfast/event"
)

// Entry is what the processor has in its books under one idempotency key.
type Entry struct {
	Key      string
	Order    event.Ref
	State    State
	Amount   event.Money // of a captured or refunded one: what moved
	Method   string
	Attempts int // requests that came in before the key had an outcome
	At       time.Time
}

// State is an entry's outcome.
type State string

// The outcomes. An entry of which the processor knows only attempts is Open.
const (
	Open     State = "open"
	Captured State = "captured"
	Declined State = "declined"
	Voided   State = "voided"
	Refunded State = "refunded"
)

// Ledger is where the simulated processor keeps its books, apart from the
// services' stores, so that an audit can hold the two against each other. All
// methods may be called concurrently, see every write that returned before them,
// and fail with event.Unavailable when the ledger cannot be used now.
type Ledger interface {
	// Update hands the order's entries (none at first, in ascending Key) to
	// change, and stores the entries it returns, added or altered, in one atomic,
	// durable write; entries that it leaves out stay. change may run more than
	// once, never twice at a time for one order, and must not block. When change
	// alters nothing, nothing is written.
	Update(ctx context.Context, order event.Ref, change func([]Entry) []Entry) error

	// SetOutage has the whole processor be unreachable until the time given, to
	// whoever uses the ledger.
	SetOutage(ctx context.Context, until time.Time) error

	// Outage returns the time last given to SetOutage, zero if none was.
	Outage(ctx context.Context) (time.Time, error)

	// Get returns the entries of each order, in ascending Key.
	Get(ctx context.Context, orders []event.Ref) ([][]Entry, error)

	// Scan returns all entries of at most limit orders, in ascending order Number
	// and Key, of those orders after the Number given (0: from the first). A walk
	// from the first page on may miss an order whose first entry is made during it.
	Scan(ctx context.Context, after int64, limit int) ([]Entry, error)
}
