package event

import (
	"context"
	"time"
)

// Queue is one service's queue. It promises no more than an SQS standard queue:
// each event is delivered at least once, in any order, however late. Losing an
// event is allowed (the sweeper heals it), inventing one is not.
//
// All methods may be called concurrently. They fail with Unavailable when the
// queue cannot be used now. With a ctx that has ended they change nothing, and all
// but Receive fail.
type Queue interface {
	// Send adds the events. It never waits for room: a full queue drops what
	// does not fit, counts it, and reports success. It fails with Invalid, and
	// sends nothing, if the queue cannot carry one of the events, for its size; on
	// another error some of the events may have been sent. It keeps nothing of the
	// slice.
	Send(ctx context.Context, events []Event) error

	// Receive waits until at least one event is ready, or ctx ends, and returns
	// at most limit of them. Each is leased: no other Receive returns it until
	// lease has passed. It returns no events and no error when ctx ended. It may
	// outlast ctx's deadline by a request's time rather than lose what is on its
	// way; of what was on its way when ctx was cancelled, the lease lapses.
	//
	// A queue within one machine returns the longest-waiting first.
	Receive(ctx context.Context, limit int, lease time.Duration) ([]Delivery, error)

	// Ack removes the deliveries for good. A receipt whose lease has lapsed and
	// whose event was received again is no error and as a rule changes nothing; an
	// SQS standard queue may remove the event all the same, which harms nobody: the
	// late worker had finished it
	// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html).
	Ack(ctx context.Context, receipts ...string) error

	// Retry gives deliveries back: each is ready again after its delay, which SQS
	// rounds up to whole seconds, 12 hours at most. A stale receipt changes nothing
	// and is no error.
	Retry(ctx context.Context, returns ...Return) error

	// Extend makes the leases last that long from now. A stale receipt changes
	// nothing and is no error. SQS ends a lease 12 hours after the receive, however
	// often it was extended.
	Extend(ctx context.Context, lease time.Duration, receipts ...string) error

	// Depth counts what the queue holds. What SQS says is approximate, and right
	// about a minute after the last message came or went
	// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html).
	Depth(ctx context.Context) (Depth, error)
}

// Delivery is an event as received.
type Delivery struct {
	Event   Event
	Receipt string // names this delivery, not the event: a later receive of the same event has another
	Count   int    // how many times this event has been received, this time included
}

// Return gives one delivery back to its queue.
type Return struct {
	Receipt string
	After   time.Duration // how long it stays away
}

// UnknownAge is a Depth's Oldest where the queue cannot tell.
const UnknownAge time.Duration = -1

// Depth is what a queue holds.
type Depth struct {
	Ready    int           // waiting to be received now
	Delayed  int           // given back, to be ready later; SQS counts it among InFlight
	InFlight int           // received and neither acknowledged nor given back
	Oldest   time.Duration // how long the oldest event has been here, in flight or not; or UnknownAge
	Dropped  int64         // events that this process has dropped since its start because the queue was full
}

// Queues are the queues by the service that reads them.
type Queues map[Service]Queue

// Send sends each event to the queue of the service that reads it. It fails with
// UnknownEvent, and sends nothing, if an event has no reader; on another error
// some of the events may have been sent.
func (q Queues) Send(ctx context.Context, events []Event) error {
	counts := make(map[Service]int, len(Services))
	for i := range events {
		reader, ok := events[i].Type.Reader()
		if !ok {
			return Errorf(UnknownEvent, "no service reads events of type %q", events[i].Type)
		}
		counts[reader]++
	}
	for _, reader := range Services { // in an order of its own, so that a replay does not differ
		if counts[reader] == 0 {
			continue
		}
		if err := q[reader].Send(ctx, readBy(reader, events, counts[reader])); err != nil {
			return err
		}
	}
	return nil
}

// readBy are those events that one service reads, of which there are n.
func readBy(reader Service, events []Event, n int) []Event {
	if n == len(events) {
		return events
	}
	group := make([]Event, 0, n)
	for i := range events {
		if r, _ := events[i].Type.Reader(); r == reader {
			group = append(group, events[i])
		}
	}
	return group
}

// DeadLetter is an event that its reader could not handle.
type DeadLetter struct {
	ID     string // the event's id
	Event  Event
	Reason string
	Count  int // how often the event was received before it was given up
	DeadAt time.Time
}

// Bury makes a dead letter of a delivery that could not be handled for the reason
// given.
func (d Delivery) Bury(reason error, at time.Time) DeadLetter {
	return DeadLetter{ID: d.Event.ID(), Event: d.Event, Reason: reason.Error(), Count: d.Count, DeadAt: at}
}

// DeadLetters is where a service keeps the events that it could not handle:
// rows in its own store, written before the event is acknowledged.
//
// All methods may be called concurrently and fail with Unavailable when the
// store cannot be used now.
type DeadLetters interface {
	// Put stores the letters durably, one row an event id: a letter whose id is
	// there already takes the place of the older one.
	Put(ctx context.Context, letters []DeadLetter) error

	// List returns at most limit letters in ascending order of id, those after
	// the id given (empty: from the first).
	List(ctx context.Context, after string, limit int) ([]DeadLetter, error)

	// Get returns the letter with this id, or NotFound.
	Get(ctx context.Context, id string) (DeadLetter, error)

	// Delete removes for good each letter that is still there as given, with the
	// same DeadAt, and returns how many those were. To redrive letters, send their
	// events first, then delete them: a crash between the two leaves both, an event
	// handled twice changes nothing, and one that died again meanwhile is kept.
	Delete(ctx context.Context, letters []DeadLetter) (int, error)

	// Count is how many letters there are.
	Count(ctx context.Context) (int, error)
}
