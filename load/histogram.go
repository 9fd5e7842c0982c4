package load

import (
	"cmp"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// measure is what a latency is of.
type measure int

const (
	accepted measure = iota // the 202 of an order, from when the order was due
	refused                 // a 503 or 429, from when the request was sent
	polled                  // the 200 of GET /orders/{id}, from when it was due
	listed                  // the 200 of GET /orders?user_id=, from when it was due
	measures
)

// Latencies are kept in microseconds, to three figures, up to longest.
const longest = time.Hour

// tally is what became of some requests. It takes the same room whatever their
// number.
type tally struct {
	latency    [measures]*hdrhistogram.Histogram
	accepted   int64 // orders answered with a 202
	unsent     int64 // orders that no connection was free for
	errors     int64
	retries    int64
	firstError string
}

func newTally() *tally {
	t := &tally{}
	for i := range t.latency {
		t.latency[i] = hdrhistogram.New(1, longest.Microseconds(), 3)
	}
	return t
}

// record adds a latency.
func (t *tally) record(m measure, latency time.Duration) {
	// Never an error: the value is in the histogram's range.
	_ = t.latency[m].RecordValue(min(max(latency, time.Microsecond), longest).Microseconds())
}

// add adds what another tally counted.
func (t *tally) add(from *tally) {
	for i, h := range from.latency {
		if h.TotalCount() > 0 {
			t.latency[i].Merge(h)
		}
	}
	t.accepted += from.accepted
	t.unsent += from.unsent
	t.errors += from.errors
	t.retries += from.retries
	t.firstError = cmp.Or(t.firstError, from.firstError)
}

func (t *tally) reset() {
	for _, h := range t.latency {
		if h.TotalCount() > 0 {
			h.Reset()
		}
	}
	*t = tally{latency: t.latency}
}

// ms is a quantile, 0 to 100, of the latencies of a measure, in milliseconds; 0 if
// there is none.
func (t *tally) ms(m measure, quantile float64) float64 {
	if t.latency[m].TotalCount() == 0 {
		return 0
	}
	return float64(t.latency[m].ValueAtQuantile(quantile)) / 1000
}

// maxMs is the greatest latency of a measure, in milliseconds.
func (t *tally) maxMs(m measure) float64 { return float64(t.latency[m].Max()) / 1000 }

// shards is over how many tallies the connections of a load spread. One each would
// be hundreds of megabytes that no cache holds; on a few cores a few are enough for
// nobody to wait.
const shards = 4

// recorder counts what all connections of a load see.
type recorder struct {
	shards [shards]shard
	whole  *tally // since the last begin, as far as it has been collected
}

type shard struct {
	sync.Mutex
	*tally
	_ [64]byte // so that two cores do not share a cache line
}

func newRecorder() *recorder {
	r := &recorder{whole: newTally()}
	for i := range r.shards {
		r.shards[i].tally = newTally()
	}
	return r
}

// of is the shard that the i-th connection counts in.
func (r *recorder) of(i int) *shard { return &r.shards[i%shards] }

// collect moves what has been counted since the last time into the whole, and to
// lately too.
func (r *recorder) collect(lately *tally) {
	lately.reset()
	for i := range r.shards {
		s := &r.shards[i]
		s.Lock()
		lately.add(s.tally)
		s.reset()
		s.Unlock()
	}
	r.whole.add(lately)
}

// begin forgets what was counted until now.
func (r *recorder) begin() {
	r.collect(newTally())
	r.whole = newTally()
}

// took records the latency of what was answered as it should be.
func (s *shard) took(m measure, latency time.Duration) {
	s.Lock()
	defer s.Unlock()
	s.record(m, latency)
	if m == accepted {
		s.accepted++
	}
}

// waited counts an order that was given up before it was sent. The time it had
// waited counts as its latency, which would have been greater.
func (s *shard) waited(latency time.Duration) {
	s.Lock()
	defer s.Unlock()
	s.record(accepted, latency)
	s.unsent++
}

// retried counts a request that is about to be sent again.
func (s *shard) retried() {
	s.Lock()
	defer s.Unlock()
	s.retries++
}

// fail counts a request that was answered otherwise than it should be, or never.
func (s *shard) fail(reason string) {
	s.Lock()
	defer s.Unlock()
	s.errors++
	s.firstError = cmp.Or(s.firstError, reason)
}
