package system_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/engine/memory"
	"holdfast/event"
	"holdfast/order"
	"holdfast/system"
)

// silent starts an order service alone on a store with one open order that was
// placed a minute ago, and returns how many messages it has sent when all is at
// rest, after some more time.
func silent(t *testing.T, durable bool, more time.Duration) (sent int, metrics *prometheus.Registry) {
	e := &memory.New().Engine
	terms := order.Terms{Hold: 15 * time.Minute, Silence: 2 * time.Minute}
	placed := order.Service{Store: e.Orders, Terms: terms}
	request := order.Request{Caller: "local", UserID: "ann", OrderID: "o1", Lines: []event.Line{{SKU: "A123", Qty: 1}}}
	if _, err := placed.Place(t.Context(), system.Now(), []order.Request{request}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	metrics = prometheus.NewRegistry()
	queues := event.Queues{}
	for _, s := range event.Services {
		queues[s] = memory.NewQueue(1000)
	}
	s := system.New(system.Config{
		Engine: e, Services: []event.Service{event.Order}, Queues: queues, Terms: terms, DurableQueues: durable, SweepEvery: 5 * time.Second,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: metrics,
	})
	ctx, stop := context.WithTimeout(t.Context(), more)
	defer stop()
	s.Run(ctx)
	for _, q := range queues {
		d, err := q.Depth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sent += d.Ready
	}
	return sent, metrics
}

func TestAStartAsksAboutEveryOpenOrderUnlessItsQueuesAreDurable(t *testing.T) {
	for durable, want := range map[bool]int{false: 1, true: 0} {
		synctest.Test(t, func(t *testing.T) {
			if sent, _ := silent(t, durable, 10*time.Second); sent != want {
				t.Errorf("durable queues %t: %d messages sent at the start, want %d", durable, sent, want)
			}
		})
	}
}

func TestDurableQueuesSpareNoOrderTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if sent, _ := silent(t, true, 70*time.Second); sent != 1 {
			t.Errorf("%d messages sent once the order was silent too long, want 1", sent)
		}
	})
}

func TestAnOrderOpenLongAfterItsHoldIsCountedAsOverdue(t *testing.T) {
	overdue := func(more time.Duration) (n float64) {
		synctest.Test(t, func(t *testing.T) {
			_, metrics := silent(t, true, more)
			n = value(t, metrics, "holdfast_orders_overdue_total")
		})
		return n
	}
	// The hold ends 15 min after the order was placed; 32 min is the longest backoff.
	if n := overdue(40 * time.Minute); n != 0 {
		t.Errorf("%v overdue before the sweeper had its time", n)
	}
	if n := overdue(3 * time.Hour); n == 0 {
		t.Error("an order open for three hours is not overdue")
	}
}

// value is the value of a counter without labels.
func value(t *testing.T, metrics *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}
