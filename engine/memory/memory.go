// Package memory is the reference engine: every port in plain Go, with nothing
// between the contract and the reader. It keeps what it is told for as long as
// the process runs. Its whole state can be copied and hashed, so that a
// simulator can go back to a state and tell two apart.
package memory

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/order"
	"holdfast/payment"
)

// Memory is an engine whose state can be copied and hashed.
type Memory struct {
	engine.Engine
	core *core
}

// core is the state behind all the ports, under one lock: the reference engine
// is to be plainly right, not fast.
type core struct {
	mu    sync.Mutex
	fault engine.Fault
	state
}

// state is all that an engine holds.
type state struct {
	Orders       []order.Order  // at Number-1
	OrderIDs     map[string]int // index into Orders
	Reservations map[string]inventory.Reservation
	Stock        map[string]inventory.Stock
	StockLedger  map[string][]inventory.LedgerRow
	Payments     map[string]payment.Payment
	Entries      map[string][]simulated.Entry // by order id, in ascending key
	OutageUntil  time.Time
	Keys         []keys.Key
	Letters      map[event.Service]map[string]event.DeadLetter
}

// New returns an empty engine.
func New() *Memory {
	letters := make(map[event.Service]map[string]event.DeadLetter)
	for _, s := range event.Services {
		letters[s] = make(map[string]event.DeadLetter)
	}
	return over(state{
		OrderIDs:     make(map[string]int),
		Reservations: make(map[string]inventory.Reservation),
		Stock:        make(map[string]inventory.Stock),
		StockLedger:  make(map[string][]inventory.LedgerRow),
		Payments:     make(map[string]payment.Payment),
		Entries:      make(map[string][]simulated.Entry),
		Letters:      letters,
	})
}

func over(s state) *Memory {
	c := &core{state: s}
	m := &Memory{core: c, Engine: engine.Engine{
		Orders: orders{c}, Inventory: stock{c}, Payments: payments{c}, Ledger: ledger{c}, Keys: keyStore{c},
		DeadLetters: make(map[event.Service]event.DeadLetters),
		Ready:       func(ctx context.Context) error { return ctx.Err() },
		Close:       func() error { return nil },
		SetFault: func(f engine.Fault) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.fault = f
		},
	}}
	for _, s := range event.Services {
		m.DeadLetters[s] = deadLetters{c, s}
	}
	return m
}

// Clone returns an engine with the same state that shares nothing with m.
func (m *Memory) Clone() *Memory {
	m.core.mu.Lock()
	defer m.core.mu.Unlock()
	s := m.core.state
	c := state{
		OrderIDs:     maps.Clone(s.OrderIDs),
		Reservations: make(map[string]inventory.Reservation, len(s.Reservations)),
		Stock:        maps.Clone(s.Stock),
		StockLedger:  make(map[string][]inventory.LedgerRow, len(s.StockLedger)),
		Payments:     maps.Clone(s.Payments),
		Entries:      make(map[string][]simulated.Entry, len(s.Entries)),
		OutageUntil:  s.OutageUntil,
		Letters:      make(map[event.Service]map[string]event.DeadLetter),
	}
	for _, k := range s.Keys {
		c.Keys = append(c.Keys, unsharedKey(k))
	}
	for _, o := range s.Orders {
		c.Orders = append(c.Orders, o.Clone())
	}
	for id, r := range s.Reservations {
		c.Reservations[id] = r.Clone()
	}
	for sku, rows := range s.StockLedger {
		c.StockLedger[sku] = slices.Clone(rows)
	}
	for id, entries := range s.Entries {
		c.Entries[id] = slices.Clone(entries)
	}
	for service, letters := range s.Letters {
		c.Letters[service] = maps.Clone(letters)
	}
	return over(c)
}

// Hash is a hash of the whole state: equal states have equal hashes.
func (m *Memory) Hash() [32]byte {
	m.core.mu.Lock()
	defer m.core.mu.Unlock()
	text, err := json.Marshal(m.core.state) // maps are encoded in the order of their keys
	if err != nil {
		panic("memory: the state cannot be encoded: " + err.Error())
	}
	return sha256.Sum256(text)
}

// write runs one atomic write under the lock.
func (c *core) write(change func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.commit(change)
}

// commit runs one atomic write between the two points of the fault. The caller
// holds the lock, and change must not fail half way.
func (c *core) commit(change func()) error {
	if err := c.strike(engine.BeforeCommit); err != nil {
		return err
	}
	change()
	return c.strike(engine.AfterCommit)
}

// read runs a reading function under the lock.
func (c *core) read(look func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	look()
}

func (c *core) strike(p engine.Point) error {
	if c.fault == nil {
		return nil
	}
	return c.fault(p)
}
