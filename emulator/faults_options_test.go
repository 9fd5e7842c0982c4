package emulator_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/emulator"
)

func TestLatencyIsWithinItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _, _ := behind(&stub{}, emulator.FaultOptions{MinLatency: 5 * time.Millisecond, MaxLatency: 50 * time.Millisecond})
		seen := make(map[time.Duration]bool)
		for range 50 {
			start := time.Now()
			if err := put(t, db, "keys", item{}); err != nil {
				t.Fatal(err)
			}
			d := time.Since(start)
			if seen[d] = true; d < 5*time.Millisecond || d > 50*time.Millisecond {
				t.Errorf("a call took %v", d)
			}
		}
		if len(seen) < 10 {
			t.Errorf("only %d latencies", len(seen))
		}
		db, _, _ = behind(&stub{}, emulator.FaultOptions{MinLatency: time.Second, MaxLatency: time.Second, Prompt: 0.5})
		start := time.Now()
		for range 100 {
			if err := put(t, db, "keys", item{}); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d < 30*time.Second || d > 70*time.Second {
			t.Errorf("half of 100 calls took %v", d)
		}
	})
}

// The same seed makes the same faults of the same requests.
func TestFaultsAreSeeded(t *testing.T) {
	run := func(seed uint64) (outcomes string) {
		o := emulator.BadDay(seed)
		o.MinLatency, o.MaxLatency = 0, 0
		db, _, _ := behind(&stub{}, o)
		for i := range 300 {
			err := put(t, db, "payments", item{"id": number(i)})
			outcomes += fmt.Sprintln(err)
		}
		return outcomes
	}
	first := run(1)
	if again := run(1); again != first {
		t.Error("one seed, two outcomes")
	}
	if run(2) == first {
		t.Error("two seeds, one outcome")
	}
}

func TestWritesAreCountedByTable(t *testing.T) {
	db, _, faults := behind(&stub{}, emulator.FaultOptions{})
	if err := errors.Join(transact(t, db, "", "A", "B"), put(t, db, "keys", item{})); err != nil {
		t.Fatal(err)
	}
	if stock, keys := faults.Writes("a-stock"), faults.Writes("a-keys"); stock != 2 || keys != 1 {
		t.Errorf("stock %d, keys %d", stock, keys)
	}
}
