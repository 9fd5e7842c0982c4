package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/engine/enginetest"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/keys"
	"holdfast/order"
	"holdfast/payment"
)

func TestStores(t *testing.T) { enginetest.RunStores(t, open) }

func TestSerialStores(t *testing.T) { enginetest.RunSerialStores(t, open) }

func open(t *testing.T) *engine.Engine {
	m := memory.New()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &m.Engine
}

func TestACursorBeyondTheEndIsRefused(t *testing.T) {
	e := open(t)
	_, errList := e.Orders.List(t.Context(), order.Query{Limit: 1, Cursor: "1"})
	_, errLedger := e.Inventory.Ledger(t.Context(), inventory.LedgerQuery{SKU: "A", Limit: 1, Cursor: "1"})
	if !errors.Is(errList, event.BadCursor) || !errors.Is(errLedger, event.BadCursor) {
		t.Errorf("of nothing: %v, %v", errList, errLedger)
	}
}

func TestQueue(t *testing.T) {
	enginetest.RunQueue(t, func(*testing.T) event.Queue { return memory.NewQueue(1000) })
}

func TestTheStateCanBeCopiedAndHashed(t *testing.T) {
	m := memory.New()
	stock := inventory.Service{Store: m.Inventory}
	orders := order.Service{Store: m.Orders, Terms: order.Terms{Hold: time.Hour, Silence: time.Minute}}
	count := inventory.Count{SKU: "A", OnHand: 5, Price: event.Money{Amount: 1, Currency: "USD"}, At: time.UnixMilli(1)}
	if _, err := stock.Count(t.Context(), count); err != nil {
		t.Fatal(err)
	}
	placed, err := orders.Place(t.Context(), time.UnixMilli(2), []order.Request{{Caller: "c", UserID: "u", OrderID: "o", Lines: []event.Line{{SKU: "A", Qty: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	before := m.Hash()
	if m.Hash() != before {
		t.Error("the same state has two hashes")
	}
	c := m.Clone()
	if c.Hash() != before {
		t.Error("the copy has another state")
	}
	if _, err := stock.Handle(t.Context(), time.UnixMilli(3), []event.Event{placed[0].Send}); err != nil {
		t.Fatal(err)
	}
	if m.Hash() == before || c.Hash() != before {
		t.Error("a change of one must change its hash, and not the copy's")
	}
	inCopy := inventory.Service{Store: c.Inventory}
	if _, err := inCopy.Handle(t.Context(), time.UnixMilli(3), []event.Event{placed[0].Send}); err != nil || c.Hash() != m.Hash() {
		t.Errorf("the same step led the copy elsewhere: %v", err)
	}
}

// steps each change one kind of what the engine holds.
func steps(ctx context.Context) map[string]func(*memory.Memory) error {
	ref := event.Ref{OrderID: "o", Number: 1}
	letter := event.DeadLetter{ID: "x", Event: event.Decode([]byte("garbage")), DeadAt: time.UnixMilli(1)}
	return map[string]func(*memory.Memory) error{
		"a new key": func(m *memory.Memory) error {
			return m.Keys.Create(ctx, keys.Key{Name: "desk", Scopes: []keys.Scope{keys.Ops}})
		},
		"a key's end":           func(m *memory.Memory) error { return m.Keys.Revoke(ctx, "shop", time.UnixMilli(5)) },
		"an outage":             func(m *memory.Memory) error { return m.Ledger.SetOutage(ctx, time.UnixMilli(7)) },
		"the end of an outage":  func(m *memory.Memory) error { return m.Ledger.SetOutage(ctx, time.UnixMilli(1)) },
		"a dead letter":         func(m *memory.Memory) error { return m.DeadLetters[event.Order].Put(ctx, []event.DeadLetter{letter}) },
		"another's dead letter": func(m *memory.Memory) error { return m.DeadLetters[event.Payment].Put(ctx, []event.DeadLetter{letter}) },
		"an adjustment": func(m *memory.Memory) error {
			_, err := m.Inventory.Adjust(ctx, []inventory.Adjustment{{ID: "a", SKU: "A", Delta: -1, Reason: "lost", At: time.UnixMilli(3)}})
			return err
		},
		"a charge": func(m *memory.Memory) error {
			return m.Ledger.Update(ctx, ref, func([]simulated.Entry) []simulated.Entry {
				return []simulated.Entry{{Key: "o", Order: ref, State: simulated.Captured}}
			})
		},
		"a payment": func(m *memory.Memory) error {
			_, err := m.Payments.Apply(ctx, []payment.Change{{Ref: ref, From: []payment.State{payment.None}, To: payment.Charging}})
			return err
		},
	}
}

// stocked is an engine with something for each of the steps to change.
func stocked(t *testing.T) *memory.Memory {
	t.Helper()
	m := memory.New()
	count := inventory.Count{SKU: "A", OnHand: 5, Price: event.Money{Amount: 1, Currency: "USD"}, At: time.UnixMilli(1)}
	if _, err := m.Inventory.Count(t.Context(), []inventory.Count{count}); err != nil {
		t.Fatal(err)
	}
	if err := m.Keys.Create(t.Context(), keys.Key{Name: "shop", Scopes: []keys.Scope{keys.Orders}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Ledger.SetOutage(t.Context(), time.UnixMilli(6)); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryChangeIsInTheHashAndInNoEarlierCopy(t *testing.T) {
	hashes := map[[32]byte]string{stocked(t).Hash(): "no step"}
	for name, step := range steps(t.Context()) {
		m := stocked(t)
		before, c := m.Hash(), m.Clone()
		if err := step(m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if other, taken := hashes[m.Hash()]; taken {
			t.Errorf("%s leaves the hash that %s leaves", name, other)
		}
		hashes[m.Hash()] = name
		if c.Hash() != before {
			t.Errorf("%s changed a copy that was made before", name)
		}
		if m.Clone().Hash() != m.Hash() {
			t.Errorf("a copy made after %s has another state", name)
		}
		if err := step(c); err != nil || c.Hash() != m.Hash() {
			t.Errorf("%s leads a copy elsewhere: %v", name, err)
		}
	}
}
