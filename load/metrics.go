package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/api/client"
	"holdfast/order"
)

// figures are what a load looks at in /metrics, of all processes together.
type figures struct {
	accepted, ended, completed int
	cpu                        float64 // seconds
	queued                     map[string]int
	within                     []bucket // of holdfast_order_seconds
}

// bucket is how many orders ended within a time, in seconds.
type bucket struct {
	bound float64
	count float64
}

// look reads the figures of all processes.
func (o Options) look(ctx context.Context) (figures, error) {
	f := figures{queued: make(map[string]int)}
	for _, url := range append([]string{o.URL}, o.Beside...) {
		if err := o.lookAt(ctx, url, &f); err != nil {
			return f, err
		}
	}
	return f, nil
}

// lookTime bounds one look at /metrics.
const lookTime = 30 * time.Second

func (o Options) lookAt(ctx context.Context, url string, f *figures) error {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return err
	}
	if o.APIKey != "" {
		request.Header.Set("Authorization", "Bearer "+o.APIKey)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return unanswered(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", request.URL, response.Status)
	}
	return f.read(response.Body)
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

// read adds the figures of one process, in Prometheus's text format.
func (f *figures) read(text io.Reader) error {
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		series, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok {
			series, value, ok = strings.Cut(lines.Text(), " ")
		}
		if !ok || !strings.HasPrefix(series, "holdfast_") && !strings.HasPrefix(series, "process_") {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		name, label, _ := strings.Cut(series, "{")
		_, label, _ = strings.Cut(label, "=")
		f.take(name, strings.Trim(label, `"`), v)
	}
	return lines.Err()
}

// take adds one series, which has a label at most.
func (f *figures) take(name, label string, v float64) {
	switch name {
	case "holdfast_orders_accepted_total":
		f.accepted += int(v)
	case "holdfast_orders_ended_total":
		f.ended += int(v)
		if label == string(order.Completed) {
			f.completed += int(v)
		}
	case "process_cpu_seconds_total":
		f.cpu += v
	case "holdfast_queue_ready", "holdfast_queue_in_flight":
		f.queued[label] += int(v)
	case "holdfast_order_seconds_bucket":
		if bound, err := strconv.ParseFloat(label, 64); err == nil {
			f.within = append(f.within, bucket{bound, v})
		}
	}
}

// endToEnd is a quantile, 0 to 1, of the time from an order's creation to its first
// end, in milliseconds, as the server counted it between two looks. The server
// counts in buckets; within one the orders are taken to lie evenly, as Prometheus's
// histogram_quantile does. 0 if none ended.
func endToEnd(before, after figures, quantile float64) float64 {
	if len(before.within) != len(after.within) || len(after.within) == 0 {
		return 0
	}
	count := func(i int) float64 { return after.within[i].count - before.within[i].count }
	wanted := quantile * count(len(after.within)-1)
	var from, below float64
	for i, b := range after.within {
		n := count(i)
		switch {
		case n <= 0 || n < wanted:
			from, below = b.bound, n
		case math.IsInf(b.bound, 1):
			return from * 1000 // past the last bound: it is all that is known
		default:
			return 1000 * (from + (b.bound-from)*(wanted-below)/(n-below))
		}
	}
	return 0
}
