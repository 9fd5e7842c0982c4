package recorder

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/order"
)

// Interval is what a Point spans.
const Interval = 10 * time.Second

// points is how many are kept: an hour's.
const points = int(time.Hour / Interval)

// longest is the longest time to an end that is told apart from longer ones.
const longest = 100 * 24 * time.Hour

// Point is one interval of the last hour.
type Point struct {
	At       time.Time // when the interval ended
	Accepted int       // orders accepted in it
	Ended    int       // orders that came to their first end in it
	// P50 and P99 are the times from creation to the first end of those that ended, to
	// the millisecond and to two figures; 0 where none did.
	P50, P99 time.Duration
	Open     int // orders open at its end; -1 where nobody counted
}

// series counts by intervals, which end at whole multiples of Interval.
type series struct {
	mu     sync.Mutex
	past   []Point // the oldest first
	end    time.Time
	now    Point                   // the interval under way, as far as it has come
	took   *hdrhistogram.Histogram // what orders that ended in it took, in milliseconds
	ended  map[order.Status]int
	looked time.Time
}

// begin starts with the interval that the time given is in.
func (s *series) begin(now time.Time) {
	s.took = hdrhistogram.New(1, longest.Milliseconds(), 2) // 30 KB, and some nanoseconds a value
	s.ended = make(map[order.Status]int)
	s.end = after(now)
}

// after is the end of the interval that a time is in.
func after(at time.Time) time.Time { return at.UTC().Truncate(Interval).Add(Interval) }

// count counts an order that has changed. The clock is asked only when the order's
// own time says that the interval is over: this is done twice for each order.
func (s *series) count(o order.Order, now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := o.UpdatedAt(); !at.Before(s.end) {
		s.roll(now())
	}
	switch {
	case o.Status == order.Pending:
		s.now.Accepted++
	case o.Status.Ended():
		if s.ended[o.Status]++; o.Status != order.Refunded { // which is its second end
			s.now.Ended++
			// Never an error: the value is in the histogram's range.
			_ = s.took.RecordValue(min(max(o.UpdatedAt().Sub(o.CreatedAt()), 0), longest).Milliseconds())
		}
	}
}

// roll ends the intervals that are over. Those that a clock which has jumped back
// leaves in the future are dropped.
func (s *series) roll(now time.Time) {
	if now.Before(s.end.Add(-2 * Interval)) {
		s.past = slices.DeleteFunc(s.past, func(p Point) bool { return p.At.After(now) })
		s.end = after(now)
	}
	if now.Sub(s.end) > time.Hour {
		s.past, s.now = nil, Point{}
		s.took.Reset()
		s.end = after(now).Add(-time.Hour)
	}
	for !now.Before(s.end) {
		s.close()
	}
}

// close ends the interval under way.
func (s *series) close() {
	p := s.now
	p.At, p.Open = s.end, -1
	if p.Ended > 0 {
		p.P50, p.P99 = s.quantile(50), s.quantile(99)
		s.took.Reset()
	}
	if len(s.past) == points {
		s.past = slices.Delete(s.past, 0, 1)
	}
	s.past = append(s.past, p)
	s.now, s.end = Point{}, s.end.Add(Interval)
}

func (s *series) quantile(q float64) time.Duration {
	return time.Duration(s.took.ValueAtQuantile(q)) * time.Millisecond
}

// counted notes how many orders are open now, which is soon after the end of the
// last interval.
func (s *series) counted(open int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roll(now); len(s.past) > 0 {
		s.past[len(s.past)-1].Open = open
	}
}

func (s *series) hour(now time.Time) []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = now
	s.roll(now)
	return slices.Clone(s.past)
}

func (s *series) byStatus() map[order.Status]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.ended)
}
