package cost

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// spent is a meter that has counted a million of each figure.
func spent() *Meter {
	m := NewMeter()
	m.add(at("h-orders", "PutItem"), figures{write: 1e6, itemWrites: 1e6, conditions: 1e6})
	m.add(line{"order", "orders", "by-due", "PutItem"}, figures{write: 1e6})
	m.add(at("h-stock", "TransactWriteItems"), figures{write: 1e6, itemWrites: 1e6, conflicts: 1e6, throttles: 1e6})
	m.add(at("h-keys", "GetItem"), figures{read: 1e6})
	m.add(at("https://sqs/1/h-payment", "ReceiveMessage"), figures{requests: 1e6, receives: 1e6, messages: 1e6})
	m.add(at("h-gateway", "PutItem"), figures{write: 1e6})
	return m
}

// near tells whether two sums of money are the same but for rounding.
func near(a, b float64) bool { return math.Abs(a-b) < 1e-9*max(1, math.Abs(b)) }

func TestAReportSaysWhatAMillionOrdersCost(t *testing.T) {
	r := spent().Report(500_000)
	if want := 3*0.625 + 0.125 + 0.40; !near(r.Total.USD, want) || !near(r.USDMillionOrders, 2*want) {
		t.Errorf("cost %v, a million orders %v; want %v and twice that", r.Total.USD, r.USDMillionOrders, want)
	}
	if r.Total.WriteUnits != 3e6 || r.PerOrder.WriteUnits != 6 || r.PerOrder.SQSRequests != 2 || r.StockItemWrites != 1e6 {
		t.Errorf("units are wrong: %+v", r)
	}
	var names []string
	for _, s := range r.Services {
		names = append(names, s.Name)
	}
	if got, want := strings.Join(names, " "), "inventory order payment shared"; got != want {
		t.Errorf("services %s, want %s", got, want)
	}
	if o := r.Services[1]; o.WriteUnits != 2e6 || !near(o.USD, 1.25) || len(o.Operations) != 2 || o.Operations[1].Index != "by-due" {
		t.Errorf("the order service's part: %+v", o)
	}
	if len(r.LeftOut) != 1 || r.LeftOut[0].Table != "h-gateway" || r.LeftOut[0].Units != 1e6 {
		t.Errorf("left out: %+v", r.LeftOut)
	}
}

func TestWithoutOrdersAReportDividesByNothing(t *testing.T) {
	out, err := json.Marshal(spent().Report(0))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "per_order") || strings.Contains(string(out), "usd_per_million_orders") {
		t.Errorf("an order's share of no orders: %s", out)
	}
}

// exposition is what the collectors' process answers to GET /metrics.
func exposition(t *testing.T, collectors ...prometheus.Collector) io.Reader {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collectors...)
	read, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, f := range read {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return &out
}

func endedOrders(byStatus map[string]float64) prometheus.Collector {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "holdfast_orders_ended_total", Help: "."}, []string{"status"})
	for status, n := range byStatus {
		c.WithLabelValues(status).Add(n)
	}
	return c
}

func TestAReportFromMetricsIsTheMeters(t *testing.T) {
	r, err := FromMetrics(exposition(t, spent(), endedOrders(map[string]float64{"COMPLETED": 9, "CANCELLED": 1, "REFUNDED": 5})))
	if err != nil {
		t.Fatal(err)
	}
	if want := spent().Report(10); !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
}

func TestProcessesAreSummed(t *testing.T) {
	r, err := FromMetrics(exposition(t, spent()), exposition(t, spent(), endedOrders(map[string]float64{"COMPLETED": 4})))
	if err != nil {
		t.Fatal(err)
	}
	twice := spent()
	for l, f := range spent().tally {
		twice.add(l, *f)
	}
	twice.leftOut["h-gateway"] *= 2
	if want := twice.Report(4); !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
}

func TestCallsAreCountedAtTheSameTimeAsTheyAreReported(t *testing.T) {
	m := NewMeter()
	var calling sync.WaitGroup
	for range 8 {
		calling.Go(func() {
			for range 100 {
				m.add(at("h-orders", "PutItem"), figures{write: 1})
				m.add(at("h-gateway", "PutItem"), figures{write: 1})
				m.Report(1)
			}
		})
	}
	exposition(t, m)
	calling.Wait()
	if r := m.Report(0); r.Total.WriteUnits != 800 || r.LeftOut[0].Units != 800 {
		t.Errorf("counted %+v and left out %+v, want 800 of each", r.Total, r.LeftOut)
	}
}

func TestWhatIsNoMetricsIsRefused(t *testing.T) {
	if _, err := FromMetrics(strings.NewReader("<html>not found</html>")); err == nil || !strings.Contains(err.Error(), "/metrics") {
		t.Errorf("a web page was read as metrics: %v", err)
	}
}

func TestDollarsAreAMetric(t *testing.T) {
	out, err := io.ReadAll(exposition(t, spent()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`holdfast_aws_usd_total{service="order"} 1.25`,
		`holdfast_aws_write_units_total{index="by-due",operation="PutItem",service="order",table="orders"} 1e+06`,
		`holdfast_aws_sqs_requests_total{operation="ReceiveMessage",queue="payment",service="payment"} 1e+06`,
		`holdfast_aws_left_out_units_total{table="h-gateway"} 1e+06`,
	} {
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("/metrics lacks %s:\n%s", want, out)
		}
	}
}

func TestTheLogHasOneLineOfIt(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	NewMeter().Report(3).Log(log)
	if out.Len() > 0 {
		t.Errorf("nothing was spent, and it was logged: %s", out.String())
	}
	spent().Report(1_000_000).Log(log)
	var got struct {
		Msg, Prices            string
		Write_units, USD       float64
		USD_per_million_orders float64
		Order                  struct{ Write_units float64 }
		Left_out               string
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if got.Write_units != 3e6 || !near(got.USD_per_million_orders, 2.4) || got.Order.Write_units != 2e6 || got.Left_out != "h-gateway" {
		t.Errorf("logged %s", out.String())
	}
}
