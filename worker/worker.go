// Package worker carries messages to a service and carries out what the service
// makes of them: the goroutines, the waiting, the clock and the chance that the
// services themselves do without.
//
//	queue ─receive─▶ handle ─▶ send events ─▶ ack
//	                   ▲  │ asks for a call
//	             answer│  ▼
//	                  gateway        (many at a time, each under its deadline)
//
// A message is acknowledged only when all that it led to is done: the write
// durable, the events sent, the gateway's answer applied.
package worker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"holdfast/event"
)

// Worker serves one queue. All fields but Call, Received, Returned and Died must be set.
type Worker struct {
	Service     event.Service
	Queue       event.Queue
	DeadLetters event.DeadLetters
	// Handle is the service. It keeps nothing of the batch.
	Handle func(ctx context.Context, now time.Time, batch []event.Event) ([]event.Result, error)
	// Send takes the events that follow to the queues of their readers. It keeps
	// nothing of the slice.
	Send func(ctx context.Context, events []event.Event) error
	// Call asks the gateway, and returns the event that brings the answer to
	// Handle, with the error behind an unknown one. Nil for a service that asks
	// for no calls.
	Call   func(ctx context.Context, call event.Call) (event.Event, error)
	Now    func() time.Time
	Rand   func() float64 // uniform in [0, 1)
	Log    *slog.Logger
	Limits Limits
	// Received, if set, hears of the messages of a turn that are for this worker, before
	// they are handled. It must not block, and keeps none of them.
	Received func(now time.Time, batch iter.Seq[*event.Delivery])
	// Returned, if set, hears of each message that is given back, for how long, and why.
	// It must not block, and does not keep the message.
	Returned func(d *event.Delivery, after time.Duration, why error)
	// Died, if set, hears of each message that was dead-lettered. It must not block.
	Died func(event.DeadLetter)

	failures failures
	outage   int            // turns in a row that an outage spoilt
	calls    sync.WaitGroup // the messages that hold a slot
	slots    slots
	answers  chan Answered // of Limits.Calls, so that a call never waits to answer
	held     held
	turn     desk // where Turn works
	applying desk // where Apply works, beside it
}

// desk is what is used again for each batch: made anew each time it would be most
// of what an order allocates.
type desk struct {
	tasks  []task
	inHand []*task
	batch  []event.Event // what Handle gets
	send   []event.Event
	from   []int // whose events those are
	done   []*task
}

// clear lets go of the messages of the batch that is done.
func (d *desk) clear() {
	clear(d.tasks)
	clear(d.inHand)
	clear(d.batch)
	clear(d.send)
	clear(d.done)
}

// Limits bound a worker.
type Limits struct {
	Batch       int           // messages handled in one write
	Lease       time.Duration // how long a received message is ours
	Calls       int           // gateway calls in flight
	CallTimeout time.Duration // deadline of one call
	Failures    int           // failures of its own after which a message is dead
	BackoffBase time.Duration // of the first retry; doubles with each
	BackoffCap  time.Duration // the longest wait between two retries
	Grace       time.Duration // how long calls in flight may go on once the worker is told to stop
}

// DefaultLimits suit one machine.
var DefaultLimits = Limits{
	Batch:       1024,
	Lease:       30 * time.Second,
	Calls:       4096,
	CallTimeout: 10 * time.Second,
	Failures:    10,
	BackoffBase: 100 * time.Millisecond,
	BackoffCap:  time.Minute,
	Grace:       4 * time.Second,
}

// task is a message on its way through the worker.
type task struct {
	delivery event.Delivery
	answer   *event.Event // the gateway's, to be handled in the message's stead; nil until there is one
	cause    error        // behind an unknown answer, or why else the message is given back
	slot     bool         // holds a slot for calls
	finished bool         // no longer held, though its turn goes on
}

// event is what is to be handled on the message's behalf.
func (t *task) event() *event.Event {
	if t.answer != nil {
		return t.answer
	}
	return &t.delivery.Event
}

// Run serves the queue until ctx ends. It then receives no more, finishes what
// it has, gives back what it cannot finish within the grace, and returns. It is
// the goroutines and the waiting around the steps Turn, Apply and Beat, which a
// scheduler of its own may take instead.
func (w *Worker) Run(ctx context.Context) {
	w.answers = make(chan Answered, w.Limits.Calls)
	work := context.WithoutCancel(ctx) // what was begun is finished
	calls, abandon := context.WithCancel(work)
	defer abandon()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(w.Limits.Grace, abandon) })()

	var serving sync.WaitGroup
	serving.Go(func() { w.applyAnswers(work, calls) })
	beat, stop := context.WithCancel(work)
	serving.Go(func() { w.heartbeat(beat) })

	for ctx.Err() == nil {
		asked, pause := w.Turn(ctx)
		w.call(calls, asked)
		if pause > 0 {
			sleep(ctx, pause)
		}
	}
	w.calls.Wait()
	close(w.answers)
	stop()
	serving.Wait()
}

// longestOutagePause bounds how long after the end of an outage work goes on.
const longestOutagePause = 5 * time.Second

// Turn receives a batch of messages, waiting for one until ctx ends, and takes
// each as far as it can without the gateway. It returns the calls to make, and how
// long to wait before the next turn: while a store or a queue is out the longer the
// longer that lasts. Then it tries one message at a time whether it is over: each
// receive brings a message nearer to its dead-letter queue, where the queue has one
// of its own. Two turns must not run at once.
func (w *Worker) Turn(ctx context.Context) (asked []Asked, pause time.Duration) {
	limit := w.Limits.Batch
	if w.outage > 0 {
		limit = 1
	}
	deliveries, err := w.Queue.Receive(ctx, limit, w.Limits.Lease)
	w.turn.take(deliveries)
	w.held.begin(w.Now(), w.turn.tasks)
	if len(deliveries) > 0 {
		work := context.WithoutCancel(ctx)
		w.sort(work)
		asked, err = w.process(work, &w.turn)
	}
	w.held.end(asked)
	w.turn.clear() // not before, since a heartbeat looks at what is held
	switch {
	case err != nil:
		if w.outage++; w.outage == 1 {
			w.Log.Error("service cannot work now; its messages wait", "service", w.Service, "error", err)
		}
		pause = min(w.backoff(w.outage), longestOutagePause)
	case w.outage > 0 && len(deliveries) > 0:
		w.Log.Info("service works again", "service", w.Service)
		w.outage = 0
	}
	return asked, pause
}

// take puts deliveries on the desk.
func (d *desk) take(deliveries []event.Delivery) {
	d.tasks = d.tasks[:0]
	for _, delivery := range deliveries {
		d.tasks = append(d.tasks, task{delivery: delivery})
	}
}

// sort takes in hand what is to be handled. What this build cannot read, or is in the
// wrong queue, or of a type that no queue carries (a gateway's answer, a client's
// request), is buried: a table would take it for what it says.
func (w *Worker) sort(ctx context.Context) {
	d, now := &w.turn, w.Now()
	d.inHand = d.inHand[:0]
	var dead []death
	for i := range d.tasks {
		t := &d.tasks[i]
		if err := w.misplaced(&t.delivery.Event); err != nil {
			dead = append(dead, death{t, err})
			continue
		}
		d.inHand = append(d.inHand, t)
	}
	if w.Received != nil {
		w.Received(now, d.received)
	}
	w.bury(ctx, dead)
}

// received are the messages that are in hand.
func (d *desk) received(yield func(*event.Delivery) bool) {
	for _, t := range d.inHand {
		if !yield(&t.delivery) {
			return
		}
	}
}

// misplaced tells why an event is not for this worker: nil if it is.
func (w *Worker) misplaced(e *event.Event) error {
	if err := e.Check(); err != nil {
		return err
	}
	if reader, _ := e.Type.Reader(); reader != w.Service {
		return event.Errorf(event.UnknownEvent, "the %s queue carries no events of type %q", w.Service, e.Type)
	}
	return nil
}

// process handles what is in hand and finishes each of its messages but those that
// have to ask the gateway first, which it returns. It returns also the outage, of a
// store or a queue, that kept it from some of them.
func (w *Worker) process(work context.Context, d *desk) (asked []Asked, outage error) {
	results, errs := w.handle(work, d)
	w.send(work, d, results, errs)
	d.done = d.done[:0]
	var again []*task
	var dead []death
	for i, t := range d.inHand {
		r, err := &results[i], errs[i]
		if errors.Is(err, event.Unavailable) {
			outage = err
		}
		if err == nil && r.Retry {
			err = unanswered{t.cause}
		}
		switch {
		case err != nil:
			if own := w.failures.count(t.delivery.Event.ID(), err); own >= w.Limits.Failures {
				dead = append(dead, death{t, fmt.Errorf("failed %d times, at last with: %w", own, err)})
			} else {
				t.cause = err
				again = append(again, t)
			}
		case r.Dead != nil:
			dead = append(dead, death{t, r.Dead})
		case r.Call.Op == "":
			d.done = append(d.done, t)
		case w.slot(t):
			asked = append(asked, Asked{Call: r.Call, task: t.kept()})
		default:
			t.cause = errNoSlot
			again = append(again, t) // the others need not wait
		}
	}
	w.bury(work, dead)
	w.ack(work, d.done)
	w.retry(work, again...)
	return asked, outage
}

// kept is a task that outlives its batch.
func (t *task) kept() *task {
	own := *t
	return &own
}

// send sends the events that follow, and adds to errs, for the message of each,
// what kept it from being sent: a repeat of the message sends it again. If that is
// no outage, each is sent alone, so that only the message of the one that cannot be
// sent is blamed.
func (w *Worker) send(ctx context.Context, d *desk, results []event.Result, errs []error) {
	events, from := d.send[:0], d.from[:0]
	for i := range results {
		if errs[i] == nil && results[i].Send.Type != "" {
			events = append(events, results[i].Send)
			from = append(from, i)
		}
	}
	if d.send, d.from = events, from; len(events) == 0 {
		return
	}
	err := w.Send(ctx, events)
	for n, i := range from {
		errs[i] = err
		if err != nil && len(events) > 1 && !errors.Is(err, event.Unavailable) {
			errs[i] = w.Send(ctx, events[n:n+1])
		}
	}
}

// ack acknowledges messages that are done with.
func (w *Worker) ack(ctx context.Context, done []*task) {
	if len(done) == 0 {
		return
	}
	receipts := make([]string, len(done))
	for i, t := range done {
		w.free(t)
		receipts[i] = t.delivery.Receipt
	}
	w.failures.forget(done)
	w.held.remove(done)
	if err := w.Queue.Ack(ctx, receipts...); err != nil {
		w.Log.Error("messages could not be acknowledged; they will come again", "queue", w.Service, "count", len(done), "error", err)
	}
}

// handle takes what is in hand to the service. If the service fails on it for
// another reason than an outage, each message is tried alone, so that a poisonous
// one does not hold up the others.
func (w *Worker) handle(ctx context.Context, d *desk) ([]event.Result, []error) {
	d.batch = d.batch[:0]
	for _, t := range d.inHand {
		d.batch = append(d.batch, *t.event())
	}
	batch, errs := d.batch, make([]error, len(d.batch))
	results, err := w.try(ctx, batch)
	if err == nil {
		return results, errs
	}
	results = make([]event.Result, len(batch))
	for i := range batch {
		errs[i] = err
		if len(batch) > 1 && !errors.Is(err, event.Unavailable) {
			var alone []event.Result
			if alone, errs[i] = w.try(ctx, batch[i:i+1]); errs[i] == nil {
				results[i] = alone[0]
			}
		}
	}
	return results, errs
}

// try calls the service, and turns a panic into an error.
func (w *Worker) try(ctx context.Context, batch []event.Event) (results []event.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.Log.Error("service panicked", "service", w.Service, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the %s service panicked: %v", w.Service, p)
		}
	}()
	return w.Handle(ctx, w.Now(), batch)
}

// death is a message that can never be handled, and why.
type death struct {
	*task
	reason error
}

// retry returns messages to their queue, to come again later.
func (w *Worker) retry(ctx context.Context, tasks ...*task) {
	if len(tasks) == 0 {
		return
	}
	returns := make([]event.Return, len(tasks))
	receipts := make([]string, len(tasks))
	for i, t := range tasks {
		defer w.free(t)
		receipts[i] = t.delivery.Receipt
		returns[i] = event.Return{Receipt: t.delivery.Receipt, After: w.backoff(t.delivery.Count)}
		if w.Returned != nil {
			w.Returned(&t.delivery, returns[i].After, t.cause)
		}
	}
	w.held.remove(tasks)
	if err := w.Queue.Retry(ctx, returns...); err != nil {
		w.Log.Error("messages could not be given back; their leases will lapse", "queue", w.Service, "count", len(tasks), "error", err)
	}
}

// bury writes messages to the dead letters, then acknowledges them.
func (w *Worker) bury(ctx context.Context, dead []death) {
	if len(dead) == 0 {
		return
	}
	letters := make([]event.DeadLetter, len(dead))
	tasks := make([]*task, len(dead))
	for i, d := range dead {
		letters[i] = d.delivery.Bury(d.reason, w.Now())
		tasks[i] = d.task
	}
	if err := w.DeadLetters.Put(ctx, letters); err != nil {
		w.Log.Error("dead letters not stored; the messages will come again", "queue", w.Service, "count", len(letters), "error", err)
		for _, t := range tasks {
			t.cause = err
		}
		w.retry(ctx, tasks...)
		return
	}
	for _, l := range letters {
		w.Log.Error("message dead-lettered", "queue", w.Service, "event_id", l.ID, "order_id", l.Event.OrderID, "reason", l.Reason)
		if w.Died != nil {
			w.Died(l)
		}
	}
	w.ack(ctx, tasks)
}

// backoff is exponential with full jitter: uniform between nothing and
// BackoffBase × 2^(n-1), at most BackoffCap
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
func (w *Worker) backoff(n int) time.Duration {
	ceiling := w.Limits.BackoffCap
	if doublings := n - 1; doublings < 30 {
		ceiling = min(ceiling, w.Limits.BackoffBase<<max(doublings, 0))
	}
	return time.Duration(w.Rand() * float64(ceiling))
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
