package load

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// grace is how long after a schedule's end an arrival that came due before it may
// still be sent. What no connection was free for by then is given up, and counted
// with the time it had waited.
const grace = time.Second

// unbounded is the number of arrivals of a schedule that only its end bounds.
const unbounded = math.MaxInt64

// schedule says when requests arrive. They arrive whether the server keeps up or
// not, and their latency counts from when they were due: a server that stalls for
// a second has kept waiting everybody who came in that second, not just the one
// whose request was under way (Gil Tene calls leaving them out "coordinated
// omission").
type schedule struct {
	start time.Time
	end   time.Time // nothing is sent after it, but for grace
	rate  float64   // arrivals a second; 0: a closed loop, each is due when it is taken
	total int64     // arrivals in all
	taken atomic.Int64
}

// openLoop is a schedule of so many arrivals at a steady rate.
func openLoop(start time.Time, rate float64, total int64) *schedule {
	s := &schedule{start: start, rate: rate, total: total}
	s.end = s.due(total)
	return s
}

// closedLoop is a schedule whose arrivals come as fast as they are answered.
func closedLoop(start, end time.Time, total int64) *schedule {
	return &schedule{start: start, end: end, total: total}
}

// take returns the number of the next arrival and when it is due; ok is false when
// there is none left. It is the one thing that all connections share.
func (s *schedule) take(now time.Time) (n int64, due time.Time, ok bool) {
	n = s.taken.Add(1) - 1
	switch {
	case n >= s.total:
		return n, due, false
	case s.rate > 0:
		return n, s.due(n), true
	}
	return n, now, now.Before(s.end)
}

// due is when the n-th arrival is due.
func (s *schedule) due(n int64) time.Time {
	return s.start.Add(time.Duration(math.Round(float64(n) / s.rate * float64(time.Second))))
}

// over reports whether it is too late to send what has come due.
func (s *schedule) over(now time.Time) bool { return now.After(s.end.Add(grace)) }

// arrived is how many arrivals have been due by a moment.
func (s *schedule) arrived(now time.Time) int64 {
	n := s.taken.Load()
	if s.rate > 0 {
		n = int64(now.Sub(s.start).Seconds() * s.rate)
	}
	return max(0, min(n, s.total))
}

// nap is the longest sleep that nothing can cut short.
const nap = 100 * time.Millisecond

// sleep sleeps for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	if d <= nap { // the usual case, and half the price
		time.Sleep(d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
