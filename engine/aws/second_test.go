//go:build second

package aws_test

import (
	"testing"
	"time"

	"holdfast/emulator"
	"holdfast/engine"
	"holdfast/engine/enginetest"
	"holdfast/event"
)

// The suite on the second pair of emulators: make test-aws-second.

func TestStoresOnTheSecondPair(t *testing.T) {
	enginetest.RunStores(t, func(t *testing.T) *engine.Engine {
		t.Parallel()
		s := emulator.SecondForTest(t)
		return &open(t, s.Config(), s.Fresh(t)).Engine
	})
}

func TestStoresOnTheSecondPairBehindFaults(t *testing.T) {
	enginetest.RunStores(t, func(t *testing.T) *engine.Engine {
		t.Parallel()
		s := emulator.SecondForTest(t)
		prefix := s.Fresh(t)
		config, _ := emulator.BadDay(2).Use(s.Config())
		return &open(t, config, prefix).Engine
	})
}

func TestQueueOnTheSecondPair(t *testing.T) {
	enginetest.RunRemoteQueue(t, func(t *testing.T) (event.Queue, func(time.Duration)) {
		s := emulator.SecondForTest(t)
		return open(t, s.Config(), s.Fresh(t)).Queues[event.Payment], advance(t, s)
	})
}

func TestSharedQueueOnTheSecondPair(t *testing.T) {
	enginetest.RunRemoteSharedQueue(t, func(t *testing.T) (a, b event.Queue, pass func(time.Duration)) {
		s := emulator.SecondForTest(t)
		prefix := s.Fresh(t)
		a = open(t, s.Config(), prefix).Queues[event.Payment]
		b = open(t, s.Config(), prefix).Queues[event.Payment]
		return a, b, advance(t, s)
	})
}
