package aws_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/cost"
	"holdfast/emulator"
	"holdfast/engine/aws"
	"holdfast/event"
	"holdfast/gateway/simulated"
	"holdfast/inventory"
	"holdfast/order"
	"holdfast/system"
	"holdfast/worker"
)

// load is how orders come in.
type load struct {
	skus    int
	receive int           // messages received at a time at most; 0: as many as there are
	pace    time.Duration // between two orders; 0: all are there before the services begin
}

// BenchmarkOrderCost measures what a one-line order costs from its acceptance to
// COMPLETED, all three services in one process, by the meter: write units, read
// units, SQS requests, and US dollars a million orders. Each iteration is an order.
func BenchmarkOrderCost(b *testing.B) {
	for name, l := range map[string]load{
		"OneSKU":          {skus: 1},
		"ThousandSKUs":    {skus: 1000},
		"ReceivesOfThree": {skus: 1, receive: 3},
		"OneASecond":      {skus: 1, pace: time.Second},
	} {
		b.Run(name, l.measure)
	}
}

func (l load) measure(b *testing.B) {
	w := openWorld(b, l)
	w.stock(b, l.skus, b.N)
	spent := w.meter.Report(0)
	b.ResetTimer()
	if l.pace == 0 {
		for placed := 0; placed < b.N; placed += 100 {
			w.place(b, l, placed, min(placed+100, b.N))
		}
		w.start(b)
	} else {
		w.start(b)
		beat := time.NewTicker(l.pace)
		defer beat.Stop()
		for i := range b.N {
			w.place(b, l, i, i+1)
			<-beat.C
		}
	}
	for range b.N {
		<-w.ended
	}
	w.stop() // what is acknowledged late counts too
	b.StopTimer()
	l.report(b, spent, w.meter.Report(int64(b.N)))
}

// report names what was spent an order, beyond what was spent before.
func (l load) report(b *testing.B, before, r cost.Report) {
	n := float64(b.N)
	b.ReportMetric((r.Total.WriteUnits-before.Total.WriteUnits)/n, "write-units/order")
	b.ReportMetric((r.Total.ReadUnits-before.Total.ReadUnits)/n, "read-units/order")
	b.ReportMetric((r.Total.SQSRequests-before.Total.SQSRequests)/n, "sqs-requests/order")
	b.ReportMetric((r.Total.USD-before.Total.USD)/n*1e6, "usd/million-orders")
	b.ReportMetric((r.StockItemWrites-before.StockItemWrites)/n, "stock-item-writes/order")
	if testing.Verbose() {
		for _, s := range r.Services {
			for _, o := range s.Operations {
				b.Logf("%-10s %-24s %-8s %-28s %8.3f WU %8.3f RU %8.3f SQS an order; %.0f of %.0f receives full of messages, conditions %.0f, conflicts %.0f", s.Name, o.Resource, o.Index, o.Name,
					o.WriteUnits/n, o.ReadUnits/n, o.SQSRequests/n, o.Messages/10, o.Receives, o.Conditions, o.Conflicts)
			}
		}
	}
}

// world is a system on an emulator, with a meter.
type world struct {
	*system.System
	meter *cost.Meter
	ended chan struct{}
	stop  func()
}

func openWorld(b *testing.B, l load) *world {
	m := emulator.ForTest(b)
	w := &world{meter: cost.NewMeter(), ended: make(chan struct{}, b.N), stop: func() {}}
	config := m.Config()
	w.meter.Watch(&config)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	e, err := aws.Open(b.Context(), aws.Options{Config: config, Prefix: m.Fresh(b), Now: system.Now, Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	limits := worker.DefaultLimits
	limits.Batch = aws.Batch
	if l.receive > 0 {
		limits.Batch = l.receive
	}
	w.System = system.New(system.Config{
		Engine: &e.Engine, Queues: e.Queues, Gateway: &simulated.Gateway{Ledger: e.Ledger, Now: system.Now},
		Terms: order.Terms{Hold: time.Hour, Silence: time.Hour}, Limits: limits, DurableQueues: true, SweepEvery: 5 * time.Second,
		Log: quiet, Metrics: prometheus.NewRegistry(),
		OrderChanged: func(o order.Order) {
			if o.Status.Ended() {
				w.ended <- struct{}{}
			}
		},
	})
	return w
}

func (w *world) start(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	w.stop = func() { cancel(); running.Wait() }
}

func sku(n int) string { return fmt.Sprintf("SKU-%04d", n) }

// stock counts enough of each SKU.
func (w *world) stock(b *testing.B, skus, orders int) {
	counts := make([]inventory.Count, skus)
	for i := range counts {
		counts[i] = inventory.Count{SKU: sku(i), OnHand: int64(orders), Price: event.Money{Amount: 1999, Currency: "USD"}, At: system.Now()}
	}
	if _, err := w.Inventory.Store.Count(b.Context(), counts); err != nil {
		b.Fatal(err)
	}
}

// place places the orders from one number to another, each of one unit, the SKUs
// in turn, by users of their own.
func (w *world) place(b *testing.B, l load, from, to int) {
	requests := make([]order.Request, 0, to-from)
	for n := from; n < to; n++ {
		requests = append(requests, order.Request{
			Caller: "local", UserID: fmt.Sprintf("user-%08d", n), Key: fmt.Sprintf("01938e0a-7c1f-7000-8000-%012d", n),
			Lines: []event.Line{{SKU: sku(n % l.skus), Qty: 1}}, PaymentMethod: "sim_approve",
		})
	}
	placed, err := w.Orders.Place(b.Context(), system.Now(), requests)
	if err != nil {
		b.Fatal(err)
	}
	events := make([]event.Event, len(placed))
	for i, p := range placed {
		if p.Err != nil {
			b.Fatal(p.Err)
		}
		events[i] = p.Send
	}
	if err := w.Queues.Send(b.Context(), events); err != nil {
		b.Fatal(err)
	}
}
