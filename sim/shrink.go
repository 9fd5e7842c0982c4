package sim

import "slices"

// shrinkSeeds is how many seeds are tried for each smaller world: without a fault
// the others strike at other moments.
const shrinkSeeds = 200

// Shrink looks for a smaller world that still breaks a promise in the same way: it
// takes away one fault after another, then orders, as long as some seed from o's on
// still shows the breach. progress hears of each smaller one. It returns o itself if
// o breaks nothing.
func Shrink(o Options, progress func(Options)) Options { return shrink(o, Run, progress) }

func shrink(o Options, run func(Options) Result, progress func(Options)) Options {
	r := run(o)
	if r.Breach == nil {
		return o
	}
	if o.Faults == nil {
		o.Faults = drawn(o.Seed) // the same world, with its faults named
	}
	still := func(try Options) bool {
		for k := range uint64(shrinkSeeds) {
			candidate := try
			candidate.Seed += k
			if again := run(candidate).Breach; again != nil && again.Kind == r.Breach.Kind {
				o = candidate
				progress(o)
				return true
			}
		}
		return false
	}
	for _, f := range slices.Clone(o.Faults) {
		try := o
		try.Faults = slices.DeleteFunc(slices.Clone(o.Faults), func(g Fault) bool { return g == f })
		still(try)
	}
	for _, orders := range []int{1, 2, 3, 5, 10} {
		if try := o; orders < o.Orders || o.Orders == 0 {
			if try.Orders = orders; still(try) {
				break
			}
		}
	}
	return o
}
