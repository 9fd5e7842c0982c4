package aws

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
)

func TestTurnsAreTakenOneAtATime(t *testing.T) {
	var x turns
	var guard sync.Mutex
	inside := make(map[string]int)
	met := false
	var wg sync.WaitGroup
	for i := range 60 {
		name := []string{"a", "b", "c"}[i%3]
		wg.Go(func() {
			done, err := x.take(context.Background(), name)
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			guard.Lock()
			inside[name]++
			met = met || inside[name] > 1
			guard.Unlock()
			for range 100 {
				runtime.Gosched() // to whoever may come in too
			}
			guard.Lock()
			inside[name]--
			guard.Unlock()
		})
	}
	wg.Wait()
	if met || len(x.taken) > 0 {
		t.Errorf("two met: %t; %d turns are still taken", met, len(x.taken))
	}
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	var x turns
	done, err := x.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.take(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("take: %v", err)
	}
	other, err := x.take(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	other()
	done()
	if again, err := x.take(t.Context(), "a"); err != nil {
		t.Error(err)
	} else {
		again()
	}
}
