package system_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/engine"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
	"holdfast/system"
)

// apart is the services as processes of their own would run them: each a system
// of one service that shares nothing with the others but the queues. Several of
// one service may run side by side.
type apart struct {
	*world  // of the first order process, for placing
	queues  event.Queues
	running map[event.Service][]func() // stops each
}

// openApart starts two of each service over an engine and queues of so many
// messages.
func openApart(t *testing.T, e *engine.Engine, capacity int) *apart {
	t.Helper()
	a := &apart{queues: event.Queues{}, running: make(map[event.Service][]func())}
	for _, s := range event.Services {
		a.queues[s] = memory.NewQueue(capacity)
	}
	a.world = &world{engine: e}
	for _, s := range event.Services {
		a.start(t, s)
		a.start(t, s)
	}
	return a
}

// start starts one more of a service.
func (a *apart) start(t *testing.T, service event.Service) {
	t.Helper()
	s := system.New(system.Config{
		Engine: a.engine, Services: []event.Service{service}, Queues: a.queues,
		Gateway: &simulated.Gateway{Ledger: a.engine.Ledger, DeclineRate: 0.1, Now: system.Now},
		Terms:   order.Terms{Hold: 2 * time.Hour, Silence: 5 * time.Second},
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: prometheus.NewRegistry(),
	})
	switch service {
	case event.Order:
		a.System = s
	case event.Inventory:
		if a.Inventory == nil {
			a.System.Inventory = s.Inventory
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	a.running[service] = append(a.running[service], func() { cancel(); running.Wait() })
}

// end stops every process of a service.
func (a *apart) end(service event.Service) {
	for _, stop := range a.running[service] {
		stop()
	}
	a.running[service] = nil
}

func (a *apart) endAll() {
	for _, s := range event.Services {
		a.end(s)
	}
}

// TestOneServiceDownForAnHour: the others go on, what was accepted waits in the
// queues or, where those are full, for the sweeper; and all of it ends once the
// service is back.
func TestOneServiceDownForAnHour(t *testing.T) {
	for _, service := range event.Services {
		for name, capacity := range map[string]int{"all fits the queue": 100_000, "most is dropped": 50} {
			t.Run(string(service)+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const orders = 300
					e := &memory.New().Engine
					a := openApart(t, e, capacity)
					a.count(t, "A123", 200)
					a.end(service)
					for i := range orders { // an order service that is away comes back to them
						a.place(t, fmt.Sprintf("o%d", i), "A123", 1, "")
					}
					time.Sleep(time.Hour) // virtual
					for _, s := range event.Services {
						if d := a.held(t, s); d > capacity {
							t.Errorf("the %s queue holds %d messages, more than its %d", s, d, capacity)
						}
					}
					a.start(t, service)
					time.Sleep(30 * time.Minute)
					a.endAll()
					audited(t, e)
					if n := a.byStatus(t)[order.Completed]; n == 0 || n > 200 {
						t.Errorf("%d orders completed", n)
					}
				})
			})
		}
	}
}

func (a *apart) held(t *testing.T, s event.Service) int {
	t.Helper()
	d, err := a.queues[s].Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d.Ready + d.Delayed + d.InFlight
}

func (a *apart) byStatus(t *testing.T) map[order.Status]int {
	t.Helper()
	all, err := a.engine.Orders.Scan(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	n := make(map[order.Status]int)
	for _, o := range all {
		n[o.Status]++
	}
	return n
}

// TestMoveTakesEverythingAlongAndBuriesWhatNobodyReads plays the change from
// queues that processes share to those of one process.
func TestMoveTakesEverythingAlongAndBuriesWhatNobodyReads(t *testing.T) {
	from, to := memory.NewQueue(10_000), memory.NewQueue(10_000)
	letters := memory.New().DeadLetters[event.Order]
	const messages = 2500
	for i := range messages {
		e := event.New(event.StockSettled, event.Ref{OrderID: fmt.Sprintf("o%d", i), Number: int64(i + 1)}, system.Now())
		if err := from.Send(t.Context(), []event.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := from.Send(t.Context(), []event.Event{event.Decode([]byte("of a build to come"))}); err != nil {
		t.Fatal(err)
	}
	moved, err := system.Move(t.Context(), from, to, letters)
	if err != nil || moved != messages+1 {
		t.Errorf("%d moved, %v", moved, err)
	}
	left, _ := from.Depth(t.Context())
	there, _ := to.Depth(t.Context())
	if left != (event.Depth{}) || there.Ready != messages {
		t.Errorf("left %+v, arrived %+v", left, there)
	}
	if dead, err := letters.List(t.Context(), "", 10); err != nil || len(dead) != 1 || string(dead[0].Event.Unread) != "of a build to come" {
		t.Errorf("dead letters %+v, %v", dead, err)
	}
}
