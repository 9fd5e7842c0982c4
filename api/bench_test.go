package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
)

// newStore takes every order for new and keeps none, so that a benchmark sees
// the API alone.
type newStore struct{ order.Store }

func (newStore) Create(_ context.Context, orders []order.Order) ([]order.Created, error) {
	created := make([]order.Created, len(orders))
	for i, o := range orders {
		created[i] = order.Created{Order: o, New: true}
	}
	return created, nil
}

// nothing is a response that nobody reads.
type nothing struct{ header http.Header }

func (n *nothing) Header() http.Header         { return n.header }
func (n *nothing) Write(b []byte) (int, error) { return len(b), nil }
func (n *nothing) WriteHeader(int)             {}

func BenchmarkPlace(b *testing.B) {
	var ids atomic.Int64
	a := api.New(api.Config{
		Orders:    &order.Service{Store: newStore{}, Terms: order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second}},
		Inventory: &inventory.Service{},
		Send:      func(context.Context, []event.Event) error { return nil },
		Now:       time.Now,
		NewID:     func() string { return strconv.FormatInt(ids.Add(1), 36) },
		Log:       slog.New(slog.DiscardHandler),
	})
	body := []byte(seedBody)
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPost, "/orders", io.NopCloser(bytes.NewReader(body)))
		if err != nil {
			b.Fatal(err)
		}
		r.Header["Content-Type"] = []string{"application/json"}
		a.ServeHTTP(&nothing{http.Header{}}, r)
	}
}
