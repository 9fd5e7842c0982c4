package sim

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var (
	seeds     = flag.Int("seeds", 150, "how many worlds TestSeeds plays")
	firstSeed = flag.Uint64("seed", 1, "the first of their seeds")
)

// TestSeeds plays worlds, and tells the story of the first that breaks a promise.
func TestSeeds(t *testing.T) {
	s := Seeds(context.Background(), Options{Seed: *firstSeed}, *seeds, nil)
	t.Logf("%d worlds in %s: %d orders, %d steps, %s of virtual time", s.Worlds, s.Took, s.Orders, s.Steps, s.Virtual)
	for i, r := range s.Broken {
		o := Options{Seed: r.Seed}
		t.Errorf("%s\n%s", o.Command(), r.Breach)
		if i == 0 {
			for _, l := range Of(r.Breach.OrderID, Replay(o).Trace) {
				t.Log(l)
			}
		}
	}
	if s.Worlds != *seeds && len(s.Broken) == 0 {
		t.Errorf("%d worlds were played, not %d", s.Worlds, *seeds)
	}
}

// TestRegressions plays the worlds that once broke a promise: each file of
// testdata/regressions holds a command line, and what it showed.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("testdata/regressions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no regressions:", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(text), "\n")
		o, err := ParseCommand(line)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if r := Run(o); r.Breach != nil {
			t.Errorf("%s: %s\n%s", file, line, r.Breach)
		}
	}
}

// TestOneSeedIsOneWorld plays seeds again and again, with and without a trace: the
// same seed is the same world, step for step and byte for byte.
func TestOneSeedIsOneWorld(t *testing.T) {
	for seed := range uint64(20) {
		o := Options{Seed: seed}
		once, again, untraced := Replay(o), Replay(o), Run(o)
		if text(once) != text(again) {
			t.Fatalf("two traces of seed %d differ", seed)
		}
		if once.Steps != untraced.Steps || once.Elapsed != untraced.Elapsed || !reflect.DeepEqual(once.Coverage, untraced.Coverage) {
			t.Fatalf("seed %d takes %d steps with a trace and %d without", seed, once.Steps, untraced.Steps)
		}
		if len(once.Trace) < 100 {
			t.Fatalf("the trace of seed %d has %d lines", seed, len(once.Trace))
		}
	}
}

func text(r Result) string {
	var b strings.Builder
	for _, l := range r.Trace {
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}

// TestAWorldWithoutFaultsKnowsNone plays worlds in which nothing goes wrong.
func TestAWorldWithoutFaultsKnowsNone(t *testing.T) {
	for seed := range uint64(10) {
		r := Run(Options{Seed: seed, Faults: []Fault{}, Orders: 3})
		if r.Breach != nil || len(r.Coverage.struck) > 0 {
			t.Errorf("seed %d: %v, %v", seed, r.Breach, r.Coverage.struck)
		}
	}
}
