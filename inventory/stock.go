// Package inventory is the inventory service: it owns the stock and the
// reservations on it. It holds the units of an order, all lines or none, settles
// the hold when the order is paid, and releases it when it is not.
//
//	available ──hold──▶ reserved ──settle──▶ sold
//	    ▲──────release─────┘                   │
//	    ▲──────────release, return─────────────┘
package inventory

import (
	"cmp"
	"slices"
	"time"

	"holdfast/event"
)

// Stock is what there is of one SKU. None of the three counts is ever negative.
type Stock struct {
	SKU       string
	Available int64 // units that an order can still have
	Reserved  int64 // units held for orders that have not ended
	Sold      int64 // units of completed orders, less those returned
	Price     event.Money
	Version   int64 // rises with every change of the row
	UpdatedAt time.Time
}

// FewestFirst compares two rows as Store.Low orders them: by Available, then by SKU.
func FewestFirst(a, b Stock) int {
	return cmp.Or(cmp.Compare(a.Available, b.Available), cmp.Compare(a.SKU, b.SKU))
}

// OnHand is what lies on the shelf: Available + Reserved.
func (s Stock) OnHand() int64 { return s.Available + s.Reserved }

// State is where a reservation stands.
type State string

// The states. An order without a reservation has the empty one.
const (
	None             State = ""
	Held             State = "HELD"
	Rejected         State = "REJECTED"
	Settled          State = "SETTLED"
	ReleasedDeclined State = "RELEASED(declined)"
	ReleasedVoided   State = "RELEASED(voided)" // also a tombstone, where there was no hold
	Returned         State = "RETURNED"
)

// The reasons for which a hold is refused.
const (
	OutOfStock    = "out_of_stock"
	UnknownSKU    = "unknown_sku"
	MixedCurrency = string(event.MixedCurrency)
)

// Reservation is inventory's record of an order.
type Reservation struct {
	event.Ref
	State     State
	Lines     []event.Line // with the prices at the time of the hold; empty in a tombstone
	Total     event.Money
	Reason    string // of a REJECTED one
	Short     []event.Shortfall
	Restocked bool      // of a RETURNED one: whether its units went back on sale
	HeldAt    time.Time // zero if it was never held
	UpdatedAt time.Time

	// Left is what the change that returned this reservation left available of
	// each line's SKU. It is not stored, and nil where the engine cannot tell.
	Left []int64
}

// bucket is one of a stock's three counts.
type bucket func(*Stock) *int64

func available(s *Stock) *int64 { return &s.Available }
func reserved(s *Stock) *int64  { return &s.Reserved }
func sold(s *Stock) *int64      { return &s.Sold }

// move says from which count to which the units of a reservation go when it
// changes state; nil where they stay.
func move(from, to State, restock bool) (src, dst bucket) {
	switch {
	case from == None && to == Held:
		return available, reserved
	case from == Held && to == Settled:
		return reserved, sold
	case from == Held && (to == ReleasedDeclined || to == ReleasedVoided):
		return reserved, available
	case from == Settled && to == ReleasedVoided, from == Settled && to == Returned && restock:
		return sold, available
	}
	return nil, nil
}

// Apply carries out a change whose condition the caller has checked, inside the
// caller's own atomic write. stock returns the row of a SKU for Apply to change
// in place, nil if there is none; every row it was asked for is to be written
// with the reservation. A hold that finds too little makes the reservation
// REJECTED and moves nothing.
func (r *Reservation) Apply(c Change, stock func(sku string) *Stock) {
	from := r.State
	r.Ref, r.State, r.UpdatedAt = c.Ref, c.To, c.At
	if c.To == Held {
		if r.refuse(c.Lines, stock); r.State == Rejected {
			return
		}
		r.HeldAt = c.At
	}
	r.Restocked = c.To == Returned && c.Restock
	src, dst := move(from, c.To, c.Restock)
	r.Left = make([]int64, len(r.Lines))
	for i, l := range r.Lines {
		s := stock(l.SKU)
		if src != nil {
			*src(s) -= l.Qty
			*dst(s) += l.Qty
			s.Version++
			s.UpdatedAt = c.At
		}
		r.Left[i] = s.Available
	}
}

// refuse prices the lines and turns the reservation into a REJECTED one if they
// cannot be held.
func (r *Reservation) refuse(lines []event.Line, stock func(sku string) *Stock) {
	r.Lines = slices.Clone(lines)
	for i, l := range r.Lines {
		s := stock(l.SKU)
		if s == nil {
			r.reject(UnknownSKU, l, 0)
			continue
		}
		r.Lines[i].UnitPrice = s.Price
		if s.Available < l.Qty {
			r.reject(OutOfStock, l, s.Available)
		}
	}
	if r.State == Rejected {
		return
	}
	total, err := event.Total(r.Lines)
	if err != nil {
		r.State, r.Reason = Rejected, MixedCurrency
		return
	}
	r.Total = total
}

// reject notes a line that fell short. A SKU that does not exist outweighs one
// that has run out.
func (r *Reservation) reject(reason string, l event.Line, available int64) {
	r.State = Rejected
	if r.Reason != UnknownSKU {
		r.Reason = reason
	}
	r.Short = append(r.Short, event.Shortfall{SKU: l.SKU, Qty: l.Qty, Available: available})
}

// Clone returns a copy that shares nothing with r.
func (r Reservation) Clone() Reservation {
	r.Lines, r.Short, r.Left = slices.Clone(r.Lines), slices.Clone(r.Short), slices.Clone(r.Left)
	return r
}
