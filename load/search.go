package load

import (
	"context"
	"fmt"
	"math"
	"time"
)

// What a search tries, in orders a second.
const (
	firstRate = 1000.
	leastRate = 1.
	mostRate  = 1e6
	precision = 1.03 // between what held and what did not
)

// highest finds the highest rate that is held: it doubles what holds until
// something does not, and then narrows the gap down.
func highest(held func(rate float64) (bool, error)) (float64, error) {
	var low, high float64
	for rate := firstRate; low == 0 || high == 0; {
		ok, err := held(rate)
		switch {
		case err != nil:
			return 0, err
		case ok && rate >= mostRate, !ok && rate <= leastRate:
			return rate, nil
		case ok:
			low, rate = rate, min(2*rate, mostRate)
		default:
			high, rate = rate, max(rate/2, leastRate)
		}
	}
	for high > low*precision {
		rate := math.Sqrt(low * high)
		ok, err := held(rate)
		switch {
		case err != nil:
			return 0, err
		case ok:
			low = rate
		default:
			high = rate
		}
	}
	return low, nil
}

// How long a rate is tried, unless the load itself is shorter: short at first, and
// longer once it is the one that is to be held.
const (
	tryTime     = 2 * time.Second
	confirmTime = 5 * time.Second
	confirms    = 5   // rates that are tried at length
	lower       = .95 // each after the first is so much lower
)

// search finds the highest rate that the server can hold, by stepping up.
func (r *run) search(ctx context.Context) (float64, error) {
	try := func(length time.Duration) func(float64) (bool, error) {
		return twice(func(rate float64) (bool, error) { return r.step(ctx, rate, min(length, r.length(rate))) })
	}
	rate, err := highest(try(tryTime))
	for range confirms {
		if err != nil {
			break
		}
		var ok bool
		if ok, err = try(confirmTime)(rate); ok {
			break
		}
		rate *= lower
	}
	return rate * lower, err // what is held for seconds at the very limit falls behind in minutes
}

// twice has a rate that was not held tried again: on a machine that others use too,
// the fault of a moment may be anybody's.
func twice(held func(rate float64) (bool, error)) func(float64) (bool, error) {
	return func(rate float64) (bool, error) {
		ok, err := held(rate)
		if ok || err != nil {
			return ok, err
		}
		return held(rate)
	}
}

// length is how long the load itself is at a rate.
func (o Options) length(rate float64) time.Duration {
	if o.Orders > 0 {
		return time.Duration(float64(o.Orders) / rate * float64(time.Second))
	}
	return o.Duration
}

// What it means that a rate was held.
const (
	heldShare   = .98                    // of the orders offered were accepted
	heldLatency = 250 * time.Millisecond // bounds their p99, from when they were due
	heldGrowth  = 500 * time.Millisecond // worth of orders is how much more may be open at the end
)

// step tries a rate, and reports whether it was held.
func (r *run) step(ctx context.Context, rate float64, length time.Duration) (bool, error) {
	if err := r.settle(ctx); err != nil {
		return false, err
	}
	r.now = fmt.Sprintf("trying %.0f/s", rate)
	offered := max(1, int64(rate*length.Seconds()))
	s := openLoop(time.Now(), rate*r.perOrder(), r.arrivals(offered))
	r.play(ctx, s)
	after, err := r.look(ctx)
	if err != nil {
		return false, err
	}
	t := r.count.whole
	growth := (after.accepted - after.ended) - (r.settled.accepted - r.settled.ended)
	slow := r.Slow * slowCard.Seconds() // such orders are open for long, and their number grows with the rate
	return float64(t.accepted) >= heldShare*float64(offered) &&
		t.ms(accepted, 99) <= float64(heldLatency.Milliseconds()) &&
		float64(growth) <= rate*(heldGrowth.Seconds()+slow)+1, nil
}

// slowCard is how long the simulated gateway takes for simulated.Slow.
const slowCard = 2 * time.Second

// perOrder is how many arrivals there are for each order placed.
func (o Options) perOrder() float64 { return 1 / (1 - o.questions()) }
