package system_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/order"
	"holdfast/payment"
	"holdfast/recorder"
	"holdfast/system"
)

// remembered is what is remembered of an order, a line an entry.
func (w *world) remembered(t *testing.T, id string) (lines []string) {
	t.Helper()
	o, err := w.engine.Orders.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range w.recorder.Of(o.Ref) {
		line := fmt.Sprintf("%s %s %s%s %s", e.Service, e.Kind, e.Event, e.Op, e.Outcome)
		if line = strings.TrimSpace(line); e.Count > 1 {
			line += fmt.Sprint(" ", e.Count)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestTheWayOfAnOrderIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		defer w.stop()
		synctest.Wait() // the sweeper has found nothing to take up
		w.count(t, "A123", 10)
		w.place(t, "slow", "A123", 1, simulated.Slow)
		time.Sleep(11 * time.Second)
		want := []string{
			"inventory received OrderPlaced", "payment received StockReserved", "payment called capture captured",
			"inventory received PaymentCaptured", "order received StockSettled",
		}
		if got := w.remembered(t, "slow"); !slices.Equal(got, want) {
			t.Errorf("remembered:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		entries := w.recorder.Of(w.ref(t, "slow"))
		if took := entries[2].Took; took != 2*time.Second {
			t.Errorf("the call took %s, want 2s", took)
		}
		p := w.recorder.Hour()[0]
		if p.Accepted != 1 || p.Ended != 1 || p.P50.Round(100*time.Millisecond) != 2*time.Second || w.recorder.Ended()[order.Completed] != 1 {
			t.Errorf("the hour says %+v; ended %v", p, w.recorder.Ended())
		}
	})
}

func (w *world) ref(t *testing.T, id string) event.Ref {
	t.Helper()
	o, err := w.engine.Orders.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return o.Ref
}

// TestWhatAnOrderWaitsForIsRemembered: the gateway is asked again and again, and it is
// known when next.
func TestWhatAnOrderWaitsForIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		defer w.stop()
		synctest.Wait() // the sweeper has found nothing to take up
		w.count(t, "A123", 10)
		w.outage(t, time.Hour)
		w.place(t, "o1", "A123", 1, simulated.Approve)
		time.Sleep(3 * time.Second)
		asked, last := 0, recorder.Entry{}
		for _, e := range w.recorder.Of(w.ref(t, "o1")) {
			if e.Outcome == recorder.Unknown && e.Detail != "" {
				asked++
			}
			if e.Kind == recorder.Returned {
				last = e
			}
		}
		if asked < 3 || last.Count != asked || last.Event != event.StockReserved || !strings.Contains(last.Detail, "gateway") {
			t.Fatalf("asked %d times in vain; given back at last: %+v", asked, last)
		}
		time.Sleep(time.Until(last.Next.Add(time.Millisecond)))
		all := w.recorder.Of(w.ref(t, "o1"))
		next := slices.IndexFunc(all, func(e recorder.Entry) bool { return e.Kind == recorder.Received && e.Count == asked+1 })
		if next < 0 || all[next].At.Before(last.Next.Truncate(time.Millisecond)) {
			t.Errorf("not asked again at %s: %+v", last.Next, all)
		}
	})
}

// chatty is a gateway that answers nobody, and names the card in its error.
type chatty struct{ payment.Gateway }

func (chatty) Capture(_ context.Context, c payment.Charge) (payment.Answer, error) {
	return "", event.Errorf(event.Unavailable, "no route for card %s, try %s again", c.Method, c.Method)
}

// TestAPaymentMethodIsNeverSpokenOf: not in the log, nor in what is remembered.
func TestAPaymentMethodIsNeverSpokenOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		w := openAs(t, engines["memory"](t), func(c *system.Config) {
			c.Gateway, c.Log = chatty{c.Gateway}, slog.New(slog.NewTextHandler(&log, nil))
		})
		w.count(t, "A123", 10)
		w.place(t, "o1", "A123", 1, "pm_4242")
		time.Sleep(time.Minute)
		w.stop()
		said := log.String()
		for _, e := range w.recorder.Of(w.ref(t, "o1")) {
			said += e.Detail
		}
		if strings.Contains(said, "4242") || strings.Count(said, "no route for card") < 3 {
			t.Errorf("said: %s", said)
		}
	})
}

func TestADeadLettersReasonIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		defer w.stop()
		synctest.Wait() // the sweeper has found nothing to take up
		w.count(t, "A123", 10)
		w.place(t, "o1", "A123", 1, simulated.Approve)
		w.end(t, "o1")
		returned := event.New(event.StockReturned, w.ref(t, "o1"), time.Now()) // of what nobody refunded
		if err := w.Queues.Send(t.Context(), []event.Event{returned}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		all := w.recorder.Of(returned.Ref)
		letter, err := w.engine.DeadLetters[event.Order].Get(t.Context(), returned.ID())
		if last := all[len(all)-1]; err != nil || last.Kind != recorder.Dead || last.Service != event.Order || last.Event != event.StockReturned || last.Detail != letter.Reason {
			t.Errorf("remembered at last %+v; the letter is %+v, %v", last, letter, err)
		}
	})
}

// alone runs an order service alone, whose questions nobody answers, with an open
// order in its store.
func alone(t *testing.T, costs bool, tally func(order.Tally, error) (order.Tally, error)) (r *recorder.Recorder, stop func()) {
	e := memory.New().Engine
	e.Orders = tallied{e.Orders, tally}
	queues := event.Queues{}
	for _, s := range event.Services {
		queues[s] = memory.NewQueue(1000)
	}
	r = recorder.New(system.Now)
	s := system.New(system.Config{
		Engine: &e, Services: []event.Service{event.Order}, Queues: queues, DurableQueues: true, CountingCosts: costs,
		Terms: order.Terms{Hold: 15 * time.Minute, Silence: 2 * time.Minute},
		Log:   slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Recorder: r,
	})
	w := &world{System: s, engine: &e}
	w.place(t, "o1", "A123", 1, "")
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	return r, func() { cancel(); running.Wait() }
}

// tallied is a store whose counts a test sees, and may change.
type tallied struct {
	order.Store
	tally func(order.Tally, error) (order.Tally, error)
}

func (s tallied) Tally(ctx context.Context) (order.Tally, error) {
	return s.tally(s.Store.Tally(ctx))
}

func TestTheSweepersQuestionsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := alone(t, false, func(t order.Tally, err error) (order.Tally, error) { return t, err })
		defer stop()
		time.Sleep(7 * time.Minute)
		all := r.Of(event.Ref{Number: 1})
		for i, e := range all {
			if e.Kind != recorder.Swept || e.Count != i+1 || i > 0 && e.At.Sub(all[i-1].Next) > 200*time.Millisecond {
				t.Errorf("question %d: %+v", i+1, e)
			}
		}
		if _, n := r.Overdue(10); len(all) != 2 || n != 0 {
			t.Errorf("%d questions in seven minutes, %d orders overdue; want 2 and none", len(all), n)
		}
		time.Sleep(3 * time.Hour)
		if late, n := r.Overdue(10); n != 1 || late[0].OrderID != "o1" || late[0].Sweeps < 5 || time.Since(late[0].SweptAt) > 32*time.Minute {
			t.Errorf("after three hours: %d overdue, %+v", n, late)
		}
	})
}

func TestOpenOrdersAreCountedAtEachIntervalsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		r, stop := alone(t, false, func(t order.Tally, err error) (order.Tally, error) {
			if fails.Load() {
				return t, event.Errorf(event.Unavailable, "the store is down")
			}
			return t, err
		})
		time.Sleep(21 * time.Second)
		fails.Store(true)
		time.Sleep(10 * time.Second)
		fails.Store(false)
		time.Sleep(10 * time.Second)
		var open []int
		for _, p := range r.Hour() {
			open = append(open, p.Open)
		}
		if !slices.Equal(open, []int{1, 1, -1, 1}) {
			t.Errorf("open: %v, want 1 but for the third interval, which could not be counted", open)
		}
		stop()
		time.Sleep(time.Minute)
		if points := r.Hour(); points[len(points)-1].Open != -1 {
			t.Error("it counts on after its end")
		}
	})
}

func TestWhereCountingCostsMoneyOpenOrdersAreCountedOnceAMinuteWhileSomebodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counts atomic.Int64
		r, stop := alone(t, true, func(t order.Tally, err error) (order.Tally, error) { counts.Add(1); return t, err })
		defer stop()
		time.Sleep(time.Hour)
		if n := counts.Load(); n != 0 {
			t.Errorf("counted %d times while nobody looked", n)
		}
		r.Hour()
		time.Sleep(recorder.Interval + time.Second)
		if n := counts.Load(); n != 1 {
			t.Errorf("counted %d times once somebody looked, want 1", n)
		}
		for range 10 * 60 {
			r.Hour()
			time.Sleep(time.Second)
		}
		looked := counts.Load()
		if looked < 9 || looked > 11 {
			t.Errorf("counted %d times in ten minutes", looked)
		}
		time.Sleep(time.Hour)
		if more := counts.Load() - looked; more > 1 {
			t.Errorf("counted %d times more when nobody looked", more)
		}
	})
}

func TestTheBreakersAreToldWherePaymentsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openAs(t, engines["memory"](t), func(c *system.Config) { c.Gateway = mute{c.Gateway} })
		defer w.stop()
		w.count(t, "A123", 100)
		want := map[event.Op]string{event.Capture: "closed", event.Void: "closed", event.Refund: "closed"}
		if got := w.Breakers(); !maps.Equal(got, want) {
			t.Errorf("at first %v", got)
		}
		for i := range 20 {
			w.place(t, fmt.Sprint("o", i), "A123", 1, "")
		}
		synctest.Wait()
		want[event.Capture] = "open"
		if got := w.Breakers(); !maps.Equal(got, want) {
			t.Errorf("the gateway captures nothing: %v", got)
		}
		s := system.New(system.Config{
			Engine: w.engine, Services: []event.Service{event.Order}, Queues: w.Queues, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		})
		if got := s.Breakers(); got != nil {
			t.Errorf("without the payment service: %v", got)
		}
	})
}

// mute is a gateway that captures nothing.
type mute struct{ payment.Gateway }

func (mute) Capture(context.Context, payment.Charge) (payment.Answer, error) {
	return "", errors.New("no answer")
}
