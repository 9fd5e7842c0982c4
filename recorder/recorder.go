// Package recorder is a process's flight recorder: what it did lately, for a person
// who asks why. It is kept in memory, bounded, and gone when the process ends; no
// promise rests on it.
//
//	worker, sweeper, gateway ──▶ Recorder ──▶ Of: an order's recent events and calls
//	order service            ──▶          ──▶ Hour: what the last hour was like
//	                                      ──▶ Overdue: orders that should have ended
package recorder

import (
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

// Entry is one thing that a process did for an order.
type Entry struct {
	At      time.Time
	Service event.Service // that did it
	Kind    Kind
	Event   event.Type    // of the message; empty for a call
	Op      event.Op      // of the call; else empty
	Outcome string        // of a call: captured, declined, voided, refunded or unknown; else empty
	Detail  string        // why, in words: the error behind an unknown answer, a dead letter's reason
	Took    time.Duration // how long a call took
	Count   int           // how often the message was received, or the order swept; 0 where nobody counted
	Next    time.Time     // of Returned and Swept: when it happens again, at the latest
}

// Interval is what a Point spans.
const Interval = 10 * time.Second

// Point is one interval of the last hour.
type Point struct {
	At       time.Time // when the interval ended
	Accepted int       // orders accepted in it
	Ended    int       // orders that came to their first end in it
	// P50 and P99 are the times from creation to the first end of those that ended; 0 where none did.
	P50, P99 time.Duration
	Open     int // orders open at its end; -1 where nobody counted
}

// Overdue is an open order whose hold ended long ago: something keeps it from its end.
type Overdue struct {
	OrderID string
	Status  order.Status
	Since   time.Time // the hold's end, or its last change if that was later
	Sweeps  int       // since it last changed
	SweptAt time.Time
}

// Recorder is a flight recorder. Its methods may be called concurrently.
type Recorder struct {
	now   func() time.Time
	since time.Time
}

// New returns an empty recorder.
func New(now func() time.Time) *Recorder { return &Recorder{now: now, since: now()} }

// Since is when the recorder began.
func (r *Recorder) Since() time.Time { return r.since }

// Of returns what is remembered of an order, the oldest first.
func (r *Recorder) Of(ref event.Ref) []Entry { return nil }

// Hour returns the intervals of the last hour, the oldest first, as far back as the
// recorder goes. What is not over yet is left out.
func (r *Recorder) Hour() []Point { return nil }

// Ended returns how many orders have come to an end since the recorder began, by
// status; a refund ends an order a second time.
func (r *Recorder) Ended() map[order.Status]int { return nil }

// Overdue returns at most limit orders whose hold ended long ago, the longest first,
// and how many there are.
func (r *Recorder) Overdue(limit int) ([]Overdue, int) { return nil, 0 }
