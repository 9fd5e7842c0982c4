package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"holdfast/event"
)

// Asked is a gateway call that a message has asked for. The message waits for its
// answer, which may come once.
type Asked struct {
	Call event.Call
	task *task
}

// Answered is a message with the gateway's answer to its call.
type Answered struct{ *task }

// Answer brings an answer to its message: the event for the service, with the
// error behind an unknown one.
func (a Asked) Answer(answer event.Event, cause error) Answered {
	a.task.answer, a.task.cause = &answer, cause
	return Answered{a.task}
}

// Apply handles answers, and returns the calls to make next. It may run beside a
// Turn, but not beside itself.
func (w *Worker) Apply(ctx context.Context, answers []Answered) []Asked {
	d := &w.applying
	d.inHand = d.inHand[:0]
	for _, a := range answers {
		if d.inHand = append(d.inHand, a.task); a.cause == nil {
			w.failures.answered()
		}
	}
	asked, _ := w.process(ctx, d)
	d.clear()
	return asked
}

// call makes gateway calls, each in a goroutine of its own, and hands the answers
// to applyAnswers. Calls that begin together share one deadline.
func (w *Worker) call(calls context.Context, asked []Asked) {
	if len(asked) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(calls, w.Limits.CallTimeout)
	var underWay sync.WaitGroup
	for _, a := range asked {
		underWay.Go(func() { w.answers <- a.Answer(w.ask(ctx, a.Call)) })
	}
	go func() { underWay.Wait(); cancel() }()
}

// applyAnswers applies the answers as they come, in batches.
func (w *Worker) applyAnswers(work, calls context.Context) {
	var batch []Answered
	for first := range w.answers {
		batch = append(batch[:0], first)
		for len(batch) < w.Limits.Batch && len(w.answers) > 0 {
			batch = append(batch, <-w.answers)
		}
		w.call(calls, w.Apply(work, batch))
	}
}

// ask makes the call, and turns a panic into an unknown answer.
func (w *Worker) ask(ctx context.Context, c event.Call) (answer event.Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.Log.Error("gateway panicked", "operation", c.Op, "order_id", c.OrderID, "panic", p, "stack", string(debug.Stack()))
			answer = event.Event{Type: event.GatewayUnknown, Version: event.Version, Ref: c.Ref}
			err = fmt.Errorf("the gateway panicked: %v", p)
		}
	}()
	return w.Call(ctx, c)
}

// slots counts the messages with a call in flight.
type slots struct {
	mu    sync.Mutex
	taken int
}

// errNoSlot is why a message is given back when as many calls are in flight as may be.
var errNoSlot = errors.New("too many gateway calls are in flight")

// slot gets the message a slot for calls, if one is free. One that already has a
// slot keeps it for its next call, so answers never wait for one.
func (w *Worker) slot(t *task) bool {
	if t.slot {
		return true
	}
	w.slots.mu.Lock()
	defer w.slots.mu.Unlock()
	if w.slots.taken == w.Limits.Calls {
		return false
	}
	w.slots.taken++
	w.calls.Add(1)
	t.slot = true
	return true
}

// free gives back what the message holds beside its lease.
func (w *Worker) free(t *task) {
	if !t.slot {
		return
	}
	w.slots.mu.Lock()
	w.slots.taken--
	w.slots.mu.Unlock()
	w.calls.Done()
}

// heartbeat beats three times in a lease.
func (w *Worker) heartbeat(ctx context.Context) {
	tick := time.NewTicker(w.Limits.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.Beat(ctx)
		}
	}
}

// Beat extends the leases of the messages that have been here for some time: a
// gateway is slow, or a store that is tried again and again.
func (w *Worker) Beat(ctx context.Context) {
	receipts := w.held.since(w.Now().Add(-w.Limits.Lease / 6))
	if len(receipts) == 0 {
		return
	}
	if err := w.Queue.Extend(ctx, w.Limits.Lease, receipts...); err != nil {
		w.Log.Error("leases could not be extended; messages may come twice", "queue", w.Service, "count", len(receipts), "error", err)
	}
}

// held are the messages that the worker has, and since when: those of the turn,
// most of which are done when it is, and those that wait for the gateway.
type held struct {
	mu      sync.Mutex
	turn    []task
	began   time.Time            // the turn
	waiting map[string]time.Time // by receipt
}

// begin notes the messages of a turn.
func (h *held) begin(now time.Time, turn []task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turn, h.began = turn, now
}

// end keeps of the turn's messages those that wait for the gateway.
func (h *held) end(asked []Asked) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting == nil {
		h.waiting = make(map[string]time.Time)
	}
	for _, a := range asked {
		h.waiting[a.task.delivery.Receipt] = h.began
	}
	h.turn = nil
}

func (h *held) remove(tasks []*task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range tasks {
		t.finished = true
		if len(h.waiting) > 0 {
			delete(h.waiting, t.delivery.Receipt)
		}
	}
}

// since are the receipts of those that came no later than the time given.
func (h *held) since(at time.Time) (receipts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.began.After(at) {
		for i := range h.turn { // not by copies: the worker may be at the rest of a task
			if t := &h.turn[i]; !t.finished {
				receipts = append(receipts, t.delivery.Receipt)
			}
		}
	}
	for r, came := range h.waiting {
		if !came.After(at) {
			receipts = append(receipts, r)
		}
	}
	return receipts
}

// maxFailing bounds how many failing messages are remembered. Past it the count
// of one of them starts anew, which only gives that one more tries.
const maxFailing = 100_000

// failures counts how often each message failed by its own fault. An outage is
// nobody's fault, however often it makes a message come again; and an unknown
// answer is the message's own only if the gateway has answered another since.
type failures struct {
	mu      sync.Mutex
	byID    map[string]failing
	answers int
}

// unanswered is the cause of an unknown answer from the gateway.
type unanswered struct{ error }

// Unwrap returns what the gateway said.
func (u unanswered) Unwrap() error { return u.error }

type failing struct {
	count   int
	answers int // that the gateway had given when it failed last
}

// answered notes that the gateway gave an answer.
func (f *failures) answered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers++
}

// count notes a failure and returns how many the message has of its own.
func (f *failures) count(id string, cause error) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, known := f.byID[id]
	_, gateway := cause.(unanswered)
	silent := gateway && known && m.answers == f.answers
	if silent || errors.Is(cause, event.Unavailable) || errors.Is(cause, context.Canceled) {
		return m.count
	}
	f.makeRoom()
	f.byID[id] = failing{count: m.count + 1, answers: f.answers}
	return m.count + 1
}

func (f *failures) makeRoom() {
	if f.byID == nil {
		f.byID = make(map[string]failing)
	}
	for id := range f.byID {
		if len(f.byID) < maxFailing {
			return
		}
		delete(f.byID, id)
	}
}

// forget drops the counts of messages that are done.
func (f *failures) forget(done []*task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.byID) == 0 {
		return
	}
	for _, t := range done {
		delete(f.byID, t.delivery.Event.ID())
	}
}
