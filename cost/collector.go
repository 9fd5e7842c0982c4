package cost

import (
	"github.com/prometheus/client_golang/prometheus"
)

// family is one metric of the meter: where it takes its value from, and where
// FromMetrics puts it back.
type family struct {
	name   string
	value  func(*figures) *float64
	labels func(line) []string
	desc   *prometheus.Desc
}

// What the metrics are labelled by.
var (
	unitLabels  = []string{"service", "table", "index", "operation"}
	queueLabels = []string{"service", "queue", "operation"}
	anyLabels   = []string{"service", "resource", "operation"}
)

func ofUnits(l line) []string { return []string{l.service, l.resource, l.index, l.operation} }
func ofOther(l line) []string { return []string{l.service, l.resource, l.operation} }

func newFamily(name, help string, names []string, labels func(line) []string, value func(*figures) *float64) family {
	name = "holdfast_aws_" + name
	return family{name, value, labels, prometheus.NewDesc(name, help, names, nil)}
}

var families = []family{
	newFamily("write_units_total", "DynamoDB write request units.", unitLabels, ofUnits, func(f *figures) *float64 { return &f.write }),
	newFamily("read_units_total", "DynamoDB read request units.", unitLabels, ofUnits, func(f *figures) *float64 { return &f.read }),
	newFamily("item_writes_total", "DynamoDB items written, one twice if it was written twice.", anyLabels, ofOther, func(f *figures) *float64 { return &f.itemWrites }),
	newFamily("sqs_requests_total", "SQS requests as billed: one for each started 64 KiB.", queueLabels, ofOther, func(f *figures) *float64 { return &f.requests }),
	newFamily("sqs_receives_total", "Attempts to receive from SQS.", queueLabels, ofOther, func(f *figures) *float64 { return &f.receives }),
	newFamily("sqs_messages_received_total", "Messages that receives from SQS brought.", queueLabels, ofOther, func(f *figures) *float64 { return &f.messages }),
	newFamily("conflicts_total", "DynamoDB requests refused for a transaction on an item of theirs.", anyLabels, ofOther, func(f *figures) *float64 { return &f.conflicts }),
	newFamily("failed_conditions_total", "DynamoDB requests refused by a condition.", anyLabels, ofOther, func(f *figures) *float64 { return &f.conditions }),
	newFamily("throttles_total", "DynamoDB and SQS requests refused for their rate, wholly or in part.", anyLabels, ofOther, func(f *figures) *float64 { return &f.throttles }),
}

const leftOutName = "holdfast_aws_left_out_units_total"

var (
	usdDesc     = prometheus.NewDesc("holdfast_aws_usd_total", "US dollars that this process has spent on requests to AWS, at the built-in prices.", []string{"service"}, nil)
	leftOutDesc = prometheus.NewDesc(leftOutName, "DynamoDB units on tables that are not Holdfast's, which no other figure has.", []string{"table"}, nil)
)

// Describe sends the descriptions of all the meter's metrics.
func (m *Meter) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families {
		ch <- f.desc
	}
	ch <- usdDesc
	ch <- leftOutDesc
}

// Collect sends what was counted so far. What was never counted has no metric.
func (m *Meter) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range families {
		for l, v := range f.collect(m.tally) {
			ch <- prometheus.MustNewConstMetric(f.desc, prometheus.CounterValue, v, f.labels(l)...)
		}
	}
	for _, s := range m.tally.services() {
		ch <- prometheus.MustNewConstMetric(usdDesc, prometheus.CounterValue, s.USD, s.Name)
	}
	for table, units := range m.leftOut {
		ch <- prometheus.MustNewConstMetric(leftOutDesc, prometheus.CounterValue, units, table)
	}
}

// collect is the family's values other than zero.
func (f family) collect(t tally) map[line]float64 {
	values := make(map[line]float64)
	for l, figures := range t {
		if v := *f.value(figures); v != 0 {
			values[l] = v
		}
	}
	return values
}
