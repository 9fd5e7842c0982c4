// Package system puts the three services, their queues and workers together
// over any engine. The command runs it; so do the tests and the load generator.
//
//	          ┌────────── order ◀──────────┐
//	api ────▶ │   Place, Cancel, Refund    │
//	          │   sweeper                  │
//	          ▼                            │
//	      inventory ───────▶ payment ──▶ inventory
//	                            ⇅
//	                         gateway
package system

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/engine"
	"holdfast/event"
	"holdfast/gateway"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/worker"
)

// Config says what a system is made of.
type Config struct {
	Engine  *engine.Engine
	Queues  event.Queues
	Gateway payment.Gateway // a breaker is put in front of it
	Terms   order.Terms
	Limits  worker.Limits // zero: worker.DefaultLimits
	Log     *slog.Logger
	LogRate int // lines about orders logged in a second at most; 0: all
	Metrics prometheus.Registerer
	// OrderChanged, if set, hears of each order that was created or changed.
	OrderChanged func(order.Order)
}

// System is the three services, ready to run.
type System struct {
	Orders    *order.Service
	Inventory *inventory.Service
	Payments  *payment.Service
	Queues    event.Queues

	engine  *engine.Engine
	workers []*worker.Worker
	sweeper *worker.Sweeper
}

const (
	sweepWindow = 8192 // messages in a queue past which the sweeper holds back
	sweepEvery  = 200 * time.Millisecond
)

// New puts a system together. It starts nothing.
func New(c Config) *System {
	if c.Limits == (worker.Limits{}) {
		c.Limits = worker.DefaultLimits
	}
	o := newObserver(c)
	s := &System{
		Orders:    &order.Service{Store: c.Engine.Orders, Terms: c.Terms, Changed: o.order},
		Inventory: &inventory.Service{Store: c.Engine.Inventory, Changed: o.reservation},
		Payments:  &payment.Service{Store: c.Engine.Payments, Changed: o.payment},
		Queues:    c.Queues,
		engine:    c.Engine,
	}
	breaker := gateway.NewBreaker(c.Gateway, c.Log)
	o.watch(c, breaker)
	payments := newWorker(c, o, event.Payment, s.Payments.Handle)
	payments.Call = func(ctx context.Context, call event.Call) (event.Event, error) {
		answer, err := payment.Perform(ctx, breaker, call)
		o.answer(call, answer, err)
		return answer, err
	}
	s.workers = []*worker.Worker{
		newWorker(c, o, event.Order, s.Orders.Handle),
		newWorker(c, o, event.Inventory, s.Inventory.Handle),
		payments,
	}
	s.sweeper = &worker.Sweeper{
		Sweep: s.Orders.Sweep, Recover: s.Orders.Recover, Resync: s.Orders.Resync,
		Queues: c.Queues, Window: sweepWindow, Every: sweepEvery, Now: Now, Log: c.Log,
	}
	return s
}

func newWorker(c Config, o *observer, s event.Service, handle func(context.Context, time.Time, []event.Event) ([]event.Result, error)) *worker.Worker {
	return &worker.Worker{
		Service: s, Queue: c.Queues[s], DeadLetters: c.Engine.DeadLetters[s], Handle: handle, Send: c.Queues.Send,
		Now: Now, Rand: rand.Float64, Log: c.Log, Limits: c.Limits, Died: func(event.DeadLetter) { o.died(s) },
	}
}

// Now is the time as the services take it: UTC, to the millisecond.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Run serves until ctx ends, then finishes or gives back what is in flight.
func (s *System) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, w := range s.workers {
		running.Go(func() { w.Run(ctx) })
	}
	running.Go(func() { s.sweeper.Run(ctx) })
	running.Wait()
}

// Ready tells whether the stores can be read and written now: nil, or what
// cannot.
func (s *System) Ready(ctx context.Context) error { return s.engine.Ready(ctx) }
