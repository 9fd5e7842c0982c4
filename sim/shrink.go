package sim

import "slices"

// shrinkSeeds is how many seeds are tried for each smaller world: without a fault
// the others strike at other moments.
const shrinkSeeds = 200

// Shrink looks for a smaller world that still breaks a promise in the same way: it
// takes away one fault after another, then orders, as long as some seed from o's on
// still shows the breach. It returns o itself if there is none.
func Shrink(o Options, progress func(Options)) Options {
	kind := breachKind(Run(o))
	if kind == "" {
		return o
	}
	if o.Faults == nil {
		o.Faults = struckIn(Run(o))
	}
	smaller := func(try Options) bool {
		for k := range uint64(shrinkSeeds) {
			candidate := try
			candidate.Seed += k
			if breachKind(Run(candidate)) == kind {
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
		smaller(try)
	}
	for _, orders := range []int{1, 2, 3, 5, 10} {
		try := o
		if try.Orders = orders; smaller(try) {
			break
		}
	}
	return o
}

// struckIn are the faults that struck in a world.
func struckIn(r Result) (faults []Fault) {
	faults = []Fault{}
	for _, f := range Faults() {
		if r.Coverage.struck[f] > 0 {
			faults = append(faults, f)
		}
	}
	return faults
}

// breachKind is what kind of breach a world shows, without the names and numbers
// in it; empty if none.
func breachKind(r Result) string {
	if r.Breach == nil {
		return ""
	}
	return r.Breach.Kind
}
