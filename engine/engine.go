// Package engine says what an engine is: the services' ports over one kind of
// storage. Each engine is a package below this one; enginetest holds them all to
// the contracts that stand on the ports.
package engine

import (
	"context"

	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/order"
	"holdfast/payment"
)

// Engine is a set of ports. The services share nothing of it but the API keys:
// each has its own store and its own dead letters. An engine may be opened for
// some of the services only; then the others' ports are nil.
type Engine struct {
	Orders      order.Store
	Inventory   inventory.Store
	Payments    payment.Store
	DeadLetters map[event.Service]event.DeadLetters
	// Ledger is the simulated gateway's own. It stands outside the stores, as a
	// real processor's does, and is opened with the payment service.
	Ledger simulated.Ledger
	Keys   keys.Store

	// Ready tells whether the engine can be read and written now: nil, or what
	// cannot. It tries a write only where the last one failed.
	Ready func(context.Context) error

	// Close releases what the engine holds. No method may be called after it.
	Close func() error

	// SetFault installs a Fault, nil for none. It may be called at any time.
	SetFault func(Fault)
}

// Fault is asked at each Point of each durable write of a store or the ledger.
// An error from it makes the write fail there, as a broken disk or a lost answer
// would; the store's method then fails with that error. It may be called
// concurrently.
type Fault func(Point) error

// Point is where in a durable write a Fault strikes.
type Point int

// The points.
const (
	BeforeCommit Point = iota // nothing of the write persists
	AfterCommit               // all of the write has persisted, but its answer is lost
)
