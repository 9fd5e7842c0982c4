package aws_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"pgregory.net/rapid"

	"holdfast/emulator"
	"holdfast/engine"
	"holdfast/engine/aws"
	"holdfast/engine/enginetest"
	"holdfast/engine/memory"
	"holdfast/event"
)

// machineShare is how many of rapid's checks make one here, where a check takes
// seconds: 10,000 of them make 15 a machine.
const machineShare = 100

func TestMachines(t *testing.T) {
	config := emulator.ForTest(t).Config()
	enginetest.RunMachines(t, enginetest.Subject{OneIn: machineShare, Open: func(t *rapid.T, _ event.Service) enginetest.Opened {
		return enginetest.Opened{Engine: &openFresh(t, config).Engine}
	}}, func() *engine.Engine { return &memory.New().Engine })
}

func TestQueueMachine(t *testing.T) {
	m := emulator.ForTest(t)
	later := advance(t, m)
	enginetest.RunRemoteQueueMachine(t, enginetest.QueueSubject{OneIn: machineShare, Open: func(t *rapid.T) enginetest.OpenedQueue {
		return enginetest.OpenedQueue{Handles: []event.Queue{openFresh(t, m.Config()).Queues[event.Payment]}, Advance: later}
	}})
}

// openFresh opens an engine on tables and queues that go with t.
func openFresh(t *rapid.T, config awssdk.Config) *aws.AWS {
	prefix := emulator.NewPrefix()
	if err := emulator.Provision(t.Context(), config, prefix); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := emulator.Remove(context.Background(), config, prefix); err != nil {
			t.Error(err)
		}
	})
	config.Retryer = retryer
	a, err := aws.Open(t.Context(), aws.Options{Config: config, Prefix: prefix, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
