package worker

import (
	"context"
	"log/slog"
	"time"

	"holdfast/event"
)

// sweepBatch is how many orders are asked about in one write.
const sweepBatch = 1024

// Sweeper has the order service ask again for the orders that have been silent
// too long. It is the one recovery there is: whatever was lost on the way, a
// message, a queue or a process, the chain heals behind its question.
type Sweeper struct {
	// Sweep, Recover and Resync are the order service's.
	Sweep   func(ctx context.Context, now time.Time, limit int) ([]event.Event, error)
	Recover func(ctx context.Context, now time.Time) (int, error)
	Resync  func(ctx context.Context, now time.Time) (int, error)
	Queues  event.Queues
	// Window is how many messages may wait in a queue before the sweeper holds
	// back: what it adds to a queue that is behind helps nobody.
	Window int
	Every  time.Duration // how often it looks
	Now    func() time.Time
	Log    *slog.Logger

	recovered bool // whether the open orders have been taken up
}

// Run sweeps until ctx ends, beginning with every open order at once. It is the
// waiting around the steps Look and Pull, which a scheduler of its own may take
// instead.
func (s *Sweeper) Run(ctx context.Context) {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	resync := time.NewTicker(time.Minute)
	defer resync.Stop()
	for {
		s.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-resync.C:
			s.Pull(ctx)
		}
	}
}

// Look takes up the open orders, if that has not been done yet, and sweeps.
func (s *Sweeper) Look(ctx context.Context) {
	if !s.recovered {
		s.recovered = s.recover(ctx)
	}
	if s.recovered {
		s.sweep(ctx)
	}
}

// Pull pulls in what is due later than any backoff can have put it.
func (s *Sweeper) Pull(ctx context.Context) {
	if _, err := s.Resync(ctx, s.Now()); err != nil {
		s.Log.Error("due times not checked against the clock; the next minute tries again", "error", err)
	}
}

func (s *Sweeper) recover(ctx context.Context) bool {
	n, err := s.Recover(ctx, s.Now())
	if err != nil {
		s.Log.Error("open orders not taken up yet; trying again", "error", err)
		return false
	}
	if n > 0 {
		s.Log.Info("taking up open orders", "count", n)
	}
	return true
}

// sweep asks about what is due until nothing is, or the queues are behind.
func (s *Sweeper) sweep(ctx context.Context) {
	for ctx.Err() == nil {
		room := s.room(ctx)
		if room <= 0 {
			return
		}
		events, err := s.Sweep(ctx, s.Now(), min(room, sweepBatch))
		if err == nil && len(events) > 0 {
			err = s.Queues.Send(ctx, events)
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Error("sweep failed; the next one tries again", "error", err)
		}
		if err != nil || len(events) == 0 {
			return
		}
		s.Log.Debug("silent orders asked about", "count", len(events))
	}
}

// room is how many more messages the fuller of the queues that the sweeper's
// questions go to should get.
func (s *Sweeper) room(ctx context.Context) int {
	room := s.Window
	for _, reader := range []event.Service{event.Inventory, event.Payment} {
		d, err := s.Queues[reader].Depth(ctx)
		if err != nil {
			s.Log.Error("queue cannot be read; not sweeping", "queue", reader, "error", err)
			return 0
		}
		room = min(room, s.Window-d.Ready)
	}
	return room
}
