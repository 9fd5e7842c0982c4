package system_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/engine"
	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/recorder"
	"holdfast/system"
)

// world is a whole system, with everything that a test may want to reach into.
type world struct {
	*system.System
	engine   *engine.Engine
	gateway  *simulated.Gateway
	metrics  *prometheus.Registry
	changed  chan order.Order
	recorder *recorder.Recorder
	stop     func()
}

// open starts a system on the memory engine.
func open(t *testing.T) *world {
	t.Helper()
	return openOver(t, engines["memory"](t))
}

// openOver starts a system over an engine; outages, if given, say when each of
// its queues is down.
func openOver(t *testing.T, e *engine.Engine, outages ...func() bool) *world {
	t.Helper()
	return openAs(t, e, func(c *system.Config) {
		for s := range c.Queues {
			for _, down := range outages {
				c.Queues[s] = fragile{c.Queues[s], down}
			}
		}
	})
}

// openAs starts a system over an engine, made of what change leaves of the usual.
func openAs(t *testing.T, e *engine.Engine, change func(*system.Config)) *world {
	t.Helper()
	w := &world{
		engine: e, gateway: &simulated.Gateway{Ledger: e.Ledger, DeclineRate: 0.1, Now: system.Now},
		metrics: prometheus.NewRegistry(), changed: make(chan order.Order, 100_000), recorder: recorder.New(system.Now),
	}
	queues := event.Queues{}
	for _, s := range event.Services {
		queues[s] = memory.NewQueue(100_000)
	}
	c := system.Config{
		Engine: e, Queues: queues, Gateway: w.gateway,
		Terms: order.Terms{Hold: 15 * time.Minute, Silence: 30 * time.Second},
		Log:   slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: w.metrics,
		OrderChanged: func(o order.Order) { w.changed <- o }, Recorder: w.recorder,
	}
	change(&c)
	w.System = system.New(c)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	w.stop = func() { cancel(); running.Wait() }
	return w
}

func (w *world) count(t *testing.T, sku string, onHand int64) {
	t.Helper()
	_, err := w.Inventory.Count(t.Context(), inventory.Count{SKU: sku, OnHand: onHand, Price: event.Money{Amount: 1999, Currency: "USD"}, At: system.Now()})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) place(t *testing.T, id, sku string, qty int64, method string) {
	t.Helper()
	placed, err := w.Orders.Place(t.Context(), system.Now(), []order.Request{{
		Caller: "local", UserID: "test_user", OrderID: id, Lines: []event.Line{{SKU: sku, Qty: qty}}, PaymentMethod: method,
	}})
	if err != nil || placed[0].Err != nil {
		t.Error(err, placed)
		return
	}
	w.Queues.Send(t.Context(), []event.Event{placed[0].Send}) // the sweeper makes up for a failure
}

func (w *world) outage(t *testing.T, d time.Duration) {
	t.Helper()
	if err := w.gateway.Outage(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// fragile is a queue that is down now and then.
type fragile struct {
	event.Queue
	down func() bool
}

var errDown = event.Errorf(event.Unavailable, "the queue is down")

func (q fragile) Send(ctx context.Context, events []event.Event) error {
	if q.down() {
		return errDown
	}
	return q.Queue.Send(ctx, events)
}

func (q fragile) Receive(ctx context.Context, limit int, lease time.Duration) ([]event.Delivery, error) {
	if q.down() {
		return nil, errDown
	}
	return q.Queue.Receive(ctx, limit, lease)
}

func (q fragile) Ack(ctx context.Context, receipts ...string) error {
	if q.down() {
		return errDown
	}
	return q.Queue.Ack(ctx, receipts...)
}

func (q fragile) Depth(ctx context.Context) (event.Depth, error) {
	if q.down() {
		return event.Depth{}, errDown
	}
	return q.Queue.Depth(ctx)
}

// breakerOpened reports whether the breaker of captures is seen open within the
// next minute.
func (w *world) breakerOpened(t *testing.T) bool {
	t.Helper()
	for range 60 {
		families, err := w.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "holdfast_gateway_breaker_open" && m.GetLabel()[0].GetValue() == string(event.Capture) && m.GetGauge().GetValue() == 1 {
					return true
				}
			}
		}
		time.Sleep(time.Second) // virtual
	}
	return false
}

// end waits for the order to end and returns it.
func (w *world) end(t *testing.T, id string) order.Order {
	t.Helper()
	for o := range w.changed {
		if o.OrderID == id && o.Status.Ended() {
			return o
		}
	}
	panic("unreachable")
}

func TestEveryPaymentMethodEndsAsItSays(t *testing.T) {
	for method, want := range map[string]order.Status{
		simulated.Approve: order.Completed, simulated.Decline: order.PaymentFailed, simulated.Timeout: order.Completed,
		simulated.Slow: order.Completed, simulated.Flaky: order.Completed, simulated.Down: order.Cancelled,
	} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := open(t)
				defer w.stop()
				w.count(t, "A123", 10)
				w.place(t, "one", "A123", 2, method)
				o := w.end(t, "one")
				if o.Status != want {
					t.Errorf("ended %s (%s), want %s; history %v", o.Status, o.Reason, want, o.History)
				}

			})
		})
	}
}

func TestTheGatewayDownForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		defer w.stop()
		w.count(t, "A123", 100)
		w.outage(t, time.Hour)
		for i := range 40 {
			w.place(t, fmt.Sprintf("before%d", i), "A123", 1, simulated.Approve)
		}
		time.Sleep(9 * time.Minute) // virtual
		if !w.breakerOpened(t) {
			t.Error("the breaker of captures did not open")
		}
		for i := range 40 {
			w.place(t, fmt.Sprintf("during%d", i), "A123", 1, simulated.Approve)
		}
		time.Sleep(2 * time.Hour)
		for i := range 40 {
			// The hold of the first ended in the outage, unpaid; the last were placed
			// ten minutes into it and had five minutes more. Both ended unpaid.
			w.wantEnd(t, fmt.Sprintf("before%d", i), order.Cancelled)
			w.wantEnd(t, fmt.Sprintf("during%d", i), order.Cancelled)
		}
		w.place(t, "after", "A123", 1, simulated.Approve)
		time.Sleep(time.Minute)
		w.wantEnd(t, "after", order.Completed)
		w.wantNoneDead(t)
	})
}

func TestAnOutageShorterThanTheHoldCostsNoOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		defer w.stop()
		w.count(t, "A123", 100)
		w.outage(t, 10*time.Minute)
		for i := range 100 {
			w.place(t, fmt.Sprintf("o%d", i), "A123", 1, simulated.Approve)
		}
		time.Sleep(14 * time.Minute)
		for i := range 100 {
			w.wantEnd(t, fmt.Sprintf("o%d", i), order.Completed)
		}
		w.wantNoneDead(t)
	})
}

func TestTheQueuesDownForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		w := openOver(t, engines["memory"](t), func() bool {
			age := time.Since(begun)
			return age > time.Minute && age < 61*time.Minute
		})
		defer w.stop()
		w.count(t, "A123", 100)
		for i := range 66 { // one a minute: before, during and after the outage
			w.place(t, fmt.Sprint("o", i), "A123", 1, simulated.Approve)
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Hour)
		for i := range 66 {
			want := order.Cancelled // its hold ended in the outage
			if i < 2 || i > 46 {
				want = order.Completed
			}
			w.wantEnd(t, fmt.Sprint("o", i), want)
		}
		w.wantNoneDead(t)
		audited(t, w.engine)
	})
}

func TestRetriesExhaustedDeadLetterAndTheOrderStillEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		defer w.stop()
		w.count(t, "A123", 1000)
		w.place(t, "bad", "A123", 1, simulated.Down)
		for i := range 840 { // fourteen minutes in which the gateway answers others
			time.Sleep(time.Second)
			w.place(t, fmt.Sprintf("good%d", i), "A123", 1, simulated.Approve)
		}
		letters, err := w.engine.DeadLetters[event.Payment].List(t.Context(), "", 10)
		if err != nil || len(letters) != 1 || letters[0].Event.OrderID != "bad" {
			t.Fatalf("dead letters: %v, %v; want the one of the bad order", letters, err)
		}
		time.Sleep(5 * time.Minute)
		w.wantEnd(t, "bad", order.Cancelled)
		before := w.payment(t, letters[0].Event.Ref)
		w.Queues.Send(t.Context(), []event.Event{letters[0].Event}) // redriven after the order has ended
		time.Sleep(time.Minute)
		w.wantEnd(t, "bad", order.Cancelled)
		if after := w.payment(t, letters[0].Event.Ref); after != before {
			t.Errorf("the redrive changed the payment %+v to %+v", before, after)
		}
		audited(t, w.engine)
	})
}

func (w *world) payment(t *testing.T, ref event.Ref) payment.Payment {
	t.Helper()
	found, err := w.engine.Payments.Get(t.Context(), []event.Ref{ref})
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

func (w *world) wantEnd(t *testing.T, id string, want order.Status) {
	t.Helper()
	o, err := w.engine.Orders.Get(t.Context(), id)
	if err != nil || o.Status != want {
		t.Errorf("order %s: %s (%s), %v; want %s", id, o.Status, o.Reason, err, want)
	}
}

func (w *world) wantNoneDead(t *testing.T) {
	t.Helper()
	for s, letters := range w.engine.DeadLetters {
		if n, err := letters.Count(t.Context()); err != nil || n > 0 {
			t.Errorf("%s has %d dead letters, %v", s, n, err)
		}
	}
}
