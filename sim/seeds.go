package sim

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Summary adds up what many worlds did.
type Summary struct {
	Worlds   int
	Orders   int
	Steps    int
	Virtual  time.Duration
	Took     time.Duration
	Coverage Coverage
	Broken   []Result // of the worlds that broke a promise, at most maxBroken
}

// maxBroken is how many worlds may break a promise before no further one is played.
const maxBroken = 10

// Seeds plays n worlds, of the seeds from the one in o on, on every processor at
// once, until ctx ends or too many of them break a promise. Each world is played
// within one goroutine. progress, if set, hears of every world that is over; it must
// not block.
func Seeds(ctx context.Context, o Options, n int, progress func(done, broken int)) Summary {
	begun := time.Now()
	total := Summary{Coverage: newCoverage()}
	var next atomic.Uint64
	var mu sync.Mutex
	var players sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		players.Go(func() {
			for ctx.Err() == nil {
				k := next.Add(1) - 1
				if k >= uint64(n) {
					return
				}
				world := o
				world.Seed += k
				r := Run(world)
				mu.Lock()
				total.add(r)
				if progress != nil {
					progress(total.Worlds, len(total.Broken))
				}
				enough := len(total.Broken) >= maxBroken
				mu.Unlock()
				if enough {
					return
				}
			}
		})
	}
	players.Wait()
	total.Took = time.Since(begun)
	return total
}

func (s *Summary) add(r Result) {
	s.Worlds++
	s.Orders += r.Orders
	s.Steps += r.Steps
	s.Virtual += r.Elapsed
	s.Coverage.Add(r.Coverage)
	if r.Breach != nil {
		s.Broken = append(s.Broken, r)
	}
}
