package system

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/event"
	"holdfast/gateway"
)

func newObserver(c Config) *observer {
	o := &observer{
		log:      c.Log,
		pace:     pace{rate: c.LogRate},
		changed:  c.OrderChanged,
		recorder: c.Recorder,
		patience: c.Terms.MaxBackoff(),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_orders_accepted_total", Help: "Orders accepted since the start of the process.",
		}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_orders_ended_total", Help: "Orders that came to an end, by status; a refund ends an order a second time.",
		}, []string{"status"}),
		endToEnd: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "holdfast_order_seconds", Help: "Time from an order's creation to its first end.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 900, 3600},
		}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_gateway_answers_total", Help: "The gateway's answers, by operation and answer.",
		}, []string{"operation", "answer"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_dead_lettered_total", Help: "Messages dead-lettered since the start of the process, by queue.",
		}, []string{"queue"}),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "holdfast_queue_lag_seconds", Help: "Time from what a message tells of to its first receipt, by queue.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 900, 3600},
		}, []string{"queue"}),
		retried: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_messages_retried_total", Help: "Messages given back to come again, by queue.",
		}, []string{"queue"}),
		swept: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_orders_swept_total", Help: "Times the sweeper asked again about an order that was silent too long.",
		}),
		overdue: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_orders_overdue_total", Help: "Those of them that were open long after their hold had ended: something keeps them from their end.",
		}),
	}
	c.Metrics.MustRegister(o.accepted, o.ended, o.endToEnd, o.answers, o.dead, o.lag, o.retried, o.swept, o.overdue)
	return o
}

// registerBreaker adds a figure that is read when somebody asks for it.
func registerBreaker(metrics prometheus.Registerer, b *gateway.Breaker) {
	for _, op := range event.Ops {
		metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "holdfast_gateway_breaker_open", Help: "1 while calls of the operation are refused without asking the gateway.",
			ConstLabels: prometheus.Labels{"operation": string(op)},
		}, func() float64 {
			if b.Open(op) {
				return 1
			}
			return 0
		}))
	}
}

// queueFigures is a prometheus.Collector of the depths of the queues that are
// read here, and of what was dropped from here on the way to any.
type queueFigures struct {
	queues event.Queues
	read   []event.Service // whose queues are read here
	ask    []event.Service // whose queues may have dropped something, besides
}

func queueFigure(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("holdfast_queue_"+name, help, []string{"queue"}, nil)
}

var (
	queueReady    = queueFigure("ready", "Messages waiting to be received.")
	queueDelayed  = queueFigure("delayed", "Messages given back, to be received later.")
	queueInFlight = queueFigure("in_flight", "Messages received and not finished.")
	queueOldest   = queueFigure("oldest_seconds", "Age of the oldest message.")
	queueDropped  = queueFigure("dropped_total", "Messages of this process dropped because the queue was full; the sweeper brings them back.")
)

func (q queueFigures) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(q, ch) }

func (q queueFigures) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, s := range q.ask {
		d, err := q.queues[s].Depth(ctx)
		if err != nil {
			continue
		}
		figure := func(desc *prometheus.Desc, kind prometheus.ValueType, v float64) {
			ch <- prometheus.MustNewConstMetric(desc, kind, v, string(s))
		}
		figure(queueDropped, prometheus.CounterValue, float64(d.Dropped))
		if !slices.Contains(q.read, s) {
			continue
		}
		figure(queueReady, prometheus.GaugeValue, float64(d.Ready))
		figure(queueDelayed, prometheus.GaugeValue, float64(d.Delayed))
		figure(queueInFlight, prometheus.GaugeValue, float64(d.InFlight))
		if d.Oldest != event.UnknownAge {
			figure(queueOldest, prometheus.GaugeValue, d.Oldest.Seconds())
		}
	}
}
