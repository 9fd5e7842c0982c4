package system

import (
	"context"
	"time"

	"holdfast/event"
)

// moveBatch is how many messages are moved in one step, and moveLease how long a
// step may take.
const (
	moveBatch = 1024
	moveLease = time.Minute
)

// Move empties one queue into another, and returns how many messages that were.
// What this build cannot read goes to the dead letters at once: the other queue
// may be less durable, and the sweeper brings back only what it knows. A message
// that another reader holds is left.
func Move(ctx context.Context, from, to event.Queue, letters event.DeadLetters) (moved int, err error) {
	for {
		d, err := from.Depth(ctx)
		if err != nil || d.Ready == 0 {
			return moved, err
		}
		deliveries, err := from.Receive(ctx, moveBatch, moveLease)
		if err != nil || len(deliveries) == 0 {
			return moved, err
		}
		if err := handOver(ctx, deliveries, to, letters); err != nil {
			return moved, err
		}
		receipts := make([]string, len(deliveries))
		for i, d := range deliveries {
			receipts[i] = d.Receipt
		}
		if err := from.Ack(ctx, receipts...); err != nil {
			return moved, err
		}
		moved += len(deliveries)
	}
}

func handOver(ctx context.Context, deliveries []event.Delivery, to event.Queue, letters event.DeadLetters) error {
	var dead []event.DeadLetter
	var alive []event.Event
	for _, d := range deliveries {
		if reason := d.Event.Check(); reason != nil {
			dead = append(dead, d.Bury(reason, Now()))
		} else {
			alive = append(alive, d.Event)
		}
	}
	if len(dead) > 0 {
		if err := letters.Put(ctx, dead); err != nil {
			return err
		}
	}
	return to.Send(ctx, alive)
}
