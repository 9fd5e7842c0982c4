package emulator

import "time"

// flight is what is being written at this moment.
type flight struct {
	items  map[string]holders
	tokens map[string]bool // of transactions
}

// holders are the calls in flight on one item.
type holders struct {
	writes      int
	transaction bool
}

func newFlight() flight {
	return flight{items: make(map[string]holders), tokens: make(map[string]bool)}
}

// meets tells which of a call's items another call has.
func (f flight) meets(c *call) map[int]bool {
	met := make(map[int]bool)
	for i, t := range c.touches {
		h := f.items[t.item]
		if h.transaction || c.transacts() && h.writes > 0 {
			met[i] = true
		}
	}
	return met
}

func (f flight) enter(c *call) {
	for _, t := range c.touches {
		h := f.items[t.item]
		if c.transacts() {
			h.transaction = true
		} else {
			h.writes++
		}
		f.items[t.item] = h
	}
	if c.body.ClientRequestToken != "" {
		f.tokens[c.body.ClientRequestToken] = true
	}
}

func (f flight) leave(c *call) {
	for _, t := range c.touches {
		h := f.items[t.item]
		if c.transacts() {
			h.transaction = false
		} else {
			h.writes--
		}
		if f.items[t.item] = h; h == (holders{}) {
			delete(f.items, t.item)
		}
	}
	delete(f.tokens, c.body.ClientRequestToken)
}

// cost is what a touch takes of what has a limit of its own.
type cost struct {
	touch int    // its place in the call
	of    string // an item, or an index and its partition key
	units float64
}

// limits are token buckets that fill with a second's worth.
type limits struct {
	rate    float64 // units a second; 0: no limit
	buckets map[string]*bucket
}

type bucket struct {
	left float64 // may be below zero: what came last was let through whole
	at   time.Time
}

// maxBuckets is how many are kept before the full ones are forgotten.
const maxBuckets = 100_000

func newLimits(rate float64) limits { return limits{rate: rate, buckets: make(map[string]*bucket)} }

// take takes the costs of a call, all or none, and tells for which of its items
// there is nothing left.
func (l limits) take(costs []cost) (over map[int]bool) {
	if l.rate == 0 {
		return nil
	}
	now := time.Now()
	l.prune(now)
	over = make(map[int]bool)
	for _, c := range costs {
		if l.fill(c.of, now).left <= 0 {
			over[c.touch] = true
		}
	}
	if len(over) > 0 {
		return over
	}
	for _, c := range costs {
		l.buckets[c.of].left -= c.units
	}
	return nil
}

// fill brings a bucket to the present.
func (l limits) fill(of string, now time.Time) *bucket {
	b := l.buckets[of]
	if b == nil {
		b = &bucket{left: l.rate, at: now}
		l.buckets[of] = b
	}
	b.left = min(l.rate, b.left+l.rate*now.Sub(b.at).Seconds())
	b.at = now
	return b
}

func (l limits) prune(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for of := range l.buckets {
		if l.fill(of, now).left >= l.rate {
			delete(l.buckets, of)
		}
	}
}
