package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/api/client"
	"holdfast/order"
)

const (
	// drainLimit bounds the wait for the orders' ends: a hold lasts 15 minutes
	// unless set otherwise, and an order is due at its end.
	drainLimit = 20 * time.Minute
	// lateness is how far the counters may be behind the lists: an end is counted
	// just after the commit that makes it one.
	lateness = 2 * time.Second
	// between is the least time between two looks at the server.
	between = 20 * time.Millisecond
)

// drain waits until no order is open, and returns when that was and what the
// server had counted then. It learns so from figures and lists, since a question an
// order would be a load of its own.
func (r *run) drain(ctx context.Context) (at time.Time, after figures, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, drainLimit, errors.New("some orders have not ended"))
	defer cancel()
	tick := time.NewTicker(between)
	defer tick.Stop()
	for ended := -1; ; ended = after.ended {
		asked := time.Now()
		if after, err = r.look(ctx); err != nil {
			return at, after, cause(ctx, err)
		}
		// While figures move, a list would only tell the same at a higher price.
		if r.missing(after) == 0 || after.ended == ended {
			open, err := r.open(ctx)
			if err != nil {
				return at, after, cause(ctx, err)
			}
			if !open && at.IsZero() {
				at = asked
			}
			if !open && (r.missing(after) == 0 || asked.Sub(at) > lateness) {
				return at, after, nil
			}
		}
		tick.Reset(max(between, 5*time.Since(asked))) // a slow answer is a dear one
		select {
		case <-ctx.Done():
			return at, after, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// cause is why an error came about: the bound of the wait, if it was that.
func cause(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return err
}

// missing is how many orders have been accepted and have not ended, of those that
// the load was given a 202 for and of those that the server knows it gave one for,
// whichever are more.
func (r *run) missing(now figures) int {
	accepted := max(r.accepted, now.accepted-r.before.accepted)
	return max(0, accepted-(now.ended-r.before.ended))
}

// settleTime bounds the wait between two steps of a search.
const settleTime = time.Minute

// settle waits until the orders of a step have ended, so that the next begins with
// an idle server. Where some take longer, that step begins with them.
func (r *run) settle(ctx context.Context) (err error) {
	limit := time.Now().Add(settleTime)
	for {
		r.settled, err = r.look(ctx)
		if err != nil || r.missing(r.settled) == 0 || time.Now().After(limit) {
			return err
		}
		sleep(ctx, between)
	}
}

// open reports whether the server has any open order.
func (o Options) open(ctx context.Context) (bool, error) {
	c := o.client()
	for _, status := range order.Open {
		page, err := c.Orders(ctx, client.OrderFilter{Status: string(status), Limit: 1}, "")
		if err != nil || len(page.Orders) > 0 {
			return true, unanswered(ctx, err)
		}
	}
	return false, nil
}

const (
	// quietTime is how long a server may take, once every order has ended, for what
	// is left in its queues: a message that was sent again, of an order that has
	// ended, changes nothing but has to be read.
	quietTime = 30 * time.Second
	// looks is how many times in a row the queues must be seen empty: between
	// processes a message can slip from one queue to the next behind a look.
	looks = 5
)

// Quiet waits until the queues of a server are empty.
func Quiet(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, quietTime, errors.New("messages are left in its queues"))
	defer cancel()
	tick := time.NewTicker(between)
	defer tick.Stop()
	for empty := 0; ; {
		queues, err := client.New(url, nil).Queues(ctx)
		if err != nil {
			return cause(ctx, err)
		}
		if empty++; slices.ContainsFunc(queues, busy) {
			empty = 0
		}
		if empty == looks {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// busy reports whether a queue holds anything, as far as is known.
func busy(q client.Queue) bool {
	return q.Depth == nil || q.InFlight == nil || *q.Depth+*q.InFlight > 0
}

// plenty is the stock of each SKU of a load: more than any load sells.
const plenty = 1_000_000_000

func (o Options) client() *client.Client { return client.New(o.URL, nil).WithKey(o.APIKey) }

// stock counts plenty of every SKU that the load sells.
func (o Options) stock(ctx context.Context) error {
	c := o.client()
	units := int64(plenty)
	for i := range o.SKUs {
		_, err := c.SetStock(ctx, sku(i), client.StockCount{OnHand: &units, Price: &client.Money{Amount: 1999, Currency: "USD"}})
		switch {
		case errors.As(err, new(*client.Problem)):
			return fmt.Errorf("stock of %s could not be set: %w", sku(i), err)
		case err != nil:
			return fmt.Errorf("no server at %s: %w", o.URL, err)
		}
	}
	return nil
}
