package api_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/api/client"
	"holdfast/event"
	"holdfast/order"
)

// waiting is a GET with ?wait= under way.
type waiting struct {
	answer answer
	took   time.Duration
	done   bool
}

// wait starts a GET in the test's bubble and lets it come to rest.
func (s *server) wait(ctx context.Context, target string) *waiting {
	w := new(waiting)
	go func() {
		began := time.Now()
		w.answer = s.serve(newRequest(http.MethodGet, target, "").WithContext(ctx))
		w.took, w.done = time.Since(began), true
	}()
	synctest.Wait()
	return w
}

// ended checks that the wait is over after the time given, with the order in the status given.
func (w *waiting) ended(t *testing.T, took time.Duration, status order.Status) {
	t.Helper()
	synctest.Wait()
	if !w.done || w.took != took {
		t.Fatalf("done %t after %v, want %v", w.done, w.took, took)
	}
	w.answer.want(t, http.StatusOK)
	if got := read[client.Order](t, w.answer).Status; got != string(status) {
		t.Errorf("status %s, want %s", got, status)
	}
}

func TestWaitEndsWithTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.place("a")
		s.place("b")
		first, second := s.wait(t.Context(), "/orders/a?wait=60s"), s.wait(t.Context(), "/orders/a?wait=10s")
		other := s.wait(t.Context(), "/orders/b?wait=1s")
		s.tell("a", event.PaymentPending, func(e *event.Event) { e.ReservedAt = epoch })
		synctest.Wait()
		if first.done {
			t.Fatal("the wait ended with an order that has not")
		}
		time.Sleep(100 * time.Millisecond)
		s.complete("a")
		first.ended(t, 100*time.Millisecond, order.Completed)
		second.ended(t, 100*time.Millisecond, order.Completed)
		time.Sleep(time.Second)
		other.ended(t, time.Second, order.Pending)
	})
}

func TestWaitEndsWhenTheServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.place("a")
		w := s.wait(t.Context(), "/orders/a?wait=60s")
		time.Sleep(10 * time.Millisecond)
		s.EndWaits()
		w.ended(t, 10*time.Millisecond, order.Pending)
	})
}

func TestWaitSeesWhatAnotherProcessDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.place("a")
		w := s.wait(t.Context(), "/orders/a?wait=10s")
		s.orders.Changed = nil
		s.complete("a")
		time.Sleep(10 * time.Millisecond)
		w.ended(t, 10*time.Millisecond, order.Completed)
	})
}

// countingStore notes when an order is read.
type countingStore struct {
	order.Store
	reads []time.Time
}

func (s *countingStore) Get(ctx context.Context, id string) (order.Order, error) {
	s.reads = append(s.reads, time.Now())
	return s.Store.Get(ctx, id)
}

func TestALongWaitReadsEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.place("a")
		store := &countingStore{Store: s.orders.Store}
		s.orders.Store = store
		w := s.wait(t.Context(), "/orders/a?wait=60s")
		time.Sleep(time.Minute)
		w.ended(t, time.Minute, order.Pending)
		pauses := []time.Duration{10, 20, 40, 80, 160, 320, 500, 500, 500}
		for i, want := range pauses {
			if got := store.reads[i+1].Sub(store.reads[i]); got != want*time.Millisecond {
				t.Errorf("pause %d is %v, want %vms", i, got, int(want))
			}
		}
		if n := len(store.reads); n > 130 {
			t.Errorf("%d reads in a minute", n)
		}
	})
}

// racingStore lets something happen between a read and its answer.
type racingStore struct {
	order.Store
	once sync.Once
	race func()
}

func (s *racingStore) Get(ctx context.Context, id string) (order.Order, error) {
	o, err := s.Store.Get(ctx, id)
	s.once.Do(s.race)
	return o, err
}

func TestWaitMissesNoChangeThatRacesItsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.place("a")
		s.orders.Store = &racingStore{Store: s.orders.Store, race: func() {
			s.complete("a")
			s.OrderChanged(s.stored()[0]) // a wake-up too many must not block
		}}
		s.wait(t.Context(), "/orders/a?wait=10s").ended(t, 0, order.Completed)
	})
}

func TestWaitEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.place("a")
		ctx, cancel := context.WithCancel(t.Context())
		w := s.wait(ctx, "/orders/a?wait=60s")
		cancel()
		w.ended(t, 0, order.Pending)
	})
}

func TestNoWaitWhereThereIsNothingToWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.place("a")
		s.wait(t.Context(), "/orders/a").ended(t, 0, order.Pending)
		s.wait(t.Context(), "/orders/a?wait=0s").ended(t, 0, order.Pending)
		s.complete("a")
		s.wait(t.Context(), "/orders/a?wait=10s").ended(t, 0, order.Completed)
		unknown := s.wait(t.Context(), "/orders/b?wait=10s")
		unknown.answer.problem(t, 404)
	})
}
