package memory_test

import (
	"testing"

	"holdfast/engine/enginetest"
	"holdfast/engine/memory"
	"holdfast/event"
)

// No other process has a queue in memory: both handles are the queue itself.
func TestSharedQueue(t *testing.T) {
	enginetest.RunSharedQueue(t, func(*testing.T) (a, b event.Queue) {
		q := memory.NewQueue(1000)
		return q, q
	})
}
