package memory_test

import (
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/engine/enginetest"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

func TestStores(t *testing.T) {
	enginetest.RunStores(t, func(t *testing.T) *engine.Engine {
		m := memory.New()
		t.Cleanup(func() {
			if err := m.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		return &m.Engine
	})
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
