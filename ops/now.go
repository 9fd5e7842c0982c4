package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"holdfast/api/client"
)

// now is the first page: how all of it is doing.
type now struct {
	Overview  client.Overview
	Attention []alert
	Charts    []chart
	Figures   []figure
	Statuses  []statusCount
	// Stored says that Statuses count all orders that are stored; else those that ended
	// since the process began.
	Stored  bool
	Queues  []queueRow
	Gateway *client.Gateway
	Cost    *spent
}

// figure is a number to be read at a glance.
type figure struct{ Name, Value, Note string }

// statusCount is how many orders are in a status.
type statusCount struct {
	Status string
	Count  int
}

// spent is what AWS has cost: the part that the page shows of what holdfast cost --json
// prints.
type spent struct {
	Orders   int64 `json:"orders"`
	Total    usd   `json:"total"`
	Services []struct {
		Name string `json:"service"`
		usd
	} `json:"services"`
}

type usd struct {
	USD float64 `json:"usd"`
}

// Million is what a million orders cost at this rate, in US dollars.
func (s spent) Million(cost float64) float64 { return cost / float64(max(s.Orders, 1)) * 1e6 }

// health is what several pages ask for together.
type health struct {
	overview client.Overview
	queues   []client.Queue
	gateway  *client.Gateway
	cost     *spent
	silent   []alert // what could not be asked
}

func (p *Pages) now(r *http.Request, v viewer) (view, error) {
	h, err := askHealth(r.Context(), v.Client)
	if err != nil {
		return view{}, err
	}
	n := now{
		Overview: h.overview, Attention: attention(h), Charts: charts(h.overview), Figures: figures(h.overview),
		Queues: queueRows(h.queues), Gateway: h.gateway, Cost: h.cost,
	}
	n.Statuses, n.Stored = statusCounts(h.overview)
	return view{Title: "Now", Section: "Now", Body: n, Live: "/"}, nil
}

// askHealth asks for all at once: a process that does not answer holds up the others
// no longer than it must.
func askHealth(ctx context.Context, c *client.Client) (health, error) {
	var h health
	var asked sync.WaitGroup
	var overviewErr, queuesErr, gatewayErr error
	asked.Go(func() { h.overview, overviewErr = c.Overview(ctx) })
	asked.Go(func() { h.queues, queuesErr = c.Queues(ctx) })
	asked.Go(func() { h.cost = askCost(ctx, c) })
	asked.Go(func() { h.gateway, gatewayErr = askGateway(ctx, c) })
	asked.Wait()
	if queuesErr != nil {
		h.silent = append(h.silent, alert{Text: "The queues cannot be read: " + failureOf(queuesErr).Detail})
	}
	if gatewayErr != nil {
		h.silent = append(h.silent, alert{Text: "How the payment gateway is doing is not known: " + failureOf(gatewayErr).Detail})
	}
	return h, overviewErr
}

// gatewayTime is how long a page waits to hear of the gateway, which it can do without.
const gatewayTime = 2 * time.Second

func askGateway(ctx context.Context, c *client.Client) (*client.Gateway, error) {
	ctx, cancel := context.WithTimeout(ctx, gatewayTime)
	defer cancel()
	g, err := c.Gateway(ctx)
	if err != nil {
		return nil, err
	}
	return &g, nil
}

// askCost is nil where nothing is on AWS, and where it cannot be told now.
func askCost(ctx context.Context, c *client.Client) *spent {
	text, err := c.Cost(ctx)
	if err != nil {
		return nil
	}
	s := new(spent)
	if json.Unmarshal(text, s) != nil {
		return nil
	}
	return s
}

func figures(o client.Overview) []figure {
	all := []figure{
		{"Orders a second", "–", "accepted, over the last 10 s"},
		{"Typical time to the end", "–", "p50 of those that ended"},
		{"Slowest in a hundred", "–", "p99 of those that ended"},
		{"Open orders", "–", "not ended yet"},
	}
	if o.Open != nil {
		all[3].Value = count(*o.Open)
	}
	if len(o.Points) == 0 {
		return all
	}
	last := o.Points[len(o.Points)-1]
	all[0].Value = rate(float64(last.Accepted) / float64(o.IntervalSeconds))
	for _, p := range slices.Backward(o.Points) {
		if p.P50 == nil || p.P99 == nil {
			continue
		}
		all[1].Value, all[2].Value = duration(seconds(*p.P50)), duration(seconds(*p.P99))
		if !p.At.Equal(last.At) {
			all[1].Note, all[2].Note = "p50 of the latest, at "+clock(p.At, o.Now), "p99 of the latest, at "+clock(p.At, o.Now)
		}
		break
	}
	return all
}

// rate writes a number of orders a second.
func rate(perSecond float64) string {
	if perSecond < 10 && perSecond != math.Trunc(perSecond) {
		return fmt.Sprintf("%.1f", perSecond)
	}
	return count(int(math.Round(perSecond)))
}

func charts(o client.Overview) []chart {
	per, end := float64(max(o.IntervalSeconds, 1)), o.Now
	if n := len(o.Points); n > 0 {
		end = o.Points[n-1].At // so that a chart changes with its points, and not with each look
	}
	values := func(of func(client.Point) float64) []float64 {
		all := make([]float64, len(o.Points))
		for i, p := range o.Points {
			all[i] = of(p)
		}
		return all
	}
	return []chart{
		draw("Orders a second", end, o.Points, rate,
			series{"accepted", values(func(p client.Point) float64 { return float64(p.Accepted) / per })},
			series{"ended", values(func(p client.Point) float64 { return float64(p.Ended) / per })}),
		draw("Time to the end", end, o.Points, func(s float64) string { return duration(seconds(s)) },
			series{"p50", values(func(p client.Point) float64 { return known(p.P50) })},
			series{"p99", values(func(p client.Point) float64 { return known(p.P99) })}),
		draw("Open orders", end, o.Points, func(n float64) string { return count(int(n)) },
			series{"open", values(func(p client.Point) float64 { return known(p.Open) })}),
	}
}

// known is a value for a chart, NaN where it is not known.
func known[N int | float64](n *N) float64 {
	if n == nil {
		return math.NaN()
	}
	return float64(*n)
}

func statusCounts(o client.Overview) (counts []statusCount, stored bool) {
	from := o.ByStatus
	if stored = from != nil; !stored {
		from = o.EndedSince
	}
	for _, s := range statuses {
		if n, ok := from[s.Status]; ok || stored {
			counts = append(counts, statusCount{s.Status, n})
		}
	}
	return counts, stored
}

func (p *Pages) outage(r *http.Request, v viewer) (next, saying string, err error) {
	if r.PostFormValue("end") != "" {
		_, err = v.Client.GatewayOutage(r.Context(), 0)
		return "/", "outage-ended", err
	}
	_, err = v.Client.GatewayOutage(r.Context(), int64(outageTime.Seconds()))
	return "/", "outage-begun", err
}

// outageTime is how long the simulated gateway stays away at a press of the button.
const outageTime = time.Minute
