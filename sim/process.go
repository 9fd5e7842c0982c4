package sim

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"holdfast/event"
	"holdfast/gateway"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/worker"
)

// process runs one service, or all, until it dies. Then whatever its threads still
// do has no effect, and another process takes its place.
type process struct {
	w        *world
	name     string
	services []event.Service
	alive    bool
	skew     time.Duration // of its clock
	diskOut  time.Time     // when the outage of its stores ends
	threads  []*thread

	orders    *order.Service
	inventory *inventory.Service
	payments  *payment.Service
	letters   map[event.Service]event.DeadLetters
	queues    event.Queues
	gateway   payment.Gateway
	log       *slog.Logger
}

// errDead is what a dead process's calls return. Nobody is left to read it.
var errDead = errors.New("the process is dead")

// now is the process's own clock.
func (p *process) now() time.Time {
	return p.w.now.Add(p.skew).Truncate(time.Millisecond)
}

// start brings a process up.
func (w *world) start(name string, services []event.Service, skew time.Duration) {
	p := &process{w: w, name: name, services: services, alive: true, skew: skew,
		letters: make(map[event.Service]event.DeadLetters), queues: make(event.Queues)}
	p.log = slog.New(logged{p})
	for _, s := range event.Services {
		p.queues[s] = port{w.queues[s], p}
		p.letters[s] = letters{p, w.engine.DeadLetters[s]}
	}
	for _, s := range services {
		switch s {
		case event.Order:
			p.startOrders()
		case event.Inventory:
			p.inventory = &inventory.Service{Store: stock{p, w.engine.Inventory}}
			p.startWorker(s, p.inventory.Handle)
		case event.Payment:
			p.payments = &payment.Service{Store: payments{p, w.engine.Payments}}
			p.gateway = w.reachedBy(p)
			p.startWorker(s, p.payments.Handle)
		}
	}
	w.processes = append(w.processes, p)
}

func (p *process) startOrders() {
	w := p.w
	p.orders = &order.Service{Store: orders{p, w.engine.Orders}, Terms: w.terms}
	p.startWorker(event.Order, p.orders.Handle)
	s := &worker.Sweeper{
		Sweep: p.sweep, Recover: p.orders.Recover, Resync: p.orders.Resync,
		Queues: p.queues, Window: sweepWindow, Now: p.now, Log: p.log,
	}
	if !w.setup.together {
		s.Recover = p.orders.Resync // queues that outlive the process need no new start of every order
	}
	p.spawn(func() {
		for p.alive {
			s.Look(ctx)
			p.w.sleep(w.setup.sweepEvery)
		}
	})
	p.spawn(func() {
		for p.alive {
			p.w.sleep(time.Minute)
			s.Pull(ctx)
		}
	})
}

// sweep is the order service's, with eyes on what it asks.
func (p *process) sweep(ctx context.Context, now time.Time, limit int) ([]event.Event, error) {
	events, err := p.orders.Sweep(ctx, now, limit)
	p.w.swept(p, events)
	return events, err
}

// sweepWindow is small, so that the sweeper meets it.
const sweepWindow = 64

// ctx is that of everything in a world: time is up to the scheduler.
var ctx = context.Background()

func (p *process) spawn(f func()) {
	p.threads = append(p.threads, p.w.spawn(f))
}

// startWorker runs a worker's steps: turns, gateway calls each in a thread of its
// own, their answers in batches, and the heartbeat.
func (p *process) startWorker(s event.Service, handle handler) {
	w := p.w
	wk := &worker.Worker{
		Service: s, Queue: p.queues[s], DeadLetters: p.letters[s], Handle: p.watched(s, handle), Send: p.queues.Send,
		Now: p.now, Rand: w.rng.Float64, Log: p.log, Limits: w.limits(),
	}
	var answers []worker.Answered
	var applier *thread
	call := func(asked []worker.Asked) {
		for _, a := range asked {
			p.spawn(func() {
				if a.Call.Op == event.Void && w.strikes(CannotVoid) {
					w.hit(race(54))
				}
				answer, err := payment.Perform(ctx, p.gateway, a.Call)
				if answers = append(answers, a.Answer(answer, err)); applier.parked {
					w.wakeAt(applier, w.now)
				}
			})
		}
	}
	p.spawn(func() {
		for p.alive {
			asked, pause := wk.Turn(ctx)
			call(asked)
			w.sleep(pause)
		}
	})
	p.spawn(func() {
		for p.alive {
			if len(answers) == 0 {
				w.park()
				continue
			}
			batch := answers[:min(len(answers), wk.Limits.Batch)]
			answers = answers[len(batch):]
			call(wk.Apply(ctx, batch))
		}
	})
	applier = p.threads[len(p.threads)-1]
	p.spawn(func() {
		for p.alive {
			if q := w.queues[s]; q.idle() {
				q.beating = append(q.beating, w.current)
				w.park()
			}
			w.sleep(wk.Limits.Lease / 3)
			wk.Beat(ctx)
		}
	})
}

type handler func(context.Context, time.Time, []event.Event) ([]event.Result, error)

// limits are small, so that a world of few orders meets them.
func (w *world) limits() worker.Limits {
	l := worker.DefaultLimits
	l.Batch, l.Calls, l.Failures = w.setup.batch, w.setup.calls, w.setup.failures
	return l
}

// watched is a service's Handle with eyes on what it makes of each message.
func (p *process) watched(s event.Service, handle handler) handler {
	return func(ctx context.Context, now time.Time, batch []event.Event) ([]event.Result, error) {
		if err := p.point("before handling"); err != nil {
			return nil, err
		}
		defer p.w.inHand(batch)()
		found := p.w.watch(s, batch)
		results, err := handle(ctx, now, batch)
		if err != nil {
			return nil, err
		}
		p.w.handled(p, s, batch, found, results)
		return results, p.point("after handling")
	}
}

// point is a moment at which others may come first, and at which the process may
// stand still or die.
func (p *process) point(where string) error {
	w := p.w
	switch {
	case !p.alive:
		return errDead
	case w.strikes(Crash):
		w.crash(p, where)
		return errDead
	case w.strikes(Stall):
		d := w.between(time.Second, 2*time.Minute)
		w.note("", p.name, "stands still for %s %s", d, where)
		w.sleep(d)
	case w.chance(w.setup.switches):
		w.sleep(0)
	}
	if !p.alive {
		return errDead
	}
	return nil
}

// crash kills a process, and has another take its place after a while.
func (w *world) crash(p *process, where string) {
	w.note("", p.name, "CRASH %s", where)
	w.crashRaces(where)
	p.alive = false
	for _, t := range p.threads {
		w.kill(t)
	}
	w.processes = slices.DeleteFunc(w.processes, func(other *process) bool { return other == p })
	if w.setup.together {
		for _, s := range event.Services {
			w.queues[s].held = nil
		}
	}
	away := w.between(100*time.Millisecond, time.Hour)
	w.after(away, func() {
		w.note("", p.name, "starts again")
		if !w.faulty {
			p.skew = 0
		}
		w.start(p.name, p.services, p.skew)
	})
}

// reachedBy is the gateway as a process reaches it, with the adapter that its
// processor needs.
func (w *world) reachedBy(p *process) payment.Gateway {
	over := transport{p}
	switch {
	case w.setup.faults[CannotVoid] > 0:
		return gateway.VoidByCapture{Gateway: over}
	case w.setup.faults[ForgetsDecline] > 0:
		return gateway.FinalDeclines{Gateway: over}
	}
	return over
}

// logged is where a process's own log lines go: into the trace.
type logged struct{ p *process }

func (l logged) Enabled(context.Context, slog.Level) bool { return l.p.w.trace != nil && l.p.alive }
func (l logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l logged) WithGroup(string) slog.Handler            { return l }
func (l logged) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "stack" {
			text += " " + a.String()
		}
		return true
	})
	l.p.w.note("", l.p.name, "logs: %s", text)
	return nil
}
