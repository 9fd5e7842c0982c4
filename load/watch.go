package load

import (
	"context"
	"time"
)

// Sample is what happened in one second or so of a load.
type Sample struct {
	At        float64 `json:"at_s"` // since the first order was due, at the end of the second
	Offered   float64 `json:"offered_per_s"`
	Accepted  float64 `json:"accepted_per_s"`
	Completed float64 `json:"completed_per_s"`
	P50Ms     float64 `json:"p50_ms"` // of the 202
	P99Ms     float64 `json:"p99_ms"`
	P999Ms    float64 `json:"p999_ms"`
	Open      int     `json:"open"` // orders accepted and not ended
	Order     int     `json:"order_queue"`
	Inventory int     `json:"inventory_queue"`
	Payment   int     `json:"payment_queue"`

	Doing string `json:"-"` // what the load does now, for a person
}

const second = time.Second

// watcher takes samples while a schedule is worked off.
type watcher struct {
	*run
	s       *schedule
	lately  *tally
	last    time.Time
	offered int64

	// The last look that succeeded, and what it told.
	seen       figures
	looked     time.Time
	completing float64 // orders completed a second since the look before
}

// watch takes a sample each second until ctx ends, and has each reported.
func (w *watcher) watch(ctx context.Context) {
	tick := time.NewTicker(second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.sample(ctx)
		}
	}
}

// sample collects what was counted since the last.
func (w *watcher) sample(ctx context.Context) {
	w.count.collect(w.lately)
	now := time.Now()
	took := now.Sub(w.last).Seconds()
	offered := w.orders(w.s.arrived(now))
	s := Sample{
		At: now.Sub(w.s.start).Seconds(), Offered: float64(offered-w.offered) / took, Accepted: float64(w.lately.accepted) / took,
		P50Ms: w.lately.ms(accepted, 50), P99Ms: w.lately.ms(accepted, 99), P999Ms: w.lately.ms(accepted, 99.9), Doing: w.now,
	}
	w.last, w.offered = now, offered
	if w.LookEvery > 0 && now.Sub(w.looked) >= w.LookEvery-second/2 {
		w.lookNow(ctx, now)
	}
	s.Completed, s.Open = w.completing, max(0, w.seen.accepted-w.seen.ended)
	s.Order, s.Inventory, s.Payment = w.seen.queued["order"], w.seen.queued["inventory"], w.seen.queued["payment"]
	w.samples = append(w.samples, s)
	if w.Progress != nil {
		w.Progress(s)
	}
}

// lookNow reads the server's figures. Where it cannot, what was last read stands.
func (w *watcher) lookNow(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, second)
	defer cancel()
	f, err := w.look(ctx)
	if err != nil {
		return
	}
	w.completing = float64(f.completed-w.seen.completed) / now.Sub(w.looked).Seconds()
	w.seen, w.looked = f, now
}
