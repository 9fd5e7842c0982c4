package aws

import (
	"context"
	"fmt"
	"time"

	"holdfast/event"
)

// How a dead-letter queue is drained: so many messages at a time, each of which
// is the drain's for that long.
const (
	drainBatch = 100
	drainLease = time.Minute
)

// drainer brings what SQS itself gave up on, having handed it out as often as the
// queue's redrive policy allows, from a service's dead-letter queue into its dead
// letters.
type drainer struct {
	*core
	service event.Service
	letters event.DeadLetters
	died    func() // hears of each letter
	queue   *queue // nil until it has been found
}

// drain drains the service's dead-letter queue until ctx ends.
func (c *core) drain(ctx context.Context, s event.Service, letters event.DeadLetters, died func()) {
	d := &drainer{core: c, service: s, letters: letters, died: died}
	for failures := 0; ctx.Err() == nil; {
		err := d.step(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if failures++; failures == 1 {
				c.log.Error("dead-letter queue cannot be drained now; its messages wait", "queue", s, "error", err)
			}
			_ = c.pause(ctx, failures+1) // an error is ctx's end, which the loop sees
		case failures > 0:
			c.log.Info("dead-letter queue is drained again", "queue", s)
			failures = 0
		}
	}
}

// step waits for messages and buries them.
func (d *drainer) step(ctx context.Context) (err error) {
	if d.queue == nil {
		if d.queue, err = d.findQueue(ctx, d.named(string(d.service)+"-dlq")); err != nil {
			return err
		}
	}
	dead, err := d.queue.Receive(ctx, drainBatch, drainLease)
	if err != nil || len(dead) == 0 {
		return err
	}
	begun, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLease)
	defer cancel()
	return d.bury(begun, dead)
}

// bury writes the rows first and deletes the messages after: a crash between the
// two writes the same rows again.
func (d *drainer) bury(ctx context.Context, dead []event.Delivery) error {
	letters := make([]event.DeadLetter, len(dead))
	receipts := make([]string, len(dead))
	for i, m := range dead {
		m.Count-- // SQS counts on, and this receive was the drain's
		letters[i] = m.Bury(fmt.Errorf("received %d times without an end; it may have killed its worker", m.Count), d.now())
		receipts[i] = m.Receipt
	}
	if err := d.letters.Put(ctx, letters); err != nil {
		return fmt.Errorf("writing dead letters: %w", err)
	}
	for _, l := range letters {
		d.log.Error("message dead-lettered", "queue", d.service, "event_id", l.ID, "order_id", l.Event.OrderID, "reason", l.Reason)
		d.died()
	}
	return d.queue.Ack(ctx, receipts...)
}
