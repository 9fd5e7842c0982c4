package emf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "write the golden files anew")

// figures are some of a process's, as system and cost have them.
type figures struct {
	*prometheus.Registry
	accepted  prometheus.Counter
	ended     *prometheus.CounterVec
	latency   prometheus.Histogram
	lag       *prometheus.HistogramVec
	ready     *prometheus.GaugeVec
	breaker   *prometheus.GaugeVec
	units     *prometheus.CounterVec
	itemWrite *prometheus.CounterVec
	other     prometheus.Counter
}

func newFigures() *figures {
	counters := func(name string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: "."}, labels)
	}
	gauges := func(name string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: "."}, labels)
	}
	f := &figures{
		Registry:  prometheus.NewPedanticRegistry(),
		accepted:  prometheus.NewCounter(prometheus.CounterOpts{Name: "holdfast_orders_accepted_total", Help: "."}),
		ended:     counters("holdfast_orders_ended_total", "status"),
		latency:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "holdfast_order_seconds", Help: ".", Buckets: []float64{.005, .025, .1, 2.5}}),
		lag:       prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "holdfast_queue_lag_seconds", Help: ".", Buckets: []float64{1, 10}}, []string{"queue"}),
		ready:     gauges("holdfast_queue_ready", "queue"),
		breaker:   gauges("holdfast_gateway_breaker_open", "operation"),
		units:     counters("holdfast_aws_write_units_total", "service", "table", "index", "operation"),
		itemWrite: counters("holdfast_aws_item_writes_total", "service", "resource", "operation"),
		other:     prometheus.NewCounter(prometheus.CounterOpts{Name: "go_something_total", Help: "."}),
	}
	f.MustRegister(f.accepted, f.ended, f.latency, f.lag, f.ready, f.breaker, f.units, f.itemWrite, f.other)
	return f
}

// lines is a writer's output, read back.
type lines struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(line)
}

// take is what has been written since.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.written.Reset()
	return l.written.String()
}

// next is the same, by service.
func (l *lines) next(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := make(map[string]map[string]any)
	for line := range strings.Lines(l.take()) {
		var doc map[string]any
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		service := doc["Service"].(string)
		if all[service] != nil {
			t.Errorf("two lines of one time for %s", service)
		}
		all[service] = doc
	}
	return all
}

func newWriter(gather prometheus.Gatherer) (*Writer, *lines) {
	out := new(lines)
	return &Writer{
		Out: out, Gather: gather, Service: "serve", Prefix: "holdfast",
		Now: func() time.Time { return time.UnixMilli(1_795_392_000_123) },
	}, out
}

func write(t *testing.T, w *Writer) {
	t.Helper()
	if err := w.Write(); err != nil {
		t.Fatal(err)
	}
}

func TestLinesAreInCloudWatchsFormat(t *testing.T) {
	f := newFigures()
	w, out := newWriter(f)
	f.accepted.Add(5)
	f.ended.WithLabelValues("COMPLETED").Add(3)
	f.ended.WithLabelValues("FAILED_NO_STOCK").Inc()
	for _, s := range []float64{.004, .02, .025, 9} {
		f.latency.Observe(s)
	}
	f.lag.WithLabelValues("payment").Observe(3)
	f.ready.WithLabelValues("payment").Set(7)
	f.breaker.WithLabelValues("capture").Set(1)
	f.units.WithLabelValues("order", "orders", "", "PutItem").Add(4.5)
	f.units.WithLabelValues("order", "orders", "by-due", "PutItem").Add(1)
	f.units.WithLabelValues("shared", "keys", "", "PutItem").Add(1)
	f.itemWrite.WithLabelValues("inventory", "stock", "UpdateItem").Add(2)
	f.itemWrite.WithLabelValues("inventory", "reservations", "PutItem").Add(9)
	write(t, w)
	got := []byte(out.take())

	golden := filepath.Join("testdata", "lines.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestCountersAreWrittenAsDifferences(t *testing.T) {
	f := newFigures()
	w, out := newWriter(f)
	f.accepted.Add(5)
	f.ready.WithLabelValues("order").Set(5)
	write(t, w)
	f.accepted.Add(2)
	f.ended.WithLabelValues("CANCELLED").Inc()
	out.take()
	write(t, w)
	order := out.next(t)["order"]
	if order["OrdersAccepted"] != 2.0 || order["OrdersCancelled"] != 1.0 || order["QueueReady"] != 5.0 {
		t.Errorf("after two more orders and one's end: %v", order)
	}
	write(t, w)
	if order = out.next(t)["order"]; order["OrdersAccepted"] != 0.0 || order["OrdersCancelled"] != 0.0 || order["QueueReady"] != 5.0 {
		t.Errorf("after nothing: %v", order)
	}
}

func TestWhatIsNotThereIsLeftOut(t *testing.T) {
	f := newFigures()
	w, out := newWriter(f)
	write(t, w)
	all := out.next(t)
	if order := all["order"]; len(all) != 1 || len(order) != 4 || order["OrdersAccepted"] != 0.0 {
		t.Errorf("a process in which nothing happened writes %v", all)
	}
	w, out = newWriter(prometheus.NewRegistry())
	write(t, w)
	if got := out.take(); got != "" {
		t.Errorf("a process without figures writes %s", got)
	}
}

func TestEveryMetricNamedIsThereAndNoOther(t *testing.T) {
	f := newFigures()
	w, out := newWriter(f)
	f.units.WithLabelValues("inventory", "stock", "", "PutItem").Add(1)
	f.lag.WithLabelValues("order").Observe(1)
	write(t, w)
	for service, doc := range out.next(t) {
		names := []string{"Prefix", "Service", "_aws"}
		directive := doc["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
		for _, m := range directive["Metrics"].([]any) {
			names = append(names, m.(map[string]any)["Name"].(string))
		}
		for name := range doc {
			if !slices.Contains(names, name) {
				t.Errorf("%s: %s is there and not named", service, name)
			}
		}
		if len(names) != len(doc) {
			t.Errorf("%s: %v are named, of which not all are there: %v", service, names, doc)
		}
	}
}

func TestADistributionHasWhatWasObservedSince(t *testing.T) {
	f := newFigures()
	w, out := newWriter(f)
	f.latency.Observe(.004)
	write(t, w)
	out.take()
	f.latency.Observe(.02)
	f.latency.Observe(.004)
	f.latency.Observe(2)
	write(t, w)
	want := map[string]any{
		"Values": []any{5.0, 25.0, 2500.0}, "Counts": []any{1.0, 1.0, 1.0}, "Max": 2500.0, "Min": 5.0, "Count": 3.0, "Sum": 2530.0,
	}
	if got := out.next(t)["order"]["OrderLatency"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	write(t, w)
	if got, there := out.next(t)["order"]["OrderLatency"]; there {
		t.Errorf("nothing was observed, and %v is written", got)
	}
}

func TestADistributionHasNoMoreValuesThanCloudWatchTakes(t *testing.T) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "holdfast_order_seconds", Help: ".", Buckets: prometheus.LinearBuckets(1, 1, 250),
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(h)
	w, out := newWriter(registry)
	for s := range 300 {
		h.Observe(float64(s) + .5)
	}
	write(t, w)
	got := out.next(t)["order"]["OrderLatency"].(map[string]any)
	values := got["Values"].([]any)
	if len(values) > maxValues || len(values) < maxValues/2 {
		t.Errorf("%d values", len(values))
	}
	var n float64
	for _, c := range got["Counts"].([]any) {
		n += c.(float64)
	}
	if n != 300 || got["Count"] != 300.0 || got["Max"] != 250_000.0 {
		t.Errorf("%v observations of 300, the highest %v", n, got["Max"])
	}
}

func TestTheLastLineIsWrittenAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFigures()
		w, out := newWriter(f)
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx, time.Minute) }()
		f.accepted.Add(3)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if got := out.take(); got != "" {
			t.Errorf("written before the minute: %s", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := out.next(t)["order"]["OrdersAccepted"]; got != 3.0 {
			t.Errorf("the first minute has %v orders, want 3", got)
		}
		f.accepted.Add(4)
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := out.next(t)["order"]["OrdersAccepted"]; got != 4.0 {
			t.Errorf("the last line has %v orders, want 4", got)
		}
	})
}

type shut struct{}

func (shut) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestAnOutputThatIsClosedEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newWriter(newFigures())
		w.Out = shut{}
		if err := w.Run(t.Context(), time.Minute); !errors.Is(err, os.ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestWhatCannotBeGatheredDoesNotKeepBackTheRest(t *testing.T) {
	f := newFigures()
	w, out := newWriter(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := f.Gather()
		return families, errors.Join(err, errors.New("one figure failed"))
	}))
	write(t, w)
	if out.next(t)["order"] == nil {
		t.Error("nothing was written")
	}
	w.Gather = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("all failed") })
	if err := w.Write(); err == nil {
		t.Error("nothing was gathered, and that was no error")
	}
}
