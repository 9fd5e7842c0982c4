package system

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/event"
	"holdfast/gateway"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/recorder"
)

// observer tells a person and a monitor what the services did. Services hand it
// their records as they change; it never blocks them.
type observer struct {
	log      *slog.Logger
	pace     pace
	changed  func(order.Order)
	recorder *recorder.Recorder

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
	o.recorder.Changed(c)
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

func (o *observer) answer(c event.Call, asked time.Time, answer event.Event, err error) {
	took := time.Since(asked)
	_, word, _ := strings.Cut(string(answer.Type), ": ")
	o.answers.WithLabelValues(string(c.Op), word).Inc()
	if gateway.HeldBack(err) {
		word = recorder.HeldBack
	}
	o.recorder.Note(c.Ref, recorder.Entry{
		At: asked.Add(took), Service: event.Payment, Kind: recorder.Called, Op: c.Op, Outcome: word, Detail: words(err), Took: took,
	})
	if err != nil {
		o.say("gateway answer unknown", answer, slog.String("operation", string(c.Op)), slog.Any("error", err))
	}
}

// discreet is a gateway's error without the payment method, which it may name.
type discreet struct {
	error
	method string
}

func (d discreet) Error() string {
	if d.method == "" {
		return d.error.Error()
	}
	return strings.ReplaceAll(d.error.Error(), d.method, "…")
}

// Unwrap returns what the gateway said.
func (d discreet) Unwrap() error { return d.error }

// words is what an error says to a person; nothing if there is none.
func words(err error) string {
	switch {
	case err == nil:
		return ""
	case gateway.HeldBack(err):
		return "not asked, since the gateway does not answer others"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in the time allowed"
	case errors.Is(err, context.Canceled):
		return "given up, since the process was to stop"
	}
	return err.Error()
}

// received hears of messages that a service is about to handle.
func (o *observer) received(s event.Service, lag prometheus.Observer, now time.Time, batch iter.Seq[*event.Delivery]) {
	o.recorder.Received(s, batch)
	for d := range batch {
		if d.Count == 1 {
			lag.Observe(now.Sub(d.Event.At).Seconds())
		}
	}
}

// returned hears of a message that is given back.
func (o *observer) returned(s event.Service, d *event.Delivery, after time.Duration, why error) {
	o.retried.WithLabelValues(string(s)).Inc()
	o.recorder.Note(d.Event.Ref, recorder.Entry{
		Service: s, Kind: recorder.Returned, Event: d.Event.Type, Detail: words(why), Count: d.Count, Next: Now().Add(after),
	})
}

// buried hears of a message that was dead-lettered.
func (o *observer) buried(s event.Service, l event.DeadLetter) {
	o.died(s)
	o.recorder.Note(l.Event.Ref, recorder.Entry{Service: s, Kind: recorder.Dead, Event: l.Event.Type, Detail: l.Reason, Count: l.Count})
}

// silent hears of an order that the sweeper asks about, with when it asks again.
func (o *observer) silent(c order.Order) {
	o.swept.Inc()
	o.recorder.Note(c.Ref, recorder.Entry{Service: event.Order, Kind: recorder.Swept, Count: c.Attempts, Next: c.Due})
	since := c.HoldUntil
	if changed := c.UpdatedAt(); changed.After(since) {
		since = changed // a refund may begin long after the hold's end
	}
	if Now().Sub(since) > o.patience {
		o.overdue.Inc()
		o.recorder.Late(c, since)
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
