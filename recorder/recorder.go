// Package recorder is a process's flight recorder: what it did lately, for a person
// who asks why. It is kept in memory, bounded, and gone when the process ends; no
// promise rests on it.
//
//	worker, sweeper, gateway ──▶ Recorder ──▶ Of: an order's recent events and calls
//	order service            ──▶          ──▶ Hour: what the last hour was like
//	                                      ──▶ Overdue: orders that should have ended
//
// It takes 8 MB at most, less where fewer services run, and hardly any before there is
// something to remember.
package recorder

import (
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"holdfast/event"
	"holdfast/order"
)

// Kind is what happened.
type Kind string

// The kinds.
const (
	Received Kind = "received" // a message was taken from the queue and handled
	Called   Kind = "called"   // the gateway answered a call, or did not
	Returned Kind = "returned" // a message was given back, to come again at Entry.Next
	Dead     Kind = "dead"     // a message was dead-lettered
	Swept    Kind = "swept"    // the sweeper asked again, as it will at Entry.Next
)

// The Outcomes of calls that got no answer.
const (
	Unknown  = "unknown"   // the gateway was asked
	HeldBack = "held back" // it was not: a breaker is open
)

// Entry is one thing that a process did for an order.
type Entry struct {
	At      time.Time
	Service event.Service // that did it
	Kind    Kind
	Event   event.Type    // of the message; empty for a call, and for a type that this build does not know
	Op      event.Op      // of the call; else empty
	Outcome string        // of a call: captured, declined, voided, refunded, Unknown or HeldBack; else empty
	Detail  string        // why, in words: the error behind an unknown answer or a return, a dead letter's reason; empty where it is forgotten
	Took    time.Duration // how long a call took
	Count   int           // how often the message was received, or the order swept; 0 where nobody counted
	Next    time.Time     // of Returned and Swept: when it happens again, at the latest
}

// trouble reports whether an entry is of what should not happen, which is remembered
// for longer.
func (e Entry) trouble() bool {
	return e.Kind != Received && e.Kind != Called || e.Count > 1 || e.Outcome == Unknown || e.Outcome == HeldBack
}

// maxEntries is how many entries of an order Of returns: one that is tried once a
// minute would have thousands in a few days.
const maxEntries = 500

// Recorder is a flight recorder. Its methods may be called concurrently. A nil one
// may be told everything, and remembers nothing.
type Recorder struct {
	now      func() time.Time
	since    time.Time
	last     atomic.Int64 // what tick gave last
	journals map[event.Service]*journal
	texts    texts
	series   series
	overdue  overdue
}

// New returns an empty recorder.
func New(now func() time.Time) *Recorder {
	r := &Recorder{now: now, since: now(), journals: make(map[event.Service]*journal)}
	for _, s := range event.Services {
		r.journals[s] = &journal{}
	}
	r.series.begin(r.since)
	return r
}

// Since is when the recorder began.
func (r *Recorder) Since() time.Time { return r.since }

// tick is a time in Unix nanoseconds, or a little later: later than the one before,
// so that entries keep their order, since clocks may tell milliseconds only. If the
// clock has jumped back by more than a second, so does this.
func (r *Recorder) tick(now time.Time) int64 {
	for {
		last, at := r.last.Load(), now.UnixNano()
		if at <= last && last-at < int64(time.Second) {
			at = last + 1
		}
		if r.last.CompareAndSwap(last, at) {
			return at
		}
	}
}

// Received remembers the messages that a service is about to handle.
func (r *Recorder) Received(s event.Service, batch iter.Seq[*event.Delivery]) {
	if r == nil {
		return
	}
	j, at := r.journals[s], r.tick(r.now())
	j.mu.Lock()
	defer j.mu.Unlock()
	for d := range batch {
		j.add(d.Event.Number, record{at: at, what: whatReceived, of: code(types, d.Event.Type), count: counted(d.Count)}, d.Count > 1)
	}
}

// Note remembers what a process did for an order: now, if e does not say when.
func (r *Recorder) Note(ref event.Ref, e Entry) {
	if r == nil {
		return
	}
	if e.At.IsZero() {
		e.At = r.now()
	}
	e.At = time.Unix(0, r.tick(e.At))
	packed, j := pack(e, r.texts.put(e.Detail)), r.journals[e.Service]
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(ref.Number, packed, e.trouble())
}

// Of returns what is remembered of an order, the oldest first: its latest 500 entries
// at most. What went well is forgotten sooner than what did not, so there may be gaps.
func (r *Recorder) Of(ref event.Ref) []Entry {
	if ref.Number == 0 { // which messages that cannot be read have, too
		return nil
	}
	var all []Entry
	for _, s := range event.Services {
		for _, found := range r.journals[s].of(ref.Number) {
			e := found.unpack(r.texts.get(found.detail))
			e.Service = s
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return a.At.Compare(b.At) })
	return all[max(0, len(all)-maxEntries):]
}

// Changed hears of an order that was created or brought to another status.
func (r *Recorder) Changed(o order.Order) {
	if r == nil {
		return
	}
	r.overdue.forget(o.Number)
	r.series.count(o, r.now)
}

// Late hears of an open order, as the sweeper has just asked about it, that should
// have ended: its hold ended, or it last changed, at since.
func (r *Recorder) Late(o order.Order, since time.Time) {
	if r != nil {
		r.overdue.add(o, since, r.now())
	}
}

// Counted hears how many orders are open now.
func (r *Recorder) Counted(open int) {
	if r != nil {
		r.series.counted(open, r.now())
	}
}

// Looked is when Hour was last called; zero: never.
func (r *Recorder) Looked() time.Time {
	r.series.mu.Lock()
	defer r.series.mu.Unlock()
	return r.series.looked
}

// Hour returns the intervals of the last hour, the oldest first, as far back as the
// recorder goes. What is not over yet is left out.
func (r *Recorder) Hour() []Point { return r.series.hour(r.now()) }

// Ended returns how many orders have come to an end since the recorder began, by
// status; a refund ends an order a second time.
func (r *Recorder) Ended() map[order.Status]int { return r.series.byStatus() }

// Overdue returns at most limit orders whose hold ended long ago, the longest first,
// and how many there are: 4,096 of them are remembered, so it may be more where it is
// that many. An order is overdue from when the sweeper asks about it until it
// changes. One that the sweeper has not asked about again for twice the time that it
// meant to wait, and a minute, is left out: another process may have ended it.
func (r *Recorder) Overdue(limit int) ([]Overdue, int) { return r.overdue.list(limit, r.now()) }
