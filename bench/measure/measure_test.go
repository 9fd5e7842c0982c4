package measure

import (
	"math"
	"slices"
	"strings"
	"testing"
)

type thing struct{ _ [48]byte }

var sink []*thing

// allocate makes n things.
func allocate(n int) {
	sink = sink[:0]
	for range n {
		sink = append(sink, new(thing))
	}
}

func TestFiguresAreAnOrdersAndLeaveOutThePreparation(t *testing.T) {
	allocate(1000)
	var firsts []int
	r := testing.Benchmark(func(b *testing.B) {
		firsts = firsts[:0]
		Batches(b, 100,
			func(first int) int { firsts = append(firsts, first); allocate(500); return first },
			func(first int) {
				if first != firsts[len(firsts)-1] {
					t.Errorf("step got %d, prepared was %v", first, firsts)
				}
				allocate(200)
			})
	})
	if got := r.Extra["allocs/order"]; math.Abs(got-2) > .05 {
		t.Errorf("%g allocations an order, want 2", got)
	}
	if got := r.Extra["B/order"]; math.Abs(got-96) > 3 {
		t.Errorf("%g bytes an order, want 96", got)
	}
	if wall, all := r.Extra["ns/order"]*100*float64(r.N), float64(r.T.Nanoseconds()); wall <= 0 || wall >= all {
		t.Errorf("steps took %g of %g ns", wall, all)
	}
	if cpu := r.Extra["cpu-ns/order"]; cpu <= 0 {
		t.Errorf("%g ns of the processor", cpu)
	}
	if len(firsts) < 2 || !slices.Equal(firsts[:2], []int{1, 101}) || len(firsts) != r.N {
		t.Errorf("%d batches, from %v on; want %d, from 1 and 101", len(firsts), firsts[:2], r.N)
	}
	if text := r.String(); strings.Contains(text, "ns/op") || !strings.Contains(text, "ns/order") {
		t.Errorf("told as %s", text)
	}
}

func TestEachStoreIsMeasuredWithEachSize(t *testing.T) {
	open := func(name string) func(*testing.B) string { return func(*testing.B) string { return name } }
	seen := make(map[string]map[int]bool)
	testing.Benchmark(func(b *testing.B) {
		Each(b, map[string]func(*testing.B) string{"disk": open("disk"), "memory": open("memory")}, func(_ *testing.B, store string, size int) {
			if seen[store] == nil {
				seen[store] = make(map[int]bool)
			}
			seen[store][size] = true
		})
	})
	if len(seen) != 2 || len(seen["disk"]) != len(Sizes) || len(seen["memory"]) != len(Sizes) {
		t.Errorf("measured %v", seen)
	}
}
