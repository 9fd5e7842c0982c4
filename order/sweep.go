package order

import (
	"context"
	"time"

	"holdfast/event"
)

// Terms are the times an order lives by.
type Terms struct {
	Hold    time.Duration // how long stock is held for an unpaid order, from its creation
	Silence time.Duration // how long an open order may stay silent before the sweeper asks again
}

// backoffDoublings bounds how far apart the sweeper's questions grow: to
// 2^backoffDoublings × Silence.
const backoffDoublings = 4

// MaxBackoff is the longest time between two sweeps of an open order.
func (t Terms) MaxBackoff() time.Duration { return t.Silence << backoffDoublings }

// due is when the sweeper is to look at the order next, after so many sweeps
// that changed nothing: the later the more there were, but at the hold's end
// whatever their number.
func (t Terms) due(o Order, now time.Time, attempts int) time.Time {
	return o.notPastHold(now.Add(t.Silence<<min(attempts, backoffDoublings)), now)
}

// Sweep takes at most limit of the open orders that have been silent too long,
// and returns for each the event that starts its step again; the chain heals
// behind it, whichever message was lost. It returns no events when none is due.
func (s *Service) Sweep(ctx context.Context, now time.Time, limit int) ([]event.Event, error) {
	orders, err := s.Store.Due(ctx, now, limit)
	if err != nil || len(orders) == 0 {
		return nil, err
	}
	events := make([]event.Event, len(orders))
	postponements := make([]Postponement, len(orders))
	for i, o := range orders {
		events[i] = o.request(o.sweep(now))
		postponements[i] = Postponement{Ref: o.Ref, From: o.Due, To: s.Terms.due(o, now, o.Attempts+1), Attempts: o.Attempts + 1}
	}
	if err = s.Store.Postpone(ctx, postponements); err == nil {
		s.silent(orders, postponements)
	}
	return events, err
}

// silent tells of orders that have been postponed.
func (s *Service) silent(orders []Order, postponements []Postponement) {
	if s.Silent == nil {
		return
	}
	for i, o := range orders {
		o.Due, o.Attempts = postponements[i].To, postponements[i].Attempts
		s.Silent(o)
	}
}

// sweep is the table's last column: what starts an open order's step again.
func (o Order) sweep(now time.Time) event.Type {
	switch o.Status {
	case Cancelling:
		return event.CancelRequestedClient
	case Refunding:
		return event.RefundRequested
	}
	if now.Before(o.HoldUntil) {
		return event.OrderPlaced
	}
	return event.CancelRequestedExpired
}

// Recover makes every open order due at once. It is called when the service
// starts, since what was in the queues may be lost.
func (s *Service) Recover(ctx context.Context, now time.Time) (int, error) {
	return s.Store.PullIn(ctx, now)
}

// Resync pulls in due times further ahead than any backoff can put them, as a
// clock that jumped back leaves them. It is called each minute.
func (s *Service) Resync(ctx context.Context, now time.Time) (int, error) {
	return s.Store.PullIn(ctx, now.Add(s.Terms.MaxBackoff()))
}
