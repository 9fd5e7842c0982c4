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
	lost      bool // whether queues have dropped messages since
	full      map[event.Service]full
}

// full is what a queue held when it dropped messages, and how many those were.
type full struct {
	held    int
	dropped int64
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

// Look takes up the open orders, if that has not been done yet, and sweeps. It takes
// them up again when the queues that have dropped messages have room for them.
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
		room, drained := s.room(ctx)
		if room <= 0 {
			return
		}
		if s.lost && drained {
			s.lost, s.recovered = false, false // what was dropped is as lost as what a restart forgets
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
// questions go to should get, and whether those that were full have drained.
func (s *Sweeper) room(ctx context.Context) (room int, drained bool) {
	room, drained = s.Window, true
	for _, reader := range []event.Service{event.Inventory, event.Payment} {
		d, err := s.Queues[reader].Depth(ctx)
		if err != nil {
			s.Log.Error("queue cannot be read; not sweeping", "queue", reader, "error", err)
			return 0, false
		}
		room = min(room, s.Window-d.Ready)
		drained = s.drained(reader, d) && drained
	}
	return room, drained
}

// drained notes what a queue has dropped, and tells whether it holds no more than
// half of what it did then, ready or not, and of what the sweeper may fill it to:
// sooner, what was dropped would only be dropped again.
func (s *Sweeper) drained(reader event.Service, d event.Depth) bool {
	held, f := d.Ready+d.Delayed+d.InFlight, s.full[reader]
	if d.Dropped > f.dropped {
		f = full{held: max(held, f.held), dropped: d.Dropped}
		if s.full == nil {
			s.full = make(map[event.Service]full)
		}
		s.full[reader], s.lost = f, true
	}
	return f.dropped == 0 || held <= min(f.held, s.Window)/2
}
