package memory_test

import (
	"testing"

	"pgregory.net/rapid"

	"holdfast/engine"
	"holdfast/engine/enginetest"
	"holdfast/engine/memory"
	"holdfast/event"
)

// TestMachines holds the reference to itself, and to copies of it that take its
// place in the middle.
func TestMachines(t *testing.T) {
	enginetest.RunMachines(t, enginetest.Subject{Open: opened, Whole: true, OneIn: 1}, reference)
}

func reference() *engine.Engine { return &memory.New().Engine }

func opened(*rapid.T, event.Service) enginetest.Opened {
	m := memory.New()
	return enginetest.Opened{Engine: &m.Engine, Reopen: func() *engine.Engine {
		m = m.Clone()
		return &m.Engine
	}}
}

func TestQueueMachine(t *testing.T) {
	enginetest.RunQueueMachine(t, enginetest.QueueSubject{OneIn: 1, Open: func(*rapid.T) enginetest.OpenedQueue {
		return enginetest.OpenedQueue{Handles: []event.Queue{memory.NewQueue(10)}, Capacity: 10}
	}})
}
