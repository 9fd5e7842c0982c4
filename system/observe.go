package system

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/event"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
)

// observer tells a person and a monitor what the services did. Services hand it
// their records as they change; it never blocks them.
type observer struct {
	log     *slog.Logger
	pace    pace
	changed func(order.Order)

	patience time.Duration // how long after its hold's end an open order counts as overdue

	accepted prometheus.Counter
	ended    *prometheus.CounterVec
	endToEnd prometheus.Histogram
	answers  *prometheus.CounterVec
	dead     *prometheus.CounterVec
	lag      *prometheus.HistogramVec
	retried  *prometheus.CounterVec
	swept    prometheus.Counter
	overdue  prometheus.Counter
}

func (o *observer) order(c order.Order, by event.Event) {
	if o.changed != nil {
		o.changed(c)
	}
	switch {
	case c.Status == order.Pending:
		o.accepted.Inc()
		o.say("order accepted", by, slog.String("user_id", c.UserID))
	case c.Status.Ended():
		o.ended.WithLabelValues(string(c.Status)).Inc()
		if c.Status != order.Refunded { // which is when the client chose to ask
			o.endToEnd.Observe(c.UpdatedAt().Sub(c.CreatedAt()).Seconds())
		}
		var why []slog.Attr
		if c.Reason != "" {
			why = []slog.Attr{slog.String("reason", c.Reason)}
		}
		o.say(ends[c.Status], by, why...)
	case c.Status == order.Reserved:
		o.say("order waits for its payment", by)
	default:
		o.say("order "+strings.ToLower(string(c.Status)), by)
	}
}

var ends = map[order.Status]string{
	order.Completed:     "order completed",
	order.FailedNoStock: "order failed: no stock",
	order.PaymentFailed: "order failed: payment declined",
	order.Cancelled:     "order cancelled",
	order.Refunded:      "order refunded",
}

var moves = map[inventory.State]string{
	inventory.Held:             "stock reserved",
	inventory.Rejected:         "stock rejected",
	inventory.Settled:          "stock settled",
	inventory.ReleasedDeclined: "stock released",
	inventory.ReleasedVoided:   "stock released",
	inventory.Returned:         "stock returned",
}

var outcomes = map[payment.State]string{
	payment.Captured: "payment captured",
	payment.Declined: "payment declined",
	payment.Voided:   "payment voided",
	payment.Refunded: "payment refunded",
}

func (o *observer) reservation(r inventory.Reservation, by event.Event) {
	if r.State == inventory.Rejected {
		o.say(moves[r.State], by, slog.String("reason", r.Reason))
		return
	}
	for i, l := range r.Lines {
		attrs := []slog.Attr{slog.String("sku", l.SKU), slog.Int64("qty", l.Qty)}
		if i < len(r.Left) {
			attrs = append(attrs, slog.Int64("remaining", r.Left[i]))
		}
		o.say(moves[r.State], by, attrs...)
	}
}

func (o *observer) payment(p payment.Payment, by event.Event) {
	if outcome, ok := outcomes[p.State]; ok {
		o.say(outcome, by, slog.Int64("amount", p.Amount.Amount), slog.String("currency", p.Amount.Currency))
	}
}

func (o *observer) answer(c event.Call, answer event.Event, err error) {
	_, word, _ := strings.Cut(string(answer.Type), ": ")
	o.answers.WithLabelValues(string(c.Op), word).Inc()
	if err != nil {
		o.say("gateway answer unknown", answer, slog.String("operation", string(c.Op)), slog.Any("error", err))
	}
}

// silent hears of an order that the sweeper asks about.
func (o *observer) silent(c order.Order) {
	o.swept.Inc()
	since := c.HoldUntil
	if changed := c.UpdatedAt(); changed.After(since) {
		since = changed // a refund may begin long after the hold's end
	}
	if Now().Sub(since) > o.patience {
		o.overdue.Inc()
	}
}

func (o *observer) died(s event.Service) { o.dead.WithLabelValues(string(s)).Inc() }

// say writes one line of an order's story, unless there are too many to read.
func (o *observer) say(message string, by event.Event, attrs ...slog.Attr) {
	if !o.log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	ok, left := o.pace.allow(time.Now())
	if left > 0 {
		o.log.Info("lines about orders were left out; --log-rate sets how many are logged in a second", "count", left)
	}
	if !ok {
		return
	}
	// A slice of its own, so that attrs need not outlive the call: most lines end above.
	line := append(make([]slog.Attr, 0, len(attrs)+3), attrs...)
	o.log.LogAttrs(context.Background(), slog.LevelInfo, message, append(line,
		slog.String("order_id", by.OrderID), slog.String("event_id", by.ID()), slog.String("trace_id", event.TraceID(by.OrderID)))...)
}

// pace counts the lines of the current second: nobody reads more than a few, and
// writing them all would cost more than the orders do.
type pace struct {
	rate   int // lines in a second at most; 0: all
	mu     sync.Mutex
	second int64
	lines  int
}

// allow reports whether one more line may be written now, and, with the first
// line of a second, how many were left out in the one before.
func (p *pace) allow(now time.Time) (ok bool, left int) {
	if p.rate == 0 {
		return true, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := now.Unix(); s != p.second {
		left = max(0, p.lines-p.rate)
		p.second, p.lines = s, 0
	}
	p.lines++
	return p.lines <= p.rate, left
}
