// Package system puts services, their queues and workers together over any
// engine: all three for one process, or one for a process of its own. The command
// runs it; so do the tests.
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
	"cmp"
	"context"
	"iter"
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
	"holdfast/recorder"
	"holdfast/worker"
)

// Config says what a system is made of.
type Config struct {
	Engine *engine.Engine
	// Services are those that run here; nil: all. The engine has their ports.
	Services []event.Service
	Queues   event.Queues    // all three: a service sends to the others'
	Gateway  payment.Gateway // a breaker is put in front of it; not needed without the payment service
	Terms    order.Terms
	Limits   worker.Limits // zero: worker.DefaultLimits
	Batch    int           // messages a worker takes at a time; zero: as Limits say
	Log      *slog.Logger
	LogRate  int // lines about orders logged in a second at most; 0: all
	Metrics  prometheus.Registerer
	// DurableQueues says that the queues outlive every process, so that a start need
	// not ask again about every open order.
	DurableQueues bool
	// SweepEvery is how often the sweeper looks for silent orders; zero: 200 ms.
	SweepEvery time.Duration
	// OrderChanged, if set, hears of each order that was created or changed here.
	OrderChanged func(order.Order)
	// Recorder, if set, remembers what the services do. How many orders are open it is
	// told every ten seconds; where CountingCosts, once a minute while somebody looks.
	Recorder *recorder.Recorder
	// CountingCosts says that each count of the open orders costs money.
	CountingCosts bool
}

// System is services that are ready to run. Those that do not run here are nil.
type System struct {
	Orders    *order.Service
	Inventory *inventory.Service
	Payments  *payment.Service
	Queues    event.Queues

	engine   *engine.Engine
	observer *observer
	workers  []*worker.Worker
	sweeper  *worker.Sweeper
	counter  *counter         // nil without the order service, or a recorder
	breaker  *gateway.Breaker // nil without the payment service
}

const (
	sweepWindow = 7 * 1024               // messages in a queue past which the sweeper holds back, before the API has to
	sweepEvery  = 200 * time.Millisecond // unless Config says otherwise
)

// New puts a system together. It starts nothing.
func New(c Config) *System {
	if c.Limits == (worker.Limits{}) {
		c.Limits = worker.DefaultLimits
	}
	if c.Batch > 0 {
		c.Limits.Batch = c.Batch
	}
	if c.Services == nil {
		c.Services = event.Services
	}
	o := newObserver(c)
	s := &System{Queues: c.Queues, engine: c.Engine, observer: o}
	ask := event.Services
	if c.DurableQueues {
		ask = c.Services // those drop nothing, and each question costs a request
	}
	c.Metrics.MustRegister(queueFigures{queues: c.Queues, read: c.Services, ask: ask})
	for _, service := range c.Services {
		switch service {
		case event.Order:
			s.addOrders(c, o)
		case event.Inventory:
			s.Inventory = &inventory.Service{Store: c.Engine.Inventory, Changed: o.reservation}
			s.workers = append(s.workers, newWorker(c, o, service, s.Inventory.Handle))
		case event.Payment:
			s.addPayments(c, o)
		}
	}
	return s
}

func (s *System) addOrders(c Config, o *observer) {
	s.Orders = &order.Service{Store: c.Engine.Orders, Terms: c.Terms, Changed: o.order, Silent: o.silent}
	s.workers = append(s.workers, newWorker(c, o, event.Order, s.Orders.Handle))
	s.sweeper = &worker.Sweeper{
		Sweep: s.Orders.Sweep, Recover: s.Orders.Recover, Resync: s.Orders.Resync,
		Queues: c.Queues, Window: sweepWindow, Every: cmp.Or(c.SweepEvery, sweepEvery), Now: Now, Log: c.Log,
	}
	if c.DurableQueues {
		s.sweeper.Recover = s.Orders.Resync
	}
	if c.Recorder != nil {
		s.counter = &counter{tally: c.Engine.Orders.Tally, recorder: c.Recorder, sparing: c.CountingCosts, log: c.Log}
	}
}

func (s *System) addPayments(c Config, o *observer) {
	s.Payments = &payment.Service{Store: c.Engine.Payments, Changed: o.payment}
	breaker := gateway.NewBreaker(c.Gateway, c.Log)
	s.breaker = breaker
	registerBreaker(c.Metrics, breaker)
	w := newWorker(c, o, event.Payment, s.Payments.Handle)
	w.Call = func(ctx context.Context, call event.Call) (event.Event, error) {
		asked := time.Now()
		answer, err := payment.Perform(ctx, breaker, call)
		if err != nil {
			err = discreet{err, call.PaymentMethod}
		}
		o.answer(call, asked, answer, err)
		return answer, err
	}
	s.workers = append(s.workers, w)
}

func newWorker(c Config, o *observer, s event.Service, handle func(context.Context, time.Time, []event.Event) ([]event.Result, error)) *worker.Worker {
	lag := o.lag.WithLabelValues(string(s)) // once, since it is needed for every message
	return &worker.Worker{
		Service: s, Queue: c.Queues[s], DeadLetters: c.Engine.DeadLetters[s], Handle: handle, Send: c.Queues.Send,
		Now: Now, Rand: rand.Float64, Log: c.Log, Limits: c.Limits,
		Received: func(now time.Time, batch iter.Seq[*event.Delivery]) { o.received(s, lag, now, batch) },
		Returned: func(d *event.Delivery, after time.Duration, why error) { o.returned(s, d, after, why) },
		Died:     func(l event.DeadLetter) { o.buried(s, l) },
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
	if s.sweeper != nil {
		running.Go(func() { s.sweeper.Run(ctx) })
	}
	if s.counter != nil {
		running.Go(func() { s.counter.run(ctx) })
	}
	running.Wait()
}

// Backlog returns what counts the messages that are ready in the fuller of the queues
// that orders come to a standstill in when there are too many; nil unless those are
// in the memory of this process.
func Backlog(queues event.Queues) func() int {
	placed, inMemory := queues[event.Inventory].(interface{ Waiting() int })
	ended, too := queues[event.Order].(interface{ Waiting() int })
	if !inMemory || !too {
		return nil
	}
	return func() int { return max(placed.Waiting(), ended.Waiting()) }
}

// Breakers tells how the gateway's circuit breakers stand, as gateway.Breaker's State
// has it; nil where the payment service does not run.
func (s *System) Breakers() map[event.Op]string {
	if s.breaker == nil {
		return nil
	}
	states := make(map[event.Op]string, len(event.Ops))
	for _, op := range event.Ops {
		states[op] = s.breaker.State(op)
	}
	return states
}

// Died counts a message that was dead-lettered elsewhere than in a worker.
func (s *System) Died(reader event.Service) { s.observer.died(reader) }

// Ready tells whether the services can do their work now: nil, or what cannot be
// used. The order service accepts orders without its queues, so it is ready
// without them.
func (s *System) Ready(ctx context.Context) error {
	if err := s.engine.Ready(ctx); err != nil || s.Orders != nil {
		return err
	}
	for _, w := range s.workers {
		if _, err := w.Queue.Depth(ctx); err != nil {
			return err
		}
	}
	return nil
}
