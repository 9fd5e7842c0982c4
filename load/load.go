// Package load measures a Holdfast server: it places orders over HTTP as many
// clients would, waits until every one that was accepted has ended, and says how
// fast that went and whether anything was lost.
//
//	schedule ─▶ customers ─▶ connections ─▶ the server
//	 when        what, and     HTTP/1.1         │
//	             again           │              │ /metrics, lists
//	                             ▼              ▼
//	                          histograms ─▶ watcher ─▶ Result, Report
//
// It shares its machine with the server it measures, so a request costs it as
// little as possible: bytes made by hand, no allocation, histograms in place of
// lists.
package load

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// Options say what to place.
type Options struct {
	URL      string
	Beside   []string      // other processes of the same Holdfast, whose /metrics count too
	APIKey   string        // for orders, stock and metrics; none if empty
	Rate     float64       // orders a second; Max or Saturate
	Clients  int           // connections, each with one request under way at a time
	Duration time.Duration // how long orders are placed
	Orders   int64         // how many are placed, instead of Duration; 0: as many as come
	SKUs     int           // over how many SKUs they spread
	Zipf     float64       // exponent, above 1, of the SKUs' popularity; 0: all alike
	Users    int           // over how many users they spread, uniformly
	Keys     bool          // whether each order carries a random idempotency key
	NoRetry  bool          // whether what is refused is dropped instead of sent again
	Slow     float64       // share of orders, 0 to 1, whose card takes two seconds
	Cancels  float64       // share of orders, 0 to 1, that are cancelled at once
	Polls    float64       // GET /orders/{id} for each order placed
	Lists    float64       // GET /orders?user_id= for each order placed

	LookEvery time.Duration // how often /metrics is read while orders are placed; 0: each second, below 0: never
	Progress  func(Sample)  // called once a second, if set
}

// Rates that are none.
const (
	Max      = 0.  // the highest that the server is found to hold
	Saturate = -1. // none: each connection sends its next request when the last is answered
)

// run is one load.
type run struct {
	Options
	dialer    *dialer
	customers []*customer
	count     *recorder
	before    figures // before the first order
	accepted  int     // orders answered with a 202 since then

	// What is being played now.
	now     string
	settled figures // when it began
	samples []Sample
}

// Run places orders, waits until all have ended, and returns what it measured. It
// fails when the server cannot be asked; what was measured until then it returns
// nevertheless.
func Run(ctx context.Context, o Options) (Result, error) {
	server, err := url.Parse(o.URL)
	if err != nil || server.Host == "" {
		return Result{}, fmt.Errorf("%q is not the URL of a server, as http://127.0.0.1:8000", o.URL)
	}
	if err := o.stock(ctx); err != nil {
		return Result{}, err
	}
	r := newRun(o, server)
	defer r.close()
	r.connect(ctx)
	if r.before, err = r.look(ctx); err != nil {
		return Result{}, err
	}
	if r.Rate == Max {
		if r.Rate, err = r.search(ctx); err != nil {
			return Result{}, err
		}
	}
	return r.hold(ctx)
}

func newRun(o Options, server *url.URL) *run {
	if o.LookEvery == 0 {
		o.LookEvery = second
	}
	r := &run{Options: o, dialer: newDialer(server), count: newRecorder()}
	for i := range o.Clients {
		r.customers = append(r.customers, &customer{mix: newMix(o, server), dialer: r.dialer, count: r.count.of(i)})
	}
	return r
}

// connect has all customers connect, so that the first orders need not wait for
// it. One that cannot will try again for its first request.
func (r *run) connect(ctx context.Context) {
	r.each(func(c *customer) { _ = c.connect(ctx) })
}

func (r *run) close() { r.each((*customer).hangUp) }

// each calls f for all customers at the same time.
func (r *run) each(f func(*customer)) {
	var all sync.WaitGroup
	for _, c := range r.customers {
		all.Go(func() { f(c) })
	}
	all.Wait()
}

// answerTime is how long after a schedule's end an answer is waited for.
const answerTime = 30 * time.Second

// play works a schedule off, and returns how long it took until the last answer.
// What was seen is in r.count.whole and r.samples.
func (r *run) play(ctx context.Context, s *schedule) time.Duration {
	ctx, cancel := context.WithDeadline(ctx, s.end.Add(grace+answerTime))
	defer cancel()
	stop := context.AfterFunc(ctx, r.dialer.cut)
	defer stop()
	r.count.begin()
	r.samples = nil
	w := &watcher{run: r, s: s, lately: newTally(), last: s.start, seen: r.settled, looked: s.start}
	watching, end := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { w.watch(watching) })
	r.each(func(c *customer) { c.work(ctx, s) })
	took := time.Since(s.start)
	end()
	watch.Wait()
	if time.Since(w.last) > second/2 {
		w.sample(ctx) // what the last full second left
	}
	r.count.collect(w.lately)
	r.accepted += int(r.count.whole.accepted)
	return took
}

// farOff is an end that no load comes to.
const farOff = 365 * 24 * time.Hour

// schedule is that of the load proper.
func (r *run) schedule(start time.Time) *schedule {
	orders := int64(unbounded)
	switch {
	case r.Orders > 0:
		orders = r.arrivals(r.Orders)
	case r.Rate != Saturate:
		orders = r.arrivals(max(1, int64(r.Rate*r.Duration.Seconds())))
	}
	switch {
	case r.Rate != Saturate:
		return openLoop(start, r.Rate*r.perOrder(), orders)
	case r.Orders > 0:
		return closedLoop(start, start.Add(farOff), orders)
	}
	return closedLoop(start, start.Add(r.Duration), orders)
}

// hold plays the load proper, which alone is reported, and waits for its end.
func (r *run) hold(ctx context.Context) (Result, error) {
	if err := r.settle(ctx); err != nil {
		return Result{}, err
	}
	r.now = ""
	s := r.schedule(time.Now())
	cpu := ownCPU()
	took := r.play(ctx, s)
	result := r.summarise(s, took)
	at, after, err := r.drain(ctx)
	result.LoadCPUS = (ownCPU() - cpu).Seconds()
	if err != nil {
		return result, err
	}
	result.conclude(r, at.Sub(s.start), after)
	return result, nil
}
