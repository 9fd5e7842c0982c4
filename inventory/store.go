package inventory

import (
	"context"
	"fmt"
	"time"

	"holdfast/event"
)

// Store is where the inventory service keeps stock, reservations and the stock
// ledger. Each method that writes is one durable write for its whole batch:
// when it returns without an error, all of it survives kill -9 and power loss;
// when it fails, each item is either wholly written or not at all, and the same
// call may be repeated. No write ever leaves a count below zero, whoever else
// writes. Times are kept to the millisecond. All methods may be called
// concurrently, see every write that returned before them, and fail with
// event.Unavailable when the store cannot be used now.
type Store interface {
	// Apply makes each change whose order's reservation is in one of its From
	// states, together with the stock that moves, as Reservation.Apply describes:
	// all lines of an order or none, first come first served within the batch.
	// It changes nothing of the others. It returns each reservation as it stands
	// after its change; the zero Reservation where there is none.
	Apply(ctx context.Context, changes []Change) ([]event.Written[Reservation], error)

	// Get returns the reservation of each order, the zero Reservation where there
	// is none.
	Get(ctx context.Context, refs []event.Ref) ([]Reservation, error)

	// Count sets how many units of each SKU lie on the shelf, one count after
	// another, and adds a row a count to the stock ledger in the same write; see
	// Count.Apply. A count that is refused changes nothing, and spares the others.
	Count(ctx context.Context, counts []Count) ([]Counted, error)

	// Adjust moves the stock of each SKU by a delta, one adjustment after another,
	// and adds a row each to the stock ledger in the same write; see
	// Adjustment.Apply. An adjustment whose ID the ledger has is not made again: it
	// returns the ledger's row. One that is refused changes nothing, and spares the
	// others.
	Adjust(ctx context.Context, adjustments []Adjustment) ([]Adjusted, error)

	// Stock returns the row of a SKU, or NotFound.
	Stock(ctx context.Context, sku string) (Stock, error)

	// List returns at most limit rows in ascending order of SKU (byte by byte),
	// those after the SKU given (empty: from the first).
	List(ctx context.Context, after string, limit int) ([]Stock, error)

	// Low returns at most limit rows of which at most so many units are available, in
	// ascending order of Available and SKU. An engine without an index of them looks at
	// the first 10,000 SKUs, in ascending order of SKU.
	Low(ctx context.Context, atMost int64, limit int) ([]Stock, error)

	// Ledger returns a page of a SKU's ledger, the newest rows first. Following
	// LedgerPage.Next to the end, every row that was there at the first page comes
	// exactly once. A cursor that Ledger did not give out is refused with BadCursor.
	Ledger(ctx context.Context, q LedgerQuery) (LedgerPage, error)

	// Snapshot reads everything, for the audit: it calls each for every reservation
	// in ascending Number, and returns every SKU's balance. All that it says of a
	// SKU is as of one instant, unless the balance is marked as Moved.
	Snapshot(ctx context.Context, each func(Reservation) error) ([]Balance, error)
}

// Change brings an order's reservation from one of several states to another.
type Change struct {
	event.Ref
	From    []State
	To      State // empty: read only
	At      time.Time
	Lines   []event.Line // of a hold: what to hold, one line a SKU
	Restock bool         // read only when To is RETURNED
}

// Count is a stock count: OnHand units lie on the shelf, reserved ones included,
// so Available becomes OnHand − Reserved. A SKU that does not exist is created.
type Count struct {
	SKU       string
	OnHand    int64       // 0 to MaxOnHand
	Price     event.Money // zero: keep the price
	IfVersion *int64      // if set, the row's Version must be this; 0: the SKU must not exist
	At        time.Time
}

// Counted is what Store.Count made of a Count.
type Counted struct {
	Stock Stock // the row as it now stands
	Err   error // why it was refused, as Count.Apply says; nil if it was not
}

// Adjustment says that units came in, or went out otherwise than by an order.
// Its ID is the client's own: the same adjustment sent again is made once.
type Adjustment struct {
	ID     string
	SKU    string
	Delta  int64 // units, negative if they went out; not 0, and within ±MaxOnHand
	Reason string
	At     time.Time
}

// Adjusted is what Store.Adjust made of an Adjustment.
type Adjusted struct {
	Row LedgerRow // as the ledger has it, now or since it was first made
	Err error     // why it was refused, as Adjustment.Apply and Replay say; nil if it was not
}

// LedgerRow is one entry of the stock ledger: the sum of a SKU's deltas is
// Available + Reserved + Sold at all times.
type LedgerRow struct {
	AdjustmentID string // empty for a count
	SKU          string
	Delta        int64 // units that came in, negative if they went out otherwise than by an order
	Reason       string
	At           time.Time
}

// LedgerQuery selects a page of a SKU's ledger.
type LedgerQuery struct {
	SKU    string
	Cursor string // LedgerPage.Next of the page before
	Limit  int    // 1 or more
}

// LedgerPage is one page of a SKU's ledger.
type LedgerPage struct {
	Rows []LedgerRow
	Next string // empty on the last page
}

// ReasonCounted is the ledger's reason for a stock count.
const ReasonCounted = "counted"

// Balance is a SKU's stock beside the sum of its ledger.
type Balance struct {
	Stock
	Ledger int64
	// Moved is true where the stock moved while the snapshot was taken, on an engine
	// that cannot read everything as of one instant: then neither the reservations
	// nor the ledger need add up to these counts.
	Moved bool
}

// MaxOnHand and MaxPrice bound a count: units, and minor units of a currency.
// With an order's bounds they keep every sum within 63 bits.
const (
	MaxOnHand = 1_000_000_000_000
	MaxPrice  = 1_000_000_000_000
)

// Apply carries out a count on the SKU's row, nil if there is none, and returns
// the row and the ledger's entry to write together. It fails with Conflict below
// what is reserved, with Stale if the row's Version is not IfVersion, and with
// Invalid for a new SKU without a price.
func (c Count) Apply(old *Stock) (Stock, LedgerRow, error) {
	s := Stock{SKU: c.SKU}
	if old != nil {
		s = *old
	}
	switch {
	case c.IfVersion != nil && *c.IfVersion != s.Version:
		return s, LedgerRow{}, event.Errorf(event.Stale, "the stock of %s has changed since you read it; read it again", c.SKU)
	case old == nil && c.Price.IsZero():
		return s, LedgerRow{}, event.ErrorAt(event.Invalid, "body.price", c.SKU+" is new and needs a price")
	case c.OnHand < s.Reserved:
		return s, LedgerRow{}, event.Errorf(event.Conflict, "%d units of %s are reserved for orders; on_hand cannot be %d", s.Reserved, c.SKU, c.OnHand)
	}
	row := LedgerRow{SKU: c.SKU, Delta: c.OnHand - s.OnHand(), Reason: ReasonCounted, At: c.At}
	s.Available = c.OnHand - s.Reserved
	if !c.Price.IsZero() {
		s.Price = c.Price
	}
	s.Version++
	s.UpdatedAt = c.At
	return s, row, nil
}

// Apply carries out an adjustment on the SKU's row, nil if there is none, and
// returns the row and the ledger's entry to write together. It fails with
// NotFound where there is no such SKU, and with Conflict where Available would
// fall below zero or the units on hand rise above MaxOnHand.
func (a Adjustment) Apply(old *Stock) (Stock, LedgerRow, error) {
	if old == nil {
		return Stock{}, LedgerRow{}, event.Errorf(event.NotFound, "no SKU %q", a.SKU)
	}
	s := *old
	switch {
	case s.Available+a.Delta < 0:
		return s, LedgerRow{}, event.Errorf(event.Conflict, "%d units of %s are available; the stock cannot be adjusted by %d", s.Available, a.SKU, a.Delta)
	case s.OnHand()+a.Delta > MaxOnHand:
		return s, LedgerRow{}, event.Errorf(event.Conflict, "%d units of %s are on hand and at most %d can be; the stock cannot be adjusted by %d", s.OnHand(), a.SKU, int64(MaxOnHand), a.Delta)
	}
	s.Available += a.Delta
	s.Version++
	s.UpdatedAt = a.At
	return s, LedgerRow{AdjustmentID: a.ID, SKU: a.SKU, Delta: a.Delta, Reason: a.Reason, At: a.At}, nil
}

// Replay answers an adjustment whose ID the ledger has: with that row, or with
// Mismatch if it is of another SKU or delta.
func (a Adjustment) Replay(row LedgerRow) (LedgerRow, error) {
	if row.SKU != a.SKU || row.Delta != a.Delta {
		return LedgerRow{}, event.ErrorAt(event.Mismatch, "body.adjustment_id", fmt.Sprintf(
			"adjustment %q was made with another SKU or delta (%s, %+d); send the same again, or use a new id", a.ID, row.SKU, row.Delta))
	}
	return row, nil
}
