package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"holdfast/engine/memory"
	"holdfast/order"
)

// watchedStore notes how many wait while an order is read.
type watchedStore struct {
	order.Store
	api     *API
	waiting int
}

func (s *watchedStore) Get(ctx context.Context, id string) (order.Order, error) {
	s.api.waiters.mu.Lock()
	defer s.api.waiters.mu.Unlock()
	s.waiting = len(s.api.waiters.set)
	return s.Store.Get(ctx, id)
}

func TestOnlyAWaitSubscribes(t *testing.T) {
	store := &watchedStore{Store: memory.New().Orders}
	store.api = New(Config{Orders: &order.Service{Store: store}, Now: time.Now})
	for target, want := range map[string]int{"/orders/a": 0, "/orders/a?wait=0s": 0, "/orders/a?wait=1s": 1} {
		w := httptest.NewRecorder()
		store.api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if store.waiting != want || w.Code != http.StatusNotFound {
			t.Errorf("%s: %d subscribed, want %d; status %d", target, store.waiting, want, w.Code)
		}
	}
}
