package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/api/client"
	"holdfast/order"
)

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

// drained is what the server counted, and when its last order had ended.
type drained struct {
	at        time.Duration // since the first order was sent
	ended     int
	completed int
}

// drain waits until no order is open, and returns what has ended since before.
// The server is asked for lists of open orders, a few times a second, since a
// question an order would be a load of its own.
func (o Options) drain(ctx context.Context, before counters, start time.Time, accepted int) (drained, error) {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		asked := time.Now()
		open, err := o.open(ctx)
		if err != nil {
			return drained{}, err
		}
		tick.Reset(max(20*time.Millisecond, 5*time.Since(asked))) // a slow answer is a dear one
		if !open {
			at := time.Since(start)
			after, err := o.counted(ctx, before.ended+accepted)
			return drained{at: at, ended: after.ended - before.ended, completed: after.completed - before.completed}, err
		}
		select {
		case <-ctx.Done():
			return drained{}, fmt.Errorf("some orders have not ended: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// counted reads the counters until they show so many ended orders, for a moment
// at most: the server counts an end just after the commit that makes it one.
func (o Options) counted(ctx context.Context, ended int) (counters, error) {
	enough := time.NewTimer(2 * time.Second)
	defer enough.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := o.readCounters(ctx)
		if err != nil || c.ended >= ended {
			return c, err
		}
		select {
		case <-enough.C:
			return c, nil
		case <-tick.C:
		}
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

// unanswered says of a request that got no answer whose doing that was.
func unanswered(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.As(err, new(*client.Problem)):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("the load was cut short: %w", ctx.Err())
	}
	return fmt.Errorf("the server no longer answers: %w", err)
}

// counters are the figures of /metrics that a load looks at.
type counters struct{ ended, completed int }

func (o Options) readCounters(ctx context.Context) (c counters, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.URL+"/metrics", nil)
	if err != nil {
		return c, err
	}
	if o.APIKey != "" {
		request.Header.Set("Authorization", "Bearer "+o.APIKey)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return c, unanswered(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return c, fmt.Errorf("%s answered %s", request.URL, response.Status)
	}
	const name = "holdfast_orders_ended_total{status="
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok {
			continue
		}
		status, value, _ := strings.Cut(rest, "} ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return c, fmt.Errorf("metrics of %s: %w", o.URL, err)
		}
		c.ended += int(n)
		if status == strconv.Quote(string(order.Completed)) {
			c.completed = int(n)
		}
	}
	return c, lines.Err()
}
