package aws

import (
	"context"
	"sync"
)

// turns lets those who name the same thing go one at a time.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // closed when the turn is over
}

// take waits for a turn at name, until it is over with done; it fails when ctx
// ends first.
func (t *turns) take(ctx context.Context, name string) (done func(), err error) {
	for {
		over, free := t.try(name)
		if free {
			return func() { t.end(name, over) }, nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes the turn at name if it is free; else over closes when it is.
func (t *turns) try(name string) (over chan struct{}, free bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over, taken := t.taken[name]; taken {
		return over, false
	}
	if t.taken == nil {
		t.taken = make(map[string]chan struct{})
	}
	over = make(chan struct{})
	t.taken[name] = over
	return over, true
}

func (t *turns) end(name string, over chan struct{}) {
	t.mu.Lock()
	delete(t.taken, name)
	t.mu.Unlock()
	close(over)
}
