package aws_test

import (
	"flag"
	"log/slog"
	"os"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"holdfast/emulator"
	"holdfast/engine"
	"holdfast/engine/aws"
	"holdfast/engine/enginetest"
	"holdfast/event"
)

// atOnce is how many tests run at once where -parallel does not say it: they wait
// for answers more than they compute.
const atOnce = "16"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err) // package testing has had this flag for ever
		}
	}
	os.Exit(m.Run())
}

// open opens an engine on tables and queues of its own.
func open(t *testing.T, config awssdk.Config, prefix string) *aws.AWS {
	t.Helper()
	config.Retryer = retryer
	a, err := aws.Open(t.Context(), aws.Options{Config: config, Prefix: prefix, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return a
}

// retryer is patient with an emulator that many tests use at once, behind faults
// that strike one request in ten.
func retryer() awssdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = 10, 20*time.Millisecond
	})
}

func TestStores(t *testing.T) {
	enginetest.RunStores(t, func(t *testing.T) *engine.Engine {
		t.Parallel()
		m := emulator.ForTest(t)
		return &open(t, m.Config(), m.Fresh(t)).Engine
	})
}

func TestStoresBehindFaults(t *testing.T) {
	enginetest.RunStores(t, func(t *testing.T) *engine.Engine {
		t.Parallel()
		m := emulator.ForTest(t)
		prefix := m.Fresh(t)
		config, _ := emulator.BadDay(1).Use(m.Config())
		return &open(t, config, prefix).Engine
	})
}

func TestQueue(t *testing.T) {
	enginetest.RunRemoteQueue(t, func(t *testing.T) (event.Queue, func(time.Duration)) {
		m := emulator.ForTest(t)
		return open(t, m.Config(), m.Fresh(t)).Queues[event.Payment], advance(t, m)
	})
}

// advance moves an emulator's clock.
func advance(t *testing.T, e interface{ Advance(time.Duration) error }) func(time.Duration) {
	return func(d time.Duration) {
		if err := e.Advance(d); err != nil {
			t.Fatal(err)
		}
	}
}
