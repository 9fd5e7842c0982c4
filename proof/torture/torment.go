package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"holdfast/worker"
)

// torment ends, stops and starts a crew's processes at moments that it draws.
type torment struct {
	*crew
	*shop
	rng   *rand.Rand
	kills int    // how often it kills, one process or several at a time
	tell  func() // hears of each
	lapse bool   // whether it stops a process for longer than a lease

	killed int
	until  time.Time // the end of that stop; zero before it
}

// Between two kills a crew lives for so long at most, and one in three that
// is started is killed before it can have said that it is ready, or just after.
const (
	longestLife = 800 * time.Millisecond
	briefLife   = 80 * time.Millisecond
	shortStop   = 300 * time.Millisecond
)

// pastLease is a stop in which every lease of a process lapses.
var pastLease = worker.DefaultLimits.Lease + time.Second

// run torments the crew. It ends early with ctx.
func (t *torment) run(ctx context.Context) error {
	for t.killed < t.kills {
		if !pause(ctx, t.life(longestLife)) {
			return nil
		}
		if err := t.stopOne(); err != nil {
			return err
		}
		if err := t.meddle(ctx); err != nil {
			return err
		}
		if err := t.strike(ctx); err != nil {
			return err
		}
	}
	t.outlast(ctx)
	return nil
}

// stopOne begins the long stop, once. It is the last member's, which is one of two
// payment processes where there are several: what it has received, the other
// receives when the lease has lapsed, and both ask the gateway.
func (t *torment) stopOne() error {
	if !t.lapse || !t.until.IsZero() {
		return nil
	}
	t.until = time.Now().Add(pastLease)
	return t.freeze(t.all[len(t.all)-1], true)
}

func (t *torment) life(longest time.Duration) time.Duration {
	return time.Duration(t.rng.Int64N(int64(longest)))
}

// meddle does, now and then, what must change nothing.
func (t *torment) meddle(ctx context.Context) error {
	switch draw := t.rng.IntN(10); {
	case draw == 0:
		if said, err := t.crew.run(ctx, "audit"); err != nil && ctx.Err() == nil {
			return fmt.Errorf("audit beside the load: %w\n%s", err, said)
		}
	case draw == 1:
		return t.intrude()
	case draw < 4:
		m := t.all[t.rng.IntN(len(t.all))]
		if m.frozen {
			return nil
		}
		if err := t.freeze(m, true); err != nil {
			return err
		}
		pause(ctx, t.life(shortStop))
		return t.freeze(m, false)
	case draw < 6:
		t.poisonQueue()
	}
	return nil
}

// poisonQueue plants a message. A queue that is locked gets none.
func (t *torment) poisonQueue() {
	queue := queueNames[t.rng.IntN(len(queueNames))]
	id := fmt.Sprintf("poison-%d-%s", len(t.poison), queue)
	if plant(t.data, queue, id) == nil {
		t.poison[id] = queue
	}
}

// strike kills one process, or all but those that are stopped, and starts them
// again. Where all are stopped it waits until that is over.
func (t *torment) strike(ctx context.Context) error {
	victims := t.moving()
	if len(victims) == 0 {
		t.outlast(ctx)
		return nil
	}
	if t.rng.IntN(4) > 0 {
		victims = victims[t.rng.IntN(len(victims)):][:1]
	}
	t.kill(victims...)
	t.count()
	for t.rng.IntN(3) == 0 {
		if err := t.startInVain(victims); err != nil {
			return err
		}
	}
	err := t.startAll()
	if err != nil && t.thaw() { // what was stopped may have had a database locked
		err = t.startAll()
	}
	return err
}

// startInVain starts the victims and kills each at once.
func (t *torment) startInVain(victims []*member) error {
	errs := make(chan error, len(victims))
	var lives sync.WaitGroup
	for _, m := range victims {
		life := t.life(briefLife)
		lives.Go(func() { errs <- t.startBriefly(m, life) })
	}
	lives.Wait()
	t.count()
	close(errs)
	for err := range errs {
		if err != nil && !t.thaw() {
			return err
		}
	}
	return nil
}

func (t *torment) count() {
	t.killed++
	t.tell()
}

// moving are the members that are not stopped.
func (t *torment) moving() (all []*member) {
	for _, m := range t.all {
		if !m.frozen {
			all = append(all, m)
		}
	}
	return all
}

// outlast waits until the long stop is over, and lets whoever was stopped find out
// that its leases have lapsed.
func (t *torment) outlast(ctx context.Context) {
	pause(ctx, time.Until(t.until))
	if t.thaw() {
		pause(ctx, time.Second)
	}
}
