//go:build browser

package browsertest

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/api"
	"holdfast/api/client"
	"holdfast/engine"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/inventory"
	"holdfast/ops"
	"holdfast/order"
	"holdfast/recorder"
	"holdfast/system"
)

// oldShop serves an hour that nobody has to wait for: its orders were accepted, and
// came to their ends, as if the process had run for all of it. No service runs.
func oldShop(t *testing.T) (url string) {
	t.Helper()
	e := &memory.New().Engine
	now := time.Now()
	at := now.Add(-time.Hour)
	remembers := recorder.New(func() time.Time { return at })
	dice := rand.New(rand.NewPCG(1, 2)) // the same hour each time
	for i := 0; at.Before(now); i++ {
		remembers.Counted(12 + int(8*math.Sin(float64(i)/40)) + dice.IntN(3))
		for n := range 20 + int(12*math.Sin(float64(i)/40)) + dice.IntN(5) {
			o := past(at.Truncate(time.Millisecond), fmt.Sprintf("order-%d-%d", i, n))
			remembers.Changed(o)
			o = ended(o, dice)
			remembers.Changed(o)
			if _, err := e.Orders.Create(t.Context(), []order.Order{o}); err != nil {
				t.Fatal(err)
			}
		}
		at = at.Add(recorder.Interval)
	}
	return serve(t, e, remembers)
}

// past is an order that was accepted at the time given.
func past(at time.Time, id string) order.Order {
	return order.Order{
		Ref: event.Ref{OrderID: id}, Caller: "local", UserID: "test_user", Rendering: order.Rendering, HoldUntil: at,
		Lines: []event.Line{{SKU: "A123", Qty: 1}}, Status: order.Pending, History: []order.Entry{{Status: order.Pending, At: at}},
	}
}

// ended is the order at an end: nine in ten are completed, most of them within
// milliseconds.
func ended(o order.Order, dice *rand.Rand) order.Order {
	o.Status = order.Completed
	if dice.IntN(10) == 0 {
		o.Status = order.PaymentFailed
	}
	took := 3 + 3*math.Exp(dice.NormFloat64()/2) // milliseconds
	o.History = append(o.History, order.Entry{Status: o.Status, At: o.CreatedAt().Add(time.Duration(took) * time.Millisecond)})
	return o
}

// serve serves the pages over an engine that no service works on.
func serve(t *testing.T, e *engine.Engine, remembers *recorder.Recorder) (url string) {
	t.Helper()
	var routes *api.API
	queues := make(map[event.Service]api.Queue)
	for _, s := range event.Services {
		queues[s] = api.Queue{Queue: memory.NewQueue(1), DeadLetters: e.DeadLetters[s]}
	}
	pages := ops.New(ops.Config{
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { routes.ServeHTTP(w, r) }), Now: system.Now, Log: slog.New(slog.DiscardHandler),
	})
	routes = api.New(api.Config{
		Orders: &order.Service{Store: e.Orders}, Inventory: &inventory.Service{Store: e.Inventory}, Payments: e.Payments, Queues: queues,
		Gateway: func(context.Context) (client.Gateway, error) {
			return client.Gateway{Name: "simulated", Breakers: []client.Breaker{{Operation: "capture", State: "closed"}, {Operation: "void", State: "closed"}, {Operation: "refund", State: "closed"}}}, nil
		},
		Recorder: remembers, Pages: pages, Now: system.Now, Log: slog.New(slog.DiscardHandler), Engine: "memory", Version: "1.0.0",
	})
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	t.Cleanup(pages.Stop)
	return server.URL
}

func TestTheLastHourIsDrawn(t *testing.T) {
	v := visit(t, oldShop(t))
	v.goTo("/")
	v.finds(`document.querySelectorAll("main svg[role=img]").length === 3`)
	// Every interval of the hour is a point of each line, the first to the left and the last to the right.
	drawn, err := js[[]string](v.ctx, `[...document.querySelectorAll("main svg path.line")].map(p => p.getAttribute("d"))`)
	v.check(err)
	if len(drawn) != 5 {
		t.Errorf("%d lines are drawn, want 5", len(drawn))
	}
	for i, path := range drawn {
		if points := strings.Count(path, "L"); points < 350 || !strings.HasPrefix(path, "M0 ") && !strings.HasPrefix(path, "M1 ") {
			t.Errorf("line %d has %d points and begins %.20s", i, points, path)
		}
	}
	v.lookAround("now-hour")
}
