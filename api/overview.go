package api

import (
	"cmp"
	"context"
	"sync"
	"time"

	wire "holdfast/api/client"
	"holdfast/order"
	"holdfast/recorder"
)

const (
	recount    = time.Second // unless Config says otherwise
	maxOverdue = 100         // overdue orders that are named
)

// tally is the last count of the orders. However many pages are open, they are
// counted once for all.
type tally struct {
	mu    sync.Mutex
	count *order.Tally // nil: they could not be counted
	at    time.Time    // zero: never
}

// counted is how many orders there are, as of a recount ago at the latest; nil where
// they cannot be counted now.
func (a *API) counted(ctx context.Context) *order.Tally {
	t := &a.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.at.IsZero() && a.config.Now().Sub(t.at).Abs() < cmp.Or(a.config.Recount, recount) {
		return t.count
	}
	// Whoever asked first may leave: the others wait for the same count.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), figureTime)
	defer cancel()
	count, err := a.config.Orders.Store.Tally(bounded)
	t.count, t.at = &count, a.config.Now()
	if err != nil {
		t.count = nil
		a.config.Log.WarnContext(ctx, "the orders cannot be counted", "error", err)
	}
	return t.count
}

type overviewOutput struct{ Body wire.Overview }

func (a *API) overview(ctx context.Context, _ *struct{}) (*overviewOutput, error) {
	r := a.config.Recorder
	out := &overviewOutput{wire.Overview{
		Now: a.now(), Since: r.Since(), Engine: a.config.Engine, Version: a.config.Version,
		EndedSince: byStatus(r.Ended()), IntervalSeconds: int(recorder.Interval / time.Second),
	}}
	if t := a.counted(ctx); t != nil {
		out.Body.Open = &t.Open
		if t.ByStatus != nil {
			out.Body.ByStatus = byStatus(t.ByStatus)
			for _, s := range order.Statuses {
				out.Body.ByStatus[string(s)] += 0 // a status that no order is in is named too
			}
		}
	}
	for _, p := range r.Hour() {
		out.Body.Points = append(out.Body.Points, wirePoint(p))
	}
	overdue, n := r.Overdue(maxOverdue)
	out.Body.OverdueCount = n
	for _, o := range overdue {
		out.Body.Overdue = append(out.Body.Overdue, wire.Overdue{
			OrderID: o.OrderID, Status: string(o.Status), Since: o.Since, Sweeps: o.Sweeps, SweptAt: o.SweptAt,
		})
	}
	return out, nil
}

func byStatus(counts map[order.Status]int) map[string]int {
	named := make(map[string]int, len(counts))
	for status, n := range counts {
		named[string(status)] = n
	}
	return named
}

func wirePoint(p recorder.Point) wire.Point {
	w := wire.Point{At: p.At, Accepted: p.Accepted, Ended: p.Ended}
	if p.Ended > 0 {
		w.P50, w.P99 = new(p.P50.Seconds()), new(p.P99.Seconds())
	}
	if p.Open >= 0 {
		w.Open = &p.Open
	}
	return w
}
