package sim

import (
	"container/heap"
	"iter"
	"math/rand/v2"
	"time"
)

// scheduler owns the time and decides what happens next: of all that could go on
// now, one thing drawn from the seed. Threads are coroutines: one runs at a time,
// until it sleeps, parks or ends, so a world is one sequence of steps.
type scheduler struct {
	rng     *rand.Rand
	now     time.Time
	agenda  agenda
	current *thread
	steps   int
	panicky func(any) // hears of a thread's panic
}

// thread is a sequence of steps: a worker's loop, a client, a call on its way.
type thread struct {
	resume  func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	stopped bool // told to end: it must not wait any more
	parked  bool // waits for somebody's wake
	ended   bool
}

// entry is something that goes on at a time.
type entry struct {
	at     time.Time
	tie    uint64 // in which order things of one time happen
	thread *thread
	do     func()
}

// spawn starts a thread.
func (s *scheduler) spawn(f func()) *thread {
	t := new(thread)
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			if p := recover(); p != nil {
				s.panicky(p)
			}
			t.ended = true
		}()
		f()
	})
	s.wakeAt(t, s.now)
	return t
}

// after has something done later, by nobody in particular.
func (s *scheduler) after(d time.Duration, do func()) {
	heap.Push(&s.agenda, entry{at: s.now.Add(d), tie: s.rng.Uint64(), do: do})
}

func (s *scheduler) wakeAt(t *thread, at time.Time) {
	t.parked = false
	heap.Push(&s.agenda, entry{at: at, tie: s.rng.Uint64(), thread: t})
}

// step has the next thing happen. It reports false when nothing is left to do.
func (s *scheduler) step() bool {
	if len(s.agenda) == 0 {
		return false
	}
	next := heap.Pop(&s.agenda).(entry)
	s.now = next.at
	s.steps++
	switch {
	case next.do != nil:
		next.do()
	case !next.thread.ended && !next.thread.stopped:
		s.run(next.thread, func(t *thread) { t.resume() })
	}
	return true
}

// run gives a thread the turn, by resume or by stop.
func (s *scheduler) run(t *thread, how func(*thread)) {
	before := s.current
	s.current = t
	how(t)
	s.current = before
}

// sleep lets the current thread wait, and others go on.
func (s *scheduler) sleep(d time.Duration) {
	if t := s.current; !t.stopped {
		s.wakeAt(t, s.now.Add(d))
		t.stopped = !t.yield(struct{}{})
	}
}

// park lets the current thread wait for a wake.
func (s *scheduler) park() {
	if t := s.current; !t.stopped {
		t.parked = true
		t.stopped = !t.yield(struct{}{})
	}
}

// kill ends a thread where it stands. What it still does must have no effect.
func (s *scheduler) kill(t *thread) {
	if t.ended || t.stopped || t == s.current {
		return
	}
	t.stopped = true
	s.run(t, func(t *thread) { t.stop() })
	t.ended = true
}

// chance draws whether something of this probability happens.
func (s *scheduler) chance(p float64) bool { return p > 0 && s.rng.Float64() < p }

// between draws a duration, small ones as likely as large ones.
func (s *scheduler) between(low, high time.Duration) time.Duration {
	d := low
	for d < high && s.rng.IntN(4) > 0 {
		d *= 2
	}
	return min(d, high) - time.Duration(s.rng.Int64N(int64(low)/2+1))
}

// agenda is a heap.Interface.
type agenda []entry

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].tie < a[j].tie
	}
	return a[i].at.Before(a[j].at)
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(entry)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	(*a)[last] = entry{}
	*a = (*a)[:last]
	return e
}
