package sim

import (
	"slices"
	"testing"
)

// TestShrinkKeepsWhatBreaks shrinks worlds that break a promise only where there are
// two orders or more, crashes, and an even seed; and another one where stalls are.
func TestShrinkKeepsWhatBreaks(t *testing.T) {
	played := func(o Options) Result {
		var r Result
		has := func(f Fault) bool { return o.Faults == nil || slices.Contains(o.Faults, f) }
		switch {
		case has(Crash) && o.Seed%2 == 0 && (o.Orders == 0 || o.Orders >= 2):
			r.Breach = &Breach{Kind: "lost"}
		case has(Stall):
			r.Breach = &Breach{Kind: "another"}
		}
		return r
	}
	told := 0
	small := shrink(Options{Seed: 4, Faults: []Fault{Crash, LoseMessage, Stall}}, played, func(Options) { told++ })
	if small.Seed%2 != 0 || small.Orders != 2 || !slices.Equal(small.Faults, []Fault{Crash}) || told == 0 {
		t.Errorf("shrunk to %s", small.Command())
	}
	if o := (Options{Seed: 5}); Run(o).Steps != Run(Options{Seed: 5, Faults: drawn(5)}).Steps {
		t.Error("naming the faults of a seed makes another world")
	}
	if whole := shrink(Options{Seed: 5, Faults: []Fault{}}, played, func(Options) {}); whole.Seed != 5 || whole.Orders != 0 {
		t.Errorf("what breaks nothing was shrunk to %s", whole.Command())
	}
}

// TestACommandIsReadAsItIsWritten holds what a failure prints to what plays it.
func TestACommandIsReadAsItIsWritten(t *testing.T) {
	for _, o := range []Options{{Seed: 1}, {Seed: 1 << 47, Orders: 3}, {Seed: 2, Faults: []Fault{}}, {Seed: 3, Orders: 1, Faults: []Fault{Crash, LoseMessage}}} {
		read, err := ParseCommand(o.Command())
		if err != nil || read.Command() != o.Command() || (read.Faults == nil) != (o.Faults == nil) {
			t.Errorf("%s is read as %s, %v", o.Command(), read.Command(), err)
		}
	}
	for _, line := range []string{"", "holdfast sim", "holdfast sim --seed", "holdfast sim --seed x", "holdfast sim --seed 1 --fires 2", "holdfast sim --seed 1 --faults fire"} {
		if _, err := ParseCommand(line); err == nil {
			t.Errorf("%q was read", line)
		}
	}
}
