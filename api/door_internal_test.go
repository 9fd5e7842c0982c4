package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/engine/memory"
	"holdfast/event"
)

// hanging answers nothing until its caller has had enough.
type hanging struct{ event.Queue }

func (hanging) Depth(ctx context.Context) (event.Depth, error) {
	<-ctx.Done()
	return event.Depth{}, ctx.Err()
}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestFiguresAreWaitedForTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Config{
			Queues:    map[event.Service]Queue{event.Order: {hanging{}, memory.New().DeadLetters[event.Order]}},
			Elsewhere: map[event.Service]*url.URL{event.Inventory: {Scheme: "http", Host: "inventory"}, event.Payment: {Scheme: "http", Host: "payment"}},
			Log:       slog.New(slog.DiscardHandler), Now: time.Now,
		})
		for _, d := range a.doors {
			d.proxy.Transport = hanging{}
		}
		began := time.Now()
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/queues", nil))
		const unknown = `,"depth":null,"in_flight":null,"dead_letters":null,"oldest_seconds":null}`
		const want = `{"queues":[{"name":"order"` + `,"depth":null,"in_flight":null,"dead_letters":0,"oldest_seconds":null}` +
			`,{"name":"inventory"` + unknown + `,{"name":"payment"` + unknown + "]}\n"
		if took := time.Since(began); took != 2*time.Second || w.Body.String() != want {
			t.Errorf("after %v: %d %s", took, w.Code, w.Body)
		}
	})
}
