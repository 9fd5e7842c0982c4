package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/order"
)

// plenty is the stock of each SKU of a load: more than any load sells.
const plenty = 1_000_000_000

// stock counts plenty of every SKU that the load sells.
func (o Options) stock(ctx context.Context) error {
	for i := range o.SKUs {
		body := fmt.Appendf(nil, `{"on_hand":%d,"price":{"amount":1999,"currency":"USD"}}`, plenty)
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, o.URL+"/inventory/"+sku(i), bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("no server at %s: %w", o.URL, err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("stock of %s could not be set: status %d", sku(i), response.StatusCode)
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
		open, err := o.open(ctx)
		if err != nil {
			return drained{}, err
		}
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
		c, err := readCounters(ctx, o.URL)
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
	for _, status := range order.Open {
		var page struct {
			Orders []json.RawMessage `json:"orders"`
		}
		response, err := get(ctx, o.URL+"/orders?limit=1&status="+string(status))
		if err != nil {
			return false, err
		}
		err = json.NewDecoder(response.Body).Decode(&page)
		response.Body.Close()
		if err != nil || len(page.Orders) > 0 {
			return true, err
		}
	}
	return false, nil
}

// counters are the figures of /metrics that a load looks at.
type counters struct{ ended, completed int }

func readCounters(ctx context.Context, url string) (c counters, err error) {
	response, err := get(ctx, url+"/metrics")
	if err != nil {
		return c, err
	}
	defer response.Body.Close()
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
			return c, fmt.Errorf("metrics of %s: %w", url, err)
		}
		c.ended += int(n)
		if status == strconv.Quote(string(order.Completed)) {
			c.completed = int(n)
		}
	}
	return c, lines.Err()
}

func get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("the load was cut short: %w", ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("the server no longer answers: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s answered %s", url, response.Status)
	}
	return response, nil
}
