// Package load measures a Holdfast server: it places orders over HTTP as many
// clients would, waits until every one that was accepted has ended, and says how
// fast that went and whether anything was lost.
package load

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"holdfast/gateway/simulated"
)

// Options say what to place.
type Options struct {
	URL      string
	APIKey   string        // for orders, stock and metrics; none if empty
	Clients  int           // connections, each with one order under way at a time
	Duration time.Duration // how long orders are placed
	SKUs     int           // over how many SKUs they spread, uniformly
	Keys     bool          // whether each order carries a random idempotency key
	Slow     float64       // share of orders, 0 to 1, whose card takes two seconds
}

// Result is what was measured. A latency is that of the 202.
type Result struct {
	Orders        int     `json:"orders"`          // answered with a 202
	Errors        int     `json:"errors"`          // answered with anything else, or not at all
	Lost          *int    `json:"lost,omitempty"`  // accepted, and not ended when the others had; nil if the server could not be asked
	DurationS     float64 `json:"duration_s"`      // from the first order's sending to the last one's end
	AcceptedPerS  float64 `json:"accepted_per_s"`  // while orders were being placed
	CompletedPerS float64 `json:"completed_per_s"` // COMPLETED orders over DurationS
	PlacingPerS   float64 `json:"placing_per_s"`   // orders COMPLETED while others were being placed
	P50Ms         float64 `json:"p50_ms"`
	P90Ms         float64 `json:"p90_ms"`
	P99Ms         float64 `json:"p99_ms"`
	P999Ms        float64 `json:"p999_ms"`
	MaxMs         float64 `json:"max_ms"`
	FirstError    string  `json:"first_error,omitempty"`

	// Of a private server only; filled in once it has ended.
	Processes int     `json:"processes,omitempty"`   // that it ran in
	PeakRSSMB float64 `json:"peak_rss_mb,omitempty"` // of all together, each at its own peak
	CPUS      float64 `json:"cpu_s,omitempty"`
	Breaches  *int    `json:"breaches,omitempty"` // that the audit named; nil without an audit
}

// Sound reports whether nothing was lost and no promise broken, as far as that
// was looked at.
func (r Result) Sound() bool {
	return (r.Lost == nil || *r.Lost == 0) && (r.Breaches == nil || *r.Breaches == 0)
}

// drainLimit bounds the wait for the orders' ends, past the time a hold lasts.
const drainLimit = 20 * time.Minute

// Run places orders for Options.Duration, waits until all have ended, and
// returns what it measured. It fails when the server cannot be asked; what was
// measured until then it returns nevertheless.
func Run(ctx context.Context, o Options) (Result, error) {
	server, err := url.Parse(o.URL)
	if err != nil || server.Host == "" {
		return Result{}, fmt.Errorf("%q is not the URL of a server, as http://127.0.0.1:8000", o.URL)
	}
	if err := o.stock(ctx); err != nil {
		return Result{}, err
	}
	before, err := o.readCounters(ctx)
	if err != nil {
		return Result{}, err
	}
	start := time.Now()
	customers := make([]customer, o.Clients)
	var placers sync.WaitGroup
	for i := range customers {
		customers[i] = customer{Options: o, server: server}
		placers.Go(func() { customers[i].placeUntil(ctx, start.Add(o.Duration)) })
	}
	placers.Wait()
	placing := time.Since(start)
	r := summarise(customers, placing)
	midway, err := o.readCounters(ctx)
	if err != nil {
		return r, err
	}
	r.PlacingPerS = float64(midway.completed-before.completed) / placing.Seconds()
	after, err := o.drain(ctx, before, start, r.Orders)
	if err != nil {
		return r, err
	}
	r.conclude(after)
	return r, nil
}

// tally is what one customer saw.
type tally struct {
	latencies  []time.Duration
	errors     int
	firstError string
}

// users is how many users the orders are for.
const users = 10_000

// customer places one order after another over a connection of its own.
type customer struct {
	Options
	tally
	server *url.URL
	conn   *conn // nil until dialled, and after an error
	body   []byte
}

// placeUntil places orders until the time is over, or the server is gone.
func (c *customer) placeUntil(ctx context.Context, end time.Time) {
	for ctx.Err() == nil && time.Now().Before(end) {
		if c.conn == nil {
			var err error
			if c.conn, err = dial(c.server, c.APIKey); err != nil {
				c.fail(err.Error())
				return
			}
		}
		c.place()
	}
	if c.conn != nil {
		c.conn.Close()
	}
}

// place places one order and notes how that went.
func (c *customer) place() {
	key := ""
	if c.Keys {
		key = strconv.FormatUint(rand.Uint64(), 36) + strconv.FormatUint(rand.Uint64(), 36)
	}
	method := simulated.Approve
	if c.Slow > 0 && rand.Float64() < c.Slow {
		method = simulated.Slow
	}
	c.body = fmt.Appendf(c.body[:0], `{"user_id":"user-%d","items":[{"sku":"%s","qty":1}],"payment_method":"%s"}`,
		rand.IntN(users), sku(rand.IntN(c.SKUs)), method)
	sent := time.Now()
	status, err := c.conn.post(key, c.body)
	switch {
	case err != nil:
		c.fail(err.Error())
		c.conn.Close()
		c.conn = nil
	case status != http.StatusAccepted:
		c.fail(fmt.Sprintf("status %d", status))
	default:
		c.latencies = append(c.latencies, time.Since(sent))
	}
}

func (t *tally) fail(reason string) {
	t.errors++
	t.firstError = cmp.Or(t.firstError, reason)
}

// sku is the name of the i-th SKU of a load.
func sku(i int) string { return fmt.Sprintf("LOAD-%04d", i) }

// conclude adds what the server counted by the end.
func (r *Result) conclude(d drained) {
	lost := max(0, r.Orders-d.ended)
	r.Lost = &lost
	r.DurationS = d.at.Seconds()
	r.CompletedPerS = float64(d.completed) / r.DurationS
}

// summarise puts together what the customers saw.
func summarise(customers []customer, placing time.Duration) Result {
	var all []time.Duration
	var r Result
	for _, t := range customers {
		all = append(all, t.latencies...)
		r.Errors += t.errors
		r.FirstError = cmp.Or(r.FirstError, t.firstError)
	}
	slices.Sort(all)
	r.Orders = len(all)
	r.AcceptedPerS = float64(len(all)) / placing.Seconds()
	at := func(q float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000
	}
	r.P50Ms, r.P90Ms, r.P99Ms, r.P999Ms, r.MaxMs = at(.5), at(.9), at(.99), at(.999), at(1)
	return r
}
