package memory_test

import (
	"testing"

	"holdfast/engine"
	"holdfast/engine/enginetest"
	"holdfast/engine/memory"
	"holdfast/event"
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
