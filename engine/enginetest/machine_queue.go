package enginetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/event"
)

// QueueSubject is a queue that RunQueueMachine plays.
type QueueSubject struct {
	// Open opens a fresh, empty queue, and has t close it.
	Open func(t *rapid.T) OpenedQueue
	// OneIn is as Subject's.
	OneIn int
}

// OpenedQueue is a queue as the processes have it that share it.
type OpenedQueue struct {
	Handles  []event.Queue // one a process
	Capacity int           // how many events it holds; 0: more than are ever sent
	// Reopen ends the process of a handle and begins another, and says whether that
	// one has the queue to itself, so that every lease and delay is void; nil: the
	// queue does not outlive its process.
	Reopen func(handle int) (q event.Queue, alone bool)
	// Advance lets the time of a queue behind a network pass; nil for the others.
	Advance func(time.Duration)
}

// RunQueueMachine makes random sequences of calls on a queue and holds each answer
// to a model of what event.Queue promises: what is ready, delayed or leased, how
// often it was received, and which receipts still count. What becomes ready at the
// same time may come in any order. The queue is opened and played in a
// testing/synctest bubble, as RunQueue's. It takes its share of rapid's checks as
// RunMachines does.
func RunQueueMachine(t *testing.T, subject QueueSubject) {
	shareChecks(t, subject.OneIn)
	rapid.Check(t, func(t *rapid.T) { rapid.SyncTest(t, subject.play) })
}

// RunRemoteQueueMachine is to RunQueueMachine what RunRemoteQueue is to RunQueue:
// what is ready may come in any order, and not at once.
func RunRemoteQueueMachine(t *testing.T, subject QueueSubject) {
	shareChecks(t, subject.OneIn)
	rapid.Check(t, subject.play)
}

func (s QueueSubject) play(t *rapid.T) { newQueueMachine(s.Open(t)).play(t) }

// queueMachine plays a queue.
type queueMachine struct {
	OpenedQueue
	handles []queue
	model   queueModel
	sent    int
	dropped []int64 // by each handle
}

func newQueueMachine(o OpenedQueue) *queueMachine {
	m := &queueMachine{OpenedQueue: o, dropped: make([]int64, len(o.Handles)), model: queueModel{ordered: o.Advance == nil}}
	for _, q := range o.Handles {
		m.handles = append(m.handles, m.handle(q))
	}
	return m
}

func (m *queueMachine) handle(q event.Queue) queue {
	if m.Advance != nil {
		return remoteQueue(q, m.Advance)
	}
	return embeddedQueue(q)
}

// play makes one sequence of calls, and in the end takes out all there is.
func (m *queueMachine) play(t *rapid.T) {
	actions := map[string]func(*rapid.T){
		"Send": m.send, "Send again": m.send, "Receive": m.receive, "Receive again": m.receive, "Ack": m.ack, "Retry": m.retry, "Extend": m.extend,
		"let time pass": m.wait, "Depth": m.depth, "under an ended context": m.ended,
	}
	if m.Reopen != nil {
		actions["end a process"] = m.endProcess
	}
	t.Repeat(actions)
	m.pass(longest)
	for len(m.model.ready()) > 0 {
		m.receiveFrom(t, m.handles[0], 1000, time.Hour)
	}
	m.depthOf(t, 0)
}

func (m *queueMachine) any(t *rapid.T) int {
	return rapid.IntRange(0, len(m.handles)-1).Draw(t, "process")
}

// send sends events that no queue has seen; one in four is a message that this
// build cannot read.
func (m *queueMachine) send(t *rapid.T) {
	i := m.any(t)
	var events []event.Event
	for range rapid.IntRange(0, 4).Draw(t, "events") {
		m.sent++
		e := message(m.sent)
		if rapid.IntRange(0, 3).Draw(t, "unread") == 3 {
			e = event.Decode(fmt.Appendf(nil, "message \x00\xff %d", m.sent))
		}
		events = append(events, e)
	}
	if err := m.handles[i].Send(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	room := len(events)
	if m.Capacity > 0 {
		room = min(room, m.Capacity-len(m.model.all))
	}
	m.model.send(events[:room])
	m.dropped[i] += int64(len(events) - room)
}

func (m *queueMachine) receive(t *rapid.T) {
	m.receiveFrom(t, m.handles[m.any(t)], limits.Draw(t, "limit"), leases.Draw(t, "lease"))
}

// leases are short against longest, and no sums of them fall together: time moves
// on by odd minutes.
var leases = rapid.Custom(func(t *rapid.T) time.Duration {
	return time.Duration(rapid.IntRange(1, 3).Draw(t, "hours")) * time.Hour
})

// longest is when every lease and delay is over.
const longest = 4 * time.Hour

func (m *queueMachine) receiveFrom(t *rapid.T, q queue, limit int, lease time.Duration) {
	ready := m.model.ready()
	bound := q.patience
	if len(ready) == 0 {
		bound = q.glance
	}
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	got, err := q.Receive(ctx, limit, lease)
	if err != nil || len(got) > limit || len(got) == 0 && len(ready) > 0 || m.model.ordered && len(got) != min(limit, len(ready)) {
		t.Fatalf("received %d events of %d that are ready, limit %d: %v", len(got), len(ready), limit, err)
	}
	if err := m.model.receive(got, lease); err != nil {
		t.Fatal(err)
	}
}

func (m *queueMachine) ack(t *rapid.T) {
	q, receipts := m.handles[m.any(t)], m.model.drawReceipts(t)
	if err := q.Ack(t.Context(), receipts...); err != nil {
		t.Fatal(err)
	}
	m.model.ack(receipts)
}

func (m *queueMachine) retry(t *rapid.T) {
	q := m.handles[m.any(t)]
	var returns []event.Return
	for _, r := range m.model.drawReceipts(t) {
		returns = append(returns, event.Return{Receipt: r, After: time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * time.Hour})
	}
	if err := q.Retry(t.Context(), returns...); err != nil {
		t.Fatal(err)
	}
	for _, r := range returns {
		m.model.retry(r)
	}
}

func (m *queueMachine) extend(t *rapid.T) {
	q, receipts, lease := m.handles[m.any(t)], m.model.drawReceipts(t), leases.Draw(t, "lease")
	if err := q.Extend(t.Context(), lease, receipts...); err != nil {
		t.Fatal(err)
	}
	m.model.extend(receipts, lease)
}

// wait lets time pass: some hours and a minute, so that no two leases that begin
// apart end together.
func (m *queueMachine) wait(t *rapid.T) {
	m.pass(time.Duration(rapid.IntRange(0, 3).Draw(t, "hours"))*time.Hour + time.Minute)
}

func (m *queueMachine) pass(d time.Duration) {
	m.handles[0].sleep(d)
	m.model.now += d
}

func (m *queueMachine) depth(t *rapid.T) { m.depthOf(t, m.any(t)) }

// depthOf compares what a process says of the queue. Behind a network what is
// delayed counts among what is in flight, and nothing is known of the rest.
func (m *queueMachine) depthOf(t *rapid.T, i int) {
	got, err := m.handles[i].Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := m.model.depth()
	if want.Dropped = m.dropped[i]; !m.model.ordered {
		want = event.Depth{Ready: want.Ready, InFlight: want.InFlight + want.Delayed}
		got = event.Depth{Ready: got.Ready, InFlight: got.InFlight + got.Delayed}
	}
	got.Oldest, want.Oldest = got.Oldest.Truncate(time.Minute), want.Oldest.Truncate(time.Minute)
	wantAlike(t, "depth", got, want)
}

// ended makes calls under a context that has ended.
func (m *queueMachine) ended(t *rapid.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q, receipts := m.handles[m.any(t)], m.model.drawReceipts(t)
	for name, err := range map[string]error{
		"Send": q.Send(ctx, messages(2)), "Ack": q.Ack(ctx, receipts...), "Extend": q.Extend(ctx, time.Hour, receipts...),
	} {
		if err == nil && (name == "Send" || len(receipts) > 0) {
			t.Fatalf("%s does not fail under a context that has ended", name)
		}
	}
	if got, err := q.Receive(ctx, 10, time.Hour); len(got) > 0 || err != nil {
		t.Fatalf("received %v, %v under a context that has ended", got, err)
	}
}

func (m *queueMachine) endProcess(t *rapid.T) {
	i := m.any(t)
	q, alone := m.Reopen(i)
	m.handles[i], m.dropped[i] = m.handle(q), 0
	if alone {
		m.model.void()
	}
}
