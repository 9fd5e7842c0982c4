package order

import (
	"context"
	"time"

	"holdfast/event"
)

// Store is where the order service keeps its orders. Each method that writes is
// one durable write for its whole batch: when it returns without an error, all
// of it survives kill -9 and power loss; when it fails, each item is either
// wholly written or not at all, and the same call may be repeated. Times are
// kept to the millisecond. All methods may be called concurrently, see every
// write that returned before them, and fail with event.Unavailable when the
// store cannot be used now.
type Store interface {
	// Create inserts each order whose id is not taken, gives it a Number, and
	// returns it; of an order whose id is taken it returns the stored one,
	// unchanged. Of several with one id in a batch the first is stored. Numbers
	// are positive, unique, and rise with time: an order that is placed after
	// another's Create returned has the higher one, as far as clocks agree.
	Create(ctx context.Context, orders []Order) ([]Created, error)

	// Apply makes each change whose order is in one of its From statuses, as
	// Order.Apply describes, one after another; it changes nothing of the others.
	// It returns each order as it stands after its change; the zero Order where
	// there is none with that id.
	Apply(ctx context.Context, changes []Change) ([]event.Written[Order], error)

	// Get returns the order with this id, or NotFound.
	Get(ctx context.Context, id string) (Order, error)

	// List returns a page of the orders that the query selects, newest first
	// (descending Number). Following Page.Next to the end, every order that was
	// there at the first page and is selected throughout comes exactly once. A
	// page may hold fewer than Limit orders, and none, before the last. It may lag
	// some moments behind other processes' writes. A cursor that List did not give
	// out is refused with BadCursor.
	List(ctx context.Context, q Query) (Page, error)

	// Due returns at most limit open orders whose Due is not after the time
	// given, the longest due first. It may lag as List may.
	Due(ctx context.Context, at time.Time, limit int) ([]Order, error)

	// Postpone sets Due and Attempts of each order that is still open and whose
	// Due is still the one given in From; it leaves the others alone.
	Postpone(ctx context.Context, postponements []Postponement) error

	// PullIn sets the Due of every open order that is due after the time given
	// to that time, and returns how many there were.
	PullIn(ctx context.Context, to time.Time) (int, error)

	// Scan returns at most limit orders in ascending Number, those after the
	// Number given (0: from the first), for the audit. It may lag as List may, so a
	// walk may miss an order that is placed during it.
	Scan(ctx context.Context, after int64, limit int) ([]Order, error)

	// Tally counts the orders, in a time that does not grow with their number. It may
	// lag as List may.
	Tally(ctx context.Context) (Tally, error)
}

// Tally is how many orders there are.
type Tally struct {
	Open int // have not ended
	// ByStatus is how many are in each status, all that are stored; statuses without an
	// order may be missing. Nil where the engine keeps no such count.
	ByStatus map[Status]int
}

// Created is what Create made of an order.
type Created struct {
	Order Order // as stored
	New   bool  // whether this call stored it
}

// Change brings an order from one of several statuses to another.
type Change struct {
	event.Ref // Number may be 0 where only the id is known
	From      []Status
	To        Status // empty: read only
	Reason    string
	At        time.Time
	Due       time.Time // zero once the order has ended
	// What the order learns with the change; zero values teach nothing.
	ReservedAt time.Time
	Lines      []event.Line // with prices
	Total      event.Money
	Short      []event.Shortfall
	Restock    bool // read only when To is REFUNDING
}

// Query selects orders. Empty fields select all.
type Query struct {
	Caller string
	UserID string
	Status Status
	Cursor string // Page.Next of the page before
	Limit  int    // 1 or more
}

// Page is one page of a list.
type Page struct {
	Orders []Order
	Next   string // empty on the last page
}

// Postponement moves an order's due time.
type Postponement struct {
	event.Ref
	From     time.Time
	To       time.Time
	Attempts int
}
